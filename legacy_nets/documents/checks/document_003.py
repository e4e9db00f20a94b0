"""Checks for document 003 (ResNet v2): the unit and the blocks of the 152-layer net in slim."""

from __future__ import annotations

import functools

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import Check
from legacy_nets.nets import resnet_v2 as module
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.types import Graph, Tensor

NET = "resnet_v2_152"
slim = tf.contrib.slim


def _list_units(block: str) -> list[str]:
    """Lists the end points of the units of a block ("block1"), in order."""
    points = common.build_net(NET)[2]
    return [
        key
        for key in points
        if key.startswith(f"{NET}/{block}/unit_") and key.endswith("/bottleneck_v2")
    ]


def count_units(block: str) -> int:
    """Counts the units of a block."""
    return len(_list_units(block))


def count_all_units() -> int:
    """Counts the units of the net."""
    return sum(len(_list_units(block)) for block in _list_blocks())


def _list_blocks() -> list[str]:
    keys = [key.split("/")[1] for key in common.build_net(NET)[2] if key.startswith(f"{NET}/block")]
    return list(dict.fromkeys(keys))


def count_blocks() -> int:
    """Counts the blocks of the net."""
    return len(_list_blocks())


def count_main_path_convolutions() -> int:
    """Counts the convolutions on the main path: units, first and last (logits)."""
    graph = common.build_net(NET)[0].graph
    names = [op.name for op in graph.get_operations() if op.type == "Conv2D"]
    return sum("shortcut" not in name for name in names)


def list_convolution_counts() -> list[int]:
    """Lists the different numbers of convolutions on the main path of a unit."""
    points = common.build_net(NET)[2]
    counts = [
        sum(f"{unit}/conv{number}" in points for number in range(1, 9))
        for block in _list_blocks()
        for unit in _list_units(block)
    ]
    return list(dict.fromkeys(counts))


def get_block_arguments(block: str, position: str) -> list[int]:
    """Returns [depth, bottleneck depth, stride] of a block's "first" units or its "last"."""
    points = common.build_net(NET)[2]
    units = _list_units(block)
    selected = units[-1:] if position == "last" else units[:-1]
    arguments = [
        [
            points[unit].shape[-1],
            points[f"{unit}/conv1"].shape[-1],
            points[f"{unit}/conv1"].shape[1] // points[f"{unit}/conv2"].shape[1],
        ]
        for unit in selected
    ]
    assert all(argument == arguments[0] for argument in arguments)
    return [int(number) for number in arguments[0]]


