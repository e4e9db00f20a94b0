"""Checks for document 004 (zoo): batch norm, ResNet, ResNeXt, MobileNet, the hybrid's backbone."""

from __future__ import annotations

import functools
import inspect

import numpy as np

from legacy_nets import anatomy
from legacy_nets import tf1 as tf
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import Check, analyze_net, build_net, get_static_shape
from legacy_nets.nets import resnet, resnext, vit_hybrid
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.types import Tensor

OPERATIONS = {
    "Conv2D": "convolution",
    "FusedBatchNormV3": "batch norm",
    "Relu": "ReLU",
    "Relu6": "ReLU6",
}


def _list_convolutions(net: str, under: str) -> list[anatomy.Layer]:
    """Lists the convolutions of a unit's main path."""
    return [
        layer
        for layer in analyze_net(net).layers
        if "convolution" in layer.layer_type and layer.name.startswith(under)
        and "shortcut" not in layer.name
    ]  # fmt: skip


# Batch norm


@functools.cache
def _draw_batch() -> np.ndarray:
    """Draws float32 [64, 6, 6, 4] of mean 3 and deviation 2."""
    return np.random.RandomState(0).normal(3, 2, (64, 6, 6, 4)).astype(np.float32)


def _build_batch_norm(x: np.ndarray, training: bool) -> Tensor:
    """Builds a batch norm as the document's ResNet has it."""
    return tf.layers.batch_normalization(
        tf.constant(x), momentum=0.9, epsilon=1e-5, training=training
    )


def _normalize(x: np.ndarray, training: bool) -> np.ndarray:
    with tf.Graph().as_default(), tf.Session() as session:
        y = _build_batch_norm(x, training)
        session.run(tf.global_variables_initializer())
        return np.asarray(session.run(y))


def compute_batch_statistics() -> list[float]:
    """Computes mean and variance of batch norm's output in training, to two digits."""
    y = _normalize(_draw_batch(), True)
    return [abs(round(float(y.mean()), 2)), round(float(y.var()), 2)]


def list_batch_norm_flags() -> list[str]:
    """Lists the value of ``training`` that uses the batch, then the one that does not."""
    x = _draw_batch()[:4]
    other = np.concatenate([x[:1], 2 * x[1:]])
    flags = [
        (flag, np.allclose(_normalize(x, flag)[0], _normalize(other, flag)[0]))
        for flag in (True, False)
    ]
    return [str(flag) for flag, alone in sorted(flags, key=lambda pair: pair[1])]


def list_learned_variables() -> list[str]:
    """Lists the variables of batch norm that get a gradient."""
    with tf.Graph().as_default():
        y = _build_batch_norm(_draw_batch(), True)
        gradients = tf.gradients(tf.reduce_sum(y**2), tf.global_variables())
        pairs = zip(tf.global_variables(), gradients, strict=True)
        return [v.op.name.split("/")[-1] for v, gradient in pairs if gradient is not None]


def is_finite_on_constant() -> bool:
    """Whether batch norm of a constant batch, whose variance is 0, is finite."""
    return bool(np.isfinite(_normalize(np.ones([4, 6, 6, 4], np.float32), True)).all())


