"""The demo of the TensorFlow 2 notes: one convolution and two dense layers, for MNIST.

Papers:  [1] MNIST and LeNet, doi:10.1109/5.726791
Source:  tutorial document 004, section TensorflowDemo
Input:   NHWC float32, 28x28, one channel in [0, 1]
Names:   my_model/conv2d/kernel, my_model/conv2d/bias, my_model/dense/kernel,
         my_model/dense_1/kernel, ...
Differs: 004-E29 returns logits; the softmax is the end point "predictions"
"""

from __future__ import annotations

from collections.abc import Callable

from legacy_nets import tf1 as tf
from legacy_nets.nets.parts.keras_style import check_images, document_net
from legacy_nets.types import IsTraining, NetOutputs, Reuse, Tensor

layers = tf.layers

SMALLEST = 3  # pixels: the VALID 3x3 convolution


def MyModel() -> Callable[..., NetOutputs]:
    """Returns the document's model, a function of the images (see ``keras_style``).

    Its layers are the lines of ``demo_cnn``.
    """
    return document_net(demo_cnn, num_classes=10)


def demo_cnn(
    images: Tensor,
    num_classes: int = 10,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "my_model",
) -> NetOutputs:
    """Builds the demo model.

    Args:
      images: float32 [N, H, W, C] in [0, 1], H, W and C known; the document: 28x28x1.
      num_classes: units of the last layer.
      is_training: nothing here depends on it.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images of unknown size or below 3x3 pixels.
    """
    check_images(images, "demo_cnn", SMALLEST)
    end_points = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = layers.conv2d(images, 32, 3, activation="relu", name="conv2d")
        end_points["conv1"] = x  # (N, 26, 26, 32)
        x = layers.flatten(x)
        end_points["flatten"] = x  # (N, 21632)
        x = layers.dense(x, 128, activation="relu", name="dense")
        end_points["dense1"] = x  # (N, 128)
        logits = layers.dense(x, num_classes, name="dense_1")
        end_points["logits"] = logits  # (N, 10)
        end_points["predictions"] = tf.nn.softmax(logits)  # (N, 10)
    return logits, end_points
