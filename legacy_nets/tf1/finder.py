"""Lets every public module path of TensorFlow 1.15 be imported below ``legacy_nets.tf1``.

``import legacy_nets.tf1.contrib.slim.nets as nets``,
``from legacy_nets.tf1.python.framework import graph_util``: few of these paths have a file here.
A path without a file is looked up in today's packages, and entered in ``sys.modules`` under both
names. The launcher turns a script's ``tensorflow.a.b`` into ``legacy_nets.tf1.a.b``.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import pathlib
import sys
import types
from collections.abc import Sequence
from typing import Any

ROOT = "legacy_nets.tf1"
_INTERNALS = f"{ROOT}.internals"
_REMOVED = f"{_INTERNALS}.removed_functions"
_FOLDER = pathlib.Path(__file__).parent

# Modules of Keras 2.2; the package above each has their names, too.
KERAS_MODULES = frozenset(
    "advanced_activations base_layer conv_utils convolutional convolutional_recurrent core "
    "cudnn_recurrent data_utils embeddings generic_utils input_layer interfaces io_utils "
    "layer_utils local merge multi_gpu_utils network noise normalization np_utils pooling "
    "recurrent saving sequential tensorflow_backend topology training vis_utils wrappers".split()
)

# Today's module of a path of 1.15 (without "tensorflow."); the longest matching path counts.
# Below such a path, modules keep their relative names.
MOVED = {
    "core": "tensorflow.core",
    "python": "tensorflow.python",
    "tools": "tensorflow.python.tools",
    "lite.python": "tensorflow.lite.python",
    "python.context": "tensorflow.python.eager.context",
    "python.layers": "tf_keras.src.legacy_tf_layers",
    "python.estimator": "legacy_nets.tf1.estimator.python",  # which carries it before
    "estimator.python": "tensorflow_estimator.python.estimator",
    "python.keras": "tf_keras.src",
    "python.data.experimental.ops.threadpool": f"{_INTERNALS}.threadpool",
    "python.data.experimental.ops.distribute_options": "tensorflow.python.data.ops.options",
    "python.data.experimental.ops.optimization_options": "tensorflow.python.data.ops.options",
    "python.data.experimental.ops.threading_options": "tensorflow.python.data.ops.options",
    "python.distribute.all_reduce": "tensorflow.python.distribute.v1.all_reduce",
    "python.distribute.distribution_strategy_context": "tensorflow.python.distribute"
    ".distribute_lib",
    "python.eager.profiler": f"{_INTERNALS}.profiler",
    "python.feature_column.dense_features": "tf_keras.src.feature_column.dense_features",
    "python.feature_column.dense_features_v2": "tf_keras.src.feature_column.dense_features_v2",
    "python.keras.preprocessing.sequence": "tf_keras.api._v1.keras.preprocessing.sequence",
    "python.ops.rnn_cell": "legacy_nets.tf1.rnn_cells",
    "python.ops.rnn_cell_impl": "legacy_nets.tf1.rnn_cells",
    "python.ops.rnn_cell_wrapper_impl": "tf_keras.src.layers.rnn.cell_wrappers",
    "python.pywrap_tensorflow_internal": "tensorflow.python.pywrap_tensorflow",
    "python.tpu.tpu_config": "legacy_nets.tf1.contrib.tpu",
    "python.tpu.tpu_estimator": "legacy_nets.tf1.contrib.tpu",
    "python.training.distribute": "tensorflow.python.distribute.distribute_lib",
    "python.training.distribution_strategy_context": "tensorflow.python.distribute.distribute_lib",
    "python.training.gen_training_ops": "tensorflow.python.ops.gen_training_ops",
    "python.training.saving.functional_saver": "tensorflow.python.checkpoint.functional_saver",
    "python.training.tracking": "tensorflow.python.trackable",
    "python.training.tracking.graph_view": "tensorflow.python.checkpoint.graph_view",
    "python.training.tracking.tracking": "tensorflow.python.trackable.autotrackable",
    "python.training.tracking.util": "tensorflow.python.checkpoint.checkpoint",
    "python.training.training_ops": "tensorflow.python.ops.gen_training_ops",
    "python.util.deprecation_wrapper": "tensorflow.python.util.module_wrapper",
    "tools.graph_transforms": f"{_INTERNALS}.graph_transforms",
    "contrib.slim": "tf_slim",
    "contrib.slim.nets": "tf_slim.nets",
    "contrib.slim.python.slim": "tf_slim",
    "contrib.slim.python.slim.data": "tf_slim.data",
    "contrib.slim.python.slim.nets": "tf_slim.nets",
    "contrib.layers.python.layers": "tf_slim.layers",
    "contrib.framework.python.ops": "tf_slim.ops",
    "contrib.losses.python.losses": "tf_slim.losses",
    "contrib.metrics.python.ops": "tf_slim.metrics",
    "contrib.keras.api": "tf_keras.api._v1",
    "keras.engine": "tf_keras.api._v1.keras.layers",
    "contrib.learn.python.learn": "legacy_nets.tf1.contrib.learn",
    "contrib.timeseries.python.timeseries": "legacy_nets.tf1.contrib.timeseries",
}


# Private names that no public name replaces.
RENAMED = {
    "python.feature_column.feature_column_lib.DenseFeatures": "tf_keras.src.feature_column"
    ".dense_features:DenseFeatures",
    "python.feature_column.feature_column_v2.DenseFeatures": "tf_keras.src.feature_column"
    ".dense_features:DenseFeatures",
    "python.framework.common_shapes.unknown_shape": f"{_REMOVED}:unknown_shape",
    "python.framework.op_def_registry.get_registered_ops": f"{_REMOVED}:get_registered_ops",
    "python.framework.ops.RegisterShape": f"{_REMOVED}:RegisterShape",
    "python.framework.ops._TensorLike": "tensorflow.python.types.internal:NativeObject",
    "python.framework.ops.default_session": "tensorflow.python.framework.stack:default_session",
    "python.framework.ops.register_dense_tensor_like_type": f"{_REMOVED}"
    ":register_dense_tensor_like_type",
    "python.framework.tensor_shape.scalar": f"{_REMOVED}:scalar",
    "python.framework.tensor_shape.vector": f"{_REMOVED}:vector",
    "python.framework.tensor_shape.matrix": f"{_REMOVED}:matrix",
    **{
        f"python.keras.utils.generic_utils.{name}": f"tf_keras.api._v1.keras.utils:{name}"
        for name in (
            "CustomObjectScope",
            "custom_object_scope",
            "deserialize_keras_object",
            "get_custom_objects",
            "serialize_keras_object",
        )
    },
    "python.ops.resource_variable_ops._from_proto_fn": f"{_REMOVED}:_from_proto_fn",
    "python.ops.resource_variable_ops._to_proto_fn": f"{_REMOVED}:_to_proto_fn",
    "python.ops.variable_scope.variable": "legacy_nets.tf1:Variable",
    "python.ops.variables.RefVariable": "tensorflow.python.ops.ref_variable:RefVariable",
    "python.ops.variables.VariableV1": "legacy_nets.tf1:Variable",
    "python.pywrap_tensorflow.EventsWriter": f"{_INTERNALS}.events_writer:EventsWriter",
    "python.pywrap_tensorflow_internal.EventsWriter": f"{_INTERNALS}.events_writer:EventsWriter",
    "python.util.deprecation_wrapper.DeprecationWrapper": "tensorflow.python.util"
    ".module_wrapper:TFModuleWrapper",
    "python.util.nest.is_sequence": "tensorflow.python.util.nest:is_nested",
}
# A name that went from one private module to another is mostly public, here or there.
_PUBLIC = ("", "nn", "train", "math", "graph_util", "io", "linalg", "image", "random", "summary")


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what lies below ``legacy_nets.tf1`` and has no file of its own."""

    def __init__(self) -> None:
        self._pending: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Returns a spec for paths of TensorFlow 1.15 that have a replacement, else None."""
        if not fullname.startswith(ROOT + ".") or fullname in self._pending:
            return None
        if _has_file(fullname):
            return _find_package_spec(fullname, path)
        self._pending.add(fullname)  # an attribute that is imported lazily calls this again
        try:
            module = _find_module(fullname[len(ROOT) + 1 :])
        finally:
            self._pending.discard(fullname)
        if module is None:
            return None
        return importlib.machinery.ModuleSpec(
            fullname, self, loader_state=module, is_package=hasattr(module, "__path__")
        )

    def exec_module(self, module: types.ModuleType) -> None:
        """Replaces the empty module that Python has made by the one that was found."""
        spec = module.__spec__
        assert spec is not None
        sys.modules[spec.name] = spec.loader_state


def _find_package_spec(
    fullname: str, path: Sequence[str] | None
) -> importlib.machinery.ModuleSpec | None:
    """Returns the spec of a file as a package: ``contrib/crf.py`` was one, with modules below."""
    spec = importlib.machinery.PathFinder.find_spec(fullname, path)
    if spec is not None and spec.submodule_search_locations is None:
        spec.submodule_search_locations = []
    return spec


def _has_file(fullname: str) -> bool:
    stem = _FOLDER.joinpath(*fullname.split(".")[2:])
    return stem.with_suffix(".py").is_file() or (stem / "__init__.py").is_file()


def _find_module(path: str) -> types.ModuleType | None:
    """Finds today's module for ``tensorflow.<path>`` of 1.15; None where there is none."""
    module = _find_moved(path) or _find_attribute(path) or _find_flat(path)
    if module is None:
        return None
    if path.partition(".")[0] in ("python", "tools"):
        return _Private(module, path)
    if ".python" in path and module.__name__ in _INNER:
        return _Inner(module, f"{ROOT}.{path}")
    return module if hasattr(module, "__path__") else _Package(module)