def larger_batches_estimate_better() -> bool:
    """Whether larger batches come closer to the mean and variance of the complete set."""
    x = _draw_batch().reshape(64, -1, 4)
    complete = np.stack([x.mean((0, 1)), x.var((0, 1))])
    errors = []
    for size in (1, 4, 16, 64):
        batches = x.reshape(64 // size, -1, 4)
        errors.append(np.abs(np.stack([batches.mean(1), batches.var(1)], 1) - complete).mean())
    return errors == sorted(errors, reverse=True)


def measure_bias_effect() -> str:
    """Measures what a bias of 7 before batch norm changes in training."""
    x = _draw_batch()
    change = float(np.abs(_normalize(x + 7, True) - _normalize(x, True)).max())
    return "none" if change < 1e-4 else f"up to {change:.2g}"


def find_frozen_statistics(library: str) -> str:
    """Finds the statistics that a frozen batch norm uses with training=True.

    ``library``: "keras" of TensorFlow 2, "keras1" (tf.keras of TensorFlow 1) or "layers".
    """
    x = _draw_batch()
    keras1 = tf.keras.layers.BatchNormalization
    # TensorFlow 2's class lies in the module of the base class.
    keras = vars(inspect.getmodule(keras1.__mro__[1]))[keras1.__name__]
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

BLOCKS = {"BasicBlock": resnet.BasicBlock, "Bottleneck": resnet.Bottleneck}


def list_first_layer_operations(net: str, unit: str) -> list[str]:
    """Lists the operations in the first layer of a unit."""
    first = _list_convolutions(net, unit)[0]
    return [OPERATIONS.get(op_type, op_type) for op_type in first.operations]


def list_unit_counts(net: str) -> list[int]:
    """Lists the number of units of each block."""
    blocks = [key.split("/")[0] for key in build_net(net)[2] if "/unit_" in key]
    return [blocks.count(block) for block in dict.fromkeys(blocks)]


def list_block_outputs(net: str) -> list[object]:
    """Lists the output shape of each block."""
    points = build_net(net)[2]
    last = {key.split("/")[0]: point for key, point in points.items() if "/unit_" in key}
    return [get_static_shape(point) for point in last.values()]


def sums_have_equal_shapes(net: str) -> bool:
    """Whether main path and shortcut of every sum have the same shape."""
    adds = [op for op in build_net(net)[0].graph.get_operations() if op.type == "AddV2"]
    return bool(adds) and all(
        get_static_shape(a.inputs[0]) == get_static_shape(a.inputs[1]) for a in adds
    )


def unit_keeps_shape(net: str, line: str) -> bool | str:
    """Whether units with a "solid" or "dashed" (projected) shortcut keep the shape, or "some"."""
    points = build_net(net)[2]
    names = {layer.name for layer in analyze_net(net).layers}
    before, kept = points["pool1"], set()
    for key, point in points.items():
        if "/unit_" in key:
            dashed = f"{key}/shortcut/conv1" in names
            if dashed == (line == "dashed"):
                kept.add(get_static_shape(before) == get_static_shape(point))
            before = point
    return kept.pop() if len(kept) == 1 else "some"


def list_global_pool_steps() -> list[str]:
    """Lists what GlobalAvgPool2D does: "pool" (the mean of each map), "flatten" (to rank 2)."""
    x = _draw_batch()
    with tf.Graph().as_default(), tf.Session() as session:
        y = session.run(tf.keras.layers.GlobalAvgPool2D()(tf.constant(x)))
    is_pooled = np.allclose(y.ravel(), x.mean((1, 2)).ravel(), atol=1e-5)
    return ["pool"] * is_pooled + ["flatten"] * (y.ndim == 2)


def get_expansion(block_name: str) -> int:
    """Returns the ratio of a block's output channels to its ``out_channel``."""
    block_class = BLOCKS[block_name]
    expansion = block_class.expansion
    with tf.Graph().as_default(), without_initial_values():
        block = block_class(8, downsample=lambda x, _: tf.zeros([1, 4, 4, 8 * expansion]))
        return int(block(tf.placeholder(tf.float32, [1, 4, 4, 8])).shape[-1]) // 8


def count_block_weights(block: str, out_channel: str, channels: str) -> int:
    """Counts the weights of a block's convolutions; ``channels`` are those of its input."""
    block_class = BLOCKS[block]
    with tf.Graph().as_default(), without_initial_values():
        block_class(int(out_channel))(tf.placeholder(tf.float32, [None, 8, 8, int(channels)]))
        kernels = [v for v in tf.global_variables() if v.op.name.endswith("/kernel")]
        return sum(int(np.prod(v.shape.as_list())) for v in kernels)


def list_strided_kernels(net: str, unit: str) -> list[object]:
    """Lists the kernels of the convolutions of a unit that have a stride."""
    return [
        layer.kernel for layer in _list_convolutions(net, unit) if (layer.stride or ()) > (1, 1)
    ]


def list_epsilons(net: str) -> list[str]:
    """Lists the different epsilons of batch norms on main paths, then in shortcuts."""
    epsilons: dict[bool, list[str]] = {False: [], True: []}
    for op in build_net(net)[0].graph.get_operations():
        if op.type == "FusedBatchNormV3":
            epsilon = np.format_float_positional(np.float32(op.get_attr("epsilon")), trim="-")
            epsilons["shortcut" in op.name].append(epsilon)
    return [*dict.fromkeys(epsilons[False]), *dict.fromkeys(epsilons[True])]


def measure_momentum() -> float:
    """Measures the share of a moving average that one step of training leaves."""
    with tf.Graph().as_default(), tf.Session() as session:
        resnet.BasicBlock(1)(tf.zeros([2, 4, 4, 1]), True)
        session.run(tf.global_variables_initializer())
        session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))  # the batch's variance is 0
        variance, _ = (v for v in tf.global_variables() if "moving_variance" in v.name)
        return float(session.run(variance)[0])


def count_head_units() -> int:
    """Counts the units between features and classes in the train script's new head."""
    return common.get_variable_shape("resnet18", "dense/kernel", "32x32", "dense=1024")[-1]


# ResNeXt


def forms_agree() -> bool:
    """Whether the block's three forms, with the same weights, agree to 1e-5."""
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


def compute_savings() -> str:
    """Computes the least and largest cost of a plain convolution relative to v1's pair."""
    costs = {layer.name: layer.multiply_adds or 0 for layer in analyze_net("mobilenet_v1").layers}
    ratios = []
    for number in range(1, 14):
        depthwise, pointwise = costs[f"conv_dw_{number}"], costs[f"conv_pw_{number}"]
        ratios.append(9 * pointwise / (depthwise + pointwise))  # 3x3 in place of 1x1
    return f"{min(ratios):.0f} to {max(ratios):.0f}"


