"""Document 004's demo CNN, AlexNet, VGG and GoogLeNet as Keras models, to compare with.

``keras`` is tf.keras, of TensorFlow 1.15.5 (Python 3.7) or of ``legacy_nets.tf1``. ``MODELS`` maps
a net's name to (keras, num_classes, height, width, ...) -> a model. A subclassed model takes any
size and creates its variables when it is called. ``hidden`` narrows VGG for tests.
"""

from __future__ import annotations


def demo_cnn(keras, num_classes=10, height=28, width=28):
    """Builds a subclass called my_model."""
    layers = keras.layers

    class MyModel(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv1 = layers.Conv2D(32, 3, activation="relu")
            self.flatten = layers.Flatten()
            self.d1 = layers.Dense(128, activation="relu")
            self.d2 = layers.Dense(num_classes, activation="softmax")

        def call(self, x, **_):
            return self.d2(self.d1(self.flatten(self.conv1(x))))

    return MyModel()


def _alexnet_features(layers):
    """Lists the layers before the flattening."""
    relu = {"activation": "relu"}
    return [
        layers.ZeroPadding2D(((1, 2), (1, 2))),
        layers.Conv2D(48, 11, 4, **relu),
        layers.MaxPool2D(3, 2),
        layers.Conv2D(128, 5, padding="same", **relu),
        layers.MaxPool2D(3, 2),
        layers.Conv2D(192, 3, padding="same", **relu),
        layers.Conv2D(192, 3, padding="same", **relu),
        layers.Conv2D(128, 3, padding="same", **relu),
        layers.MaxPool2D(3, 2),
    ]


def alexnet_v1(keras, num_classes=1000, height=224, width=224):
    """A functional model."""
    layers = keras.layers
    images = x = layers.Input((height, width, 3), dtype="float32")
    for layer in _alexnet_features(layers):
        x = layer(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(2048, activation="relu")(layers.Dropout(0.2)(x))
    x = layers.Softmax()(layers.Dense(num_classes)(x))
    return keras.Model(images, x)


def alexnet_v2(keras, num_classes=1000, height=224, width=224):
    """A subclass, called alex_net_v2, of two Sequential models."""
    layers = keras.layers

    class AlexNet_v2(keras.Model):
        def __init__(self):
            super().__init__()
            self.features = keras.Sequential(_alexnet_features(layers))
            self.flatten = layers.Flatten()
            self.classifier = keras.Sequential(
                [
                    layers.Dropout(0.2),
                    layers.Dense(1024, activation="relu"),
                    layers.Dropout(0.2),
                    layers.Dense(128, activation="relu"),
                    layers.Dense(num_classes),
                    layers.Softmax(),
                ]
            )

        def call(self, x, **_):
            return self.classifier(self.flatten(self.features(x)))

    return AlexNet_v2()


def _vgg(name):
    counts = {"vgg11": "11222", "vgg13": "22222", "vgg16": "22333", "vgg19": "22444"}[name]

    def build(keras, num_classes=1000, height=224, width=224, hidden=4096):
        """A functional model around a Sequential called feature."""
        layers = keras.layers
        scaling = keras.initializers.VarianceScaling
        conv = {
            "padding": "SAME",
            "activation": "relu",
            "kernel_initializer": scaling(2.0, "fan_out", "truncated_normal"),
        }
        dense = {"kernel_initializer": scaling(1 / 3, "fan_out", "uniform")}
        feature = []
        for filters, count in zip((64, 128, 256, 512, 512), counts):  # noqa: B905 (Python 3.7)
            feature += [layers.Conv2D(filters, 3, **conv) for _ in range(int(count))]
            feature.append(layers.MaxPool2D(2, 2))
        images = layers.Input((height, width, 3), dtype="float32")
        x = layers.Flatten()(keras.Sequential(feature, name="feature")(images))
        for _ in range(2):
            x = layers.Dense(hidden, activation="relu", **dense)(layers.Dropout(0.5)(x))
        x = layers.Softmax()(layers.Dense(num_classes, **dense)(x))
        return keras.Model(images, x)

    return build


def googlenet(keras, num_classes=1000, height=224, width=224, aux_logits=True):
    """A functional model; with ``aux_logits`` its outputs are [aux_1, aux_2, main]."""
    layers = keras.layers

    def conv(filters, size=1, stride=1, **name):
        return layers.Conv2D(filters, size, stride, padding="same", activation="relu", **name)

    def pool(name, stride=2):
        return layers.MaxPool2D(3, stride, padding="same", name=name)

    class Inception(layers.Layer):
        def __init__(self, one, reduce3, three, reduce5, five, project, **more):
            super().__init__(**more)
            self.branch1 = conv(one)
            self.branch2 = keras.Sequential([conv(reduce3), conv(three, 3)])
            self.branch3 = keras.Sequential([conv(reduce5), conv(five, 5)])
            self.branch4 = keras.Sequential([pool(None, 1), conv(project)])

        def call(self, x, **_):
            branches = (self.branch1, self.branch2, self.branch3, self.branch4)
            return layers.concatenate([branch(x) for branch in branches])

    class InceptionAux(layers.Layer):
        def __init__(self, **more):
            super().__init__(**more)
            self.averagePool = layers.AvgPool2D(5, 3)
            self.conv = conv(128)
            self.fc1 = layers.Dense(1024, activation="relu")
            self.fc2 = layers.Dense(num_classes)
            self.softmax = layers.Softmax()
            self.flatten = layers.Flatten()
            self.drop = layers.Dropout(0.5)  # 004-E07: made in call there

        def call(self, x, **_):
            x = self.drop(self.flatten(self.conv(self.averagePool(x))))
            return self.softmax(self.fc2(self.drop(self.fc1(x))))

    images = layers.Input((height, width, 3), dtype="float32")
    x = pool("maxpool_1")(conv(64, 7, 2, name="conv2d_1")(images))
    x = conv(192, 3, name="conv2d_3")(conv(64, name="conv2d_2")(x))
    x = pool("maxpool_2")(x)
    x = Inception(64, 96, 128, 16, 32, 32, name="inception_3a")(x)
    x = Inception(128, 128, 192, 32, 96, 64, name="inception_3b")(x)
    x = pool("maxpool_3")(x)
    x = Inception(192, 96, 208, 16, 48, 64, name="inception_4a")(x)
    heads = [InceptionAux(name="aux_1")(x)] if aux_logits else []
    x = Inception(160, 112, 224, 24, 64, 64, name="inception_4b")(x)
    x = Inception(128, 128, 256, 24, 64, 64, name="inception_4c")(x)
    x = Inception(112, 144, 288, 32, 64, 64, name="inception_4d")(x)
    heads += [InceptionAux(name="aux_2")(x)] if aux_logits else []
    x = Inception(256, 160, 320, 32, 128, 128, name="inception_4e")(x)
    x = pool("maxpool_4")(x)
    x = Inception(256, 160, 320, 32, 128, 128, name="inception_5a")(x)
    x = Inception(384, 192, 384, 48, 128, 128, name="inception_5b")(x)
    x = layers.Flatten(name="output_flatten")(layers.AvgPool2D(7, 1, name="avgpool_1")(x))
    x = layers.Dense(num_classes, name="output_dense")(layers.Dropout(0.4)(x))
    main = layers.Softmax(name="aux_3")(x)
    return keras.Model(images, [*heads, main] if heads else main)


MODELS = {
    "demo_cnn": demo_cnn,
    "alexnet_v1": alexnet_v1,
    "alexnet_v2": alexnet_v2,
    "vgg11": _vgg("vgg11"),
    "vgg13": _vgg("vgg13"),
    "vgg16": _vgg("vgg16"),
    "vgg19": _vgg("vgg19"),
    "googlenet": googlenet,
}
