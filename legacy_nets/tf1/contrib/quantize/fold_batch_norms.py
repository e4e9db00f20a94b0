"""Folds fused batch norms into the weights before them, as inference will have them."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow.compat.v1 as tf
from tensorflow.core.framework import attr_value_pb2
from tensorflow.python.framework.smart_cond import smart_cond

from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.quantize import common
from legacy_nets.tf1.contrib.quantize.graph_matcher import (
    Match,
    OneofPattern,
    OpTypePattern,
    match_graph,
)
from legacy_nets.types import Graph, Operation, Tensor

_INPUT, _WEIGHT, _GAMMA, _BETA, _MEAN, _VARIANCE, _MOVING, _DECAY = (
    OpTypePattern("*") for _ in range(8)
)
_LAYER = OpTypePattern("Conv2D|DepthwiseConv2dNative|MatMul", [_INPUT, _WEIGHT])
_TO_SPACE = OpTypePattern("BatchToSpaceND", [_LAYER, "*", "*"])
_OUTPUT = OneofPattern(
    [OpTypePattern("Identity", [OneofPattern([_TO_SPACE, _LAYER])]), _LAYER, _TO_SPACE]
)
_NORM = OpTypePattern(
    "FusedBatchNorm|FusedBatchNormV3",
    [OneofPattern([OpTypePattern("Reshape", [_OUTPUT, "*"]), _OUTPUT]),
     _GAMMA, _BETA, _MEAN, _VARIANCE],
)  # fmt: skip
_RESHAPED_NORM = OpTypePattern("Reshape", [_NORM, "*"])
_MOVING_CHANGE = OpTypePattern("Sub", [_MOVING, _NORM])
_MOVING_STEP = OpTypePattern("Mul", [_MOVING_CHANGE, _DECAY])


class _BatchNorm(NamedTuple):
    """A batch norm and the layer before it."""

    layer: Operation
    norm: Operation
    output: Tensor
    inputs: Tensor
    weights: Tensor
    gamma: Tensor
    beta: Tensor
    mean: Tensor
    variance: Tensor
    to_space: Operation | None


class _Moving(NamedTuple):
    """The moving averages of a batch norm in training, with the factors of their steps."""

    mean: Tensor
    variance: Tensor
    mean_decay: Tensor
    variance_decay: Tensor


def fold_batch_norms(graph: Graph, freeze_delay: int | None = None) -> None:
    """Folds all fused batch norms of the default graph.

    Args:
      graph: the default graph.
      freeze_delay: the step from which on the moving averages are used, and no longer change.

    Raises:
      BadInputError: a batch norm is not fused.
    """
    for op in graph.get_operations():
        if "BatchNorm/batchnorm" in op.name and not op.name.startswith("gradients/"):
            raise BadInputError(
                f"tf.contrib.quantize: the batch norm of {op.name} is not fused: build it with "
                "fused=True"
            )
    for batch_norm in _find_batch_norms(graph):
        scope, separator, _ = batch_norm.layer.name.rpartition("/")
        with graph.name_scope(scope + separator):
            _fold(batch_norm, graph, scope + separator, freeze_delay)


def _fold(norm: _BatchNorm, graph: Graph, scope: str, freeze_delay: int | None) -> None:
    correction = None
    with graph.name_scope(f"{scope}BatchNorm_Fold/"):
        multiplier = norm.gamma * tf.rsqrt(norm.variance + norm.norm.get_attr("epsilon"))
        bias = tf.subtract(norm.beta, norm.mean * multiplier, name="bias")
        if norm.norm.get_attr("is_training"):
            correction = _compute_correction(norm, graph, freeze_delay)
        scale = correction[0] if correction else None
        if norm.layer.type == "DepthwiseConv2dNative":
            shape = norm.weights.shape.as_list()[2:4]
            multiplier = tf.reshape(multiplier, shape, name="scale_reshape")
            if scale is not None:
                scale = tf.reshape(scale, shape, name="correction_reshape")
    weights = norm.weights
    if scale is not None:
        weights = tf.multiply(scale, weights, name="correction_mult")
    output = _clone_layer(norm, tf.multiply(weights, multiplier, name="mul_fold"))
    if correction:
        output = tf.multiply(correction[1], output, name="post_conv_mul")
        output = tf.raw_ops.Add(x=output, y=correction[2], name="correction_add")
    output = tf.raw_ops.Add(x=output, y=bias, name="add_fold")
    if not common.reroute(output, norm.output):
        raise ValueError(f"Folding batch norms failed, {norm.output.name} had no outputs.")


def _find_batch_norms(graph: Graph) -> list[_BatchNorm]:
    found: dict[str, _BatchNorm] = {}
    for match in match_graph(OneofPattern([_RESHAPED_NORM, _NORM]), graph):
        norm = _make_batch_norm(match, graph)
        if norm is not None:
            found.setdefault(norm.layer.name, norm)
    return list(found.values())


def _make_batch_norm(match: Match, graph: Graph) -> _BatchNorm | None:
    layer, norm = match.get_op(_LAYER), match.get_op(_NORM)
    output = norm.outputs[0]
    if layer.type == "MatMul":
        reshape = match.find_op(_RESHAPED_NORM)
        if reshape is None:
            return None
        output = reshape.outputs[0]
    if not output.consumers():
        return None
    mean, variance = match.get_tensor(_MEAN), match.get_tensor(_VARIANCE)
    if norm.get_attr("is_training"):
        norm._set_attr("_gradient_op_type", attr_value_pb2.AttrValue(s=b"FoldFusedBatchNormGrad"))
        mean = norm.outputs[1]
        with graph.name_scope(norm.name.rpartition("/")[0] + "/"):
            count = tf.cast(tf.size(match.get_tensor(_LAYER)) / tf.size(mean), tf.float32)
            variance = tf.multiply(
                norm.outputs[2], (count - 1) / count, name="Undo_Bessel_Correction"
            )
    return _BatchNorm(
        layer, norm, output, match.get_tensor(_INPUT), match.get_tensor(_WEIGHT),
        match.get_tensor(_GAMMA), match.get_tensor(_BETA), mean, variance, match.find_op(_TO_SPACE),
    )  # fmt: skip


def _find_moving_averages(norm: Operation, graph: Graph) -> _Moving:
    """Raises BadInputError where the graph does not update them."""
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for match in match_graph(_MOVING_STEP, graph):
        change = match.get_op(_MOVING_CHANGE)
        found[change.inputs[1].name] = (change.inputs[0], match.get_tensor(_DECAY))
    pairs = [found.get(norm.outputs[number].name) for number in (1, 2)]
    if pairs[0] is None or pairs[1] is None:
        raise BadInputError(
            f"tf.contrib.quantize: the graph does not update the moving averages of {norm.name}: "
            "build it with is_training=True and without updates of your own"
        )
    return _Moving(pairs[0][0], pairs[1][0], pairs[0][1], pairs[1][1])


def _compute_correction(
    norm: _BatchNorm, graph: Graph, freeze_delay: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns (scale, its reciprocal, offset): from the batch's statistics to moving ones."""
    epsilon = norm.norm.get_attr("epsilon")
    moving = _find_moving_averages(norm.norm, graph)
    with graph.name_scope("batch_norm_correction"):
        by_moving = tf.rsqrt(moving.variance + epsilon)
        by_batch = tf.rsqrt(norm.variance + epsilon)
        scale = tf.identity(
            tf.divide(by_moving, by_batch, name="scale_compute"), name="correction_scale"
        )
        reciprocal = tf.reciprocal(scale, name="reciprocal_compute")
        offset = tf.multiply(
            norm.gamma, norm.mean * by_batch - moving.mean * by_moving, name="offset_compute"
        )
        is_frozen: Tensor | bool = False
        if freeze_delay is not None:
            is_frozen = tf.greater_equal(
                common.create_or_get_quantization_step(), freeze_delay, name="use_moving_average"
            )
        for decay, name in (
            (moving.mean_decay, "freeze_moving_mean"),
            (moving.variance_decay, "freeze_moving_var"),
        ):
            consumers = list(decay.consumers())
            frozen = smart_cond(is_frozen, lambda: 0.0, lambda decay=decay: decay, name=name)
            common.reroute(frozen, decay, consumers)
        reciprocal = smart_cond(
            is_frozen, lambda: tf.ones(scale.shape), lambda: reciprocal, name="correction_recip"
        )
        offset = smart_cond(
            is_frozen, lambda: offset, lambda: tf.zeros(offset.shape), name="correction_offset"
        )
    return scale, reciprocal, offset


