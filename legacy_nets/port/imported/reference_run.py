"""Runs a stranger's graph as it was saved, restored from its checkpoint, on seeded inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines, suggest_names
from legacy_nets.graphdef.node_names import complete_tensor_name, get_node_name
from legacy_nets.graphdef.op_types import SHAPE_READERS
from legacy_nets.graphdef.traverse import (
    find_nodes_between,
    index_consumers,
    index_nodes,
    list_data_inputs,
)
from legacy_nets.port.imported.graph import Model
from legacy_nets.port.imported.inference_mode import Folded

BATCH = 2
_SIDES = (64, 224, 28, 32, 227, 256, 299, 512, 10, 5)  # tried in turn where a graph leaves it open
_RANKS = {  # operation -> (axes of what it takes first, axis of its weights that says the last one)
    "Conv2D": (4, 2),
    "DepthwiseConv2dNative": (4, 2),
    "Conv3D": (5, 3),
    "MatMul": (2, 0),
    "BatchMatMul": (2, 0),  # what tf.matmul makes of a tensor without a rank
    "BatchMatMulV2": (2, 0),
    **dict.fromkeys(("TensorArray", "TensorArrayV2", "TensorArrayV3", "Range"), (0, None)),
    "MaxPool": (4, None),
    "AvgPool": (4, None),
    "ResizeBilinear": (4, None),
    "ResizeNearestNeighbor": (4, None),
}
_SAME_SHAPE = re.compile(
    r"Identity|Cast|Sub|Mul|Add|AddV2|RealDiv|Div|Relu|Pad|ReverseV2|Neg|Maximum|Minimum"
    r"|FusedBatchNorm.*|Enter|StopGradient|MirrorPad|Tanh|Square|Pow|Sigmoid|Exp"
)


def shapes_of(
    model: Model,
    definition: Any,
    inputs: list[str],
    outputs: list[str],
    given: Mapping[str, str],
) -> dict[str, Any]:
    """Each input's shape: given ("1,224,224,3", "?" stays open), the graph's, or its readers'.

    Raises BadInputError for a shape that cannot be, or is not to be had.
    """
    for name, text in given.items():
        if name not in inputs:
            raise BadInputError(
                f"--input-shape {name}={text}: {model.path} has no such input"
                f"{suggest_names(name, inputs) or '; it has ' + ', '.join(inputs)}"
            )
    nodes = index_nodes(definition)
    readers = index_consumers(
        {name: nodes[name] for name in find_nodes_between(nodes, inputs, outputs)}
    )
    found = {}
    for tensor in inputs:
        shape = model.graph.get_tensor_by_name(complete_tensor_name(tensor)).shape
        if tensor in given:
            stated = _stated(tensor, given[tensor])
            if not shape.is_compatible_with(stated):
                raise BadInputError(
                    f"--input-shape {tensor}={given[tensor]}: the graph says {shape}"
                )
            shape = stated
        elif shape.rank is None:
            shape = model.shapes.get(tensor, shape)
            shape = shape if shape.rank is not None else _from_readers(model, readers, tensor)
            if shape is None:
                raise BadInputError(
                    f"{model.path} does not say what shape {tensor} has: say --input-shape "
                    f"{tensor}=?,224,224,3 (? stays open, () is a single number), or --set it"
                )
        found[tensor] = shape
    return found


def _stated(tensor: str, text: str) -> Any:
    try:
        sides = []
        if text != "()":
            sides = [None if side in ("?", "-1") else int(side) for side in re.split("[,x]", text)]
        if any(side is not None and side < 1 for side in sides):
            raise ValueError
    except ValueError:
        raise BadInputError(f"--input-shape {tensor}={text}: write 1,224,224,3 or ?,784") from None
    return tf.TensorShape(sides)


def _from_readers(model: Model, readers: Mapping[str, list[Any]], tensor: str) -> Any:
    """The shape that the first layer asks for; None where no layer says.

    Where all is done number by number, or numbers are only looked up, one axis is enough.
    """
    stack, seen = [get_node_name(tensor)], set()
    alone = True
    while stack:
        name = stack.pop(0)
        for node in readers.get(name, ()):
            if node.name in seen:
                continue
            seen.add(node.name)
            operands = list_data_inputs(node)
            if node.op in _RANKS and get_node_name(operands[0]) == name:
                rank, axis = _RANKS[node.op]
                if rank == 0:
                    return tf.TensorShape([])
                last = None
                if axis is not None:
                    weights = model.graph.get_tensor_by_name(
                        complete_tensor_name(operands[1])
                    ).shape
                    last = weights.as_list()[axis] if weights.rank is not None else None
                return tf.TensorShape([None] * (rank - 1) + [last])
            if node.op == "Reshape" and get_node_name(operands[0]) == name:
                shape = model.graph.get_tensor_by_name(complete_tensor_name(node.name)).shape
                if shape.rank and None not in shape.as_list()[1:]:
                    return shape
            if _SAME_SHAPE.fullmatch(node.op):
                stack.append(node.name)
                others = [
                    model.graph.get_tensor_by_name(complete_tensor_name(other)).shape
                    for other in operands
                ]
                alone = alone and all(other.rank in (0, None) for other in others)
            elif node.op not in SHAPE_READERS:
                alone = alone and "Gather" in node.op and get_node_name(operands[1]) == name
    return tf.TensorShape([None]) if alone and seen else None


def reference(
    model: Model,
    folded: Folded,
    session: Any,
    shapes: Mapping[str, Any],
    outputs: list[str],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What goes in, and what the original graph says to it, under the same settings.

    Raises BadInputError where it cannot be run, with what it said.
    """
    settings = {f"{name}:0": value for name, value in folded.settings.items()}
    most = _ids(model, folded.definition, list(shapes))
    said = ""
    for batch, side, count in _sizes(model, shapes, outputs):
        values = {
            name: _value(model, name, _closed(shape, batch, side), most.get(name), count)
            for name, shape in shapes.items()
        }
        feeds = {complete_tensor_name(name): value for name, value in values.items()}
        try:
            found = session.run(
                [complete_tensor_name(name) for name in outputs], {**settings, **feeds}
            )
        except (tf.errors.OpError, ValueError, TypeError) as error:
            said = said or join_lines(error)[:300]
            continue
        found = dict(zip(outputs, found, strict=True))
        _check_finite(model, found)
        return values, found
    guessed = [name for name, shape in shapes.items() if None in (shape.as_list() or [0])[1:]]
    sides = ", ".join(map(str, _SIDES))
    tried = f" ({', '.join(guessed)}: open sides tried as {sides})" if guessed else ""
    raise BadInputError(
        f"{model.path} cannot be run from {', '.join(shapes)} to {', '.join(outputs)}: {said}; "
        f"say --input-shape NAME=SHAPE{tried}, --set NAME=VALUE, or other --inputs"
    )


