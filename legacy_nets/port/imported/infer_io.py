"""Chooses the inputs and outputs of a port: those that the user names, else inferred ones."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from legacy_nets.errors import BadInputError, suggest_names
from legacy_nets.graphdef.node_names import (
    find_free_name,
    get_node_name,
    shorten_tensor_name,
)
from legacy_nets.graphdef.op_types import DATA_SOURCES, EXAMPLE_PARSERS, PLACEHOLDERS
from legacy_nets.graphdef.traverse import (
    find_ancestors,
    find_nodes_between,
    index_nodes,
    list_data_inputs,
)
from legacy_nets.port.imported.examples import find_placeholder, is_sparse
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.infer_outputs import infer_outputs
from legacy_nets.port.imported.input_shapes import infer_input_shapes
from legacy_nets.port.imported.node_roles import UPDATE_OP
from legacy_nets.port.imported.subgraph import InputSpec, OutputSpec
from legacy_nets.port.jobs import ImportedJob
from legacy_nets.types import GraphDef, NodeDef

_PARSING_TARGETS = ("frozen", "saved_model")


class GraphIo(NamedTuple):
    """The inputs and outputs of a port."""

    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    output_origin: str  # how the outputs were chosen, for notes


def choose_io(job: ImportedJob, imported: ImportedGraph, definition: GraphDef) -> GraphIo:
    """Chooses inputs and outputs, with the inputs' shapes and the names that the port gives them.

    ``definition``: the graph as it infers.
    Raises BadInputError where a name or shape is wrong, or cannot be inferred.
    """
    user_inputs = _resolve_tensors(imported, job.inputs, "--inputs")
    outputs, origin = _choose_outputs(job, imported, definition, user_inputs)
    inputs = user_inputs or _infer_inputs(job, definition, outputs)
    _check_inputs(imported, definition, inputs, outputs)
    shapes = infer_input_shapes(imported, definition, inputs, outputs, job.shapes)
    names = _choose_node_names(index_nodes(definition), inputs, outputs)
    return GraphIo(
        inputs=tuple(
            InputSpec(tensor, names[tensor], imported.get_tensor(tensor).dtype, shapes[tensor])
            for tensor in inputs
        ),
        outputs=tuple(OutputSpec(tensor, names[tensor]) for tensor in outputs),
        output_origin=origin,
    )


def _choose_outputs(
    job: ImportedJob, imported: ImportedGraph, definition: GraphDef, inputs: Sequence[str]
) -> tuple[list[str], str]:
    """Chooses the output tensors; says how."""
    if job.outputs:
        _check_no_training_steps(imported, definition, job.outputs, inputs)
        return _resolve_tensors(imported, job.outputs, "--outputs"), job.output_origin
    if imported.signature_outputs:
        return list(imported.signature_outputs), "from the file's signature"
    return infer_outputs(imported, definition, inputs), "inferred: nothing but training reads it"


def _resolve_tensors(imported: ImportedGraph, names: Iterable[str], option: str) -> list[str]:
    """Finds tensors by the names that a user gave. Raises BadInputError with the nearest names."""
    tensors: dict[str, None] = {}
    for name in names:
        try:
            tensors[shorten_tensor_name(imported.get_tensor(name).name)] = None
        except (KeyError, ValueError):
            known = [op.name for op in imported.graph.get_operations() if op.outputs]
            nearest = suggest_names(get_node_name(name), known)
            raise BadInputError(
                f"{option} {name}: {imported.path} has no such tensor{nearest}"
            ) from None
    return list(tensors)


def _check_no_training_steps(
    imported: ImportedGraph, definition: GraphDef, names: Iterable[str], inputs: Sequence[str]
) -> None:
    """Raises BadInputError for a training step among outputs, with the inferred outputs."""
    for name in names:
        try:
            operation = imported.graph.get_operation_by_name(get_node_name(name))
        except (KeyError, ValueError):
            continue
        if operation.outputs and not UPDATE_OP.fullmatch(operation.type):
            continue
        try:
            advice = f"inferred outputs: {','.join(infer_outputs(imported, definition, inputs))}"
        except BadInputError:
            advice = "name a tensor that the net computes"
        problem = "updates variables" if operation.outputs else "has no tensor"
        raise BadInputError(
            f"--outputs {name}: this operation of {imported.path} {problem} ({operation.type}), as "
            f"training steps do; {advice}"
        )


def _infer_inputs(job: ImportedJob, definition: GraphDef, outputs: Iterable[str]) -> list[str]:
    """Infers the tensors that data come in by and outputs depend on, in the graph's order.

    Where outputs depend on sparse features of tf.train.Example, the serialized examples come in.
    Raises BadInputError for a target that cannot parse them.
    """
    nodes = index_nodes(definition)
    sources = {name for name, node in nodes.items() if node.op in DATA_SOURCES}
    inputs = _list_source_tensors(nodes, sources, outputs)
    sparse = [tensor for tensor in inputs if is_sparse(nodes, tensor)]
    if sparse and job.target not in _PARSING_TARGETS:
        raise BadInputError(
            f"{job.graph_path}: {sparse[0]} is a sparse feature of tf.train.Example, which "
            f"{job.target} does not have: use --to saved_model, or name a tensor after it in "
            "--inputs"
        )
    parsers = {get_node_name(tensor) for tensor in sparse}
    sources -= {name for name in parsers if find_placeholder(nodes, nodes[name])}
    inputs = _list_source_tensors(nodes, sources, outputs)
    order = {name: index for index, name in enumerate(nodes)}
    return sorted(dict.fromkeys(inputs), key=lambda tensor: order[get_node_name(tensor)])


def _list_source_tensors(
    nodes: Mapping[str, NodeDef], sources: Container[str], outputs: Iterable[str]
) -> list[str]:
    """Lists the tensors of sources that outputs depend on."""
    needed = find_ancestors(nodes, outputs, stop_at=sources)
    inputs = [name for name in needed if name in sources and nodes[name].op in PLACEHOLDERS]
    for name in needed:
        if name not in sources:
            tensors = list_data_inputs(nodes[name])
            inputs += [tensor for tensor in tensors if get_node_name(tensor) in sources]
    return inputs


def _check_inputs(
    imported: ImportedGraph, definition: GraphDef, inputs: list[str], outputs: list[str]
) -> None:
    """Raises BadInputError where there are no inputs, one is missing, or one is not needed."""
    if not inputs:
        raise BadInputError(
            f"{imported.path}: found no input that {', '.join(outputs)} depends on: use --inputs "
            "NAME"
        )
    nodes = index_nodes(definition)
    needed = find_nodes_between(nodes, inputs, outputs)
    for name in needed:
        if nodes[name].op in DATA_SOURCES and nodes[name].op not in EXAMPLE_PARSERS:
            raise BadInputError(
                f"{outputs[0]} needs {name} ({nodes[name].op}), too: name it in --inputs, or give "
                f"it a value with --set {name}=VALUE"
            )
    read = {*outputs, *(tensor for name in needed for tensor in list_data_inputs(nodes[name]))}
    unused = ",".join(tensor for tensor in inputs if tensor not in read)
    if unused:
        raise BadInputError(
            f"--inputs {unused}: {', '.join(outputs)} does not depend on it when the net infers: "
            "leave it out"
        )


def _choose_node_names(
    nodes: Mapping[str, NodeDef], inputs: Iterable[str], outputs: Iterable[str]
) -> dict[str, str]:
    """Maps tensors to the nodes that they become: their own, or new ones with free names."""
    inputs, outputs = list(inputs), list(outputs)
    needed = set(find_nodes_between(nodes, inputs, outputs))
    taken = set(nodes)
    names = {}
    for tensor in dict.fromkeys((*inputs, *outputs)):
        names[tensor] = tensor
        if ":" in tensor or (tensor in inputs and tensor in needed):
            names[tensor] = find_free_name(tensor.replace(":", "_"), taken)
            taken.add(names[tensor])
    return names
