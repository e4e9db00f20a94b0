"""The import hook: a script's own modules see TensorFlow 1, libraries see the real one.

``builtins.__import__`` is told the globals of the module that imports, and so who asks. Where
that is one of the script's own modules, ``tensorflow`` is ``legacy_nets.tf1``, and numpy, scipy
and their like are what they were then (``ground.py``). Sources need no rewriting for that, so
that lines, ``inspect`` and compiled files stay what they are; for methods see ``rewrite.py``.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.machinery
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from legacy_nets import run_options
from legacy_nets.runner import removed_names, rewrite

_TF1 = "legacy_nets.tf1"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_real_import = builtins.__import__
_real_import_module = importlib.import_module
_own: Callable[[str], bool] = lambda file: False  # noqa: E731
_nameless = False  # code without a file (a notebook's cells) counts as the script's own


def install(roots: Sequence[str], libraries: Sequence[str], nameless: bool = False) -> None:
    """Hooks the import of this process.

    Args:
      roots: folders of the script's own modules.
      libraries: folders whose modules keep the real TensorFlow. The deepest folder of the two
        lists that holds a file decides; a file in none of them is the script's own.
      nameless: whether ``__main__`` without a file, as in a notebook, is the script's own.
    """
    global _own, _nameless
    _own = functools.lru_cache(None)(functools.partial(_is_own, _real(roots), _real(libraries)))
    _nameless = nameless
    builtins.__import__ = _import
    importlib.import_module = _import_module
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, rewrite.Finder)]
    sys.meta_path.insert(0, rewrite.Finder(_own))


def _real(folders: Sequence[str]) -> tuple[str, ...]:
    return tuple(os.path.realpath(folder) for folder in folders)


def _is_own(roots: tuple[str, ...], libraries: tuple[str, ...], file: str) -> bool:
    if file.startswith("<") and file.endswith(">"):
        return False
    path = os.path.realpath(file)

    def depth(folders: tuple[str, ...]) -> int:
        return max((len(f) for f in folders if path.startswith(f + os.sep)), default=-1)

    library = depth((*libraries, _PACKAGE))
    return library < 0 or depth(roots) > library


def is_own(file: str) -> bool:
    """Whether a file is one of the script's own modules, as ``install`` was told."""
    return _own(file)


def asks_for_tf1(names: Mapping[str, Any] | None) -> bool:
    """Whether the module with these globals is one of the script's own."""
    if names is None:
        return False
    file = names.get("__file__")
    if file is None:
        return _nameless and names.get("__name__") == "__main__"
    return _own(file)


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Stands in for ``builtins.__import__``; same arguments and errors."""
    if level == 0:
        top = name.partition(".")[0]
        if globals is None:  # __import__ was called by its name
            globals = _caller()
        if top == "tensorflow" and not run_options.tf2 and asks_for_tf1(globals):
            return _import_tf1(name, fromlist or ())
        if top == "tensorflow" and run_options.tf2 and asks_for_tf1(globals):
            _state_keras_version()
        if top == "keras" and asks_for_tf1(globals) and not _is_beside(top):
            return _import_keras(name, fromlist or ())
        if top in removed_names.TOPS and asks_for_tf1(globals):
            return _import_mended(name, globals, locals, fromlist or ())
    return _real_import(name, globals, locals, fromlist or (), level)


def _import_module(name: str, package: str | None = None) -> Any:
    """Stands in for ``importlib.import_module``, which goes past ``__import__``."""
    top = name.partition(".")[0]
    if top in ("tensorflow", "keras", *removed_names.TOPS):
        return _import(name, _caller(), fromlist=["__name__"])  # any: the last module then
    return _real_import_module(name, package)


def _caller() -> Mapping[str, Any]:
    """The globals of who called the function that calls this; ``pydoc`` asks for another."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__") == "pydoc":
        frame = frame.f_back
    return frame.f_globals


def _import_tf1(name: str, fromlist: Sequence[str]) -> Any:
    from legacy_nets.runner import behaviour

    behaviour.as_tf1()
    translated = _TF1 + name[len("tensorflow") :]
    try:
        module = importlib.import_module(translated)
        for item in fromlist:
            if item != "*" and not hasattr(module, item):
                _try_submodule(f"{translated}.{item}")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith(_TF1 + "."):
            missing = "tensorflow" + error.name[len(_TF1) :]
            raise ModuleNotFoundError(
                f"{missing} of TensorFlow 1.15 is not offered by legacy_nets", name=missing
            ) from None
        raise
    return module if fromlist else sys.modules[_TF1]


def _import_keras(name: str, fromlist: Sequence[str]) -> Any:
    """Keras was a package of its own, too: today's is Keras 3, which has no graph mode."""
    if run_options.tf2:
        return _import_keras_2(name, fromlist)
    found = _import_tf1(f"tensorflow.{name}", fromlist)
    return found if fromlist else found.keras


def _state_keras_version() -> None:
    """TensorFlow 2 stated it as ``tf.keras.__version__``; the package tf_keras does as its own."""
    keras = importlib.import_module("tf_keras.api._v2.keras")
    vars(keras).setdefault("__version__", sys.modules["tf_keras"].__version__)


def _import_keras_2(name: str, fromlist: Sequence[str]) -> Any:
    from legacy_nets.tf1.finder import KERAS_MODULES

    parts = name.split(".")
    if parts[-1] in KERAS_MODULES:  # keras.layers.core
        parts.pop()
    if parts[1:] == ["engine"]:
        parts[1] = "layers"
    try:
        found = importlib.import_module("tf_" + ".".join(parts))
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("tf_keras."):
            raise
        raise ModuleNotFoundError(f"Keras 2 has no module {name}", name=name) from None
    for item in KERAS_MODULES.intersection(fromlist):
        vars(found).setdefault(item, found)
    return found if fromlist else sys.modules["tf_keras"]


@functools.cache
def _is_beside(top: str) -> bool:
    """Whether a module of this name is one of the script's own."""
    spec = importlib.machinery.PathFinder.find_spec(top)
    return spec is not None and spec.origin is not None and _own(spec.origin)


def _try_submodule(name: str) -> None:
    """A name in "from a import b" may be a module that nobody has imported yet."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise


def _import_mended(
    name: str,
    globals: Mapping[str, Any] | None,
    locals: Mapping[str, Any] | None,
    fromlist: Sequence[str],
) -> Any:
    """Imports a module that ``ground.GONE`` speaks of, with what is gone from it."""
    try:
        found = _real_import(name, globals, locals, fromlist)
    except ModuleNotFoundError as error:
        if not error.name or not f"{name}.".startswith(f"{error.name}."):
            raise
        above = error.name.rpartition(".")[0]
        removed_names.mend(above or error.name, asks_for_tf1)
        module = removed_names.missing_module(error.name)
        if module is None:
            raise
        for part in name[len(error.name) :].split(".")[1:]:
            module = importlib.import_module(f"{module.__name__}.{part}")
        if fromlist:
            return module
        return sys.modules[above.partition(".")[0]] if above else module
    removed_names.mend(name, asks_for_tf1)
    for item in fromlist:
        _mend_submodule(f"{name}.{item}")
    return found


def _mend_submodule(name: str) -> None:
    if name in sys.modules:
        removed_names.mend(name, asks_for_tf1)
