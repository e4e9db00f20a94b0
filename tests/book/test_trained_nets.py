"""The trained nets of the book: their files hold what the figures need, and what they learnt."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.data.synthetic.digits import draw_digits
from legacy_nets.documents import figures

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))
from trained_nets import NETS, WEIGHTS, compute, find_kernel, load_weights

pytestmark = pytest.mark.slow
MAPS = {
    "hand_signs": {"conv1": (32, 32, 64), "pool1": (15, 15, 64), "res2a": (15, 15, 256)},
    "cnn_lstm_resnet": {
        "conv1": (28, 28, 32),
        "residual1": (28, 28, 32),
        "pool1": (14, 14, 32),
        "conv3": (14, 14, 64),
    },
}


@pytest.mark.parametrize("name", NETS)
def test_a_file_is_small_and_float16(name):
    assert (WEIGHTS / f"{name}.npz").stat().st_size < 400_000
    with np.load(WEIGHTS / f"{name}.npz") as weights:
        assert {str(weights[key].dtype) for key in weights} == {"float16"}
        assert all(np.isfinite(weights[key]).all() for key in weights)


@pytest.mark.parametrize("name", MAPS)
def test_the_maps_and_kernels_are_those_of_the_file(name):
    """A variable that the file lacks has no value: the run would raise."""
    values = compute(
        name, lambda built: {point: built[1][point] for point in NETS[name].end_points}
    )
    assert {point: value.shape[1:] for point, value in values.items()} == MAPS[name]
    assert all(value.min() == 0 and value.max() > 0.1 for value in values.values())
    kernel = compute(name, lambda _: {"kernel": find_kernel()})["kernel"]
    with np.load(WEIGHTS / f"{name}.npz") as weights:
        np.testing.assert_array_equal(kernel, next(v for v in weights.values() if v.ndim == 4))


def test_the_attention_of_the_class_token():
    attention = compute("vit_of_digits", lambda built: figures.find_attention(built[0]))
    assert list(attention) == [f"vit/encoderblock_{n}/MultiHeadAttention" for n in range(3)]
    for weights in attention.values():
        assert weights.shape == (1, 4, 197, 197)
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
        assert figures.cut_class_token(weights[0]).shape == (4, 14, 14)
    # What the chapter says: later a head looks at the stroke, another at the ground around it.
    is_stroke = NETS["vit_of_digits"].picture[::2, ::2, 0] > 100
    ratios = [
        head[is_stroke].mean() / head[~is_stroke].mean()
        for weights in attention.values()
        for head in figures.cut_class_token(weights[0])
    ]
    assert max(ratios[4:]) > 2 and min(ratios[4:]) < 0.5


def test_the_vision_transformer_knows_digits_that_it_has_not_seen():
    pictures, labels = draw_digits(60, seed=5)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 28, 28, 1])
        logits, _ = NETS["vit_of_digits"].build(images, False)
        load_weights("vit_of_digits", session)
        guessed = session.run(tf.argmax(logits, -1), {images: pictures[..., None] / 255})
    assert np.mean(guessed == labels) > 0.75  # 0.893 of 300 others
