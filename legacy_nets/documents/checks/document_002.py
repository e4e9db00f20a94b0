"""Checks for document 002 (Inception V3), which uses slim."""

from __future__ import annotations

import collections
import functools
import inspect

import numpy as np

from legacy_nets import anatomy
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import Check, get_static_shape
from legacy_nets.nets import inception_v3 as net
from legacy_nets.tf1.speed import without_initial_values

slim = tf.contrib.slim
NAME = "inception_v3"


def _list_layers(under: str = "") -> list[anatomy.Layer]:
    layers = common.analyze_net(NAME).layers
    return [layer for layer in layers if layer.name.startswith(f"InceptionV3/{under}")]


def _get_layer(name: str) -> anatomy.Layer:
    return common.analyze_net(NAME).get_layer(f"InceptionV3/{name}")


def _list_convolutions(under: str) -> list[anatomy.Layer]:
    return [layer for layer in _list_layers(under) if layer.layer_type == "convolution"]


# Maps


def get_map(name: str) -> tuple[int | None, ...]:
    """Returns height, width and channels of an end point, or of a layer before a squeeze."""
    images, _, points = common.build_net(NAME)
    if name in points:
        return get_static_shape(points[name])[1:]
    return get_static_shape(images.graph.get_tensor_by_name(f"InceptionV3/{name}:0"))[1:]


def get_change(*names: str) -> str:
    """Returns the map before and the map after: "17x17x768 to 5x5x768"."""
    return " to ".join("x".join(map(str, get_map(name))) for name in names)


def write_size_formula(name: str) -> str:
    """Writes (W-F)/S+1 of a VALID layer with its numbers and the measured output size."""
    operation = common.build_net(NAME)[0].graph.get_tensor_by_name(_get_layer(name).tensor).op
    while operation.type in ("Relu", "FusedBatchNormV3"):
        operation = operation.inputs[0].op
    size, left = get_static_shape(operation.inputs[0])[1], get_static_shape(operation.outputs[0])[1]
    kernel, stride = (_get_layer(name).kernel or (0,))[0], (_get_layer(name).stride or (0,))[0]
    assert left == formulas.compute_output_size(size or 0, kernel, stride)
    return f"({size}-{kernel})/{stride}+1={left}"


# Modules


def list_modules(group: str) -> list[str]:
    """Lists the Inception modules of a group (5, 6 or 7)."""
    points = common.build_net(NAME)[2]
    return [name for name in points if name.startswith(f"Mixed_{group}")]


def list_distinct_maps(*names: str) -> list[tuple[int | None, ...]]:
    """Lists the different maps of some end points."""
    return list(dict.fromkeys(map(get_map, names)))


def list_parameters() -> list[str]:
    """Lists the parameters of inception_v3_base that the document has."""
    return common.list_document_parameters(net.inception_v3_base)


def have_stem_layers_one_form() -> bool:
    """Whether all layers before the first module are of one type, kernel and padding."""
    layers = [layer for layer in _list_layers() if layer.name.count("/") == 1]
    return len({(layer.layer_type, layer.kernel, layer.padding) for layer in layers}) == 1


def count_groups() -> int:
    """Counts the groups of modules."""
    return len({name[:7] for name in common.build_net(NAME)[2] if name.startswith("Mixed_")})


def count_modules(group: str) -> int:
    """Counts the modules of a group."""
    return len(list_modules(group))


def count_branches(module: str) -> int:
    """Counts the branches that a module concatenates."""
    tensor = common.build_net(NAME)[2][module]
    return len(tensor.op.inputs) - 1  # the last input is the axis


def sum_branch_channels(module: str) -> str:
    """Writes the channels of the branches and their sum: "64+64+96+32=256"."""
    parts = [
        get_static_shape(tensor)[-1] for tensor in common.build_net(NAME)[2][module].op.inputs[:-1]
    ]
    return f"{'+'.join(map(str, parts))}={get_static_shape(common.build_net(NAME)[2][module])[-1]}"


def list_filters(under: str) -> list[int | None]:
    """Lists the output channels of the convolutions under a scope, in order."""
    return [layer.output[-1] for layer in _list_convolutions(under) if layer.output]


def list_kernels(under: str) -> list[tuple[int, ...]]:
    """Lists the kernels of the convolutions under a scope, in order."""
    return [layer.kernel for layer in _list_convolutions(under) if layer.kernel]


def list_factorized_kernels(under: str) -> list[object]:
    """Lists the kernels of a branch's convolutions without those of 1x1."""
    return [kernel for kernel in list_kernels(under) if kernel != (1, 1)]


def list_distinct_kernels(*scopes: str) -> list[object]:
    """Lists the different kernels of the convolutions under some scopes."""
    return list(dict.fromkeys(kernel for scope in scopes for kernel in list_kernels(scope)))


def find_usual_kernel(*scopes: str) -> tuple[int, ...]:
    """Finds the most frequent kernel of the convolutions under some scopes."""
    counts = collections.Counter(kernel for scope in scopes for kernel in list_kernels(scope))
    return counts.most_common(1)[0][0]


def get_module_stride(under: str) -> int:
    """Returns the factor by which a module shrinks the map: 1 or 2."""
    strides = {(layer.stride or (1,))[0] for layer in _list_layers(under)}
    return max(strides)


