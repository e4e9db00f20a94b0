"""What ``resnet_v2`` is stacked with, under the names of slim's resnet_utils.

Papers:  [1] Deep Residual Learning, arXiv:1512.03385
Shapes:  of the tensor that the line makes
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.types import ArgScope, Scope, Tensor

slim = tf.contrib.slim

UNIT = ("depth", "depth_bottleneck", "stride")  # what the document's tuples hold


class Block(NamedTuple):
    """A stage of units: ``args`` has one (depth, depth_bottleneck, stride) or dict for each."""

    scope: str
    unit_fn: Callable[..., Tensor]
    args: Sequence[tuple[int, ...] | dict[str, int]]


def _name_arguments(arguments: tuple[int, ...] | dict[str, int]) -> dict[str, int]:
    """Turns the document's tuple into the keyword arguments of a unit (003-E05)."""
    if isinstance(arguments, dict):
        return arguments
    return dict(zip(UNIT, arguments, strict=True))


def subsample(inputs: Tensor, factor: int, scope: Scope = None) -> Tensor:
    """Keeps every factor-th pixel of [N, H, W, C]: [N, ceil(H/factor), ceil(W/factor), C]."""
    if factor == 1:
        return inputs
    return slim.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)


def conv2d_same(
    inputs: Tensor,
    num_outputs: int,
    kernel_size: int,
    stride: int,
    rate: int = 1,
    scope: Scope = None,
) -> Tensor:
    """Convolves [N, H, W, C] with the same padding on both sides, whatever the stride.

    With a stride above 1, ``padding="SAME"`` pads a map of even size at the bottom and the right
    only. That shifts the result by a pixel (003-E02).

    Args:
      inputs: float32 [N, H, W, C].
      num_outputs: filters.
      kernel_size: side of the kernel.
      stride, rate: of the convolution.
      scope: variable scope.

    Returns: [N, ceil(H/stride), ceil(W/stride), num_outputs].
    """
    if stride == 1:
        return slim.conv2d(
            inputs, num_outputs, kernel_size, stride=1, rate=rate, padding="SAME", scope=scope
        )
    pad_total = (kernel_size - 1) * rate
    pad = [pad_total // 2, pad_total - pad_total // 2]
    inputs = tf.pad(inputs, [[0, 0], pad, pad, [0, 0]])
    return slim.conv2d(
        inputs, num_outputs, kernel_size, stride=stride, rate=rate, padding="VALID", scope=scope
    )


conv2_same = conv2d_same  # the document's spelling


def check_output_stride(
    output_stride: int | None, blocks: Sequence[Block], root_stride: int
) -> None:
    """Raises BadInputError unless the units reach ``output_stride`` exactly."""
    strides = [_name_arguments(unit).get("stride", 1) for block in blocks for unit in block.args]
    reached = sorted(set(itertools.accumulate(strides, lambda a, b: a * b, initial=root_stride)))
    if output_stride is not None and output_stride not in reached:
        raise BadInputError(
            f"output_stride {output_stride} cannot be reached by this resnet_v2; "
            f"take one of {', '.join(map(str, reached))}"
        )


@slim.add_arg_scope
def stack_blocks_dense(
    net: Tensor,
    blocks: Sequence[Block],
    output_stride: int | None = None,
    outputs_collections: str | None = None,
    *,
    store_non_strided_activations: bool = False,
) -> Tensor:
    """Stacks blocks, and the units in each, in scopes <block>/unit_<number>.

    Once the map is ``output_stride`` times smaller than ``net``, further strides become
    dilation (atrous convolution): the map keeps its size, and each unit its receptive field.

    Args:
      net: float32 [N, H, W, C].
      blocks: what to stack.
      output_stride: how many times smaller the output may be; None lets all strides act.
      outputs_collections: where each block's output goes, under the name of its scope.
      store_non_strided_activations: move the stride of each block's last unit to after the
        block: its end point has the larger map, and the output of the stack stays.

    Raises: BadInputError for an output_stride that is no product of the units' strides.
    """
    check_output_stride(output_stride, blocks, 1)
    reached, rate = 1, 1

    def advance(stride: int) -> int:
        """Returns the stride to apply now; a stride that may not act goes into the rate."""
        nonlocal reached, rate
        if reached == output_stride:
            rate *= stride
            return 1
        reached *= stride
        return stride

    for block in blocks:
        with tf.variable_scope(block.scope, "block", [net]) as opened:
            block_stride = 1
            for number, arguments in enumerate(block.args, start=1):
                unit = _name_arguments(arguments)
                stride = unit.get("stride", 1)
                if store_non_strided_activations and number == len(block.args):
                    block_stride, stride = stride, 1
                with tf.variable_scope(f"unit_{number}", values=[net]):
                    # The unit that turns its stride into dilation keeps the rate before it.
                    dilation = {"rate": rate} if rate > 1 else {}
                    net = block.unit_fn(net, **{**unit, "stride": advance(stride)}, **dilation)
            net = slim.utils.collect_named_outputs(outputs_collections, opened.name, net)
            net = subsample(net, advance(block_stride))
    return net


def resnet_arg_scope(
    weight_decay: float = 0.0001,
    batch_norm_decay: float = 0.997,
    batch_norm_epsilon: float = 1e-5,
    batch_norm_scale: bool = True,
) -> ArgScope:
    """Returns the arg_scope that the published weights were trained in.

    Args:
      weight_decay: factor of the L2 loss on kernels.
      batch_norm_decay: decay of the moving averages per step.
      batch_norm_epsilon: added to the variance.
      batch_norm_scale: whether batch norm has a gamma.

    Returns: a scope for ``slim.arg_scope``.
    """
    batch_norm = {
        "decay": batch_norm_decay,
        "epsilon": batch_norm_epsilon,
        "scale": batch_norm_scale,
        "updates_collections": tf.GraphKeys.UPDATE_OPS,
    }
    with (
        slim.arg_scope(
            [slim.conv2d],
            weights_regularizer=slim.l2_regularizer(weight_decay),
            weights_initializer=slim.variance_scaling_initializer(),
            activation_fn=tf.nn.relu,
            normalizer_fn=slim.batch_norm,
            normalizer_params=batch_norm,
        ),
        slim.arg_scope([slim.batch_norm], **batch_norm),
        # SAME keeps the features of pool1 aligned with the image; [1] pools VALID.
        slim.arg_scope([slim.max_pool2d], padding="SAME") as scope,
    ):
        return scope
