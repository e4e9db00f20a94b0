"""Lets every public module path of TensorFlow 1.15 be imported below ``legacy_nets.tf1``.

``import legacy_nets.tf1.contrib.slim.nets as nets``,
``from legacy_nets.tf1.python.framework import graph_util``: few of these paths have a file here.
What has none is looked up where today's packages keep it, and stands in ``sys.modules`` under
both names. The launcher turns a script's ``tensorflow.a.b`` into ``legacy_nets.tf1.a.b``.
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
_FOLDER = pathlib.Path(__file__).parent

# Where a path of 1.15 (without "tensorflow.") lies today; the longest one that fits counts.
# Below such a path, modules keep their relative names.
# Modules of Keras 2.2; the package above each has their names, too.
KERAS_MODULES = frozenset(
    "advanced_activations base_layer conv_utils convolutional convolutional_recurrent core "
    "cudnn_recurrent data_utils embeddings generic_utils input_layer interfaces io_utils "
    "layer_utils local merge multi_gpu_utils network noise normalization np_utils pooling "
    "recurrent saving sequential tensorflow_backend topology training vis_utils wrappers".split()
)

MOVED = {
    "core": "tensorflow.core",
    "python": "tensorflow.python",
    "tools": "tensorflow.python.tools",
    "python.layers": "tf_keras.src.legacy_tf_layers",
    "python.estimator": "legacy_nets.tf1.estimator.python",  # which carries it before
    "estimator.python": "tensorflow_estimator.python.estimator",
    "python.keras": "tf_keras.src",
    "python.ops.rnn_cell": "legacy_nets.tf1.rnn_cells",
    "python.ops.rnn_cell_impl": "legacy_nets.tf1.rnn_cells",
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


# Private names that nothing public stands for.
RENAMED = {
    "python.framework.tensor_shape.scalar": "legacy_nets.tf1.removed_functions:scalar",
    "python.framework.tensor_shape.vector": "legacy_nets.tf1.removed_functions:vector",
    "python.framework.tensor_shape.matrix": "legacy_nets.tf1.removed_functions:matrix",
    "python.ops.variable_scope.variable": "legacy_nets.tf1:Variable",
    "python.util.nest.is_sequence": "tensorflow.python.util.nest:is_nested",
}
# A name that went from one private module to another is mostly public, here or there.
_PUBLIC = ("", "nn", "train", "math", "graph_util", "io", "linalg", "image", "random", "summary")


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what lies below ``legacy_nets.tf1`` and has no file of its own."""

    def __init__(self) -> None:
        self.under_way: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for paths of TensorFlow 1.15 that something stands in for, else None."""
        if not fullname.startswith(ROOT + ".") or fullname in self.under_way:
            return None
        if _has_file(fullname):
            return _with_modules_below(fullname, path)
        self.under_way.add(fullname)  # an attribute that is imported on demand asks again
        try:
            found = _find(fullname[len(ROOT) + 1 :])
        finally:
            self.under_way.discard(fullname)
        if found is None:
            return None
        return importlib.machinery.ModuleSpec(
            fullname, self, loader_state=found, is_package=hasattr(found, "__path__")
        )

    def exec_module(self, module: types.ModuleType) -> None:
        """Puts what was found in the place of the empty module that Python has made."""
        spec = module.__spec__
        assert spec is not None
        sys.modules[spec.name] = spec.loader_state


def _with_modules_below(
    fullname: str, path: Sequence[str] | None
) -> importlib.machinery.ModuleSpec | None:
    """Our ``contrib/rnn.py`` was a package: ``contrib.rnn.python.ops.rnn`` is asked for."""
    spec = importlib.machinery.PathFinder.find_spec(fullname, path)
    if spec is not None and spec.submodule_search_locations is None:
        spec.submodule_search_locations = []
    return spec


def _has_file(fullname: str) -> bool:
    stem = _FOLDER.joinpath(*fullname.split(".")[2:])
    return stem.with_suffix(".py").is_file() or (stem / "__init__.py").is_file()


def _find(path: str) -> types.ModuleType | None:
    """The module that stands for ``tensorflow.<path>`` of 1.15; None where there is none."""
    found = _moved(path) or _attribute(path) or _shallow(path)
    if found is None:
        return None
    if path.partition(".")[0] in ("python", "tools"):
        return _Private(found, path)
    if ".python" in path and found.__name__ in _INNER:
        return _Inner(found, f"{ROOT}.{path}")
    return found if hasattr(found, "__path__") else _Package(found)


_INNER = ("tf_slim.layers", "tf_slim.losses", "tf_slim.metrics", "tf_slim.ops")


class _Package(types.ModuleType):
    """A module with a ``__path__``, so that Python looks for modules below it."""

    def __init__(self, module: Any, name: str | None = None) -> None:
        super().__init__(name or module.__name__, module.__doc__)
        self.__path__: list[str] = []
        self._module = module

    def __setattr__(self, name: str, value: Any) -> None:
        """Imports set a module on its package, where it would hide a function of its name."""
        is_import = isinstance(value, types.ModuleType) and not name.startswith("_")
        if not (is_import and self._has_other(name)):
            super().__setattr__(name, value)

    def _has_other(self, name: str) -> bool:
        """Whether it has something of that name that is no module."""
        return not isinstance(getattr(self._module, name, types), types.ModuleType)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def __dir__(self) -> list[str]:
        return dir(self._module)


class _Inner(_Package):
    """``contrib.framework.python.ops``: such packages had the names of the modules in them,
    and so has ``contrib.framework``."""

    def _has_other(self, name: str) -> bool:
        return True  # it is looked for below, in another order

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            contrib = self.__name__.partition(".python")[0]
            found = getattr(importlib.import_module(contrib), name, None)
            if found is not None and not isinstance(found, types.ModuleType):
                return found  # also where a module below has the name, as arg_scope has
        found = getattr(self._module, name)
        if isinstance(found, types.ModuleType):  # contrib.layers has another "layers"
            return importlib.import_module(f"{self.__name__}.{name}")
        return found


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
    """A module of ``tensorflow.python``, with the names that have since left it."""

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
            found = getattr(self._module, name)
        except AttributeError:
            return self._from_elsewhere(name)
        if isinstance(found, types.ModuleType) and found.__name__.startswith("tensorflow."):
            try:
                return importlib.import_module(f"{ROOT}.{path}")
            except ModuleNotFoundError:  # an alias, which is no module of that path
                return found
        return found

    def _from_elsewhere(self, name: str) -> Any:
        if not name.startswith("__"):
            for public in _PUBLIC:
                owner = getattr(sys.modules[ROOT], public) if public else sys.modules[ROOT]
                if hasattr(owner, name) and not isinstance(getattr(owner, name), types.ModuleType):
                    return getattr(owner, name)
        raise AttributeError(
            f"tensorflow.{self._tf1_path}.{name} of TensorFlow 1.15 is not offered by legacy_nets"
        )


def _moved(path: str) -> types.ModuleType | None:
    """By the table MOVED."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        here = MOVED.get(".".join(parts[:end]))
        if here:
            name = ".".join([here, *parts[end:]])
            try:
                return importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name and not name.startswith(error.name):
                    raise  # it is there, and lacks something
    return None


def _attribute(path: str) -> types.ModuleType | None:
    """By attributes from ``legacy_nets.tf1`` on: ``train``, ``nn.rnn_cell``, ``keras.layers``."""
    found: Any = sys.modules[ROOT]
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except (AttributeError, ModuleNotFoundError):
            return None
    return found if isinstance(found, types.ModuleType) else None


def _shallow(path: str) -> types.ModuleType | None:
    """``contrib.rnn.python.ops.core_rnn_cell`` is ``contrib.rnn``: its names are all there."""
    parts = path.split(".")
    if len(parts) == 3 and parts[0] == "keras" and parts[2] in KERAS_MODULES:
        return _attribute(f"keras.{parts[1]}") or _moved(f"keras.{parts[1]}")
    if len(parts) < 3 or parts[0] != "contrib" or parts[2] != "python":
        return None
    try:
        package = importlib.import_module(f"{ROOT}.contrib.{parts[1]}")
        inner = len(parts) == 3 and any(moved.startswith(path + ".") for moved in MOVED)
        return (_Inner if inner else _Flat)(package, f"{ROOT}.{path}")
    except ModuleNotFoundError:
        return None


def install() -> None:
    """Puts the finder first, once: the paths of real modules must not be searched again."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
