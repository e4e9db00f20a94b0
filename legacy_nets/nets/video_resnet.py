"""3D ResNet and ResNet (2+1)D for video clips, as small as the document writes them.

Papers:  [1] R(2+1)D, arXiv:1711.11248  [2] residual blocks, arXiv:1512.03385
Source:  tutorial document 000, section 3D CNN
Input:   NTHWC float32, 16 frames of 112x112, RGB in [0, 1]
Names:   conv3d/kernel, conv3d/bias, conv3d_1/kernel, ...; the optional head: dense/kernel
Differs: 000-E04, E05 the (2+1)D layers are conv3d and max_pooling3d: conv2d takes no 3-tuples
         000-E06 the (2+1)D block honours ``padding``: it refuses what it would have ignored
         000-E07, E08 a residual block refuses strides, padding and channels that do not fit
         000-E09 kept: ReLU before the sum of a 3D block, nothing after it
         000-E10 clips must be so large that each stem reads more than a pixel
         000-E11 a head for training is added: global average pool and a dense layer
         000-E14 kept: "three layers" are four plain convolutions, with residual blocks between
         000-E15 kept: stem and down-sampling of (2+1)D are spatial only, it keeps all frames
         000-E16 this is not torchvision's r2plus1d_18, whose weights do not fit
"""

from __future__ import annotations

from collections.abc import Callable

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.residual import check_residual
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Size, Tensor


def conv3d_layer(
    inputs: Tensor, filters: int, kernel_size: Size, strides: Size, padding: str
) -> Tensor:
    """Builds convolution, bias, ReLU: float32 [N, T, H, W, C] -> [N, T', H', W', filters].

    TensorFlow names the layer: conv3d, conv3d_1, ...
    """
    conv = tf.layers.conv3d(
        inputs=inputs,
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        activation=tf.nn.relu,
    )
    return conv


def residual_3d_block(
    inputs: Tensor, filters: int, kernel_size: Size, strides: Size, padding: str
) -> Tensor:
    """Adds two ``conv3d_layer`` to the input: float32 [N, T, H, W, filters] -> the same shape.

    Raises: BadInputError unless the input has ``filters`` channels, ``strides`` is 1 and
    ``padding`` is "same".
    """
    check_residual(inputs, filters, strides, padding, "residual_3d_block")  # 000-E07, E08
    conv1 = conv3d_layer(inputs, filters, kernel_size, strides, padding)  # (N, T, H, W, C)
    conv2 = conv3d_layer(conv1, filters, kernel_size, strides, padding)  # (N, T, H, W, C)
    residual_connection = tf.add(conv2, inputs)  # (N, T, H, W, C); 000-E09
    return residual_connection


def residual_2plus1d_block(
    inputs: Tensor, filters: int, kernel_size: int, strides: Size, padding: str
) -> Tensor:
    """Adds a convolution in space, one in time and a linear 1x1x1 one to the input.

    float32 [N, T, H, W, filters] -> the same shape; raises as ``residual_3d_block``.
    """
    check_residual(inputs, filters, strides, padding, "residual_2plus1d_block")  # 000-E06 to E08
    # 000-E04: conv3d, not conv2d; the strides are 1. (N, T, H, W, C)
    conv1 = conv3d_layer(inputs, filters, (1, kernel_size, kernel_size), strides, padding)
    conv2 = conv3d_layer(conv1, filters, (kernel_size, 1, 1), strides, padding)  # (N, T, H, W, C)
    # (N, T, H, W, C)
    conv3 = tf.layers.conv3d(conv2, filters, (1, 1, 1), strides, padding, activation=None)
    residual_connection = tf.add(conv3, inputs)  # (N, T, H, W, C)
    return residual_connection


