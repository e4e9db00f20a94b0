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
         002-E17 trunk (inception_v3_base) and heads (inception_v3) are two functions
         002-E22, E23, E24 the odd scope names stay: published checkpoints have them
         002-E25 the auxiliary head's kernel, and the variable name with it, shrinks with the
         image: Conv2d_2a_5x5 at 299, 3x3 at 224, 1x1 from 107 to 154
         002-E28 end point AvgPool_1a, which tf.contrib.slim does not list
         create_aux_logits and global_pool, which tf.contrib.slim does not have
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, find_nearest
from legacy_nets.nets.slim_defaults import default_arg_scope

slim = tf.contrib.slim


class Layer(NamedTuple):
    """One convolution, or one pool where ``filters`` is None."""

    scope: str  # ends in the kernel, as in 1x7, save where ``kernel`` says otherwise
    filters: int | None = None
    stride: int = 1
    padding: str = "SAME"
    kernel: tuple[int, int] | None = None

    def window(self) -> tuple[int, int]:
        """Height and width of the kernel."""
        height, width = self.scope.rsplit("_", 1)[1].split("x")
        return self.kernel or (int(height), int(width))


# A branch is a chain of layers; layers that stand in a list read the same map side by side.
Branch = tuple[Layer | list[Layer], ...]

STEM = (  # 299 x 299 x 3
    Layer("Conv2d_1a_3x3", 32, 2, "VALID"),  # 149 x 149 x 32
    Layer("Conv2d_2a_3x3", 32, 1, "VALID"),  # 147 x 147 x 32
    Layer("Conv2d_2b_3x3", 64),  # 147 x 147 x 64
    Layer("MaxPool_3a_3x3", None, 2, "VALID"),  # 73 x 73 x 64
    Layer("Conv2d_3b_1x1", 80, 1, "VALID"),  # 73 x 73 x 80
    Layer("Conv2d_4a_3x3", 192, 1, "VALID"),  # 71 x 71 x 192
    Layer("MaxPool_5a_3x3", None, 2, "VALID"),  # 35 x 35 x 192
)


def _chain(*layers: tuple[str, int] | list[tuple[str, int]]) -> Branch:
    """A branch of convolutions, each given as the end of its scope and its filters."""
    return tuple(
        [Layer(f"Conv2d_{end}", filters) for end, filters in layer]
        if isinstance(layer, list)
        else Layer(f"Conv2d_{layer[0]}", layer[1])
        for layer in layers
    )


def _pooled(filters: int) -> Branch:
    return (Layer("AvgPool_0a_3x3"), Layer("Conv2d_0b_1x1", filters))


def _module_5(pool: int, double: Branch | None = None) -> tuple[Branch, ...]:
    """[1] figure 5, with a 5x5 left whole and ``pool`` filters behind the pool."""
    return (
        _chain(("0a_1x1", 64)),
        double or _chain(("0a_1x1", 48), ("0b_5x5", 64)),
        _chain(("0a_1x1", 64), ("0b_3x3", 96), ("0c_3x3", 96)),
        _pooled(pool),
    )


def _module_6(n: int) -> tuple[Branch, ...]:
    """[1] figure 6: 7x7 factorised into 1x7 and 7x1, n filters wide."""
    return (
        _chain(("0a_1x1", 192)),
        _chain(("0a_1x1", n), ("0b_1x7", n), ("0c_7x1", 192)),
        _chain(("0a_1x1", n), ("0b_7x1", n), ("0c_1x7", n), ("0d_7x1", n), ("0e_1x7", 192)),
        _pooled(192),
    )


def _module_7(tall: str) -> tuple[Branch, ...]:
    """[1] figure 7: 1x3 and 3x1 side by side; ``tall`` names the first 3x1."""
    return (
        _chain(("0a_1x1", 320)),
        _chain(("0a_1x1", 384), [("0b_1x3", 384), (tall, 384)]),
        _chain(("0a_1x1", 448), ("0b_3x3", 384), [("0c_1x3", 384), ("0d_3x1", 384)]),
        _pooled(192),
    )


