"""Single functions that no library has any more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

NINF = -np.inf


class ArgSpec(NamedTuple):
    """What ``inspect.getargspec`` answered."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def getargspec(function: Callable[..., Any]) -> ArgSpec:
    """Arguments of a function. Raises ValueError for keyword-only ones, as it did."""
    full = inspect.getfullargspec(function)
    if full.kwonlyargs:
        raise ValueError("Function has keyword-only parameters: use inspect.getfullargspec")
    return ArgSpec(full.args, full.varargs, full.varkw, full.defaults)


def asscalar(a: np.ndarray) -> Any:
    """The one value of an array of size 1."""
    return np.asarray(a).item()


def asfarray(a: Any, dtype: Any = np.float64) -> np.ndarray:
    """An array of floats; of ``dtype`` where that is a float type."""
    if not np.issubdtype(np.dtype(dtype), np.inexact):
        dtype = np.float64
    return np.asarray(a, dtype)


def random_integers(low: int, high: int | None = None, size: Any = None) -> Any:
    """Integers from low to high, both included; from 1 where one bound is given."""
    low, high = (1, low) if high is None else (low, high)
    return np.random.randint(low, high + 1, size)


def tostring(value: Any, *arguments: Any, **options: Any) -> Any:
    """``value.tostring()``, which arrays call ``tobytes`` today."""
    method = getattr(value, "tostring", None) or value.tobytes
    return method(*arguments, **options)


def array(owner: Any, *arguments: Any, **options: Any) -> Any:
    """``numpy.array``: of rows of different lengths an array of objects, as before NumPy 1.24."""
    return _made(owner, "array", arguments, options)


def asarray(owner: Any, *arguments: Any, **options: Any) -> Any:
    """``numpy.asarray``, in the same way."""
    return _made(owner, "asarray", arguments, options)


def _made(owner: Any, name: str, arguments: Any, options: Any) -> Any:
    try:
        return getattr(owner, name)(*arguments, **options)
    except ValueError as error:
        typed = len(arguments) != 1 or "dtype" in options
        if owner is not np or typed or "inhomogeneous" not in str(error):
            raise
        return getattr(owner, name)(*arguments, dtype=object, **options)
