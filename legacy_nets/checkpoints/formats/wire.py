"""Protocol-buffer wire format, as much of it as TensorFlow's checkpoint files use.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from typing import TypeAlias

Buffer: TypeAlias = bytes | memoryview  # of a view, the fields are views too: no copies


class Damaged(Exception):
    """Bytes that do not follow their format; whoever knows the file makes a CheckpointError."""


def varint(data: Buffer, at: int) -> tuple[int, int]:
    """The unsigned base-128 number at ``at`` and the position after it. Raises Damaged."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    raise Damaged("a number has no end")


class Message:
    """The fields of one message, by number; a field that is absent has its default."""

    def __init__(self, data: Buffer) -> None:
        self._fields: dict[int, list[int | Buffer]] = {}
        at = 0
        while at < len(data):
            tag, at = varint(data, at)
            number, kind = tag >> 3, tag & 7
            if number == 0:
                raise Damaged("a field has the number 0")
            value: int | Buffer
            if kind == 0:
                value, at = varint(data, at)
            elif kind in (1, 2, 5):  # 64 bits, bytes with their length, 32 bits
                size, at = varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
                value, at = data[at : at + size], at + size
                if at > len(data):
                    raise Damaged("a field reaches out of its message")
                if kind != 2:
                    value = int.from_bytes(value, "little")
            else:
                raise Damaged(f"unknown wire type {kind}")
            self._fields.setdefault(number, []).append(value)

    def number(self, field: int, default: int = 0) -> int:
        """An integer field. Raises Damaged where it is negative or not an integer."""
        value = self._fields.get(field, [default])[-1]
        if not isinstance(value, int) or value >= 1 << 63:
            raise Damaged(f"field {field} is no number from 0 on")
        return value

    def messages(self, field: int) -> list[Message]:
        """A repeated message field. Raises Damaged where it is not made of bytes."""
        return [Message(value) for value in self.buffers(field)]

    def text(self, field: int) -> str:
        """A string field. Raises Damaged where it is not made of bytes."""
        values = self.buffers(field)
        return bytes(values[-1]).decode("utf-8") if values else ""

    def values(self, field: int) -> list[int | Buffer]:
        """A repeated field of numbers: each an int (unsigned), or many packed in bytes."""
        return self._fields.get(field, [])

    def buffers(self, field: int) -> list[Buffer]:
        """A repeated field of bytes. Raises Damaged where it is not made of bytes."""
        values = self._fields.get(field, [])
        if any(isinstance(value, int) for value in values):
            raise Damaged(f"field {field} is not made of bytes")
        return [value for value in values if not isinstance(value, int)]

    def is_bytes(self, field: int) -> bool:
        """Whether a field is there and made of bytes."""
        return not isinstance(self._fields.get(field, [0])[-1], int)
