"""GoogLeNet (Inception v1) without batch norm, with two auxiliary heads.

Papers:  [1] Going Deeper with Convolutions, arXiv:1409.4842
Source:  tutorial document 004, section GoogLeNet
Input:   NHWC float32, 224x224, RGB in [0, 1]
Names:   conv2d_1/kernel, conv2d_2/kernel, conv2d_3/kernel, inception_3a/conv2d/kernel,
         inception_3a/sequential/conv2d_1/kernel, ..., aux_1/conv2d_18/kernel, aux_1/dense/kernel,
         ..., inception_5b/sequential_26/conv2d_55/kernel, output_dense/kernel
Differs: 004-E17 the map after inception_4e has 832 channels (its comment: 532)
         004-E18 maps are NHWC (comments of the auxiliary heads: NCHW)
         004-E19 kept: there are no auxiliary heads unless asked; training asks
         004-E20 the auxiliary losses weigh 0.3 each [1]
         004-E21 kept: layers without a name are numbered over the model: a net without auxiliary
         heads ends in conv2d_53; the stem has its own numbers
         004-E29 heads are logits; the softmax of the last is the end point "predictions"
         This is not torchvision's net, which has batch norm, no biases, and 3x3 where [1] has 5x5:
         its weights do not fit
"""

from __future__ import annotations

from collections.abc import Callable

from legacy_nets import tf1 as tf
from legacy_nets.nets.parts.keras_style import Names, auto_names, check_images, document_net
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

layers = tf.layers

SMALLEST = 193  # pixels: five strides leave 7x7, the window of the last pool


def GoogLeNet(
    im_height: int = 224, im_width: int = 224, class_num: int = 1000, aux_logits: bool = False
) -> Callable[..., NetOutputs]:
    """Returns the document's model, a function of the images (see ``keras_style``).

    Its layers are the lines of ``_build_maps``, and of ``googlenet`` from the last pool on.
    """
    return document_net(googlenet, class_num, (im_height, im_width), aux_logits=aux_logits)


def _build_maps(
    x: Tensor,
    class_num: int,
    is_training: IsTraining,
    aux_logits: bool,
    aux_dropout: float,
    end_points: EndPoints,
) -> Tensor:
    """Builds all layers up to the last pool on images of 224x224: [N, 7, 7, 1024]."""
    names = auto_names()
    x = layers.conv2d(
        x, 64, kernel_size=7, strides=2, padding="same", activation="relu", name="conv2d_1"
    )
    end_points["conv2d_1"] = x  # (N, 112, 112, 64)
    x = layers.max_pooling2d(x, pool_size=3, strides=2, padding="same")
    end_points["maxpool_1"] = x  # (N, 56, 56, 64)
    x = layers.conv2d(x, 64, kernel_size=1, activation="relu", name="conv2d_2")
    end_points["conv2d_2"] = x  # (N, 56, 56, 64)
    x = layers.conv2d(x, 192, kernel_size=3, padding="same", activation="relu", name="conv2d_3")
    end_points["conv2d_3"] = x  # (N, 56, 56, 192)
    x = layers.max_pooling2d(x, pool_size=3, strides=2, padding="same")
    end_points["maxpool_2"] = x  # (N, 28, 28, 192)
    x = Inception(64, 96, 128, 16, 32, 32, name="inception_3a", names=names)(x)
    end_points["inception_3a"] = x  # (N, 28, 28, 256)
    x = Inception(128, 128, 192, 32, 96, 64, name="inception_3b", names=names)(x)
    end_points["inception_3b"] = x  # (N, 28, 28, 480)
    x = layers.max_pooling2d(x, pool_size=3, strides=2, padding="same")
    end_points["maxpool_3"] = x  # (N, 14, 14, 480)
    x = Inception(192, 96, 208, 16, 48, 64, name="inception_4a", names=names)(x)
    end_points["inception_4a"] = x  # (N, 14, 14, 512)
    if aux_logits:
        aux1 = InceptionAux(class_num, name="aux_1", names=names)
        end_points["aux_1"] = aux1(x, is_training, dropout=aux_dropout)  # (N, class_num)
    x = Inception(160, 112, 224, 24, 64, 64, name="inception_4b", names=names)(x)
    end_points["inception_4b"] = x  # (N, 14, 14, 512)
    x = Inception(128, 128, 256, 24, 64, 64, name="inception_4c", names=names)(x)
    end_points["inception_4c"] = x  # (N, 14, 14, 512)
    x = Inception(112, 144, 288, 32, 64, 64, name="inception_4d", names=names)(x)
    end_points["inception_4d"] = x  # (N, 14, 14, 528)
    if aux_logits:
        aux2 = InceptionAux(class_num, name="aux_2", names=names)
        end_points["aux_2"] = aux2(x, is_training, dropout=aux_dropout)  # (N, class_num)
    x = Inception(256, 160, 320, 32, 128, 128, name="inception_4e", names=names)(x)
    end_points["inception_4e"] = x  # (N, 14, 14, 832); 004-E17
    x = layers.max_pooling2d(x, pool_size=3, strides=2, padding="same")
    end_points["maxpool_4"] = x  # (N, 7, 7, 832)
    x = Inception(256, 160, 320, 32, 128, 128, name="inception_5a", names=names)(x)
    end_points["inception_5a"] = x  # (N, 7, 7, 832)
    x = Inception(384, 192, 384, 48, 128, 128, name="inception_5b", names=names)(x)
    end_points["inception_5b"] = x  # (N, 7, 7, 1024)
    return x


