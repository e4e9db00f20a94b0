"""Errata of document 001 that test_hand_signs.py does not cover: small defects and fixes."""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.data import signs
from legacy_nets.documents.checks import common
from legacy_nets.nets import hand_signs as net

pytestmark = pytest.mark.usefixtures("graph")


def test_e03_an_epoch_uses_every_image_once():
    x = np.arange(70).reshape(70, 1)
    once = signs.random_mini_batches(x, x, 32, seed=0)
    drawn = np.random.RandomState(0).randint(0, len(once), 300)  # as in the original code
    met = {tuple(once[i][0].ravel()) for i in drawn}
    assert len(met) == 3  # 300 steps, and images have met in three ways only
    epochs = [signs.random_mini_batches(x, x, 32, seed=seed) for seed in range(100)]
    assert all(sorted(np.concatenate([b[0] for b in e]).ravel()) == list(range(70)) for e in epochs)
    assert len({tuple(batch[0].ravel()) for epoch in epochs for batch in epoch}) == 300


def test_e04_without_a_seed_no_order_comes_twice():
    x = np.arange(200).reshape(200, 1)
    orders = [signs.random_mini_batches(x, x, 200, seed)[0][0] for seed in (None, None, 5, 5)]
    assert (orders[0] != orders[1]).any()
    np.testing.assert_array_equal(orders[2], orders[3])


def test_e05_classes_is_used():
    def literal(x, classes=6):
        return tf.layers.dense(x, units=6)

    x = tf.placeholder(tf.float32, [None, 50])
    assert literal(x, classes=10).shape[-1] == 6
    images = tf.placeholder(tf.float32, [None, 16, 16, 3])
    assert net.hand_signs(images, 10)[0].shape[-1] == 10


@pytest.mark.parametrize("side", [60, 61, 62, 63, 64, 65, None])
def test_e06_the_assert_lets_four_sizes_pass(side):
    """The stem's sizes do not depend on its kernels, so pools replace the convolution."""
    x = tf.placeholder(tf.float32, [None, side, side, 64])
    x = tf.pad(x, [[0, 0], [3, 3], [3, 3], [0, 0]])
    x = tf.nn.max_pool(x, [1, 7, 7, 1], [1, 2, 2, 1], "VALID")
    x = tf.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "VALID")

    def literal():
        assert x.get_shape()[1:] == (15, 15, 64)

    if side in (61, 62, 63, 64):
        literal()
    else:
        with pytest.raises((AssertionError, ValueError)):
            literal()


def test_e07_the_mean_is_the_2x2_pool_at_64_pixels():
    value = np.random.default_rng(0).normal(size=[2, 3, 3, 3])
    for size, side, equal in (("64x64", 2, True), ("97x97", 3, False)):
        assert common.get_shape("hand_signs", "res5c", size)[1] == side
        x = tf.constant(value[:, :side, :side], tf.float32)
        pooled = tf.nn.avg_pool(x, [1, 2, 2, 1], [1, 1, 1, 1], "VALID")
        assert pooled.shape[1:3] == (side - 1, side - 1)
        with tf.Session() as session:
            one, two = session.run([pooled[:, :1, :1], tf.reduce_mean(x, [1, 2], keepdims=True)])
        assert np.allclose(one, two, atol=1e-6) == equal


def test_e13_the_second_argument_of_dropout_changed_its_meaning():
    ones = tf.ones([10_000])
    two = tf.compat.v2.nn.dropout
    with pytest.raises(ValueError, match="rate"):
        two(ones, 1.0)
    tf.set_random_seed(0)
    with tf.Session() as session:
        as_rate, as_share, named = session.run(
            [two(ones, 0.8), tf.nn.dropout(ones, 0.8), tf.nn.dropout(ones, rate=1 - 0.8)]
        )
    assert (as_rate == 0).mean() == pytest.approx(0.8, abs=0.02)
    assert (as_share == 0).mean() == pytest.approx(0.2, abs=0.02)
    assert (named == 0).mean() == pytest.approx(0.2, abs=0.02)


def test_e15_the_loss_is_a_scalar_already():
    logits, labels = tf.constant([[1.0, 0], [0, 2]]), tf.constant([[0.0, 1], [0, 1]])
    loss = net.cost(logits, labels)
    assert loss.shape.rank == 0
    assert tf.losses.get_losses() == [loss]
    literal = tf.reduce_mean(loss)
    assert literal is not tf.losses.get_losses()[0]
    with tf.Session() as session:
        one, two = session.run([loss, literal])
    assert one == two > 0


def test_e19_evaluation_goes_in_batches(tmp_path, capsys):
    fed = []

    def tiny(x, classes):
        def count(images):
            fed.append(len(images))
            return images[:, 0, 0, :2]

        scores = tf.py_func(count, [x], tf.float32)
        scores.set_shape([None, 2])
        offset = tf.get_variable("offset", [2], initializer=tf.zeros_initializer())
        return scores + offset, None, None

    model = net.HandClassifier(str(tmp_path / "model"))
    model.deepnn = tiny
    tiny(tf.placeholder(tf.float32, [None, 1, 1, 2]), 2)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, model.model_save_path)
    labels = np.eye(2)[np.arange(130) % 2]
    assert model.evaluate(labels.reshape(130, 1, 1, 2), labels) == 1.0
    assert fed == [64, 64, 2]


def test_e24_a_placeholder_without_a_default_must_be_fed():
    literal = tf.placeholder(tf.bool, name="training")
    fixed = tf.placeholder_with_default(False, [])
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="[Yy]ou must feed a value"):
            session.run(tf.cast(literal, tf.float32))
        assert session.run(tf.cast(fixed, tf.float32)) == 0