def three_layers_3d_resnet(inputs: Tensor, *, end_points: EndPoints | None = None) -> Tensor:
    """Builds the 3D ResNet: float32 [N, T, H, W, C] -> [N, T/8, H/8, W/8, 512], rounded up.

    Shapes are for clips of 16x112x112. Adds to the end points.
    """
    points: EndPoints = {} if end_points is None else end_points
    # (N, 16, 112, 112, 64)
    points["conv1"] = conv1 = conv3d_layer(inputs, 64, 3, 1, "same")
    # (N, 8, 56, 56, 128)
    points["conv2"] = conv2 = conv3d_layer(conv1, 128, 3, 2, "same")
    # (N, 8, 56, 56, 128)
    points["residual1"] = residual1 = residual_3d_block(conv2, 128, 3, 1, "same")
    # (N, 8, 56, 56, 128)
    points["residual2"] = residual2 = residual_3d_block(residual1, 128, 3, 1, "same")
    # (N, 4, 28, 28, 256)
    points["conv3"] = conv3 = conv3d_layer(residual2, 256, 3, 2, "same")
    # (N, 4, 28, 28, 256)
    points["residual3"] = residual3 = residual_3d_block(conv3, 256, 3, 1, "same")
    # (N, 4, 28, 28, 256)
    points["residual4"] = residual4 = residual_3d_block(residual3, 256, 3, 1, "same")
    # (N, 2, 14, 14, 512)
    points["conv4"] = conv4 = conv3d_layer(residual4, 512, 3, 2, "same")
    # (N, 2, 14, 14, 512)
    points["residual5"] = residual5 = residual_3d_block(conv4, 512, 3, 1, "same")
    # (N, 2, 14, 14, 512)
    points["residual6"] = residual6 = residual_3d_block(residual5, 512, 3, 1, "same")
    return residual6


def three_layers_2plus1d_resnet(inputs: Tensor, *, end_points: EndPoints | None = None) -> Tensor:
    """Builds the ResNet (2+1)D: float32 [N, T, H, W, C] -> [N, T, H/16, W/16, 256], rounded up.

    Shapes are for clips of 16x112x112, and for what the 3D ResNet makes of them. Adds to the end
    points. 000-E05: conv3d and max_pooling3d, not conv2d and max_pooling2d.
    """
    points: EndPoints = {} if end_points is None else end_points
    # (N, 16, 56, 56, 64) or (N, 2, 7, 7, 64); strides in space, not in time: 000-E15
    points["conv1"] = conv1 = conv3d_layer(inputs, 64, (1, 7, 7), (1, 2, 2), "same")
    # (N, 16, 28, 28, 64) or (N, 2, 4, 4, 64)
    points["pool1"] = pool1 = tf.layers.max_pooling3d(
        inputs=conv1, pool_size=(1, 3, 3), strides=(1, 2, 2), padding="same"
    )
    # (N, 16, 28, 28, 64) or (N, 2, 4, 4, 64)
    points["residual1"] = residual1 = residual_2plus1d_block(pool1, 64, 3, 1, "same")
    # (N, 16, 28, 28, 64) or (N, 2, 4, 4, 64)
    points["residual2"] = residual2 = residual_2plus1d_block(residual1, 64, 3, 1, "same")
    # (N, 16, 14, 14, 128) or (N, 2, 2, 2, 128)
    points["conv2"] = conv2 = conv3d_layer(residual2, 128, (1, 3, 3), (1, 2, 2), "same")
    # (N, 16, 14, 14, 128) or (N, 2, 2, 2, 128)
    points["residual3"] = residual3 = residual_2plus1d_block(conv2, 128, 3, 1, "same")
    # (N, 16, 14, 14, 128) or (N, 2, 2, 2, 128)
    points["residual4"] = residual4 = residual_2plus1d_block(residual3, 128, 3, 1, "same")
    # (N, 16, 7, 7, 256) or (N, 2, 1, 1, 256)
    points["conv3"] = conv3 = conv3d_layer(residual4, 256, (1, 3, 3), (1, 2, 2), "same")
    # (N, 16, 7, 7, 256) or (N, 2, 1, 1, 256)
    points["residual5"] = residual5 = residual_2plus1d_block(conv3, 256, 3, 1, "same")
    # (N, 16, 7, 7, 256) or (N, 2, 1, 1, 256)
    points["residual6"] = residual6 = residual_2plus1d_block(residual5, 256, 3, 1, "same")
    return residual6


