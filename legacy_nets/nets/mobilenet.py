"""MobileNet v1 and v2: depthwise separable convolutions, then inverted residuals.

Papers:  [1] MobileNets, arXiv:1704.04861  [2] MobileNetV2, arXiv:1801.04381
Source:  tutorial document 004, section MobileNet, which has text and no code (004-E46)
Input:   NHWC float32, 224x224, RGB in [-1, 1] (Keras' weights; torchvision's and timm's were
         trained on RGB less mean, over deviation)
Names:   as tf.keras.applications: v1 conv1/kernel, conv1_bn/gamma, conv_dw_1/depthwise_kernel,
         conv_dw_1_bn/gamma, conv_pw_1/kernel, conv_pw_1_bn/gamma, ..., conv_preds/kernel; v2
         Conv1/kernel, bn_Conv1/gamma, expanded_conv_depthwise/depthwise_kernel, ...,
         block_1_expand/kernel, block_1_expand_BN/gamma, ..., Conv_1/kernel, predictions/kernel
         (which TensorFlow 1.15's Keras calls Logits/kernel)
Differs: 004-E44 a depthwise convolution is one half of a depthwise separable one, not all of it
         004-E46 built from [1] and [2]; the resolution multiplier is the size of the images
         Keras' v1 pads a row at the bottom and right at each stride, so that on maps of odd
         size (images whose sides are no multiples of 32) its windows are elsewhere

The name tables know names only. Which arithmetic the weights were trained with is for you to say:

  weights                                     options
  Keras applications                          none
  torchvision v2, timm mobilenetv1_100        padding="torch", epsilon=1e-5
"""

from __future__ import annotations

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.torch_style import check_maps, check_option, pad_window
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

PADDINGS = ("same", "torch")


