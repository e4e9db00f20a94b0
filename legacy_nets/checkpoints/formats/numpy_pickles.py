"""Reads the pickles in NumPy's object arrays without executing them.

``np.save`` of a dictionary, as VGG's and MTCNN's public .npy files are, and ``np.savez`` of a list
of arrays of several shapes, as TensorLayer's .npz files are, hold pickles of arrays. Source:
numpy/core/src/multiarray/methods.c (array_reduce) and descriptor.c (arraydescr_reduce).
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.pickles import (
    Call,
    RefusedPickleError,
    StatefulObject,
    unpickle,
)
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array, NumpyDtype
from legacy_nets.wire import FormatError

_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16|O8?|\?)")
_MAX_DEPTH = 32
_MAX_VALUES = 1_000_000


class _Dtype(StatefulObject):
    """A dtype under construction: the state holds its byte order."""

    def __init__(self, text: object, *_: object) -> None:
        text = str(text)
        if not _DTYPE.fullmatch(text):
            raise FormatError(f"an array of dtype {text[:20]!r}, which holds no numbers")
        self.dtype: NumpyDtype = np.dtype("O" if text.lstrip("|").startswith("O") else text)

    def set_state(self, state: object) -> None:
        if isinstance(state, tuple) and state[1] == ">":
            self.dtype = self.dtype.newbyteorder(">")


class _Array(StatefulObject):
    """An array under construction; one of objects keeps the list of them."""

    def __init__(self, *_: object) -> None:
        self.value: Array | list[object] = []
        self.shape: object = None

    def set_state(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _Dtype):
            raise FormatError("an array without its shape, dtype and values")
        _, shape, dtype, is_fortran, data = state
        self.shape = shape
        if dtype.dtype.hasobject:
            self.value = list(data)
        else:
            self.value = _view(data, dtype.dtype, shape, "F" if is_fortran else "C")


def _view(data: object, dtype: NumpyDtype, shape: object, order: str) -> Array:
    """Views bytes as an array, in this machine's byte order."""
    raw = data.encode("latin-1") if isinstance(data, str) else data  # Python 2's strings
    array: Array = np.frombuffer(raw, dtype).reshape(shape, order=order)  # type: ignore[call-overload]
    return array.astype(dtype.newbyteorder("="), copy=False)


def _build_scalar(dtype: _Dtype, data: object) -> Array:
    return _view(data, dtype.dtype, (), "C")


def _build_from_buffer(data: object, dtype: _Dtype, shape: object, order: object) -> _Array:
    array = _Array()
    array.value = _view(data, dtype.dtype, shape, str(order))
    return array


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1", "bytes"):
        raise FormatError(f"a pickle that encodes text as {encoding}")
    return str(text).encode("latin-1")


def _list_calls() -> dict[str, Call]:
    """Maps the names that such pickles use to what is called instead."""
    calls: dict[str, Call] = {
        "_codecs encode": _encode,
        "collections OrderedDict": collections.OrderedDict,
        "numpy dtype": _Dtype,
        "numpy ndarray": _Array,
    }
    for core in ("numpy.core", "numpy._core"):
        calls[f"{core}.multiarray _reconstruct"] = _Array
        calls[f"{core}.multiarray scalar"] = _build_scalar
        calls[f"{core}.numeric _frombuffer"] = _build_from_buffer
    return calls


_CALLS = _list_calls()


class PickledArrays(NamedTuple):
    """The arrays of a pickle. ``left_out``: names of values that are no numbers, such as text."""

    arrays: dict[str, Array]
    left_out: tuple[str, ...]


def read_pickled_arrays(data: bytes, label: str) -> PickledArrays:
    """Reads the arrays of a pickled object array; names are keys and positions: "conv1/weights".

    Raises CheckpointError for a pickle that names anything but arrays and containers, FormatError
    for bytes that are no such pickle. ``label``: what errors call the file.
    """
    try:
        root = unpickle(data, _CALLS, _refuse_persistent)
    except RefusedPickleError as error:
        raise CheckpointError(
            f"{label}: a pickle that names {error}, which is not executed; save it as plain arrays"
        ) from error
    if isinstance(root, _Array) and root.shape == () and isinstance(root.value, list):
        [root] = root.value  # np.save wraps what is no array in an array without axes
    arrays: dict[str, Array] = {}
    left_out: list[str] = []
    for name, value in _iterate_leaves(root, "", 0):
        if len(arrays) + len(left_out) == _MAX_VALUES:
            raise FormatError(f"more than {_MAX_VALUES} values")
        if isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            left_out.append(name)
    return PickledArrays(arrays, tuple(left_out))


def _iterate_leaves(value: object, name: str, depth: int) -> Iterator[tuple[str, object]]:
    """Yields what nested containers hold, numbers as arrays, with its names."""
    if depth > _MAX_DEPTH:
        raise FormatError(f"containers in containers, more than {_MAX_DEPTH} deep")
    if isinstance(value, _Array):
        value = value.value
    if isinstance(value, (Mapping, list, tuple)):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
            yield from _iterate_leaves(item, f"{name}/{text}" if name else text, depth + 1)
    else:
        yield name, np.asarray(value) if isinstance(value, (int, float, complex)) else value


def _refuse_persistent(_: object) -> object:
    raise FormatError("a pickle with persistent ids")
