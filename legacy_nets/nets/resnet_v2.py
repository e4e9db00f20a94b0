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

from collections.abc import Sequence

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.resnet_utils import (
    Block,
    check_output_stride,
    conv2_same,
    conv2d_same,
    resnet_arg_scope,
    stack_blocks_dense,
    subsample,
)
from legacy_nets.nets.parts.slim_defaults import default_arg_scope
from legacy_nets.types import IsTraining, NetOutputs, Reuse, Scope, Tensor

slim = tf.contrib.slim

ROOT_STRIDE = 4  # conv1 and pool1 halve the map each


@slim.add_arg_scope
def bottleneck(
    inputs: Tensor,
    depth: int,
    depth_bottleneck: int,
    stride: int,
    outputs_collections: str | None = None,
    scope: Scope = None,
    *,
    rate: int = 1,
) -> Tensor:
    """Builds a residual unit: batch norm and ReLU, then 1x1, 3x3, 1x1 [2, figure 1b].

    Args:
      inputs: float32 [N, H, W, C].
      depth: channels of the output.
      depth_bottleneck: channels of the first two convolutions.
      stride: of the 3x3 convolution and of the shortcut.
      outputs_collections: where the output goes, under the name of its scope.
      scope: variable scope, bottleneck_v2 if None.
      rate: dilation of the 3x3 convolution (003-E13).

    Returns: [N, ceil(H/stride), ceil(W/stride), depth].
    """
    with tf.variable_scope(scope, "bottleneck_v2", [inputs]) as sc:
        depth_in = slim.utils.last_dimension(inputs.get_shape(), min_rank=4)
        # (N, H, W, depth_in)
        preact = slim.batch_norm(inputs, activation_fn=tf.nn.relu, scope="preact")
        if depth == depth_in:
            shortcut = subsample(inputs, stride, "shortcut")  # (N, H/stride, W/stride, depth)
        else:
            # (N, H/stride, W/stride, depth); reads preact, and has a bias: 003-E14
            shortcut = slim.conv2d(
                preact,
                depth,
                [1, 1],
                stride=stride,
                normalizer_fn=None,
                activation_fn=None,
                scope="shortcut",
            )
        # (N, H, W, depth_bottleneck)
        residual = slim.conv2d(preact, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        # (N, H/stride, W/stride, depth_bottleneck)
        residual = conv2_same(residual, depth_bottleneck, 3, stride, rate, scope="conv2")
        # (N, H/stride, W/stride, depth)
        residual = slim.conv2d(
            residual,
            depth,
            [1, 1],
            stride=1,
            normalizer_fn=None,
            activation_fn=None,
            scope="conv3",
        )
        output = shortcut + residual  # (N, H/stride, W/stride, depth)
        return slim.utils.collect_named_outputs(outputs_collections, sc.name, output)


def resnet_v2(
    inputs: Tensor,
    blocks: Sequence[Block],
    num_classes: int | None = None,
    is_training: IsTraining = True,
    global_pool: bool = True,
    output_stride: int | None = None,
    include_root_block: bool = True,
    reuse: Reuse = None,
    scope: Scope = None,
    *,
    spatial_squeeze: bool | None = False,
    store_non_strided_activations: bool = False,
) -> NetOutputs:
    """Builds a net of any blocks, with the parameters, order and defaults of tf.contrib.slim.

    Args: as ``resnet_v2_50``, but
      inputs: the images, or a map where include_root_block is False.
      blocks: the stages.
      include_root_block: whether conv1 and pool1 come first.

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
    root_stride = ROOT_STRIDE if include_root_block else 1
    check_output_stride(output_stride, blocks, root_stride)
    with (
        default_arg_scope(resnet_arg_scope()),
        tf.variable_scope(scope, "resnet_v2", [inputs], reuse=reuse) as sc,
    ):
        collection = sc.original_name_scope + "_end_points"
        collectors = [slim.conv2d, bottleneck, stack_blocks_dense]
        with (
            slim.arg_scope(collectors, outputs_collections=collection),
            slim.arg_scope([slim.batch_norm], is_training=is_training),
        ):
            net = _build_root(inputs) if include_root_block else inputs
            net = stack_blocks_dense(
                net,
                blocks,
                output_stride and output_stride // root_stride,
                store_non_strided_activations=store_non_strided_activations,
            )
            net = _build_head(net, num_classes, global_pool, spatial_squeeze, collection, sc.name)
            end_points = dict(slim.utils.convert_collection_to_dict(collection))
            if num_classes:
                end_points["predictions"] = slim.softmax(net, scope="predictions")
    return net, end_points


resnet_v2.default_image_size = 224  # type: ignore[attr-defined]


def _build_root(net: Tensor) -> Tensor:
    """Builds conv1 and pool1 on images [N, H, W, C] (003-E06)."""
    # No norm and no ReLU: the first unit begins with them [2, appendix].
    with slim.arg_scope([slim.conv2d], activation_fn=None, normalizer_fn=None):
        net = conv2d_same(net, 64, 7, stride=2, scope="conv1")  # (N, H/2, W/2, 64)
    return slim.max_pool2d(net, [3, 3], stride=2, scope="pool1")  # (N, H/4, W/4, 64)


def _build_head(
    net: Tensor,
    num_classes: int | None,
    global_pool: bool,
    spatial_squeeze: bool,
    collection: str,
    scope: str,
) -> Tensor:
    """Builds postnorm, pool5 and logits on the last map [N, H, W, C] (003-E06)."""
    # The last unit ends in a bare sum; this is the norm and ReLU it lacks.
    net = slim.batch_norm(net, activation_fn=tf.nn.relu, scope="postnorm")  # (N, H, W, C)
    if global_pool:
        net = tf.reduce_mean(net, [1, 2], name="pool5", keepdims=True)  # (N, 1, 1, C)
        slim.utils.collect_named_outputs(collection, "global_pool", net)
    if not num_classes:
        return net
    # (N, 1, 1, num_classes) after the pool
    net = slim.conv2d(
        net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope="logits"
    )
    if spatial_squeeze:
        net = tf.squeeze(net, [1, 2], name="SpatialSqueeze")  # (N, num_classes)
        slim.utils.collect_named_outputs(collection, f"{scope}/spatial_squeeze", net)
    return net


def resnet_v2_50(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: Scope = "resnet_v2_50",
    global_pool: bool = True,
    output_stride: int | None = None,
    spatial_squeeze: bool | None = None,
    store_non_strided_activations: bool = False,
) -> NetOutputs:
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
    blocks = [
        Block("block1", bottleneck, [(256, 64, 1)] * 2 + [(256, 64, 2)]),
        Block("block2", bottleneck, [(512, 128, 1)] * 3 + [(512, 128, 2)]),
        Block("block3", bottleneck, [(1024, 256, 1)] * 5 + [(1024, 256, 2)]),
        Block("block4", bottleneck, [(2048, 512, 1)] * 3),
    ]
    return resnet_v2(
        images,
        blocks,
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
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: Scope = "resnet_v2_101",
    global_pool: bool = True,
    output_stride: int | None = None,
    spatial_squeeze: bool | None = None,
    store_non_strided_activations: bool = False,
) -> NetOutputs:
    """Builds ResNet v2 101: blocks of 3, 4, 23 and 3 units; see ``resnet_v2_50``."""
    blocks = [
        Block("block1", bottleneck, [(256, 64, 1)] * 2 + [(256, 64, 2)]),
        Block("block2", bottleneck, [(512, 128, 1)] * 3 + [(512, 128, 2)]),
        Block("block3", bottleneck, [(1024, 256, 1)] * 22 + [(1024, 256, 2)]),
        Block("block4", bottleneck, [(2048, 512, 1)] * 3),
    ]
    return resnet_v2(
        images,
        blocks,
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
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: Scope = "resnet_v2_152",
    global_pool: bool = True,
    output_stride: int | None = None,
    spatial_squeeze: bool | None = None,
    store_non_strided_activations: bool = False,
) -> NetOutputs:
    """Builds ResNet v2 152, the document's: 3, 8, 36 and 3 units; see ``resnet_v2_50``."""
    blocks = [
        Block("block1", bottleneck, [(256, 64, 1)] * 2 + [(256, 64, 2)]),
        Block("block2", bottleneck, [(512, 128, 1)] * 7 + [(512, 128, 2)]),
        Block("block3", bottleneck, [(1024, 256, 1)] * 35 + [(1024, 256, 2)]),
        Block("block4", bottleneck, [(2048, 512, 1)] * 3),
    ]
    return resnet_v2(
        images,
        blocks,
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
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: Scope = "resnet_v2_200",
    global_pool: bool = True,
    output_stride: int | None = None,
    spatial_squeeze: bool | None = None,
    store_non_strided_activations: bool = False,
) -> NetOutputs:
    """Builds ResNet v2 200: blocks of 3, 24, 36 and 3 units; see ``resnet_v2_50``."""
    blocks = [
        Block("block1", bottleneck, [(256, 64, 1)] * 2 + [(256, 64, 2)]),
        Block("block2", bottleneck, [(512, 128, 1)] * 23 + [(512, 128, 2)]),
        Block("block3", bottleneck, [(1024, 256, 1)] * 35 + [(1024, 256, 2)]),
        Block("block4", bottleneck, [(2048, 512, 1)] * 3),
    ]
    return resnet_v2(
        images,
        blocks,
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
