"""Decodes the protocol-buffer wire format, as far as TensorFlow's files use it.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from typing import TypeAlias

Buffer: TypeAlias = bytes | memoryview  # fields of a memoryview are memoryviews: no copies

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


class FormatError(Exception):
    """Bytes that violate their format. ``report_damage`` turns it into a CheckpointError."""


def read_varint(data: Buffer, position: int) -> tuple[int, int]:
    """Reads an unsigned base-128 number: its value, and the position after it.

    Raises FormatError.
    """
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        value |= (byte & 127) << shift
        position += 1
        if byte < 128:
            return value, position
        shift += 7
    raise FormatError("a number has no end")


def encode_varint(value: int) -> bytes:
    """Encodes an unsigned number as ``read_varint`` reads it."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes((*encoded, value))


class Message:
    """The fields of one message, by number. An absent field has its default."""

    def __init__(self, data: Buffer) -> None:
        self._fields: dict[int, list[int | Buffer]] = {}
        position = 0
        while position < len(data):
            tag, position = read_varint(data, position)
            number, wire_type = tag >> 3, tag & 7
            if number == 0:
                raise FormatError("a field has the number 0")
            value: int | Buffer
            if wire_type == _VARINT:
                value, position = read_varint(data, position)
            elif wire_type in (_FIXED64, _BYTES, _FIXED32):
                size = 8 if wire_type == _FIXED64 else 4
                if wire_type == _BYTES:
                    size, position = read_varint(data, position)
                value, position = data[position : position + size], position + size
                if position > len(data):
                    raise FormatError("a field extends past the end of its message")
                if wire_type != _BYTES:
                    value = int.from_bytes(value, "little")
            else:
                raise FormatError(f"unknown wire type {wire_type}")
            self._fields.setdefault(number, []).append(value)

    def get_int(self, field: int, default: int = 0) -> int:
        """Gets an integer field. Raises FormatError if it is negative or not an integer."""
        value = self._fields.get(field, [default])[-1]
        if not isinstance(value, int) or value >= 1 << 63:
            raise FormatError(f"field {field} is not an integer from 0 on")
        return value

    def get_messages(self, field: int) -> list[Message]:
        """Gets a repeated message field. Raises FormatError if it does not hold bytes."""
        return [Message(value) for value in self.get_buffers(field)]

    def get_text(self, field: int) -> str:
        """Gets a string field. Raises FormatError if it does not hold bytes."""
        values = self.get_buffers(field)
        return bytes(values[-1]).decode("utf-8") if values else ""

    def get_values(self, field: int) -> list[int | Buffer]:
        """Gets a repeated field of numbers: each is an unsigned int, or many packed in bytes."""
        return self._fields.get(field, [])

    def get_buffers(self, field: int) -> list[Buffer]:
        """Gets a repeated field of bytes. Raises FormatError if it does not hold bytes."""
        values = self._fields.get(field, [])
        if any(isinstance(value, int) for value in values):
            raise FormatError(f"field {field} does not hold bytes")
        return [value for value in values if not isinstance(value, int)]

    def has_bytes(self, field: int) -> bool:
        """Whether the message has this field and it holds bytes."""
        return not isinstance(self._fields.get(field, [0])[-1], int)
