"""3D ResNet and ResNet (2+1)D for clips, as small as the document draws them.

Papers:  [1] R(2+1)D, arXiv:1711.11248  [2] residual blocks, arXiv:1512.03385
Source:  tutorial document 000, section 3D CNN
Input:   NTHWC float32, 16 frames of 112x112, RGB in [0, 1]
Names:   conv3d/kernel, conv3d/bias, conv3d_1/kernel, ...; the optional head: dense/kernel
Differs: 000-E04, E05 the (2+1)D layers are conv3d and max_pooling3d: conv2d takes no 3-tuples
         000-E06 the (2+1)D block honours ``padding``: it refuses what it would have ignored
         000-E07, E08 a residual block refuses strides, padding and channels that do not fit
         000-E09 kept: ReLU before the sum of a 3D block, nothing after it
         000-E10 clips must be large enough that each stem has more than a pixel to look at
         000-E11 a head for training is added: global average pool and a dense layer
         000-E14 kept: "three layers" are four plain convolutions, with residual blocks between
         000-E15 kept: stem and down-sampling of (2+1)D are spatial only, it keeps all frames
         000-E16 this is not torchvision's r2plus1d_18, whose weights do not fit
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.cnn_lstm import check_residual, layer_names


def conv3d_layer(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any,
    padding: str,
    *,
    activation: Any = tf.nn.relu,
    names: Iterator[str] | None = None,
) -> Any:
    """Convolution, bias, ReLU: float32 [N, T, H, W, C] -> [N, T', H', W', filters].

    The layer takes the next of ``names``; without, TF1 numbers it.
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
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any,
    padding: str,
    *,
    names: Iterator[str] | None = None,
) -> Any:
    """Two ``conv3d_layer`` plus the input: float32 [N, T, H, W, filters] -> the same shape.

    Raises: BadInputError unless the input has ``filters`` channels, ``strides`` is 1 and
    ``padding`` is "same".
    """
    check_residual(inputs, filters, strides, padding, "residual_3d_block")
    x = conv3d_layer(inputs, filters, kernel_size, strides, padding, names=names)
    x = conv3d_layer(x, filters, kernel_size, strides, padding, names=names)
    return tf.add(x, inputs)  # 000-E09


def residual_2plus1d_block(
    inputs: Any,
    filters: int,
    kernel_size: int,
    strides: Any,
    padding: str,
    *,
    names: Iterator[str] | None = None,
) -> Any:
    """A convolution in space, one in time, a linear 1x1x1 one, plus the input.

    float32 [N, T, H, W, filters] -> the same shape; raises as ``residual_3d_block``.
    """
    check_residual(inputs, filters, strides, padding, "residual_2plus1d_block")
    space, time = (1, kernel_size, kernel_size), (kernel_size, 1, 1)
    x = conv3d_layer(inputs, filters, space, strides, padding, names=names)
    x = conv3d_layer(x, filters, time, strides, padding, names=names)
    x = conv3d_layer(x, filters, (1, 1, 1), strides, padding, activation=None, names=names)
    return tf.add(x, inputs)


def _trunk_3d(inputs: Any, names: Iterator[str] | None) -> dict[str, Any]:
    """End points of the 3D ResNet; sizes behind the lines are for 16x112x112."""
    end_points = {}
    x = conv3d_layer(inputs, 64, 3, 1, "same", names=names)  # (N, 16, 112, 112, 64)
    end_points["conv1"] = x
    for stage, filters in enumerate((128, 256, 512), 2):
        # (N, 8, 56, 56, 128), (N, 4, 28, 28, 256), (N, 2, 14, 14, 512)
        x = conv3d_layer(x, filters, 3, 2, "same", names=names)
        end_points[f"conv{stage}"] = x
        for number in (2 * stage - 3, 2 * stage - 2):
            x = residual_3d_block(x, filters, 3, 1, "same", names=names)
            end_points[f"residual{number}"] = x
    return end_points