MODULES: dict[str, tuple[Branch, ...]] = {
    "Mixed_5b": _module_5(32),  # 35 x 35 x 256
    # 35 x 35 x 288; odd names: 002-E22
    "Mixed_5c": _module_5(64, (Layer("Conv2d_0b_1x1", 48), Layer("Conv_1_0c_5x5", 64))),
    "Mixed_5d": _module_5(64),  # 35 x 35 x 288
    "Mixed_6a": (  # 17 x 17 x 768; two 3x3 kernels are called 1x1: 002-E23
        (Layer("Conv2d_1a_1x1", 384, 2, "VALID", (3, 3)),),
        (
            *_chain(("0a_1x1", 64), ("0b_3x3", 96)),
            Layer("Conv2d_1a_1x1", 96, 2, "VALID", (3, 3)),
        ),
        (Layer("MaxPool_1a_3x3", None, 2, "VALID"),),
    ),
    "Mixed_6b": _module_6(128),  # 17 x 17 x 768
    "Mixed_6c": _module_6(160),  # 17 x 17 x 768
    "Mixed_6d": _module_6(160),  # 17 x 17 x 768
    "Mixed_6e": _module_6(192),  # 17 x 17 x 768
    "Mixed_7a": (  # 8 x 8 x 1280
        (*_chain(("0a_1x1", 192)), Layer("Conv2d_1a_3x3", 320, 2, "VALID")),
        (
            *_chain(("0a_1x1", 192), ("0b_1x7", 192), ("0c_7x1", 192)),
            Layer("Conv2d_1a_3x3", 192, 2, "VALID"),
        ),
        (Layer("MaxPool_1a_3x3", None, 2, "VALID"),),
    ),
    "Mixed_7b": _module_7("0b_3x1"),  # 8 x 8 x 2048; the same layer has
    "Mixed_7c": _module_7("0c_3x1"),  # 8 x 8 x 2048; another name here: 002-E24
}
LINEAR = {"activation_fn": None, "normalizer_fn": None}  # for the two layers of logits
AUX_WINDOW = 5  # side of the auxiliary head's pool, which reads Mixed_6e


def smallest_image(end_point: str = "Mixed_7c", side: int = 1) -> int:
    """Pixels that an image needs per side for a map of ``side`` pixels at ``end_point``."""
    path = {layer.scope: layer for layer in STEM}
    # All branches of a module shrink alike; the last layer of the last one tells how.
    path |= {name: module[0][-1] for name, module in MODULES.items()}  # type: ignore[misc]
    names = list(path)
    for name in reversed(names[: names.index(end_point) + 1]):
        if path[name].padding == "VALID":
            side = (side - 1) * path[name].stride + path[name].window()[0]
    return side


def _check_size(images: Any, smallest: int, advice: str) -> None:
    sides = images.shape[1:3].as_list()
    if any(side is not None and side < smallest for side in sides):
        raise BadInputError(f"images of {sides[0]}x{sides[1]} are too small: {advice}")


def _depth(depth_multiplier: float, min_depth: int) -> Callable[[int], int]:
    """The rule that narrows every layer (002-E06)."""
    if depth_multiplier <= 0:
        raise BadInputError(f"depth_multiplier must be greater than 0, not {depth_multiplier}")
    return lambda filters: max(int(filters * depth_multiplier), min_depth)


def _apply(layer: Layer, net: Any, depth: Callable[[int], int]) -> Any:
    where = {"stride": layer.stride, "padding": layer.padding, "scope": layer.scope}
    if layer.filters is not None:
        return slim.conv2d(net, depth(layer.filters), layer.window(), **where)
    pool = slim.max_pool2d if layer.scope.startswith("Max") else slim.avg_pool2d
    return pool(net, layer.window(), **where)


def _module(branches: tuple[Branch, ...], net: Any, depth: Callable[[int], int]) -> Any:
    """All branches of a module on one map, side by side in the channels."""
    ends = []
    for number, branch in enumerate(branches):
        with tf.variable_scope(f"Branch_{number}"):
            end = net
            for layer in branch:
                if isinstance(layer, list):
                    end = tf.concat([_apply(twin, end, depth) for twin in layer], axis=3)
                else:
                    end = _apply(layer, end, depth)
        ends.append(end)
    return tf.concat(ends, axis=3)


