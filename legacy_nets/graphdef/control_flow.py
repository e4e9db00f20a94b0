"""Loops and branches: TensorFlow 1's way to build them, and what a loop does not change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import get_node_name, shorten_tensor_name
from legacy_nets.graphdef.op_types import LOOPS
from legacy_nets.types import GraphDef


@contextlib.contextmanager
def use_old_control_flow() -> Iterator[None]:
    """Builds Switch, Merge and Enter in the block, and no functions.

    tf2onnx lacks the lists of tensors that today's loops keep.
    """
    was_enabled = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        yield
    finally:
        if was_enabled:
            tf.enable_control_flow_v2()


def find_unchanged_by_loops(definition: GraphDef) -> set[str]:
    """Finds the tensors that loops of TensorFlow 2 return as they took them: weights, limits.

    Returns names as nodes take them: "while:3", "while" for the first one.
    """
    bodies = {body.signature.name: body for body in definition.library.function}
    unchanged: set[str] = set()
    for node in definition.node:
        body = bodies.get(node.attr["body"].func.name) if node.op in LOOPS else None
        if body is None:
            continue
        inner = {item.name: item for item in body.node_def}
        for index, (taken, given) in enumerate(
            zip(body.signature.input_arg, body.signature.output_arg, strict=True)
        ):
            tensor = body.ret[given.name]
            while (name := get_node_name(tensor)) in inner and inner[name].op == "Identity":
                tensor = inner[name].input[0]
            if tensor == taken.name:
                unchanged.add(shorten_tensor_name(f"{node.name}:{index}"))
    return unchanged
