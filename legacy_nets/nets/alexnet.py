"""AlexNet with half the filters of the paper, in the two versions of the TensorFlow 2 notes.

Papers:  [1] AlexNet, doi:10.1145/3065386  [2] dropout, arXiv:1207.0580
Source:  tutorial document 004, section AlexNet
Input:   NHWC float32, 224x224, RGB in [0, 1]
Names:   v1 conv2d/kernel, ..., conv2d_4/bias, dense/kernel, ..., dense_2/bias; v2
         alex_net_v2/sequential/conv2d/kernel, ..., alex_net_v2/sequential_1/dense_2/bias
Differs: 004-E08, E09 v2's dense layers have 1024 and 128 units (its comments: 2048 and 2048),
         the last one ``num_classes`` (the comments: 5)
         004-E29 return logits; the softmax is the end point "predictions"
         004-E39 kept: no local response normalisation, which the text mentions
         004-E40 kept: the widths of one of the paper's two towers. This is not torchvision's
         AlexNet (64, 192, 384, 256, 256 filters, 4096 units), whose weights do not fit
"""

from __future__ import annotations

from collections.abc import Callable

from legacy_nets import tf1 as tf
from legacy_nets.nets.parts.keras_style import check_images, document_net
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

layers = tf.layers

SMALLEST = 64  # pixels: 15-7-3-1, the last pool has 3x3 to look at


def AlexNet_v1(
    im_height: int = 224, im_width: int = 224, num_classes: int = 1000
) -> Callable[..., NetOutputs]:
    """Returns the document's version 1, a function of the images (see ``keras_style``).

    Its layers are the lines of ``alexnet_v1``.
    """
    return document_net(alexnet_v1, num_classes, (im_height, im_width))


def alexnet_v1(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    dropout: float = 0.2,
) -> NetOutputs:
    """Builds version 1: dense layers of 2048 units; all names are in the current scope.

    Args:
      images: float32 [N, H, W, 3] in [0, 1], H and W known; the document: 224x224.
      num_classes: units of the last layer.
      is_training: bool or bool tensor: dropout.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.
      dropout: share of units that is dropped before the first two dense layers.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images of unknown size or below 64x64 pixels.
    """
    check_images(images, "alexnet_v1", SMALLEST)
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = tf.pad(images, [[0, 0], [1, 2], [1, 2], [0, 0]])
        end_points["pad"] = x  # (N, 227, 227, 3)
        x = layers.conv2d(x, 48, kernel_size=11, strides=4, activation="relu", name="conv2d")
        end_points["conv1"] = x  # (N, 55, 55, 48)
        x = layers.max_pooling2d(x, pool_size=3, strides=2)
        end_points["pool1"] = x  # (N, 27, 27, 48)
        x = layers.conv2d(x, 128, kernel_size=5, padding="same", activation="relu", name="conv2d_1")
        end_points["conv2"] = x  # (N, 27, 27, 128)
        x = layers.max_pooling2d(x, pool_size=3, strides=2)
        end_points["pool2"] = x  # (N, 13, 13, 128)
        x = layers.conv2d(x, 192, kernel_size=3, padding="same", activation="relu", name="conv2d_2")
        end_points["conv3"] = x  # (N, 13, 13, 192)
        x = layers.conv2d(x, 192, kernel_size=3, padding="same", activation="relu", name="conv2d_3")
        end_points["conv4"] = x  # (N, 13, 13, 192)
        x = layers.conv2d(x, 128, kernel_size=3, padding="same", activation="relu", name="conv2d_4")
        end_points["conv5"] = x  # (N, 13, 13, 128)
        x = layers.max_pooling2d(x, pool_size=3, strides=2)
        end_points["pool3"] = x  # (N, 6, 6, 128)
        x = layers.flatten(x)
        end_points["flatten"] = x  # (N, 6*6*128)
        x = layers.dropout(x, dropout, training=is_training)
        x = layers.dense(x, 2048, activation="relu", name="dense")
        end_points["dense1"] = x  # (N, 2048)
        x = layers.dropout(x, dropout, training=is_training)
        x = layers.dense(x, 2048, activation="relu", name="dense_1")
        end_points["dense2"] = x  # (N, 2048)
        logits = layers.dense(x, num_classes, name="dense_2")
        end_points["logits"] = logits  # (N, num_classes)
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def AlexNet_v2(num_classes: int = 1000) -> Callable[..., NetOutputs]:
    """Returns the document's version 2, a function of the images (see ``keras_style``).

    Its layers are the lines of ``alexnet_v2``.
    """
    return document_net(alexnet_v2, num_classes)


def alexnet_v2(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "alex_net_v2",
    dropout: float = 0.2,
) -> NetOutputs:
    """Builds version 2, a subclass of Model there: dense layers of 1024 and 128 units (004-E08).

    Arguments, result and errors as ``alexnet_v1``'s.
    """
    check_images(images, "alexnet_v2", SMALLEST)
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        with tf.variable_scope("sequential"):  # features
            x = tf.pad(images, [[0, 0], [1, 2], [1, 2], [0, 0]])
            end_points["pad"] = x  # (N, 227, 227, 3)
            x = layers.conv2d(x, 48, kernel_size=11, strides=4, activation="relu", name="conv2d")
            end_points["conv1"] = x  # (N, 55, 55, 48)
            x = layers.max_pooling2d(x, pool_size=3, strides=2)
            end_points["pool1"] = x  # (N, 27, 27, 48)
            x = layers.conv2d(
                x, 128, kernel_size=5, padding="same", activation="relu", name="conv2d_1"
            )
            end_points["conv2"] = x  # (N, 27, 27, 128)
            x = layers.max_pooling2d(x, pool_size=3, strides=2)
            end_points["pool2"] = x  # (N, 13, 13, 128)
            x = layers.conv2d(
                x, 192, kernel_size=3, padding="same", activation="relu", name="conv2d_2"
            )
            end_points["conv3"] = x  # (N, 13, 13, 192)
            x = layers.conv2d(
                x, 192, kernel_size=3, padding="same", activation="relu", name="conv2d_3"
            )
            end_points["conv4"] = x  # (N, 13, 13, 192)
            x = layers.conv2d(
                x, 128, kernel_size=3, padding="same", activation="relu", name="conv2d_4"
            )
            end_points["conv5"] = x  # (N, 13, 13, 128)
            x = layers.max_pooling2d(x, pool_size=3, strides=2)
            end_points["pool3"] = x  # (N, 6, 6, 128)
        x = layers.flatten(x)
        end_points["flatten"] = x  # (N, 6*6*128)
        with tf.variable_scope("sequential_1"):  # classifier
            x = layers.dropout(x, dropout, training=is_training)
            x = layers.dense(x, 1024, activation="relu", name="dense")
            end_points["dense1"] = x  # (N, 1024); 004-E08
            x = layers.dropout(x, dropout, training=is_training)
            x = layers.dense(x, 128, activation="relu", name="dense_1")
            end_points["dense2"] = x  # (N, 128); 004-E08
            logits = layers.dense(x, num_classes, name="dense_2")
            end_points["logits"] = logits  # (N, num_classes)
            end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points