def _clone_layer(norm: _BatchNorm, weights: Tensor) -> Tensor:
    layer = norm.layer
    name = layer.name.rpartition("/")[2] + "_Fold"
    if layer.type == "MatMul":
        return tf.matmul(
            norm.inputs, weights, transpose_a=layer.get_attr("transpose_a"),
            transpose_b=layer.get_attr("transpose_b"), name=name,
        )  # fmt: skip
    strides, padding = layer.get_attr("strides"), layer.get_attr("padding").decode()
    if layer.type == "Conv2D":
        return tf.nn.conv2d(
            norm.inputs, weights, strides=strides, padding=padding,
            data_format=layer.get_attr("data_format").decode(), name=name,
        )  # fmt: skip
    output = tf.nn.depthwise_conv2d(norm.inputs, weights, strides, padding, name=name)
    if norm.to_space is None:
        return output
    to_space = layer.outputs[0].consumers()[0]
    return tf.batch_to_space_nd(
        output, to_space.inputs[1], to_space.inputs[2],
        name=to_space.name.rpartition("/")[2] + "_Fold",
    )  # fmt: skip


@tf.RegisterGradient("FoldFusedBatchNormGrad")
def _differentiate_statistics(
    op: Operation, _by_output: Tensor, by_mean: Tensor, by_variance: Tensor, *_rest: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradient of a folded batch norm: only its mean and variance are used."""
    x = op.inputs[0]
    count = tf.cast(tf.size(x) / tf.size(by_mean), tf.float32)
    by_x = by_mean / count + 2 * by_variance * (x - op.outputs[1]) / (count - 1)
    return by_x, None, None, None, None