_INNER = ("tf_slim.layers", "tf_slim.losses", "tf_slim.metrics", "tf_slim.ops")


class _Package(types.ModuleType):
    """A module with a ``__path__``, so that Python looks for modules below it."""

    def __init__(self, module: Any, name: str | None = None) -> None:
        super().__init__(name or module.__name__, module.__doc__)
        self.__path__: list[str] = []
        self._module = module

    def __setattr__(self, name: str, value: Any) -> None:
        """Ignores modules that imports set where they would hide a function of that name."""
        is_import = isinstance(value, types.ModuleType) and not name.startswith("_")
        if not (is_import and self._has_other(name)):
            super().__setattr__(name, value)

    def _has_other(self, name: str) -> bool:
        """Whether the module has an attribute of that name that is not a module."""
        return not isinstance(getattr(self._module, name, types), types.ModuleType)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def __dir__(self) -> list[str]:
        return dir(self._module)


class _Inner(_Package):
    """A package that has the names of its modules, such as ``contrib.framework.python.ops``."""

    def _has_other(self, name: str) -> bool:
        return True  # __getattr__ looks it up in another order

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            contrib = self.__name__.partition(".python")[0]
            value = getattr(importlib.import_module(contrib), name, None)
            if value is not None and not isinstance(value, types.ModuleType):
                return value  # also where a module below has the name, as arg_scope has
        value = getattr(self._module, name)
        if isinstance(value, types.ModuleType):  # contrib.layers has another "layers"
            return importlib.import_module(f"{self.__name__}.{name}")
        return value


