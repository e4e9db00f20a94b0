"""MobileNet v3, small and large: inverted residuals with squeeze-and-excitation and h-swish.

Papers:  [1] MobileNetV3, arXiv:1905.02244  [2] squeeze-and-excitation, arXiv:1709.01507
Source:  tutorial document 004, section MobileNet, which names [1] and no more (004-E46)
Input:   NHWC float32, 224x224, RGB in [-1, 1], to which Keras' model scales for itself;
         torchvision's weights were trained on RGB less mean, over deviation
Names:   as tf.keras.applications: Conv/kernel, Conv/BatchNorm/gamma,
         expanded_conv/depthwise/depthwise_kernel, expanded_conv/depthwise/BatchNorm/gamma,
         expanded_conv/squeeze_excite/Conv/kernel, expanded_conv/project/kernel, ...,
         expanded_conv_1/expand/kernel, ..., Conv_1/kernel, Conv_2/kernel, Logits/kernel
Differs: 004-E46 built from [1], tables 1 and 2

The name tables know names only: run torchvision's weights with ``padding="torch"``, Keras' with
no option.
"""

from __future__ import annotations

from collections.abc import Callable

from legacy_nets import tf1 as tf
from legacy_nets.nets.mobilenet import Layers, check_width, round_filters
from legacy_nets.nets.parts.torch_style import check_maps
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

Activation = Callable[[Tensor], Tensor]
relu = tf.nn.relu


def hard_sigmoid(x: Tensor) -> Tensor:
    """Computes relu6(x + 3) / 6, of any shape."""
    return tf.nn.relu6(x + 3) * (1 / 6)


def hard_swish(x: Tensor) -> Tensor:
    """Computes x * relu6(x + 3) / 6, of any shape [1, section 5.2]."""
    return x * hard_sigmoid(x)


def squeeze_excite(x: Tensor) -> Tensor:
    """Scales each channel of [N, H, W, C] by a factor computed from all means [2]."""
    channels = int(x.shape[-1])
    with tf.variable_scope("squeeze_excite"):
        y = tf.reduce_mean(x, axis=[1, 2], keepdims=True)  # (N, 1, 1, C)
        y = tf.layers.conv2d(y, round_filters(channels / 4), 1, activation=tf.nn.relu, name="Conv")
        y = tf.layers.conv2d(y, channels, 1, name="Conv_1")
        return x * hard_sigmoid(y)


def inverted_residual(
    inputs: Tensor,
    layers: Layers,
    kernel_size: int,
    expansion: float,
    filters: int,
    excite: bool,
    activation: Activation,
    strides: int,
) -> Tensor:
    """Builds expand, depthwise, squeeze-and-excite, project; adds the input if it fits.

    ``expansion``: channels of the depthwise convolution, in multiples of the input's.
    """
    x, channels = inputs, int(inputs.shape[-1])
    wide = channels if expansion == 1 else round_filters(channels * expansion)
    if expansion != 1:
        # (N, H, W, wide)
        x = activation(layers.conv(x, wide, 1, 1, "expand", "expand/BatchNorm"))
    # (N, H/strides, W/strides, wide)
    x = layers.depthwise(x, kernel_size, strides, "depthwise", "depthwise/BatchNorm")
    x = activation(x)
    if excite:
        x = squeeze_excite(x)
    # (N, H/strides, W/strides, filters)
    x = layers.conv(x, filters, 1, 1, "project", "project/BatchNorm")
    return inputs + x if strides == 1 and channels == filters else x


class Units:
    """Builds the units of a net, each in a variable scope, with the filters of its width."""

    def __init__(self, layers: Layers, width_multiplier: float) -> None:
        self.layers = layers
        self.width_multiplier = width_multiplier

    def __call__(
        self,
        x: Tensor,
        kernel_size: int,
        expansion: float,
        filters: int,
        excite: bool,
        activation: Activation,
        strides: int,
        name: str,
    ) -> Tensor:
        """Builds a unit: see ``inverted_residual``."""
        scaled = round_filters(filters * self.width_multiplier)
        about = (kernel_size, expansion, scaled, excite, activation, strides)
        with tf.variable_scope(name):
            return inverted_residual(x, self.layers, *about)


