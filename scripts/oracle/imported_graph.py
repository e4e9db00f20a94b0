"""Writes tests/golden/imported_graph: a model as TensorFlow 1.15.5 saves it, and its outputs.

  .oracle/bin/python scripts/oracle/imported_graph.py

It has parts that differ by version: dropout of before 2.0, tf.cond as Switch and Merge, a
partitioned variable, a V1 checkpoint, a placeholder without a shape, ``0.12.head`` for a version.
"""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "imported_graph")


def build():
    """The graph: its input, its two settings, its output."""
    x = tf.placeholder(tf.float32, name="x")
    keep = tf.placeholder(tf.float32, name="keep_prob")
    training = tf.placeholder(tf.bool, name="phase_train")
    kernel = tf.get_variable("kernel", [3, 3, 1, 2])
    net = tf.nn.conv2d(x, kernel, 1, "SAME")
    net = tf.layers.batch_normalization(net, training=training, name="norm")
    net = tf.layers.flatten(tf.nn.relu(tf.reshape(net, [-1, 4, 4, 2])))
    with tf.variable_scope("dense", partitioner=tf.fixed_size_partitioner(2)):
        weights = tf.get_variable("weights", [32, 3])
    return x, keep, training, tf.matmul(tf.nn.dropout(net, keep), weights, name="out")


def main():
    """Fills the variables, saves, and notes what the restored graph would say."""
    os.makedirs(FOLDER, exist_ok=True)
    prefix = os.path.join(FOLDER, "old")
    x, keep, training, out = build()
    chance = np.random.RandomState(0)
    with tf.Session() as session:
        for variable in tf.global_variables():
            value = chance.uniform(0.2, 1, variable.shape.as_list())
            session.run(variable.initializer, {variable.initializer.inputs[1]: value})
        saver = tf.train.Saver(write_version=tf.train.SaverDef.V1)
        saver.save(session, prefix, write_meta_graph=False, write_state=False)
        meta = tf.train.export_meta_graph(saver_def=saver.as_saver_def())
        meta.meta_info_def.tensorflow_version = "0.12.head"
        with open(prefix + ".meta", "wb") as file:
            file.write(meta.SerializeToString())
        value = chance.uniform(size=[2, 4, 4, 1]).round(3)
        outputs = session.run(out, {x: value, keep: 1, training: False})
    with open(prefix + ".json", "w") as file:
        json.dump({"x": value.tolist(), "out": outputs.tolist()}, file)


if __name__ == "__main__":
    main()
