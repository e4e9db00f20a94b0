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
         torchvision drops out after the dense layers 1 and 2, the document ahead of them: the
         same nets, and torchvision's weights load
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.keras_style import check_images, document_net

SMALLEST = 32  # pixels: five pools halve them
HIDDEN = 4096  # units of the dense layers 1 and 2

CONV_KERNEL_INITIALIZER = tf.variance_scaling_initializer(2.0, "fan_out", "truncated_normal")
DENSE_KERNEL_INITIALIZER = tf.variance_scaling_initializer(1 / 3, "fan_out", "uniform")

# filters of the convolutions, "M" is a pool
cfgs: dict[str, list[Any]] = {
    name: [
        layer
        for filters, convolutions in zip((64, 128, 256, 512, 512), counts, strict=True)
        for layer in (*[filters] * convolutions, "M")
    ]
    for name, counts in {
        "vgg11": (1, 1, 2, 2, 2),
        "vgg13": (2, 2, 2, 2, 2),
        "vgg16": (2, 2, 3, 3, 3),
        "vgg19": (2, 2, 4, 4, 4),
    }.items()
}


def make_feature(
    cfg: Sequence[Any], *, end_points: dict[str, Any] | None = None
) -> Callable[[Any], Any]:
    """3x3 convolutions and 2x2 pools as ``cfg`` says, in the scope "feature".

    A function of float32 [N, H, W, C] -> [N, H/32, W/32, 512] for the tables of ``cfgs``. It
    puts each layer into ``end_points`` as conv1, conv2, pool1, ...
    """

    def feature(x: Any) -> Any:
        points: dict[str, Any] = {} if end_points is None else end_points
        convolutions = pools = 0
        with tf.variable_scope("feature"):
            for filters in cfg:
                if filters == "M":
                    pools += 1
                    x = tf.layers.max_pooling2d(x, 2, 2)
                    # (N, 112, 112, 64), (N, 56, 56, 128), (N, 28, 28, 256), (N, 14, 14, 512),
                    # (N, 7, 7, 512)
                    points[f"pool{pools}"] = x
                    continue
                x = tf.layers.conv2d(
                    x,
                    filters,
                    3,
                    padding="same",
                    activation=tf.nn.relu,
                    kernel_initializer=CONV_KERNEL_INITIALIZER,
                    name=f"conv2d_{convolutions}" if convolutions else "conv2d",
                )
                convolutions += 1
                points[f"conv{convolutions}"] = x
        return x

    return feature


def _build(
    name: str,
    images: Any,
    num_classes: int,
    is_training: Any,
    reuse: Any,
    scope: str,
    hidden: int,
    dropout: float,
    feature: Callable[[Any], Any] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Features (those of ``cfgs[name]`` where none are given) and the three dense layers."""
    check_images(images, name, SMALLEST)
    end_points: dict[str, Any] = {}
    feature = feature or make_feature(cfgs[name], end_points=end_points)
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = tf.layers.flatten(feature(images))
        end_points["flatten"] = x  # (N, 25088)
        for number, layer in ((1, "dense"), (2, "dense_1")):
            x = tf.layers.dropout(x, dropout, training=is_training)
            x = tf.layers.dense(
                x,
                hidden,
                activation=tf.nn.relu,
                kernel_initializer=DENSE_KERNEL_INITIALIZER,
                name=layer,
            )
            end_points[f"dense{number}"] = x  # (N, 4096)
        logits = tf.layers.dense(
            x, num_classes, kernel_initializer=DENSE_KERNEL_INITIALIZER, name="dense_2"
        )
        end_points["logits"] = logits
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def vgg11(
    images: Any,
    num_classes: int = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> tuple[Any, dict[str, Any]]:
    """VGG-11: 8 convolutions, 3 dense layers.

    Args:
      images: float32 [N, H, W, 3] in [0, 1], H and W known; the document: 224x224.
      num_classes: units of the last layer.
      is_training: bool or bool tensor: dropout.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.
      hidden: units of the dense layers 1 and 2.
      dropout: share of units that is dropped ahead of them.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images of unknown size or below 32x32 pixels.
    """
    return _build("vgg11", images, num_classes, is_training, reuse, scope, hidden, dropout)


def vgg13(
    images: Any,
    num_classes: int = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> tuple[Any, dict[str, Any]]:
    """VGG-13: 10 convolutions, 3 dense layers; see ``vgg11``."""
    return _build("vgg13", images, num_classes, is_training, reuse, scope, hidden, dropout)


def vgg16(
    images: Any,
    num_classes: int = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> tuple[Any, dict[str, Any]]:
    """VGG-16: 13 convolutions, 3 dense layers; see ``vgg11``."""
    return _build("vgg16", images, num_classes, is_training, reuse, scope, hidden, dropout)


def vgg19(
    images: Any,
    num_classes: int = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
    hidden: int = HIDDEN,
    dropout: float = 0.5,
) -> tuple[Any, dict[str, Any]]:
    """VGG-19: 16 convolutions, 3 dense layers; see ``vgg11``."""
    return _build("vgg19", images, num_classes, is_training, reuse, scope, hidden, dropout)


def VGG(
    feature: Callable[[Any], Any],
    im_height: int = 224,
    im_width: int = 224,
    num_classes: int = 1000,
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """The document's head on features of ``make_feature``: a function of the images."""

    def net(
        images: Any, num_classes: int, is_training: Any, *, reuse: Any
    ) -> tuple[Any, dict[str, Any]]:
        return _build("VGG", images, num_classes, is_training, reuse, "", HIDDEN, 0.5, feature)

    return document_net(net, num_classes, (im_height, im_width))


def vgg(
    model_name: str = "vgg16", im_height: int = 224, im_width: int = 224, num_classes: int = 1000
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """The document's net of that name: a function of the images (see ``keras_style``).

    Raises: BadInputError for a name that is not in ``cfgs``.
    """
    if model_name not in cfgs:
        raise BadInputError(f"no VGG is called {model_name!r}: choose one of {', '.join(cfgs)}")
    net = {"vgg11": vgg11, "vgg13": vgg13, "vgg16": vgg16, "vgg19": vgg19}[model_name]
    return document_net(net, num_classes, (im_height, im_width))
