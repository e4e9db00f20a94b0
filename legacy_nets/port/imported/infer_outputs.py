"""Infers the outputs of an imported graph that has no signature."""

from __future__ import annotations

import re
from collections.abc import Iterable

from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.control_flow import find_unchanged_by_loops
from legacy_nets.graphdef.node_names import get_node_name
from legacy_nets.graphdef.op_types import SHAPE_READERS
from legacy_nets.graphdef.traverse import find_ancestors, list_data_inputs, walk
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.node_roles import (
    LOSS_OP,
    POINTWISE_OP,
    NodeRoles,
    classify_nodes,
    get_score_scope,
    is_weight,
)
from legacy_nets.port.imported.safety import explain_unrunnable
from legacy_nets.types import GraphDef, NodeDef

_MAX_OUTPUTS = 16
_MAX_SHOWN = 8
_NEVER_OUTPUT_OP = re.compile(
    r".*Summary.*|Save.*|Restore.*|Assert|Print(V2)?|NoOp|Shape|ShapeN|Size|Rank|.*Initialized.*"
    r"|ZerosLike|OnesLike|AsString|Queue.*|BroadcastGradientArgs|Stack.*|LoopCond|NextIteration"
    r"|(Ref)?Switch|ControlTrigger|Random.*|DynamicStitch"
    r"|TensorArray(V\d|Write.*|Size.*|Scatter.*|Close.*)?"
)
_RESHAPING_OP = re.compile(r"Reshape|StridedSlice|Slice|Squeeze|ExpandDims|Transpose|Cast|Identity")
_CHOOSING_OP = re.compile(
    r"ArgMax|ArgMin|TopK(V2)?|Round|Cast|Greater.*|Less.*|Identity|Multinomial"
)
_SUMMARY_SCOPE = re.compile(r"(^|/)summar(y|ies)(_\d+)?/", re.I)


def infer_outputs(
    imported: ImportedGraph, definition: GraphDef, user_inputs: Iterable[str] = ()
) -> list[str]:
    """Infers the outputs: tensors made of weights and data that only training reads.

    Args:
      imported: the graph.
      definition: the same graph as it infers.
      user_inputs: tensors that the user names as inputs.

    Raises BadInputError where there are none, or too many.
    """
    roles = classify_nodes(imported, definition, user_inputs)
    candidates = _find_candidates(imported, roles)
    inner = _find_operands(roles, candidates)
    outputs = [name for name in roles.nodes if name in candidates and name not in inner]
    outputs = _climb_from_scores(imported, roles, candidates, outputs)
    outputs = _add_scores_of_choices(imported, roles, candidates, outputs)
    if not outputs:
        raise _explain_no_outputs(imported, roles)
    if len(outputs) > _MAX_OUTPUTS:
        raise BadInputError(
            f"{imported.path}: {len(outputs)} tensors could be outputs "
            f"({', '.join(outputs[:_MAX_SHOWN])}, ...): use --outputs NAME,NAME"
        )
    return outputs


def _find_candidates(imported: ImportedGraph, roles: NodeRoles) -> set[str]:
    """Finds the nodes of the net that have outputs with axes, and compute something."""
    unchanged = find_unchanged_by_loops(imported.definition)
    return {
        name
        for name in roles.computed - roles.scalars
        if not (roles.nodes[name].op == "Identity" and roles.nodes[name].input[0] in unchanged)
        and get_score_scope(name) not in roles.score_scopes
        and _can_be_output(imported, roles.nodes[name])
    }


def _can_be_output(imported: ImportedGraph, node: NodeDef) -> bool:
    if _NEVER_OUTPUT_OP.fullmatch(node.op) or _SUMMARY_SCOPE.search(node.name):
        return False
    return bool(imported.graph.get_operation_by_name(node.name).outputs)


def _find_operands(roles: NodeRoles, candidates: set[str]) -> set[str]:
    """Finds the nodes whose values candidates are computed from, through any nodes between."""
    shape_readers = {name for name, node in roles.nodes.items() if node.op in SHAPE_READERS}
    reached = find_ancestors(roles.nodes, candidates, stop_at=shape_readers)
    return {
        get_node_name(tensor)
        for name in reached
        if name not in shape_readers
        for tensor in list_data_inputs(roles.nodes[name])
    }


