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

from collections.abc import Callable, Iterator

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.cnn_lstm import check_residual
from legacy_nets.nets.parts.layer_names import layer_names
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Size, Tensor


def conv3d_layer(
    inputs: Tensor,
    filters: int,
    kernel_size: Size,
    strides: Size,
    padding: str,
    *,
    activation: Callable[[Tensor], Tensor] | None = tf.nn.relu,
    names: Iterator[str] | None = None,
) -> Tensor:
    """Builds convolution, bias, ReLU: float32 [N, T, H, W, C] -> [N, T', H', W', filters].

    The layer takes the next of ``names``; without them, TensorFlow numbers it.
    """
    return tf.layers.conv3d(
        inputs=inputs,
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        activation=activation,
        name=next(names) if names else None,
    )


def residual_3d_block(
    inputs: Tensor,
    filters: int,
    kernel_size: Size,
    strides: Size,
    padding: str,
    *,
    names: Iterator[str] | None = None,
) -> Tensor:
    """Adds two ``conv3d_layer`` to the input: float32 [N, T, H, W, filters] -> the same shape.

    Raises: BadInputError unless the input has ``filters`` channels, ``strides`` is 1 and
    ``padding`` is "same".
    """
    check_residual(inputs, filters, strides, padding, "residual_3d_block")
    conv1 = conv3d_layer(inputs, filters, kernel_size, strides, padding, names=names)
    conv2 = conv3d_layer(conv1, filters, kernel_size, strides, padding, names=names)
    return tf.add(conv2, inputs)  # 000-E09


def residual_2plus1d_block(
    inputs: Tensor,
    filters: int,
    kernel_size: int,
    strides: Size,
    padding: str,
    *,
    names: Iterator[str] | None = None,
) -> Tensor:
    """Adds a convolution in space, one in time and a linear 1x1x1 one to the input.

    float32 [N, T, H, W, filters] -> the same shape; raises as ``residual_3d_block``.
    """
    check_residual(inputs, filters, strides, padding, "residual_2plus1d_block")
    space, time = (1, kernel_size, kernel_size), (kernel_size, 1, 1)
    conv1 = conv3d_layer(inputs, filters, space, strides, padding, names=names)
    conv2 = conv3d_layer(conv1, filters, time, strides, padding, names=names)
    conv3 = conv3d_layer(conv2, filters, (1, 1, 1), strides, padding, activation=None, names=names)
    return tf.add(conv3, inputs)


def three_layers_3d_resnet(inputs: Tensor) -> Tensor:
    """Builds the 3D ResNet: float32 [N, T, H, W, C] -> [N, T/8, H/8, W/8, 512], rounded up."""
    return _build_3d(inputs, None)["residual6"]


def _build_3d(inputs: Tensor, names: Iterator[str] | None) -> EndPoints:
    """Builds the 3D ResNet; shapes are for clips of 16x112x112. Returns the end points."""
    conv1 = conv3d_layer(inputs, 64, 3, 1, "same", names=names)  # (N, 16, 112, 112, 64)
    conv2 = conv3d_layer(conv1, 128, 3, 2, "same", names=names)  # (N, 8, 56, 56, 128)
    residual1 = residual_3d_block(conv2, 128, 3, 1, "same", names=names)  # (N, 8, 56, 56, 128)
    residual2 = residual_3d_block(residual1, 128, 3, 1, "same", names=names)  # (N, 8, 56, 56, 128)
    conv3 = conv3d_layer(residual2, 256, 3, 2, "same", names=names)  # (N, 4, 28, 28, 256)
    residual3 = residual_3d_block(conv3, 256, 3, 1, "same", names=names)  # (N, 4, 28, 28, 256)
    residual4 = residual_3d_block(residual3, 256, 3, 1, "same", names=names)  # (N, 4, 28, 28, 256)
    conv4 = conv3d_layer(residual4, 512, 3, 2, "same", names=names)  # (N, 2, 14, 14, 512)
    residual5 = residual_3d_block(conv4, 512, 3, 1, "same", names=names)  # (N, 2, 14, 14, 512)
    residual6 = residual_3d_block(residual5, 512, 3, 1, "same", names=names)  # (N, 2, 14, 14, 512)
    return {
        "conv1": conv1,
        **{"conv2": conv2, "residual1": residual1, "residual2": residual2},
        **{"conv3": conv3, "residual3": residual3, "residual4": residual4},
        **{"conv4": conv4, "residual5": residual5, "residual6": residual6},
    }


