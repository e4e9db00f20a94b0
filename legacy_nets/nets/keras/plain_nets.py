"""Document 004's demo CNN, AlexNet and VGG as Keras 2 models.

Each layer has the name of its graph net's variables, with its scope: Keras would number the layers
over all models of a process. What is one Sequential or attribute in the document is one layer here,
so that its ``.h5`` files load.
"""

from __future__ import annotations

from legacy_nets import tf1 as tf
from legacy_nets.nets.alexnet import SMALLEST as SMALLEST_ALEXNET
from legacy_nets.nets.parts.keras_style import auto_names, check_images
from legacy_nets.nets.vgg import HIDDEN, cfgs
from legacy_nets.nets.vgg import SMALLEST as SMALLEST_VGG
from legacy_nets.types import KerasModel, Layer

layers = tf.keras.layers


def demo_cnn(num_classes: int, height: int, width: int) -> KerasModel:
    """Builds the demo's net: grey images [N, H, W, 1] -> probabilities [N, num_classes]."""
    images = layers.Input((height, width, 1), dtype="float32")
    check_images(images, "demo_cnn", 3)
    x = layers.Conv2D(32, 3, activation="relu", name="my_model/conv2d")(images)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu", name="my_model/dense")(x)
    x = layers.Dense(num_classes, activation="softmax", name="my_model/dense_1")(x)
    return tf.keras.Model(images, x, name="my_model")


def _list_alexnet_features(scope: str) -> list[Layer]:
    """Lists the layers of AlexNet before the flattening; ``scope`` is "" or ends with a slash."""

    def conv(name: str, filters: int, size: int, strides: int = 1) -> Layer:
        padding = "same" if strides == 1 else "valid"
        return layers.Conv2D(
            filters, size, strides, padding, activation="relu", name=f"{scope}{name}"
        )

    return [
        layers.ZeroPadding2D(((1, 2), (1, 2))),
        conv("conv2d", 48, 11, 4),
        layers.MaxPool2D(3, 2),
        conv("conv2d_1", 128, 5),
        layers.MaxPool2D(3, 2),
        conv("conv2d_2", 192, 3),
        conv("conv2d_3", 192, 3),
        conv("conv2d_4", 128, 3),
        layers.MaxPool2D(3, 2),
    ]


def alexnet_v1(num_classes: int, height: int, width: int, dropout: float = 0.2) -> KerasModel:
    """Builds AlexNet version 1: images [N, H, W, 3] in [0, 1] -> probabilities."""
    images = x = layers.Input((height, width, 3), dtype="float32")
    check_images(images, "alexnet_v1", SMALLEST_ALEXNET)
    for layer in _list_alexnet_features(""):
        x = layer(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(2048, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(2048, activation="relu", name="dense_1")(x)
    x = layers.Dense(num_classes, name="dense_2")(x)
    return tf.keras.Model(images, layers.Softmax()(x), name="alexnet_v1")


def alexnet_v2(num_classes: int, height: int, width: int, dropout: float = 0.2) -> KerasModel:
    """Builds AlexNet version 2, of two Sequential models: images in [0, 1] -> probabilities."""
    images = layers.Input((height, width, 3), dtype="float32")
    check_images(images, "alexnet_v2", SMALLEST_ALEXNET)
    scope = "alex_net_v2/sequential"
    classifier = [
        layers.Dropout(dropout),
        layers.Dense(1024, activation="relu", name=f"{scope}_1/dense"),
        layers.Dropout(dropout),
        layers.Dense(128, activation="relu", name=f"{scope}_1/dense_1"),
        layers.Dense(num_classes, name=f"{scope}_1/dense_2"),
        layers.Softmax(),
    ]
    x = tf.keras.Sequential(_list_alexnet_features(f"{scope}/"), name="sequential")(images)
    x = layers.Flatten()(x)
    x = tf.keras.Sequential(classifier, name="sequential_1")(x)
    return tf.keras.Model(images, x, name="alex_net_v2")


def _build_vgg(
    name: str, num_classes: int, height: int, width: int, hidden: int, dropout: float
) -> KerasModel:
    """Builds VGG around a Sequential called feature: images in [0, 1] -> probabilities."""
    images = layers.Input((height, width, 3), dtype="float32")
    check_images(images, name, SMALLEST_VGG)
    scaling = tf.keras.initializers.VarianceScaling
    conv_name = auto_names()
    feature = [
        layers.MaxPool2D(2, 2)
        if v == "M"
        else layers.Conv2D(
            v,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=scaling(2.0, "fan_out", "truncated_normal"),
            name=f"feature/{conv_name('conv2d')}",
        )
        for v in cfgs[name]
    ]

    def dense(units: int, layer_name: str, activation: str | None = None) -> Layer:
        initializer = scaling(1 / 3, "fan_out", "uniform")
        return layers.Dense(units, activation, kernel_initializer=initializer, name=layer_name)

    x = tf.keras.Sequential(feature, name="feature")(images)
    x = layers.Flatten()(x)
    x = layers.Dropout(dropout)(x)
    x = dense(hidden, "dense", "relu")(x)
    x = layers.Dropout(dropout)(x)
    x = dense(hidden, "dense_1", "relu")(x)
    x = dense(num_classes, "dense_2")(x)
    return tf.keras.Model(images, layers.Softmax()(x), name=name)


def vgg11(
    num_classes: int, height: int, width: int, hidden: int = HIDDEN, dropout: float = 0.5
) -> KerasModel:
    """Builds VGG-11: images [N, H, W, 3] in [0, 1] -> probabilities [N, num_classes]."""
    return _build_vgg("vgg11", num_classes, height, width, hidden, dropout)


def vgg13(
    num_classes: int, height: int, width: int, hidden: int = HIDDEN, dropout: float = 0.5
) -> KerasModel:
    """Builds VGG-13, as ``vgg11``."""
    return _build_vgg("vgg13", num_classes, height, width, hidden, dropout)


def vgg16(
    num_classes: int, height: int, width: int, hidden: int = HIDDEN, dropout: float = 0.5
) -> KerasModel:
    """Builds VGG-16, as ``vgg11``."""
    return _build_vgg("vgg16", num_classes, height, width, hidden, dropout)


def vgg19(
    num_classes: int, height: int, width: int, hidden: int = HIDDEN, dropout: float = 0.5
) -> KerasModel:
    """Builds VGG-19, as ``vgg11``."""
    return _build_vgg("vgg19", num_classes, height, width, hidden, dropout)
