"""Checks for document 004 (zoo): shapes, the demo, AlexNet, VGG, GoogLeNet, recipes."""

from __future__ import annotations

import functools

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.data import preprocessing
from legacy_nets.data.synthetic import flowers
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import (
    BuiltNet,
    Check,
    Sides,
    analyze_net,
    build_net,
    get_static_shape,
)
from legacy_nets.nets import googlenet, vgg
from legacy_nets.nets.weights import googlenet as googlenet_weights
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.train import recipes


def get_shapes(net: str, points: str, size: str = "-", options: str = "") -> list[Sides]:
    """Returns the shapes of end points or tensors separated by commas.

    "images" is the input; a name after "=" is a variable.
    """
    return [_get_shape(net, point, size, options) for point in points.split(",")]


def _get_shape(net: str, point: str, size: str, options: str) -> Sides:
    if point == "images":
        return common.get_input_shape(net, size, options)
    if point.startswith("="):
        return common.get_variable_shape(net, point[1:], size, options)
    return common.get_shape(net, point, size, options)


def get_shapes_per_image(net: str, points: str, size: str = "-", options: str = "") -> list[object]:
    """Returns the same shapes without the first side."""
    return [shape[1:] for shape in get_shapes(net, points, size, options)]


def get_shapes_channels_first(
    net: str, points: str, size: str = "-", options: str = ""
) -> list[object]:
    """Returns the same shapes written as NCHW."""
    return [(n, c, h, w) for n, h, w, c in get_shapes(net, points, size, options)]


def count_weight_layers(net: str) -> int:
    """Counts the convolutions and dense layers from the images to the scores."""
    return sum(
        layer.layer_type in ("convolution", "dense") and "shortcut" not in layer.name
        for layer in analyze_net(net).layers
    )


def list_types_of_layers(net: str, word: str, options: str = "") -> list[str]:
    """Lists the different layer types of a net that contain a word."""
    layers = analyze_net(net, "-", options).layers
    return list(dict.fromkeys(layer.layer_type for layer in layers if word in layer.layer_type))


def has_operation(net: str, op_type: str) -> bool:
    """Whether the graph of a net has an operation of a type."""
    return any(op.type == op_type for op in build_net(net)[0].graph.get_operations())


def has_fewer_parameters(net: str, other: str, options: str = "") -> bool:
    """Whether a net, with options, has fewer parameters than another."""
    return common.count_parameters(net, "-", options) < common.count_parameters(other)


@functools.cache
def _build_for_training(net: str, size: str = "-", options: str = "") -> BuiltNet:
    return build_net(net, size, f"is_training=True {options}".strip())


def list_dropout_rates(net: str, size: str = "-", options: str = "") -> list[float]:
    """Lists the dropout rates of a net in training, in order."""
    operations = _build_for_training(net, size, options)[0].graph.get_operations()
    masks = [op for op in operations if op.type == "GreaterEqual" and "dropout" in op.name]
    return [float(tf.get_static_value(op.inputs[1])) for op in masks]


def count_dropouts(net: str, size: str = "-", options: str = "") -> int:
    """Counts the dropouts of a net in training."""
    return len(list_dropout_rates(net, size, options))


def list_layers_after_dropout(net: str) -> list[str]:
    """Lists the different types of layers that read from a dropout in training."""
    types = []
    for op in _build_for_training(net)[0].graph.get_operations():
        if any("dropout" in tensor.op.name for tensor in op.inputs) and "dropout" not in op.name:
            types.append({"MatMul": "dense", "Conv2D": "convolution"}.get(op.type, op.type))
    return list(dict.fromkeys(types))


def get_recipe(net: str) -> list[object]:
    """Returns [image side, batch size, epochs, learning rate] of the document's train script."""
    recipe = recipes.get_recipe(net)
    rate = common.get_learning_rate(tf.train.AdamOptimizer(recipe.learning_rate).minimize)
    return [registry.get_net(net).image_size[0], recipe.batch_size, recipe.epochs, rate]


def get_recipe_without_rate(net: str) -> list[object]:
    """Returns the recipe without the learning rate, which the script leaves to Adam."""
    return get_recipe(net)[:3]


def count_flower_classes() -> int:
    """Counts the classes of the synthetic flowers."""
    return len(flowers.NAMES)


def get_subtracted_means() -> list[float]:
    """Returns what ResNet's preprocessing subtracts from red, green and blue."""
    black = np.zeros([1, 1, 1, 3], np.uint8)
    return [-float(value) for value in preprocessing.scale_pixels(black, "vgg").ravel()]