def googlenet(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    aux_logits: bool = False,
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
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = _build_maps(images, num_classes, is_training, aux_logits, aux_dropout, end_points)
        x = layers.average_pooling2d(x, pool_size=7, strides=1)
        end_points["avgpool_1"] = x  # (N, 1, 1, 1024)
        x = layers.flatten(x)
        end_points["output_flatten"] = x  # (N, 1024)
        x = layers.dropout(x, dropout, training=is_training)
        logits = layers.dense(x, num_classes, name="output_dense")
        end_points["logits"] = logits  # (N, num_classes)
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


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

    def call(inputs: Tensor) -> Tensor:
        layer = names or auto_names()
        with tf.variable_scope(name):
            # (N, H, W, ch1x1)
            branch1 = layers.conv2d(
                inputs, ch1x1, kernel_size=1, activation="relu", name=layer("conv2d")
            )
            with tf.variable_scope(layer("sequential")):
                # (N, H, W, ch3x3red)
                x = layers.conv2d(
                    inputs, ch3x3red, kernel_size=1, activation="relu", name=layer("conv2d")
                )
                # (N, H, W, ch3x3)
                branch2 = layers.conv2d(
                    x, ch3x3, kernel_size=3, padding="same", activation="relu", name=layer("conv2d")
                )
            with tf.variable_scope(layer("sequential")):
                # (N, H, W, ch5x5red)
                x = layers.conv2d(
                    inputs, ch5x5red, kernel_size=1, activation="relu", name=layer("conv2d")
                )
                # (N, H, W, ch5x5)
                branch3 = layers.conv2d(
                    x, ch5x5, kernel_size=5, padding="same", activation="relu", name=layer("conv2d")
                )
            with tf.variable_scope(layer("sequential")):
                # (N, H, W, C)
                x = layers.max_pooling2d(inputs, pool_size=3, strides=1, padding="same")
                # (N, H, W, pool_proj)
                branch4 = layers.conv2d(
                    x, pool_proj, kernel_size=1, activation="relu", name=layer("conv2d")
                )
            # (N, H, W, ch1x1 + ch3x3 + ch5x5 + pool_proj)
            outputs = tf.concat([branch1, branch2, branch3, branch4], axis=3)
        return outputs

    return call


def InceptionAux(
    num_classes: int, *, name: str = "inception_aux", names: Names | None = None
) -> Callable[..., Tensor]:
    """Returns the function that builds an auxiliary head on [N, H, W, C]: logits [N, num_classes].

    It takes (inputs, training=False, dropout=0.5). ``dropout`` is the share of units that is
    dropped before each of the two dense layers. ``names`` is as in ``Inception``. There is no
    softmax (004-E29). The shapes of maps are for images of 224x224.
    """

    def call(inputs: Tensor, training: IsTraining = False, *, dropout: float = 0.5) -> Tensor:
        layer = names or auto_names()
        with tf.variable_scope(name):
            # aux_1: (N, 4, 4, 512); aux_2: (N, 4, 4, 528)
            x = layers.average_pooling2d(inputs, pool_size=5, strides=3)
            # (N, 4, 4, 128)
            x = layers.conv2d(x, 128, kernel_size=1, activation="relu", name=layer("conv2d"))
            x = layers.flatten(x)  # (N, 2048)
            x = layers.dropout(x, dropout, training=training)
            x = layers.dense(x, 1024, activation="relu", name=layer("dense"))  # (N, 1024)
            x = layers.dropout(x, dropout, training=training)
            return layers.dense(x, num_classes, name=layer("dense"))  # (N, num_classes)

    return call
