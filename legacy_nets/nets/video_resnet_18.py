"""R(2+1)D-18, R3D-18 and MC3-18: the video nets that torchvision offers as a call, opened up.

Papers:  [1] R(2+1)D, R3D, MC3, arXiv:1711.11248  [2] residual blocks, arXiv:1512.03385
Source:  tutorial document 000, its closing section, which points to torchvision's r2plus1d_18
Input:   NTHWC float32, 16 frames of 112x112, RGB less the means of Kinetics, over its deviations
Names:   r2plus1d_18/stem/space/kernel, r2plus1d_18/stem/space_bn/gamma, .../stem/time/kernel,
         r2plus1d_18/layer1/block0/conv1/bn/gamma, .../layer2/block0/downsample/conv/kernel,
         r2plus1d_18/fc/kernel; r3d_18/stem/conv/kernel, ...
Weights: ``weights/video_resnet_18.py`` maps a torchvision state_dict onto them, both ways
Kept:    the stem of R(2+1)D has 45 channels in the middle, where the formula of [1] says 83
         both convolutions of a block have as many channels in the middle, though the first may
         have fewer inputs, for which the formula counts
         padding is the same on both sides: at stride 2, even sizes differ from TensorFlow's SAME
"""

from __future__ import annotations

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Size, Tensor

KINDS = {  # how the stem and the four layers convolve
    "r3d_18": ("3d", "3d", "3d", "3d", "3d"),
    "mc3_18": ("3d", "3d", "2d", "2d", "2d"),
    "r2plus1d_18": ("2plus1d", "2plus1d", "2plus1d", "2plus1d", "2plus1d"),
}
STEM_MIDDLE = 45
_SPATIAL = "2d"  # a convolution and stride in each frame alone

_conv_initializer = tf.variance_scaling_initializer(2.0, "fan_out", "untruncated_normal")
_fc_initializer = tf.random_normal_initializer(stddev=0.01)


def middle_channels(inputs: int, filters: int) -> int:
    """Counts the channels between a block's (1,3,3) and (3,1,1) kernels.

    As many as give the pair the weights of one (3,3,3) kernel: section 3.5 of [1].
    """
    return (inputs * filters * 3 * 3 * 3) // (inputs * 3 * 3 + 3 * filters)