def needs_own_preprocessing() -> bool:
    """Whether the nets of the document need different preprocessing."""
    nets = [registry.get_net(name) for name in registry.list_nets()]
    return len({net.preprocessing for net in nets if net.document == "004"}) > 1


# Demo, AlexNet, VGG


def list_axis_order() -> list[str]:
    """Lists the axes of an image batch as a convolution takes them by default."""
    with tf.Graph().as_default() as graph, without_initial_values():
        tf.layers.conv2d(tf.placeholder(tf.float32, [None, 5, 5, 3]), 2, 3)
        conv = next(op for op in graph.get_operations() if op.type == "Conv2D")
    data_format = conv.get_attr("data_format").decode()
    return [
        {"N": "batch", "H": "height", "W": "width", "C": "channel"}[axis] for axis in data_format
    ]


def pools_overlap(net: str) -> bool:
    """Whether the stride of each max pool of a net is smaller than its window."""
    pools = [layer for layer in analyze_net(net).layers if layer.layer_type == "max pool"]
    return bool(pools) and all((pool.stride or ()) < (pool.kernel or ()) for pool in pools)


def find_larger_gradient(*activations: str) -> str:
    """Finds the activation that leaves the first of ten layers the largest gradient."""
    functions = {"ReLU": tf.nn.relu, "sigmoid": tf.nn.sigmoid}
    norms = {}
    for name in activations:
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(1)
            x = tf.random_normal([16, 32], seed=1)
            for _ in range(10):
                x = tf.layers.dense(x, 32, activation=functions[name])
            gradient = tf.gradients(tf.reduce_mean(x), tf.trainable_variables()[0])[0]
            session.run(tf.global_variables_initializer())
            norms[name] = float(session.run(tf.norm(gradient)))
    return max(norms, key=lambda name: norms[name])


def get_window(net: str, name: str, options: str = "") -> list[object]:
    """Returns kernel and stride of a layer."""
    return common.get_convolution(net, name, "-", options)[1:]


def list_distinct_kernels(net: str) -> list[object]:
    """Lists the different kernels of a net's convolutions."""
    return list(dict.fromkeys(common.get_kernels(net, "")))


def count_configurations() -> int:
    """Counts VGG's configurations in the document's code."""
    return len(vgg.cfgs)


COLUMNS = {"A": (1, 1, 2, 2, 2), "B": (2,) * 5, "D": (2, 2, 3, 3, 3), "E": (2, 2, 4, 4, 4)}


def find_table_column(net: str) -> str:
    """Finds the column of the paper's table for a VGG: 3x3 convolutions between pools."""
    counts, kernels = [0], set()
    for layer in analyze_net(net).layers:
        if layer.layer_type == "convolution":
            counts[-1] += 1
            kernels.add(layer.kernel)
        elif layer.layer_type == "max pool":
            counts.append(0)
    columns = [
        name for name, column_counts in COLUMNS.items() if tuple(counts[:-1]) == column_counts
    ]
    return columns[0] if columns and kernels == {(3, 3)} else "none of A, B, D, E"


def list_hidden_units(net: str) -> list[int]:
    """Lists the units of the dense layers except the last."""
    dense = [layer for layer in analyze_net(net).layers if layer.layer_type == "dense"]
    return [units for layer in dense[:-1] if layer.output and (units := layer.output[-1])]


def compute_kernel_scales() -> list[float]:
    """Computes VGG's scales of convolutions and dense layers: kernel variance times fan-out."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        tensors = [
            vgg.CONV_KERNEL_INITIALIZER([3, 3, 64, 256]),
            vgg.DENSE_KERNEL_INITIALIZER([1000, 400]),
        ]
        kernels = session.run(tensors)
    return [float(kernel.var() * kernel.size / kernel.shape[-2]) for kernel in kernels]


# GoogLeNet


def list_module_filters(module: str) -> list[int]:
    """Lists the filters of an Inception module's convolutions in the order of its parameters."""
    convolutions = [
        layer
        for layer in analyze_net("googlenet").layers
        if layer.layer_type == "convolution" and layer.name.startswith(f"inception_{module}/")
    ]
    return [filters for layer in convolutions if layer.output and (filters := layer.output[-1])]


