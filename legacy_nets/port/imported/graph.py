"""A stranger's graph as a GraphDef: read, held against what is safe, cut down and cleaned.

A tensor goes by the name that a GraphDef's inputs bear: "conv" is conv:0, "split:1" its second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.load import read_graph_file
from legacy_nets.graphdef.node_names import (
    complete_tensor_name,
    find_free_name,
    get_node_name,
    shorten_tensor_name,
)
from legacy_nets.graphdef.traverse import find_ancestors, index_nodes, list_data_inputs
from legacy_nets.port.imported.saved_model import read_served
from legacy_nets.port.imported.unknown_ops import built, unknown_nodes
from legacy_nets.port.jobs import SAVED_MODEL

_NEW_NAMES = {"Inv": "Reciprocal", "Variable": "VariableV2", "PlaceholderV2": "Placeholder"}
_BARE = ("_class", "_output_shapes")  # colocation and what shape inference once said


class Model(NamedTuple):
    """A stranger's graph that has been read."""

    path: Path
    definition: Any  # GraphDef, without devices
    graph: Any  # the same, imported: its shapes are known
    restore: tuple[str, str] | None  # operation that restores, tensor that takes the prefix
    signature: tuple[dict[str, str], dict[str, str]] | None  # name -> tensor: inputs, outputs
    shapes: dict[str, Any]  # tensor -> shape, where the file says more than can be inferred
    producers: Any  # the op list that was saved beside the graph, or None
    unknown: frozenset[str]  # nodes that something stands in for: no output may need them
    trust: bool  # whether operations that do more than compute may be run


def read_model(path: Path, trust: bool) -> Model:
    """Reads a .meta, .pb, .pbtxt or saved_model.pb; runs nothing.

    Raises BadInputError: unreadable, no valid graph, or what ``foreign_unknown`` does not know.
    """
    definition, meta = read_served(path) if path.name == SAVED_MODEL else read_graph_file(path)
    shapes = {}
    for node in definition.node:
        node.device = ""
        for index, proto in enumerate(node.attr["_output_shapes"].list.shape):
            shapes[f"{node.name}:{index}" if index else node.name] = tf.TensorShape(proto)
        for name in _BARE:
            node.attr.pop(name, None)
    unknown = unknown_nodes(path, definition)
    producers = meta.meta_info_def.stripped_op_list if meta else None
    graph = built(path, definition, producers, unknown, trust)
    restore = signature = None
    if meta:
        saver = meta.saver_def
        there = {node.name for node in definition.node}
        if {saver.restore_op_name, get_node_name(saver.filename_tensor_name)} <= there:
            restore = (saver.restore_op_name, saver.filename_tensor_name)
        signature = _signature(meta)
    return Model(path, definition, graph, restore, signature, shapes, producers, unknown, trust)


def _signature(meta: Any) -> tuple[dict[str, str], dict[str, str]] | None:
    """Of serving, else the only one."""
    signatures = meta.signature_def
    chosen = signatures.get("serving_default") if "serving_default" in signatures else None
    if chosen is None and len(signatures) == 1:
        [chosen] = signatures.values()
    if chosen is None or not chosen.outputs:
        return None
    inputs = {key: shorten_tensor_name(info.name) for key, info in chosen.inputs.items()}
    return inputs, {key: shorten_tensor_name(info.name) for key, info in chosen.outputs.items()}


def rank_of(model: Model, name: str) -> int | None:
    """Axes of a node's first tensor; None where they are not known."""
    rank: int | None = model.graph.get_tensor_by_name(f"{name}:0").shape.rank
    return rank