def _check_finite(model: Model, found: Mapping[str, np.ndarray]) -> None:
    """Raises BadInputError where the original itself says NaN or infinity: that proves nothing."""
    blind = [
        name
        for name, value in found.items()
        if np.asarray(value).dtype.kind in "fc" and not np.isfinite(value).all()
    ]
    if blind:
        raise BadInputError(
            f"{model.path} itself says NaN or infinity in {', '.join(blind)} on the test inputs "
            "(numbers from 0 to 1): nothing can be compared there; name other --outputs, or see "
            "with legacy-nets inspect --stats whether its weights are numbers"
        )


def _sizes(
    model: Model, shapes: Mapping[str, Any], outputs: list[str]
) -> Iterator[tuple[int, int, int]]:
    """Batches, sides and lone integers to try: graphs hold numbers that an open shape hides.

    A lone integer is a batch's size, or the length of its sequences.
    """
    yield BATCH, _SIDES[0], BATCH
    for name in outputs:  # built for one batch
        shape = model.graph.get_tensor_by_name(complete_tensor_name(name)).shape
        if shape.rank and shape.as_list()[0]:
            yield shape.as_list()[0], _SIDES[0], BATCH
    if any(None in shape.as_list()[1:] for shape in shapes.values()):
        if any(shape.rank == 0 for shape in shapes.values()):
            yield BATCH, _SIDES[-1], _SIDES[-1]
        yield from ((BATCH, side, BATCH) for side in _SIDES[1:])


def _closed(shape: Any, batch: int, side: int) -> list[int]:
    """A shape without open sides: the first is the batch."""
    if shape.rank is None:
        return []
    return [
        (side if place else batch) if size is None else size
        for place, size in enumerate(shape.as_list())
    ]


def _value(model: Model, tensor: str, shape: list[int], most: int | None, count: int) -> np.ndarray:
    """Seeded numbers: [0, 1), bytes, ids below ``most``; an integer alone is ``count``."""
    kind = model.graph.get_tensor_by_name(complete_tensor_name(tensor)).dtype.base_dtype
    chance = np.random.default_rng(0)
    if kind == tf.string:
        raise BadInputError(
            f"{model.path}: {tensor} takes text or files; name the tensor behind it in --inputs"
        )
    if kind == tf.bool:
        return np.zeros(shape, bool)
    if kind in (tf.uint8, tf.int8):
        return chance.integers(0, 128, shape).astype(kind.as_numpy_dtype)
    if kind.is_integer:
        if most is None:
            return np.full(shape, 1 if shape else count, kind.as_numpy_dtype)
        return chance.integers(0, most, shape).astype(kind.as_numpy_dtype)
    if not shape:
        return np.ones((), kind.as_numpy_dtype)
    return chance.random(shape).astype(kind.as_numpy_dtype)


def _ids(model: Model, definition: Any, inputs: list[str]) -> dict[str, int]:
    """How many rows the table has that an input's numbers are looked up in."""
    nodes = index_nodes(definition)
    readers = index_consumers(nodes)
    found: dict[str, int] = {}
    for tensor in inputs:
        for rows in _looked_up(model, nodes, readers, get_node_name(tensor)):
            found[tensor] = min(rows, found.get(tensor, rows))
    return found


def _looked_up(
    model: Model, nodes: Mapping[str, Any], readers: Mapping[str, list[Any]], start: str
) -> Iterator[int]:
    stack, seen = [start], {start}
    while stack:
        name = stack.pop()
        for node in readers.get(name, ()):
            operands = list_data_inputs(node)
            if (
                node.op in ("Gather", "GatherV2", "ResourceGather")
                and get_node_name(operands[1]) == name
            ):
                table = model.graph.get_tensor_by_name(complete_tensor_name(operands[0]))
                shape = table.shape
                if table.dtype == tf.resource:
                    handle = nodes[get_node_name(operands[0])]
                    shape = tf.TensorShape(handle.attr["shape"].shape)
                if shape.rank and shape.as_list()[0]:
                    yield shape.as_list()[0]
            elif node.op == "OneHot" and get_node_name(operands[0]) == name:
                depth = tf.get_static_value(
                    model.graph.get_tensor_by_name(complete_tensor_name(operands[1]))
                )
                if depth is not None:
                    yield int(depth)
            elif node.name not in seen and not node.op.startswith("Shape"):
                kinds = [t.dtype for t in model.graph.get_operation_by_name(node.name).outputs]
                if kinds and kinds[0].is_integer:
                    seen.add(node.name)
                    stack.append(node.name)
