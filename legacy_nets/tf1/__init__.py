"""TensorFlow 1.15's namespace on today's TensorFlow: ``from legacy_nets import tf1 as tf``.

Everything of ``tensorflow.compat.v1`` is here. What that lacks comes from the package
that still has it: ``tf.layers``, ``tf.nn.rnn_cell`` and ``tf.keras`` from tf_keras,
``tf.contrib`` from tf_slim (see ``legacy_nets/tf1/contrib``).

Importing this module flips no switch: eager mode, control flow and variables of the code
that is not built with it stay as they are. Nets are built inside ``with tf.Graph().as_default():``.
oneDNN, which 1.15 did not have, is off in this process unless TF_ENABLE_ONEDNN_OPTS is set.
"""

from __future__ import annotations

import functools
import importlib
import os
import pathlib
import sys
import types
import warnings
from typing import Any

from legacy_nets.errors import SetupError
from legacy_nets.processor import turn_onednn_off
from legacy_nets.tf1 import finder

TESTED = ("2.21", "2.22")  # TensorFlow from the first up to, not including, the second
_LEGACY = "tf_keras.api._v1.keras"  # Keras 2 as TensorFlow 1 knew it

_CHOOSES_KERAS = "TF_USE_LEGACY_KERAS"  # a variable of the environment that TensorFlow reads
_KERAS2_FOLDER = ("tf_keras", "api", "_v2")


def _import_tensorflow() -> types.ModuleType:
    """Imports TensorFlow, with tf_keras as the Keras that it loads at once.

    It would load Keras 3, which takes half a second and more where scikit-learn or matplotlib are
    installed. tf.keras, which TensorFlow loads on its first use, is the same as without this.
    """
    given = os.environ.get(_CHOOSES_KERAS)
    if "tensorflow" in sys.modules or given in ("1", "true", "True"):
        return importlib.import_module("tensorflow")
    os.environ[_CHOOSES_KERAS] = "1"
    try:
        tensorflow = importlib.import_module("tensorflow")
    finally:
        del os.environ[_CHOOSES_KERAS]
        if given is not None:
            os.environ[_CHOOSES_KERAS] = given
    folders = tensorflow.__path__  # "import tensorflow.keras" looks into them
    folders[:] = [name for name in folders if pathlib.Path(name or "").parts[-3:] != _KERAS2_FOLDER]
    return tensorflow


# With oneDNN, outputs differ from 1.15 by up to 6 % (layer norm in LSTM cells), and small nets take
# 2.5 times as long a step (large convolutions half as long). TF_ENABLE_ONEDNN_OPTS=1 turns it on.
try:
    with turn_onednn_off():
        _tf = _import_tensorflow()
except ImportError as error:
    raise SetupError(
        f"TensorFlow cannot be imported ({error}): "
        f"pip install 'tensorflow>={TESTED[0]},<{TESTED[1]}'"
    ) from error


def _check_versions(tensorflow: types.ModuleType) -> None:
    """Raises SetupError for a TensorFlow that is not tested, or for Keras 3 as tf.keras."""
    release = tuple(int(part) for part in tensorflow.__version__.split(".")[:2])
    low, high = (tuple(int(part) for part in bound.split(".")) for bound in TESTED)
    if not low <= release < high:
        raise SetupError(
            f"TensorFlow {tensorflow.__version__} is outside the range that legacy_nets is tested "
            f"with: pip install 'tensorflow>={TESTED[0]},<{TESTED[1]}'"
        )
    # tf.keras is a lazy loader until its first use; looking into its dict does not load it.
    if vars(vars(tensorflow)["keras"]).get("__name__", "").startswith("keras."):
        raise SetupError(
            "Keras 3 is already bound as tf.keras in this process, and its layers do not mix with "
            "TensorFlow 1's: import legacy_nets.tf1 before the first use of tf.keras, or start "
            "Python with TF_USE_LEGACY_KERAS=1"
        )


def _import_legacy_keras() -> types.ModuleType:
    try:
        return importlib.import_module(_LEGACY)
    except ImportError as error:
        raise SetupError(
            f"tf.layers, tf.nn.rnn_cell and tf.keras need the package tf_keras ({error}): "
            f"pip install 'tf_keras>={TESTED[0]},<{TESTED[1]}'"
        ) from error


