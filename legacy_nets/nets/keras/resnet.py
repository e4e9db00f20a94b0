"""Document 004's ResNets as Keras 2 models.

A unit lists its main path before its shortcut, as the document's layers do and its files want. The
graph nets build the shortcut first.
"""

from __future__ import annotations

from collections.abc import Sequence

from legacy_nets import tf1 as tf
from legacy_nets.nets.parts.keras_style import Names, auto_names
from legacy_nets.nets.resnet import BasicBlock, Block, Bottleneck
from legacy_nets.types import KerasModel, Layer, Tensor

layers = tf.keras.layers
_NORM = "batch_normalization"


def _conv(filters: int, size: int, strides: int, name: str) -> Layer:
    return layers.Conv2D(filters, size, strides, "same", use_bias=False, name=name)


def _batch_norm(name: str, epsilon: float = 1e-5) -> Layer:
    return layers.BatchNormalization(momentum=0.9, epsilon=epsilon, name=name)


class _Unit(tf.keras.Model):  # type: ignore[name-defined]  # mypy does not see into tf1
    """A residual unit: [N, H, W, C] -> [N, ceil(H/strides), ..., channel * expansion]."""

    def __init__(
        self,
        block: type[Block],
        channel: int,
        strides: int,
        projects: bool,
        scope: str,
        name: str,
        names: Names,
    ) -> None:
        super().__init__(name=name)
        filters = channel * block.expansion

        # Keras leaves the scopes around a Sequential out of the names of its layers.
        def conv(count: int, size: int, step: int, layer_name: str) -> Layer:
            return _conv(count, size, step, f"{scope}/{name}/{layer_name}")

        def batch_norm(layer_name: str, epsilon: float = 1e-5) -> Layer:
            return _batch_norm(f"{scope}/{name}/{layer_name}", epsilon)

        if block is Bottleneck:
            main_path = [
                *(conv(channel, 1, 1, "conv1"), batch_norm("conv1/BatchNorm"), layers.ReLU()),
                *(conv(channel, 3, strides, "conv2"), batch_norm("conv2/BatchNorm")),
                *(layers.ReLU(), conv(filters, 1, 1, "conv3"), batch_norm("conv3/BatchNorm")),
            ]
        else:
            main_path = [
                *(conv(channel, 3, strides, names("conv2d")), batch_norm(names(_NORM))),
                *(layers.ReLU(), conv(filters, 3, 1, names("conv2d")), batch_norm(names(_NORM))),
            ]
        self.main_path = tf.keras.Sequential(main_path, name="main_path")
        self.downsample = None
        if projects:
            projection = [
                conv(filters, 1, strides, "shortcut/conv1"),
                batch_norm("shortcut/BatchNorm", 1.001e-5),  # 004-E23
            ]
            self.downsample = tf.keras.Sequential(projection, name="shortcut")

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Adds the shortcut and the main path."""
        identity = self.downsample(inputs, training=training) if self.downsample else inputs
        return tf.nn.relu(identity + self.main_path(inputs, training=training))


def _build_resnet(
    name: str,
    block: type[Block],
    blocks_num: Sequence[int],
    num_classes: int,
    height: int,
    width: int,
) -> KerasModel:
    """Builds a net of four blocks of units; shapes are for images of 224x224."""
    images = layers.Input((height, width, 3), dtype="float32")
    x = _conv(64, 7, 2, "conv1")(images)
    x = layers.ReLU()(_batch_norm("conv1/BatchNorm")(x))
    x = layers.MaxPool2D(3, 2, "same")(x)
    names = auto_names()
    channels = 64
    for number, count in enumerate(blocks_num, 1):
        channel = 32 << number  # 64, 128, 256, 512
        scope = f"block{number}"
        units = []
        for index in range(count):
            strides = 2 if number > 1 and index == 0 else 1
            projects = strides != 1 or channels != channel * block.expansion
            units.append(
                _Unit(block, channel, strides, projects, scope, f"unit_{index + 1}", names)
            )
            channels = channel * block.expansion
        x = tf.keras.Sequential(units, name=scope)(x)
    x = layers.GlobalAvgPool2D()(x)
    x = layers.Dense(num_classes, name="logits")(x)
    return tf.keras.Model(images, layers.Softmax()(x), name=name)


def resnet34(num_classes: int, height: int, width: int) -> KerasModel:
    """Builds ResNet-34: images [N, H, W, 3] without their mean -> probabilities."""
    return _build_resnet("resnet34", BasicBlock, [3, 4, 6, 3], num_classes, height, width)


def resnet50(num_classes: int, height: int, width: int) -> KerasModel:
    """Builds ResNet-50, as ``resnet34``."""
    return _build_resnet("resnet50", Bottleneck, [3, 4, 6, 3], num_classes, height, width)


def resnet101(num_classes: int, height: int, width: int) -> KerasModel:
    """Builds ResNet-101, as ``resnet34``."""
    return _build_resnet("resnet101", Bottleneck, [3, 4, 23, 3], num_classes, height, width)
