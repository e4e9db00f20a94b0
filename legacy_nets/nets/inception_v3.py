"""Inception V3 (slim).

Papers:  [1] Rethinking the Inception Architecture, arXiv:1512.00567  [2] batch norm,
         arXiv:1502.03167
Source:  tutorial document 002, sections 1 to 3
Input:   NHWC float32, 299x299, RGB in [-1, 1]; from 75x75 (107x107 with the auxiliary head)
Names:   InceptionV3/Conv2d_1a_3x3/weights, InceptionV3/Conv2d_1a_3x3/BatchNorm/beta,
         InceptionV3/Mixed_5c/Branch_1/Conv_1_0c_5x5/weights, InceptionV3/AuxLogits/...,
         InceptionV3/Logits/Conv2d_1c_1x1/biases
Differs: 002-E05 Branch_0 of Mixed_6c is its own, not that of Mixed_6b a second time
         002-E13 the nets open inception_v3_arg_scope themselves; a caller's arg_scope wins,
         argument by argument
         002-E14 is_training reaches batch norm and dropout
         002-E15, E16 reuse is an argument of the net, not AUTO_REUSE of one layer
         002-E17 base (inception_v3_base) and heads (inception_v3) are two functions
         002-E22, E23, E24 the odd scope names stay: published checkpoints have them
         002-E25 the auxiliary head's kernel, and the variable name with it, shrinks with the
         image: Conv2d_2a_5x5 at 299, 3x3 at 224, 1x1 from 107 to 154
         002-E28 end point AvgPool_1a, which tf.contrib.slim does not list
         create_aux_logits and global_pool, which tf.contrib.slim does not have
"""

from __future__ import annotations

from collections.abc import Callable

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, suggest_names
from legacy_nets.nets.parts import inception_v3_modules as modules
from legacy_nets.nets.parts.slim_defaults import default_arg_scope
from legacy_nets.types import (
    ArgScope,
    EndPoints,
    Initializer,
    IsTraining,
    NetOutputs,
    Reuse,
    Scope,
    Tensor,
)

slim = tf.contrib.slim

MODULES = {
    "Mixed_5b": modules.mixed_5b,
    "Mixed_5c": modules.mixed_5c,
    "Mixed_5d": modules.mixed_5d,
    "Mixed_6a": modules.mixed_6a,
    "Mixed_6b": modules.mixed_6b,
    "Mixed_6c": modules.mixed_6c,
    "Mixed_6d": modules.mixed_6d,
    "Mixed_6e": modules.mixed_6e,
    "Mixed_7a": modules.mixed_7a,
    "Mixed_7b": modules.mixed_7b,
    "Mixed_7c": modules.mixed_7c,
}
STEM = {  # end point: kernel, stride; all but Conv2d_2b_3x3 have padding VALID
    "Conv2d_1a_3x3": (3, 2),
    "Conv2d_2a_3x3": (3, 1),
    "Conv2d_2b_3x3": (1, 1),  # padding SAME keeps the size, as a 1x1 kernel would
    "MaxPool_3a_3x3": (3, 2),
    "Conv2d_3b_1x1": (1, 1),
    "Conv2d_4a_3x3": (3, 1),
    "MaxPool_5a_3x3": (3, 2),
}
HALVING_MODULES = ("Mixed_6a", "Mixed_7a")  # by a 3x3 kernel with stride 2 and padding VALID
AUX_WINDOW = 5  # side of the auxiliary head's pool, which reads Mixed_6e


def smallest_image(end_point: str = "Mixed_7c", side: int = 1) -> int:
    """Computes how many pixels per side an image needs for a map of ``side`` at ``end_point``."""
    windows = {**STEM, **{name: (3, 2) if name in HALVING_MODULES else (1, 1) for name in MODULES}}
    names = list(windows)
    for name in reversed(names[: names.index(end_point) + 1]):
        kernel, stride = windows[name]
        side = (side - 1) * stride + kernel
    return side


def _check_end_point(final_endpoint: str) -> None:
    """Raises BadInputError for a name that is no end point of the base."""
    known = [*STEM, *MODULES]
    if final_endpoint not in known:
        near = suggest_names(str(final_endpoint), known, "end points")
        raise BadInputError(f"inception_v3 has no end point {final_endpoint!r}{near}")


def _check_size(images: Tensor, smallest: int, advice: str) -> None:
    """Raises BadInputError for images [N, H, W, C] known to have fewer pixels per side."""
    height, width = images.shape[1:3].as_list()
    if any(side is not None and side < smallest for side in (height, width)):
        raise BadInputError(f"images of {height}x{width} are too small: {advice}")


