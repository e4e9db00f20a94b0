"""New questions to real TensorFlow 1.15.5: other sizes, classes and batches than the golden ones.

Skipped, with the reason, where there is no TensorFlow 1.15.5 (``make oracle`` sets it up).
"""

from __future__ import annotations

import pytest
from oracle_client import ask, assert_same, ours

from legacy_nets import tf1 as tf

pytestmark = pytest.mark.slow
NO_DROPOUT = {"dropout_keep_prob": 1.0}  # TensorFlow 1 and 2 draw other random numbers
RAW = {"spatial_squeeze": False}  # the logits' shape in slim: [N, 1, 1, classes]
BOTH = ["inference", "training"]
INFERENCE = ["inference"]


def request(net, height, width, batch, classes, modes, learning_rate=0.0, **options):
    """``frames`` and ``channels`` are not the net's options, where they are given."""
    images = {key: options.pop(key) for key in ("frames", "channels") if key in options}
    return {
        **images,
        "net": net,
        "height": height,
        "width": width,
        "batch": batch,
        "num_classes": classes,
        "modes": modes,
        "steps": 20,
        "learning_rate": learning_rate,
        "salt": "live",
        "options": options,
    }


QUESTIONS = {
    "cnn_lstm": request("cnn_lstm", 33, 45, 2, 5, BOTH, 3e-3, channels=1),
    "cnn_lstm, time steps": request("cnn_lstm", 21, 30, 3, None, INFERENCE, channels=1),
    "cnn_lstm_resnet": request("cnn_lstm_resnet", 30, 23, 2, 7, BOTH, 3e-3, channels=1),
    "cnn_lstm_resnet, tile": request(
        "cnn_lstm_resnet", 35, 19, 2, 3, INFERENCE, channels=1, lstm_map="tile"
    ),
    "resnet_3d, 5 frames": request("resnet_3d", 19, 23, 2, 5, BOTH, 1e-3, frames=5),
    "resnet_3d, 1 frame": request("resnet_3d", 17, 12, 3, 4, INFERENCE, frames=1),
    "resnet_3d, 11 frames, map": request("resnet_3d", 9, 31, 1, None, INFERENCE, frames=11),
    "resnet_2plus1d, 3 frames": request("resnet_2plus1d", 33, 26, 2, 5, BOTH, 1e-3, frames=3),
    "resnet_2plus1d, 8 frames, map": request(
        "resnet_2plus1d", 21, 47, 1, None, INFERENCE, frames=8
    ),
    "resnet_3d_2plus1d, 5 frames": request("resnet_3d_2plus1d", 25, 33, 2, 5, BOTH, 1e-3, frames=5),
    "resnet_3d_2plus1d, 2 frames": request("resnet_3d_2plus1d", 27, 66, 2, 3, INFERENCE, frames=2),
    "hand_signs": request("hand_signs", 64, 64, 5, 4, BOTH, 1e-5, keep_prob=1.0),
    "hand_signs, norm on the projections": request(
        "hand_signs", 52, 61, 2, 9, INFERENCE, shortcut_batch_norm=True
    ),
    "inception_v3, narrow": request(
        "inception_v3", 171, 150, 6, 7, BOTH, 1e-4, depth_multiplier=0.3, **NO_DROPOUT
    ),
    "inception_v3, not squeezed": request(
        "inception_v3", 107, 150, 2, 5, INFERENCE, depth_multiplier=0.25, **RAW
    ),
    "resnet_v2_50": request("resnet_v2_50", 97, 64, 3, 5, BOTH, 1e-3, **RAW),
    "resnet_v2_50, map of logits": request(
        "resnet_v2_50", 65, 49, 2, 21, INFERENCE, output_stride=8, global_pool=False
    ),
    "resnet_v2_50, features": request("resnet_v2_50", 40, 33, 2, None, INFERENCE),
    "resnet_v2_101": request("resnet_v2_101", 57, 64, 5, 3, INFERENCE, **RAW),
    "resnet_v2_200": request("resnet_v2_200", 33, 70, 3, 2, INFERENCE, **RAW),
}

# Long, and `make test` asks about others of the family.
LONG = (
    "resnet_3d, 5 frames",
    "resnet_3d_2plus1d, 5 frames",
    "inception_v3, narrow",
    "resnet_v2_50",
    "resnet_v2_200",
)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(question, marks=[pytest.mark.rare] * (name in LONG), id=name)
        for name, question in QUESTIONS.items()
    ],
)
def test_same_answer(oracle, tmp_path, question):
    want = ask(oracle, question, tmp_path)
    got = ours(question)
    for mode in question["modes"]:
        assert_same(got, want, mode)


def names_and_shapes(answer):
    return {row["name"]: row["shape"] for row in answer["variables"]}


@pytest.mark.parametrize(
    "question",
    [
        request("inception_v3", 224, 107, 1, 1001, INFERENCE),
        request("resnet_v2_152", 80, 48, 2, 1001, INFERENCE, **RAW),
    ],
    ids=lambda question: question["net"],
)
def test_checkpoint_of_tensorflow_1_restores_strictly_into_ours(oracle, tmp_path, question):
    prefix = str(tmp_path / "theirs.ckpt")
    want = ask(oracle, {**question, "save": prefix}, tmp_path)
    got = ours({**question, "restore": prefix})
    assert_same(got, want, "inference")
    stored = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
    assert stored == names_and_shapes(got)


@pytest.mark.parametrize(
    "question",
    [
        request("inception_v3", 107, 299, 2, 3, INFERENCE, depth_multiplier=0.25),
        request("resnet_v2_50", 64, 64, 1, 1000, INFERENCE, **RAW),
    ],
    ids=lambda question: question["net"],
)
def test_our_checkpoint_restores_strictly_into_tensorflow_1(oracle, tmp_path, question):
    prefix = str(tmp_path / "ours.ckpt")
    got = ours({**question, "save": prefix})
    want = ask(oracle, {**question, "restore": prefix}, tmp_path)
    assert_same(got, want, "inference")
    stored = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
    assert stored == names_and_shapes(want)
