"""Complete Keras models (.h5) go to graph formats; the model itself is the reference."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from imported_models import create_job, get_port_error, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
layers = tf.keras.layers


def save_model(path, build):
    """Saves a model with weights by index; returns inputs [3, ...] and what it predicts."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.keras.backend.set_session(session)
        model = build()
        random = np.random.default_rng(0)
        model.set_weights([random.uniform(0.1, 0.9, w.shape) for w in model.get_weights()])
        x = random.random((3, *model.inputs[0].shape.as_list()[1:])).astype(np.float32)
        predicted = model.predict(x)
        model.save(path)
        return x, predicted


def build_convolutions():
    """Batch norm and dropout infer; two outputs."""
    x = tf.keras.Input((8, 8, 3), name="images")
    net = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(x))
    features = layers.GlobalAveragePooling2D()(layers.Dropout(0.5)(net))
    return tf.keras.Model(x, [layers.Dense(2, activation="softmax")(features), features])


def build_nested():
    x = tf.keras.Input((6,), name="x")
    inner = tf.keras.Sequential([layers.Dense(5, input_shape=(6,)), layers.ReLU()])
    return tf.keras.Model(x, layers.Dense(2)(inner(x)))


def build_recurrent():
    x = tf.keras.Input((5, 3), name="words")
    return tf.keras.Model(x, layers.Dense(2)(layers.LSTM(4)(x)))


@pytest.mark.parametrize("build", [build_convolutions, build_nested, build_recurrent])
@pytest.mark.parametrize("target", ["frozen", "onnx"])
def test_a_model_is_ported_as_it_predicts(tmp_path, build, target):
    pytest.importorskip("tf2onnx")
    x, predicted = save_model(tmp_path / "m.h5", build)
    out = tmp_path / "out"
    report = port(create_job(tmp_path / "m.h5", out, target))
    assert report.passed and report.net == "m.h5"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.h5", "out"]
    if target == "frozen":
        names = [item.name for item in report.comparisons]
        [source] = [
            node.name
            for node in tf.GraphDef.FromString(out.read_bytes()).node
            if node.op == "Placeholder"
        ]
        got = run_frozen(out, {f"{source}:0": x}, [f"{name}:0" for name in names])
        for value, want in zip(got, predicted if len(names) > 1 else [predicted], strict=True):
            np.testing.assert_allclose(value, want, rtol=1e-5, atol=1e-6)


def test_a_lambda_layer_is_refused_by_its_name(tmp_path):
    def build():
        inner = tf.keras.Sequential([layers.Lambda(lambda x: x * 2, name="twice")])
        x = tf.keras.Input((6,))
        return tf.keras.Model(x, inner(layers.Dense(6)(x)))

    save_model(tmp_path / "m.h5", build)
    message = get_port_error(tmp_path / "m.h5", tmp_path / "out")
    assert "m.h5: the layer twice is a Lambda, Python code in the file, which is not run" in message


def test_a_layer_that_keras_does_not_have_is_named(tmp_path):
    save_model(tmp_path / "m.h5", build_nested)
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][-1]["class_name"] = "Capsule"
        file.attrs["model_config"] = json.dumps(config)
    message = get_port_error(tmp_path / "m.h5", tmp_path / "out")
    assert "m.h5: Keras cannot load it (ValueError: Unknown layer: 'Capsule'" in message
    assert message.endswith("port its weights alone, or --net NAME")
