"""Measurements for document 004: formulas, the demo, AlexNet, VGG, GoogLeNet."""

from __future__ import annotations

import functools
import inspect
import math
from typing import Any

import numpy as np

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.data import preprocessing
from legacy_nets.data.synthetic import flowers
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import Built, built, sides, taken_apart
from legacy_nets.nets import googlenet, vgg
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.train import recipes


def chain(net: str, points: str, size: str = "-", options: str = "") -> list[Any]:
    """Shapes of end points, variables or tensors, commas between; "images" is the input."""
    return [_shape(net, point, size, options) for point in points.split(",")]


def _shape(net: str, point: str, size: str, options: str) -> tuple[int | None, ...]:
    if point == "images":
        return common.input_shape(net, size, options)
    if point.startswith("="):
        return common.variable_shape(net, point[1:], size, options)
    return common.shape(net, point, size, options)


def per_image(net: str, points: str, size: str = "-", options: str = "") -> list[Any]:
    """As ``chain``, without the first side: what there is of one image."""
    return [shape[1:] for shape in chain(net, points, size, options)]


def channels_first(net: str, points: str) -> list[Any]:
    """As ``chain``, written as NCHW."""
    return [(n, c, h, w) for n, h, w, c in chain(net, points)]


def weight_layers(net: str) -> int:
    """Convolutions and dense layers on the way from the images to the scores."""
    return sum(
        layer.kind in ("convolution", "dense") and "shortcut" not in layer.name
        for layer in taken_apart(net).layers
    )


def kinds(net: str, word: str, options: str = "") -> list[str]:
    """Kinds of a net's layers that have a word in them, each once."""
    found = taken_apart(net, "-", options).layers
    return list(dict.fromkeys(layer.kind for layer in found if word in layer.kind))


def has_operation(net: str, kind: str) -> bool:
    """Whether the graph of a net has an operation of a type."""
    return any(op.type == kind for op in built(net)[0].graph.get_operations())


def has_fewer_parameters(net: str, other: str, options: str = "") -> bool:
    """Whether a net, with options, has fewer parameters than another."""
    return common.parameters(net, "-", options) < common.parameters(other)


@functools.cache
def _training(net: str, size: str = "-", options: str = "") -> Built:
    return built(net, size, f"is_training=True {options}".strip())


def dropouts(net: str, size: str = "-", options: str = "") -> list[float]:
    """Share that each dropout of a net drops in training, in order."""
    operations = _training(net, size, options)[0].graph.get_operations()
    masks = [op for op in operations if op.type == "GreaterEqual" and "dropout" in op.name]
    return [float(tf.get_static_value(op.inputs[1])) for op in masks]


def dropout_layers(net: str, size: str = "-", options: str = "") -> int:
    """How many dropouts a net has in training."""
    return len(dropouts(net, size, options))


def dropped_ahead_of(net: str) -> list[str]:
    """Kinds of the layers that read from a dropout in training, each once."""
    kinds = []
    for op in _training(net)[0].graph.get_operations():
        if any("dropout" in tensor.op.name for tensor in op.inputs) and "dropout" not in op.name:
            kinds.append({"MatMul": "dense", "Conv2D": "convolution"}.get(op.type, op.type))
    return list(dict.fromkeys(kinds))


def recipe(net: str) -> list[Any]:
    """[side of the images, batch size, epochs, learning rate] of the document's train script."""
    found = recipes.get_recipe(net)
    rate = common.learning_rate(tf.train.AdamOptimizer(found.learning_rate).minimize)
    return [registry.get_net(net).image_size[0], found.batch_size, found.epochs, rate]


def settings(net: str) -> list[Any]:
    """As ``recipe``, without the learning rate, which the script leaves to Adam."""
    return recipe(net)[:3]


def flower_classes() -> int:
    """Classes of the flowers that stand in for the document's."""
    return len(flowers.NAMES)


def means() -> list[float]:
    """What ResNet's preprocessing takes from red, green and blue of a black picture."""
    black = np.zeros([1, 1, 1, 3], np.uint8)
    return [-float(value) for value in preprocessing.scale_pixels(black, "vgg").ravel()]


# Formulas: each one tried is compared with TensorFlow's own layers; the first that fits is told.

SIZES = {
    "ceil((W-F+1)/S)": lambda w, f, s, p: math.ceil((w - f + 1) / s),
    "ceil(W/S)": lambda w, f, s, p: math.ceil(w / s),
    "(W-F+2P)/S+1": lambda w, f, s, p: (w - f + 2 * p) / s + 1,
    "floor((W-F+2P)/S)+1": lambda w, f, s, p: (w - f + 2 * p) // s + 1,
    "floor((W-F+1)/S)": lambda w, f, s, p: (w - f + 1) // s,
    "floor(W/S)": lambda w, f, s, p: w // s,
}
Case = tuple[int, int, int, int]  # size, filter, stride, zeros


