"""Saves twelve graphs as users of TensorFlow 1.15.5 save them, and what they compute.

  .oracle/bin/python scripts/oracle/user_graphs.py FOLDER [NAME ...]

FOLDER/NAME gets the files of the model, ``io.npz`` ("in:NAME", "out:NAME") and ``model.json``:
{"model": the file or folder to port, "inputs", "outputs": names of tensors}.
``scripts/matrix/port_matrix.py`` ports them to every target.
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

slim = tf.contrib.slim


def fill(session):
    """Gives every variable values that depend on its place alone."""
    for index, variable in enumerate(tf.global_variables()):
        if variable.dtype.base_dtype.is_floating:
            random = np.random.RandomState(index)
            value = random.uniform(0.1, 0.9, variable.shape.as_list()) * random.choice([-1, 1])
            if "moving_variance" in variable.op.name:
                value = np.abs(value)
            session.run(variable.initializer, {variable.initializer.inputs[1]: value})


def save_checkpoint(session, folder, **saver):
    prefix = os.path.join(folder, "model.ckpt-100")
    tf.train.Saver(**saver).save(session, prefix, write_state=False)
    return "model.ckpt-100.meta"


def save_frozen(session, folder, outputs):
    graph = tf.graph_util.convert_variables_to_constants(
        session, session.graph.as_graph_def(), outputs
    )
    with open(os.path.join(folder, "frozen.pb"), "wb") as file:
        file.write(graph.SerializeToString())
    return "frozen.pb"


def save_served(session, folder, inputs, outputs, init=None):
    get = session.graph.get_tensor_by_name
    tf.saved_model.simple_save(
        session,
        os.path.join(folder, "export", "1"),
        {name: get(name + ":0") for name in inputs},
        {name: get(name + ":0") for name in outputs},
        legacy_init_op=init,
    )
    return os.path.join("export", "1")


def answer(session, model, inputs, outputs, settings=()):
    """What main saves: the file of the model, its inputs, what it computes of them."""
    feeds = dict(settings)
    feeds.update({name + ":0": value for name, value in inputs.items()})
    return model, inputs, session.run({name: name + ":0" for name in outputs}, feeds)


def pictures(size, channels=3, name="images"):
    tf.placeholder(tf.float32, [None, size, size, channels], name=name)
    return tf.get_default_graph().get_tensor_by_name(name + ":0"), np.random.RandomState(
        7
    ).uniform(size=[2, size, size, channels]).astype(np.float32)


def mlp_dropout(folder):
    """Dense layers, dropout with a placeholder, a loss and Adam: a V2 checkpoint."""
    x = tf.placeholder(tf.float32, [None, 20], name="x")
    y = tf.placeholder(tf.int64, [None], name="y")
    keep = tf.placeholder(tf.float32, name="keep_prob")
    hidden = tf.nn.dropout(tf.layers.dense(x, 16, tf.nn.relu), keep_prob=keep)
    logits = tf.layers.dense(hidden, 4)
    tf.nn.softmax(logits, name="probabilities")
    tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))
    value = np.random.RandomState(7).uniform(-1, 1, [3, 20]).astype(np.float32)
    with tf.Session() as session:
        fill(session)
        model = save_checkpoint(session, folder)
        return answer(session, model, {"x": value}, ["probabilities"], {"keep_prob:0": 1.0})


def slim_norms(folder):
    """slim's convolutions with batch norm and a placeholder is_training: a V2 checkpoint."""
    images, value = pictures(16)
    training = tf.placeholder(tf.bool, [], name="is_training")
    norm = {"is_training": training, "scale": True}
    with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params=norm):
        net = slim.repeat(images, 2, slim.conv2d, 8, [3, 3], scope="conv")
    net = slim.dropout(slim.flatten(slim.max_pool2d(net, 2)), 0.5, is_training=training)
    tf.nn.softmax(slim.fully_connected(net, 5, activation_fn=None), name="predictions")
    with tf.Session() as session:
        fill(session)
        model = save_checkpoint(session, folder)
        return answer(session, model, {"images": value}, ["predictions"], {"is_training:0": False})


def lrn_v1(folder):
    """AlexNet's way: local response normalization, groups, VALID pools: a V1 checkpoint."""
    images, value = pictures(32)
    net = tf.nn.lrn(tf.layers.conv2d(images, 8, 5, 2, activation=tf.nn.relu), 2, 2.0, 1e-4, 0.75)
    net = tf.layers.max_pooling2d(net, 3, 2)
    net = [tf.layers.conv2d(part, 4, 3, padding="same") for part in tf.split(net, 2, 3)]
    net = tf.layers.flatten(tf.nn.relu(tf.concat(net, 3)))
    tf.identity(tf.layers.dense(net, 3), name="out")
    with tf.Session() as session:
        fill(session)
        model = save_checkpoint(session, folder, write_version=tf.train.SaverDef.V1)
        return answer(session, model, {"images": value}, ["out"])


