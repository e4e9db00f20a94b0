"""Measurements for document 003: the unit and the blocks of ResNet v2 in slim, 152 layers deep."""

from __future__ import annotations

import functools
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.documents.checks import common
from legacy_nets.errors import BadInputError
from legacy_nets.nets import resnet_v2 as module
from legacy_nets.tf1.speed import without_initial_values

NET = "resnet_v2_152"
slim = tf.contrib.slim


def _units(block: str) -> list[str]:
    """End points of the units of a block ("block1"), in order."""
    points = common.built(NET)[2]
    return [
        key
        for key in points
        if key.startswith(f"{NET}/{block}/unit_") and key.endswith("/bottleneck_v2")
    ]


def units(block: str) -> int:
    """Units of a block."""
    return len(_units(block))


def all_units() -> int:
    """Units of the net."""
    return sum(len(_units(block)) for block in _blocks())


def _blocks() -> list[str]:
    keys = [key.split("/")[1] for key in common.built(NET)[2] if key.startswith(f"{NET}/block")]
    return list(dict.fromkeys(keys))


def blocks() -> int:
    """Blocks of the net."""
    return len(_blocks())


def depth() -> int:
    """Convolutions on the main path: those of the units, the first and the last (logits)."""
    graph = common.built(NET)[0].graph
    found = [op.name for op in graph.get_operations() if op.type == "Conv2D"]
    return sum("shortcut" not in name for name in found)


def convolutions_of_units() -> list[int]:
    """How many convolutions the main path of a unit has, each number once."""
    points = common.built(NET)[2]
    counts = [
        sum(f"{unit}/conv{number}" in points for number in range(1, 9))
        for block in _blocks()
        for unit in _units(block)
    ]
    return list(dict.fromkeys(counts))


def arguments(block: str, which: str) -> list[int]:
    """[depth, depth of the bottleneck, stride] of a block's "first" units or its "last"."""
    points = common.built(NET)[2]
    found = _units(block)
    chosen = found[-1:] if which == "last" else found[:-1]
    told = [
        [
            points[unit].shape[-1],
            points[f"{unit}/conv1"].shape[-1],
            points[f"{unit}/conv1"].shape[1] // points[f"{unit}/conv2"].shape[1],
        ]
        for unit in chosen
    ]
    assert all(one == told[0] for one in told)
    return [int(number) for number in told[0]]