def _alias_legacy_layers() -> None:
    """Registers tf_keras' legacy layers under the name that TensorFlow imports.

    ``tensorflow.python.layers.normalization`` (and slim.batch_norm through it) imports
    ``tf_keras.legacy_tf_layers``, which today lies in ``tf_keras.src.legacy_tf_layers``.
    """
    package = importlib.import_module("tf_keras.src.legacy_tf_layers")
    sys.modules.setdefault("tf_keras.legacy_tf_layers", package)
    for name in ("base", "convolutional", "core", "normalization", "pooling"):
        module = importlib.import_module(f"{package.__name__}.{name}")
        sys.modules.setdefault(f"tf_keras.legacy_tf_layers.{name}", module)


def _initialize_as_tf1() -> None:
    """Lets layers and RNN cells without an initializer of their own draw weights as TF1 did.

    TF1 uses the initializer of the variable scope, else Glorot's, with the graph's seed. tf_keras
    draws Glorot's from Python's random numbers, which tf.set_random_seed does not seed.
    """
    layer = importlib.import_module("tf_keras.src.legacy_tf_layers.base").Layer
    if hasattr(layer.add_weight, "__wrapped__"):
        return
    add_weight = layer.add_weight

    @functools.wraps(add_weight)
    def wrapped(
        self: Any, name: str, shape: Any, dtype: Any = None, initializer: Any = None, **more: Any
    ) -> Any:
        if initializer is None and not self._keras_style:
            initializer = self._scope.initializer or _v1.glorot_uniform_initializer()
        return add_weight(self, name, shape, dtype, initializer, **more)

    layer.add_weight = wrapped


class ExtendedNamespace(types.ModuleType):
    """A TensorFlow namespace with some names replaced."""

    def __init__(self, base: Any, name: str, **own: Any) -> None:
        super().__init__(name, base.__doc__)
        vars(self).update(own)
        self._base = base

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *dir(self._base)})


class _Version2(ExtendedNamespace):
    """``tf.compat.v2``, with ``tf.compat.v2.estimator``, which is imported on first use."""

    @property
    def estimator(self) -> types.ModuleType:
        """The estimators of TensorFlow 2's API, which 1.15 had here."""
        module = importlib.import_module(f"{__name__}.estimator")
        return module.estimator_modules["api._v2.estimator"]


_check_versions(_tf)
_v1 = _tf.compat.v1
keras = _import_legacy_keras()
_alias_legacy_layers()
_initialize_as_tf1()
importlib.import_module(f"{__name__}.speed").speed_up_graph_building()
layers = importlib.import_module(f"{_LEGACY}.__internal__.legacy.layers")
nn = ExtendedNamespace(
    _v1.nn,
    f"{__name__}.nn",
    rnn_cell=importlib.import_module(f"{_LEGACY}.__internal__.legacy.rnn_cell"),
)
# Scripts compare this version; tf.GIT_VERSION names the TensorFlow that really runs.
__version__ = VERSION = "1.15.5"
__git_version__ = GIT_VERSION = f"legacy_nets on TensorFlow {_tf.__version__}"
version = ExtendedNamespace(
    _v1.version, f"{__name__}.version", VERSION=VERSION, GIT_VERSION=GIT_VERSION
)
# "import tensorflow.compat.v1 as tf" means this namespace, too.
compat = ExtendedNamespace(_v1.compat, f"{__name__}.compat", v1=sys.modules[__name__])
vars(compat)["v2"] = _Version2(_v1.compat.v2, f"{__name__}.compat.v2", compat=compat)
# TensorFlow 1 code is what this package is for: no advice to stop using it.
for _advice in (r"`tf\.(layers|nn\.rnn_cell)\.", r"`layer\.apply` is deprecated"):
    warnings.filterwarnings("ignore", message=_advice, category=UserWarning)


finder.install()

_LAZY_MODULES = ("contrib", "estimator", "examples", "python")  # imported on first use


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(f"tf.{name} is not offered: {error}") from error
    if name == "__all__":  # for "from tensorflow import *"
        return [public for public in __dir__() if not public.startswith("_")]
    return getattr(_v1, name)


def __dir__() -> list[str]:
    return sorted({*_LAZY_MODULES, "keras", "layers", "nn", *dir(_v1)})