def static_lstm(folder):
    """Two layers of BasicLSTMCell, unrolled by static_rnn: a frozen graph."""
    x = tf.placeholder(tf.float32, [None, 6, 5], name="x")
    cells = [tf.nn.rnn_cell.BasicLSTMCell(7) for _ in range(2)]
    outputs, _ = tf.nn.static_rnn(
        tf.nn.rnn_cell.MultiRNNCell(cells), tf.unstack(x, axis=1), dtype=tf.float32
    )
    tf.identity(tf.layers.dense(outputs[-1], 3), name="out")
    value = np.random.RandomState(7).uniform(-1, 1, [2, 6, 5]).astype(np.float32)
    with tf.Session() as session:
        fill(session)
        return answer(session, save_frozen(session, folder, ["out"]), {"x": value}, ["out"])


def dynamic_gru(folder):
    """dynamic_rnn with GRUCell and lengths, a while loop: a V2 checkpoint."""
    x = tf.placeholder(tf.float32, [None, 6, 5], name="x")
    lengths = tf.placeholder(tf.int32, [None], name="lengths")
    _, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(7), x, lengths, dtype=tf.float32)
    tf.identity(tf.layers.dense(state, 3), name="out")
    value = np.random.RandomState(7).uniform(-1, 1, [2, 6, 5]).astype(np.float32)
    with tf.Session() as session:
        fill(session)
        given = {"x": value, "lengths": np.int32([6, 3])}
        return answer(session, save_checkpoint(session, folder), given, ["out"])


def bilstm_text(folder):
    """Embeddings of word ids, bidirectional_dynamic_rnn, attention over time: a SavedModel."""
    ids = tf.placeholder(tf.int32, [None, 8], name="ids")
    words = tf.nn.embedding_lookup(tf.get_variable("embedding", [50, 6]), ids)
    cells = [tf.nn.rnn_cell.LSTMCell(5) for _ in range(2)]
    states, _ = tf.nn.bidirectional_dynamic_rnn(cells[0], cells[1], words, dtype=tf.float32)
    states = tf.concat(states, 2)
    weights = tf.nn.softmax(tf.layers.dense(states, 1, tf.tanh), axis=1)
    tf.nn.softmax(tf.layers.dense(tf.reduce_sum(states * weights, 1), 2), name="scores")
    value = np.random.RandomState(7).randint(0, 50, [2, 8]).astype(np.int32)
    with tf.Session() as session:
        fill(session)
        model = save_served(session, folder, ["ids"], ["scores"])
        return answer(session, model, {"ids": value}, ["scores"])


def autoencoder(folder):
    """Convolutions and transposed convolutions, resizing, leaky ReLU: a SavedModel."""
    images, value = pictures(16)
    net = tf.nn.leaky_relu(tf.layers.conv2d(images, 8, 3, 2, "same"))
    net = tf.nn.elu(tf.layers.conv2d_transpose(net, 8, 3, 2, "same"))
    net = tf.image.resize_bilinear(net, [24, 24], align_corners=True)
    tf.sigmoid(tf.layers.conv2d(net, 3, 3, padding="same", dilation_rate=2), name="decoded")
    with tf.Session() as session:
        fill(session)
        model = save_served(session, folder, ["images"], ["decoded"])
        return answer(session, model, {"images": value}, ["decoded"])


def keras_model(folder):
    """A functional tf.keras model with separable convolutions and a skip: an .h5."""
    layers = tf.keras.layers
    inputs = layers.Input([16, 16, 3], name="images")
    net = layers.SeparableConv2D(3, 3, padding="same")(inputs)
    net = layers.BatchNormalization()(layers.add([net, inputs]))
    net = layers.GlobalAveragePooling2D()(layers.PReLU(shared_axes=[1, 2])(net))
    model = tf.keras.Model(inputs, layers.Dense(4, activation="softmax", name="classes")(net))
    for index, weight in enumerate(model.weights):
        value = np.random.RandomState(index).uniform(0.1, 0.9, weight.shape.as_list())
        tf.keras.backend.set_value(weight, value)
    model.save(os.path.join(folder, "model.h5"))
    value = pictures(16, name="unused")[1]
    return "model.h5", {"images": value}, {model.output.op.name: model.predict(value)}


