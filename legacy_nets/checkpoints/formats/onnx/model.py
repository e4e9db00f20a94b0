"""Parses an ONNX model (ModelProto): its nodes, tensors, inputs and outputs. Runs no part of it.

Source: onnx/onnx.proto of github.com/onnx/onnx; the numbers below are its field numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.onnx.tensors import (
    StoredTensor,
    decode_sparse_tensor,
    decode_tensor,
    name_dtype,
)
from legacy_nets.checkpoints.formats.tensor_proto import decode_field
from legacy_nets.checkpoints.source import GraphValue, parse_json_table
from legacy_nets.wire import FormatError, Message

_MAX_DEPTH = 32  # of graphs in nodes of graphs
_ONNX_DOMAIN = "ai.onnx"  # "" means it, too


class Node(NamedTuple):
    """One operation. Names of values; "" is an optional one that is left out."""

    name: str
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Message]  # AttributeProto


@dataclasses.dataclass
class OnnxModel:
    """What is in a model. Values of subgraphs are in the same tables as those of the graph."""

    ir_version: int
    producer: str  # program and version
    opsets: Mapping[str, int]  # domain -> version
    metadata: Mapping[str, object]
    inputs: tuple[GraphValue, ...] = ()
    outputs: tuple[GraphValue, ...] = ()
    nodes: list[Node] = dataclasses.field(default_factory=list)
    tensors: dict[str, StoredTensor] = dataclasses.field(default_factory=dict)
    values: dict[str, GraphValue] = dataclasses.field(default_factory=dict)  # with known types
    results: set[str] = dataclasses.field(default_factory=set)  # outputs of graph and subgraphs
    literals: set[str] = dataclasses.field(default_factory=set)  # single numbers of formulas


def is_onnx(path: Path) -> bool:
    """Whether the fields of a file are those of a ModelProto, with its version and its graph."""
    try:
        model = Message(np.memmap(path, np.uint8, "r").data)
    except (FormatError, ValueError):
        return False
    return bool(model.get_values(1)) and not model.has_bytes(1) and model.has_bytes(7)


def parse_model(path: Path) -> OnnxModel:
    """Parses a model. Its tensors stay on the disk. Raises FormatError and UnicodeDecodeError."""
    proto = Message(np.memmap(path, np.uint8, "r").data)
    if not proto.has_bytes(7):
        raise FormatError("a model without a graph")
    properties = {item.get_text(1): item.get_text(2) for item in proto.get_messages(14)}
    model = OnnxModel(
        ir_version=proto.get_int(1),
        producer=f"{proto.get_text(2)} {proto.get_text(3)}".strip(),
        opsets={
            item.get_text(1) or _ONNX_DOMAIN: item.get_int(2) for item in proto.get_messages(8)
        },
        metadata=_parse_properties(properties),
    )
    graph = proto.get_messages(7)[-1]
    _add_graph(model, graph, "", 0)
    model.outputs = tuple(_decode_value(value) for value in graph.get_messages(12))
    model.inputs = tuple(
        value
        for value in map(_decode_value, graph.get_messages(11))
        if value.name not in model.tensors  # before IR 4, initializers are inputs, too
    )
    model.values.update((value.name, value) for value in (*model.inputs, *model.outputs))
    for function in proto.get_messages(25):
        _add_nodes(model, function.get_messages(7), f"{function.get_text(1)}/", 0)
    return model


def decode_ints(attribute: Message | None) -> tuple[int, ...]:
    """Decodes the integers of an AttributeProto: its list, or its only one."""
    if attribute is None:
        return ()
    field = 8 if attribute.get_values(8) else 3
    return tuple(decode_field(attribute, field, "int64", np.dtype(np.int64)).tolist())


def _parse_properties(properties: Mapping[str, str]) -> dict[str, object]:
    """Parses metadata_props; values that ``port`` wrote as JSON become what they were."""
    parsed: dict[str, object] = {}
    for key, text in properties.items():
        table = parse_json_table(f'{{"value": {text}}}')
        parsed[key] = table.get("value", text)
    return parsed


def _add_graph(model: OnnxModel, graph: Message, prefix: str, depth: int) -> None:
    """Adds a GraphProto. ``prefix``: of names that two subgraphs share."""
    if depth > _MAX_DEPTH:
        raise FormatError(f"graphs in graphs, more than {_MAX_DEPTH} deep")
    for proto in graph.get_messages(5):
        _add_tensor(model, proto.get_text(8), decode_tensor(proto), prefix)
    for proto in graph.get_messages(15):
        tensor = decode_sparse_tensor(proto)
        _add_tensor(model, tensor.proto.get_text(8), tensor, prefix)
    for proto in graph.get_messages(13):
        value = _decode_value(proto)
        model.values.setdefault(value.name, value)
    model.results.update(value.get_text(1) for value in graph.get_messages(12))
    _add_nodes(model, graph.get_messages(1), prefix, depth)


def _add_nodes(model: OnnxModel, protos: list[Message], prefix: str, depth: int) -> None:
    for proto in protos:
        attributes = {item.get_text(1): item for item in proto.get_messages(5)}
        node = Node(
            proto.get_text(3),
            proto.get_text(4),
            _decode_names(proto, 1),
            _decode_names(proto, 2),
            attributes,
        )
        if node.op_type == "Constant":
            for tensor in _decode_constant(attributes):
                name = _add_tensor(model, node.outputs[0] if node.outputs else "", tensor, prefix)
                if not tensor.spec.shape:
                    model.literals.add(name)
        else:
            model.nodes.append(node)
        for name, graph in _iterate_graphs(attributes):
            _add_graph(model, graph, f"{prefix}{node.name or node.op_type}/{name}/", depth + 1)


def _decode_names(proto: Message, field: int) -> tuple[str, ...]:
    return tuple(bytes(name).decode("utf-8") for name in proto.get_buffers(field))


def _decode_constant(attributes: Mapping[str, Message]) -> Iterator[StoredTensor]:
    """Yields the tensor of a Constant; none where it is a number, a list or a text."""
    if "value" in attributes and attributes["value"].has_bytes(5):
        yield decode_tensor(attributes["value"].get_messages(5)[-1])
    if "sparse_value" in attributes and attributes["sparse_value"].has_bytes(22):
        yield decode_sparse_tensor(attributes["sparse_value"].get_messages(22)[-1])


def _iterate_graphs(attributes: Mapping[str, Message]) -> Iterator[tuple[str, Message]]:
    for name, attribute in attributes.items():
        for graph in (*attribute.get_messages(6), *attribute.get_messages(11)):
            yield name, graph


def _add_tensor(model: OnnxModel, name: str, tensor: StoredTensor, prefix: str) -> str:
    """Adds a tensor, returns its name: with that of its subgraph where the plain one is taken."""
    if not name:
        raise FormatError("a tensor without a name")
    if name in model.tensors:
        name = prefix + name
    if name in model.tensors:
        raise FormatError(f"two tensors are called {name}")
    model.tensors[name] = tensor
    return name


def _decode_value(proto: Message) -> GraphValue:
    """Decodes a ValueInfoProto. What is no tensor (a sequence, a map) has no known shape."""
    name = proto.get_text(1)
    if not proto.has_bytes(2):
        return GraphValue(name, "unknown", None)
    kind = proto.get_messages(2)[-1]
    if not kind.has_bytes(1):
        return GraphValue(name, "sequence" if kind.has_bytes(4) else "no tensor", None)
    tensor = kind.get_messages(1)[-1]
    dtype = name_dtype(tensor.get_int(1))
    if not tensor.has_bytes(2):
        return GraphValue(name, dtype, None)
    sides: list[int | str | None] = []
    for side in tensor.get_messages(2)[-1].get_messages(1):
        sides.append(side.get_int(1) if side.get_values(1) else side.get_text(2) or None)
    return GraphValue(name, dtype, tuple(sides))
