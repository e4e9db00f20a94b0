"""Finds where a stranger's graph begins and ends, when it has been folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, suggest_names
from legacy_nets.graphdef.node_names import (
    complete_tensor_name,
    get_node_name,
    is_training_gradient,
    shorten_tensor_name,
)
from legacy_nets.graphdef.op_types import DATA_SOURCES, PLACEHOLDERS, SHAPE_READERS, VARIABLES
from legacy_nets.graphdef.traverse import (
    find_ancestors,
    find_nodes_between,
    index_consumers,
    index_nodes,
    list_data_inputs,
)
from legacy_nets.port.imported.graph import Model, rank_of
from legacy_nets.port.imported.safety import cannot_run

MOST = 16  # outputs taken without being asked
_WEIGHTED = re.compile(
    r"(Sparse|Batch)?MatMul(V2|V3)?|(Depthwise)?Conv\d?[dD].*|DepthwiseConv2dNative.*|.*LSTM.*"
    r"|.*GRU.*|CudnnRNN.*|(Resource)?Gather(V2)?|Einsum"
)
_LOSSES = re.compile(r".*CrossEntropy.*|L2Loss|CTC(Loss|GreedyDecoder|BeamSearchDecoder)|InTopK.*")
_NEVER = re.compile(
    r".*Summary.*|Save.*|Restore.*|Assert|Print(V2)?|NoOp|Shape|ShapeN|Size|Rank|.*Initialized.*"
    r"|ZerosLike|OnesLike|AsString|Queue.*|BroadcastGradientArgs|Stack.*|LoopCond|NextIteration"
    r"|(Ref)?Switch|ControlTrigger|Random.*|DynamicStitch"
    r"|TensorArray(V\d|Write.*|Size.*|Scatter.*|Close.*)?"
)
_STEPS = re.compile(r"Assign.*|.*Apply.*|Scatter(Add|Sub|Update|NdUpdate).*|ResourceScatter.*")
_SCORES = re.compile(
    r"(^|[/_])(\w*loss|losses|cost|objective|\w*xent\w*|\w*cross_entropy\w*|accuracy|metrics?)"
    r"(_\d+)?(/|$)",
    re.I,
)
_POINTWISE = re.compile(
    r"Square|SquaredDifference|Sub|Mul|Add|AddV2|AddN|Log|Log1p|Neg|Abs|Pow|Sqrt|Cast|Exp|Div"
    r"|RealDiv|Maximum|Minimum|Mean|Sum|Softplus|Select|Identity|Greater.*|Less.*|Equal|Logical.*"
    r"|NotEqual|Reciprocal|Inv|Huber.*|ExpandDims|Squeeze"
)
_REDUCING = re.compile(r"Mean|Sum|Max|Min|Prod|All|Any")
_RESHAPING = re.compile(r"Reshape|StridedSlice|Slice|Squeeze|ExpandDims|Transpose|Cast|Identity")
_SHOWN = re.compile(r"(^|/)summar(y|ies)(_\d+)?/", re.I)
_CHOICES = re.compile(r"ArgMax|ArgMin|TopK(V2)?|Round|Cast|Greater.*|Less.*|Identity|Multinomial")


def named(model: Model, texts: Iterable[str], option: str) -> list[str]:
    """Tensors under the names that a user gave them. Raises BadInputError with the nearest."""
    found: dict[str, None] = {}
    for text in texts:
        try:
            found[
                shorten_tensor_name(model.graph.get_tensor_by_name(complete_tensor_name(text)).name)
            ] = None
        except (KeyError, ValueError):
            names = [op.name for op in model.graph.get_operations() if op.outputs]
            near = suggest_names(get_node_name(text), names)
            raise BadInputError(f"{option} {text}: {model.path} has no such tensor{near}") from None
    return list(found)


def asked(model: Model, definition: Any, texts: Iterable[str], inputs: Iterable[str]) -> list[str]:
    """As ``named``, of outputs. Raises BadInputError for a training step, with what was found."""
    for text in texts:
        try:
            operation = model.graph.get_operation_by_name(get_node_name(text))
        except (KeyError, ValueError):
            continue
        if operation.outputs and not _STEPS.fullmatch(operation.type):
            continue
        try:
            instead = f"found as outputs: {','.join(find_outputs(model, definition, inputs))}"
        except BadInputError:
            instead = "name what the net says"
        what = "that updates variables" if operation.outputs else "without a tensor"
        raise BadInputError(
            f"--outputs {text}: an operation of {model.path} {what} ({operation.type}), as "
            f"training steps are; {instead}"
        )
    return named(model, texts, "--outputs")


def find_outputs(model: Model, definition: Any, inputs: Iterable[str] = ()) -> list[str]:
    """What the net says: tensors that weights and data have made and that only training reads.

    ``inputs``: tensors that data come in by, too, since a user says so.
    Raises BadInputError where there are none, or too many to be meant.
    """
    nodes = index_nodes(definition)
    readers = index_consumers(nodes)
    forward = {
        name for name, node in nodes.items() if not is_training_gradient(name) and node.op != "NoOp"
    }
    named_ones = set(map(get_node_name, inputs))
    data = {name for name in forward if nodes[name].op in DATA_SOURCES or name in named_ones}
    made = _after(nodes, readers, data, forward)
    layers = _layers(nodes, forward, made)
    labels = _labels(nodes, readers, data, forward, layers)
    labelled = _after(nodes, readers, labels, forward)
    weights = {name for name in forward if _is_weight(nodes[name])}
    weighted = _after(nodes, readers, weights, forward)
    updates = _only_for_updates(nodes, readers, forward)
    losses = {name for name in forward if _LOSSES.fullmatch(nodes[name].op)}
    scores = labelled | updates | _after(nodes, readers, losses, forward)
    scalars = _scalars(model.graph)
    whole = (made & weighted) - scores - data - _inside(nodes, readers)
    scopes = _score_scopes(nodes, forward)
    net = {
        name
        for name in whole - scalars
        if _can_be_output(model, nodes[name]) and _score_scope(name) not in scopes
    }
    inner = _before(nodes, net)
    ends = [name for name in nodes if name in net and name not in inner]
    ends = _above_scores(model, nodes, readers, net, ends, whole, scalars)
    ends = _with_what_was_chosen_from(model, nodes, net, ends)
    if not ends and model.unknown:
        node = nodes[min(model.unknown)]
        raise BadInputError(
            f"{model.path}: no output was found that goes without {node.op} ({node.name}), "
            f"{cannot_run(model, node)}: say --outputs NAME, or --inputs behind it"
        )
    names_of_files = find_ancestors(nodes, [model.restore[1]]) if model.restore else []
    if not ends and data <= set(names_of_files):
        raise BadInputError(
            f"{model.path} has no input (a placeholder, a queue, an iterator): its data are "
            "constants of the graph; say --inputs NAME of the tensor that they come to"
        )
    if not ends:
        raise BadInputError(
            f"{model.path}: no output was found: nothing is computed from both an input and "
            "weights; say --outputs NAME (legacy-nets describe lists the layers)"
        )
    if len(ends) > MOST:
        raise BadInputError(
            f"{model.path}: {len(ends)} tensors could be outputs ({', '.join(ends[:8])}, ...): "
            "say --outputs NAME,NAME"
        )
    return ends


def _after(
    nodes: Mapping[str, Any],
    readers: Mapping[str, list[Any]],
    starts: Iterable[str],
    among: set[str],
) -> set[str]:
    """The nodes that are computed from some of ``starts``, these included."""
    found = set(starts)
    stack = list(found)
    while stack:
        for reader in readers[stack.pop()]:
            if reader.name in among and reader.name not in found:
                if reader.op not in SHAPE_READERS:
                    found.add(reader.name)
                    stack.append(reader.name)
    return found


def _layers(nodes: Mapping[str, Any], among: set[str], made: set[str]) -> set[str]:
    """Nodes that hold data against weights; a look-up counts where its table is no data."""
    return {
        name
        for name in among
        if _WEIGHTED.fullmatch(nodes[name].op)
        and not ("Gather" in nodes[name].op and get_node_name(nodes[name].input[0]) in made)
    }


def _labels(
    nodes: Mapping[str, Any],
    readers: Mapping[str, list[Any]],
    data: set[str],
    among: set[str],
    layers: set[str],
) -> set[str]:
    """Inputs that come to no layer with weights, while others do: answers to learn from."""
    fed = {name for name in data if _after(nodes, readers, [name], among) & layers}
    return data - fed if fed else set()


def _inside(nodes: Mapping[str, Any], readers: Mapping[str, list[Any]]) -> set[str]:
    """Nodes in the loops and branches of TensorFlow 1: nobody can ask for them.

    They lie from Enter to before Exit, from Switch to before Merge.
    """
    found: set[str] = set()
    for begin, end in (("Enter", "Exit"), ("Switch", "Merge")):
        begins = {name for name, node in nodes.items() if node.op in (begin, f"Ref{begin}")}
        ends = {name for name, node in nodes.items() if node.op in (end, f"Ref{end}", "Exit")}
        found |= _after(nodes, readers, begins, set(nodes) - ends)
    return found


def _before(nodes: Mapping[str, Any], net: set[str]) -> set[str]:
    """The nodes that some of ``net`` is computed from, through whatever lies between."""
    found: set[str] = set()
    stack = list(net)
    while stack:
        node = nodes[stack.pop()]
        if node.op in SHAPE_READERS:
            continue
        for name in map(get_node_name, list_data_inputs(node)):
            if name in nodes and name not in found:
                found.add(name)
                stack.append(name)
    return found


def _is_weight(node: Any) -> bool:
    if node.op in VARIABLES:
        return True
    if node.op != "Const" or not tf.as_dtype(node.attr["dtype"].type).is_floating:
        return False
    sides = [side.size for side in node.attr["value"].tensor.tensor_shape.dim]
    return bool(sides) and max(sides) > 1


def _only_for_updates(
    nodes: Mapping[str, Any], readers: Mapping[str, list[Any]], among: set[str]
) -> set[str]:
    """Nodes that nothing reads but the updates of moving averages and of variables."""
    found = {name for name in among if _STEPS.fullmatch(nodes[name].op)}
    stack = list(found)
    while stack:
        for name in map(get_node_name, list_data_inputs(nodes[stack.pop()])):
            used = {reader.name for reader in readers.get(name, ()) if reader.name in among}
            if name in nodes and name not in found and used <= found:
                found.add(name)
                stack.append(name)
    return found


def _score_scope(name: str) -> str | None:
    """The scope of a loss or a metric that a node lies in, by its name."""
    found = _SCORES.search(name)
    return name[: found.end()] if found else None


def _score_scopes(nodes: Mapping[str, Any], among: set[str]) -> set[str | None]:
    """Scopes that are called after a loss and that no layer of the net lies in."""
    scopes = {_score_scope(name) for name in among} - {None}
    return scopes - {_score_scope(name) for name in among if _WEIGHTED.fullmatch(nodes[name].op)}


def _can_be_output(model: Model, node: Any) -> bool:
    if _NEVER.fullmatch(node.op) or _SHOWN.search(node.name):
        return False
    operation = model.graph.get_operation_by_name(node.name)
    return bool(operation.outputs)


def _scalars(graph: Any) -> set[str]:
    """Operations that give nothing but scalars.

    Of a tensor whose rank is not known, a reduction over range(rank) gives one, too.
    """
    found: set[str] = set()
    for operation in graph.get_operations():  # each comes after what it takes
        operands = list(operation.inputs)
        if all(tensor.shape.rank == 0 for tensor in operation.outputs):
            found.add(operation.name)
        elif len(operation.outputs) != 1 or operation.outputs[0].shape.rank is not None:
            continue
        elif _REDUCING.fullmatch(operation.type):
            axes = operands[1].op
            ranks = [source.op for source in axes.inputs if source.op.type == "Rank"]
            if axes.type == "Range" and any(rank.inputs[0] is operands[0] for rank in ranks):
                found.add(operation.name)
        elif operands and _POINTWISE.fullmatch(operation.type):
            if all(source.op.name in found for source in operands):
                found.add(operation.name)
    return found


def _read_by(readers: Mapping[str, list[Any]], name: str, among: set[str]) -> bool:
    return any(reader.name in among for reader in readers[name])


def _above_scores(
    model: Model,
    nodes: Mapping[str, Any],
    readers: Mapping[str, list[Any]],
    net: set[str],
    ends: list[str],
    whole: set[str],
    scalars: set[str],
) -> list[str]:
    """Climbs from what only a loss reads (log, square, mean) to the layer that it was said of."""
    weightless = {name for name in nodes if name not in whole}
    found: dict[str, None] = {}
    stack = list(reversed(ends))
    left = set(net)
    shapings: set[str] = set()
    while stack:
        name = stack.pop()
        if _read_by(readers, name, left) or name in found:
            continue
        score = any(
            reader.name in scalars or _score_scope(reader.name) is not None
            for reader in readers[name]
            if reader.name in whole and not _NEVER.fullmatch(reader.op)
        ) or (readers[name] and (name not in ends or nodes[name].op in ("Log", "Log1p")))
        operands = [get_node_name(tensor) for tensor in list_data_inputs(nodes[name])]
        biased = any(
            operand in weightless
            and any(_is_weight(nodes[far]) for far in find_ancestors(nodes, [operand]))
            for operand in operands
        )
        above = [operand for operand in operands if operand in net]
        shaped = _RESHAPING.fullmatch(nodes[name].op) and any(
            _LOSSES.fullmatch(reader.op) or reader.name in shapings for reader in readers[name]
        )  # tf.nn.softmax_cross_entropy_with_logits makes rows of its logits
        if nodes[name].op == "Reshape" and rank_of(model, name) not in (None, 1, 2):
            shaped = None  # and these are their own shape
        if shaped:
            shapings.add(name)
        passes = _POINTWISE.fullmatch(nodes[name].op) or cannot_run(model, nodes[name])
        if above and (shaped or (score and not biased and passes)):
            left.discard(name)
            stack.extend(operand for operand in above if not _read_by(readers, operand, left))
        else:
            found[name] = None
    return [name for name in nodes if name in found]


def _with_what_was_chosen_from(
    model: Model, nodes: Mapping[str, Any], net: set[str], ends: list[str]
) -> list[str]:
    """Adds the scores that an answer (arg max, best k, yes or no) was chosen from."""
    found = dict.fromkeys(ends)
    for name in ends:
        while _CHOICES.fullmatch(nodes[name].op):
            operation = model.graph.get_operation_by_name(name)
            if operation.outputs[0].dtype.base_dtype.is_floating and "TopK" not in operation.type:
                found[name] = None
                break
            above = [get_node_name(tensor) for tensor in list_data_inputs(nodes[name])[:1]]
            if not above or above[0] not in net:
                break
            name = above[0]
        else:
            found[name] = None
    return [name for name in nodes if name in found]


def find_inputs(model: Model, definition: Any, outputs: list[str]) -> list[str]:
    """The tensors that data come in by, on which the outputs depend."""
    nodes = index_nodes(definition)
    sources = {name for name, node in nodes.items() if node.op in DATA_SOURCES}
    reached = find_ancestors(nodes, outputs, stop_at=sources)
    inside = [nodes[name] for name in reached if name not in sources]
    found: dict[str, None] = {}
    for name in reached:
        if name in sources and nodes[name].op in PLACEHOLDERS:
            found[name] = None
    for node in inside:
        found.update(
            (tensor, None) for tensor in list_data_inputs(node) if get_node_name(tensor) in sources
        )
    order = {name: place for place, name in enumerate(nodes)}
    return sorted(found, key=lambda tensor: order[get_node_name(tensor)])


def check_inputs(model: Model, definition: Any, inputs: list[str], outputs: list[str]) -> None:
    """Raises BadInputError where there are none, or the outputs need another one or not all."""
    if not inputs:
        raise BadInputError(
            f"{model.path}: no input was found that {', '.join(outputs)} depends on: "
            "say --inputs NAME"
        )
    nodes = index_nodes(definition)
    needed = find_nodes_between(nodes, inputs, outputs)
    for name in needed:
        if nodes[name].op in DATA_SOURCES:
            raise BadInputError(
                f"{outputs[0]} needs {name} ({nodes[name].op}), too: name it in --inputs, or give "
                f"it a value with --set {name}=VALUE"
            )
    read = {*outputs, *(tensor for name in needed for tensor in list_data_inputs(nodes[name]))}
    idle = ",".join(tensor for tensor in inputs if tensor not in read)
    if idle:
        raise BadInputError(
            f"--inputs {idle}: {', '.join(outputs)} does not depend on it when the net infers: "
            "leave it out"
        )