def _climb_from_scores(
    imported: ImportedGraph, roles: NodeRoles, candidates: set[str], ends: list[str]
) -> list[str]:
    """Climbs from what only a loss reads (log, square, mean) to the layer before.

    ``ends``: candidates that no other candidate reads.
    """
    remaining = set(candidates)
    reshaped_for_loss: set[str] = set()

    def climb(name: str) -> list[str]:
        """Takes away a node that is no output; lists the operands that no other then reads."""
        node = roles.nodes[name]
        operands = [get_node_name(tensor) for tensor in list_data_inputs(node)]
        operands = [operand for operand in operands if operand in candidates]
        is_reshaping = _reshapes_for_loss(imported, roles, node, reshaped_for_loss)
        if is_reshaping:
            reshaped_for_loss.add(name)
        if not operands or not (is_reshaping or _belongs_to_score(imported, roles, node, ends)):
            return []
        remaining.discard(name)
        return [operand for operand in operands if not is_read(operand)]

    def is_read(name: str) -> bool:
        return any(reader.name in remaining for reader in roles.consumers[name])

    visited = set(walk(reversed(ends), climb))
    return [name for name in roles.nodes if name in visited and name in remaining]


def _reshapes_for_loss(
    imported: ImportedGraph, roles: NodeRoles, node: NodeDef, reshaped_for_loss: set[str]
) -> bool:
    """Whether a node makes rows of logits, as tf.nn.softmax_cross_entropy_with_logits does."""
    if not _RESHAPING_OP.fullmatch(node.op):
        return False
    if node.op == "Reshape" and imported.get_rank(node.name) not in (None, 1, 2):
        return False
    return any(
        LOSS_OP.fullmatch(reader.op) or reader.name in reshaped_for_loss
        for reader in roles.consumers[node.name]
    )


def _belongs_to_score(
    imported: ImportedGraph, roles: NodeRoles, node: NodeDef, ends: list[str]
) -> bool:
    """Whether a node only prepares a loss or metric: arithmetic without weights."""
    readers = roles.consumers[node.name]
    feeds_score = any(
        reader.name in roles.scalars or get_score_scope(reader.name) is not None
        for reader in readers
        if reader.name in roles.computed and not _NEVER_OUTPUT_OP.fullmatch(reader.op)
    )
    is_inner = node.name not in ends or node.op in ("Log", "Log1p")
    if not feeds_score and not (readers and is_inner):
        return False
    if _adds_weights(roles, node):
        return False
    return bool(POINTWISE_OP.fullmatch(node.op) or explain_unrunnable(imported, node))


def _adds_weights(roles: NodeRoles, node: NodeDef) -> bool:
    """Whether an operand, such as a bias, is made of weights without the data."""
    for tensor in list_data_inputs(node):
        operand = get_node_name(tensor)
        if operand in roles.nodes and operand not in roles.computed:
            if any(is_weight(roles.nodes[name]) for name in find_ancestors(roles.nodes, [operand])):
                return True
    return False


def _add_scores_of_choices(
    imported: ImportedGraph, roles: NodeRoles, candidates: set[str], outputs: list[str]
) -> list[str]:
    """Adds the scores that an output (arg max, top k, a threshold) was chosen from."""
    all_outputs = set(outputs)
    for output in outputs:
        scores = _find_scores(imported, roles, candidates, output)
        if scores is not None:
            all_outputs.add(scores)
    return [name for name in roles.nodes if name in all_outputs]


def _find_scores(
    imported: ImportedGraph, roles: NodeRoles, candidates: set[str], name: str
) -> str | None:
    while _CHOOSING_OP.fullmatch(roles.nodes[name].op):
        operation = imported.graph.get_operation_by_name(name)
        if operation.outputs[0].dtype.base_dtype.is_floating and "TopK" not in operation.type:
            return name
        operands = list_data_inputs(roles.nodes[name])
        if not operands or get_node_name(operands[0]) not in candidates:
            return None
        name = get_node_name(operands[0])
    return name


def _explain_no_outputs(imported: ImportedGraph, roles: NodeRoles) -> BadInputError:
    """Builds the error for a graph where nothing can be an output."""
    if imported.unknown:
        node = roles.nodes[min(imported.unknown)]
        return BadInputError(
            f"{imported.path}: found no output that does not need {node.op} ({node.name}), "
            f"{explain_unrunnable(imported, node)}: use --outputs NAME, or --inputs after it"
        )
    restore = imported.restore
    file_names = find_ancestors(roles.nodes, [restore.file_name]) if restore else []
    if roles.data_sources <= set(file_names):
        return BadInputError(
            f"{imported.path} has no input (a placeholder, a queue, an iterator): its data are "
            "constants of the graph; use --inputs NAME of the tensor that holds them"
        )
    return BadInputError(
        f"{imported.path}: found no output: nothing is computed from both an input and weights; "
        "use --outputs NAME (legacy-nets describe lists the layers)"
    )