def branches_keep_size() -> bool:
    """Whether all four branches of each Inception module keep height and width."""
    _, _, points = build_net("googlenet")
    modules = [point.op for key, point in points.items() if key.startswith("inception_")]
    sides_kept = []
    for concat in modules:
        convolution = concat.inputs[0].op  # the 1x1 branch reads the module's input
        while convolution.type != "Conv2D":
            convolution = convolution.inputs[0].op
        size = get_static_shape(convolution.inputs[0])[1:3]
        branches = [tensor for tensor in concat.inputs if tensor.shape.rank == 4]
        sides_kept.append(
            len(branches) == 4 and all(get_static_shape(b)[1:3] == size for b in branches)
        )
    return len(sides_kept) == len(googlenet_weights.MODULES) and all(sides_kept)


def find_joined_side(module: str) -> str:
    """Finds the side of a module's output that is the sum of its branches' sides."""
    output = build_net("googlenet")[2][module]
    branches = [tensor for tensor in output.op.inputs if tensor.shape.rank == 4]
    sums = [sum(sides) for sides in zip(*(b.shape.as_list()[1:] for b in branches), strict=True)]
    pairs = zip(("height", "width", "depth"), sums, output.shape.as_list()[1:], strict=True)
    return " and ".join(name for name, total, side in pairs if total == side)


def get_default_pool_stride(window: str) -> tuple[int, ...]:
    """Returns the default stride of a Keras max pool."""
    with tf.Graph().as_default():
        return tuple(tf.keras.layers.MaxPool2D(int(window)).strides)


def count_auxiliary_heads(net: str, options: str = "") -> int:
    """Counts the heads of a net except the last."""
    return count_heads(net, options) - 1


def count_heads(net: str, options: str = "") -> int:
    """Counts the end points of a net with one score per class."""
    points = build_net(net, "-", options)[2]
    return sum(head in points for head in registry.get_net(net).heads)


def count_document_heads() -> int:
    """Counts the heads of GoogLeNet with the document's default arguments."""
    images = build_net("googlenet")[0]
    with tf.Graph().as_default(), without_initial_values():
        points = googlenet.GoogLeNet()(tf.placeholder(tf.float32, images.shape))[1]
    return sum(head in points for head in registry.get_net("googlenet").heads)


def count_hidden_dense_layers(net: str, options: str = "") -> int:
    """Counts the dense layers of a net except those that give the scores."""
    dense = common.count_layers(net, "dense", "", "-", options)
    return dense - count_heads(net, options)


def does_1x1_save_parameters() -> bool:
    """Whether the 1x1 convolution before a 5x5 saves parameters in every module."""
    saved = []
    for module in googlenet_weights.MODULES:
        *_, reduced, filters, _ = list_module_filters(module)
        layers = [layer for layer in analyze_net("googlenet").layers if f"_{module}/" in layer.name]
        convolutions = [layer for layer in layers if layer.layer_type == "convolution"]
        pair = sum(layer.parameters for layer in convolutions[3:5])
        inputs = (convolutions[3].parameters - reduced) // reduced
        saved.append(pair < (25 * inputs + 1) * filters)
    return all(saved)


CHECKS: dict[str, Check] = {
    "branches_keep_size": branches_keep_size,
    "compute_kernel_scales": compute_kernel_scales,
    "count_auxiliary_heads": count_auxiliary_heads,
    "count_configurations": count_configurations,
    "count_document_heads": count_document_heads,
    "count_dropouts": count_dropouts,
    "count_flower_classes": count_flower_classes,
    "count_heads": count_heads,
    "count_hidden_dense_layers": count_hidden_dense_layers,
    "count_weight_layers": count_weight_layers,
    "does_1x1_save_parameters": does_1x1_save_parameters,
    "find_joined_side": find_joined_side,
    "find_larger_gradient": find_larger_gradient,
    "find_table_column": find_table_column,
    "get_default_pool_stride": get_default_pool_stride,
    "get_recipe": get_recipe,
    "get_recipe_without_rate": get_recipe_without_rate,
    "get_shapes": get_shapes,
    "get_shapes_channels_first": get_shapes_channels_first,
    "get_shapes_per_image": get_shapes_per_image,
    "get_subtracted_means": get_subtracted_means,
    "get_window": get_window,
    "has_fewer_parameters": has_fewer_parameters,
    "has_operation": has_operation,
    "list_axis_order": list_axis_order,
    "list_distinct_kernels": list_distinct_kernels,
    "list_dropout_rates": list_dropout_rates,
    "list_hidden_units": list_hidden_units,
    "list_layers_after_dropout": list_layers_after_dropout,
    "list_module_filters": list_module_filters,
    "list_types_of_layers": list_types_of_layers,
    "needs_own_preprocessing": needs_own_preprocessing,
    "pools_overlap": pools_overlap,
}
