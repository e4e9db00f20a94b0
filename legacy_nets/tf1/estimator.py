"""``tf.estimator``, removed in TensorFlow 2.16: loads the package tensorflow-estimator instead.

Its last release, 2.15, is pure Python and needs three things that TensorFlow 2.21 lacks: modules
for training on many machines or TPUs (shims here, which raise when they are called), a decorator
that registered its names, and a ``tf.keras`` that is Keras 2 (tf_keras). The shims are in
``sys.modules`` only while the package is imported: no other code sees them.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow

from legacy_nets import tf1
from legacy_nets.errors import BadInputError, SetupError, join_lines
from legacy_nets.types import RunConfig as _RunConfig  # the module has a RunConfig of its own

_ESTIMATOR = "tensorflow_estimator.python.estimator"
_TPU = "tensorflow.python.tpu"
# What scripts use of the package; imported together, while the shims are installed.
_MODULES = ("api._v1.estimator", "api._v2.estimator", "estimator_lib", "early_stopping",
            "hooks.hooks", "canned.kmeans", "canned.rnn", "canned.parsing_utils", "canned.head",
            "canned.optimizers", "inputs.inputs", "keras_lib", "util",
            "tpu.tpu_estimator")  # fmt: skip
_REMOVED = {  # offered by 1.15 and dropped before 2.15, with what to take instead
    "BoostedTrees": "sklearn.ensemble.GradientBoostingClassifier or GradientBoostingRegressor",
}


class _ShimModule(types.ModuleType):
    """A shim for a module of TensorFlow; raises an error that names any attribute it lacks."""

    def __init__(self, name: str, **own: Any) -> None:
        super().__init__(name)
        vars(self).update(own)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__name__}.{name} was removed before TensorFlow {tensorflow.__version__}: "
            "run estimators on one machine without TPU"
        )


def _export(*_names: str, **_options: Any) -> Callable[[Any], Any]:
    """Replaces the decorator ``estimator_export``, whose registry was removed."""
    return lambda decorated: decorated


def _init_run_config(config: _RunConfig, tf_config: Mapping[str, object]) -> None:
    """Replaces ``init_run_config`` of 1.15, for the devices of this machine.

    Raises BadInputError for a strategy over several machines, ValueError for two strategies.
    """
    given = config._experimental_distribute
    for name in ("train_distribute", "eval_distribute"):
        strategy = getattr(given, name, None)
        if strategy and getattr(config, f"_{name}"):
            raise ValueError(f"Either `{name}` or`experimental_distribute.{name}` can be set.")
        if strategy:
            setattr(config, f"_{name}", strategy)
    if tf_config.get("cluster") or getattr(given, "remote_cluster", None):
        raise BadInputError(
            "tf.estimator.RunConfig: strategies over several machines are not offered: leave the "
            "cluster of TF_CONFIG and remote_cluster out"
        )
    config._distribute_coordinator_mode = None
    config._init_distributed_setting_from_environment_var(tf_config)
    config._maybe_overwrite_session_config_for_distributed_training()


def _make_shims() -> dict[str, types.ModuleType]:
    v2_keras = importlib.import_module("tf_keras.api._v2.keras")
    compat = tf1.ExtendedNamespace(
        tensorflow.compat,
        "tensorflow.compat",
        v1=tf1,
        v2=tf1.ExtendedNamespace(tensorflow.compat.v2, "tensorflow.compat.v2", keras=v2_keras),
    )
    parameters = ("Adagrad", "Adam", "Ftrl", "Momentum", "ProximalAdagrad", "RMSProp",
                  "StochasticGradientDescent")  # fmt: skip
    shims = (
        tf1.ExtendedNamespace(tensorflow, "tensorflow", keras=v2_keras, compat=compat),
        _ShimModule(f"{_ESTIMATOR}.estimator_export", estimator_export=_export),
        _ShimModule(
            "tensorflow.python.distribute.estimator_training",
            init_run_config=_init_run_config,
            should_run_distribute_coordinator=lambda config: False,
        ),
        _ShimModule(
            f"{_TPU}.tpu_embedding",
            **{f"{name}Parameters": type(f"{name}Parameters", (), {}) for name in parameters},
        ),
        _ShimModule(f"{_TPU}.tpu_embedding_gradient"),
        _ShimModule(f"{_TPU}.session_support"),
    )
    return {module.__name__: module for module in shims}


@contextlib.contextmanager
def _install_temporarily(modules: dict[str, types.ModuleType]) -> Iterator[None]:
    """Puts modules into ``sys.modules``, and restores the former ones at the end."""
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


def _import_estimator_modules() -> dict[str, Any]:
    """Imports the modules of tensorflow-estimator, by their path below its estimator package.

    Raises SetupError where the package is missing or is not 2.15.
    """
    try:
        with _install_temporarily(_make_shims()):
            return {path: importlib.import_module(f"{_ESTIMATOR}.{path}") for path in _MODULES}
    except (ImportError, AttributeError) as error:
        raise SetupError(
            f"tf.estimator needs the package tensorflow-estimator 2.15 ({join_lines(error)}): "
            "pip install tensorflow-estimator==2.15.0"
        ) from error


estimator_modules = _import_estimator_modules()
_api = estimator_modules["api._v1.estimator"]


def __getattr__(name: str) -> Any:
    for prefix, instead in _REMOVED.items():
        if name.startswith(prefix):
            raise AttributeError(
                f"tf.estimator.{name} is not offered: TensorFlow removed it before "
                f"tensorflow-estimator 2.15; use {instead}"
            )
    return getattr(_api, name)


def __dir__() -> list[str]:
    return [name for name in dir(_api) if not name.startswith("_")]
