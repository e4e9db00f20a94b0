"""Names that numpy, scipy, sklearn and Python itself have removed, and what replaces each.

There is one table, ``REMOVED_NAMES``. Each module in it gets a ``__getattr__`` (PEP 562) that
looks at its caller. A script's own module gets the replacement, with one line of notice. A
library gets the AttributeError that it always got. Names that still exist are not affected.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Mapping
from typing import NamedTuple

IsOwnCode = Callable[[Mapping[str, object] | None], bool]  # of a module's globals


class RemovedName(NamedTuple):
    """A removed name: its module, the release that removed it, and its replacement."""

    module: str
    name: str
    since: str
    replacement: str  # "module" or "module:attribute"

    @property
    def path(self) -> str:
        """``numpy.int``; a module of Python itself has no dot."""
        return f"{self.module}.{self.name}".lstrip(".")


_SHIMS = "legacy_nets.runner.shims"


def _rows(module: str, since: str, **replacements: str) -> list[RemovedName]:
    return [
        RemovedName(module, name, since, replacement) for name, replacement in replacements.items()
    ]


REMOVED_NAMES = (
    *_rows(
        "numpy",
        "NumPy 1.24",
        int="builtins:int",
        long="builtins:int",
        float="builtins:float",
        bool="builtins:bool",
        complex="builtins:complex",
        object="builtins:object",
        str="builtins:str",
        unicode="builtins:str",
        typeDict="numpy:sctypeDict",
        asscalar=f"{_SHIMS}.functions:asscalar",
        rank="numpy:ndim",
    ),
    *_rows(
        "numpy",
        "NumPy 2",
        float_="numpy:float64",
        complex_="numpy:complex128",
        string_="numpy:bytes_",
        unicode_="numpy:str_",
        Inf="numpy:inf",
        Infinity="numpy:inf",
        infty="numpy:inf",
        PINF="numpy:inf",
        NINF=f"{_SHIMS}.functions:NINF",
        NaN="numpy:nan",
        product="numpy:prod",
        cumproduct="numpy:cumprod",
        alltrue="numpy:all",
        sometrue="numpy:any",
        round_="numpy:round",
        row_stack="numpy:vstack",
        in1d="numpy:isin",
        trapz="numpy:trapezoid",
        mat="numpy:asmatrix",
        asfarray=f"{_SHIMS}.functions:asfarray",
    ),
    *_rows("numpy.random", "NumPy 2.4", random_integers=f"{_SHIMS}.functions:random_integers"),
    *_rows("numpy.core", "NumPy 2", umath_tests=f"{_SHIMS}.functions"),
    *_rows("scipy", "SciPy 1.12", misc=f"{_SHIMS}.scipy_misc"),
    *_rows(
        "scipy.misc",
        "SciPy 1.3",
        **{
            name: f"{_SHIMS}.scipy_misc:{name}"
            for name in ("bytescale", "comb", "factorial", "fromimage", "imread", "imresize")
            + ("imrotate", "imsave", "imshow", "logsumexp", "toimage")
        },
    ),
    *_rows(
        "scipy.ndimage",
        "SciPy 1.2 and 2",
        imread=f"{_SHIMS}.scipy_misc:imread",
        filters="scipy.ndimage",
        fourier="scipy.ndimage",
        interpolation="scipy.ndimage",
        measurements="scipy.ndimage",
        morphology="scipy.ndimage",
    ),
    *_rows("scipy.sparse.linalg.eigen", "SciPy 1.8", arpack="scipy.sparse.linalg"),
    *_rows("scipy.signal", "SciPy 1.13", gaussian="scipy.signal.windows:gaussian"),
    *_rows("scipy.integrate", "SciPy 1.14", simps="scipy.integrate:simpson"),
    *_rows(
        "PIL.Image",
        "Pillow 10",
        ANTIALIAS="PIL.Image:Resampling.LANCZOS",
        LINEAR="PIL.Image:Resampling.BILINEAR",
        CUBIC="PIL.Image:Resampling.BICUBIC",
    ),
    *_rows(
        "sklearn",
        "scikit-learn 0.20",
        cross_validation="sklearn.model_selection",
        grid_search="sklearn.model_selection",
        learning_curve="sklearn.model_selection",
    ),
    *_rows("sklearn.externals", "scikit-learn 0.23", joblib="joblib", six="six"),
    *_rows("sklearn.preprocessing", "scikit-learn 0.22", Imputer="sklearn.impute:SimpleImputer"),
    *_rows(
        "collections",
        "Python 3.10",
        **{
            name: f"collections.abc:{name}"
            for name in ("Callable", "Container", "Generator", "Hashable", "ItemsView")
            + ("Iterable", "Iterator", "KeysView", "Mapping", "MappingView", "MutableMapping")
            + ("MutableSequence", "MutableSet", "Sequence", "Set", "Sized", "ValuesView")
        },
    ),
    *_rows("time", "Python 3.8", clock="time:perf_counter"),
    *_rows("inspect", "Python 3.11", getargspec=f"{_SHIMS}.functions:getargspec"),
    *_rows("fractions", "Python 3.9", gcd="math:gcd"),
    *_rows(
        "base64", "Python 3.9", encodestring="base64:encodebytes", decodestring="base64:decodebytes"
    ),
    *_rows("xml.etree", "Python 3.9", cElementTree="xml.etree.ElementTree"),
    *_rows("", "Python 3.12", imp=f"{_SHIMS}.imp", distutils="setuptools._distutils"),
)

_BY_MODULE: dict[str, dict[str, RemovedName]] = {}
for _row in REMOVED_NAMES:
    _BY_MODULE.setdefault(_row.module, {})[_row.name] = _row

# Functions that now demand an argument which had a default: (module, functions, its value).
DEFAULT_ARGUMENTS = (("yaml", ("load", "load_all"), "FullLoader"),)  # PyYAML 6

TOP_MODULES = frozenset(row.path.partition(".")[0] for row in REMOVED_NAMES)
TOP_MODULES |= {module for module, _, _ in DEFAULT_ARGUMENTS}

used: dict[str, RemovedName] = {}  # replaced in this process, for the report of a run
strict = False  # --strict: replace nothing


class _ShimLookup:
    """The ``__getattr__`` of a module that has lost names."""

    def __init__(
        self, path: str, before: Callable[[str], object] | None, is_own_code: IsOwnCode
    ) -> None:
        self._path = path
        self._before = before
        self._is_own_code = is_own_code

    def __call__(self, name: str) -> object:
        row = _BY_MODULE[self._path].get(name)
        if row is not None and self._is_own_code(sys._getframe(1).f_globals):
            return load_replacement(row)
        if self._before is not None:
            return self._before(name)
        raise AttributeError(f"module {self._path!r} has no attribute {name!r}")


def add_shims(name: str, is_own_code: IsOwnCode) -> None:
    """Adds the removed names to the imported module ``name``, and to those above and below it.

    Args:
      is_own_code: tells from a module's globals whether it is one of the script's own.
    """
    for path in _BY_MODULE:
        module = sys.modules.get(path)
        if module is not None and path.partition(".")[0] == name.partition(".")[0]:
            before = vars(module).get("__getattr__")
            if not isinstance(before, _ShimLookup):
                vars(module)["__getattr__"] = _ShimLookup(path, before, is_own_code)
    for path, functions, value in DEFAULT_ARGUMENTS:
        if name == path and not strict:
            module = sys.modules[path]
            for function_name in functions:
                function = getattr(module, function_name)
                function.__defaults__ = function.__defaults__ or (getattr(module, value),)


def load_replacement(row: RemovedName) -> object:
    """Returns the replacement of a name, with a notice the first time.

    Raises AttributeError under --strict.
    """
    replacement = row.replacement.replace(_SHIMS + ".", "legacy_nets' ").removeprefix("builtins:")
    replacement = replacement.replace(":", ".")
    if strict:
        raise AttributeError(
            f"{row.path} was removed in {row.since}; use {replacement} instead, or run without "
            "--strict"
        )
    module, _, attributes = row.replacement.partition(":")
    value: object = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        value = getattr(value, attribute)
    if row.path not in used:
        used[row.path] = row
        print(
            f"legacy-nets: {row.path} was removed in {row.since}; using {replacement} instead",
            file=sys.stderr,
        )
    return value


def load_missing_module(name: str) -> types.ModuleType | None:
    """Returns the replacement of a removed module (``scipy.misc``); None where there is none."""
    path, _, last = name.rpartition(".")
    row = _BY_MODULE.get(path, {}).get(last)
    module = load_replacement(row) if row is not None else None
    return module if isinstance(module, types.ModuleType) else None
