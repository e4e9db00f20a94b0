"""VGG 11, 13, 16 and 19 (configurations A, B, D and E), without batch norm.

Papers:  [1] VGG, arXiv:1409.1556  [2] receptive fields, arXiv:1701.04128
Source:  tutorial document 004, section VGG
Input:   NHWC float32, 224x224, RGB in [0, 1] (the document; torchvision's weights were trained
         on RGB less mean, over standard deviation, the original ones on BGR less means)
Names:   feature/conv2d/kernel, feature/conv2d/bias, ..., dense/kernel, dense_1/kernel,
         dense_2/kernel, dense_2/bias
Differs: 004-E29 returns logits; the softmax is the end point "predictions"
         004-E41 kept: 4096 units (``hidden``), of which later versions of the source have 2048
         004-E42 kept: four of the paper's six configurations
         torchvision drops out after the dense layers 1 and 2, the document before them: the
         same nets, and torchvision's weights load
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.keras_style import auto_names, check_images, document_net
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

layers = tf.layers

SMALLEST = 32  # pixels: five pools halve them
HIDDEN = 4096  # units of the dense layers 1 and 2

CONV_KERNEL_INITIALIZER = tf.variance_scaling_initializer(2.0, "fan_out", "truncated_normal")
DENSE_KERNEL_INITIALIZER = tf.variance_scaling_initializer(1 / 3, "fan_out", "uniform")


def VGG(
    feature: Callable[..., Tensor],
    im_height: int = 224,
    im_width: int = 224,
    num_classes: int = 1000,
) -> Callable[..., NetOutputs]:
    """Returns the document's net on a feature of ``make_feature``: a function of the images.

    Its layers are the lines of ``_build_vgg``.
    """

    def net(
        images: Tensor, num_classes: int, is_training: IsTraining, *, reuse: Reuse
    ) -> NetOutputs:
        return _build_vgg("VGG", feature, images, num_classes, is_training, reuse)

    return document_net(net, num_classes, (im_height, im_width))


def _build_vgg(
    name: str,
    feature: Callable[..., Tensor],
    images: Tensor,
    num_classes: int,
    is_training: IsTraining,
    reuse: Reuse,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> NetOutputs:
    """Builds the feature and the three dense layers; arguments and result as ``vgg11``'s."""
    check_images(images, name, SMALLEST)
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = feature(images, end_points)  # (N, 7, 7, 512)
        x = layers.flatten(x)
        end_points["flatten"] = x  # (N, 25088)
        x = layers.dropout(x, dropout, training=is_training)
        x = layers.dense(
            x, hidden, activation="relu", kernel_initializer=DENSE_KERNEL_INITIALIZER, name="dense"
        )
        end_points["dense1"] = x  # (N, 4096)
        x = layers.dropout(x, dropout, training=is_training)
        x = layers.dense(
            x,
            hidden,
            activation="relu",
            kernel_initializer=DENSE_KERNEL_INITIALIZER,
            name="dense_1",
        )
        end_points["dense2"] = x  # (N, 4096)
        logits = layers.dense(
            x, num_classes, kernel_initializer=DENSE_KERNEL_INITIALIZER, name="dense_2"
        )
        end_points["logits"] = logits  # (N, num_classes)
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def make_feature(cfg: Sequence[int | str]) -> Callable[..., Tensor]:
    """Returns the function that builds 3x3 convolutions and 2x2 pools as ``cfg`` says.

    It takes (x, end_points=None): float32 [N, H, W, C] -> [N, H/32, W/32, 512] for the tables of
    ``cfgs``, in the scope "feature". Layers go into the end points as conv1, conv2, pool1, ...
    The shapes are VGG-16's.
    """

    def feature(x: Tensor, end_points: EndPoints | None = None) -> Tensor:
        points: EndPoints = {} if end_points is None else end_points
        conv_name, conv, pool = auto_names(), 0, 0
        with tf.variable_scope("feature"):
            for v in cfg:
                if v == "M":
                    # (N, 112, 112, 64), (N, 56, 56, 128), (N, 28, 28, 256), (N, 14, 14, 512),
                    # (N, 7, 7, 512)
                    x = layers.max_pooling2d(x, pool_size=2, strides=2)
                    pool += 1
                    points[f"pool{pool}"] = x
                else:
                    # (N, 224, 224, 64) twice, (N, 112, 112, 128) twice, (N, 56, 56, 256) three
                    # times, (N, 28, 28, 512) three times, (N, 14, 14, 512) three times
                    x = layers.conv2d(
                        x,
                        v,
                        kernel_size=3,
                        padding="same",
                        activation="relu",
                        kernel_initializer=CONV_KERNEL_INITIALIZER,
                        name=conv_name("conv2d"),
                    )
                    conv += 1
                    points[f"conv{conv}"] = x
        return x

    return feature


# fmt: off
cfgs: dict[str, list[int | str]] = {  # filters of the convolutions; "M" is a pool
    "vgg11": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "vgg13": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "vgg16": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M",
              512, 512, 512, "M"],
    "vgg19": [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M",
              512, 512, 512, 512, "M"],
}
# fmt: on


def vgg(
    model_name: str = "vgg16", im_height: int = 224, im_width: int = 224, num_classes: int = 1000
) -> Callable[..., NetOutputs]:
    """Returns the document's net of that name: a function of the images (see ``keras_style``).

    Raises: BadInputError for a name that is not in ``cfgs``.
    """
    if model_name not in cfgs:
        raise BadInputError(f"no VGG is called {model_name!r}: choose one of {', '.join(cfgs)}")
    cfg = cfgs[model_name]
    return VGG(make_feature(cfg), im_height, im_width, num_classes)


def vgg11(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> NetOutputs:
    """Builds VGG-11: 8 convolutions, 3 dense layers.

    Args:
      images: float32 [N, H, W, 3] in [0, 1], H and W known; the document: 224x224.
      num_classes: units of the last layer.
      is_training: bool or bool tensor: dropout.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.
      hidden: units of the dense layers 1 and 2.
      dropout: share of units that is dropped before them.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images of unknown size or below 32x32 pixels.
    """
    feature = make_feature(cfgs["vgg11"])
    return _build_vgg(
        "vgg11", feature, images, num_classes, is_training, reuse, scope, hidden, dropout
    )


def vgg13(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> NetOutputs:
    """Builds VGG-13: 10 convolutions, 3 dense layers; see ``vgg11``."""
    feature = make_feature(cfgs["vgg13"])
    return _build_vgg(
        "vgg13", feature, images, num_classes, is_training, reuse, scope, hidden, dropout
    )


def vgg16(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> NetOutputs:
    """Builds VGG-16: 13 convolutions, 3 dense layers; see ``vgg11``."""
    feature = make_feature(cfgs["vgg16"])
    return _build_vgg(
        "vgg16", feature, images, num_classes, is_training, reuse, scope, hidden, dropout
    )


def vgg19(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> NetOutputs:
    """Builds VGG-19: 16 convolutions, 3 dense layers; see ``vgg11``."""
    feature = make_feature(cfgs["vgg19"])
    return _build_vgg(
        "vgg19", feature, images, num_classes, is_training, reuse, scope, hidden, dropout
    )
