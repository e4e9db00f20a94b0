"""Opens a large frozen graph from its file, one large constant at a time.

``tf.import_graph_def`` of a GraphDef holds all constants four times (in the message, in a copy of
it, in bytes, and in the C++ message that is made of these), and a session four times more.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.types import Array, GraphDef
from legacy_nets.wire import FormatError, read_varint

_LARGE = 1 << 20  # bytes of a field
_HEAD = 20  # bytes of the longest tag and size
_BYTES = 2  # wire type


class _Field(NamedTuple):
    """Where a field of a message is in its file, with its tag and size."""

    start: int
    size: int


def open_by_parts(path: Path) -> dict[str, Array]:
    """Imports a frozen graph into the default graph, without the values of large constants.

    Returns what TensorFlow computes for each of these constants by itself, by the tensor's name
    (``weights:0``), to be fed.

    ``path``: of a binary GraphDef. Raises FormatError for a file that is none.
    """
    graph = tf.GraphDef()
    large = []
    values = {}
    with open(path, "rb") as file:
        for field in _list_fields(file):
            if field.size < _LARGE:
                graph.MergeFromString(_read(file, field))
            else:
                large.append(field)
        for field in large:
            part = tf.GraphDef.FromString(_read(file, field))
            for node in part.node:
                if node.op == "Const" and not node.input:
                    part.versions.CopyFrom(graph.versions)
                    values[f"{node.name}:0"] = _compute(part, f"{node.name}:0")
                    node.attr["value"].tensor.ClearField("tensor_content")  # legal: zeros
            graph.node.extend(part.node)
    tf.import_graph_def(graph, name="")
    return values


def _compute(graph: GraphDef, tensor: str) -> Array:
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True  # it would copy the constant
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        tf.import_graph_def(graph, name="")
        value: Array = session.run(tensor)
        return value


def _list_fields(file: BinaryIO) -> list[_Field]:
    """Lists the fields of a message in a file. Raises FormatError."""
    fields = []
    start = 0
    while head := file.read(_HEAD):
        tag, position = read_varint(head, 0)
        if tag & 7 != _BYTES:
            raise FormatError(f"unknown wire type {tag & 7}")
        size, position = read_varint(head, position)
        fields.append(_Field(start, position + size))
        start += position + size
        file.seek(start)
    return fields


def _read(file: BinaryIO, field: _Field) -> bytes:
    file.seek(field.start)
    return file.read(field.size)
