"""GoogLeNet (Inception v1) without batch norm, with two auxiliary heads.

Papers:  [1] Going Deeper with Convolutions, arXiv:1409.4842
Source:  tutorial document 004, section GoogLeNet
Input:   NHWC float32, 224x224, RGB in [0, 1]
Names:   conv2d_1/kernel, conv2d_2/kernel, conv2d_3/kernel, inception_3a/conv2d/kernel,
         inception_3a/sequential/conv2d_1/kernel, ..., aux_1/conv2d_18/kernel, aux_1/dense/kernel,
         ..., inception_5b/sequential_26/conv2d_55/kernel, output_dense/kernel
Differs: 004-E17 the map after inception_4e has 832 channels (its comment: 532)
         004-E18 maps are NHWC (comments of the auxiliary heads: NCHW)
         004-E19 kept: ``GoogLeNet`` has no auxiliary heads unless asked, ``googlenet`` has
         004-E20 the auxiliary losses weigh 0.3 each [1]
         004-E21 kept: layers without a name are numbered over the model: a net without auxiliary
         heads ends in conv2d_53; the stem has its own numbers
         004-E29 heads are logits; the softmax of the last is the end point "predictions"
         This is not torchvision's net, which has batch norm, no biases, and 3x3 where [1] has 5x5:
         its weights do not fit
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.nets.parts.keras_style import Names, auto_names, check_images, document_net
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

SMALLEST = 193  # pixels: five strides leave 7x7, the window of the last pool

MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
HEAD_AFTER = {"4a": "aux_1", "4d": "aux_2"}


def _conv(x: Tensor, filters: int, size: int, name: str, stride: int = 1) -> Tensor:
    return tf.layers.conv2d(
        x, filters, size, stride, padding="same", activation=tf.nn.relu, name=name
    )


def Inception(
    ch1x1: int,
    ch3x3red: int,
    ch3x3: int,
    ch5x5red: int,
    ch5x5: int,
    pool_proj: int,
    *,
    name: str = "inception",
    names: Names | None = None,
) -> Callable[[Tensor], Tensor]:
    """Returns the function that builds four branches next to each other on [N, H, W, C].

    The result has ch1x1 + ch3x3 + ch5x5 + pool_proj channels. ``names`` numbers the layers of the
    complete model; without it, numbers begin here.
    """

    def module(x: Tensor) -> Tensor:
        layer = names or auto_names()
        with tf.variable_scope(name):
            branch1 = _conv(x, ch1x1, 1, layer("conv2d"))  # (N, H, W, ch1x1)
            with tf.variable_scope(layer("sequential")):
                branch2 = _conv(x, ch3x3red, 1, layer("conv2d"))  # (N, H, W, ch3x3red)
                branch2 = _conv(branch2, ch3x3, 3, layer("conv2d"))  # (N, H, W, ch3x3)
            with tf.variable_scope(layer("sequential")):
                branch3 = _conv(x, ch5x5red, 1, layer("conv2d"))  # (N, H, W, ch5x5red)
                branch3 = _conv(branch3, ch5x5, 5, layer("conv2d"))  # (N, H, W, ch5x5)
            with tf.variable_scope(layer("sequential")):
                branch4 = tf.layers.max_pooling2d(x, 3, 1, padding="same")  # (N, H, W, C)
                branch4 = _conv(branch4, pool_proj, 1, layer("conv2d"))  # (N, H, W, pool_proj)
            return tf.concat([branch1, branch2, branch3, branch4], 3)

    return module


def InceptionAux(
    num_classes: int, *, name: str = "inception_aux", names: Names | None = None
) -> Callable[..., Tensor]:
    """Returns the function that builds an auxiliary head on [N, H, W, C]: logits [N, num_classes].

    The function takes ``is_training`` and ``dropout``, the share of units that is dropped before
    each of the two dense layers. ``names`` is as in ``Inception``. There is no softmax (004-E29).
    """

    def head(x: Tensor, is_training: IsTraining = False, *, dropout: float = 0.5) -> Tensor:
        layer = names or auto_names()
        with tf.variable_scope(name):
            # (N, 4, 4, 512), (N, 4, 4, 528)
            x = tf.layers.average_pooling2d(x, 5, 3)
            x = _conv(x, 128, 1, layer("conv2d"))  # (N, 4, 4, 128)
            x = tf.layers.flatten(x)  # (N, 2048)
            x = tf.layers.dropout(x, dropout, training=is_training)
            x = tf.layers.dense(x, 1024, activation=tf.nn.relu, name=layer("dense"))  # (N, 1024)
            x = tf.layers.dropout(x, dropout, training=is_training)
            return tf.layers.dense(x, num_classes, name=layer("dense"))

    return head


class AuxHeads(NamedTuple):
    """What the two auxiliary heads of a net have in common."""

    num_classes: int
    is_training: IsTraining
    dropout: float

    def build(self, x: Tensor, name: str, names: Names) -> Tensor:
        """Builds one head on a map [N, H, W, C]: logits [N, num_classes]."""
        head = InceptionAux(self.num_classes, name=name, names=names)
        return head(x, self.is_training, dropout=self.dropout)


def googlenet(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    aux_logits: bool = True,
    dropout: float = 0.4,
    aux_dropout: float = 0.5,
) -> NetOutputs:
    """Builds GoogLeNet.

    Args:
      images: float32 [N, H, W, 3] in [0, 1], H and W known; the document: 224x224.
      num_classes: units of the last layer of each head.
      is_training: bool or bool tensor: dropout.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.
      aux_logits: build the auxiliary heads, the end points "aux_1" and "aux_2". They count as
        layers: names after the first head differ with and without them (004-E21).
      dropout: share of units that is dropped before the last layer.
      aux_dropout: the same, of the dense layers of the auxiliary heads.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images of unknown size or below 193x193 pixels.
    """
    check_images(images, "googlenet", SMALLEST)
    end_points: EndPoints = {}
    names = auto_names()
    heads = AuxHeads(num_classes, is_training, aux_dropout) if aux_logits else None
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = _build_stem(images, end_points)
        x = _build_modules(x, names, end_points, heads)
        x = tf.layers.average_pooling2d(x, 7, 1)
        end_points["avgpool_1"] = x  # (N, 1, 1, 1024)
        x = tf.layers.flatten(x)
        end_points["output_flatten"] = x  # (N, 1024)
        x = tf.layers.dropout(x, dropout, training=is_training)
        logits = tf.layers.dense(x, num_classes, name="output_dense")
        end_points["logits"] = logits
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def _build_stem(x: Tensor, end_points: EndPoints) -> Tensor:
    """Builds three convolutions and two pools; shapes are for images of 224x224."""
    x = _conv(x, 64, 7, "conv2d_1", stride=2)
    end_points["conv2d_1"] = x  # (N, 112, 112, 64)
    x = tf.layers.max_pooling2d(x, 3, 2, padding="same")
    end_points["maxpool_1"] = x  # (N, 56, 56, 64)
    x = _conv(x, 64, 1, "conv2d_2")
    end_points["conv2d_2"] = x  # (N, 56, 56, 64)
    x = _conv(x, 192, 3, "conv2d_3")
    end_points["conv2d_3"] = x  # (N, 56, 56, 192)
    x = tf.layers.max_pooling2d(x, 3, 2, padding="same")
    end_points["maxpool_2"] = x  # (N, 28, 28, 192)
    return x


def _build_modules(
    x: Tensor, names: Names, end_points: EndPoints, heads: AuxHeads | None
) -> Tensor:
    """Builds the nine modules [1, table 1]; shapes are for images of 224x224."""
    x = Inception(64, 96, 128, 16, 32, 32, name="inception_3a", names=names)(x)
    end_points["inception_3a"] = x  # (N, 28, 28, 256)
    x = Inception(128, 128, 192, 32, 96, 64, name="inception_3b", names=names)(x)
    end_points["inception_3b"] = x  # (N, 28, 28, 480)
    x = tf.layers.max_pooling2d(x, 3, 2, padding="same")
    end_points["maxpool_3"] = x  # (N, 14, 14, 480)
    x = Inception(192, 96, 208, 16, 48, 64, name="inception_4a", names=names)(x)
    end_points["inception_4a"] = x  # (N, 14, 14, 512)
    if heads:
        end_points["aux_1"] = heads.build(x, "aux_1", names)  # (N, 1000)
    x = Inception(160, 112, 224, 24, 64, 64, name="inception_4b", names=names)(x)
    end_points["inception_4b"] = x  # (N, 14, 14, 512)
    x = Inception(128, 128, 256, 24, 64, 64, name="inception_4c", names=names)(x)
    end_points["inception_4c"] = x  # (N, 14, 14, 512)
    x = Inception(112, 144, 288, 32, 64, 64, name="inception_4d", names=names)(x)
    end_points["inception_4d"] = x  # (N, 14, 14, 528)
    if heads:
        end_points["aux_2"] = heads.build(x, "aux_2", names)  # (N, 1000)
    x = Inception(256, 160, 320, 32, 128, 128, name="inception_4e", names=names)(x)
    end_points["inception_4e"] = x  # (N, 14, 14, 832); 004-E17
    x = tf.layers.max_pooling2d(x, 3, 2, padding="same")
    end_points["maxpool_4"] = x  # (N, 7, 7, 832)
    x = Inception(256, 160, 320, 32, 128, 128, name="inception_5a", names=names)(x)
    end_points["inception_5a"] = x  # (N, 7, 7, 832)
    x = Inception(384, 192, 384, 48, 128, 128, name="inception_5b", names=names)(x)
    end_points["inception_5b"] = x  # (N, 7, 7, 1024)
    return x


def GoogLeNet(
    im_height: int = 224, im_width: int = 224, class_num: int = 1000, aux_logits: bool = False
) -> Callable[..., NetOutputs]:
    """Returns the document's model: a function of the images (see ``keras_style``)."""
    return document_net(googlenet, class_num, (im_height, im_width), aux_logits=aux_logits)
