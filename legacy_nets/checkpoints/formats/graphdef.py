"""Reads the constants of a frozen graph (GraphDef, .pb) as named tensors; runs nothing of it.

Source: tensorflow/core/framework/graph.proto, node_def.proto and attr_value.proto.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from legacy_nets.checkpoints.formats.tensor_proto import dtype_of, shape_of, values_of
from legacy_nets.checkpoints.formats.wire import Damaged, Message
from legacy_nets.checkpoints.source import TensorSpec, WeightFile, parse_json_table
from legacy_nets.errors import CheckpointError

_FOLDED = (
    "its batch norms ({}) are folded into the layers before them, whose weights are no longer the "
    "net's: use the checkpoint that it was made from, or port that to saved_model or safetensors"
)


def read_graphdef(path: Path) -> WeightFile:
    """Opens a frozen graph.

    Its tensors are the constants that stand where variables were (an Identity reads them, called
    ``<name>/read`` or ``.../ReadVariableOp``), and the others (axes, shapes) are set apart; what
    ``port`` wrote states them. Where neither is so, all constants are tensors.

    Raises CheckpointError (a graph without constants, a SavedModel's graph) or Damaged.
    """
    graph = Message(np.memmap(path, np.uint8, "r").data)
    if not graph.is_bytes(1):
        raise CheckpointError(
            f"{path}: no frozen graph; of a SavedModel, name the folder that it lies in"
        )
    stored: dict[str, TensorSpec] = {}
    protos: dict[str, Message] = {}
    variables = set()
    folded = 0
    for node in graph.messages(1):
        name, operation = node.text(1), node.text(2)
        if operation == "Const":
            protos[name] = _constant(name, node)
            shapes = protos[name].messages(2)
            shape = shape_of(shapes[-1]) if shapes else ()
            stored[name] = TensorSpec(shape, dtype_of(protos[name].number(1)))
        elif operation == "Identity":
            read = bytes((node.buffers(3) or [b""])[0]).decode("utf-8")
            if name == f"{read}/read" or name.endswith("ReadVariableOp"):
                variables.add(read)
        elif operation == "BiasAdd" and name.rpartition("/")[2].startswith("FusedBatchNorm"):
            folded += 1  # what folding makes of a batch norm
    if not stored:
        raise CheckpointError(
            f"{path}: a graph without constants (a .meta file, or not frozen); its weights lie in "
            "the checkpoint that was saved with it"
        )

    def load(name: str) -> np.ndarray:
        return values_of(protos[name], stored[name].dtype, stored[name].shape)

    metadata: dict[str, object] = {}
    if stored.get("metadata") == TensorSpec((), "string"):
        metadata = parse_json_table(load("metadata").item())
    listed = metadata.get("variables")
    if isinstance(listed, list):
        variables.update(name for name in listed if isinstance(name, str))
    weights = [name for name in stored if name in variables] or list(stored)

    unsupported = _FOLDED.format(folded) if folded else ""
    return WeightFile(
        str(path),
        {name: stored[name] for name in weights},
        load,
        other_tensors={name: info for name, info in stored.items() if name not in set(weights)},
        notes=(unsupported,) if folded else (),
        unsupported=unsupported,
        metadata=metadata,
    )


def _constant(name: str, node: Message) -> Message:
    """The TensorProto in the attribute "value" of a node."""
    for attribute in node.messages(5):
        if attribute.text(1) == "value":
            for value in attribute.messages(2):
                if value.is_bytes(8):
                    return value.messages(8)[-1]
    raise Damaged(f"the constant {name} has no value")