def _check_images(images: Tensor, has_aux_logits: bool) -> None:
    """Raises BadInputError for images [N, H, W, C] too small for the base or the heads."""
    base_side, aux_side = smallest_image(), smallest_image("Mixed_6e", AUX_WINDOW)
    advice = (
        f"the auxiliary head of inception_v3 needs {aux_side}x{aux_side}, the base alone "
        f"{base_side}x{base_side} (create_aux_logits=False)"
    )
    _check_size(images, aux_side if has_aux_logits else base_side, advice)


def _scale_depth(depth_multiplier: float, min_depth: int) -> modules.Depth:
    """Returns the function that narrows every layer (002-E06)."""
    if depth_multiplier <= 0:
        raise BadInputError(f"depth_multiplier must be greater than 0, not {depth_multiplier}")
    return lambda filters: max(int(filters * depth_multiplier), min_depth)


def inception_v3_arg_scope(
    weight_decay: float = 0.00004,
    batch_norm_var_collection: str = "moving_vars",
    batch_norm_decay: float = 0.9997,
    batch_norm_epsilon: float = 0.001,
    updates_collections: str | None = tf.GraphKeys.UPDATE_OPS,
    use_fused_batchnorm: bool = True,
) -> ArgScope:
    """Returns the scope for ``slim.arg_scope`` that the published weights were trained in.

    Kernels have an L2 loss of ``weight_decay`` and He's initializer. Batch norm has no gamma.

    Args:
      weight_decay: factor of the L2 loss.
      batch_norm_var_collection: where the moving averages go.
      batch_norm_decay: decay of the moving averages per step.
      batch_norm_epsilon: added to the variance.
      updates_collections: where the updates of the averages go; None runs them at once.
      use_fused_batchnorm: whether batch norm is one operation.
    """
    batch_norm = {
        "decay": batch_norm_decay,
        "epsilon": batch_norm_epsilon,
        "updates_collections": updates_collections,
        "fused": use_fused_batchnorm,
        "variables_collections": {
            "moving_mean": [batch_norm_var_collection],
            "moving_variance": [batch_norm_var_collection],
        },
    }
    decay = slim.l2_regularizer(weight_decay)
    with (
        slim.arg_scope([slim.conv2d, slim.fully_connected], weights_regularizer=decay),
        slim.arg_scope(
            [slim.conv2d],
            weights_initializer=slim.variance_scaling_initializer(),
            activation_fn=tf.nn.relu,
            normalizer_fn=slim.batch_norm,
            normalizer_params=batch_norm,
        ) as scope,
    ):
        return scope


def trunc_normal(stddev: float) -> Initializer:
    """Returns the truncated normal initializer with mean 0 (002-E09, E10)."""
    return tf.truncated_normal_initializer(0.0, stddev)


def _reduced_kernel_size_for_small_input(input_tensor: Tensor, kernel_size: list[int]) -> list[int]:
    """Cuts ``kernel_size`` to the size of a map [N, H, W, C] whose H and W are known (002-E08)."""
    height, width = input_tensor.shape[1:3].as_list()
    if height is None or width is None:
        return kernel_size
    return [min(height, kernel_size[0]), min(width, kernel_size[1])]


def _squeeze(net: Tensor) -> Tensor:
    """Squeezes [N, 1, 1, C] to [N, C]; takes an unknown height and width for 1."""
    if any(side not in (1, None) for side in net.shape[1:3].as_list()):
        raise BadInputError(
            f"images this large leave a map of {net.shape[1]}x{net.shape[2]} logits: pass "
            "spatial_squeeze=False, or global_pool=True with create_aux_logits=False"
        )
    return tf.squeeze(net, [1, 2], name="SpatialSqueeze")


