"""Document 004's ResNet as Keras models, to compare with.

``keras`` is tf.keras, of TensorFlow 1.15.5 (Python 3.7) or of ``legacy_nets.tf1``. The names of
layers and attributes are the document's: they are the names in the files.
"""

from __future__ import annotations

UNITS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
}
BASIC = ("resnet18", "resnet34")


def _blocks(keras):
    """Builds the two layers that the document subclasses: basic, bottleneck."""
    layers = keras.layers

    def norm(name=None):
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)

    class Block(layers.Layer):
        def call(self, inputs, training=False):
            identity = self.downsample(inputs) if self.downsample else inputs
            x = inputs
            for number, (conv, bn) in enumerate(self.pairs()):
                x = self.relu(x) if number else x
                x = bn(conv(x), training=training)
            return self.relu(self.add([x, identity]))

    class BasicBlock(Block):
        expansion = 1

        def __init__(self, channels, strides=1, downsample=None, **options):
            super().__init__(**options)
            self.conv1 = layers.Conv2D(channels, 3, strides, "same", use_bias=False)
            self.bn1 = norm()
            self.conv2 = layers.Conv2D(channels, 3, padding="same", use_bias=False)
            self.bn2 = norm()
            self.downsample = downsample
            self.relu, self.add = layers.ReLU(), layers.Add()

        def pairs(self):
            return ((self.conv1, self.bn1), (self.conv2, self.bn2))

    class Bottleneck(Block):
        expansion = 4

        def __init__(self, channels, strides=1, downsample=None, **options):
            super().__init__(**options)
            bare = {"use_bias": False}
            self.conv1 = layers.Conv2D(channels, 1, name="conv1", **bare)
            self.bn1 = norm("conv1/BatchNorm")
            self.conv2 = layers.Conv2D(channels, 3, strides, "same", name="conv2", **bare)
            self.bn2 = norm("conv2/BatchNorm")
            self.conv3 = layers.Conv2D(4 * channels, 1, name="conv3", **bare)
            self.bn3 = norm("conv3/BatchNorm")
            self.relu, self.add = layers.ReLU(), layers.Add()
            self.downsample = downsample

        def pairs(self):
            return ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3))

    return BasicBlock, Bottleneck


def resnet(keras, name, num_classes=1000, height=224, width=224, include_top=True):
    """A functional model."""
    layers = keras.layers
    basic, bottleneck = _blocks(keras)
    block = basic if name in BASIC else bottleneck
    images = layers.Input((height, width, 3), dtype="float32")
    x = layers.Conv2D(64, 7, 2, "same", use_bias=False, name="conv1")(images)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="conv1/BatchNorm")(x)
    x = layers.MaxPool2D(3, 2, padding="same")(layers.ReLU()(x))
    for number, count in enumerate(UNITS[name], 1):
        channels, strides = 32 << number, 1 if number == 1 else 2
        filters = channels * block.expansion
        shortcut = None
        if strides != 1 or x.shape[-1] != filters:
            conv = layers.Conv2D(filters, 1, strides, use_bias=False, name="conv1")
            norm = layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5, name="BatchNorm")
            shortcut = keras.Sequential([conv, norm], name="shortcut")
        units = [block(channels, downsample=shortcut, strides=strides, name="unit_1")]
        units += [block(channels, name=f"unit_{n}") for n in range(2, count + 1)]
        x = keras.Sequential(units, name=f"block{number}")(x)
    if include_top:
        x = layers.GlobalAvgPool2D()(x)
        x = layers.Softmax()(layers.Dense(num_classes, name="logits")(x))
    return keras.Model(images, x)


def transfer(keras, num_classes=5, height=224, width=224):
    """Builds the train script's model: frozen features of resnet50 and a new head."""
    layers = keras.layers
    feature = resnet(keras, "resnet50", height=height, width=width, include_top=False)
    feature.trainable = False
    return keras.Sequential(
        [
            feature,
            layers.GlobalAvgPool2D(),
            layers.Dropout(0.5),
            layers.Dense(1024, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(num_classes),
            layers.Softmax(),
        ]
    )