@functools.cache
def _layer_sizes(padding: str) -> dict[Case, int]:
    """What pools leave along one axis; "zeros": P zeros at either end, then VALID."""
    found = {}
    with tf.Graph().as_default():
        for width in (*range(5, 29, 3), 33, 39):
            for window in (1, 2, 3, 4, 5, 7, 11):
                for stride in (1, 2, 3, 4):
                    for zeros in (1, 2) if padding == "zeros" else (0,):
                        if width + 2 * zeros < window:
                            continue
                        x = tf.placeholder(tf.float32, [1, width + 2 * zeros, 1, 1])
                        how = "SAME" if padding == "SAME" else "VALID"
                        y = tf.nn.max_pool(x, [1, window, 1, 1], [1, stride, 1, 1], how)
                        found[width, window, stride, zeros] = int(y.shape[1])
    return found


def size_formula(padding: str, cases: str = "all") -> str:
    """The formula for a layer's size that fits; of "whole" cases the stride leaves no rest."""
    sizes = _layer_sizes(padding)
    if cases == "whole":
        sizes = {c: n for c, n in sizes.items() if (c[0] - c[1] + 2 * c[3]) % c[2] == 0}
    for told, formula in SIZES.items():
        if all(formula(*case) == size for case, size in sizes.items()):
            return told
    return "none of them"


FIELDS = {
    "(RF_next-1)*stride+kernel": lambda field, kernel, stride: (field - 1) * stride + kernel,
    "(RF_next-1)*kernel+stride": lambda field, kernel, stride: (field - 1) * kernel + stride,
    "RF_next*stride+kernel": lambda field, kernel, stride: field * stride + kernel,
}


def field_formula() -> str:
    """The formula, from the last layer down, that gives the fields found in the live graphs."""
    for told, formula in FIELDS.items():
        fits = []
        for net in ("vgg16", "alexnet_v1"):
            layers = _windows(net)
            field = layers[-1].kernel[0]
            for layer in reversed(layers[:-1]):
                field = formula(field, layer.kernel[0], layer.stride[0])
            fits.append(field == layers[-1].field.size[0])
        if all(fits):
            return told
    return "none of them"


def _windows(net: str) -> list[Any]:
    """Convolutions and pools of a net."""
    return [layer for layer in taken_apart(net).layers if layer.kernel]


def field(net: str) -> int:
    """Pixels along one side that a value of the last convolution or pool sees."""
    return int(_windows(net)[-1].field.size[0])


def sees_whole_image(net: str) -> bool:
    """Whether the last map of a net sees at least as many pixels as the image has."""
    return field(net) >= registry.get_net(net).image_size[0]


def field_grows(net: str) -> bool:
    """Whether no layer of a net sees less than the one ahead of it, and the last sees most."""
    seen = [layer.field.size[0] for layer in _windows(net)]
    return seen == sorted(seen) and seen[-1] > seen[0]


def _stack(kernels: tuple[str, ...], padding: str) -> tuple[int, int]:
    """(receptive field, parameters without biases) of convolutions with 64 channels."""
    with tf.Graph().as_default(), without_initial_values():
        x = y = tf.placeholder(tf.float32, [None, 32, 32, 64])
        for kernel in kernels:
            y = tf.layers.conv2d(y, 64, int(kernel), padding=padding, use_bias=False)
        found = anatomy.receptive_field(y, x)
        count = sum(int(np.prod(v.shape.as_list())) for v in tf.trainable_variables())
    return (int(found.size[0]) if found else 0), count


def seen(*kernels: str) -> int:
    """Receptive field of convolutions with these kernels, one behind the other."""
    return _stack(kernels, "valid")[0]


def padding_changes_field(*kernels: str) -> bool:
    """Whether SAME instead of VALID changes that field."""
    return _stack(kernels, "same")[0] != _stack(kernels, "valid")[0]


def stacked_is_smaller(kernels: str, one: str) -> bool:
    """Whether stacked kernels ("3 3 3") have fewer parameters than the one in their place."""
    return _stack(tuple(kernels.split()), "valid")[1] < _stack((one,), "valid")[1]


# Demo, AlexNet, VGG


def channel_order() -> list[str]:
    """Sides of an image batch as a convolution takes them by default."""
    with tf.Graph().as_default() as graph, without_initial_values():
        tf.layers.conv2d(tf.placeholder(tf.float32, [None, 5, 5, 3]), 2, 3)
        conv = next(op for op in graph.get_operations() if op.type == "Conv2D")
    letters = conv.get_attr("data_format").decode()
    return [{"N": "batch", "H": "height", "W": "width", "C": "channel"}[one] for one in letters]


def overlapping(net: str) -> bool:
    """Whether each max pool of a net steps by less than its window."""
    pools: list[Any] = [one for one in taken_apart(net).layers if one.kind == "max pool"]
    return bool(pools) and all(pool.stride < pool.kernel for pool in pools)


def keeps_gradient(*activations: str) -> str:
    """Which activation leaves the first of ten layers the largest gradient (Glorot's weights)."""
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