def _conv(x: Tensor, filters: int, kernel: tuple[int, ...], strides: Size, name: str) -> Tensor:
    """Builds a convolution without bias, padded by half a kernel on both sides of each axis."""
    pads = [[0, 0], *([side // 2, side // 2] for side in kernel), [0, 0]]
    if max(max(pad) for pad in pads):
        x = tf.pad(x, pads)
    return tf.layers.conv3d(
        x,
        filters,
        kernel,
        strides,
        "valid",
        use_bias=False,
        kernel_initializer=_conv_initializer,
        name=name,
    )


def _batch_norm(x: Tensor, training: IsTraining, name: str) -> Tensor:
    return tf.layers.batch_normalization(
        x, momentum=0.9, epsilon=1e-5, training=training, name=name
    )


def _build_unit(
    x: Tensor,
    convolution: str,
    filters: int,
    middle: int,
    side: int,
    strides: tuple[int, int],
    training: IsTraining,
) -> Tensor:
    """Builds one convolution in space, time or both, with its batch norm.

    Args:
      x: float32 [N, T, H, W, C].
      convolution: "3d", "2d", or "2plus1d", which is (1, side, side) to ``middle`` channels, batch
        norm, ReLU, then (3, 1, 1).
      side: of the kernel in space; it has 3 in time, or 1 ("2d").
      strides: in time and in space; both spatial axes have the same.
      filters, middle, training: as they are called.
    """
    time, space = strides
    if convolution == "2plus1d":
        # (N, T, H/space, W/space, middle)
        x = _conv(x, middle, (1, side, side), (1, space, space), "space")
        x = tf.nn.relu(_batch_norm(x, training, "space_bn"))
        # (N, T/time, H/space, W/space, filters)
        x = _conv(x, filters, (3, 1, 1), (time, 1, 1), "time")
    else:
        kernel = (1 if convolution == _SPATIAL else 3, side, side)
        # (N, T/time, H/space, W/space, filters)
        x = _conv(x, filters, kernel, (time, space, space), "conv")
    return _batch_norm(x, training, "bn")  # (N, T/time, H/space, W/space, filters)


def _build_block(
    x: Tensor,
    convolution: str,
    filters: int,
    stride: int,
    training: IsTraining,
    key: str,
    end_points: EndPoints,
) -> Tensor:
    """Builds two units plus the input, then ReLU; projects the input where shapes differ."""
    inputs = int(x.shape[-1])
    middle = middle_channels(inputs, filters)
    time = 1 if convolution == _SPATIAL else stride
    with tf.variable_scope(key):
        with tf.variable_scope("conv1"):
            # (N, T/time, H/stride, W/stride, filters)
            y = _build_unit(x, convolution, filters, middle, 3, (time, stride), training)
            y = tf.nn.relu(y)
        end_points[f"{key}/conv1"] = y
        with tf.variable_scope("conv2"):
            # (N, T/time, H/stride, W/stride, filters)
            y = _build_unit(y, convolution, filters, middle, 3, (1, 1), training)
        end_points[f"{key}/conv2"] = y
        if stride != 1 or inputs != filters:
            with tf.variable_scope("downsample"):
                # (N, T/time, H/stride, W/stride, filters)
                x = _conv(x, filters, (1, 1, 1), (time, stride, stride), "conv")
                x = _batch_norm(x, training, "bn")
        x = tf.nn.relu(y + x)  # (N, T/time, H/stride, W/stride, filters)
    end_points[key] = x
    return x


def _build_net(
    name: str,
    clips: Tensor,
    num_classes: int | None,
    is_training: IsTraining,
    reuse: Reuse,
    scope: str | None,
) -> NetOutputs:
    """Builds a stem, four layers of two blocks, global average pool, dense layer."""
    if clips.shape.rank != 5 or clips.shape[-1] is None or 0 in clips.shape.as_list()[1:]:
        raise BadInputError(
            f"{name} takes clips [N, T, H, W, C] of at least one frame and pixel, with a known "
            f"number of channels (3 for torchvision's weights), not {clips.shape}"
        )
    stem, layer1, layer2, layer3, layer4 = KINDS[name]
    training = is_training
    end_points: EndPoints = {}
    with tf.variable_scope(
        name if scope is None else scope or tf.get_variable_scope(), reuse=reuse
    ):
        with tf.variable_scope("stem"):
            x = _build_unit(clips, stem, 64, STEM_MIDDLE, 7, (1, 2), training)
            x = tf.nn.relu(x)  # (N, 16, 56, 56, 64)
        end_points["stem"] = x
        # two convolutions, filters, stride; mc3_18 keeps all 16 frames
        # (N, 16, 56, 56, 64)
        x = _build_block(x, layer1, 64, 1, training, "layer1/block0", end_points)
        # (N, 16, 56, 56, 64)
        x = _build_block(x, layer1, 64, 1, training, "layer1/block1", end_points)
        # (N, 8, 28, 28, 128) or (N, 16, 28, 28, 128)
        x = _build_block(x, layer2, 128, 2, training, "layer2/block0", end_points)
        # (N, 8, 28, 28, 128) or (N, 16, 28, 28, 128)
        x = _build_block(x, layer2, 128, 1, training, "layer2/block1", end_points)
        # (N, 4, 14, 14, 256) or (N, 16, 14, 14, 256)
        x = _build_block(x, layer3, 256, 2, training, "layer3/block0", end_points)
        # (N, 4, 14, 14, 256) or (N, 16, 14, 14, 256)
        x = _build_block(x, layer3, 256, 1, training, "layer3/block1", end_points)
        # (N, 2, 7, 7, 512) or (N, 16, 7, 7, 512)
        x = _build_block(x, layer4, 512, 2, training, "layer4/block0", end_points)
        # (N, 2, 7, 7, 512) or (N, 16, 7, 7, 512)
        x = _build_block(x, layer4, 512, 1, training, "layer4/block1", end_points)
        x = tf.reduce_mean(x, axis=[1, 2, 3])  # (N, 512)
        end_points["global_pool"] = x
        if num_classes is None:
            return x, end_points
        logits = tf.layers.dense(
            x, num_classes, kernel_initializer=_fc_initializer, name="fc"
        )  # (N, num_classes)
        end_points["logits"] = logits
        return logits, end_points


def r2plus1d_18(
    clips: Tensor,
    num_classes: int | None = 400,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str | None = None,
) -> NetOutputs:
    """Builds R(2+1)D-18: each 3D convolution is one in space and one in time.

    Args:
      clips: float32 [N, T, H, W, 3] as ``legacy_nets.data.preprocessing`` prepares "kinetics";
        16x112x112 in torchvision, any size works.
      num_classes: units of the head (global average pool, dense layer); None leaves it out.
      is_training: bool or bool tensor; batch norm then uses the batch's own statistics, and
        ``tf.GraphKeys.UPDATE_OPS`` moves the averages.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; None is the net's name, "" the current one.

    Returns: logits [N, num_classes], or the pooled features [N, 512] without classes; and the
    end points in order of construction: the stem, and of each block both convolutions (the
    second before the sum) and the result.
    Raises: BadInputError for anything but clips.
    """
    return _build_net("r2plus1d_18", clips, num_classes, is_training, reuse, scope)


def r3d_18(
    clips: Tensor,
    num_classes: int | None = 400,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str | None = None,
) -> NetOutputs:
    """Builds R3D-18: all convolutions are in space and time; see ``r2plus1d_18``."""
    return _build_net("r3d_18", clips, num_classes, is_training, reuse, scope)


def mc3_18(
    clips: Tensor,
    num_classes: int | None = 400,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str | None = None,
) -> NetOutputs:
    """Builds MC3-18: the stem and the first layer are 3D, the others 2D; see ``r2plus1d_18``."""
    return _build_net("mc3_18", clips, num_classes, is_training, reuse, scope)