def strides() -> list[int]:
    """How much smaller each block makes the map, from the live sizes."""
    points = common.built(NET)[2]
    sides = [int(points[f"{NET}/{block}"].shape[1]) for block in _blocks()]
    before = [int(points[f"{_units('block1')[0]}/conv1"].shape[1]), *sides[:-1]]
    return [a // b for a, b in zip(before, sides, strict=True)]


def shrinking_unit() -> str:
    """Which unit of the first three blocks has the stride: "first", "last" or "other"."""
    points = common.built(NET)[2]
    found = set()
    for block in _blocks()[:3]:
        keys = _units(block)
        halved = [
            i
            for i, key in enumerate(keys)
            if points[f"{key}/conv1"].shape[1] != points[f"{key}/conv2"].shape[1]
        ]
        found.add({0: "first", len(keys) - 1: "last"}.get(halved[0], "other"))
    return " and ".join(sorted(found))


@functools.cache
def _unit(depth_in: int, depth_out: int, stride: int, scoped: bool = True) -> Any:
    """A bottleneck alone: (graph, output)."""
    with tf.Graph().as_default() as graph, without_initial_values():
        with slim.arg_scope(module.resnet_arg_scope() if scoped else {}):
            x = tf.placeholder(tf.float32, [None, 8, 8, depth_in])
            return graph, module.bottleneck(x, depth_out, 4, stride)


def shortcut(channels: str, stride: str) -> str:
    """Type of the operation that makes the shortcut of a unit of depth 16."""
    _, output = _unit(int(channels), 16, int(stride))
    path = output.op.inputs[0].op
    return path.inputs[0].op.type if path.type == "BiasAdd" else path.type


def unit_order() -> list[str]:
    """What a unit does, in order along its main path."""
    words = {"FusedBatchNormV3": "batch norm", "Relu": "relu", "Conv2D": "convolution"}
    _, output = _unit(16, 16, 1)
    path, op = [], output.op
    while op.type != "Placeholder":
        path.append(op.type)
        op = op.inputs[1 if op.type.startswith("Add") else 0].op
    return [words[kind] for kind in reversed(path) if kind in words]


def kernels_of_unit() -> list[str]:
    """Kernel and width of a unit's three convolutions, the width in units of the first one."""
    points = {}
    graph, _ = _unit(16, 16, 1)
    with graph.as_default():
        for variable in tf.global_variables():
            layer, _, leaf = variable.op.name.rpartition("/")
            if leaf == "weights" and "shortcut" not in layer:
                points[layer] = tuple(variable.shape.as_list())
    first = next(iter(points.values()))[-1]
    told = []
    for height, width, _, filters in points.values():
        times = filters // first
        told.append(f"{height}x{width}x{'' if times == 1 else times}n")
    return told


def strided_kernels(channels: str) -> list[tuple[int, ...]]:
    """Kernels of the convolutions of a unit that take its stride of 2."""
    graph, _ = _unit(int(channels), 16, 2)
    return [
        tuple(op.inputs[1].shape.as_list()[:2])
        for op in graph.get_operations()
        if op.type == "Conv2D" and max(op.get_attr("strides")) == 2
    ]


def merge() -> str:
    """How a unit joins its two paths."""
    return {"AddV2": "sum", "Add": "sum", "ConcatV2": "concat"}[_unit(16, 16, 1)[1].op.type]


def least_rank() -> int:
    """The least rank of a map that the unit takes."""
    for rank in range(1, 6):
        with tf.Graph().as_default():
            try:
                slim.utils.last_dimension(tf.TensorShape([None] * (rank - 1) + [3]), min_rank=4)
            except ValueError:
                continue
            return rank
    raise BadInputError("no rank below 6 is taken")


def scope_enters_graph() -> bool:
    """Whether a variable_scope with values works in their graph, whatever the current one is."""
    with tf.Graph().as_default() as theirs:
        x = tf.placeholder(tf.float32, [1])
    with tf.Graph().as_default(), tf.variable_scope("scope", values=[x]):
        return tf.get_default_graph() is theirs


def takes_from_arg_scope() -> bool:
    """Whether the unit takes an argument that only an arg_scope states."""
    with tf.Graph().as_default(), without_initial_values():
        x = tf.placeholder(tf.float32, [None, 8, 8, 16])
        with slim.arg_scope([module.bottleneck], stride=2):
            return module.bottleneck(x, 16, 4).shape[1] == 4


def fields_of_block() -> list[str]:
    """Fields of the tuple that describes a block."""
    return list(module.Block._fields)


def scope_of_unit() -> str:
    """The variable scope of a unit that is told none."""
    return _unit(16, 16, 1)[1].op.name.split("/")[0]


def collected() -> bool:
    """Whether a unit's output stands among the end points under the name of its scope."""
    points = common.built(NET)[2]
    key = f"{NET}/block1/unit_1/bottleneck_v2"
    return key in points and points[key].op.name.startswith(f"{key}/")


def biased(layer: str) -> bool:
    """Whether a convolution of a projecting unit has a bias and no batch norm."""
    graph, _ = _unit(8, 16, 1)
    with graph.as_default():
        names = {v.op.name.partition("/")[2] for v in tf.global_variables()}
    return f"{layer}/biases" in names and f"{layer}/BatchNorm/beta" not in names


def source_of_projection() -> str:
    """The layer that the projection of a unit reads."""
    graph, _ = _unit(8, 16, 1)
    projection = graph.get_operation_by_name("bottleneck_v2/shortcut/Conv2D")
    return projection.inputs[0].op.name.split("/")[1]


def plain_depth() -> int:
    """Layers with weights of the deepest plain net here that was there before: VGG-19."""
    found = common.taken_apart("vgg19").layers
    return sum(layer.kind in ("convolution", "dense") for layer in found)


# The harm of errata


def variables_of_unit(scoped: str) -> int:
    """Variables of a projecting unit within resnet_arg_scope ("yes") or without ("no")."""
    graph, _ = _unit(8, 16, 1, scoped == "yes")
    with graph.as_default():
        return len(tf.global_variables())


def zeros_of_same(side: str) -> list[int]:
    """Zeros that SAME puts before and after an even side for a 3x3 kernel and a stride of 2."""
    return list(formulas.same_padding(int(side), 3, 2))


def normed_alone_and_beside() -> list[float]:
    """What slim.batch_norm, told nothing, makes of 1 alone, and beside an image of 3."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 1, 1, 1])
        y = slim.batch_norm(x)
        session.run(tf.global_variables_initializer())
        alone = session.run(y, {x: [[[[1.0]]]]})
        beside = session.run(y, {x: [[[[1.0]]], [[[3.0]]]]})
    return [float(alone[0, 0, 0, 0]), float(beside[0, 0, 0, 0])]
