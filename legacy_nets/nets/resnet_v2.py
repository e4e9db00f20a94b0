"""ResNet v2, pre-activation (slim).

Papers:  [1] Deep Residual Learning, arXiv:1512.03385  [2] Identity Mappings, arXiv:1603.05027
Source:  tutorial document 003, sections 1.1 and 1.2
Input:   NHWC float32, 224x224 (the published weights: 299x299), RGB in [-1, 1]; any size works
Names:   resnet_v2_152/conv1/weights, resnet_v2_152/conv1/biases,
         resnet_v2_152/block1/unit_1/bottleneck_v2/preact/gamma, .../shortcut/weights,
         .../conv1/BatchNorm/gamma, .../conv3/biases, resnet_v2_152/postnorm/gamma,
         resnet_v2_152/logits/weights
Differs: 003-E02 conv2_same is conv2d_same: it pads both sides alike, which SAME does not
         003-E05 a Block takes the document's (depth, depth_bottleneck, stride) and slim's dicts
         003-E06 stem, postnorm, pool and logits, which the document leaves out
         003-E07 the nets open resnet_arg_scope themselves; a caller's arg_scope wins, argument
         by argument
         003-E08 is_training reaches every batch norm
         003-E13 bottleneck takes a rate (atrous convolution)
         003-E14, E15, E16, E17 stay, because published checkpoints and code need them: the
         projection reads preact and has a bias; the stride sits in a block's last unit; end
         points bear scope names, predictions a bare one
         spatial_squeeze, store_non_strided_activations and the end point global_pool, which
         tf.contrib.slim does not have
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.slim_defaults import default_arg_scope

slim = tf.contrib.slim

UNIT = ("depth", "depth_bottleneck", "stride")  # what the document's tuples hold
ROOT_STRIDE = 4  # conv1 and pool1 halve the map each


class Block(NamedTuple):
    """A stage of units: ``args`` has one (depth, depth_bottleneck, stride) or dict for each."""

    scope: str
    unit_fn: Callable[..., Any]
    args: list[Any]


def _unit(arguments: Any) -> dict[str, Any]:
    if isinstance(arguments, dict):
        return arguments
    return dict(zip(UNIT, arguments, strict=True))


def subsample(inputs: Any, factor: int, scope: Any = None) -> Any:
    """Every factor-th pixel: [N, H, W, C] -> [N, ceil(H/factor), ceil(W/factor), C]."""
    if factor == 1:
        return inputs
    return slim.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)


def conv2d_same(
    inputs: Any, num_outputs: int, kernel_size: int, stride: int, rate: int = 1, scope: Any = None
) -> Any:
    """A convolution that pads both sides alike, whatever the stride.

    ``padding="SAME"`` with a stride above 1 pads an even-sized map at the bottom and the right
    only, which shifts the result by a pixel (003-E02).

    Returns: [N, ceil(H/stride), ceil(W/stride), num_outputs].
    """
    if stride == 1:
        return slim.conv2d(
            inputs, num_outputs, kernel_size, stride=1, rate=rate, padding="SAME", scope=scope
        )
    total = (kernel_size - 1) * rate
    pad = [total // 2, total - total // 2]
    return slim.conv2d(
        tf.pad(inputs, [[0, 0], pad, pad, [0, 0]]),
        num_outputs,
        kernel_size,
        stride=stride,
        rate=rate,
        padding="VALID",
        scope=scope,
    )


@slim.add_arg_scope
def bottleneck(
    inputs: Any,
    depth: int,
    depth_bottleneck: int,
    stride: int,
    rate: int = 1,
    outputs_collections: Any = None,
    scope: Any = None,
) -> Any:
    """One residual unit: batch norm and ReLU first, then 1x1, 3x3, 1x1 [2, figure 1b].

    Args:
      inputs: float32 [N, H, W, C].
      depth: channels of the output.
      depth_bottleneck: channels of the first two convolutions.
      stride: of the 3x3 convolution and of the shortcut.
      rate: dilation of the 3x3 convolution.
      outputs_collections: where the output goes, under the name of its scope.
      scope: variable scope, bottleneck_v2 if None.

    Returns: [N, ceil(H/stride), ceil(W/stride), depth].
    """
    linear = {"normalizer_fn": None, "activation_fn": None}
    with tf.variable_scope(scope, "bottleneck_v2", [inputs]) as opened:
        preact = slim.batch_norm(inputs, activation_fn=tf.nn.relu, scope="preact")
        if depth == slim.utils.last_dimension(inputs.get_shape(), min_rank=4):
            shortcut = subsample(inputs, stride, "shortcut")
        else:  # reads preact, and has a bias: 003-E14
            shortcut = slim.conv2d(preact, depth, [1, 1], stride, scope="shortcut", **linear)
        net = slim.conv2d(preact, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        net = conv2d_same(net, depth_bottleneck, 3, stride, rate, scope="conv2")
        net = slim.conv2d(net, depth, [1, 1], stride=1, scope="conv3", **linear)
        return slim.utils.collect_named_outputs(outputs_collections, opened.name, shortcut + net)


def _check_output_stride(output_stride: int | None, blocks: list[Block], root: int) -> None:
    """Raises BadInputError unless the units reach ``output_stride`` exactly."""
    strides = [_unit(unit).get("stride", 1) for block in blocks for unit in block.args]
    reached = sorted(set(itertools.accumulate(strides, lambda a, b: a * b, initial=root)))
    if output_stride is not None and output_stride not in reached:
        raise BadInputError(
            f"output_stride {output_stride} cannot be reached by this resnet_v2; "
            f"take one of {', '.join(map(str, reached))}"
        )


@slim.add_arg_scope
def stack_blocks_dense(
    net: Any,
    blocks: list[Block],
    output_stride: int | None = None,
    outputs_collections: Any = None,
    *,
    store_non_strided_activations: bool = False,
) -> Any:
    """Blocks, and the units in each, in scopes <block>/unit_<number>.

    Once the map is ``output_stride`` times smaller than ``net``, further strides become
    dilation (atrous convolution), so that the map shrinks no more and each unit sees as far.

    Args:
      net: float32 [N, H, W, C].
      blocks: what to stack.
      output_stride: how many times smaller the output may be; None lets all strides act.
      outputs_collections: where each block's output goes, under the name of its scope.
      store_non_strided_activations: move the stride of each block's last unit behind the block,
        so that the block's end point has the larger map; the output of the stack stays.

    Raises: BadInputError for an output_stride that is no product of the units' strides.
    """
    _check_output_stride(output_stride, blocks, 1)
    reached, rate = 1, 1

    def advance(stride: int) -> int:
        """The stride to apply now; what it may not take goes into the rate."""
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
                unit = _unit(arguments)
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
) -> dict[Any, dict[str, Any]]:
    """The arg_scope that the published weights were trained in.

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