def estimator(folder):
    """An Estimator with a hook of moving statistics, exported: a SavedModel."""

    def model_fn(features, labels, mode):
        net = tf.layers.dense(features["x"], 12, tf.nn.selu)
        net = tf.layers.batch_normalization(net, training=mode == tf.estimator.ModeKeys.TRAIN)
        scores = tf.nn.softmax(tf.layers.dense(net, 3), name="scores")
        if mode == tf.estimator.ModeKeys.PREDICT:
            exports = {"serving_default": tf.estimator.export.PredictOutput({"scores": scores})}
            return tf.estimator.EstimatorSpec(mode, scores, export_outputs=exports)
        loss = tf.losses.sparse_softmax_cross_entropy(labels, scores)
        step = tf.train.get_or_create_global_step()
        train = tf.train.AdagradOptimizer(0.1).minimize(loss, step)
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)

    random = np.random.RandomState(7)
    value = random.uniform(-1, 1, [8, 6]).astype(np.float32)
    config = tf.estimator.RunConfig(tf_random_seed=1)
    made = tf.estimator.Estimator(model_fn, os.path.join(folder, "run"), config)
    labels = random.randint(0, 3, [8])
    made.train(lambda: ({"x": tf.constant(value)}, tf.constant(labels)), steps=3)
    receive = tf.estimator.export.build_raw_serving_input_receiver_fn(
        {"x": tf.placeholder(tf.float32, [None, 6], name="x")}
    )
    exported = made.export_saved_model(os.path.join(folder, "export"), receive).decode()
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, ["serve"], exported)
        signature = meta.signature_def["serving_default"]
        outputs = session.run(signature.outputs["scores"].name, {signature.inputs["x"].name: value})
    inputs = {signature.inputs["x"].name[:-2]: value}
    outputs = {signature.outputs["scores"].name[:-2]: outputs}
    return os.path.relpath(exported, folder), inputs, outputs


def averages(folder):
    """Weights with exponential moving averages, which inference uses: a V2 checkpoint."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    with tf.variable_scope("net"):
        tf.identity(tf.layers.dense(tf.layers.dense(x, 5, tf.nn.tanh), 3), name="out")
    average = tf.train.ExponentialMovingAverage(0.9)
    with tf.control_dependencies([average.apply(tf.trainable_variables())]):
        tf.no_op(name="train")
    value = np.random.RandomState(7).uniform(-1, 1, [2, 6]).astype(np.float32)
    with tf.Session() as session:
        fill(session)
        model = save_checkpoint(session, folder)
        tf.train.Saver(average.variables_to_restore()).restore(
            session, os.path.join(folder, "model.ckpt-100")
        )
        return answer(session, model, {"x": value}, ["net/out"])


def quantized(folder):
    """An evaluation graph of tf.contrib.quantize: a frozen graph with fake quantization."""
    images, value = pictures(12)
    with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm):
        norm = {"is_training": False}
        net = slim.conv2d(images, 4, 3, normalizer_params=norm)
        net = slim.conv2d(net, 4, 3, normalizer_params=norm)
    net = slim.fully_connected(slim.flatten(net), 3, activation_fn=None)
    tf.contrib.quantize.create_eval_graph()
    tf.identity(net, name="out")
    with tf.Session() as session:
        fill(session)
        for variable in tf.global_variables():
            if variable.op.name.endswith(("/min", "/max")):
                bound = -1.0 if variable.op.name.endswith("/min") else 6.0
                session.run(variable.initializer, {variable.initializer.inputs[1]: bound})
        return answer(session, save_frozen(session, folder, ["out"]), {"images": value}, ["out"])


def string_table(folder):
    """Class names out of a lookup table: a SavedModel with an initializer."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    names = tf.contrib.lookup.index_to_string_table_from_tensor(["cat", "dog", "owl"])
    scores = tf.nn.softmax(tf.layers.dense(x, 3), name="scores")
    tf.identity(names.lookup(tf.argmax(scores, 1)), name="names")
    value = np.random.RandomState(7).uniform(-1, 1, [4, 6]).astype(np.float32)
    with tf.Session() as session:
        fill(session)
        tables = tf.tables_initializer()
        session.run(tables)
        model = save_served(session, folder, ["x"], ["names", "scores"], tables)
        return answer(session, model, {"x": value}, ["names", "scores"])


GRAPHS = (
    *(mlp_dropout, slim_norms, lrn_v1, static_lstm, dynamic_gru, bilstm_text, autoencoder),
    *(keras_model, estimator, averages, quantized, string_table),
)


def main(folder, *names):
    """Saves the graphs, and runs each on seeded inputs."""
    tf.logging.set_verbosity(tf.logging.ERROR)
    for build in GRAPHS:
        name = build.__name__
        if names and name not in names:
            continue
        target = os.path.join(folder, name)
        os.makedirs(target)
        with tf.Graph().as_default():
            model, inputs, outputs = build(target)
            arrays = {"in:" + key: value for key, value in inputs.items()}
            for key, value in outputs.items():
                arrays["out:" + key] = value.astype("S") if value.dtype == object else value
        np.savez(os.path.join(target, "io.npz"), **arrays)
        with open(os.path.join(target, "model.json"), "w") as file:
            json.dump({"model": model, "inputs": sorted(inputs), "outputs": sorted(outputs)}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