def windows(net: str, name: str, options: str = "") -> list[Any]:
    """Kernel and stride of a layer."""
    return common.conv(net, name, "-", options)[1:]


def kernels_once(net: str) -> list[Any]:
    """Kernels of a net's convolutions, each once."""
    return list(dict.fromkeys(common.kernels(net, "")))


def configurations() -> int:
    """VGG's tables that the document's code has."""
    return len(vgg.cfgs)


COLUMNS = {"A": (1, 1, 2, 2, 2), "B": (2,) * 5, "D": (2, 2, 3, 3, 3), "E": (2, 2, 4, 4, 4)}


def column(net: str) -> str:
    """Column of the paper's table that a VGG is: convolutions between pools, all of 3x3."""
    counts, kernels = [0], set()
    for layer in taken_apart(net).layers:
        if layer.kind == "convolution":
            counts[-1] += 1
            kernels.add(layer.kernel)
        elif layer.kind == "max pool":
            counts.append(0)
    found = [name for name, wanted in COLUMNS.items() if tuple(counts[:-1]) == wanted]
    return found[0] if found and kernels == {(3, 3)} else "none of A, B, D, E"


def hidden_units(net: str) -> list[int]:
    """Units of the dense layers but the last."""
    dense: list[Any] = [layer for layer in taken_apart(net).layers if layer.kind == "dense"]
    return [layer.output[-1] for layer in dense[:-1]]


def kernel_scales() -> list[float]:
    """VGG's scales, of convolutions and dense layers: variance of a kernel times its fan-out."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        made = [
            vgg.CONV_KERNEL_INITIALIZER([3, 3, 64, 256]),
            vgg.DENSE_KERNEL_INITIALIZER([1000, 400]),
        ]
        kernels = session.run(made)
    return [float(kernel.var() * kernel.size / kernel.shape[-2]) for kernel in kernels]


# GoogLeNet


def widths(module: str) -> list[int]:
    """Filters of an Inception module's convolutions, in the order of its parameters."""
    found: Any = taken_apart("googlenet").layers
    return [
        layer.output[-1]
        for layer in found
        if layer.kind == "convolution" and layer.name.startswith(f"inception_{module}/")
    ]


def branches_keep_size() -> bool:
    """Whether all four branches of each Inception module leave height and width alone."""
    _, _, points = built("googlenet")
    modules = [point.op for key, point in points.items() if key.startswith("inception_")]
    sides_kept = []
    for concat in modules:
        convolution = concat.inputs[0].op  # the 1x1 branch reads the module's input
        while convolution.type != "Conv2D":
            convolution = convolution.inputs[0].op
        wanted = sides(convolution.inputs[0])[1:3]
        branches = [tensor for tensor in concat.inputs if tensor.shape.rank == 4]
        sides_kept.append(len(branches) == 4 and all(sides(b)[1:3] == wanted for b in branches))
    return len(sides_kept) == len(googlenet.MODULES) and all(sides_kept)


def default_pool_stride(window: str) -> tuple[int, ...]:
    """Stride of a Keras max pool that is told its window only."""
    with tf.Graph().as_default():
        return tuple(tf.keras.layers.MaxPool2D(int(window)).strides)


def auxiliary(net: str) -> int:
    """Heads of a net but the last."""
    return scores(net) - 1


def scores(net: str, options: str = "") -> int:
    """End points of a net that give one score a class."""
    points = built(net, "-", options)[2]
    return sum(head in points for head in registry.get_net(net).heads)


def document_scores() -> int:
    """The same of GoogLeNet called as the document does, without arguments."""
    images = built("googlenet")[0]
    with tf.Graph().as_default(), without_initial_values():
        points = googlenet.GoogLeNet()(tf.placeholder(tf.float32, images.shape))[1]
    return sum(head in points for head in registry.get_net("googlenet").heads)


def hidden_dense(net: str, options: str = "") -> int:
    """Dense layers of a net but those that give the scores."""
    dense = [layer for layer in taken_apart(net, "-", options).layers if layer.kind == "dense"]
    return len(dense) - scores(net, options)


def reduced_by_1x1() -> bool:
    """Whether the 1x1 convolution ahead of a 5x5 saves parameters in every module."""
    saved = []
    for module in googlenet.MODULES:
        *_, reduced, filters, _ = widths(module)
        layers = [one for one in taken_apart("googlenet").layers if f"_{module}/" in one.name]
        convolutions = [one for one in layers if one.kind == "convolution"]
        pair = sum(one.parameters for one in convolutions[3:5])
        inputs = (convolutions[3].parameters - reduced) // reduced
        saved.append(pair < (25 * inputs + 1) * filters)
    return all(saved)


def default(function: str, parameter: str) -> Any:
    """The default of a parameter of a function that bears the document's name."""
    module, name = function.split(":")
    loaded = __import__(f"legacy_nets.nets.{module}", fromlist=[name])
    return inspect.signature(getattr(loaded, name)).parameters[parameter].default