def resnet_v2(
    inputs: Any,
    blocks: list[Block],
    num_classes: int | None = None,
    is_training: Any = True,
    global_pool: bool = True,
    output_stride: int | None = None,
    include_root_block: bool = True,
    reuse: Any = None,
    scope: Any = None,
    *,
    spatial_squeeze: bool | None = False,
    store_non_strided_activations: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """A net of any blocks, with the parameters, order and defaults of tf.contrib.slim.

    Args:
      inputs: float32 [N, H, W, 3] in [-1, 1]; N, H and W may be unknown.
      blocks: the stages.
      num_classes: None or 0 builds no head and returns the features.
      is_training: bool or bool tensor, for batch norm.
      global_pool: mean over the map before the logits; False for dense prediction.
      output_stride: image size over map size, 4, 8, 16 or 32; None: as the blocks say.
      include_root_block: conv1 and pool1 first; without, ``inputs`` is a map already.
      reuse, scope: as in ``tf.variable_scope``.
      spatial_squeeze: logits [N, num_classes] rather than [N, 1, 1, num_classes]; None: where
        global_pool leaves nothing else.
      store_non_strided_activations: as in ``stack_blocks_dense``.

    Returns: logits [N, 1, 1, num_classes] (a map where global_pool is False), and the end points
      in order of construction.
    Raises: BadInputError for an output_stride that cannot be reached, or for spatial_squeeze
      without global_pool.
    """
    if spatial_squeeze is None:
        spatial_squeeze = global_pool
    if spatial_squeeze and not global_pool:
        raise BadInputError(
            "spatial_squeeze=True needs global_pool=True: a map of logits has a height and a width"
        )
    _check_output_stride(output_stride, blocks, ROOT_STRIDE if include_root_block else 1)
    with (
        default_arg_scope(resnet_arg_scope()),
        tf.variable_scope(scope, "resnet_v2", [inputs], reuse=reuse) as opened,
    ):
        collection = opened.original_name_scope + "_end_points"
        collectors = [slim.conv2d, bottleneck, stack_blocks_dense]
        with (
            slim.arg_scope(collectors, outputs_collections=collection),
            slim.arg_scope([slim.batch_norm], is_training=is_training),
        ):
            net = inputs
            if include_root_block:
                output_stride = output_stride and output_stride // ROOT_STRIDE
                # No norm and no ReLU: the first unit begins with them [2, appendix].
                with slim.arg_scope([slim.conv2d], activation_fn=None, normalizer_fn=None):
                    net = conv2d_same(net, 64, 7, stride=2, scope="conv1")  # (N, H/2, W/2, 64)
                net = slim.max_pool2d(net, [3, 3], stride=2, scope="pool1")  # (N, H/4, W/4, 64)
            net = stack_blocks_dense(  # (N, H/32, W/32, 2048)
                net,
                blocks,
                output_stride,
                store_non_strided_activations=store_non_strided_activations,
            )
            # The last unit ends in a bare sum; this is the norm and ReLU it lacks.
            net = slim.batch_norm(net, activation_fn=tf.nn.relu, scope="postnorm")
            if global_pool:
                net = tf.reduce_mean(net, [1, 2], name="pool5", keepdims=True)  # (N, 1, 1, 2048)
                slim.utils.collect_named_outputs(collection, "global_pool", net)
            if num_classes:
                net = slim.conv2d(  # (N, 1, 1, num_classes)
                    net,
                    num_classes,
                    [1, 1],
                    activation_fn=None,
                    normalizer_fn=None,
                    scope="logits",
                )
                if spatial_squeeze:
                    net = tf.squeeze(net, [1, 2], name="SpatialSqueeze")  # (N, num_classes)
                    slim.utils.collect_named_outputs(
                        collection, f"{opened.name}/spatial_squeeze", net
                    )
            end_points = dict(slim.utils.convert_collection_to_dict(collection))
            if num_classes:
                end_points["predictions"] = slim.softmax(net, scope="predictions")
    return net, end_points


resnet_v2.default_image_size = 224  # type: ignore[attr-defined]


def resnet_v2_block(scope: str, base_depth: int, num_units: int, stride: int) -> Block:
    """``num_units`` bottlenecks of 4 * base_depth channels; the last has the stride (003-E15)."""
    unit = (4 * base_depth, base_depth)
    return Block(scope, bottleneck, [(*unit, 1)] * (num_units - 1) + [(*unit, stride)])


def _blocks(*units: int) -> list[Block]:
    """The four blocks of a ResNet v2 with that many units in each."""
    return [
        resnet_v2_block("block1", 64, units[0], 2),
        resnet_v2_block("block2", 128, units[1], 2),
        resnet_v2_block("block3", 256, units[2], 2),
        resnet_v2_block("block4", 512, units[3], 1),
    ]


def resnet_v2_50(
    images: Any,
    num_classes: int | None = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: Any = "resnet_v2_50",
    global_pool: bool = True,
    output_stride: int | None = None,
    spatial_squeeze: bool | None = None,
    store_non_strided_activations: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Builds ResNet v2 50: blocks of 3, 4, 6 and 3 units.

    slim's own order of parameters is that of ``tf.contrib.slim.nets.resnet_v2``.

    Args:
      images: float32 [N, H, W, 3] in [-1, 1]; N, H and W may be unknown.
      num_classes: None or 0 builds no head and returns the features.
      is_training: bool or bool tensor, for batch norm.
      reuse, scope: as in ``tf.variable_scope``.
      global_pool: mean over the map before the logits; False for dense prediction.
      output_stride: image size over map size, 4, 8, 16 or 32; None: as the blocks say.
      spatial_squeeze: logits [N, num_classes] rather than slim's [N, 1, 1, num_classes]; None:
        wherever global_pool leaves one pixel.
      store_non_strided_activations: as in ``stack_blocks_dense``.

    Returns: logits, and the end points in order of construction.
    Raises: BadInputError as ``resnet_v2``.
    """
    return resnet_v2(
        images,
        _blocks(3, 4, 6, 3),
        num_classes,
        is_training,
        global_pool,
        output_stride,
        reuse=reuse,
        scope=scope,
        spatial_squeeze=spatial_squeeze,
        store_non_strided_activations=store_non_strided_activations,
    )


def resnet_v2_101(
    images: Any,
    num_classes: int | None = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: Any = "resnet_v2_101",
    global_pool: bool = True,
    output_stride: int | None = None,
    spatial_squeeze: bool | None = None,
    store_non_strided_activations: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Builds ResNet v2 101: blocks of 3, 4, 23 and 3 units; see ``resnet_v2_50``."""
    return resnet_v2(
        images,
        _blocks(3, 4, 23, 3),
        num_classes,
        is_training,
        global_pool,
        output_stride,
        reuse=reuse,
        scope=scope,
        spatial_squeeze=spatial_squeeze,
        store_non_strided_activations=store_non_strided_activations,
    )


def resnet_v2_152(
    images: Any,
    num_classes: int | None = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: Any = "resnet_v2_152",
    global_pool: bool = True,
    output_stride: int | None = None,
    spatial_squeeze: bool | None = None,
    store_non_strided_activations: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Builds ResNet v2 152: blocks of 3, 8, 36 and 3 units; see ``resnet_v2_50``."""
    return resnet_v2(
        images,
        _blocks(3, 8, 36, 3),
        num_classes,
        is_training,
        global_pool,
        output_stride,
        reuse=reuse,
        scope=scope,
        spatial_squeeze=spatial_squeeze,
        store_non_strided_activations=store_non_strided_activations,
    )


def resnet_v2_200(
    images: Any,
    num_classes: int | None = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: Any = "resnet_v2_200",
    global_pool: bool = True,
    output_stride: int | None = None,
    spatial_squeeze: bool | None = None,
    store_non_strided_activations: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Builds ResNet v2 200: blocks of 3, 24, 36 and 3 units; see ``resnet_v2_50``."""
    return resnet_v2(
        images,
        _blocks(3, 24, 36, 3),
        num_classes,
        is_training,
        global_pool,
        output_stride,
        reuse=reuse,
        scope=scope,
        spatial_squeeze=spatial_squeeze,
        store_non_strided_activations=store_non_strided_activations,
    )


resnet_v2_50.default_image_size = 224  # type: ignore[attr-defined]
resnet_v2_101.default_image_size = 224  # type: ignore[attr-defined]
resnet_v2_152.default_image_size = 224  # type: ignore[attr-defined]
resnet_v2_200.default_image_size = 224  # type: ignore[attr-defined]
