"""The import hook: a script's own modules see TensorFlow 1, libraries see the real one.

``builtins.__import__`` gets the globals of the importing module. For the script's own modules,
``tensorflow`` is ``legacy_nets.tf1``, and numpy, scipy and others have the names that they have
removed since (``removed_names.py``). Sources are not rewritten for that: lines, ``inspect`` and
compiled files stay as they are. Removed methods need ``rewrite.py``.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.machinery
import os
import sys
import types
from collections.abc import Callable, Mapping, Sequence

from legacy_nets import quiet, run_options
from legacy_nets.runner import keras_datasets, removed_names, rewrite, tf1_libraries

_TF1 = "legacy_nets.tf1"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_real_import = builtins.__import__
_real_import_module = importlib.import_module
_is_own: Callable[[str], bool] = lambda file: False  # noqa: E731
_libraries: tuple[str, ...] = ()  # folders of installed libraries
_owns_cells = False  # whether code without a file (a notebook's cells) is the script's own


def install(
    roots: Sequence[str],
    libraries: Sequence[str],
    owns_cells: bool = False,
    also: Sequence[str] = (),
) -> None:
    """Hooks the imports of this process.

    Args:
      roots: folders of the script's own modules.
      libraries: folders whose modules keep the real TensorFlow. The deepest folder of the two
        lists that holds a file decides; a file in none of them is the script's own. Libraries for
        TensorFlow 1 (``tf1_libraries.py``) are treated as the script's own.
      owns_cells: whether ``__main__`` without a file, as in a notebook, is the script's own.
      also: names of other libraries that are treated as the script's own.
    """
    global _is_own, _libraries, _owns_cells
    real_roots, _libraries = _resolve(roots), _resolve(libraries)
    kept = (*_libraries, _PACKAGE)

    @functools.cache
    def is_own(file: str) -> bool:
        if file.startswith("<") and file.endswith(">"):
            return False
        path = _resolve_file(file)
        return _is_below_root(path, real_roots, kept) or _is_tf1_library(path, also)

    _is_own = is_own
    _owns_cells = owns_cells
    builtins.__import__ = _import
    importlib.import_module = _import_module
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, rewrite.RewritingFinder)]
    sys.meta_path.insert(0, rewrite.RewritingFinder(_is_own))


def _resolve(folders: Sequence[str]) -> tuple[str, ...]:
    return tuple(os.path.realpath(folder) for folder in folders)


_resolve_folder = functools.cache(os.path.realpath)  # it looks at each folder of the path


def _resolve_file(file: str) -> str:
    """Returns ``os.path.realpath(file)``, in a tenth of the time where files share folders."""
    folder, name = os.path.split(file)
    path = os.path.join(_resolve_folder(folder), name)
    return os.path.realpath(path) if os.path.islink(path) else path


def _is_below_root(path: str, roots: tuple[str, ...], libraries: tuple[str, ...]) -> bool:
    """Whether the deepest folder that holds a file is a root, or there is none."""

    def measure_depth(folders: tuple[str, ...]) -> int:
        return max((len(f) for f in folders if path.startswith(f + os.sep)), default=-1)

    library = measure_depth(libraries)
    return library < 0 or measure_depth(roots) > library


def _is_tf1_library(path: str, also: Sequence[str]) -> bool:
    """Whether a file is one of an installed library that sees TensorFlow 1."""
    name = tf1_libraries.find_library_name(path, _libraries)
    return name in also or (name is not None and tf1_libraries.is_tf1_library(name))


def explain_failure(error: BaseException) -> str | None:
    """Returns a line on the library that failed because it sees today's TensorFlow; or None."""
    return tf1_libraries.explain_failure(error, _libraries, _is_own)


def is_own_file(file: str) -> bool:
    """Whether a file is one of the script's own modules, by the folders given to ``install``."""
    return _is_own(file)


def is_own_code(names: Mapping[str, object] | None) -> bool:
    """Whether the module with these globals is one of the script's own."""
    if names is None:
        return False
    file = names.get("__file__")
    if not isinstance(file, str):
        return _owns_cells and names.get("__name__") == "__main__"
    return _is_own(file)


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> types.ModuleType:
    """Replaces ``builtins.__import__``, with its arguments and errors."""
    if level == 0:
        top = name.partition(".")[0]
        if globals is None:  # __import__ was called by its name
            globals = _get_caller_globals()
        if top == "tensorflow" and not run_options.tf2 and is_own_code(globals):
            return _import_tf1(name, fromlist or ())
        if top == "tensorflow" and top not in sys.modules:
            with quiet.silence_start_up():
                _real_import(top)
        if top == "tensorflow" and run_options.tf2 and is_own_code(globals):
            _prepare_keras_2()
        if top == "keras" and is_own_code(globals) and not _is_own_module(top):
            return _import_keras(name, fromlist or ())
        if top in removed_names.TOP_MODULES and is_own_code(globals):
            return _import_with_shims(name, globals, locals, fromlist or ())
    return _real_import(name, globals, locals, fromlist or (), level)