def inception_v3_base(
    inputs: Tensor,
    scope: Scope = None,
    *,
    final_endpoint: str = "Mixed_7c",
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
) -> NetOutputs:
    """Builds the base, up to one of its 18 end points.

    Args:
      inputs: float32 [N, H, W, 3]; N, H and W may be unknown.
      scope: variable scope, InceptionV3 if None.
      final_endpoint: Conv2d_1a_3x3 ... MaxPool_5a_3x3 or Mixed_5b ... Mixed_7c.
      min_depth: fewest filters of a layer; matters where depth_multiplier is below 1.
      depth_multiplier: factor on the filters of every layer.

    Returns: the final end point, and all end points in order of construction.
    Raises: BadInputError for an unknown final_endpoint or images too small to reach it.
    """
    depth = _scale_depth(depth_multiplier, min_depth)
    _check_end_point(final_endpoint)
    smallest = smallest_image(final_endpoint)
    _check_size(inputs, smallest, f"{final_endpoint} of inception_v3 needs {smallest}x{smallest}")
    end_points: EndPoints = {}
    windowed = [slim.conv2d, slim.max_pool2d, slim.avg_pool2d]
    with (
        default_arg_scope(inception_v3_arg_scope()),
        tf.variable_scope(scope, "InceptionV3", [inputs]),
    ):
        with slim.arg_scope(windowed, stride=1, padding="VALID"):
            net = _build_stem(inputs, depth, final_endpoint, end_points)
        if final_endpoint in end_points:
            return net, end_points
        with slim.arg_scope(windowed, stride=1, padding="SAME"):
            for name, build_module in MODULES.items():
                net = build_module(net, depth)
                end_points[name] = net
                if name == final_endpoint:
                    break
    return net, end_points


def _build_stem(
    inputs: Tensor, depth: modules.Depth, final_endpoint: str, end_points: EndPoints
) -> Tensor:
    """Builds the plain layers, up to ``final_endpoint``, and adds them to the end points."""
    # 149 x 149 x 32; (299 - 3) / 2 + 1 = 149
    net = slim.conv2d(inputs, depth(32), [3, 3], stride=2, scope="Conv2d_1a_3x3")
    end_points["Conv2d_1a_3x3"] = net
    if final_endpoint == "Conv2d_1a_3x3":
        return net
    # 147 x 147 x 32; 149 - 3 + 1 = 147
    net = slim.conv2d(net, depth(32), [3, 3], scope="Conv2d_2a_3x3")
    end_points["Conv2d_2a_3x3"] = net
    if final_endpoint == "Conv2d_2a_3x3":
        return net
    # 147 x 147 x 64
    net = slim.conv2d(net, depth(64), [3, 3], padding="SAME", scope="Conv2d_2b_3x3")
    end_points["Conv2d_2b_3x3"] = net
    if final_endpoint == "Conv2d_2b_3x3":
        return net
    # 73 x 73 x 64; (147 - 3) / 2 + 1 = 73
    net = slim.max_pool2d(net, [3, 3], stride=2, scope="MaxPool_3a_3x3")
    end_points["MaxPool_3a_3x3"] = net
    if final_endpoint == "MaxPool_3a_3x3":
        return net
    # 73 x 73 x 80
    net = slim.conv2d(net, depth(80), [1, 1], scope="Conv2d_3b_1x1")
    end_points["Conv2d_3b_1x1"] = net
    if final_endpoint == "Conv2d_3b_1x1":
        return net
    # 71 x 71 x 192; 73 - 3 + 1 = 71; without reuse: 002-E16
    net = slim.conv2d(net, depth(192), [3, 3], scope="Conv2d_4a_3x3")
    end_points["Conv2d_4a_3x3"] = net
    if final_endpoint == "Conv2d_4a_3x3":
        return net
    # 35 x 35 x 192; (71 - 3) / 2 + 1 = 35
    net = slim.max_pool2d(net, [3, 3], stride=2, scope="MaxPool_5a_3x3")
    end_points["MaxPool_5a_3x3"] = net
    return net


def _build_aux_logits(
    aux_logits: Tensor, num_classes: int, depth: modules.Depth, spatial_squeeze: bool
) -> Tensor:
    """Builds the auxiliary head on Mixed_6e, float32 [N, H, W, C]."""
    with tf.variable_scope("AuxLogits"):
        # 5 x 5 x 768; (17 - 5) / 3 + 1 = 5
        aux_logits = slim.avg_pool2d(
            aux_logits,
            [AUX_WINDOW, AUX_WINDOW],
            stride=3,
            padding="VALID",
            scope="AvgPool_1a_5x5",
        )
        # 5 x 5 x 128
        aux_logits = slim.conv2d(aux_logits, depth(128), [1, 1], scope="Conv2d_1b_1x1")
        kernel_size = _reduced_kernel_size_for_small_input(aux_logits, [5, 5])
        # 1 x 1 x 768; the scope bears the size of the kernel: 002-E25
        aux_logits = slim.conv2d(
            aux_logits,
            depth(768),
            kernel_size,
            weights_initializer=trunc_normal(0.01),
            padding="VALID",
            scope="Conv2d_2a_{}x{}".format(*kernel_size),
        )
        # 1 x 1 x 1000
        aux_logits = slim.conv2d(
            aux_logits,
            num_classes,
            [1, 1],
            activation_fn=None,
            normalizer_fn=None,
            weights_initializer=trunc_normal(0.001),
            scope="Conv2d_2b_1x1",
        )
        if spatial_squeeze:
            aux_logits = _squeeze(aux_logits)  # (N, 1000)
    return aux_logits


