"""Measurements for document 004: batch norm, ResNet, ResNeXt, MobileNet."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np

from legacy_nets import anatomy
from legacy_nets import tf1 as tf
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import built, sides, taken_apart
from legacy_nets.nets import resnet, resnext, vit_hybrid
from legacy_nets.tf1.speed import without_initial_values

OPERATIONS = {
    "Conv2D": "convolution",
    "FusedBatchNormV3": "batch norm",
    "Relu": "ReLU",
    "Relu6": "ReLU6",
}


def _convolutions(net: str, under: str) -> list[Any]:
    """Convolutions of a unit's main path."""
    return [
        layer
        for layer in taken_apart(net).layers
        if "convolution" in layer.kind and layer.name.startswith(under)
        and "shortcut" not in layer.name
    ]  # fmt: skip


# Batch norm


@functools.cache
def _photos() -> np.ndarray:
    """float32 [64, 6, 6, 4], of mean 3 and deviation 2."""
    return np.random.RandomState(0).normal(3, 2, (64, 6, 6, 4)).astype(np.float32)


def _normed(x: np.ndarray, training: bool) -> np.ndarray:
    with tf.Graph().as_default(), tf.Session() as session:
        y = resnet.batch_norm(tf.constant(x), training, "bn")
        session.run(tf.global_variables_initializer())
        return np.asarray(session.run(y))


def batch_statistics() -> list[float]:
    """Mean and variance of what batch norm gives in training, to two places."""
    y = _normed(_photos(), True)
    return [abs(round(float(y.mean()), 2)), round(float(y.var()), 2)]


def flags_of_batch_norm() -> list[str]:
    """``training`` where an image depends on the others of its batch, and where it does not."""
    x = _photos()[:4]
    other = np.concatenate([x[:1], 2 * x[1:]])
    flags = [
        (flag, np.allclose(_normed(x, flag)[0], _normed(other, flag)[0])) for flag in (True, False)
    ]
    return [str(flag) for flag, alone in sorted(flags, key=lambda pair: pair[1])]


def learned_by_batch_norm() -> list[str]:
    """Variables of batch norm that get a gradient."""
    with tf.Graph().as_default():
        y = resnet.batch_norm(tf.constant(_photos()), True, "bn")
        gradients = tf.gradients(tf.reduce_sum(y**2), tf.global_variables())
        named = zip(tf.global_variables(), gradients, strict=True)
        return [v.op.name.split("/")[-1] for v, gradient in named if gradient is not None]


def finite_on_constant() -> bool:
    """Whether batch norm of a constant batch, whose variance is 0, is finite."""
    return bool(np.isfinite(_normed(np.ones([4, 6, 6, 4], np.float32), True)).all())


