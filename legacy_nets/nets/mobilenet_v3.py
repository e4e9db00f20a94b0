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

from typing import NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.nets.mobilenet import Layers, check_width, round_filters
from legacy_nets.nets.parts.torch_style import check_maps
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor


class Unit(NamedTuple):
    """A row of the tables of [1]."""

    size: int  # side of the depthwise kernel
    expansion: float  # channels before the depthwise convolution, in multiples of the input's
    filters: int
    excite: bool  # squeeze-and-excitation
    swish: bool  # h-swish, else ReLU
    stride: int


LARGE = (
    Unit(3, 1, 16, False, False, 1),
    Unit(3, 4, 24, False, False, 2),
    Unit(3, 3, 24, False, False, 1),
    Unit(5, 3, 40, True, False, 2),
    Unit(5, 3, 40, True, False, 1),
    Unit(5, 3, 40, True, False, 1),
    Unit(3, 6, 80, False, True, 2),
    Unit(3, 2.5, 80, False, True, 1),
    Unit(3, 2.3, 80, False, True, 1),  # 184 channels
    Unit(3, 2.3, 80, False, True, 1),
    Unit(3, 6, 112, True, True, 1),
    Unit(3, 6, 112, True, True, 1),
    Unit(5, 6, 160, True, True, 2),
    Unit(5, 6, 160, True, True, 1),
    Unit(5, 6, 160, True, True, 1),
)
SMALL = (
    Unit(3, 1, 16, True, False, 2),
    Unit(3, 72 / 16, 24, False, False, 2),
    Unit(3, 88 / 24, 24, False, False, 1),
    Unit(5, 4, 40, True, True, 2),
    Unit(5, 6, 40, True, True, 1),
    Unit(5, 6, 40, True, True, 1),
    Unit(5, 3, 48, True, True, 1),
    Unit(5, 3, 48, True, True, 1),
    Unit(5, 6, 96, True, True, 2),
    Unit(5, 6, 96, True, True, 1),
    Unit(5, 6, 96, True, True, 1),
)
NETS = {"mobilenet_v3_small": (SMALL, 1024), "mobilenet_v3_large": (LARGE, 1280)}


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


def _build_unit(x: Tensor, layers: Layers, unit: Unit, filters: int, expands: bool) -> Tensor:
    """Builds expand, depthwise, squeeze-and-excite, project; adds the input if it fits."""
    activation = hard_swish if unit.swish else tf.nn.relu
    y, inputs = x, int(x.shape[-1])
    if expands:
        wide = round_filters(inputs * unit.expansion)
        y = activation(layers.conv(y, wide, 1, 1, "expand", "expand/BatchNorm"))
    y = layers.depthwise(y, unit.size, unit.stride, "depthwise", "depthwise/BatchNorm")
    y = activation(y)
    if unit.excite:
        y = squeeze_excite(y)
    y = layers.conv(y, filters, 1, 1, "project", "project/BatchNorm")
    return x + y if unit.stride == 1 and inputs == filters else y


def _build_net(
    name: str,
    images: Tensor,
    num_classes: int | None,
    is_training: IsTraining,
    reuse: Reuse,
    scope: str,
    width_multiplier: float,
    dropout: float,
    layers: Layers,
) -> NetOutputs:
    """Builds stem, units, 1x1 convolution, pool and two more 1x1 convolutions."""
    check_maps(images, name)
    check_width(name, width_multiplier)
    units, hidden = NETS[name]
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = hard_swish(layers.conv(images, 16, 3, 2, "Conv", "Conv/BatchNorm"))
        end_points["Conv"] = x  # (N, 112, 112, 16)
        for number, unit in enumerate(units):
            key = f"expanded_conv_{number}" if number else "expanded_conv"
            with tf.variable_scope(key):
                filters = round_filters(unit.filters * width_multiplier)
                # large: (N, 112, 112, 16), (N, 56, 56, 24) twice, (N, 28, 28, 40) three times,
                # (N, 14, 14, 80) four times, (N, 14, 14, 112) twice, (N, 7, 7, 160) three times;
                # small: (N, 56, 56, 16), (N, 28, 28, 24) twice, (N, 14, 14, 40) three times,
                # (N, 14, 14, 48) twice, (N, 7, 7, 96) three times
                x = _build_unit(x, layers, unit, filters, expands=number > 0)
            end_points[key] = x
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
    return _build_net("mobilenet_v3_small", *about)


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
    return _build_net("mobilenet_v3_large", *about)
