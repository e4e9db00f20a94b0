"""Names, defaults and first weights of Keras: both sides run this file.

  keras_names.py keras OUT.json      Keras 2.3.1, the package
  keras_names.py tf.keras OUT.json   tf.keras of TensorFlow 1.15.5

The golden files were written under Python 3.7 with tensorflow 1.15.5; the first also with
``pip install --no-deps keras==2.3.1 scipy==1.4.1 pyyaml`` in a copy of the oracle.
"""

from __future__ import annotations

import collections
import json
import sys

import numpy as np
import tensorflow as tf

tf.logging.set_verbosity(tf.logging.ERROR)
CASES = collections.OrderedDict()  # name -> function of keras
VECTOR, SERIES, IMAGE, CLIP = (8,), (5, 3), (8, 8, 3), (5, 8, 8, 3)
LAYERS = {  # expression -> shape of the input
    "Dense(3, activation='relu')": VECTOR,
    "Dense(3, activation='softmax')": VECTOR,
    "Conv2D(4, 3, activation='relu')": IMAGE,
    "Conv2DTranspose(4, 3, strides=2)": IMAGE,
    "SeparableConv2D(4, 3)": IMAGE,
    "DepthwiseConv2D(3)": IMAGE,
    "Conv1D(4, 3, activation='relu')": SERIES,
    "LocallyConnected1D(4, 3, activation='relu')": SERIES,
    "MaxPooling2D()": IMAGE,
    "AveragePooling2D()": IMAGE,
    "GlobalAveragePooling2D()": IMAGE,
    "GlobalMaxPooling1D()": SERIES,
    "ZeroPadding2D()": IMAGE,
    "Cropping2D()": IMAGE,
    "Flatten()": IMAGE,
    "Reshape((2, 4))": VECTOR,
    "Permute((2, 1))": SERIES,
    "RepeatVector(2)": VECTOR,
    "Activation('softmax')": VECTOR,
    "LeakyReLU()": VECTOR,
    "ReLU(6)": VECTOR,
    "Lambda(lambda x: x * 2)": VECTOR,
    "TimeDistributed(Dense(4))": SERIES,
    "Masking()": SERIES,
}
# Their weights alone: Keras made other ops of them.
LAYERS_OF_OTHER_OPS = {
    "PReLU()": VECTOR,
    "Embedding(10, 3)": VECTOR,
    "SimpleRNN(4)": SERIES,
    "LSTM(4)": SERIES,
    "LSTM(4, return_sequences=True)": SERIES,
    "GRU(4)": SERIES,
    "Bidirectional(LSTM(4))": SERIES,
    "Bidirectional(GRU(4, return_sequences=True), merge_mode='sum')": SERIES,
    "RNN([LSTMCell(4), GRUCell(3)])": SERIES,
    "RNN(SimpleRNNCell(4))": SERIES,
    "ConvLSTM2D(4, 3)": CLIP,
    "BatchNormalization()": IMAGE,
    "Conv3D(4, 3)": CLIP,
    "SeparableConv1D(4, 3)": SERIES,
}


def case(function):
    """Enters a model under the name of its function."""
    CASES[function.__name__] = function
    return function


def describe_layer(keras, expression, shape, with_output=True):
    """Names of two layers of a model, the model, their weights; and their output tensors."""
    x = keras.layers.Input(shape)
    made = [eval(expression, vars(keras.layers).copy(), {}) for _ in range(2)]
    outputs = [layer(x) for layer in made]
    model = keras.models.Model(x, outputs)
    names = [x.name, *[layer.name for layer in made], model.name]
    names += [w.name for w in model.weights]
    return names + [y.name for y in outputs] * with_output


@case
def nested_calls(keras):
    dense = keras.layers.Dense
    x = keras.layers.Input((4,))
    model = keras.models.Model(x, dense(4)(dense(4)(dense(4)(x))))
    return [[layer.name for layer in model.layers], model.name, [w.name for w in model.weights]]


@case
def nested_models(keras):
    layers, sequential = keras.layers, keras.models.Sequential
    norm = layers.BatchNormalization
    inner = sequential([layers.Dense(3, input_shape=(4,)), norm(), layers.Dense(2)])
    late = sequential([layers.Dense(3), layers.Dense(2)])
    late.build((None, 2))
    outer = sequential([inner, norm(), layers.Dense(1, name="mine"), layers.Dense(1)])
    x = layers.Input((4,))
    functional = keras.models.Model(x, late(inner(x)))
    return [
        [m.name, [layer.name for layer in m.layers], [w.name for w in m.weights]]
        + [list(w.shape) for w in m.get_weights()]
        for m in (inner, late, outer, functional)
    ]


