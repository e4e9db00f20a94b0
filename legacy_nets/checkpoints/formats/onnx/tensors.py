"""Decodes the TensorProto of ONNX: raw bytes, typed fields, or bytes in a file next to the model.

Source: onnx/onnx.proto and docs/ExternalData.md of github.com/onnx/onnx.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np

from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.formats.tensor_proto import decode_field, view_bytes
from legacy_nets.checkpoints.source import TensorSpec
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array, NumpyDtype, Shape
from legacy_nets.wire import Buffer, FormatError, Message

_DTYPES = {
    **{1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64"},
    **{8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64"},
    **{14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8_e4m3fn"},
    **{18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4"},
    **{23: "float4_e2m1fn", 24: "float8_e8m0fnu", 25: "uint2", 26: "int2"},
}
_FLOATS, _INT32S, _STRINGS, _INT64S, _RAW, _DOUBLES, _UINT64S = 4, 5, 6, 7, 9, 10, 11
_FIELDS = {  # dtype -> the typed field of its values; those that are not here are int32s
    **{"float32": _FLOATS, "complex64": _FLOATS, "float64": _DOUBLES, "complex128": _DOUBLES},
    **{"int64": _INT64S, "uint32": _UINT64S, "uint64": _UINT64S},
}
_EXTERNAL = 1  # data_location: in another file
_HALF_BYTES = ("int4", "uint4")  # two values a byte, the lower half first
_LARGEST_SPARSE = 1 << 28  # values of a sparse tensor that is read as a dense one


@dataclasses.dataclass(frozen=True)
class ExternalData:
    """Where the bytes of a tensor are, in a file next to the model."""

    location: str
    offset: int
    length: int | None  # None: up to the end of the file


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """One tensor of a model. Its values are decoded by ``read_values``."""

    spec: TensorSpec
    proto: Message
    external: ExternalData | None = None
    indices: Message | None = None  # of a sparse tensor: the tensor with the places of its values


def name_dtype(code: int) -> str:
    """Names a TensorProto.DataType as ``TensorSpecLike.dtype`` does."""
    return _DTYPES.get(code, f"type {code}")


def decode_tensor(proto: Message) -> StoredTensor:
    """Decodes shape, dtype and place of a TensorProto. Raises FormatError."""
    spec = TensorSpec(_decode_dims(proto, 1), name_dtype(proto.get_int(2)))
    if proto.get_values(3):
        raise FormatError("a tensor in segments, which ONNX does not define")
    if proto.get_int(14) == _EXTERNAL:
        return StoredTensor(spec, proto, _decode_external(proto))
    raw = proto.get_buffers(_RAW)
    dtype = find_numpy_dtype(spec.dtype)
    if raw and dtype is not None and len(raw[-1]) != count_bytes(spec, dtype):
        raise FormatError(f"{len(raw[-1])} bytes of a tensor {spec.dtype} {list(spec.shape)}")
    return StoredTensor(spec, proto)


def decode_sparse_tensor(proto: Message) -> StoredTensor:
    """Decodes shape, dtype and place of a SparseTensorProto. Raises FormatError."""
    if not proto.has_bytes(1):
        raise FormatError("a sparse tensor without values")
    values = decode_tensor(proto.get_messages(1)[-1])
    indices = (proto.get_messages(2) or [Message(b"")])[-1]
    spec = TensorSpec(_decode_dims(proto, 3), values.spec.dtype)
    return StoredTensor(spec, values.proto, values.external, indices)


def read_values(tensor: StoredTensor, model: Path) -> Array:
    """Reads the values of a tensor, [*shape]. ``model``: the file that it is in.

    Raises FormatError and OSError; CheckpointError for a dtype without numbers, and for data that
    are missing or outside the model's folder.
    """
    if tensor.indices is not None:
        return _read_sparse(tensor, tensor.indices, model)
    spec = tensor.spec
    if spec.dtype == "string":
        buffers = tensor.proto.get_buffers(_STRINGS)
        texts: Array = np.array([bytes(buffer) for buffer in buffers], object)
        return _shape(texts, spec.shape)
    dtype = find_numpy_dtype(spec.dtype)
    if dtype is None:
        raise CheckpointError(f"{model}: a tensor of type {spec.dtype}, which is not read")
    if tensor.external is not None:
        return _decode_raw(read_external(tensor.external, spec, dtype, model), spec, dtype)
    raw = tensor.proto.get_buffers(_RAW)
    if raw:
        return _decode_raw(raw[-1], spec, dtype)
    field = _FIELDS.get(spec.dtype, _INT32S)
    if spec.dtype in _HALF_BYTES:
        packed = decode_field(tensor.proto, field, "uint8", np.dtype(np.uint8))
        return _decode_raw(packed.tobytes(), spec, dtype)
    return _shape(decode_field(tensor.proto, field, spec.dtype, dtype), spec.shape)


def find_external(external: ExternalData, model: Path) -> Path:
    """Finds the file of external data, which is in the folder of the model or below it.

    Raises CheckpointError for any other place, also one that a link leads to.
    """
    path = model.parent / external.location
    place = path.resolve()
    # A download cache has links to model and data, which are in one folder elsewhere.
    folders = {model.parent.resolve(), model.resolve().parent}
    if not any(place.is_relative_to(folder) for folder in folders):
        raise CheckpointError(
            f"{model}: it names weights in {external.location!r}, outside its folder, where "
            "nothing is read: save the model with its weights in its own folder"
        )
    return path


def check_exists(path: Path, model: Path) -> None:
    """Raises CheckpointError where a file of external data is missing."""
    if not path.is_file():
        raise CheckpointError(
            f"{model}: its weights are in {path.name}, which is missing: copy that file next to "
            "it, too"
        )


def read_external(
    external: ExternalData, spec: TensorSpec, dtype: NumpyDtype, model: Path
) -> Buffer:
    """Returns the bytes of a tensor in a file next to the model, mapped into memory.

    Raises CheckpointError for a file that is missing or outside the model's folder, FormatError
    for one that is too short.
    """
    path = find_external(external, model)
    check_exists(path, model)
    size = path.stat().st_size
    length = size - external.offset if external.length is None else external.length
    if external.offset + length > size or length < 0:
        raise FormatError(
            f"{external.location} has {size} bytes, the weights end at {external.offset + length}"
        )
    if length != count_bytes(spec, dtype):
        raise FormatError(f"{length} bytes of a tensor {spec.dtype} {list(spec.shape)}")
    if not length:
        return b""
    return np.memmap(path, np.uint8, "r", external.offset, (length,)).data


def count_bytes(spec: TensorSpec, dtype: NumpyDtype) -> int:
    """Counts the bytes that the values of a tensor take."""
    count = math.prod(spec.shape)
    return (count + 1) // 2 if spec.dtype in _HALF_BYTES else count * dtype.itemsize


def _decode_dims(proto: Message, field: int) -> Shape:
    """Decodes a repeated field of sizes. Raises FormatError for a negative one."""
    sizes = decode_field(proto, field, "int64", np.dtype(np.int64)).tolist()
    if any(size < 0 for size in sizes):
        raise FormatError(f"a tensor of shape {sizes}")
    return tuple(sizes)


def _decode_external(proto: Message) -> ExternalData:
    """Decodes the entries that tell where the data are."""
    texts = {entry.get_text(1): entry.get_text(2) for entry in proto.get_messages(13)}
    offset, length = (_parse_size(texts.get(key)) for key in ("offset", "length"))
    location = texts.get("location", "").replace("\\", "/")
    if not location or "\0" in location:
        raise FormatError(f"external data in the file {location[:20]!r}")
    return ExternalData(location, offset or 0, length)


def _parse_size(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise FormatError(f"external data at {text[:20]!r}")
    return int(text)


def _decode_raw(data: Buffer, spec: TensorSpec, dtype: NumpyDtype) -> Array:
    """Decodes little-endian bytes, [*shape]."""
    if spec.dtype not in _HALF_BYTES:
        return _shape(view_bytes(data, dtype.newbyteorder("<")), spec.shape)
    packed = np.frombuffer(data, np.uint8)
    halves = np.stack([packed & 15, packed >> 4], axis=-1).reshape(-1)[: math.prod(spec.shape)]
    signed = (halves.astype(np.int8) ^ 8) - 8 if spec.dtype == "int4" else halves
    return _shape(signed.astype(dtype), spec.shape)


def _shape(values: Array, shape: Shape) -> Array:
    """Returns values [n] as [*shape]. Raises FormatError where their number is another."""
    if values.size != math.prod(shape):
        raise FormatError(f"{values.size} values of a tensor {list(shape)}")
    return values.reshape(shape)


def _read_sparse(tensor: StoredTensor, indices: Message, model: Path) -> Array:
    """Reads a sparse tensor as a dense one: its indices are [n], or [n, axes]."""
    size = math.prod(tensor.spec.shape)
    values = decode_tensor(tensor.proto)
    stored = read_values(values, model).reshape(-1)
    places = read_values(decode_tensor(indices), model)
    if size > _LARGEST_SPARSE:
        raise FormatError(f"a sparse tensor {list(tensor.spec.shape)}")
    if places.dtype != np.int64 or places.shape not in (
        stored.shape,
        (*stored.shape, len(tensor.spec.shape)),
    ):
        raise FormatError(f"{stored.size} sparse values with indices {list(places.shape)}")
    limits = tensor.spec.shape if places.ndim == 2 else (size,)
    if ((places < 0) | (places >= np.array(limits))).any():
        raise FormatError("a sparse value outside its tensor")
    flat = places if places.ndim == 1 else np.ravel_multi_index(tuple(places.T), tensor.spec.shape)
    dense: Array = np.zeros(size, stored.dtype)
    dense[flat] = stored
    return dense.reshape(tensor.spec.shape)