def larger_batches_estimate_better() -> bool:
    """Whether mean and variance come nearer to those of the whole set from batch to batch size."""
    x = _photos().reshape(64, -1, 4)
    whole = np.stack([x.mean((0, 1)), x.var((0, 1))])
    errors = []
    for size in (1, 4, 16, 64):
        batches = x.reshape(64 // size, -1, 4)
        errors.append(np.abs(np.stack([batches.mean(1), batches.var(1)], 1) - whole).mean())
    return errors == sorted(errors, reverse=True)


def effect_of_bias() -> str:
    """What a bias of 7 ahead of batch norm changes in training."""
    x = _photos()
    change = float(np.abs(_normed(x + 7, True) - _normed(x, True)).max())
    return "none" if change < 1e-4 else f"up to {change:.2g}"


def frozen_norm(library: str) -> str:
    """What a frozen batch norm called with training=True normalises with.

    ``library``: "keras" of TensorFlow 2, "keras1" (tf.keras of TensorFlow 1) or "layers".
    """
    x = _photos()
    keras1 = tf.keras.layers.BatchNormalization
    keras = vars(inspect.getmodule(keras1.__mro__[1]))[keras1.__name__]  # beside their base
    with tf.Graph().as_default(), tf.Session() as session:
        if library == "layers":
            y = tf.layers.batch_normalization(tf.constant(x), trainable=False, training=True)
        else:
            norm = keras if library == "keras" else keras1
            y = norm(trainable=False)(tf.constant(x), training=True)
        session.run(tf.global_variables_initializer())
        mean = float(session.run(y).mean())
    return "batch" if abs(mean) < 0.01 else "averages"


# ResNet


def block_layers(net: str, unit: str) -> list[str]:
    """What follows what in the first layer of a unit."""
    first = _convolutions(net, unit)[0]
    return [OPERATIONS.get(kind, kind) for kind in first.operations]


def units(net: str) -> list[int]:
    """Units of each block, as the end points count them."""
    blocks = [key.split("/")[0] for key in built(net)[2] if "/unit_" in key]
    return [blocks.count(block) for block in dict.fromkeys(blocks)]


def block_outputs(net: str) -> list[Any]:
    """Shape of each block's last unit."""
    points = built(net)[2]
    last = {key.split("/")[0]: point for key, point in points.items() if "/unit_" in key}
    return [sides(point) for point in last.values()]


def sums_agree(net: str) -> bool:
    """Whether main path and shortcut of every sum have one shape."""
    adds = [op for op in built(net)[0].graph.get_operations() if op.type == "AddV2"]
    return bool(adds) and all(sides(a.inputs[0]) == sides(a.inputs[1]) for a in adds)


def unit_keeps_shape(net: str, line: str) -> bool | str:
    """Whether units with a "solid" or "dashed" (projected) shortcut keep the shape; or "some"."""
    points = built(net)[2]
    names = {layer.name for layer in taken_apart(net).layers}
    before, kept = points["pool1"], set()
    for key, point in points.items():
        if "/unit_" in key:
            dashed = f"{key}/shortcut/conv1" in names
            if dashed == (line == "dashed"):
                kept.add(sides(before) == sides(point))
            before = point
    return kept.pop() if len(kept) == 1 else "some"


def expansion(block: str) -> int:
    """Channels of a block's output for each of its ``out_channel``."""
    made = getattr(resnet, block)
    with tf.Graph().as_default(), without_initial_values():
        found = made(8, downsample=lambda x, _: tf.zeros([1, 4, 4, 8 * made.expansion]))
        return int(found(tf.placeholder(tf.float32, [1, 4, 4, 8])).shape[-1]) // 8


def block_weights(block: str, out_channel: str, channels: str) -> int:
    """Weights of a block's convolutions; ``channels`` are those of its input."""
    made = resnext.ResNeXtBlock if block == "ResNeXtBlock" else getattr(resnet, block)
    with tf.Graph().as_default(), without_initial_values():
        made(int(out_channel))(tf.placeholder(tf.float32, [None, 8, 8, int(channels)]))
        kernels = [v for v in tf.global_variables() if v.op.name.endswith("/kernel")]
        return sum(int(np.prod(v.shape.as_list())) for v in kernels)


def strided_kernel(net: str, unit: str) -> list[Any]:
    """Kernels of the convolutions of a unit that have a stride."""
    return [layer.kernel for layer in _convolutions(net, unit) if layer.stride > (1, 1)]


def epsilons(net: str) -> list[str]:
    """Epsilon of the batch norms on main paths, and of those in shortcuts, each once."""
    found: dict[bool, list[str]] = {False: [], True: []}
    for op in built(net)[0].graph.get_operations():
        if op.type == "FusedBatchNormV3":
            told = np.format_float_positional(np.float32(op.get_attr("epsilon")), trim="-")
            found["shortcut" in op.name].append(told)
    return [*dict.fromkeys(found[False]), *dict.fromkeys(found[True])]


def momentum() -> float:
    """Share of a moving average that one step of training leaves."""
    with tf.Graph().as_default(), tf.Session() as session:
        resnet.batch_norm(tf.zeros([2, 4, 4, 1]), True, "bn")
        session.run(tf.global_variables_initializer())
        session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))  # the batch's variance is 0
        (variance,) = (v for v in tf.global_variables() if "moving_variance" in v.name)
        return float(session.run(variance)[0])


def new_head() -> int:
    """Units of the layer that the train script puts between the features and the classes."""
    return common.variable_shape("resnet18", "dense/kernel", "32x32", "dense=1024")[-1]


# ResNeXt


def forms_agree() -> bool:
    """Whether the block's three forms, with the same weights, give the same to 1e-5."""
    x = np.random.RandomState(0).normal(size=(2, 5, 5, 32)).astype(np.float32)
    values, results = {}, []
    for form in resnext.FORMS:
        with tf.Graph().as_default(), tf.Session() as session:
            y = resnext.ResNeXtBlock(8, cardinality=4, form=form, name="b")(tf.constant(x))
            variables = {v.op.name.removeprefix("b/"): v for v in tf.global_variables()}
            session.run(tf.global_variables_initializer())
            if form == "grouped":
                values = session.run(variables)
            else:
                carried = resnext.split_weights(values, form, 4)
                feed = {v.initializer.inputs[1]: carried[name] for name, v in variables.items()}
                session.run([v.initializer for v in variables.values()], feed)
            results.append(session.run(y))
    return all(np.abs(result - results[0]).max() < 1e-5 for result in results)


