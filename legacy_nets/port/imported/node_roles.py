"""What the nodes of a graph are for: layers, labels, losses, updates, summaries."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import get_node_name, is_training_gradient
from legacy_nets.graphdef.op_types import DATA_SOURCES, SHAPE_READERS, VARIABLES
from legacy_nets.graphdef.parameters import is_dtype_of_weights
from legacy_nets.graphdef.traverse import (
    find_descendants,
    index_consumers,
    index_nodes,
    list_data_inputs,
    walk,
)
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.types import Graph, GraphDef, NodeDef, Operation

WEIGHTED_OP = re.compile(
    r"(Sparse|Batch)?MatMul(V2|V3)?|(Depthwise)?Conv\d?[dD].*|DepthwiseConv2dNative.*|.*LSTM.*"
    r"|.*GRU.*|CudnnRNN.*|(Resource)?Gather(V2)?|Einsum"
)
LOSS_OP = re.compile(r".*CrossEntropy.*|L2Loss|CTC(Loss|GreedyDecoder|BeamSearchDecoder)|InTopK.*")
UPDATE_OP = re.compile(r"Assign.*|.*Apply.*|Scatter(Add|Sub|Update|NdUpdate).*|ResourceScatter.*")
POINTWISE_OP = re.compile(
    r"Square|SquaredDifference|Sub|Mul|Add|AddV2|AddN|Log|Log1p|Neg|Abs|Pow|Sqrt|Cast|Exp|Div"
    r"|RealDiv|Maximum|Minimum|Mean|Sum|Softplus|Select|Identity|Greater.*|Less.*|Equal|Logical.*"
    r"|NotEqual|Reciprocal|Inv|Huber.*|ExpandDims|Squeeze"
)
_REDUCTION_OP = re.compile(r"Mean|Sum|Max|Min|Prod|All|Any")
_SCORE_SCOPE = re.compile(
    r"(^|[/_])(\w*loss|losses|cost|objective|\w*xent\w*|\w*cross_entropy\w*|accuracy|metrics?)"
    r"(_\d+)?(/|$)",
    re.I,
)


@dataclasses.dataclass(frozen=True)
class NodeRoles:
    """The nodes of a graph by what they are for. Each set holds names of nodes."""

    nodes: Mapping[str, NodeDef]
    consumers: Mapping[str, list[NodeDef]]
    data_sources: set[str]  # data come out of them
    from_data: set[str]  # computed from data
    from_weights: set[str]  # computed from variables, or from constants that are weights
    from_labels: set[str]  # computed from data that only training needs
    from_losses: set[str]  # computed from a loss
    only_for_updates: set[str]  # only updates of variables read them
    in_control_flow: set[str]  # in the loops and branches of TensorFlow 1: nobody can fetch them
    scalars: set[str]  # they give only single numbers
    score_scopes: set[str]  # scopes named after a loss or metric, without layers

    @property
    def computed(self) -> set[str]:
        """Nodes computed from data and weights, without losses and what belongs to training."""
        of_training = self.from_labels | self.from_losses | self.only_for_updates
        of_net = self.from_data & self.from_weights
        return of_net - of_training - self.data_sources - self.in_control_flow


def classify_nodes(
    imported: ImportedGraph, definition: GraphDef, user_inputs: Iterable[str]
) -> NodeRoles:
    """Finds out what the nodes of a graph are for.

    ``user_inputs``: tensors that the user names as inputs; they count as data.
    """
    nodes = index_nodes(definition)
    consumers = index_consumers(nodes)
    forward = {
        name for name, node in nodes.items() if not is_training_gradient(name) and node.op != "NoOp"
    }

    def find_dependents(starts: Iterable[str]) -> set[str]:
        return find_descendants(consumers, starts, forward)

    input_nodes = set(map(get_node_name, user_inputs))
    data_sources = {
        name for name in forward if nodes[name].op in DATA_SOURCES or name in input_nodes
    }
    from_data = find_dependents(data_sources)
    layers = _find_layers(nodes, forward, from_data)
    feeding_layers = {name for name in data_sources if find_dependents([name]) & layers}
    labels = data_sources - feeding_layers if feeding_layers else set()
    return NodeRoles(
        nodes=nodes,
        consumers=consumers,
        data_sources=data_sources,
        from_data=from_data,
        from_weights=find_dependents(name for name in forward if is_weight(nodes[name])),
        from_labels=find_dependents(labels),
        from_losses=find_dependents(name for name in forward if LOSS_OP.fullmatch(nodes[name].op)),
        only_for_updates=_find_only_for_updates(nodes, consumers, forward),
        in_control_flow=_find_in_control_flow(nodes, consumers),
        scalars=_find_scalars(imported.graph),
        score_scopes=_find_score_scopes(nodes, forward),
    )


def is_weight(node: NodeDef) -> bool:
    """Whether a node is a variable, or a constant of more than one number that can be weights."""
    if node.op in VARIABLES:
        return True
    if node.op != "Const" or not is_dtype_of_weights(tf.as_dtype(node.attr["dtype"].type)):
        return False
    shape = [axis.size for axis in node.attr["value"].tensor.tensor_shape.dim]
    return bool(shape) and max(shape) > 1


def get_score_scope(name: str) -> str | None:
    """Returns the scope of a node that is named after a loss or a metric, if it lies in one."""
    match = _SCORE_SCOPE.search(name)
    return name[: match.end()] if match else None


def _find_layers(nodes: Mapping[str, NodeDef], forward: set[str], from_data: set[str]) -> set[str]:
    """Finds layers with weights. A look-up counts unless its table is computed from data."""
    layers = set()
    for name in forward:
        node = nodes[name]
        is_data_lookup = "Gather" in node.op and get_node_name(node.input[0]) in from_data
        if WEIGHTED_OP.fullmatch(node.op) and not is_data_lookup:
            layers.add(name)
    return layers


def _find_only_for_updates(
    nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[NodeDef]], forward: set[str]
) -> set[str]:
    """Finds the updates of variables and moving averages, and the nodes that only they read."""
    only_for_updates: set[str] = set()

    def list_operands_of_updates(name: str) -> list[str]:
        only_for_updates.add(name)
        if nodes[name].op in SHAPE_READERS:  # old gradients begin with the shape of the loss
            return []
        operands = map(get_node_name, list_data_inputs(nodes[name]))
        return [operand for operand in operands if operand in nodes and is_for_updates(operand)]

    def is_for_updates(name: str) -> bool:
        readers = {node.name for node in consumers[name]}
        return readers & forward <= only_for_updates

    updates = [name for name in forward if UPDATE_OP.fullmatch(nodes[name].op)]
    return set(walk(updates, list_operands_of_updates))


def _find_in_control_flow(
    nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[NodeDef]]
) -> set[str]:
    """Finds the nodes from Enter to before Exit, and from Switch to before Merge."""
    inside: set[str] = set()
    for first, last in (("Enter", "Exit"), ("Switch", "Merge")):
        starts = {name for name, node in nodes.items() if node.op in (first, f"Ref{first}")}
        ends = {name for name, node in nodes.items() if node.op in (last, f"Ref{last}", "Exit")}
        inside |= find_descendants(consumers, starts, nodes.keys() - ends)
    return inside


def _find_score_scopes(nodes: Mapping[str, NodeDef], forward: set[str]) -> set[str]:
    """Finds the scopes that are named after a loss or metric and hold no layer of the net."""
    with_layers = {
        get_score_scope(name) for name in forward if WEIGHTED_OP.fullmatch(nodes[name].op)
    }
    scopes = {get_score_scope(name) for name in forward} - with_layers
    return {scope for scope in scopes if scope is not None}


def _find_scalars(graph: Graph) -> set[str]:
    """Finds the operations that give only scalars."""
    scalars: set[str] = set()
    for operation in graph.get_operations():  # operands come first
        if all(tensor.shape.rank == 0 for tensor in operation.outputs):
            scalars.add(operation.name)
        elif len(operation.outputs) == 1 and operation.outputs[0].shape.rank is None:
            if _is_scalar_of_unknown_rank(operation, scalars):
                scalars.add(operation.name)
    return scalars


def _is_scalar_of_unknown_rank(operation: Operation, scalars: set[str]) -> bool:
    """Whether an output is a scalar, though TensorFlow has not inferred that.

    A reduction over range(rank) gives a scalar. So does arithmetic on scalars.
    """
    operands = list(operation.inputs)
    if _REDUCTION_OP.fullmatch(operation.type):
        axes = operands[1].op
        ranks = [operand.op for operand in axes.inputs if operand.op.type == "Rank"]
        return axes.type == "Range" and any(rank.inputs[0] is operands[0] for rank in ranks)
    if not operands or not POINTWISE_OP.fullmatch(operation.type):
        return False
    return all(operand.op.name in scalars for operand in operands)