def list_block_strides() -> list[int]:
    """Lists the factor by which each block shrinks the map, from the live sizes."""
    points = common.build_net(NET)[2]
    sides = [int(points[f"{NET}/{block}"].shape[1]) for block in _list_blocks()]
    before = [int(points[f"{_list_units('block1')[0]}/conv1"].shape[1]), *sides[:-1]]
    return [a // b for a, b in zip(before, sides, strict=True)]


def find_strided_unit() -> str:
    """Finds the unit of the first three blocks with the stride: "first", "last" or "other"."""
    points = common.build_net(NET)[2]
    positions = set()
    for block in _list_blocks()[:3]:
        keys = _list_units(block)
        halved = [
            i
            for i, key in enumerate(keys)
            if points[f"{key}/conv1"].shape[1] != points[f"{key}/conv2"].shape[1]
        ]
        positions.add({0: "first", len(keys) - 1: "last"}.get(halved[0], "other"))
    return " and ".join(sorted(positions))


@functools.cache
def _build_unit(
    depth_in: int, depth_out: int, stride: int, scoped: bool = True
) -> tuple[Graph, Tensor]:
    """Builds a single bottleneck: returns its graph and its output."""
    with tf.Graph().as_default() as graph, without_initial_values():
        with slim.arg_scope(module.resnet_arg_scope() if scoped else {}):
            x = tf.placeholder(tf.float32, [None, 8, 8, depth_in])
            return graph, module.bottleneck(x, depth_out, 4, stride)


def _measure_unit(arguments: dict[str, int] | tuple[int, ...]) -> tuple[int, int, int]:
    """Measures channels of the output and of the middle, and the output's height."""
    with tf.Graph().as_default() as graph, without_initial_values():
        x = tf.placeholder(tf.float32, [None, 8, 8, 8])
        block = module.Block("block", module.bottleneck, [arguments])
        output = module.stack_blocks_dense(x, [block])
        middle = graph.get_operation_by_name("block/unit_1/bottleneck_v2/conv2/Conv2D").outputs[0]
    return output.shape[-1], middle.shape[-1], output.shape[1]


MEASURED = ("output channels", "middle channels", "output height")
UNIT = {"depth": 16, "depth_bottleneck": 4, "stride": 1}


def list_arguments_that_change(measured: str) -> list[str]:
    """Lists the arguments of a unit that change one of MEASURED when they double."""
    index, before = MEASURED.index(measured), _measure_unit(UNIT)
    return [
        name
        for name, value in UNIT.items()
        if _measure_unit({**UNIT, name: 2 * value})[index] != before[index]
    ]


def list_tuple_meanings() -> list[str]:
    """Lists the argument that each number in the tuple of a unit is, by what it changes."""
    numbers = tuple(UNIT.values())
    before, meanings = _measure_unit(numbers), []
    for position, number in enumerate(numbers):
        changed = _measure_unit((*numbers[:position], 2 * number, *numbers[position + 1 :]))
        pairs = zip(UNIT, before, changed, strict=True)
        meanings += [name for name, old, new in pairs if old != new]
    return meanings


def has_unit_per_tuple() -> bool:
    """Whether a block has as many units as it has tuples."""
    counts = {"block1": 2, "block2": 3}
    with tf.Graph().as_default() as graph, without_initial_values():
        x = tf.placeholder(tf.float32, [None, 8, 8, 8])
        blocks = [
            module.Block(name, module.bottleneck, [(8, 4, 1)] * n) for name, n in counts.items()
        ]
        module.stack_blocks_dense(x, blocks)
        sums = [op.name.split("/")[0] for op in graph.get_operations() if op.name.endswith("/add")]
    return {name: sums.count(name) for name in counts} == counts


def list_parameters() -> list[str]:
    """Lists the parameters of bottleneck that the document has."""
    return common.list_document_parameters(module.bottleneck)


def collects_output() -> bool:
    """Whether a unit adds its output to the collection that outputs_collections names."""
    with tf.Graph().as_default(), without_initial_values():
        x = tf.placeholder(tf.float32, [None, 8, 8, 8])
        output = module.bottleneck(x, 16, 4, 1, outputs_collections="units")
        return tf.get_collection("units") == [output]


def is_named_by_scope() -> bool:
    """Whether the argument scope is the name of the unit."""
    with tf.Graph().as_default(), without_initial_values():
        x = tf.placeholder(tf.float32, [None, 8, 8, 8])
        output = module.bottleneck(x, 16, 4, 1, scope="unit_7")
        variables = [v.op.name for v in tf.global_variables()]
    return all(name.startswith("unit_7/") for name in [output.op.name, *variables])


def get_shortcut_type(channels: str, stride: str) -> str:
    """Returns the type of the operation that makes the shortcut of a unit of depth 16."""
    _, output = _build_unit(int(channels), 16, int(stride))
    path = output.op.inputs[0].op
    return path.inputs[0].op.type if path.type == "BiasAdd" else path.type


def list_unit_layers() -> list[str]:
    """Lists the layers of a unit in order along its main path."""
    words = {"FusedBatchNormV3": "batch norm", "Relu": "relu", "Conv2D": "convolution"}
    _, output = _build_unit(16, 16, 1)
    path, op = [], output.op
    while op.type != "Placeholder":
        path.append(op.type)
        op = op.inputs[1 if op.type.startswith("Add") else 0].op
    return [words[op_type] for op_type in reversed(path) if op_type in words]


def list_unit_kernels() -> list[str]:
    """Lists kernel and width of a unit's convolutions, widths in multiples of the first."""
    shapes = {}
    graph, _ = _build_unit(16, 16, 1)
    with graph.as_default():
        for variable in tf.global_variables():
            layer, _, leaf = variable.op.name.rpartition("/")
            if leaf == "weights" and "shortcut" not in layer:
                shapes[layer] = tuple(variable.shape.as_list())
    first = next(iter(shapes.values()))[-1]
    kernels = []
    for height, width, _, filters in shapes.values():
        times = filters // first
        kernels.append(f"{height}x{width}x{'' if times == 1 else times}n")
    return kernels


def list_strided_kernels(channels: str) -> list[tuple[int, ...]]:
    """Lists the kernels of the convolutions of a unit that have its stride of 2."""
    graph, _ = _build_unit(int(channels), 16, 2)
    return [
        tuple(op.inputs[1].shape.as_list()[:2])
        for op in graph.get_operations()
        if op.type == "Conv2D" and max(op.get_attr("strides")) == 2
    ]


def get_merge() -> str:
    """Returns how a unit joins its two paths."""
    return {"AddV2": "sum", "Add": "sum", "ConcatV2": "concat"}[_build_unit(16, 16, 1)[1].op.type]


def find_least_rank() -> int:
    """Finds the least rank of a map that the unit accepts."""
    return common.find_least_rank(lambda x: module.bottleneck(x, 16, 4, 1))


def scope_enters_graph() -> bool:
    """Whether a variable_scope with values enters their graph, whatever the current one is."""
    with tf.Graph().as_default() as other_graph:
        x = tf.placeholder(tf.float32, [1])
    with tf.Graph().as_default(), tf.variable_scope("scope", values=[x]):
        return tf.get_default_graph() is other_graph


def takes_from_arg_scope() -> bool:
    """Whether the unit takes an argument from an arg_scope."""
    with tf.Graph().as_default(), without_initial_values():
        x = tf.placeholder(tf.float32, [None, 8, 8, 16])
        with slim.arg_scope([module.bottleneck], stride=2):
            return module.bottleneck(x, 16, 4).shape[1] == 4


def list_block_fields() -> list[str]:
    """Lists the fields of the tuple that describes a block."""
    return list(module.Block._fields)


def get_unit_scope() -> str:
    """Returns the default variable scope of a unit."""
    return _build_unit(16, 16, 1)[1].op.name.split("/")[0]


def is_unit_collected() -> bool:
    """Whether a unit's output is an end point with the name of its scope."""
    points = common.build_net(NET)[2]
    key = f"{NET}/block1/unit_1/bottleneck_v2"
    return key in points and points[key].op.name.startswith(f"{key}/")


def has_bias_only(layer: str) -> bool:
    """Whether a convolution of a projecting unit has a bias and no batch norm."""
    graph, _ = _build_unit(8, 16, 1)
    with graph.as_default():
        names = {v.op.name.partition("/")[2] for v in tf.global_variables()}
    return f"{layer}/biases" in names and f"{layer}/BatchNorm/beta" not in names


def get_projection_input() -> str:
    """Returns the layer that the projection of a unit reads."""
    graph, _ = _build_unit(8, 16, 1)
    projection = graph.get_operation_by_name("bottleneck_v2/shortcut/Conv2D")
    return projection.inputs[0].op.name.split("/")[1]


def count_vgg_layers() -> int:
    """Counts the layers with weights of VGG-19, the deepest plain net here."""
    layers = common.analyze_net("vgg19").layers
    return sum(layer.layer_type in ("convolution", "dense") for layer in layers)


# Errata


def count_unit_variables(scoped: str) -> int:
    """Counts the variables of a projecting unit with resnet_arg_scope ("yes") or without ("no")."""
    graph, _ = _build_unit(8, 16, 1, scoped == "yes")
    with graph.as_default():
        return len(tf.global_variables())


def list_same_zeros(side: str) -> list[int]:
    """Lists the zeros that SAME adds before and after an even side, for 3x3 and stride 2."""
    return list(formulas.compute_same_padding(int(side), 3, 2))


def normalize_alone_and_in_batch() -> list[float]:
    """Normalizes 1 by slim.batch_norm with default arguments: alone, and next to a 3."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 1, 1, 1])
        y = slim.batch_norm(x)
        session.run(tf.global_variables_initializer())
        alone = session.run(y, {x: [[[[1.0]]]]})
        in_batch = session.run(y, {x: [[[[1.0]]], [[[3.0]]]]})
    return [float(alone[0, 0, 0, 0]), float(in_batch[0, 0, 0, 0])]


CHECKS: dict[str, Check] = {
    "collects_output": collects_output,
    "count_all_units": count_all_units,
    "count_blocks": count_blocks,
    "count_main_path_convolutions": count_main_path_convolutions,
    "count_unit_variables": count_unit_variables,
    "count_units": count_units,
    "count_vgg_layers": count_vgg_layers,
    "find_least_rank": find_least_rank,
    "find_strided_unit": find_strided_unit,
    "get_block_arguments": get_block_arguments,
    "get_merge": get_merge,
    "get_projection_input": get_projection_input,
    "get_shortcut_type": get_shortcut_type,
    "get_unit_scope": get_unit_scope,
    "has_bias_only": has_bias_only,
    "has_unit_per_tuple": has_unit_per_tuple,
    "is_named_by_scope": is_named_by_scope,
    "is_unit_collected": is_unit_collected,
    "list_arguments_that_change": list_arguments_that_change,
    "list_block_fields": list_block_fields,
    "list_block_strides": list_block_strides,
    "list_convolution_counts": list_convolution_counts,
    "list_parameters": list_parameters,
    "list_same_zeros": list_same_zeros,
    "list_strided_kernels": list_strided_kernels,
    "list_tuple_meanings": list_tuple_meanings,
    "list_unit_kernels": list_unit_kernels,
    "list_unit_layers": list_unit_layers,
    "normalize_alone_and_in_batch": normalize_alone_and_in_batch,
    "scope_enters_graph": scope_enters_graph,
    "takes_from_arg_scope": takes_from_arg_scope,
}
