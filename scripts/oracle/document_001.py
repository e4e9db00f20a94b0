"""Document 001's own training and evaluation under real TensorFlow 1.15.5.

  document_001.py save PREFIX OUT.npz   trains two steps, saves as the document does
  document_001.py load PREFIX OUT.npz   restores as the document's evaluate() does
  document_001.py time STEPS            prints seconds per training step of batch 32, a line each

OUT.npz gets the logits of ``fill.images`` in inference mode. Runs under Python 3.7.
"""

from __future__ import annotations

import os
import sys
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import fill  # noqa: E402
import nets  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.logging.set_verbosity(tf.logging.ERROR)


class Graph(object):
    """The document's placeholders, net, cost and Adam, in the default graph."""

    def __init__(self):
        self.features = tf.placeholder(tf.float32, [None, 64, 64, 3])
        self.labels = tf.placeholder(tf.int64, [None, 6])
        with tf.name_scope("reference/"):
            self.training = tf.placeholder(tf.bool, name="training")
        self.keep_prob = tf.placeholder(tf.float32)
        classifier = nets.HandClassifier(shortcut_batch_norm=False)
        self.logits = classifier.deepnn(self.features, 6, self.training, self.keep_prob)

    def feed(self, images, training):
        labels = np.eye(6, dtype=np.int64)[np.arange(len(images)) % 6]
        return {
            self.features: images,
            self.labels: labels,
            self.training: training,
            self.keep_prob: 0.5 if training else 1.0,
        }

    def train_step(self):
        with tf.name_scope("loss"):
            cost = tf.losses.softmax_cross_entropy(onehot_labels=self.labels, logits=self.logits)
        with tf.name_scope("adam_optimizer"):
            with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
                return tf.train.AdamOptimizer(1e-4).minimize(cost)


def main(command, argument, out=None):
    graph = Graph()
    images = fill.images((4, 64, 64, 3))
    if command == "load":
        with tf.Session() as session:
            tf.train.Saver().restore(session, argument)
            np.savez(out, logits=session.run(graph.logits, graph.feed(images, False)))
        return
    train_step = graph.train_step()
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        if command == "time":
            feed = graph.feed(fill.images((32, 64, 64, 3)), True)
            for step in range(int(argument) + 2):
                start = time.time()
                session.run(train_step, feed)
                if step > 1:  # the first ones set things up
                    print(time.time() - start, flush=True)
            return
        for _ in range(2):
            session.run(train_step, graph.feed(images, True))
        saver.save(session, argument)
        np.savez(out, logits=session.run(graph.logits, graph.feed(images, False)))


if __name__ == "__main__":
    main(*sys.argv[1:])
