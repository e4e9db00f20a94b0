"""Complete models of Keras 2 as files of other backends: what Keras 2.3.1 predicts with them."""

from __future__ import annotations

import json
import shutil

import h5py
import keras
import numpy as np
import pytest
from imported_models import create_job, run_frozen
from oracle_client import GOLDEN

from legacy_nets.nets.keras.load_file import load_keras_model
from legacy_nets.port.pipeline import port

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_one_process")]
NAME = "keras_2_3_1_backends"  # by scripts/oracle/keras_theano.py
PREDICTIONS = {
    key: np.array(value, np.float32)
    for key, value in json.loads((GOLDEN / f"{NAME}.json").read_text()).items()
}
X = PREDICTIONS.pop("x")
NOTE = "9 convolution kernels are rotated by 180 degrees: Keras wrote them on Theano"


def save_as(path, backend):
    """Copies the model; the copy names the backend. Kernels of Theano are those of the copy."""
    shutil.copy(GOLDEN / f"{NAME}.h5", path)
    with h5py.File(path, "r+") as file:
        for group in (file, file["model_weights"]):
            group.attrs["backend"] = backend.encode()
    return path


def test_theano_makes_a_difference():
    assert set(PREDICTIONS) == {"tensorflow", "theano", "cntk"}
    np.testing.assert_array_equal(PREDICTIONS["tensorflow"], PREDICTIONS["cntk"])
    difference = np.abs(PREDICTIONS["tensorflow"] - PREDICTIONS["theano"])
    assert difference.min() > 0.01 * np.abs(PREDICTIONS["theano"]).max()


@pytest.mark.parametrize("backend", PREDICTIONS)
def test_a_model_predicts_what_keras_predicts(tmp_path, backend):
    with load_keras_model(save_as(tmp_path / "m.h5", backend)) as (model, session):
        got = session.run(model.outputs[0], {model.inputs[0]: X})
    np.testing.assert_allclose(got, PREDICTIONS[backend], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backend", PREDICTIONS)
def test_a_port_computes_it_and_says_what_was_rotated(tmp_path, backend):
    source = save_as(tmp_path / "m.h5", backend)
    report = port(create_job(source, tmp_path / "m.pb"))
    assert report.passed
    notes = [note for note in report.notes if "kernels" in note]
    assert [note.startswith(NOTE) for note in notes] == [True] * (backend == "theano")
    [fed] = (note.split()[1] for note in report.notes if note.startswith("input "))
    [name] = {item.name for item in report.comparisons}
    got = run_frozen(tmp_path / "m.pb", {f"{fed}:0": X}, f"{name}:0")
    np.testing.assert_allclose(got, PREDICTIONS[backend], rtol=1e-4, atol=1e-5)


def test_a_model_of_theano_becomes_one_of_todays_keras(tmp_path):
    report = port(create_job(save_as(tmp_path / "m.h5", "theano"), tmp_path / "m.keras", "keras"))
    assert report.passed
    got = keras.saving.load_model(tmp_path / "m.keras", compile=False)(X, training=False)
    np.testing.assert_allclose(np.asarray(got), PREDICTIONS["theano"], rtol=1e-4, atol=1e-5)