def _build_small(x: Tensor, unit: Units, end_points: EndPoints) -> Tensor:
    """Builds the 11 units of [1, table 2] on a map of 112x112."""
    # kernel_size, expansion, filters, excite, activation, strides
    # (N, 56, 56, 16)
    end_points["expanded_conv"] = x = unit(x, 3, 1, 16, True, relu, 2, "expanded_conv")
    # (N, 28, 28, 24)
    end_points["expanded_conv_1"] = x = unit(x, 3, 72 / 16, 24, False, relu, 2, "expanded_conv_1")
    # (N, 28, 28, 24)
    end_points["expanded_conv_2"] = x = unit(x, 3, 88 / 24, 24, False, relu, 1, "expanded_conv_2")
    # (N, 14, 14, 40)
    end_points["expanded_conv_3"] = x = unit(x, 5, 4, 40, True, hard_swish, 2, "expanded_conv_3")
    # (N, 14, 14, 40)
    end_points["expanded_conv_4"] = x = unit(x, 5, 6, 40, True, hard_swish, 1, "expanded_conv_4")
    # (N, 14, 14, 40)
    end_points["expanded_conv_5"] = x = unit(x, 5, 6, 40, True, hard_swish, 1, "expanded_conv_5")
    # (N, 14, 14, 48)
    end_points["expanded_conv_6"] = x = unit(x, 5, 3, 48, True, hard_swish, 1, "expanded_conv_6")
    # (N, 14, 14, 48)
    end_points["expanded_conv_7"] = x = unit(x, 5, 3, 48, True, hard_swish, 1, "expanded_conv_7")
    # (N, 7, 7, 96)
    end_points["expanded_conv_8"] = x = unit(x, 5, 6, 96, True, hard_swish, 2, "expanded_conv_8")
    # (N, 7, 7, 96)
    end_points["expanded_conv_9"] = x = unit(x, 5, 6, 96, True, hard_swish, 1, "expanded_conv_9")
    # (N, 7, 7, 96)
    end_points["expanded_conv_10"] = x = unit(x, 5, 6, 96, True, hard_swish, 1, "expanded_conv_10")
    return x


def _build_large(x: Tensor, unit: Units, end_points: EndPoints) -> Tensor:
    """Builds the 15 units of [1, table 1] on a map of 112x112."""
    # kernel_size, expansion, filters, excite, activation, strides
    # (N, 112, 112, 16)
    end_points["expanded_conv"] = x = unit(x, 3, 1, 16, False, relu, 1, "expanded_conv")
    # (N, 56, 56, 24)
    end_points["expanded_conv_1"] = x = unit(x, 3, 4, 24, False, relu, 2, "expanded_conv_1")
    # (N, 56, 56, 24)
    end_points["expanded_conv_2"] = x = unit(x, 3, 3, 24, False, relu, 1, "expanded_conv_2")
    # (N, 28, 28, 40)
    end_points["expanded_conv_3"] = x = unit(x, 5, 3, 40, True, relu, 2, "expanded_conv_3")
    # (N, 28, 28, 40)
    end_points["expanded_conv_4"] = x = unit(x, 5, 3, 40, True, relu, 1, "expanded_conv_4")
    # (N, 28, 28, 40)
    end_points["expanded_conv_5"] = x = unit(x, 5, 3, 40, True, relu, 1, "expanded_conv_5")
    # (N, 14, 14, 80)
    end_points["expanded_conv_6"] = x = unit(x, 3, 6, 80, False, hard_swish, 2, "expanded_conv_6")
    # (N, 14, 14, 80)
    end_points["expanded_conv_7"] = x = unit(x, 3, 2.5, 80, False, hard_swish, 1, "expanded_conv_7")
    # (N, 14, 14, 80)
    end_points["expanded_conv_8"] = x = unit(x, 3, 2.3, 80, False, hard_swish, 1, "expanded_conv_8")
    # (N, 14, 14, 80)
    end_points["expanded_conv_9"] = x = unit(x, 3, 2.3, 80, False, hard_swish, 1, "expanded_conv_9")
    # (N, 14, 14, 112)
    end_points["expanded_conv_10"] = x = unit(x, 3, 6, 112, True, hard_swish, 1, "expanded_conv_10")
    # (N, 14, 14, 112)
    end_points["expanded_conv_11"] = x = unit(x, 3, 6, 112, True, hard_swish, 1, "expanded_conv_11")
    # (N, 7, 7, 160)
    end_points["expanded_conv_12"] = x = unit(x, 5, 6, 160, True, hard_swish, 2, "expanded_conv_12")
    # (N, 7, 7, 160)
    end_points["expanded_conv_13"] = x = unit(x, 5, 6, 160, True, hard_swish, 1, "expanded_conv_13")
    # (N, 7, 7, 160)
    end_points["expanded_conv_14"] = x = unit(x, 5, 6, 160, True, hard_swish, 1, "expanded_conv_14")
    return x


