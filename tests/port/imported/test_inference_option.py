"""--inference: moving averages replace the batch statistics of batch norms built for training."""

from __future__ import annotations

import subprocess

import batch_norm_forms as forms
import imported_models as models
import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import create_job, get_port_error, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.cli import main
from legacy_nets.graphdef.control_flow import use_old_control_flow
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
NOTE = "2 batch norms use their moving averages, as a graph built for inference does"


def check_inference(meta, out, x, want):
    """Ports a training graph with --inference; compares it with the graph of inference."""
    report = port(create_job(meta, out, outputs=("out",), inference=True))
    assert report.passed and NOTE in report.notes
    assert not any("statistics of their batch" in note for note in report.notes)
    got = run_frozen(out, {"x:0": x}, "out:0")
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)
    first = run_frozen(out, {"x:0": x[:1]}, "out:0")  # each row by itself
    np.testing.assert_allclose(first, want[:1], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", forms.FORMS)
def test_the_port_computes_what_the_graph_of_inference_does(tmp_path, name):
    with use_old_control_flow():
        x, want = forms.save(tf, tmp_path, name)
    check_inference(tmp_path / f"{name}.meta", tmp_path / "x.pb", x, want)


@pytest.fixture(scope="module")
def files_of_1_15(oracle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forms")
    command = [oracle, str(forms.__file__), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", forms.FORMS)
def test_files_of_1_15_5_give_what_1_15_5_computes_in_inference(files_of_1_15, tmp_path, name):
    with np.load(files_of_1_15 / f"{name}.npz") as arrays:
        x, want = arrays["x"], arrays["out"]
    check_inference(files_of_1_15 / f"{name}.meta", tmp_path / "x.pb", x, want)


def without_averages(tf, x, is_training):
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def last_batch(tf, x, is_training):
    """The variables keep the statistics of the last batch, or add them up: no moving averages."""
    kept, total = forms.get_norm_variables(tf, [2], ["kept", "total"])
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    tf.assign(kept, mean)
    tf.assign_add(total, variance)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def scaled(tf, x, is_training):
    """The variable is an average of half the mean."""
    half, other = forms.get_norm_variables(tf, [2], ["half", "other"])
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    tf.assign_sub(half, (half - 0.5 * mean) * 0.1)
    tf.assign_sub(other, (other - variance) * 0.1)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def added_up(tf, x, is_training):
    """The variables are sums that decay, ten times the averages."""
    sums = forms.get_norm_variables(tf, [2], ["sum", "other"])
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    for total, value in zip(sums, (mean, variance), strict=True):
        tf.assign(total, total * 0.9 + value)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def two_averages(tf, x, is_training):
    """A fast and a slow average: the graph does not tell which one inference takes."""
    fast, slow = forms.get_norm_variables(tf, [2], ["fast", "slow"])
    mean = tf.reduce_mean(x, [0, 1, 2])
    tf.assign_sub(fast, (fast - mean) * 0.5)
    tf.assign_sub(slow, (slow - mean) * 0.01)
    return x - mean


def renormalized(tf, x, is_training):
    return tf.layers.batch_normalization(x, training=True, renorm=True, fused=False)


@pytest.mark.parametrize(
    "form", [without_averages, last_batch, scaled, added_up, two_averages, renormalized]
)
def test_batch_norms_without_moving_averages_are_refused(tmp_path, form):
    forms.save(tf, tmp_path, "model", form)
    meta = tmp_path / "model.meta"
    message = get_port_error(meta, tmp_path / "x.pb", outputs=("out",), inference=True)
    assert "--inference: the graph keeps no moving averages of 2 of 2 batch norms" in message


def test_what_needs_no_inference_mode_says_so(tmp_path):
    def build():
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        tf.layers.dense(x, 2, name="out")

    meta = models.save_model(tmp_path, build)
    report = port(create_job(meta, tmp_path / "x.pb", inference=True))
    note = "no batch norm uses the statistics of its batch: --inference changes nothing"
    assert report.passed and note in report.notes


def test_the_option_is_for_graphs(tmp_path):
    forms.save(tf, tmp_path, "layers_fused")
    out = tmp_path / "x.npz"
    given = ["--to", "npz", "--out", str(out), "--inference"]
    done = CliRunner().invoke(main, ["port", str(tmp_path / "layers_fused"), *given])
    assert done.exit_code == 2 and not out.exists()
    assert "--inference is for graphs: --to npz copies weights alone" in done.output
    done = CliRunner().invoke(main, ["port", str(tmp_path / "x"), "--net", "demo_cnn", *given])
    assert "--inference is for nets of your own: leave out --net" in done.output


def test_averages_of_weights_are_counted_without_those_of_statistics(tmp_path):
    forms.save(tf, tmp_path, "ema_of_moments")
    job = create_job(tmp_path / "ema_of_moments.meta", tmp_path / "x.pb", inference=True)
    assert not any("moving averages replace" in note for note in port(job).notes)


def test_the_batch_norms_are_folded_as_those_of_a_graph_of_inference(tmp_path):
    def build():
        x = tf.placeholder(tf.float32, [None, 6, 6, 2], name="x")
        y = tf.layers.conv2d(x, 3, 3, use_bias=False)
        tf.identity(tf.layers.batch_normalization(y, training=True), name="out")

    meta = models.save_model(tmp_path, build)
    report = port(create_job(meta, tmp_path / "x.pb", outputs=("out",), inference=True))
    assert report.passed and any(note.startswith("1 batch norms folded") for note in report.notes)