@case
def frozen_layers(keras):
    layers = keras.layers
    model = keras.models.Sequential(
        [layers.Dense(3, input_shape=(4,)), layers.BatchNormalization(), layers.Dense(2)]
    )
    model.layers[0].trainable = False
    return [[w.name for w in model.weights], [list(w.shape) for w in model.get_weights()]]


@case
def shared_layers(keras):
    x = keras.layers.Input((4,))
    dense = keras.layers.Dense(4)
    y = dense(dense(x))
    model = keras.models.Model(x, y)
    return [y.name, model(x).name, [w.name for w in model.weights]]


@case
def merged_layers(keras):
    layers = keras.layers
    a, b = layers.Input((4,)), layers.Input((4,))
    merged = [layers.add([a, b]), layers.concatenate([a, b]), layers.Multiply()([a, b])]
    merged += [layers.Subtract()([a, b]), layers.average([a, b])]
    return [[a.name, b.name], [y.name for y in merged]]


@case
def own_layers(keras):
    class HTTPLayer2D(keras.layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(name="table", shape=(4, 3), initializer="uniform")
            self.built = True

        def call(self, x):
            return keras.backend.dot(x, self.table)

        def compute_output_shape(self, shape):
            return shape[0], 3

    x = keras.layers.Input((4,))
    made = HTTPLayer2D(), HTTPLayer2D()
    outputs = [layer(x) for layer in made]
    return [[layer.name, layer.weights[0].name] for layer in made] + [y.name for y in outputs]


@case
def cleared_session(keras):
    first = keras.layers.Dense(2).name
    keras.backend.clear_session()
    return [first, keras.layers.Dense(2).name, keras.layers.Dense(2).name]


@case
def training(keras):
    results = []
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta"):
        keras.backend.clear_session()
        model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(1,))])
        model.compile(getattr(keras.optimizers, name)(), "mse", metrics=["accuracy", "mae"])
        model.set_weights([np.ones((1, 1)), np.zeros(1)])
        history = model.fit(np.ones((4, 1)), np.zeros((4, 1)), epochs=3, verbose=0).history
        losses = [round(float(loss), 5) for loss in history["loss"]]
        results.append([name, model.metrics_names, sorted(history), losses])
    return results


@case
def learning_rates(keras):
    rates = []
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"):
        optimizer = getattr(keras.optimizers, name)()
        rates.append([name, round(float(optimizer.get_config()["learning_rate"]), 6)])
    return rates


@case
def recurrent_defaults(keras):
    configs = [getattr(keras.layers, name)(2).get_config() for name in ("LSTM", "GRU")]
    return [[c["recurrent_activation"], c["implementation"]] for c in configs]


def first_weights(keras):
    """Sums of the weights under a seed of NumPy (Keras drew its seeds from there)."""
    layers = keras.layers
    np.random.seed(3)
    tf.set_random_seed(3)
    made = [layers.Conv1D(4, 2, input_shape=SERIES), layers.Dropout(0.5), layers.LSTM(3)]
    made += [layers.Dense(2, kernel_initializer="he_normal"), layers.Dense(2)]
    made += [layers.Dense(2, kernel_initializer=keras.initializers.RandomUniform(seed=7))]
    model = keras.models.Sequential(made)
    return [round(float(np.abs(w).sum()), 5) for w in model.get_weights()]


def main():
    package, out = sys.argv[1:]
    if package == "keras":
        import keras

        CASES["first_weights"] = first_weights
    else:
        keras = tf.keras
    results = collections.OrderedDict(version=keras.__version__)
    for layers, with_output in ((LAYERS, True), (LAYERS_OF_OTHER_OPS, False)):
        for expression, shape in layers.items():
            keras.backend.clear_session()
            results[expression] = describe_layer(keras, expression, shape, with_output)
    for name, function in CASES.items():
        keras.backend.clear_session()
        results[name] = function(keras)
    lines = ["%s: %s" % (json.dumps(name), json.dumps(value)) for name, value in results.items()]
    with open(out, "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
