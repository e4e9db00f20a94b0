"""Shims for single functions that no library has any more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

NINF = -np.inf


class ArgSpec(NamedTuple):
    """The result of ``inspect.getargspec``."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[object, ...] | None


def getargspec(function: Callable[..., object]) -> ArgSpec:
    """Returns the arguments of a function. Raises ValueError for keyword-only ones, as it did."""
    full = inspect.getfullargspec(function)
    if full.kwonlyargs:
        raise ValueError("Function has keyword-only parameters: use inspect.getfullargspec")
    return ArgSpec(full.args, full.varargs, full.varkw, full.defaults)


def asscalar(a: np.ndarray) -> Any:
    """Returns the value of an array of size 1."""
    return np.asarray(a).item()


def asfarray(a: ArrayLike, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Makes an array of floats, of ``dtype`` where that is a float type."""
    if not np.issubdtype(np.dtype(dtype), np.inexact):
        dtype = np.float64
    return np.asarray(a, dtype)


def random_integers(
    low: int, high: int | None = None, size: int | tuple[int, ...] | None = None
) -> int | np.ndarray:
    """Draws integers from low to high, both included; from 1 where one bound is given."""
    low, high = (1, low) if high is None else (low, high)
    return np.random.randint(low, high + 1, size)


def tostring(value: Any, *arguments: object, **options: object) -> Any:
    """Calls ``value.tostring()``; arrays have it as ``tobytes`` today."""
    method = getattr(value, "tostring", None) or value.tobytes
    return method(*arguments, **options)


def getchildren(value: Any) -> Any:
    """Calls ``value.getchildren()``; an element of xml.etree is the list of its children today."""
    return value.getchildren() if hasattr(value, "getchildren") else list(value)


def getiterator(value: Any, *arguments: object, **options: object) -> Any:
    """Calls ``value.getiterator(tag)``; elements and trees of xml.etree have ``iter`` today."""
    if hasattr(value, "getiterator"):
        return value.getiterator(*arguments, **options)
    return list(value.iter(*arguments, **options))


def array(owner: object, *arguments: object, **options: object) -> Any:
    """Calls ``numpy.array``; rows of different lengths become objects, as before NumPy 1.24.

    ``owner`` is the object whose ``array`` the script calls: numpy or any other.
    """
    return _make_array(owner, "array", arguments, options)


def asarray(owner: object, *arguments: object, **options: object) -> Any:
    """Calls ``numpy.asarray``, in the same way."""
    return _make_array(owner, "asarray", arguments, options)


def savez(owner: object, *arguments: object, **options: object) -> Any:
    """Calls ``numpy.savez``; lists of arrays of different shapes become objects."""
    return _save_arrays(owner, "savez", arguments, options)


def savez_compressed(owner: object, *arguments: object, **options: object) -> Any:
    """Calls ``numpy.savez_compressed``, in the same way."""
    return _save_arrays(owner, "savez_compressed", arguments, options)


def _save_arrays(
    owner: object, name: str, arguments: tuple[object, ...], options: dict[str, object]
) -> Any:
    if owner is np:
        arguments = (*arguments[:1], *(asarray(np, value) for value in arguments[1:]))
        options = {
            key: value if key in ("file", "allow_pickle") else asarray(np, value)
            for key, value in options.items()
        }
    return getattr(owner, name)(*arguments, **options)


def _make_array(
    owner: object, name: str, arguments: tuple[object, ...], options: dict[str, object]
) -> Any:
    try:
        return getattr(owner, name)(*arguments, **options)
    except ValueError as error:
        has_dtype = len(arguments) != 1 or "dtype" in options
        if owner is not np or has_dtype or "inhomogeneous" not in str(error):
            raise
        return getattr(owner, name)(*arguments, dtype=object, **options)