def inception_v3_base(
    inputs: Any,
    final_endpoint: str = "Mixed_7c",
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
    scope: Any = None,
) -> tuple[Any, dict[str, Any]]:
    """The trunk, up to one of its 18 end points.

    Args:
      inputs: float32 [N, H, W, 3]; N, H and W may be unknown.
      final_endpoint: Conv2d_1a_3x3 ... MaxPool_5a_3x3 or Mixed_5b ... Mixed_7c.
      min_depth: fewest filters of a layer; matters where depth_multiplier is below 1.
      depth_multiplier: factor on the filters of every layer.
      scope: variable scope, InceptionV3 if None.

    Returns: the final end point, and all end points in order of construction.
    Raises: BadInputError for an unknown final_endpoint or images too small to reach it.
    """
    depth = _depth(depth_multiplier, min_depth)
    known = [layer.scope for layer in STEM] + list(MODULES)
    if final_endpoint not in known:
        near = find_nearest(str(final_endpoint), known, default=known)
        raise BadInputError(
            f"inception_v3 has no end point {final_endpoint!r}; nearest: {', '.join(near)}"
        )
    smallest = smallest_image(final_endpoint)
    _check_size(inputs, smallest, f"{final_endpoint} of inception_v3 needs {smallest}x{smallest}")
    end_points: dict[str, Any] = {}
    net = inputs
    with (
        default_arg_scope(inception_v3_arg_scope()),
        tf.variable_scope(scope, "InceptionV3", [inputs]),
    ):
        for layer in STEM:
            net = end_points[layer.scope] = _apply(layer, net, depth)
            if layer.scope == final_endpoint:
                return net, end_points
        for name, branches in MODULES.items():
            with tf.variable_scope(name):
                net = end_points[name] = _module(branches, net, depth)
            if name == final_endpoint:
                break
    return net, end_points


def _squeeze(net: Any) -> Any:
    """[N, 1, 1, C] -> [N, C]; an unknown height and width are taken to be 1."""
    if any(side not in (1, None) for side in net.shape[1:3].as_list()):
        raise BadInputError(
            f"images this large leave a map of {net.shape[1]}x{net.shape[2]} logits: pass "
            "spatial_squeeze=False, or global_pool=True with create_aux_logits=False"
        )
    return tf.squeeze(net, [1, 2], name="SpatialSqueeze")


def _aux_logits(net: Any, classes: int, depth: Callable[[int], int], squeeze: bool) -> Any:
    """The auxiliary head on Mixed_6e; shapes at 299 pixels."""
    with tf.variable_scope("AuxLogits"):
        window = [AUX_WINDOW, AUX_WINDOW]
        # 5 x 5 x 768, then 5 x 5 x 128, 1 x 1 x 768, 1 x 1 x classes
        net = slim.avg_pool2d(net, window, stride=3, padding="VALID", scope="AvgPool_1a_5x5")
        net = slim.conv2d(net, depth(128), [1, 1], scope="Conv2d_1b_1x1")
        kernel = _reduced_kernel_size_for_small_input(net, [5, 5])
        name = f"Conv2d_2a_{kernel[0]}x{kernel[1]}"  # 002-E25
        with slim.arg_scope([slim.conv2d], weights_initializer=trunc_normal(0.01)):
            net = slim.conv2d(net, depth(768), kernel, padding="VALID", scope=name)
        with slim.arg_scope([slim.conv2d], weights_initializer=trunc_normal(0.001), **LINEAR):
            net = slim.conv2d(net, classes, [1, 1], scope="Conv2d_2b_1x1")
        return _squeeze(net) if squeeze else net