def cut(
    model: Model,
    definition: Any,
    inputs: Mapping[str, tuple[str, Any, Any]],
    outputs: Mapping[str, str],
) -> Any:
    """The part of a graph between inputs and outputs, with the version that it was made under.

    Args:
      definition: the model's, or made from it.
      inputs: tensor -> (name, dtype, shape) of the placeholder that comes to its place.
      outputs: name -> tensor. A name that is not the tensor's own becomes an Identity.
    """
    nodes = index_nodes(definition)
    found = tf.GraphDef()
    found.versions.CopyFrom(definition.versions)  # old operations are valid under it alone
    found.library.CopyFrom(definition.library)
    renamed = {tensor: name for tensor, (name, _, _) in inputs.items()}
    for name, dtype, shape in inputs.values():
        node = found.node.add(name=name, op="Placeholder")
        node.attr["dtype"].type = dtype.base_dtype.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(shape.as_proto())
    seen = set(renamed.values())
    stack = [tensor for tensor in outputs.values() if tensor not in renamed]
    while stack:
        name = get_node_name(stack.pop())
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        node = found.node.add()
        node.CopyFrom(nodes[name])
        kept = [*list_data_inputs(node), *(edge for edge in node.input if _is_pivot(nodes, edge))]
        node.input[:] = [renamed.get(tensor, tensor) for tensor in kept]
        _modernise(node, found)
        stack.extend(tensor for tensor in kept if tensor not in renamed)
    for name, tensor in outputs.items():
        if name != renamed.get(tensor, tensor):
            node = found.node.add(name=name, op="Identity", input=[renamed.get(tensor, tensor)])
            kind = model.graph.get_tensor_by_name(complete_tensor_name(tensor)).dtype.base_dtype
            node.attr["T"].type = kind.as_datatype_enum
    return found


def without_updates(
    model: Model,
    outputs: Iterable[str],
    ones: Iterable[tuple[str, int]] = (),
    never: Iterable[str] = (),
) -> tuple[Model, int]:
    """The model without the updates (of moving averages) that asking for the outputs would run.

    Returns how many there were, too. They hang on by control edges, and change the weights
    that are being read. Something that cannot be run stands in for the nodes of ``never``, too.
    ``ones``: nodes, and which of their inputs becomes 1 in every element; nothing can be fed to
    those that lie in a loop.
    """
    definition = tf.GraphDef()
    definition.CopyFrom(model.definition)
    nodes = index_nodes(definition)
    left = set()
    for name in find_ancestors(nodes, outputs):
        node = nodes[name]
        gone = [edge for edge in node.input if edge.startswith("^") and not _is_pivot(nodes, edge)]
        if gone:
            left |= {*gone}
            node.input[:] = [tensor for tensor in node.input if tensor not in gone]
    ones = tuple(ones)
    for name, index in ones:
        tensor = nodes[name].input[index]
        one = definition.node.add(name=find_free_name(f"{name}/ones", nodes), op="OnesLike")
        one.input.append(tensor)
        kind = model.graph.get_tensor_by_name(complete_tensor_name(tensor)).dtype.base_dtype
        one.attr["T"].type = kind.as_datatype_enum
        nodes[one.name] = one
        nodes[name].input[index] = one.name
    never = frozenset(never)
    if not (left or ones or never):
        return model, 0
    unknown = model.unknown | never
    graph = built(model.path, definition, model.producers, unknown, model.trust, model.graph)
    return model._replace(definition=definition, graph=graph), len(left)


def _modernise(node: Any, graph: Any) -> None:
    """Gives an operation of the first TensorFlows the name and the form that it has today.

    Source: tensorflow/core/ops/nn_ops.cc (BatchNormWithGlobalNormalization, gone since version 9)
    math_ops.cc (Inv) and state_ops.cc (Variable).
    """
    if node.op in _NEW_NAMES:
        node.op = _NEW_NAMES[node.op]
    elif node.op == "BatchNormWithGlobalNormalization":
        images, mean, variance, offset, scale = list_data_inputs(node)
        kind = node.attr["T"].type
        if not node.attr["scale_after_normalization"].b:
            ones = graph.node.add(name=f"{node.name}/ones", op="OnesLike", input=[scale])
            ones.attr["T"].type = kind
            scale = ones.name
        epsilon = node.attr["variance_epsilon"].f
        node.op = "FusedBatchNorm"
        node.attr.clear()
        node.attr["T"].type = kind
        node.attr["epsilon"].f = epsilon
        node.attr["is_training"].b = False
        node.input[:] = [images, scale, offset, mean, variance]


def _is_pivot(nodes: Mapping[str, Any], edge: str) -> bool:
    """Whether a control edge puts a node into a branch or a loop; others carry side effects."""
    pivot = nodes.get(get_node_name(edge))
    if not edge.startswith("^") or pivot is None:
        return False
    if pivot.op in ("Merge", "RefMerge", "Switch", "RefSwitch"):
        return True
    if pivot.op == "NoOp":  # TensorFlow 2's loops and branches, written out, gather them so
        return any(_is_pivot(nodes, inner) for inner in pivot.input)
    if pivot.op != "Identity":
        return False
    fed = nodes.get(get_node_name(pivot.input[0]))
    return fed is not None and fed.op in ("Switch", "RefSwitch")
