"""``tf.estimator``: gone from TensorFlow since 2.16, carried from the package tensorflow-estimator.

Its last release, 2.15, is pure Python and wants three things that TensorFlow 2.21 lacks: modules
for training on many machines or TPUs (short stand-ins here, which refuse when they are really
called), a decorator that registered its names, and a ``tf.keras`` that is Keras 2 (tf_keras).
All of it is in ``sys.modules`` only while the package is imported: nobody else sees it.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow

from legacy_nets import tf1
from legacy_nets.errors import SetupError, join_lines

_ESTIMATOR = "tensorflow_estimator.python.estimator"
_TPU = "tensorflow.python.tpu"
# What scripts take from the package; imported together, since nothing of it can be later.
_MODULES = ("api._v1.estimator", "estimator_lib", "early_stopping", "hooks.hooks",
            "canned.kmeans", "canned.rnn", "canned.parsing_utils", "canned.head",
            "canned.optimizers", "inputs.inputs", "keras_lib", "util",
            "tpu.tpu_estimator")  # fmt: skip
_GONE = {  # offered by 1.15 and dropped before 2.15, with what to take instead
    "BoostedTrees": "sklearn.ensemble.GradientBoostingClassifier or GradientBoostingRegressor",
}


class _Refusing(types.ModuleType):
    """A stand-in for a module of TensorFlow: what it does not hold, it refuses by name."""

    def __init__(self, name: str, **own: Any) -> None:
        super().__init__(name)
        vars(self).update(own)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__name__}.{name} is gone from TensorFlow {tensorflow.__version__}: estimators "
            "run on one machine without TPU here"
        )


def _export(*_names: str, **_options: Any) -> Callable[[Any], Any]:
    """In the place of the decorator ``estimator_export``, whose registry is gone."""
    return lambda decorated: decorated


def _stand_ins() -> dict[str, types.ModuleType]:
    v2_keras = importlib.import_module("tf_keras.api._v2.keras")
    compat = tf1._Extended(
        tensorflow.compat,
        "tensorflow.compat",
        v1=tf1,
        v2=tf1._Extended(tensorflow.compat.v2, "tensorflow.compat.v2", keras=v2_keras),
    )
    parameters = ("Adagrad", "Adam", "Ftrl", "Momentum", "ProximalAdagrad", "RMSProp",
                  "StochasticGradientDescent")  # fmt: skip
    found = (
        tf1._Extended(tensorflow, "tensorflow", keras=v2_keras, compat=compat),
        _Refusing(f"{_ESTIMATOR}.estimator_export", estimator_export=_export),
        _Refusing(
            "tensorflow.python.distribute.estimator_training",
            should_run_distribute_coordinator=lambda config: False,
        ),
        _Refusing(
            f"{_TPU}.tpu_embedding",
            **{f"{name}Parameters": type(f"{name}Parameters", (), {}) for name in parameters},
        ),
        _Refusing(f"{_TPU}.tpu_embedding_gradient"),
        _Refusing(f"{_TPU}.session_support"),
    )
    return {module.__name__: module for module in found}


@contextlib.contextmanager
def _standing_in(modules: dict[str, types.ModuleType]) -> Iterator[None]:
    """Puts modules into ``sys.modules``, and afterwards what was there before."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _import_carried() -> dict[str, Any]:
    """The modules of tensorflow-estimator, by their path below its estimator package.

    Raises SetupError where the package is missing or is not 2.15.
    """
    try:
        with _standing_in(_stand_ins()):
            return {path: importlib.import_module(f"{_ESTIMATOR}.{path}") for path in _MODULES}
    except (ImportError, AttributeError) as error:
        raise SetupError(
            f"tf.estimator needs the package tensorflow-estimator 2.15 ({join_lines(error)}): "
            "pip install tensorflow-estimator==2.15.0"
        ) from error


carried = _import_carried()
_api = carried["api._v1.estimator"]


def __getattr__(name: str) -> Any:
    for gone, instead in _GONE.items():
        if name.startswith(gone):
            raise AttributeError(
                f"tf.estimator.{name} is not offered: TensorFlow dropped it before "
                f"tensorflow-estimator 2.15; take {instead}"
            )
    return getattr(_api, name)


def __dir__() -> list[str]:
    return [name for name in dir(_api) if not name.startswith("_")]