def three_layers_2plus1d_resnet(inputs: Tensor) -> Tensor:
    """Builds the ResNet (2+1)D: float32 [N, T, H, W, C] -> [N, T, H/16, W/16, 256], rounded up."""
    return _build_2plus1d(inputs, None)["residual6"]


def _build_2plus1d(inputs: Tensor, names: Iterator[str] | None) -> EndPoints:
    """Builds the ResNet (2+1)D; shapes are for clips of 16x112x112. Returns the end points."""
    halve = (1, 2, 2)  # space, not time: 000-E15
    conv1 = conv3d_layer(inputs, 64, (1, 7, 7), halve, "same", names=names)  # (N, 16, 56, 56, 64)
    # (N, 16, 28, 28, 64)
    pool1 = tf.layers.max_pooling3d(
        inputs=conv1, pool_size=(1, 3, 3), strides=halve, padding="same"
    )
    # (N, 16, 28, 28, 64)
    residual1 = residual_2plus1d_block(pool1, 64, 3, 1, "same", names=names)
    # (N, 16, 28, 28, 64)
    residual2 = residual_2plus1d_block(residual1, 64, 3, 1, "same", names=names)
    # (N, 16, 14, 14, 128)
    conv2 = conv3d_layer(residual2, 128, (1, 3, 3), halve, "same", names=names)
    # (N, 16, 14, 14, 128)
    residual3 = residual_2plus1d_block(conv2, 128, 3, 1, "same", names=names)
    # (N, 16, 14, 14, 128)
    residual4 = residual_2plus1d_block(residual3, 128, 3, 1, "same", names=names)
    # (N, 16, 7, 7, 256)
    conv3 = conv3d_layer(residual4, 256, (1, 3, 3), halve, "same", names=names)
    # (N, 16, 7, 7, 256)
    residual5 = residual_2plus1d_block(conv3, 256, 3, 1, "same", names=names)
    # (N, 16, 7, 7, 256)
    residual6 = residual_2plus1d_block(residual5, 256, 3, 1, "same", names=names)
    return {
        **{"conv1": conv1, "pool1": pool1, "residual1": residual1, "residual2": residual2},
        **{"conv2": conv2, "residual3": residual3, "residual4": residual4},
        **{"conv3": conv3, "residual5": residual5, "residual6": residual6},
    }


def three_layers_3d_resnet_2plus1d(inputs: Tensor) -> Tensor:
    """Builds both: float32 [N, T, H, W, C] -> [N, T/8, H/128, W/128, 256], rounded up."""
    return _build_both(inputs, None)["2plus1d/residual6"]


def _build_both(inputs: Tensor, names: Iterator[str] | None) -> EndPoints:
    """Builds one net after the other; the keys of the end points tell them apart."""
    first = _build_3d(inputs, names)
    second = _build_2plus1d(first["residual6"], names)
    return {
        **{f"3d/{key}": point for key, point in first.items()},
        **{f"2plus1d/{key}": point for key, point in second.items()},
    }


def _build_net(
    name: str,
    build: Callable[[Tensor, Iterator[str] | None], EndPoints],
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
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        end_points = build(clips, layer_names("conv3d"))
        x = next(reversed(end_points.values()))
        if num_classes is None:
            return x, end_points
        x = tf.reduce_mean(x, axis=[1, 2, 3])  # (N, 512) or (N, 256)
        end_points["global_pool"] = x
        logits = tf.layers.dense(x, num_classes, name="dense")  # (N, num_classes)
        end_points["logits"] = logits
        return logits, end_points


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
    return _build_net("resnet_3d", _build_3d, 5, clips, num_classes, reuse, scope)


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
    return _build_net("resnet_2plus1d", _build_2plus1d, 9, clips, num_classes, reuse, scope)


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
    return _build_net("resnet_3d_2plus1d", _build_both, 9, clips, num_classes, reuse, scope)
