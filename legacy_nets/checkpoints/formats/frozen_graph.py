"""Reads the constants of a frozen graph (GraphDef, .pb) as named tensors; runs no part of it.

Source: tensorflow/core/framework/graph.proto, node_def.proto and attr_value.proto.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from legacy_nets.checkpoints.formats.tensor_proto import decode_shape, decode_values, name_dtype
from legacy_nets.checkpoints.formats.training_graph import (
    Node,
    find_optimizer_variables,
    read_node,
)
from legacy_nets.checkpoints.source import TensorSpec, WeightFile, parse_json_table
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array
from legacy_nets.wire import FormatError, Message

_FOLDED = (
    "its batch norms ({}) are folded into the layers before them, whose weights are no longer the "
    "net's: use the checkpoint that it was made from, or port that to saved_model or safetensors"
)


def read_frozen_graph(path: Path) -> WeightFile:
    """Opens a frozen graph.

    Its tensors are the constants that replaced variables. An Identity called ``<name>/read`` or
    ``.../ReadVariableOp`` reads each of them. Files that ``port`` wrote list them. Other constants
    (axes, shapes) and an optimizer's slots are ``other_tensors``. A graph without such constants
    shows all of them.

    Raises CheckpointError (a graph without constants, a SavedModel's graph) or FormatError.
    """
    graph = Message(np.memmap(path, np.uint8, "r").data)
    if not graph.has_bytes(1):
        raise CheckpointError(f"{path}: not a frozen graph; of a SavedModel, name its folder")
    specs: dict[str, TensorSpec] = {}
    protos: dict[str, Message] = {}
    variables = set()
    nodes: dict[str, Node] = {}
    folded_count = 0
    for node in graph.get_messages(1):
        name, nodes[name] = read_node(node)
        op_type, operands = nodes[name]
        if op_type == "Const":
            protos[name] = _get_value(name, node)
            specs[name] = _read_spec(protos[name])
        elif op_type == "Identity":
            source = operands[0] if operands else ""
            if name == f"{source}/read" or name.endswith("ReadVariableOp"):
                variables.add(source)
        elif op_type == "BiasAdd" and name.rpartition("/")[2].startswith("FusedBatchNorm"):
            folded_count += 1  # folding turns a batch norm into this
    if not specs:
        raise CheckpointError(
            f"{path}: a graph without constants (a .meta file, or not frozen); its weights are in "
            "the checkpoint that was saved with it"
        )

    def load(name: str) -> Array:
        return decode_values(protos[name], specs[name].dtype, specs[name].shape)

    metadata: dict[str, object] = {}
    if specs.get("metadata") == TensorSpec((), "string"):
        metadata = parse_json_table(load("metadata").item())
    listed = metadata.get("variables")
    if isinstance(listed, list):
        variables.update(name for name in listed if isinstance(name, str))
    variables -= find_optimizer_variables(nodes)
    weights = [name for name in specs if name in variables] or list(specs)

    unsupported = _FOLDED.format(folded_count) if folded_count else ""
    return WeightFile(
        str(path),
        {name: specs[name] for name in weights},
        load,
        other_tensors={name: spec for name, spec in specs.items() if name not in set(weights)},
        others_are_constants=True,
        notes=(unsupported,) if unsupported else (),
        unsupported=unsupported,
        metadata=metadata,
    )


def _read_spec(value: Message) -> TensorSpec:
    """Reads shape and dtype of a TensorProto."""
    shapes = value.get_messages(2)
    return TensorSpec(decode_shape(shapes[-1]) if shapes else (), name_dtype(value.get_int(1)))


def _get_value(name: str, node: Message) -> Message:
    """Gets the TensorProto in the attribute "value" of a node."""
    for attribute in node.get_messages(5):
        if attribute.get_text(1) == "value":
            for value in attribute.get_messages(2):
                if value.has_bytes(8):
                    return value.get_messages(8)[-1]
    raise FormatError(f"the constant {name} has no value")
