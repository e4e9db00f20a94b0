"""What scripts took from numpy, scipy, sklearn and Python itself, and what stands in for it.

One table, ``GONE``. Each module in it gets a ``__getattr__`` (PEP 562) that looks who asks: a
script's own module gets the stand-in, with one line of notice; a library gets what it always
got. Nothing is in the way of names that are still there.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Gone(NamedTuple):
    """A name that is gone: from which module, since when, and what stands in."""

    module: str
    name: str
    since: str
    stand_in: str  # "module" or "module:attribute"

    @property
    def path(self) -> str:
        """``numpy.int``."""
        return f"{self.module}.{self.name}"


_OURS = "legacy_nets.runner.shims"


def _rows(module: str, since: str, **stand_ins: str) -> list[Gone]:
    return [Gone(module, name, since, where) for name, where in stand_ins.items()]


GONE = (
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
        asscalar=f"{_OURS}.functions:asscalar",
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
        NINF=f"{_OURS}.functions:NINF",
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
        asfarray=f"{_OURS}.functions:asfarray",
    ),
    *_rows("numpy.random", "NumPy 2.4", random_integers=f"{_OURS}.functions:random_integers"),
    *_rows("numpy.core", "NumPy 2", umath_tests=f"{_OURS}.functions"),
    *_rows("scipy", "SciPy 1.12", misc=f"{_OURS}.scipy_misc"),
    *_rows(
        "scipy.misc",
        "SciPy 1.3",
        **{
            name: f"{_OURS}.scipy_misc:{name}"
            for name in ("bytescale", "comb", "factorial", "fromimage", "imread", "imresize")
            + ("imrotate", "imsave", "imshow", "logsumexp", "toimage")
        },
    ),
    *_rows(
        "scipy.ndimage",
        "SciPy 1.2 and 2",
        imread=f"{_OURS}.scipy_misc:imread",
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
    *_rows("inspect", "Python 3.11", getargspec=f"{_OURS}.functions:getargspec"),
    *_rows("fractions", "Python 3.9", gcd="math:gcd"),
    *_rows(
        "base64", "Python 3.9", encodestring="base64:encodebytes", decodestring="base64:decodebytes"
    ),
    *_rows("xml.etree", "Python 3.9", cElementTree="xml.etree.ElementTree"),
    *_rows("", "Python 3.12", imp=f"{_OURS}.imp", distutils="setuptools._distutils"),
)

_BY_MODULE: dict[str, dict[str, Gone]] = {}
for _gone in GONE:
    _BY_MODULE.setdefault(_gone.module, {})[_gone.name] = _gone

# Functions that now demand an argument which had a default: (module, functions, its value).
DEFAULTS = (("yaml", ("load", "load_all"), "FullLoader"),)  # PyYAML 6

TOPS = frozenset(row.path.strip(".").partition(".")[0] for row in GONE)
TOPS |= {module for module, _, _ in DEFAULTS}

used: dict[str, Gone] = {}  # what has been healed in this process, for the report of a run
strict = False  # --strict: refuse where a stand-in would be given


def mend(name: str, asks: Callable[[Mapping[str, Any] | None], bool]) -> None:
    """Gives the imported module ``name``, and those above and below it, their stand-ins."""
    for path in _BY_MODULE:
        module = sys.modules.get(path)
        if module is not None and path.partition(".")[0] == name.partition(".")[0]:
            _mend_module(module, path, asks)
    for path, functions, value in DEFAULTS:
        if name == path and not strict:
            for function in functions:
                found = getattr(sys.modules[path], function)
                found.__defaults__ = found.__defaults__ or (getattr(sys.modules[path], value),)


def _mend_module(
    module: types.ModuleType, path: str, asks: Callable[[Mapping[str, Any] | None], bool]
) -> None:
    before = vars(module).get("__getattr__")
    if getattr(before, "legacy_nets", False):
        return

    def __getattr__(name: str) -> Any:
        row = _BY_MODULE[path].get(name)
        if row is not None and asks(sys._getframe(1).f_globals):
            return give(row)
        if before is not None:
            return before(name)
        raise AttributeError(f"module {path!r} has no attribute {name!r}")

    vars(__getattr__)["legacy_nets"] = True
    vars(module)["__getattr__"] = __getattr__


def give(row: Gone) -> Any:
    """The stand-in, with a notice the first time. Raises AttributeError under --strict."""
    name = row.path.strip(".")
    if strict:
        raise AttributeError(
            f"{name} is gone since {row.since}, and --strict takes no stand-in ({row.stand_in})"
        )
    module, _, attributes = row.stand_in.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    if name not in used:
        used[name] = row
        stand_in = row.stand_in.replace(_OURS + ".", "legacy_nets' ").removeprefix("builtins:")
        print(
            f"legacy-nets: {name} is gone since {row.since}: {stand_in.replace(':', '.')} "
            "stands in",
            file=sys.stderr,
        )
    return found


def missing_module(name: str) -> types.ModuleType | None:
    """The module that stands in for one which is gone: ``scipy.misc``; None where none does."""
    path, _, last = name.rpartition(".")
    row = _BY_MODULE.get(path, {}).get(last)
    found = give(row) if row is not None else None
    return found if isinstance(found, types.ModuleType) else None