def have_same_kernels(module: str, *others: str) -> bool:
    """Whether modules have the same kernels in the same branches, whatever their names."""
    kernels_of = [_list_topology(name) for name in (module, *others)]
    return all(topology == kernels_of[0] for topology in kernels_of)


def _list_topology(module: str) -> list[object]:
    return [
        (layer.name.split("/")[2], layer.layer_type, layer.kernel, layer.stride)
        for layer in _list_layers(f"{module}/")
    ]


def have_same_filters(module: str, other: str) -> bool:
    """Whether two modules have the same kernels and the same channels throughout."""
    return have_same_kernels(module, other) and list_filters(f"{module}/") == list_filters(
        f"{other}/"
    )


def get_layer_field(name: str, field: str) -> object:
    """Returns layer_type, kernel, stride or padding of one layer, as ``describe`` prints it."""
    if field == "stride":
        return (_get_layer(name).stride or (None,))[0]
    return common.get_field(_get_layer(name), field)


def get_default_padding() -> object:
    """Returns the default padding of slim.conv2d without an arg_scope."""
    return inspect.signature(slim.conv2d).parameters["padding"].default


def get_next_layer(name: str) -> str:
    """Returns the name of the layer that follows a tensor."""
    tensor = common.build_net(NAME)[0].graph.get_tensor_by_name(f"InceptionV3/{name}:0")
    return tensor.consumers()[0].name.split("/")[2].partition("_")[0]


def get_last_activation() -> str:
    """Returns the type of the operation that makes the end point Predictions."""
    operation = common.build_net(NAME)[2]["Predictions"].op
    return operation.type if operation.type != "Reshape" else operation.inputs[0].op.type


def are_convolutions_end_points() -> bool:
    """Whether the returned dictionary has the output of each convolution."""
    points = common.build_net(NAME)[2].values()
    outputs = {point.name for point in points}
    return all(layer.tensor in outputs for layer in _list_convolutions(""))


# Errata: wrong results without an error


def count_untrained_weights() -> int:
    """Counts the weights of Mixed_6c without a gradient if its first branch is ranch_0."""
    with (
        tf.Graph().as_default(),
        without_initial_values(),
        slim.arg_scope(net.inception_v3_arg_scope()),
    ):
        x = tf.placeholder(tf.float32, [1, 17, 17, 768])
        branch_0 = slim.conv2d(x, 192, [1, 1], scope="Mixed_6b")
        before = tf.concat([branch_0] * 4, 3)
        slim.conv2d(before, 192, [1, 1], scope="Mixed_6c")  # ranch_0: nothing reads it
        y = tf.concat([branch_0, before], 3)
        trainable = tf.trainable_variables()
        pairs = zip(trainable, tf.gradients(y, trainable), strict=True)
        return sum(int(np.prod(v.shape.as_list())) for v, gradient in pairs if gradient is None)


@functools.cache
def count_variables_without_arg_scope() -> int:
    """Counts the variables of the net outside of inception_v3_arg_scope."""
    with tf.Graph().as_default(), without_initial_values():
        slim.nets.inception.inception_v3(tf.placeholder(tf.float32, [None, 299, 299, 3]), 1000)
        return len(tf.global_variables())


def compute_zeroed_share() -> float:
    """Computes the share of features that slim.dropout zeroes with its default is_training."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        features = tf.ones([1, 1, 1, 100_000])
        kept = session.run(slim.dropout(features, keep_prob=0.8))
        return float(np.mean(kept == 0))


def count_variables_under_reuse() -> int:
    """Counts the variables that AUTO_REUSE creates in a scope that may only share."""
    with tf.Graph().as_default(), tf.variable_scope("InceptionV3", reuse=True):
        x = tf.placeholder(tf.float32, [1, 9, 9, 4])
        slim.conv2d(x, 4, [3, 3], scope="Conv2d_4a_3x3", reuse=tf.AUTO_REUSE)
        return len(tf.global_variables())


CHECKS: dict[str, Check] = {
    "are_convolutions_end_points": are_convolutions_end_points,
    "compute_zeroed_share": compute_zeroed_share,
    "count_branches": count_branches,
    "count_groups": count_groups,
    "count_modules": count_modules,
    "count_untrained_weights": count_untrained_weights,
    "count_variables_under_reuse": count_variables_under_reuse,
    "count_variables_without_arg_scope": count_variables_without_arg_scope,
    "find_usual_kernel": find_usual_kernel,
    "get_change": get_change,
    "get_default_padding": get_default_padding,
    "get_last_activation": get_last_activation,
    "get_layer_field": get_layer_field,
    "get_map": get_map,
    "get_module_stride": get_module_stride,
    "get_next_layer": get_next_layer,
    "have_same_filters": have_same_filters,
    "have_same_kernels": have_same_kernels,
    "have_stem_layers_one_form": have_stem_layers_one_form,
    "list_distinct_kernels": list_distinct_kernels,
    "list_distinct_maps": list_distinct_maps,
    "list_factorized_kernels": list_factorized_kernels,
    "list_filters": list_filters,
    "list_kernels": list_kernels,
    "list_modules": list_modules,
    "list_parameters": list_parameters,
    "sum_branch_channels": sum_branch_channels,
    "write_size_formula": write_size_formula,
}
