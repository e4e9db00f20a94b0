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
         004-E21 kept: layers without a name are counted over the model, so that a net without
         auxiliary heads ends in conv2d_53; the numbers of the stem are its own
         004-E29 heads are logits; the softmax of the last is the end point "predictions"
         This is not torchvision's net, which has batch norm, no biases, and 3x3 where [1] has 5x5:
         its weights do not fit
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.nets.parts.keras_style import Names, auto_names, check_images, document_net

SMALLEST = 193  # pixels: five strides leave 7x7, which the last pool looks at

# filters: 1x1; 3x3 behind a 1x1; 5x5 behind a 1x1; 1x1 behind a pool [1, table 1]
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),  # (N, 28, 28, 256)
    "3b": (128, 128, 192, 32, 96, 64),  # (N, 28, 28, 480)
    "4a": (192, 96, 208, 16, 48, 64),  # (N, 14, 14, 512)
    "4b": (160, 112, 224, 24, 64, 64),  # (N, 14, 14, 512)
    "4c": (128, 128, 256, 24, 64, 64),  # (N, 14, 14, 512)
    "4d": (112, 144, 288, 32, 64, 64),  # (N, 14, 14, 528)
    "4e": (256, 160, 320, 32, 128, 128),  # (N, 14, 14, 832): 004-E17
    "5a": (256, 160, 320, 32, 128, 128),  # (N, 7, 7, 832)
    "5b": (384, 192, 384, 48, 128, 128),  # (N, 7, 7, 1024)
}
POOL_AFTER = {"3b": "maxpool_3", "4e": "maxpool_4"}
HEAD_AFTER = {"4a": "aux_1", "4d": "aux_2"}


def _conv(x: Any, filters: int, size: int, name: str, stride: int = 1) -> Any:
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
) -> Callable[[Any], Any]:
    """Four branches side by side: a function of [N, H, W, C] -> [N, H, W, sum of their widths].

    The widths of the branches are ch1x1, ch3x3, ch5x5 and pool_proj. ``names`` counts the layers
    of the whole model; without it they are counted from here.
    """

    def module(x: Any) -> Any:
        layer = names or auto_names()
        with tf.variable_scope(name):
            branch1 = _conv(x, ch1x1, 1, layer("conv2d"))
            with tf.variable_scope(layer("sequential")):
                branch2 = _conv(x, ch3x3red, 1, layer("conv2d"))
                branch2 = _conv(branch2, ch3x3, 3, layer("conv2d"))
            with tf.variable_scope(layer("sequential")):
                branch3 = _conv(x, ch5x5red, 1, layer("conv2d"))
                branch3 = _conv(branch3, ch5x5, 5, layer("conv2d"))
            with tf.variable_scope(layer("sequential")):
                branch4 = tf.layers.max_pooling2d(x, 3, 1, padding="same")
                branch4 = _conv(branch4, pool_proj, 1, layer("conv2d"))
            return tf.concat([branch1, branch2, branch3, branch4], 3)

    return module


def InceptionAux(
    num_classes: int, *, name: str = "inception_aux", names: Names | None = None
) -> Callable[..., Any]:
    """An auxiliary head: a function of ([N, H, W, C], is_training=False) -> [N, num_classes].

    It returns logits (004-E29). ``names`` as in ``Inception``; ``dropout`` of the function is the
    share of units that is dropped ahead of each of the two dense layers.
    """

    def head(x: Any, is_training: Any = False, *, dropout: float = 0.5) -> Any:
        layer = names or auto_names()
        with tf.variable_scope(name):
            x = tf.layers.average_pooling2d(x, 5, 3)  # (N, 4, 4, 512), (N, 4, 4, 528)
            x = _conv(x, 128, 1, layer("conv2d"))  # (N, 4, 4, 128)
            x = tf.layers.flatten(x)  # (N, 2048)
            x = tf.layers.dropout(x, dropout, training=is_training)
            x = tf.layers.dense(x, 1024, activation=tf.nn.relu, name=layer("dense"))  # (N, 1024)
            x = tf.layers.dropout(x, dropout, training=is_training)
            return tf.layers.dense(x, num_classes, name=layer("dense"))

    return head


def googlenet(
    images: Any,
    num_classes: int = 1000,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
    aux_logits: bool = True,
    dropout: float = 0.4,
    aux_dropout: float = 0.5,
) -> tuple[Any, dict[str, Any]]:
    """GoogLeNet.

    Args:
      images: float32 [N, H, W, 3] in [0, 1], H and W known; the document: 224x224.
      num_classes: units of the last layer of each head.
      is_training: bool or bool tensor: dropout.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.
      aux_logits: build the auxiliary heads, the end points "aux_1" and "aux_2". They are counted
        among the layers: names behind the first differ with and without them (004-E21).
      dropout: share of units that is dropped ahead of the last layer.
      aux_dropout: the same, of the dense layers of the auxiliary heads.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images of unknown size or below 193x193 pixels.
    """
    check_images(images, "googlenet", SMALLEST)
    end_points: dict[str, Any] = {}
    names = auto_names()
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = _stem(images, end_points)
        for module, widths in MODULES.items():
            key = f"inception_{module}"
            end_points[key] = x = Inception(*widths, name=key, names=names)(x)
            if module in HEAD_AFTER and aux_logits:
                key = HEAD_AFTER[module]
                head = InceptionAux(num_classes, name=key, names=names)
                end_points[key] = head(x, is_training, dropout=aux_dropout)
            if module in POOL_AFTER:  # (N, 14, 14, 480), (N, 7, 7, 832)
                x = tf.layers.max_pooling2d(x, 3, 2, padding="same")
                end_points[POOL_AFTER[module]] = x
        x = tf.layers.average_pooling2d(x, 7, 1)
        end_points["avgpool_1"] = x  # (N, 1, 1, 1024)
        x = tf.layers.flatten(x)
        end_points["output_flatten"] = x  # (N, 1024)
        x = tf.layers.dropout(x, dropout, training=is_training)
        logits = tf.layers.dense(x, num_classes, name="output_dense")
        end_points["logits"] = logits
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def _stem(x: Any, end_points: dict[str, Any]) -> Any:
    """Three convolutions and two pools; the sizes are those for 224x224."""
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


def GoogLeNet(
    im_height: int = 224, im_width: int = 224, class_num: int = 1000, aux_logits: bool = False
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """The document's model: a function of the images (see ``keras_style``)."""
    return document_net(googlenet, class_num, (im_height, im_width), aux_logits=aux_logits)