def _trunk_2plus1d(inputs: Any, names: Iterator[str] | None) -> dict[str, Any]:
    """End points of the ResNet (2+1)D; sizes behind the lines are for 16x112x112."""
    end_points = {}
    halve = (1, 2, 2)
    x = conv3d_layer(inputs, 64, (1, 7, 7), halve, "same", names=names)  # (N, 16, 56, 56, 64)
    end_points["conv1"] = x
    x = tf.layers.max_pooling3d(inputs=x, pool_size=(1, 3, 3), strides=halve, padding="same")
    end_points["pool1"] = x  # (N, 16, 28, 28, 64)
    for stage, filters in enumerate((64, 128, 256), 1):
        # (N, 16, 28, 28, 64), (N, 16, 14, 14, 128), (N, 16, 7, 7, 256)
        if stage > 1:
            x = conv3d_layer(x, filters, (1, 3, 3), halve, "same", names=names)
            end_points[f"conv{stage}"] = x
        for number in (2 * stage - 1, 2 * stage):
            x = residual_2plus1d_block(x, filters, 3, 1, "same", names=names)
            end_points[f"residual{number}"] = x
    return end_points


def _trunk_both(inputs: Any, names: Iterator[str] | None) -> dict[str, Any]:
    """One trunk after the other; the keys say which."""
    first = _trunk_3d(inputs, names)
    second = _trunk_2plus1d(_last(first), names)
    return {
        **{f"3d/{key}": point for key, point in first.items()},
        **{f"2plus1d/{key}": point for key, point in second.items()},
    }


def _last(end_points: dict[str, Any]) -> Any:
    return next(reversed(end_points.values()))


def three_layers_3d_resnet(inputs: Any) -> Any:
    """float32 [N, T, H, W, C] -> [N, T/8, H/8, W/8, 512] (sizes rounded up)."""
    return _last(_trunk_3d(inputs, None))


def three_layers_2plus1d_resnet(inputs: Any) -> Any:
    """float32 [N, T, H, W, C] -> [N, T, H/16, W/16, 256] (sizes rounded up)."""
    return _last(_trunk_2plus1d(inputs, None))


def three_layers_3d_resnet_2plus1d(inputs: Any) -> Any:
    """float32 [N, T, H, W, C] -> [N, T/8, H/128, W/128, 256] (sizes rounded up)."""
    return _last(_trunk_both(inputs, None))


def _net(
    name: str,
    trunk: Callable[[Any, Iterator[str] | None], dict[str, Any]],
    smallest: int,
    clips: Any,
    num_classes: int | None,
    reuse: Any,
    scope: str,
) -> tuple[Any, dict[str, Any]]:
    """Checks the clips, and builds a trunk with the head where there are classes (000-E11)."""
    if clips.shape.rank != 5:
        raise BadInputError(f"{name} takes clips [N, T, H, W, C], not {clips.shape}")
    frames, height, width = clips.shape.as_list()[1:4]
    if any(side is not None and side < smallest for side in (height, width)) or frames == 0:
        raise BadInputError(
            f"clips of {frames}x{height}x{width} (frames, height, width) are too small for "
            f"{name}: the smallest is 1x{smallest}x{smallest}"
        )
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        end_points = trunk(clips, layer_names("conv3d"))
        x = _last(end_points)
        if num_classes is None:
            return x, end_points
        x = tf.reduce_mean(x, axis=[1, 2, 3])  # (N, 512) or (N, 256)
        end_points["global_pool"] = x
        logits = tf.layers.dense(x, num_classes, name="dense")  # (N, num_classes)
        end_points["logits"] = logits
        return logits, end_points


def resnet_3d(
    clips: Any,
    num_classes: int | None = None,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
) -> tuple[Any, dict[str, Any]]:
    """``three_layers_3d_resnet`` in the net contract of this package.

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
    return _net("resnet_3d", _trunk_3d, 5, clips, num_classes, reuse, scope)


def resnet_2plus1d(
    clips: Any,
    num_classes: int | None = None,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
) -> tuple[Any, dict[str, Any]]:
    """``three_layers_2plus1d_resnet``; see ``resnet_3d``. The smallest frame is 9x9 pixels."""
    # 9 pixels: 9-5-3-2-1
    return _net("resnet_2plus1d", _trunk_2plus1d, 9, clips, num_classes, reuse, scope)


def resnet_3d_2plus1d(
    clips: Any,
    num_classes: int | None = None,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
) -> tuple[Any, dict[str, Any]]:
    """``three_layers_3d_resnet_2plus1d``; see ``resnet_3d``. The smallest frame is 9x9 pixels."""
    # 9 pixels: 9-5-3-2, the second stem sees more than a pixel. The document's 112 give it 14x14,
    # of which 1x1 is left at the end; only from 129 pixels on is it more (000-E10).
    return _net("resnet_3d_2plus1d", _trunk_both, 9, clips, num_classes, reuse, scope)
