"""cuDNN's recurrent layers: the cells that compute the same are ported, as 1.15.5 has them.

``scripts/oracle/cudnn_files.py`` writes the golden files.
"""

from __future__ import annotations

import shutil

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, get_port_error, run_frozen
from oracle_client import GOLDEN

from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
FOLDER = GOLDEN / "cudnn_rnn"
FORMS = ("lstm", "lstm_bidirectional", "lstm_lengths", "gru", "relu_bidirectional")
NOTE = "1 cuDNN layers, which need a GPU, are replaced by cells that compute the same"


def load(name):
    """Loads what the cells compute: feeds, and outputs."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        values = dict(arrays)
    outputs = [values.pop(key) for key in ("out", "state")]
    return {f"{key}:0": value for key, value in values.items()}, outputs


@pytest.mark.parametrize("name", FORMS)
def test_a_port_computes_what_the_compatible_cells_do(tmp_path, name):
    meta = FOLDER / f"{name}.meta"
    report = port(create_job(meta, tmp_path / "x.pb", outputs=("out", "state")))
    dropout = ", without the dropout between their layers"
    assert report.passed
    assert report.notes[0] == NOTE + (dropout if name in ("lstm_bidirectional", "gru") else "")
    feeds, want = load(name)
    got = run_frozen(tmp_path / "x.pb", feeds, ["out:0", "state:0"])
    for value, wanted in zip(got, want, strict=True):
        np.testing.assert_allclose(value, wanted, atol=2e-6)


@pytest.mark.slow
def test_the_outputs_are_inferred_and_go_to_onnx(tmp_path):
    pytest.importorskip("tf2onnx")
    import onnxruntime

    outputs = ["dense/BiasAdd", "state"]  # "out" is for the loss
    report = port(create_job(FOLDER / "lstm.meta", tmp_path / "x.onnx", "onnx"))
    assert report.passed and {item.name for item in report.comparisons} == set(outputs)
    feeds, want = load("lstm")
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx")
    got = session.run(outputs, {"x": feeds["x:0"]})
    for value, wanted in zip(got, want, strict=True):
        np.testing.assert_allclose(value, wanted, atol=2e-6)


def test_the_vector_itself_is_not_read(tmp_path):
    """A checkpoint of a GPU has the vector and the cells' variables; the latter are restored."""
    for path in FOLDER.glob("lstm.*"):
        shutil.copy(path, tmp_path)
    with tf.Graph().as_default(), tf.Session() as session:
        reader = tf.train.load_checkpoint(str(FOLDER / "lstm"))
        values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
        values["rnn_layer/opaque_kernel"] = np.full(56, np.nan, np.float32)
        variables = {name: tf.Variable(value) for name, value in values.items()}
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(variables)
        saver.save(session, str(tmp_path / "lstm"), write_meta_graph=False, write_state=False)
    assert port(create_job(tmp_path / "lstm.meta", tmp_path / "x.pb", outputs=("out",))).passed
    feeds, want = load("lstm")
    got = run_frozen(tmp_path / "x.pb", feeds, "out:0")
    np.testing.assert_allclose(got, want[0], atol=2e-6)


def save_raw(folder, **attributes):
    """Saves two layers whose vector is a variable of its own, without canonical weights."""

    def build(with_layer):
        x = tf.placeholder(tf.float32, [5, 2, 4], name="x")
        state = tf.zeros([1, 2, 4])
        weights = models.create_weights(160, name="params")  # 8 matrices, 8 biases
        if with_layer:
            for name in ("lstm", "second"):
                x = tf.raw_ops.CudnnRNN(
                    input=x, input_h=state, input_c=state, params=weights, name=name, **attributes
                ).output
            tf.identity(x, name="out")

    meta = models.save_model(folder, lambda: build(with_layer=False))
    with tf.Graph().as_default():  # a session could not even start with it
        build(with_layer=True)
        tf.train.Saver().export_meta_graph(str(meta))
    return meta


def test_a_vector_without_canonical_weights_has_matrices_and_then_biases(tmp_path):
    report = port(create_job(save_raw(tmp_path), tmp_path / "x.pb", outputs=("out",)))
    assert report.passed and report.notes[0] == NOTE.replace("1", "2", 1)
    vector = np.random.default_rng(0).uniform(0.1, 0.9, 160).astype(np.float32)
    x = np.random.default_rng(1).random((5, 2, 4), np.float32)
    matrices, biases = vector[:128].reshape(8, 4, 4), vector[128:].reshape(8, 4)

    def run_layer(steps):
        h = c = np.zeros((2, 4))
        for step in steps:  # cuDNN's gates: i f c o
            gates = [
                step @ matrices[g].T + biases[g] + h @ matrices[4 + g].T + biases[4 + g]
                for g in range(4)
            ]
            i, f, o = (1 / (1 + np.exp(-gates[g])) for g in (0, 1, 3))
            c = f * c + i * np.tanh(gates[2])
            h = o * np.tanh(c)
            yield h

    want = list(run_layer(run_layer(x)))
    np.testing.assert_allclose(run_frozen(tmp_path / "x.pb", {"x:0": x}, "out:0"), want, atol=2e-6)


def test_what_has_no_cell_is_refused_for_what_it_is(tmp_path):
    meta = save_raw(tmp_path, input_mode="skip_input")
    message = get_port_error(meta, tmp_path / "out.pb", outputs=("out",))
    assert "the outputs need CudnnRNN (lstm), which only a GPU can run" in message
    assert "tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell" in message
