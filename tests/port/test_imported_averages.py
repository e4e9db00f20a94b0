"""Moving averages replace the variables of an imported graph, where that is possible."""

from __future__ import annotations

import json

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, get_port_error, run_frozen, save_frozen

from legacy_nets import tf1 as tf
from legacy_nets.errors import CheckpointError
from legacy_nets.port.jobs import ImportedJob
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.arange(12, dtype=np.float32).reshape(2, 6)
AVERAGE = "/ExponentialMovingAverage"


def build_averaged():
    """Has averages of a kernel and of a statistic, as only a training graph has."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    kernel, mean = (
        models.create_weights(6, 2, name="kernel"),
        models.create_weights(6, name="moving_mean"),
    )
    tf.matmul(x - mean, kernel, name="out")
    tf.train.ExponentialMovingAverage(0.9).apply([kernel, mean])


def build_averages_of_others():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    tf.matmul(x, models.create_weights(6, 2, name="kernel"), name="out")
    tf.train.ExponentialMovingAverage(0.9).apply([models.create_weights(2, name="other")])


def build_partitioned():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    with tf.variable_scope("p", partitioner=tf.fixed_size_partitioner(4)):
        kernel = tf.get_variable("kernel", [6, 2])
    tf.matmul(x, tf.convert_to_tensor(kernel), name="out")
    tf.train.ExponentialMovingAverage(0.9).apply(list(kernel))


def compute_output(meta, kernel):
    values = tf.train.load_checkpoint(str(meta).removesuffix(".meta"))
    assert np.abs(values.get_tensor("kernel") - values.get_tensor("kernel" + AVERAGE)).max() > 0.1
    return (X - values.get_tensor("moving_mean")) @ values.get_tensor(kernel)


@pytest.mark.parametrize("ema", [None, True])
def test_averages_replace_variables(tmp_path, ema):
    meta, out = models.save_model(tmp_path, build_averaged), tmp_path / "x.pb"
    report = port(create_job(meta, out, ema=ema))
    assert report.passed and report.averaged and report.metadata["weights"] == "averaged"
    assert "moving averages replace 1 of 2 variables" in " ".join(report.notes)
    got, metadata = run_frozen(out, {"x:0": X}, ["out:0", "metadata:0"])
    np.testing.assert_allclose(got, compute_output(meta, "kernel" + AVERAGE), rtol=1e-5)
    assert json.loads(metadata)["weights"] == "averaged"


def test_parts_of_a_variable_are_averaged_each(tmp_path):
    meta, out = models.save_model(tmp_path, build_partitioned), tmp_path / "x.pb"
    report = port(create_job(meta, out))
    assert "moving averages replace 4 of 4 variables" in " ".join(report.notes)
    values = tf.train.load_checkpoint(str(meta).removesuffix(".meta"))
    want = X @ values.get_tensor("p/kernel" + AVERAGE)
    np.testing.assert_allclose(run_frozen(out, {"x:0": X}, "out:0"), want, rtol=1e-5)


def test_raw_keeps_the_variables(tmp_path):
    meta, out = models.save_model(tmp_path, build_averaged), tmp_path / "x.pb"
    report = port(create_job(meta, out, ema=False))
    assert report.passed and not report.averaged and report.metadata["weights"] == "raw"
    assert not any("averages" in note for note in report.notes)
    np.testing.assert_allclose(
        run_frozen(out, {"x:0": X}, "out:0"), compute_output(meta, "kernel"), rtol=1e-5
    )


@pytest.mark.parametrize("target", ["saved_model", pytest.param("onnx", marks=pytest.mark.slow)])
def test_all_graph_targets_use_averages(tmp_path, target):
    if target == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    report = port(create_job(models.save_model(tmp_path, build_averaged), tmp_path / "x", target))
    assert report.passed and report.averaged


def test_missing_averages_are_refused(tmp_path):
    meta, out = models.save_model(tmp_path, models.build_half_precision), tmp_path / "x.pb"
    assert "no moving averages: use --raw" in get_port_error(meta, out, CheckpointError, ema=True)
    path = save_frozen(tmp_path, lambda: tf.square(tf.placeholder(tf.float32, [2])))
    assert "one set of weights" in get_port_error(path, out, ema=True)


def test_averages_that_no_output_needs_are_refused(tmp_path):
    meta, out = models.save_model(tmp_path, build_averages_of_others), tmp_path / "x.pb"
    assert "of none of the 1 variables that out" in get_port_error(
        meta, out, CheckpointError, ema=True
    )
    report = port(create_job(meta, out))
    assert report.passed and not report.averaged and report.metadata["weights"] == "raw"


@pytest.mark.parametrize(("ema", "key"), [(None, "kernel" + AVERAGE), (False, "kernel")])
def test_an_evaluation_saver_restores_averages_unless_raw(tmp_path, ema, key):
    trained, meta, out = (
        models.save_model(tmp_path, build_averaged),
        tmp_path / "eval.meta",
        tmp_path / "x.pb",
    )
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        kernel = models.create_weights(6, 2, name="kernel")
        mean = models.create_weights(6, name="moving_mean")
        tf.matmul(x - mean, kernel, name="out")
        restored = tf.train.ExponentialMovingAverage(0.9).variables_to_restore([kernel])
        tf.train.Saver(restored).export_meta_graph(str(meta))
    prefix = str(trained).removesuffix(".meta")
    report = port(ImportedJob(meta, prefix, "frozen", out, ema=ema))
    assert report.passed and report.averaged == (ema is None)
    np.testing.assert_allclose(
        run_frozen(out, {"x:0": X}, "out:0"), compute_output(trained, key), rtol=1e-5
    )