# MobileNet


def savings() -> str:
    """Least and largest cost of the plain convolutions in place of v1's pairs, in whole times."""
    found: dict[str, Any] = {one.name: one for one in taken_apart("mobilenet_v1").layers}
    ratios = []
    for number in range(1, 14):
        depthwise, pointwise = found[f"conv_dw_{number}"], found[f"conv_pw_{number}"]
        pair = depthwise.multiply_adds + pointwise.multiply_adds
        ratios.append(9 * pointwise.multiply_adds / pair)  # 3x3 in place of 1x1
    return f"{min(ratios):.0f} to {max(ratios):.0f}"


def hyper_parameters() -> list[str]:
    """What scales the cost of v1: "width" the parameters too, "resolution" the cost alone."""
    whole = taken_apart("mobilenet_v1")
    narrow = anatomy.of_net("mobilenet_v1", width_multiplier=0.5)
    small = taken_apart("mobilenet_v1", "112x112")
    cost = [found.multiply_adds or 0 for found in (whole, narrow, small)]
    told = []
    if narrow.parameters < whole.parameters and cost[1] < cost[0]:
        told.append("width")
    if small.parameters == whole.parameters and cost[2] < cost[0]:
        told.append("resolution")
    return told


def cheaper(net: str, other: str) -> list[str]:
    """Of what a net has less than another: parameters, multiply-adds."""
    ours, theirs = taken_apart(net), taken_apart(other)
    found = {
        what: getattr(ours, what) < getattr(theirs, what) for what in ("trainable", "multiply_adds")
    }
    told = {"trainable": "parameters", "multiply_adds": "multiply-adds"}
    return [told[what] for what, less in found.items() if less]


def ways(net: str, unit: str) -> list[str]:
    """How the channels change at each 1x1 convolution of a unit: up or down."""
    points, told = _convolutions(net, unit), []
    graph = built(net)[0].graph
    for layer in points:
        if layer.kernel == (1, 1):
            kernel = next(name for name in layer.variables if name.endswith("kernel"))
            with graph.as_default():
                shape = {v.op.name: v.shape.as_list() for v in tf.global_variables()}[kernel]
            told.append("up" if shape[-1] > shape[-2] else "down")
    return told


def activations(net: str, unit: str) -> list[str]:
    """Activation of each layer of a unit, "none" where the layer ends with its batch norm."""
    return [
        OPERATIONS.get(layer.operations[-1], "none").replace("batch norm", "none")
        for layer in _convolutions(net, unit)
    ]


# The hybrid's backbone


def hybrid_units(stage: str) -> int:
    """Units of a stage of the backbone."""
    names = [layer.name for layer in taken_apart("vit_hybrid_r50_base_224", "-", "depth=1").layers]
    found = {name.split("/")[2] for name in names if f"/block{stage}/unit" in name}
    return len(found)


def hybrid_first_units() -> list[int]:
    """Units of the backbone's stages 1 and 2."""
    return [hybrid_units(stage) for stage in "12"]


def hybrid_layers() -> list[str]:
    """What the backbone's layers do: a kernel's scale and shift change nothing; groups."""
    told = []
    x = np.random.RandomState(0).normal(size=(1, 5, 5, 32)).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        y = vit_hybrid.std_conv2d(tf.constant(x), 4, 3, 1, "c")
        (kernel,) = tf.global_variables()
        session.run(kernel.initializer)
        before, values = session.run([y, kernel])
        session.run(kernel.initializer, {kernel.initializer.inputs[1]: 3 * values + 0.5})
        if np.abs(session.run(y) - before).max() < 1e-3:
            told.append("StdConv2d")
        z = vit_hybrid.group_norm(3 + 2 * tf.tile(tf.constant(x), [1, 1, 1, 2]), "g")
        session.run(tf.global_variables_initializer())
        groups = session.run(z).reshape(25, 32, 2)
        norms = [op for op in graph.get_operations() if op.type.startswith("FusedBatchNorm")]
        if np.abs(groups.mean((0, 2))).max() < 1e-4 and not norms:
            told.append("GroupNorm")
    return told
