"""Trains the nets whose maps the book shows: ``python scripts/docs/train_book_nets.py [NET ...]``.

Writes docs/weights/NET.npz, as float16. Takes a few minutes a net on 2 cores. Prints the accuracy
of each net on pictures that it was not trained on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "_ext"))

from trained_nets import NETS, WEIGHTS

from legacy_nets import tf1 as tf
from legacy_nets.data.synthetic.digits import draw_digits
from legacy_nets.data.synthetic.hands import draw_signs
from legacy_nets.types import Array, Operation, Session, Tensor

Pictures = tuple[Array, Array]  # uint8 [N, H, W, C], int64 [N]
BATCH, LEARNING_RATE, WARMUP = 32, 1e-3, 100
HELD_OUT = 300  # pictures


def draw_grey_digits(count: int) -> Pictures:
    """Draws digits with an axis for their one channel."""
    pictures, labels = draw_digits(count, seed=1)
    return pictures[..., None], labels


def draw_shuffled_signs(count: int) -> Pictures:
    """Draws signs in a random order."""
    pictures, labels = draw_signs(count // 6, seed=1)
    order = np.random.default_rng(0).permutation(len(labels))
    return pictures[order], labels[order]


RECIPES: dict[str, tuple[Callable[[int], Pictures], int, int]] = {  # data, pictures, steps
    "hand_signs": (draw_shuffled_signs, 1500, 400),
    "cnn_lstm_resnet": (draw_grey_digits, 2000, 300),
    "vit_of_digits": (draw_grey_digits, 3500, 300),
}


def train(name: str) -> dict[str, Array]:
    """Trains a net; returns the weights that its maps or, without maps, its logits need."""
    draw, count, steps = RECIPES[name]
    pictures, labels = draw(count)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        images = tf.placeholder(tf.float32, [None, *pictures.shape[1:]])
        truth = tf.placeholder(tf.int64, [None])
        is_training = tf.placeholder_with_default(False, [])
        top, logits = add_head(name, images, is_training, int(labels.max()) + 1)
        loss = tf.losses.sparse_softmax_cross_entropy(truth, logits)
        step = minimize(loss, steps)
        session.run(tf.global_variables_initializer())
        rng = np.random.default_rng(0)
        for number in range(steps):
            chosen = rng.integers(HELD_OUT, count, size=BATCH)
            feed = {images: pictures[chosen] / 255, truth: labels[chosen], is_training: True}
            _, cost = session.run([step, loss], feed)
            if number % 50 == 0:
                print(f"{name}: step {number} of {steps}, loss {cost:.3f}", flush=True)
        guessed = session.run(tf.argmax(logits, -1), {images: pictures[:HELD_OUT] / 255})
        print(f"{name}: accuracy {np.mean(guessed == labels[:HELD_OUT]):.3f}")
        return read_weights(session, top)


def add_head(
    name: str, images: Tensor, is_training: Tensor, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Builds a net, cut after its last map where it has maps; returns (last tensor, logits)."""
    logits, points = NETS[name].build(images, is_training)
    if not NETS[name].end_points:
        return logits, logits
    top = points[NETS[name].end_points[-1]]
    return top, tf.layers.dense(tf.reduce_mean(top, [1, 2]), num_classes, name="book_head")


def minimize(loss: Tensor, steps: int) -> Operation:
    """Makes the training step: Adam with a warm-up and a cosine, and the updates of batch norm."""
    number = tf.train.create_global_step()
    warm = tf.minimum(1.0, tf.cast(number, tf.float32) / WARMUP)
    rate = tf.train.cosine_decay(LEARNING_RATE, number, steps) * warm
    needed = find_ancestors(loss)
    updates = [  # of the batch norms that the loss depends on
        op
        for op in tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        if f"{op.name.partition('/AssignMovingAvg')[0]}/gamma" in needed
    ]
    with tf.control_dependencies(updates):
        return tf.train.AdamOptimizer(rate).minimize(loss, number)


def find_ancestors(tensor: Tensor) -> set[str]:
    """Finds the names of the operations that a tensor depends on."""
    graph = tensor.graph.as_graph_def()
    return {node.name for node in tf.graph_util.extract_sub_graph(graph, [tensor.op.name]).node}


def read_weights(session: Session, top: Tensor) -> dict[str, Array]:
    """Reads the variables that a tensor depends on."""
    needed = find_ancestors(top)
    variables = [v for v in session.graph.get_collection("variables") if v.op.name in needed]
    values = session.run(variables)
    return {v.op.name: value for v, value in zip(variables, values, strict=True)}


def write_weights(name: str) -> None:
    """Trains a net and writes its file."""
    weights = train(name)
    WEIGHTS.mkdir(exist_ok=True)
    path = WEIGHTS / f"{name}.npz"
    np.savez_compressed(path, **{key: value.astype(np.float16) for key, value in weights.items()})
    print(f"{path.name}: {len(weights)} variables, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    for net in sys.argv[1:] or NETS:
        write_weights(net)
