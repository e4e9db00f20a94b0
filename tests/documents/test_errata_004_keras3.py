"""Errata of document 004 with Keras 3: lines that it refuses and tf.keras runs, and the fixes."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from keras3_literal import run_literal_lines

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.nets import vit

REFUSED = {  # line -> type of error, words of its message
    "E01": ("AttributeError", "no attribute 'reset_states'"),
    "E02": ("ValueError", "must end in `.weights.h5`"),
    "E03 save": ("TypeError", "save_format"),
    "E03 load": ("ValueError", "File format not supported"),
    "E04": ("ValueError", "cannot contain character `/`"),
    "E05": ("ValueError", "cannot contain character `/`"),
    "E06 pool": ("ValueError", "padding"),
    "E07": ("ValueError", "tf.function"),
}


@pytest.mark.slow
def test_what_keras_3_refuses():
    """004-E01 to E07; the convolution of E06 takes SAME, the pool does not."""
    env = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    script = pathlib.Path(__file__).parents[1] / "support" / "keras3_literal.py"
    run = [sys.executable, str(script)]
    done = subprocess.run(run, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    version, errors = json.loads(done.stdout.splitlines()[-1])
    assert version.startswith("3.")
    assert errors.pop("E06 convolution") is None
    assert list(errors) == list(REFUSED)
    for line, (error_type, words) in REFUSED.items():
        assert errors[line] is not None, f"{line} runs"
        assert errors[line][0] == error_type, errors[line]
        assert words in errors[line][1], errors[line]


@pytest.mark.filterwarnings("ignore")
def test_keras_2_runs_them():
    """004-E01 to E07: the original lines run under tf.keras, which is tf_keras here."""
    errors = run_literal_lines(tf.keras, tf.function, tf.zeros)
    assert {line for line, error in errors.items() if error} <= {"E03 load"}  # which has no file


def test_e01_fixed_local_variables_forget():
    with tf.Graph().as_default(), tf.Session() as session:
        value = tf.placeholder(tf.float32, [])
        mean, update = tf.metrics.mean(value)
        means = []
        for epoch in ((1.0, 3.0), (10.0, 20.0)):
            session.run(tf.local_variables_initializer())  # in place of reset_states
            for number in epoch:
                session.run(update, {value: number})
            means.append(float(session.run(mean)))
    assert means == [2.0, 15.0]


def test_e04_e05_fixed_names_are_scopes_in_a_graph():
    """A slash is a scope within a scope; the name of a ViT has none."""
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 32, 32, 3])
        legacy_nets.build("resnet18", images, num_classes=2)
        vit.VisionTransformer(32, 16, 8, 1, 2, num_classes=2)(images)
        names = [variable.op.name for variable in tf.global_variables()]
    assert "conv1/BatchNorm/gamma" in names
    assert {name.split("/")[0] for name in names if "encoderblock" in name} == {"ViT-B_16"}


def test_e06_e07_fixed_pools_and_dropout_of_an_auxiliary_head():
    from legacy_nets.nets import googlenet

    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant(np.ones([2, 14, 14, 8], np.float32))
        with tf.variable_scope("same"):
            pooled = googlenet.Inception(1, 1, 1, 1, 1, 1)(x)
        head = googlenet.InceptionAux(3)
        scores = head(x, True)
        session.run(tf.global_variables_initializer())
        first, second = session.run(scores), session.run(scores)
    assert pooled.shape.as_list() == [2, 14, 14, 4]
    assert np.abs(first - second).max() > 0  # dropout is on in training
