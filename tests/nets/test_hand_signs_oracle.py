"""Checkpoints of document 001 across TensorFlow 1.15.5 and ours, both ways."""

import subprocess

import numpy as np
import pytest
from oracle_client import ORACLE, assert_close, fill
from rich.console import Console

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.restore import match
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Images
from legacy_nets.nets import hand_signs as net
from legacy_nets.train import loop
from legacy_nets.train.settings import Settings

pytestmark = pytest.mark.slow


def ask(oracle, command, prefix, out):
    done = subprocess.run(
        [oracle, str(ORACLE / "document_001.py"), command, str(prefix), str(out)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as arrays:
        return arrays["logits"]


def our_logits(prefix):
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 64, 64, 3])
        logits, _, _ = net.deepnn(images)
        plan = match(tf.global_variables(), str(prefix))
        plan.check()  # strict: nothing missing, nothing over
        plan.apply(session)
        assert len(plan.matched) == 253
        return session.run(logits, {images: fill.images((4, 64, 64, 3))}), plan


def test_the_documents_checkpoint_restores_strictly_and_gives_its_logits(oracle, tmp_path):
    prefix = tmp_path / "model_saving" / "hand_classifier"
    want = ask(oracle, "save", prefix, tmp_path / "logits.npz")
    got, plan = our_logits(prefix)
    assert plan.extra == () and len(plan.slots) == 565 - 253
    assert_close(got, want, 1e-5, "logits")


def test_tensorflow_1_reads_what_training_saves(oracle, tmp_path):
    rng = np.random.RandomState(0)
    images = Images(rng.randint(0, 256, (6, 64, 64, 3)).astype(np.uint8), np.arange(6))
    data = ImageData("noise", images, images, tuple("012345"), frozenset())
    settings = Settings("hand_signs", 6, (64, 64), data.class_names, steps=2, batch_size=3)
    prefix = loop.train(settings, data, tmp_path, console=Console(quiet=True)).checkpoint
    want = ask(oracle, "load", prefix, tmp_path / "logits.npz")
    got, _ = our_logits(prefix)
    assert_close(got, want, 1e-5, "logits")