def list_cost_factors() -> list[str]:
    """Lists what scales the cost of v1: "width" scales parameters too, "resolution" only cost."""
    full = analyze_net("mobilenet_v1")
    narrow = anatomy.analyze_net("mobilenet_v1", width_multiplier=0.5)
    small = analyze_net("mobilenet_v1", "112x112")
    cost = [analyzed.multiply_adds or 0 for analyzed in (full, narrow, small)]
    factors = []
    if narrow.parameters < full.parameters and cost[1] < cost[0]:
        factors.append("width")
    if small.parameters == full.parameters and cost[2] < cost[0]:
        factors.append("resolution")
    return factors


def list_savings(net: str, other: str) -> list[str]:
    """Lists what a net has less of than another: parameters, multiply-adds."""
    smaller, larger = analyze_net(net), analyze_net(other)
    is_less = {
        "parameters": smaller.trainable < larger.trainable,
        "multiply-adds": (smaller.multiply_adds or 0) < (larger.multiply_adds or 0),
    }
    return [name for name, less in is_less.items() if less]


def list_channel_changes(net: str, unit: str) -> list[str]:
    """Lists how the channels change at each 1x1 convolution of a unit: up or down."""
    convolutions, changes = _list_convolutions(net, unit), []
    graph = build_net(net)[0].graph
    for layer in convolutions:
        if layer.kernel == (1, 1):
            kernel = next(name for name in layer.variables if name.endswith("kernel"))
            with graph.as_default():
                shape = {v.op.name: v.shape.as_list() for v in tf.global_variables()}[kernel]
            changes.append("up" if shape[-1] > shape[-2] else "down")
    return changes


def list_activations(net: str, unit: str) -> list[str]:
    """Lists the activation of each layer of a unit; "none" where it ends with batch norm."""
    return [
        OPERATIONS.get(layer.operations[-1], "none").replace("batch norm", "none")
        for layer in _list_convolutions(net, unit)
    ]


# The hybrid's backbone


def count_hybrid_units(stage: str) -> int:
    """Counts the units of a stage of the backbone."""
    names = [layer.name for layer in analyze_net("vit_hybrid_r50_base_224", "-", "depth=1").layers]
    units = {name.split("/")[2] for name in names if f"/block{stage}/unit" in name}
    return len(units)


def count_first_hybrid_units() -> list[int]:
    """Counts the units of the backbone's stages 1 and 2."""
    return [count_hybrid_units(stage) for stage in "12"]


def list_hybrid_layers() -> list[str]:
    """Lists the backbone's layer types, found by their behaviour.

    StdConv2d ignores scale and shift of its kernel; GroupNorm normalizes groups.
    """
    types = []
    x = np.random.RandomState(0).normal(size=(1, 5, 5, 32)).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        y = vit_hybrid.std_conv2d(tf.constant(x), 4, 3, 1, "c")
        (kernel,) = tf.global_variables()
        session.run(kernel.initializer)
        before, values = session.run([y, kernel])
        session.run(kernel.initializer, {kernel.initializer.inputs[1]: 3 * values + 0.5})
        if np.abs(session.run(y) - before).max() < 1e-3:
            types.append("StdConv2d")
        z = vit_hybrid.group_norm(3 + 2 * tf.tile(tf.constant(x), [1, 1, 1, 2]), "g")
        session.run(tf.global_variables_initializer())
        groups = session.run(z).reshape(25, 32, 2)
        norms = [op for op in graph.get_operations() if op.type.startswith("FusedBatchNorm")]
        if np.abs(groups.mean((0, 2))).max() < 1e-4 and not norms:
            types.append("GroupNorm")
    return types


CHECKS: dict[str, Check] = {
    "compute_batch_statistics": compute_batch_statistics,
    "compute_savings": compute_savings,
    "count_block_weights": count_block_weights,
    "count_first_hybrid_units": count_first_hybrid_units,
    "count_head_units": count_head_units,
    "count_hybrid_units": count_hybrid_units,
    "find_frozen_statistics": find_frozen_statistics,
    "forms_agree": forms_agree,
    "get_expansion": get_expansion,
    "is_finite_on_constant": is_finite_on_constant,
    "larger_batches_estimate_better": larger_batches_estimate_better,
    "list_activations": list_activations,
    "list_batch_norm_flags": list_batch_norm_flags,
    "list_block_outputs": list_block_outputs,
    "list_channel_changes": list_channel_changes,
    "list_cost_factors": list_cost_factors,
    "list_epsilons": list_epsilons,
    "list_first_layer_operations": list_first_layer_operations,
    "list_global_pool_steps": list_global_pool_steps,
    "list_hybrid_layers": list_hybrid_layers,
    "list_learned_variables": list_learned_variables,
    "list_savings": list_savings,
    "list_strided_kernels": list_strided_kernels,
    "list_unit_counts": list_unit_counts,
    "measure_bias_effect": measure_bias_effect,
    "measure_momentum": measure_momentum,
    "sums_have_equal_shapes": sums_have_equal_shapes,
    "unit_keeps_shape": unit_keeps_shape,
}
