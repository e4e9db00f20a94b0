"""Writes a state_dict (.pth) without PyTorch.

The file is a zip archive: ``data.pkl`` describes the tensors, ``data/<key>`` has the bytes of one.
The pickle names three globals, which ``torch.load(weights_only=True)`` allows: OrderedDict, a
storage type and torch._utils._rebuild_tensor_v2. Source: PyTorch's torch/serialization.py.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from legacy_nets.errors import CheckpointError
from legacy_nets.port.weights import Weight, count_bytes, view_bytes

_STORAGES = {
    **{"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage"},
    **{"bfloat16": "BFloat16Storage", "int64": "LongStorage", "int32": "IntStorage"},
    **{"int16": "ShortStorage", "int8": "CharStorage", "uint8": "ByteStorage"},
    **{"bool": "BoolStorage", "complex64": "ComplexFloatStorage"},
}
_ROOT = "archive"
_EMPTY_ORDERED_DICT = b"ccollections\nOrderedDict\n)R"  # GLOBAL, EMPTY_TUPLE, REDUCE


def write_state_dict(path: Path, weights: Sequence[Weight], metadata: Mapping[str, object]) -> None:
    """Writes the file. Raises CheckpointError for a dtype that PyTorch lacks."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{_ROOT}/data.pkl", _pickle(weights))
        archive.writestr(f"{_ROOT}/byteorder", "little")
        archive.writestr(f"{_ROOT}/extra/legacy_nets.json", json.dumps(metadata))
        for key, weight in enumerate(weights):
            member = zipfile.ZipInfo(f"{_ROOT}/data/{key}")
            member.file_size = count_bytes(weight)  # tells zipfile whether it needs 64 bits
            with archive.open(member, "w") as file:
                file.write(view_bytes(weight.load()).data)
        archive.writestr(f"{_ROOT}/version", "3\n")


def _pickle(weights: Sequence[Weight]) -> bytes:
    """Pickles an OrderedDict of the tensors, in protocol 2; each has a storage of its own."""
    parts = [b"\x80\x02", _EMPTY_ORDERED_DICT, b"("]
    for key, weight in enumerate(weights):
        if weight.dtype not in _STORAGES:
            raise CheckpointError(f"{weight.name}: PyTorch has no type {weight.dtype}")
        storage_type = f"ctorch\n{_STORAGES[weight.dtype]}\n".encode()
        storage = b"(" + _pickle_text("storage") + storage_type
        storage += _pickle_text(str(key)) + _pickle_text("cpu")
        storage += _pickle_int(math.prod(weight.shape)) + b"tQ"  # TUPLE, BINPERSID
        strides = [math.prod(weight.shape[axis + 1 :]) for axis in range(len(weight.shape))]
        parts += [_pickle_text(weight.name), b"ctorch._utils\n_rebuild_tensor_v2\n(", storage]
        parts += [_pickle_int(0), _pickle_tuple(weight.shape), _pickle_tuple(strides)]
        parts += [b"\x89", _EMPTY_ORDERED_DICT, b"tR"]
    return b"".join([*parts, b"u."])  # SETITEMS, STOP


def _pickle_text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _pickle_int(number: int) -> bytes:
    if number < 1 << 31:
        return b"J" + struct.pack("<i", number)
    data = number.to_bytes(9, "little")
    return b"\x8a" + struct.pack("<B", len(data)) + data


def _pickle_tuple(numbers: Sequence[int]) -> bytes:
    return b"(" + b"".join(map(_pickle_int, numbers)) + b"t"