def _pool(net: Tensor, global_pool: bool, end_points: EndPoints) -> Tensor:
    """Pools the last map [N, H, W, C] and adds the result to the end points."""
    if global_pool:
        net = tf.reduce_mean(net, [1, 2], keepdims=True, name="GlobalPool")  # 1 x 1 x 2048
        end_points["global_pool"] = net
        return net
    kernel_size = _reduced_kernel_size_for_small_input(net, [8, 8])
    # 1 x 1 x 2048; an end point that slim does not list: 002-E28
    net = slim.avg_pool2d(
        net,
        kernel_size,
        stride=2,
        padding="VALID",
        scope="AvgPool_1a_{}x{}".format(*kernel_size),
    )
    end_points["AvgPool_1a"] = net
    return net


def _build_logits(net: Tensor, num_classes: int, spatial_squeeze: bool) -> Tensor:
    """Builds the last layer on the pooled features [N, 1, 1, C]."""
    # 1 x 1 x 1000
    logits = slim.conv2d(
        net,
        num_classes,
        [1, 1],
        activation_fn=None,
        normalizer_fn=None,
        scope="Conv2d_1c_1x1",
    )
    if spatial_squeeze:
        logits = _squeeze(logits)  # (N, 1000)
    return logits


def inception_v3(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: Scope = "InceptionV3",
    dropout_keep_prob: float = 0.8,
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
    prediction_fn: Callable[..., Tensor] = slim.softmax,
    spatial_squeeze: bool = True,
    create_aux_logits: bool = True,
    global_pool: bool = False,
) -> NetOutputs:
    """Builds Inception V3 with both heads.

    slim's own order of parameters is that of ``tf.contrib.slim.nets.inception.inception_v3``.

    Args:
      images: float32 [N, H, W, 3] in [-1, 1]; N, H and W may be unknown.
      num_classes: 1000 in the document, 1001 in the published checkpoint (002-E26); None or 0
        leaves out the heads and returns the pooled features [N, 1, 1, 2048].
      is_training: bool or bool tensor, for batch norm and dropout.
      reuse, scope: as in ``tf.variable_scope``. min_depth, depth_multiplier: as in
        ``inception_v3_base``. dropout_keep_prob: share of the features that dropout keeps.
      prediction_fn: makes the end point Predictions from (logits, scope=...).
      spatial_squeeze: logits [N, num_classes] rather than [N, 1, 1, num_classes].
      create_aux_logits: whether to build the auxiliary head (10 variables).
      global_pool: mean of the complete map in place of the 8x8 pool, for large images.

    Returns: logits, and the end points in order of construction.
    Raises: BadInputError for a depth_multiplier of 0 or less, images too small for the base or
      the auxiliary head, or too large for spatial_squeeze.
    """
    depth = _scale_depth(depth_multiplier, min_depth)
    _check_images(images, bool(num_classes) and create_aux_logits)
    with (
        default_arg_scope(inception_v3_arg_scope()),
        slim.arg_scope([slim.conv2d], stride=1, padding="SAME"),
        slim.arg_scope([slim.batch_norm, slim.dropout], is_training=is_training),
        tf.variable_scope(scope, "InceptionV3", [images], reuse=reuse) as opened,
    ):
        net, end_points = inception_v3_base(
            images, opened, min_depth=min_depth, depth_multiplier=depth_multiplier
        )
        if num_classes and create_aux_logits:
            end_points["AuxLogits"] = _build_aux_logits(
                end_points["Mixed_6e"], num_classes, depth, spatial_squeeze
            )
        with tf.variable_scope("Logits"):
            net = _pool(net, global_pool, end_points)
            if not num_classes:
                return net, end_points
            net = slim.dropout(net, keep_prob=dropout_keep_prob, scope="Dropout_1b")
            end_points["PreLogits"] = net
            logits = _build_logits(net, num_classes, spatial_squeeze)
        end_points["Logits"] = logits
        end_points["Predictions"] = prediction_fn(logits, scope="Predictions")
    return logits, end_points


inception_v3.default_image_size = 299  # type: ignore[attr-defined]
