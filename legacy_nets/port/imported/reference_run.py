"""Runs the original graph, restored from its checkpoint, on seeded test inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.graphdef.node_names import complete_tensor_name, get_node_name
from legacy_nets.graphdef.traverse import index_consumers, index_nodes, list_data_inputs, walk
from legacy_nets.port.imported.examples import find_parser, generate_examples
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.inference_mode import InferenceGraph
from legacy_nets.types import Array, GraphDef, NodeDef, Session, TensorShape

_BATCH = 2
_SIDES = (64, 224, 28, 32, 227, 256, 299, 512, 10, 2, 5)  # tried in turn for open sizes
_MAX_MESSAGE = 300  # characters of TensorFlow's own message


class ReferenceRun(NamedTuple):
    """What the original was given and what it computed."""

    inputs: dict[str, Array]  # tensor -> value
    outputs: dict[str, Array]  # tensor -> value


class _Sizes(NamedTuple):
    """The numbers that complete open shapes, for one attempt."""

    batch: int
    side: int
    integer: int  # the value of an input that is one integer: a batch size, a sequence's length


def run_reference(
    imported: ImportedGraph,
    inference: InferenceGraph,
    session: Session,
    shapes: Mapping[str, TensorShape],
    outputs: Sequence[str],
    words: Sequence[bytes] = (),
    given: Mapping[str, Array] | None = None,
) -> ReferenceRun:
    """Runs the original on seeded or given inputs, under the settings of inference.

    Args:
      imported: the original without its updates.
      inference: its settings.
      session: it holds the restored variables.
      shapes: input tensor -> shape. Sizes that are open are tried in turn.
      outputs: tensors.
      words: what the graph's tables know, for inputs of text.
      given: input tensor -> value, in place of the seeded ones, of which each differs.

    Raises BadInputError where it cannot be run, with TensorFlow's message, or computes NaN.
    """
    settings = {f"{name}:0": value for name, value in inference.settings.items()}
    fetches = [complete_tensor_name(tensor) for tensor in outputs]
    first_message = ""
    attempts = [dict(given)] if given else _list_inputs(imported, inference, shapes, outputs, words)
    for inputs in attempts:
        feeds = {complete_tensor_name(tensor): value for tensor, value in inputs.items()}
        try:
            values = session.run(fetches, {**settings, **feeds})
        except (tf.errors.OpError, ValueError, TypeError) as error:
            first_message = first_message or join_lines(error)[:_MAX_MESSAGE]
            continue
        run = ReferenceRun(inputs, dict(zip(outputs, map(np.asarray, values), strict=True)))
        _check_finite(imported, run.outputs)
        return run
    open_inputs = [name for name, shape in shapes.items() if None in (shape.as_list() or [0])[1:]]
    text_inputs = [tensor for tensor in shapes if imported.get_dtype(tensor) == tf.string]
    if text_inputs:
        raise BadInputError(
            f"{imported.path}: {text_inputs[0]} takes text or files, and the words of the test do "
            f"not fit: {first_message}; name a tensor after it in --inputs"
        )
    sides = ", ".join(map(str, _SIDES))
    is_tried = open_inputs and not given
    tried = f" ({', '.join(open_inputs)}: tried {sides} for open sizes)" if is_tried else ""
    raise BadInputError(
        f"{imported.path} cannot be run from {', '.join(shapes)} to {', '.join(outputs)}: "
        f"{first_message}; use --input-shape NAME=SHAPE{tried}, --set NAME=VALUE, or other --inputs"
    )


def _check_finite(imported: ImportedGraph, outputs: Mapping[str, Array]) -> None:
    """Raises BadInputError where the original computes NaN or infinity, which proves nothing."""
    names = [
        name
        for name, value in outputs.items()
        if value.dtype.kind in "fc" and not np.isfinite(value).all()
    ]
    if names:
        raise BadInputError(
            f"{imported.path} itself computes NaN or infinity in {', '.join(names)} on the test "
            "inputs (numbers from 0 to 1), so nothing can be compared: use other --outputs, or "
            "check its weights with legacy-nets inspect --stats"
        )


def _list_inputs(
    imported: ImportedGraph,
    inference: InferenceGraph,
    shapes: Mapping[str, TensorShape],
    outputs: Sequence[str],
    words: Sequence[bytes],
) -> Iterator[dict[str, Array]]:
    """Lists the inputs to try, which differ in their sizes. Each input has a seed of its own."""
    id_limits = _find_id_limits(imported, inference.definition, shapes)
    tried = []
    for sizes in _list_sizes(imported, shapes, outputs):
        complete = {tensor: _complete_shape(shape, sizes) for tensor, shape in shapes.items()}
        integer = sizes.integer if [] in complete.values() else None
        if (complete, integer) in tried:
            continue
        tried.append((complete, integer))
        yield {
            tensor: _generate_input(
                imported, tensor, shape, sizes.integer, id_limits.get(tensor), words, seed
            )
            for seed, (tensor, shape) in enumerate(complete.items())
        }


def _list_sizes(
    imported: ImportedGraph, shapes: Mapping[str, TensorShape], outputs: Sequence[str]
) -> Iterator[_Sizes]:
    """Lists the sizes to try, since the nodes of a graph may need certain sizes."""
    yield _Sizes(_BATCH, _SIDES[0], _BATCH)
    for tensor in outputs:  # the graph may be built for one batch size
        shape = imported.get_tensor(tensor).shape
        if shape.rank and shape.as_list()[0]:
            yield _Sizes(shape.as_list()[0], _SIDES[0], _BATCH)
    if any(None in shape.as_list()[1:] for shape in shapes.values()):
        if any(shape.rank == 0 for shape in shapes.values()):
            yield _Sizes(_BATCH, _SIDES[-1], _SIDES[-1])
        yield from (_Sizes(_BATCH, side, _BATCH) for side in _SIDES[1:])


def _complete_shape(shape: TensorShape, sizes: _Sizes) -> list[int]:
    """Fills in open sizes; the first axis is the batch."""
    if shape.rank is None:
        return []
    return [
        (sizes.side if axis else sizes.batch) if size is None else size
        for axis, size in enumerate(shape.as_list())
    ]


def _generate_input(
    imported: ImportedGraph,
    tensor: str,
    shape: Sequence[int],
    integer: int,
    id_limit: int | None,
    words: Sequence[bytes],
    seed: int,
) -> Array:
    """Generates seeded values: floats in [0, 1), bytes below 128, ids below ``id_limit``, words.

    A parser of tf.train.Example gets serialized examples. An input that is one integer gets
    ``integer``. One word in four is unknown.
    """
    dtype = imported.get_dtype(tensor)
    random = np.random.default_rng(seed)
    if dtype == tf.string:
        vocabulary = [*random.permutation(list(words) or [b"one", b"two"])[:3], b"(unknown)"]
        parser = find_parser(imported, tensor)
        if parser is not None:
            examples = generate_examples(imported, parser, math.prod(shape), vocabulary)
            return examples.reshape(shape)
        return random.choice(np.array(vocabulary, object), shape)
    if dtype == tf.bool:
        return np.zeros(shape, bool)
    if dtype in (tf.uint8, tf.int8):
        return random.integers(0, 128, shape).astype(dtype.as_numpy_dtype)
    if dtype.is_integer and id_limit is not None:
        return random.integers(0, id_limit, shape).astype(dtype.as_numpy_dtype)
    if dtype.is_integer:
        return np.full(shape, 1 if shape else integer, dtype.as_numpy_dtype)
    if not shape:
        return np.ones((), dtype.as_numpy_dtype)
    return random.random(shape).astype(dtype.as_numpy_dtype)


def _find_id_limits(
    imported: ImportedGraph, definition: GraphDef, inputs: Mapping[str, TensorShape]
) -> dict[str, int]:
    """Finds the inputs that are looked up in tables, and the least number of rows of these."""
    nodes = index_nodes(definition)
    consumers = index_consumers(nodes)
    limits = {}
    for tensor in inputs:
        counts = list(_list_table_rows(imported, nodes, consumers, get_node_name(tensor)))
        if counts:
            limits[tensor] = min(counts)
    return limits


def _list_table_rows(
    imported: ImportedGraph,
    nodes: Mapping[str, NodeDef],
    consumers: Mapping[str, list[NodeDef]],
    start: str,
) -> Iterator[int]:
    """Lists the rows of the tables that integers of a node are looked up in."""

    def list_integer_readers(name: str) -> list[str]:
        readers = consumers.get(name, [])
        return [node.name for node in readers if _passes_integers_on(imported, node, name)]

    for name in walk([start], list_integer_readers):
        for node in consumers.get(name, ()):
            rows = _count_table_rows(imported, nodes, node) if _looks_up(node, name) else None
            if rows:
                yield rows


def _looks_up(node: NodeDef, operand: str) -> bool:
    """Whether a node takes an operand as ids."""
    operands = list_data_inputs(node)
    if node.op in ("Gather", "GatherV2", "ResourceGather"):
        return get_node_name(operands[1]) == operand
    return node.op == "OneHot" and get_node_name(operands[0]) == operand


def _count_table_rows(
    imported: ImportedGraph, nodes: Mapping[str, NodeDef], node: NodeDef
) -> int | None:
    """Counts the ids that a look-up accepts; None where the graph does not tell."""
    operands = list_data_inputs(node)
    if node.op == "OneHot":
        depth = tf.get_static_value(imported.get_tensor(operands[1]))
        return None if depth is None else int(depth)
    table = imported.get_tensor(operands[0])
    shape = table.shape
    if table.dtype == tf.resource:
        variable = nodes[get_node_name(operands[0])]
        shape = tf.TensorShape(variable.attr["shape"].shape)
    return shape.as_list()[0] if shape.rank else None


def _passes_integers_on(imported: ImportedGraph, node: NodeDef, operand: str) -> bool:
    """Whether a node makes other integers, which may be ids, of an operand."""
    if _looks_up(node, operand) or node.op.startswith("Shape"):
        return False
    outputs = imported.graph.get_operation_by_name(node.name).outputs
    return bool(outputs) and outputs[0].dtype.is_integer
