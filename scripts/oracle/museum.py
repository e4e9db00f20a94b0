"""Saves a museum of small old models with TensorFlow 1.15.5: five forms, five nets, any number.

  .oracle/bin/python scripts/oracle/museum.py FOLDER [COUNT]

FOLDER/models gets COUNT models [default: 500], a folder each; every twentieth is one that cannot be
ported to ONNX. FOLDER/io gets for each of the others a .npz ("in:NAME", "out:NAME"): what
TensorFlow computes. ``scripts/bench/port_museum.py`` ports them.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from user_graphs import fill, save_checkpoint, save_frozen, save_served

layers = tf.keras.layers


def dense(x, width):
    """Two dense layers."""
    return tf.layers.dense(tf.layers.dense(tf.layers.flatten(x), width, tf.nn.relu), 4)


def convolutions(x, width):
    """Convolutions with batch norm."""
    x = tf.layers.conv2d(x, width, 3, activation=tf.nn.relu)
    x = tf.layers.batch_normalization(x)
    return tf.layers.dense(tf.layers.flatten(tf.layers.max_pooling2d(x, 2, 2)), 4)


def separable(x, width):
    """Separable and transposed convolutions, local response normalization."""
    x = tf.nn.lrn(tf.layers.separable_conv2d(x, width, 3, padding="same"))
    x = tf.layers.conv2d_transpose(tf.nn.leaky_relu(x), 3, 3, 2, "same")
    return tf.reduce_mean(x, [1, 2])


def recurrent(x, width):
    """A GRU over the rows of the picture."""
    rows = tf.reshape(x, [-1, 8, 8 * 3])
    _, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(width), rows, dtype=tf.float32)
    return tf.layers.dense(state, 4)


def unrolled(x, width):
    """An LSTM over the rows of the picture, unrolled."""
    rows = tf.unstack(tf.reshape(x, [-1, 8, 8 * 3]), axis=1)
    outputs, _ = tf.nn.static_rnn(tf.nn.rnn_cell.LSTMCell(width), rows, dtype=tf.float32)
    return tf.layers.dense(outputs[-1], 4)


NETS = (dense, convolutions, separable, recurrent, unrolled)
FORMS = ("v2", "v1", "frozen", "saved_model", "h5")
KERAS = (
    lambda width: [layers.Flatten(), layers.Dense(width, "relu"), layers.Dense(4)],
    lambda width: [layers.Conv2D(width, 3), layers.BatchNormalization(), layers.Flatten()],
    lambda width: [layers.SeparableConv2D(width, 3), layers.PReLU(), layers.MaxPooling2D(2)],
    lambda width: [layers.Reshape([8, 24]), layers.GRU(width), layers.Dense(4)],
    lambda width: [layers.Reshape([8, 24]), layers.LSTM(width), layers.Dense(4, "softmax")],
)


def save_keras(folder, number, width, value, last):
    """Saves a complete Keras model; ``last``: one more layer, if any."""
    model = tf.keras.Sequential([layers.InputLayer([8, 8, 3]), *KERAS[number](width), *last])
    model.save(os.path.join(folder, "model.h5"))
    return {model.output.op.name: model.predict(value)}, model.input.op.name


def save_graph(folder, form, net, width, value):
    """Saves a graph with its weights; returns what it computes, and the name of its input."""
    x = tf.placeholder(tf.float32, [None, 8, 8, 3], name="x")
    tf.nn.softmax(net(x, width), name="scores")
    with tf.Session() as session:
        fill(session)
        if form == "frozen":
            save_frozen(session, folder, ["scores"])
        elif form == "saved_model":
            save_served(session, folder, ["x"], ["scores"])
        else:
            save_checkpoint(session, folder, write_version=getattr(tf.train.SaverDef, form.upper()))
        return session.run({"scores": "scores:0"}, {x: value}), "x"


def save_broken(folder, number, value):
    """Saves a model that cannot be ported to ONNX, of one of five kinds."""
    if number % 5 == 0:  # a checkpoint without its graph
        save_graph(folder, "v2", dense, 8, value)
        os.remove(os.path.join(folder, "model.ckpt-100.meta"))
    elif number % 5 == 1:  # cut short
        save_graph(folder, "frozen", convolutions, 8, value)
        with open(os.path.join(folder, "frozen.pb"), "r+b") as file:
            file.truncate(os.path.getsize(file.name) // 2)
    elif number % 5 == 2:  # weights without layers
        model = tf.keras.Sequential([layers.Dense(4, input_shape=[8])])
        model.save_weights(os.path.join(folder, "weights.h5"))
    elif number % 5 == 3:  # Python code
        save_keras(folder, 0, 8, value, [layers.Lambda(lambda x: x * 2)])
    else:  # a lookup table
        x = tf.placeholder(tf.float32, [None, 8], name="x")
        table = tf.contrib.lookup.index_to_string_table_from_tensor(["cat", "dog"])
        names = table.lookup(tf.argmax(tf.layers.dense(x, 2), 1))
        tf.identity(names, name="names")
        with tf.Session() as session:
            fill(session)
            save_served(session, folder, ["x"], ["names"], tf.tables_initializer())


def main(folder, count=500):
    """Saves the models, and what they compute."""
    tf.logging.set_verbosity(tf.logging.ERROR)
    os.makedirs(os.path.join(folder, "io"))
    value = np.random.RandomState(7).uniform(size=[2, 8, 8, 3]).astype(np.float32)
    for number in range(int(count)):
        form, net, width = number % 5, number // 5 % 5, 4 + number // 25
        is_broken = number % 20 == 19
        name = "{:03d}_{}".format(number, "broken" if is_broken else FORMS[form])
        place = os.path.join(folder, "models", name)
        os.makedirs(place)
        with tf.Graph().as_default(), tf.Session().as_default():
            if is_broken:
                save_broken(place, number // 20, value)
                continue
            if FORMS[form] == "h5":
                outputs, x = save_keras(place, net, width, value, [])
            else:
                outputs, x = save_graph(place, FORMS[form], NETS[net], width, value)
        arrays = {"out:" + key: array for key, array in outputs.items()}
        np.savez(os.path.join(folder, "io", name + ".npz"), **arrays, **{"in:" + x: value})


if __name__ == "__main__":
    main(*sys.argv[1:])