def inception_v3(
    images: Any,
    num_classes: int | None = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: Any = "InceptionV3",
    dropout_keep_prob: float = 0.8,
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
    prediction_fn: Callable[..., Any] = slim.softmax,
    spatial_squeeze: bool = True,
    create_aux_logits: bool = True,
    global_pool: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Builds Inception V3 with both heads.

    slim's own order of parameters is that of ``tf.contrib.slim.nets.inception.inception_v3``.

    Args:
      images: float32 [N, H, W, 3] in [-1, 1]; N, H and W may be unknown.
      num_classes: 1000 in the document, 1001 in the published checkpoint (002-E26); None or 0
        builds no heads and returns the pooled features [N, 1, 1, 2048].
      is_training: bool or bool tensor, for batch norm and dropout.
      reuse, scope: as in ``tf.variable_scope``.
      dropout_keep_prob: share of the features that dropout keeps in training.
      min_depth, depth_multiplier: as in ``inception_v3_base``.
      prediction_fn: makes the end point Predictions from (logits, scope=...).
      spatial_squeeze: logits [N, num_classes] rather than [N, 1, 1, num_classes].
      create_aux_logits: whether to build the auxiliary head (10 variables).
      global_pool: mean of the complete map in place of the 8x8 pool, for large images.

    Returns: logits, and the end points in order of construction.
    Raises: BadInputError for a depth_multiplier of 0 or less, images too small for the base or
      the auxiliary head, or too large for spatial_squeeze.
    """
    depth = _depth(depth_multiplier, min_depth)
    trunk_side, aux_side = smallest_image(), smallest_image("Mixed_6e", AUX_WINDOW)
    advice = (
        f"the auxiliary head of inception_v3 needs {aux_side}x{aux_side}, the trunk alone "
        f"{trunk_side}x{trunk_side} (create_aux_logits=False)"
    )
    _check_size(images, aux_side if num_classes and create_aux_logits else trunk_side, advice)
    with (
        default_arg_scope(inception_v3_arg_scope()),
        slim.arg_scope([slim.conv2d], stride=1, padding="SAME"),
        slim.arg_scope([slim.batch_norm, slim.dropout], is_training=is_training),
        tf.variable_scope(scope, "InceptionV3", [images], reuse=reuse) as opened,
    ):
        net, end_points = inception_v3_base(
            images, min_depth=min_depth, depth_multiplier=depth_multiplier, scope=opened
        )
        if num_classes and create_aux_logits:
            aux_logits = _aux_logits(end_points["Mixed_6e"], num_classes, depth, spatial_squeeze)
            end_points["AuxLogits"] = aux_logits
        with tf.variable_scope("Logits"):
            if global_pool:
                net = tf.reduce_mean(net, [1, 2], keepdims=True, name="GlobalPool")
                end_points["global_pool"] = net  # 1 x 1 x 2048
            else:
                kernel = _reduced_kernel_size_for_small_input(net, [8, 8])
                pool_scope = f"AvgPool_1a_{kernel[0]}x{kernel[1]}"
                net = slim.avg_pool2d(net, kernel, stride=2, padding="VALID", scope=pool_scope)
                end_points["AvgPool_1a"] = net  # 1 x 1 x 2048; 002-E28
            if not num_classes:
                return net, end_points
            net = slim.dropout(net, keep_prob=dropout_keep_prob, scope="Dropout_1b")
            end_points["PreLogits"] = net
            # 1 x 1 x num_classes
            logits = slim.conv2d(net, num_classes, [1, 1], scope="Conv2d_1c_1x1", **LINEAR)
            if spatial_squeeze:
                logits = _squeeze(logits)
        end_points["Logits"] = logits
        end_points["Predictions"] = prediction_fn(logits, scope="Predictions")
    return logits, end_points


inception_v3.default_image_size = 299  # type: ignore[attr-defined]


def trunc_normal(stddev: float) -> Any:
    """Truncated normal initializer with mean 0 (002-E09, E10)."""
    return tf.truncated_normal_initializer(0.0, stddev)


def _reduced_kernel_size_for_small_input(input_tensor: Any, kernel_size: list[int]) -> list[int]:
    """``kernel_size``, cut down to the map's size where both its sides are known (002-E08)."""
    sides = input_tensor.shape[1:3].as_list()
    if None in sides:
        return kernel_size
    return [min(side, wanted) for side, wanted in zip(sides, kernel_size, strict=True)]


def inception_v3_arg_scope(
    weight_decay: float = 0.00004,
    batch_norm_var_collection: str = "moving_vars",
    batch_norm_decay: float = 0.9997,
    batch_norm_epsilon: float = 0.001,
    updates_collections: Any = tf.GraphKeys.UPDATE_OPS,
    use_fused_batchnorm: bool = True,
) -> dict[Any, dict[str, Any]]:
    """The scope for ``slim.arg_scope`` that the published weights were trained in.

    L2 loss of ``weight_decay`` on kernels; He initializer; batch norm without gamma, whose
    moving averages go into ``batch_norm_var_collection`` and their updates into
    ``updates_collections`` (None runs them at once).
    """
    moving = {key: [batch_norm_var_collection] for key in ("moving_mean", "moving_variance")}
    batch_norm = {
        "decay": batch_norm_decay,
        "epsilon": batch_norm_epsilon,
        "updates_collections": updates_collections,
        "fused": use_fused_batchnorm,
        "variables_collections": moving,
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