class _Flat(_Package):
    """A private package of contrib. Each module below it has all names of ``contrib.<package>``:
    in the years before 1.15, names moved between these modules."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if isinstance(value, types.ModuleType) and value.__name__.startswith(
            self._module.__name__ + "."
        ):
            return importlib.import_module(f"{self.__name__}.{name}")
        return value


class _Private(_Package):
    """A module of ``tensorflow.python``, with the names that have moved elsewhere since."""

    def __init__(self, module: Any, path: str) -> None:
        super().__init__(module)
        self._tf1_path = path

    def __getattr__(self, name: str) -> Any:
        path = f"{self._tf1_path}.{name}"
        if path in RENAMED:
            module, attribute = RENAMED[path].split(":")
            return getattr(importlib.import_module(module), attribute)
        if path in MOVED:
            return importlib.import_module(f"{ROOT}.{path}")
        try:
            value = getattr(self._module, name)
        except AttributeError:
            return self._find_public(name)
        if isinstance(value, types.ModuleType) and value.__name__.startswith(
            ("tensorflow.", "tf_keras.src.")
        ):
            try:
                return importlib.import_module(f"{ROOT}.{path}")
            except ModuleNotFoundError:  # an alias, which is no module of that path
                return value
        return value

    def _find_public(self, name: str) -> object:
        if not name.startswith("__"):
            for public in _PUBLIC:
                owner = getattr(sys.modules[ROOT], public) if public else sys.modules[ROOT]
                if hasattr(owner, name) and not isinstance(getattr(owner, name), types.ModuleType):
                    return getattr(owner, name)
        raise AttributeError(
            f"tensorflow.{self._tf1_path}.{name} of TensorFlow 1.15 is not offered by legacy_nets"
        )


def _find_moved(path: str) -> types.ModuleType | None:
    """Finds a module by the table MOVED."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        new_path = MOVED.get(".".join(parts[:end]))
        if new_path:
            name = ".".join([new_path, *parts[end:]])
            try:
                return importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name and not name.startswith(error.name):
                    raise  # the module exists, and one of its imports does not
    return None


def _find_attribute(path: str) -> types.ModuleType | None:
    """Finds a module by attributes of ``legacy_nets.tf1``: ``train``, ``nn.rnn_cell``."""
    value: object = sys.modules[ROOT]
    for part in path.split("."):
        try:
            value = getattr(value, part)
        except (AttributeError, ModuleNotFoundError):
            return None
    return value if isinstance(value, types.ModuleType) else None


def _find_flat(path: str) -> types.ModuleType | None:
    """Finds ``contrib.rnn`` for ``contrib.rnn.python.ops.core_rnn_cell``: it has all its names."""
    parts = path.split(".")
    if len(parts) == 3 and parts[0] == "keras" and parts[2] in KERAS_MODULES:
        return _find_attribute(f"keras.{parts[1]}") or _find_moved(f"keras.{parts[1]}")
    if len(parts) < 3 or parts[0] != "contrib" or parts[2] != "python":
        return None
    try:
        package = importlib.import_module(f"{ROOT}.contrib.{parts[1]}")
        inner = len(parts) == 3 and any(old_path.startswith(path + ".") for old_path in MOVED)
        return (_Inner if inner else _Flat)(package, f"{ROOT}.{path}")
    except ModuleNotFoundError:
        return None


def install() -> None:
    """Installs the finder, once and first: other finders would search real modules again."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