def round_filters(filters: float) -> int:
    """Rounds to a multiple of 8, at least 8, and at most a tenth below ``filters``."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest


class Layers:
    """The layers of a MobileNet, with what they have in common.

    ``padding``: "same", or "torch", which pads windows with a stride on both sides.
    ``is_training``, ``momentum``, ``epsilon``: of batch norm.
    """

    def __init__(
        self, net: str, is_training: IsTraining, padding: str, momentum: float, epsilon: float
    ) -> None:
        check_option(net, "padding", padding, PADDINGS)
        self.is_training = is_training
        self.padding = padding
        self.momentum = momentum
        self.epsilon = epsilon

    def conv(
        self, x: Tensor, filters: int, kernel_size: int, strides: int, name: str, norm: str
    ) -> Tensor:
        """Builds convolution without bias, and batch norm: [N, ceil(H/strides), ..., filters]."""
        x, padding = pad_window(x, kernel_size, strides, self.padding)
        x = tf.layers.conv2d(x, filters, kernel_size, strides, padding, use_bias=False, name=name)
        return self._norm(x, norm)

    def depthwise(self, x: Tensor, kernel_size: int, strides: int, name: str, norm: str) -> Tensor:
        """Convolves each channel with its own kernel; batch norm: [N, ceil(H/strides), ..., C]."""
        x, padding = pad_window(x, kernel_size, strides, self.padding)
        with tf.variable_scope(name):
            # tf.layers only has it with a 1x1 convolution after it, and no norm between. fan_out
            # of this shape is kernel_size squared: the window of each output.
            initializer = tf.variance_scaling_initializer(2.0, "fan_out")
            shape = [kernel_size, kernel_size, int(x.shape[-1]), 1]
            kernel = tf.get_variable("depthwise_kernel", shape, initializer=initializer)
        x = tf.nn.depthwise_conv2d(x, kernel, [1, strides, strides, 1], padding.upper())
        return self._norm(x, norm)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return tf.layers.batch_normalization(
            x,
            momentum=self.momentum,
            epsilon=self.epsilon,
            training=self.is_training,
            name=name,
        )


def check_width(net: str, width_multiplier: float) -> None:
    """Raises BadInputError for a width multiplier that leaves no filters."""
    if not width_multiplier > 0:
        raise BadInputError(
            f"{net} takes a width_multiplier above 0 (usual: 0.25 to 1), not {width_multiplier}"
        )


def _build_v1_features(
    x: Tensor, layers: Layers, width_multiplier: float, end_points: EndPoints
) -> Tensor:
    """Builds the stem and the 13 pairs of [1, table 1] on images of 224x224."""

    def dw(x: Tensor, strides: int, name: str) -> Tensor:
        return tf.nn.relu6(layers.depthwise(x, 3, strides, name, f"{name}_bn"))

    def pw(x: Tensor, filters: int, name: str) -> Tensor:
        scaled = max(1, int(filters * width_multiplier))
        return tf.nn.relu6(layers.conv(x, scaled, 1, 1, name, f"{name}_bn"))

    filters = max(1, int(32 * width_multiplier))
    x = tf.nn.relu6(layers.conv(x, filters, 3, 2, "conv1", "conv1_bn"))
    end_points["conv1"] = x  # (N, 112, 112, 32)
    end_points["conv_dw_1"] = x = dw(x, 1, "conv_dw_1")  # (N, 112, 112, 32)
    end_points["conv_pw_1"] = x = pw(x, 64, "conv_pw_1")  # (N, 112, 112, 64)
    end_points["conv_dw_2"] = x = dw(x, 2, "conv_dw_2")  # (N, 56, 56, 64)
    end_points["conv_pw_2"] = x = pw(x, 128, "conv_pw_2")  # (N, 56, 56, 128)
    end_points["conv_dw_3"] = x = dw(x, 1, "conv_dw_3")  # (N, 56, 56, 128)
    end_points["conv_pw_3"] = x = pw(x, 128, "conv_pw_3")  # (N, 56, 56, 128)
    end_points["conv_dw_4"] = x = dw(x, 2, "conv_dw_4")  # (N, 28, 28, 128)
    end_points["conv_pw_4"] = x = pw(x, 256, "conv_pw_4")  # (N, 28, 28, 256)
    end_points["conv_dw_5"] = x = dw(x, 1, "conv_dw_5")  # (N, 28, 28, 256)
    end_points["conv_pw_5"] = x = pw(x, 256, "conv_pw_5")  # (N, 28, 28, 256)
    end_points["conv_dw_6"] = x = dw(x, 2, "conv_dw_6")  # (N, 14, 14, 256)
    end_points["conv_pw_6"] = x = pw(x, 512, "conv_pw_6")  # (N, 14, 14, 512)
    end_points["conv_dw_7"] = x = dw(x, 1, "conv_dw_7")  # (N, 14, 14, 512)
    end_points["conv_pw_7"] = x = pw(x, 512, "conv_pw_7")  # (N, 14, 14, 512)
    end_points["conv_dw_8"] = x = dw(x, 1, "conv_dw_8")  # (N, 14, 14, 512)
    end_points["conv_pw_8"] = x = pw(x, 512, "conv_pw_8")  # (N, 14, 14, 512)
    end_points["conv_dw_9"] = x = dw(x, 1, "conv_dw_9")  # (N, 14, 14, 512)
    end_points["conv_pw_9"] = x = pw(x, 512, "conv_pw_9")  # (N, 14, 14, 512)
    end_points["conv_dw_10"] = x = dw(x, 1, "conv_dw_10")  # (N, 14, 14, 512)
    end_points["conv_pw_10"] = x = pw(x, 512, "conv_pw_10")  # (N, 14, 14, 512)
    end_points["conv_dw_11"] = x = dw(x, 1, "conv_dw_11")  # (N, 14, 14, 512)
    end_points["conv_pw_11"] = x = pw(x, 512, "conv_pw_11")  # (N, 14, 14, 512)
    end_points["conv_dw_12"] = x = dw(x, 2, "conv_dw_12")  # (N, 7, 7, 512)
    end_points["conv_pw_12"] = x = pw(x, 1024, "conv_pw_12")  # (N, 7, 7, 1024)
    end_points["conv_dw_13"] = x = dw(x, 1, "conv_dw_13")  # (N, 7, 7, 1024)
    end_points["conv_pw_13"] = x = pw(x, 1024, "conv_pw_13")  # (N, 7, 7, 1024)
    return x


def mobilenet_v1(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    width_multiplier: float = 1.0,
    dropout: float = 0.001,
    padding: str = "same",
    momentum: float = 0.99,
    epsilon: float = 1e-3,
) -> NetOutputs:
    """Builds MobileNet v1: 13 pairs of a depthwise and a pointwise convolution.

    Args:
      images: float32 [N, H, W, 3], any size; as the module's docstring says.
      num_classes: units of the head (global average pool, 1x1 convolution); None leaves it out.
      is_training: bool or bool tensor: dropout and batch norm; ``tf.GraphKeys.UPDATE_OPS`` moves
        the averages.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.
      width_multiplier: of the filters of every layer.
      dropout: share of the pooled features that is dropped.
      padding: "same", or "torch", which pads on both sides at each stride.
      momentum: of the moving averages; 0.9 for trainings of some hundred steps.
      epsilon: of batch norm.

    Returns: logits [N, num_classes], or the last map without classes; and the end points in
      order of construction.
    Raises: BadInputError for anything but images, and for options that cannot be.
    """
    check_maps(images, "mobilenet_v1")
    check_width("mobilenet_v1", width_multiplier)
    layers = Layers("mobilenet_v1", is_training, padding, momentum, epsilon)
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = _build_v1_features(images, layers, width_multiplier, end_points)  # (N, 7, 7, 1024)
        if num_classes is None:
            return x, end_points
        x = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
        end_points["global_pool"] = x  # (N, 1, 1, 1024)
        x = tf.layers.dropout(x, dropout, training=is_training)
        x = tf.layers.conv2d(x, num_classes, 1, name="conv_preds")
        logits = tf.squeeze(x, [1, 2])  # (N, num_classes)
        end_points["logits"] = logits
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def inverted_residual(
    inputs: Tensor, layers: Layers, expansion: int, filters: int, strides: int, name: str
) -> Tensor:
    """Builds 1x1 to more channels, depthwise, linear 1x1 to fewer; adds the input if it fits."""
    x, channels = inputs, int(inputs.shape[-1])
    if expansion > 1:
        wide = expansion * channels
        # (N, H, W, expansion * C)
        x = tf.nn.relu6(layers.conv(x, wide, 1, 1, f"{name}_expand", f"{name}_expand_BN"))
    # (N, H/strides, W/strides, expansion * C)
    x = tf.nn.relu6(layers.depthwise(x, 3, strides, f"{name}_depthwise", f"{name}_depthwise_BN"))
    # (N, H/strides, W/strides, filters)
    x = layers.conv(x, filters, 1, 1, f"{name}_project", f"{name}_project_BN")
    return inputs + x if strides == 1 and channels == filters else x


def _build_v2_features(
    x: Tensor, layers: Layers, width_multiplier: float, end_points: EndPoints
) -> Tensor:
    """Builds the stem, the 17 units of [2, table 2] and the last 1x1 on images of 224x224."""

    def unit(x: Tensor, expansion: int, filters: int, strides: int, name: str) -> Tensor:
        scaled = round_filters(int(filters * width_multiplier))
        return inverted_residual(x, layers, expansion, scaled, strides, name)

    filters = round_filters(32 * width_multiplier)
    x = tf.nn.relu6(layers.conv(x, filters, 3, 2, "Conv1", "bn_Conv1"))
    end_points["Conv1"] = x  # (N, 112, 112, 32)
    # expansion, filters, strides
    end_points["expanded_conv"] = x = unit(x, 1, 16, 1, "expanded_conv")  # (N, 112, 112, 16)
    end_points["block_1"] = x = unit(x, 6, 24, 2, "block_1")  # (N, 56, 56, 24)
    end_points["block_2"] = x = unit(x, 6, 24, 1, "block_2")  # (N, 56, 56, 24)
    end_points["block_3"] = x = unit(x, 6, 32, 2, "block_3")  # (N, 28, 28, 32)
    end_points["block_4"] = x = unit(x, 6, 32, 1, "block_4")  # (N, 28, 28, 32)
    end_points["block_5"] = x = unit(x, 6, 32, 1, "block_5")  # (N, 28, 28, 32)
    end_points["block_6"] = x = unit(x, 6, 64, 2, "block_6")  # (N, 14, 14, 64)
    end_points["block_7"] = x = unit(x, 6, 64, 1, "block_7")  # (N, 14, 14, 64)
    end_points["block_8"] = x = unit(x, 6, 64, 1, "block_8")  # (N, 14, 14, 64)
    end_points["block_9"] = x = unit(x, 6, 64, 1, "block_9")  # (N, 14, 14, 64)
    end_points["block_10"] = x = unit(x, 6, 96, 1, "block_10")  # (N, 14, 14, 96)
    end_points["block_11"] = x = unit(x, 6, 96, 1, "block_11")  # (N, 14, 14, 96)
    end_points["block_12"] = x = unit(x, 6, 96, 1, "block_12")  # (N, 14, 14, 96)
    end_points["block_13"] = x = unit(x, 6, 160, 2, "block_13")  # (N, 7, 7, 160)
    end_points["block_14"] = x = unit(x, 6, 160, 1, "block_14")  # (N, 7, 7, 160)
    end_points["block_15"] = x = unit(x, 6, 160, 1, "block_15")  # (N, 7, 7, 160)
    end_points["block_16"] = x = unit(x, 6, 320, 1, "block_16")  # (N, 7, 7, 320)
    filters = round_filters(1280 * max(1.0, width_multiplier))
    x = tf.nn.relu6(layers.conv(x, filters, 1, 1, "Conv_1", "Conv_1_bn"))
    end_points["Conv_1"] = x  # (N, 7, 7, 1280)
    return x


def mobilenet_v2(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    width_multiplier: float = 1.0,
    dropout: float = 0.2,
    padding: str = "same",
    momentum: float = 0.99,
    epsilon: float = 1e-3,
) -> NetOutputs:
    """Builds MobileNet v2: 17 inverted residuals with linear outputs.

    Filters are rounded to multiples of 8; the last layer's 1280 only grow with
    ``width_multiplier`` [2]. Arguments, result and errors as ``mobilenet_v1``'s; the head's last
    layer is dense.
    """
    check_maps(images, "mobilenet_v2")
    check_width("mobilenet_v2", width_multiplier)
    layers = Layers("mobilenet_v2", is_training, padding, momentum, epsilon)
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = _build_v2_features(images, layers, width_multiplier, end_points)  # (N, 7, 7, 1280)
        if num_classes is None:
            return x, end_points
        x = tf.reduce_mean(x, axis=[1, 2])
        end_points["global_pool"] = x  # (N, 1280)
        x = tf.layers.dropout(x, dropout, training=is_training)
        logits = tf.layers.dense(x, num_classes, name="predictions")  # (N, num_classes)
        end_points["logits"] = logits
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points
