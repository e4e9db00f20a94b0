"""Document 004's GoogLeNet as a Keras 2 model, without its auxiliary heads."""

from __future__ import annotations

from legacy_nets import tf1 as tf
from legacy_nets.nets.googlenet import SMALLEST
from legacy_nets.nets.parts.keras_style import Names, auto_names, check_images
from legacy_nets.types import KerasModel, Layer, Tensor

layers = tf.keras.layers


class _Inception(tf.keras.Model):  # type: ignore[name-defined]  # mypy does not see into tf1
    """Four branches next to each other: [N, H, W, C] -> [N, H, W, sum of the branches]."""

    def __init__(self, filters: tuple[int, int, int, int, int, int], name: str, names: Names):
        super().__init__(name=name)
        ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj = filters

        def conv(count: int, size: int, scope: str = "") -> Layer:
            layer_name = scope + names("conv2d")
            return layers.Conv2D(count, size, padding="same", activation="relu", name=layer_name)

        self.branch1 = conv(ch1x1, 1)
        # Keras leaves the scopes around a Sequential out of the names of its layers.
        scope = names("sequential")
        inner = [conv(ch3x3red, 1, f"{name}/{scope}/"), conv(ch3x3, 3, f"{name}/{scope}/")]
        self.branch2 = tf.keras.Sequential(inner, name=scope)
        scope = names("sequential")
        inner = [conv(ch5x5red, 1, f"{name}/{scope}/"), conv(ch5x5, 5, f"{name}/{scope}/")]
        self.branch3 = tf.keras.Sequential(inner, name=scope)
        scope = names("sequential")
        inner = [layers.MaxPool2D(3, 1, "same"), conv(pool_proj, 1, f"{name}/{scope}/")]
        self.branch4 = tf.keras.Sequential(inner, name=scope)

    def call(self, inputs: Tensor) -> Tensor:
        """Runs the branches."""
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return tf.concat([branch(inputs) for branch in branches], axis=3)


def googlenet(num_classes: int, height: int, width: int, dropout: float = 0.4) -> KerasModel:
    """Builds GoogLeNet: images [N, H, W, 3] in [0, 1] -> probabilities [N, num_classes]."""
    images = layers.Input((height, width, 3), dtype="float32")
    check_images(images, "googlenet", SMALLEST)
    names = auto_names()

    def conv(filters: int, size: int, strides: int, name: str) -> Layer:
        return layers.Conv2D(filters, size, strides, "same", activation="relu", name=name)

    x = conv(64, 7, 2, "conv2d_1")(images)
    x = layers.MaxPool2D(3, 2, "same")(x)
    x = conv(64, 1, 1, "conv2d_2")(x)
    x = conv(192, 3, 1, "conv2d_3")(x)
    x = layers.MaxPool2D(3, 2, "same")(x)
    x = _Inception((64, 96, 128, 16, 32, 32), "inception_3a", names)(x)
    x = _Inception((128, 128, 192, 32, 96, 64), "inception_3b", names)(x)
    x = layers.MaxPool2D(3, 2, "same")(x)
    x = _Inception((192, 96, 208, 16, 48, 64), "inception_4a", names)(x)
    x = _Inception((160, 112, 224, 24, 64, 64), "inception_4b", names)(x)
    x = _Inception((128, 128, 256, 24, 64, 64), "inception_4c", names)(x)
    x = _Inception((112, 144, 288, 32, 64, 64), "inception_4d", names)(x)
    x = _Inception((256, 160, 320, 32, 128, 128), "inception_4e", names)(x)
    x = layers.MaxPool2D(3, 2, "same")(x)
    x = _Inception((256, 160, 320, 32, 128, 128), "inception_5a", names)(x)
    x = _Inception((384, 192, 384, 48, 128, 128), "inception_5b", names)(x)
    x = layers.AvgPool2D(7, 1)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(num_classes, name="output_dense")(x)
    return tf.keras.Model(images, layers.Softmax()(x), name="googlenet")
