"""Complete models of Keras 1, as Keras 1.2.2 wrote them (tests/golden/keras_1_2_2)."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from imported_models import create_job, get_port_error

from legacy_nets.nets.keras.load_file import load_keras_model
from legacy_nets.port.pipeline import port

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_one_process")]
FOLDER = Path(__file__).parents[2] / "golden" / "keras_1_2_2"  # by scripts/oracle/keras1_files.py
PREDICTIONS = json.loads((FOLDER / "predictions.json").read_text())


def copy_model(path, name, change=lambda text: text, is_of_theano=False):
    """Copies a model, with its configuration changed, or its weights named as on Theano."""
    with h5py.File(FOLDER / f"{name}.h5") as source, h5py.File(path, "w") as file:
        for key, value in source.attrs.items():
            file.attrs[key] = change(value) if key == "model_config" else value
        source.copy("model_weights", file)
        for group in file["model_weights"].values() if is_of_theano else ():
            names = group.attrs["weight_names"]
            for weight in names:
                group.move(weight.decode(), weight.decode().removesuffix(":0"))
            group.attrs["weight_names"] = [weight.removesuffix(b":0") for weight in names]
    return path


def predict(path, x):
    with load_keras_model(path) as (model, session):
        return session.run(model.outputs[0], {model.inputs[0]: x})


@pytest.mark.parametrize("name", PREDICTIONS)
def test_models_predict_what_keras_1_predicted(name):
    x, y = (np.array(PREDICTIONS[name][key], np.float32) for key in "xy")
    np.testing.assert_allclose(predict(FOLDER / f"{name}.h5", x), y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PREDICTIONS)
def test_models_become_models_of_todays_keras(tmp_path, name):
    x, y = (np.array(PREDICTIONS[name][key], np.float32) for key in "xy")
    report = port(create_job(FOLDER / f"{name}.h5", tmp_path / "m.keras", "keras"))
    assert report.passed
    got = keras.saving.load_model(tmp_path / "m.keras", compile=False)(x, training=False)
    np.testing.assert_allclose(np.asarray(got), y, rtol=1e-5, atol=1e-6)


def test_kernels_of_theano_are_rotated(tmp_path):
    """The convolution is then that of numpy, which turns its kernel, too."""
    x = np.random.default_rng(0).random((1, 6, 5, 2)).astype(np.float32)
    path = copy_model(tmp_path / "m.h5", "branches", is_of_theano=True)
    kernels = {}
    for file in (path, FOLDER / "branches.h5"):
        with load_keras_model(file) as (model, session):
            layer = next(layer for layer in model.layers if layer.name.startswith("conv"))
            kernels[file] = session.run(layer.kernel)
    np.testing.assert_array_equal(kernels[path], np.flip(kernels[FOLDER / "branches.h5"], (0, 1)))
    report = port(create_job(path, tmp_path / "m.pb", "frozen"))
    assert any("2 convolution kernels are rotated by 180 degrees" in note for note in report.notes)
    assert not np.allclose(predict(path, x), predict(FOLDER / "branches.h5", x), rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        (
            "nested",
            '"Dense"',
            '"Highway"',
            "is a Highway, which Keras has dropped",
        ),
        ("nested", '"mode": 0', '"mode": 2', "is a batch norm of mode 2, which Keras has dropped"),
        (
            "branches",
            '"mode": "sum"',
            '"mode": "cos"',
            "is a Merge by 'cos', which Keras has dropped",
        ),
        ("nested", '"Dense"', '"Lambda"', "is a Lambda, Python code in the file"),
        ("nested", '"config": {"name": "dense', '"config": 7, "x": {"name": "dense', "is damaged"),
        ("branches", '"dim_ordering": "tf"', '"dim_ordering": "th"', "is channels_first"),
    ],
)
def test_what_cannot_be_loaded_is_named(tmp_path, name, old, new, reason):
    def change(text):
        assert old in str(text)
        return str(text).replace(old, new)

    path = copy_model(tmp_path / "m.h5", name, change)
    message = get_port_error(path, tmp_path / "out")
    assert message.startswith(f"{path}: ") and reason in message