def _import_module(name: str, package: str | None = None) -> types.ModuleType:
    """Replaces ``importlib.import_module``, which does not call ``__import__``."""
    top = name.partition(".")[0]
    if top in ("tensorflow", "keras", *removed_names.TOP_MODULES):
        return _import(
            name, _get_caller_globals(), fromlist=["__name__"]
        )  # any name makes __import__ return the last module
    return _real_import_module(name, package)


def _get_caller_globals() -> Mapping[str, object]:
    """Returns the globals of the caller's caller; ``pydoc`` imports for its own caller."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__") == "pydoc":
        frame = frame.f_back
    return frame.f_globals


def _import_tf1(name: str, fromlist: Sequence[str]) -> types.ModuleType:
    from legacy_nets.runner import behaviour

    behaviour.enable_tf1_behavior()
    translated = _TF1 + name[len("tensorflow") :]
    try:
        module = importlib.import_module(translated)
        for item in fromlist:
            if item != "*" and not hasattr(module, item):
                _import_submodule(f"{translated}.{item}")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith(_TF1 + "."):
            missing = "tensorflow" + error.name[len(_TF1) :]
            raise ModuleNotFoundError(
                f"{missing} of TensorFlow 1.15 is not offered by legacy_nets", name=missing
            ) from None
        raise
    return module if fromlist else sys.modules[_TF1]


def _import_keras(name: str, fromlist: Sequence[str]) -> types.ModuleType:
    """Imports the package keras of that time: today's is Keras 3, without graph mode."""
    if run_options.tf2:
        return _import_keras_2(name, fromlist)
    module = _import_tf1(f"tensorflow.{name}", fromlist)
    from legacy_nets.runner import standalone_keras

    return module if fromlist and name != "keras" else standalone_keras.load()


@functools.cache
def _prepare_keras_2() -> None:
    """Makes ``keras.datasets`` read local files, and sets ``tf.keras.__version__``.

    TensorFlow 2 had it; tf_keras has it in another module. Kernels of Theano are rotated.
    """
    from legacy_nets.runner import keras_1_15  # NumPy

    keras_datasets.read_local_files()
    keras_1_15.rotate_kernels_of_theano()
    keras = importlib.import_module("tf_keras.api._v2.keras")
    vars(keras).setdefault("__version__", sys.modules["tf_keras"].__version__)


def _import_keras_2(name: str, fromlist: Sequence[str]) -> types.ModuleType:
    from legacy_nets.tf1.finder import KERAS_MODULES

    _prepare_keras_2()
    parts = name.split(".")
    if parts[-1] in KERAS_MODULES:  # keras.layers.core
        parts.pop()
    if parts[1:] == ["engine"]:
        parts[1] = "layers"
    try:
        module = importlib.import_module("tf_" + ".".join(parts))
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("tf_keras."):
            raise
        raise ModuleNotFoundError(f"Keras 2 has no module {name}", name=name) from None
    for item in KERAS_MODULES.intersection(fromlist):
        vars(module).setdefault(item, module)
    return module if fromlist else sys.modules["tf_keras"]


@functools.cache
def _is_own_module(top: str) -> bool:
    """Whether a module of this name is one of the script's own."""
    spec = importlib.machinery.PathFinder.find_spec(top)
    return spec is not None and spec.origin is not None and _is_own(spec.origin)


def _import_submodule(name: str) -> None:
    """Imports the ``b`` of "from a import b" where it is a module; else does nothing."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise


def _import_with_shims(
    name: str,
    globals: Mapping[str, object] | None,
    locals: Mapping[str, object] | None,
    fromlist: Sequence[str],
) -> types.ModuleType:
    """Imports a module of ``removed_names.REMOVED_NAMES``, and adds the names it has lost."""
    try:
        imported = _real_import(name, globals, locals, fromlist)
    except ModuleNotFoundError as error:
        if not error.name or not f"{name}.".startswith(f"{error.name}."):
            raise
        above = error.name.rpartition(".")[0]
        removed_names.add_shims(above or error.name, is_own_code)
        module = removed_names.load_missing_module(error.name)
        if module is None:
            raise
        for part in name[len(error.name) :].split(".")[1:]:
            module = importlib.import_module(f"{module.__name__}.{part}")
        if fromlist:
            return module
        return sys.modules[above.partition(".")[0]] if above else module
    if f"{name}.".startswith("google.protobuf."):
        from legacy_nets.runner import protobuf  # which imports NumPy

        protobuf.install()
    removed_names.add_shims(name, is_own_code)
    for item in fromlist:
        _add_shims_to_submodule(f"{name}.{item}")
    return imported


def _add_shims_to_submodule(name: str) -> None:
    if name in sys.modules:
        removed_names.add_shims(name, is_own_code)