def three_layers_3d_resnet_2plus1d(
    inputs: Tensor, *, end_points: EndPoints | None = None
) -> Tensor:
    """Builds both: float32 [N, T, H, W, C] -> [N, T/8, H/128, W/128, 256], rounded up.

    Adds to the end points, whose keys begin with "3d/" and "2plus1d/".
    """
    points_3d: EndPoints = {}
    points_2plus1d: EndPoints = {}
    # (N, 2, 14, 14, 512)
    three_layers_3d_resnet_output = three_layers_3d_resnet(inputs, end_points=points_3d)
    # (N, 2, 1, 1, 256)
    three_layers_2plus1d_resnet_output = three_layers_2plus1d_resnet(
        three_layers_3d_resnet_output, end_points=points_2plus1d
    )
    if end_points is not None:
        end_points |= {f"3d/{key}": point for key, point in points_3d.items()}
        end_points |= {f"2plus1d/{key}": point for key, point in points_2plus1d.items()}
    return three_layers_2plus1d_resnet_output


def resnet_3d(
    clips: Tensor,
    num_classes: int | None = None,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
) -> NetOutputs:
    """Builds ``three_layers_3d_resnet`` in the net contract of this package.

    Args:
      clips: float32 [N, T, H, W, C] in [0, 1]; 16x112x112x3 in the records of this package.
      num_classes: units of the head (global average pool, dense layer); None leaves it out.
      is_training: nothing here depends on it.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.

    Returns: logits [N, num_classes], or the last map without classes; and the end points in
    order of construction.
    Raises: BadInputError for anything but clips, and for frames below 5x5 pixels.
    """
    # 5 pixels: 5-3-2-1, each stride has something to halve
    return _build_net("resnet_3d", three_layers_3d_resnet, 5, clips, num_classes, reuse, scope)


def resnet_2plus1d(
    clips: Tensor,
    num_classes: int | None = None,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
) -> NetOutputs:
    """Builds ``three_layers_2plus1d_resnet``; see ``resnet_3d``. The smallest frame: 9x9."""
    # 9 pixels: 9-5-3-2-1
    return _build_net(
        "resnet_2plus1d", three_layers_2plus1d_resnet, 9, clips, num_classes, reuse, scope
    )


def resnet_3d_2plus1d(
    clips: Tensor,
    num_classes: int | None = None,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
) -> NetOutputs:
    """Builds ``three_layers_3d_resnet_2plus1d``; see ``resnet_3d``. The smallest frame: 9x9."""
    # 9 pixels: 9-5-3-2, the second stem reads more than a pixel. The document's 112 give it 14x14,
    # of which 1x1 is left at the end; only from 129 pixels on is it more (000-E10).
    return _build_net(
        "resnet_3d_2plus1d", three_layers_3d_resnet_2plus1d, 9, clips, num_classes, reuse, scope
    )


def _build_net(
    name: str,
    build: Callable[..., Tensor],
    smallest: int,
    clips: Tensor,
    num_classes: int | None,
    reuse: Reuse,
    scope: str,
) -> NetOutputs:
    """Checks the clips, and builds a net, with the head where there are classes (000-E11)."""
    if clips.shape.rank != 5:
        raise BadInputError(f"{name} takes clips [N, T, H, W, C], not {clips.shape}")
    frames, height, width = clips.shape.as_list()[1:4]
    if any(side is not None and side < smallest for side in (height, width)) or frames == 0:
        raise BadInputError(
            f"clips of {frames}x{height}x{width} (frames, height, width) are too small for "
            f"{name}: the smallest is 1x{smallest}x{smallest}"
        )
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = build(clips, end_points=end_points)
        if num_classes is None:
            return x, end_points
        end_points["global_pool"] = x = tf.reduce_mean(x, axis=[1, 2, 3])  # (N, 512) or (N, 256)
        end_points["logits"] = logits = tf.layers.dense(x, num_classes)  # (N, num_classes)
        return logits, end_points