def _build_net(
    name: str,
    build_units: Callable[[Tensor, Units, EndPoints], Tensor],
    hidden: int,
    images: Tensor,
    num_classes: int | None,
    is_training: IsTraining,
    reuse: Reuse,
    scope: str,
    width_multiplier: float,
    dropout: float,
    layers: Layers,
) -> NetOutputs:
    """Builds stem, units, 1x1 convolution, pool and two more 1x1 convolutions.

    ``hidden``: filters of the first of these two.
    """
    check_maps(images, name)
    check_width(name, width_multiplier)
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = hard_swish(layers.conv(images, 16, 3, 2, "Conv", "Conv/BatchNorm"))
        end_points["Conv"] = x  # (N, 112, 112, 16)
        # (N, 7, 7, 96) or (N, 7, 7, 160)
        x = build_units(x, Units(layers, width_multiplier), end_points)
        filters = round_filters(6 * int(x.shape[-1]))
        x = hard_swish(layers.conv(x, filters, 1, 1, "Conv_1", "Conv_1/BatchNorm"))
        end_points["Conv_1"] = x  # (N, 7, 7, 576) or (N, 7, 7, 960)
        if num_classes is None:
            return x, end_points
        x = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
        end_points["global_pool"] = x
        filters = round_filters(hidden * max(1.0, width_multiplier))
        x = tf.layers.conv2d(x, filters, 1, activation=hard_swish, name="Conv_2")
        end_points["Conv_2"] = x  # (N, 1, 1, 1024) or (N, 1, 1, 1280)
        x = tf.layers.dropout(x, dropout, training=is_training)
        x = tf.layers.conv2d(x, num_classes, 1, name="Logits")
        logits = tf.squeeze(x, [1, 2])  # (N, num_classes)
        end_points["logits"] = logits
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def mobilenet_v3_small(
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
    """Builds MobileNet v3 small: 11 units.

    The stem keeps its 16 filters, and the last hidden layer's only grow with
    ``width_multiplier``, as in Keras. Arguments, result and errors as
    ``mobilenet.mobilenet_v1``'s; the head has a hidden layer.
    """
    layers = Layers("mobilenet_v3_small", is_training, padding, momentum, epsilon)
    about = (images, num_classes, is_training, reuse, scope, width_multiplier, dropout, layers)
    return _build_net("mobilenet_v3_small", _build_small, 1024, *about)


def mobilenet_v3_large(
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
    """Builds MobileNet v3 large: 15 units; see ``mobilenet_v3_small``."""
    layers = Layers("mobilenet_v3_large", is_training, padding, momentum, epsilon)
    about = (images, num_classes, is_training, reuse, scope, width_multiplier, dropout, layers)
    return _build_net("mobilenet_v3_large", _build_large, 1280, *about)
