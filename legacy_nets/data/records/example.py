"""One labelled image as a serialized ``tf.train.Example``, in the layout of slim.

Source: datasets/dataset_utils.py of slim (tensorflow/models), ``image_to_tfexample``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from legacy_nets.data.class_indices import MAX_CLASSES
from legacy_nets.errors import BadInputError, list_first
from legacy_nets.wire import Buffer, FormatError, Message, read_varint

ENCODED, FORMAT = "image/encoded", "image/format"
LABEL, TEXT = "image/class/label", "image/class/text"
HEIGHT, WIDTH = "image/height", "image/width"
_BYTES_LIST, _INT64_LIST = 1, 3  # fields of tf.train.Feature


class LabelledImage(NamedTuple):
    """What is read of an example."""

    encoded: bytes  # a JPEG or PNG file
    label: int
    text: str  # the name of the class; "" where the example has none


def parse_example(record: bytes, source: str) -> LabelledImage:
    """Parses a record. Raises BadInputError, which names ``source``, for another layout."""
    with _name_layout(source):
        features = _parse_features(record)
        encoded = _get_bytes(features.get(ENCODED))
        label = _get_int(features.get(LABEL))
        text = _get_bytes(features.get(TEXT)) or b""
    if encoded is None or label is None:
        raise BadInputError(
            f"{source} has {_list_names(features)}: slim's layout needs {ENCODED} (bytes) and "
            f"{LABEL} (int64)"
        )
    if not 0 <= label < MAX_CLASSES:
        raise BadInputError(
            f"{source} has the {LABEL} {label}: it must be a class from 0 to {MAX_CLASSES - 1}"
        )
    return LabelledImage(encoded, label, text.decode("utf-8", "replace"))


def parse_encoded_image(record: bytes, source: str) -> bytes:
    """Parses the encoded image of a record, which may have no label; see ``parse_example``."""
    with _name_layout(source):
        features = _parse_features(record)
        encoded = _get_bytes(features.get(ENCODED))
    if encoded is None:
        raise BadInputError(
            f"{source} has {_list_names(features)}: slim's layout needs {ENCODED} (bytes)"
        )
    return encoded


def _parse_features(record: bytes) -> dict[str, Message]:
    """Parses a record into its features by name. Raises FormatError or UnicodeDecodeError."""
    return {
        entry.get_text(1): feature
        for features in Message(record).get_messages(1)
        for entry in features.get_messages(1)
        for feature in entry.get_messages(2)
    }


@contextlib.contextmanager
def _name_layout(source: str) -> Iterator[None]:
    """Turns the errors of parsing into a BadInputError that names the source and the layout."""
    try:
        yield
    except (FormatError, UnicodeDecodeError):
        raise BadInputError(
            f"{source} holds no tf.train.Example: give TFRecords in slim's layout"
        ) from None


def _list_names(features: Mapping[str, Message]) -> str:
    return list_first(sorted(features), 8) or "nothing"


def _get_bytes(feature: Message | None) -> bytes | None:
    """Gets the value of a feature of bytes; None where it has none."""
    values = [] if feature is None else feature.get_messages(_BYTES_LIST)
    buffers = values[0].get_buffers(1) if values else []
    return bytes(buffers[0]) if buffers else None


def _get_int(feature: Message | None) -> int | None:
    """Gets the value of a feature of integers; None where it has none."""
    values = [] if feature is None else feature.get_messages(_INT64_LIST)
    numbers = values[0].get_values(1) if values else []
    if not numbers:
        return None
    number = numbers[0]
    if not isinstance(number, int):  # packed
        number = read_varint(number, 0)[0]
    return number - (1 << 64) if number >= 1 << 63 else number


def make_example(encoded: bytes, image_format: str, label: int, size: tuple[int, int]) -> bytes:
    """Makes the record of an encoded image, as ``image_to_tfexample`` does.

    ``image_format``: "jpg" or "png". ``size``: (height, width).
    """
    features = {
        LABEL: _make_ints(label),
        ENCODED: _make_bytes(encoded),
        FORMAT: _make_bytes(image_format.encode()),
        HEIGHT: _make_ints(size[0]),
        WIDTH: _make_ints(size[1]),
    }
    entries = (
        _make_field(1, _make_field(1, name.encode()) + _make_field(2, features[name]))
        for name in sorted(features)
    )
    return _make_field(1, b"".join(entries))


def _make_bytes(value: bytes) -> bytes:
    return _make_field(_BYTES_LIST, _make_field(1, value))


def _make_ints(value: int) -> bytes:
    return _make_field(_INT64_LIST, _make_field(1, _make_varint(value)))


def _make_field(number: int, value: Buffer) -> bytes:
    """Makes a field of bytes: tag, length, value."""
    return _make_varint(number << 3 | 2) + _make_varint(len(value)) + bytes(value)


def _make_varint(value: int) -> bytes:
    """Makes a base-128 number of an integer from 0 on."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
