"""The frame of TFRecord files: length, checksum of the length, record, checksum of the record.

Source: tensorflow/core/lib/io/record_writer.h.
"""

from __future__ import annotations

import pathlib
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from legacy_nets.crc32c import compute_crc32c, mask_crc
from legacy_nets.errors import BadInputError
from legacy_nets.files import explain_other_format, is_tfrecord

_HEAD, _FOOT = struct.Struct("<QI"), struct.Struct("<I")


class Place(NamedTuple):
    """Where a record is in its file."""

    offset: int
    length: int


def read_records(path: pathlib.Path) -> Iterator[tuple[Place, bytes]]:
    """Reads every record of a file in order, and checks both its checksums.

    Raises BadInputError where the file is damaged, or no TFRecord.
    """
    for number, (place, data) in enumerate(read_sound_records(path)):
        if data is None:
            raise BadInputError(describe_damage(path, number))
        yield place, data


def describe_damage(path: pathlib.Path, number: int) -> str:
    """Describes a record whose checksum is wrong, for an error."""
    return f"{path}: record {number} has a wrong checksum: download it again"


def read_sound_records(path: pathlib.Path) -> Iterator[tuple[Place, bytes | None]]:
    """Reads a file as ``read_records`` does; a record whose own checksum is wrong is None.

    Raises BadInputError where nothing can be read from there on: the file is truncated, the length
    of a record is damaged, or the file is no TFRecord.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        number = 0
        while head := file.read(_HEAD.size):
            length, checksum = _HEAD.unpack(head.ljust(_HEAD.size, b"\0"))
            place = Place(file.tell(), length)
            if _compute_checksum(head[:8]) != checksum:
                found = explain_other_format(head) if number == 0 else ""
                raise BadInputError(
                    f"{path} is no TFRecord: {found}" if found else describe_damage(path, number)
                )
            if place.offset + length + _FOOT.size > size:
                raise BadInputError(
                    f"{path} ends in record {number}: it is truncated, download it again"
                )
            data = file.read(length)
            is_sound = _compute_checksum(data) == _FOOT.unpack(file.read(_FOOT.size))[0]
            yield place, data if is_sound else None
            number += 1


def starts_with_record(path: pathlib.Path) -> bool:
    """Whether a file begins as a TFRecord does: a length and its checksum."""
    try:
        with open(path, "rb") as file:
            return is_tfrecord(file.read(_HEAD.size))
    except OSError:
        return False


def read_record(path: pathlib.Path, place: Place) -> bytes:
    """Reads one record of a file that ``read_records`` has checked."""
    with open(path, "rb") as file:
        file.seek(place.offset)
        return file.read(place.length)


def write_record(file: BinaryIO, data: bytes) -> None:
    """Writes a record at the end of an open file."""
    length = struct.pack("<Q", len(data))
    file.write(length + _FOOT.pack(_compute_checksum(length)))
    file.write(data + _FOOT.pack(_compute_checksum(data)))


def _compute_checksum(data: bytes) -> int:
    return mask_crc(compute_crc32c(data))
