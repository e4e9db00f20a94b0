"""Complete Keras models (.h5) go to graph formats and .keras; the model itself is the reference."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import create_job, get_port_error, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.cli import main
from legacy_nets.port.pipeline import port

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_one_process")]
layers = tf.keras.layers


def save_model(path, build):
    """Saves a model with weights by index; returns inputs [3, ...] and what it predicts."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.keras.backend.set_session(session)
        model = build()
        random = np.random.default_rng(0)
        model.set_weights([random.uniform(-0.4, 0.9, w.shape) ** 2 for w in model.get_weights()])
        shapes = [(3, *tensor.shape.as_list()[1:]) for tensor in model.inputs]
        x = [random.random(shape).astype(np.float32) for shape in shapes]
        x = x if len(x) > 1 else x[0]
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
    """The gates are hard_sigmoid, which is another function in today's Keras."""
    x = tf.keras.Input((5, 3), name="words")
    return tf.keras.Model(x, layers.Dense(2)(layers.LSTM(4)(x)))


def build_shared():
    """A layer that is called twice, a model in a model, two inputs, a state that is passed on."""
    words, more = tf.keras.Input((5, 3), name="words"), tf.keras.Input((4, 3), name="more")
    encoded, *state = layers.LSTM(4, return_state=True, recurrent_activation="sigmoid")(words)
    decoded = layers.LSTM(4)(more, initial_state=state)
    inner = tf.keras.Sequential([layers.Dense(3, input_shape=(4,)), layers.LeakyReLU(0.2)])
    both = layers.Concatenate()([inner(encoded), inner(decoded)])
    return tf.keras.Model([words, more], layers.Dense(2)(both))


def build_odd():
    """Layers and settings whose names or values have changed."""
    x = tf.keras.Input((4, 4, 2))
    net = layers.SeparableConv2D(3, 3, kernel_regularizer="l2")(x)
    net = layers.PReLU(shared_axes=[1, 2])(layers.Conv2DTranspose(2, 2, strides=2)(net))
    net = layers.Reshape((-1, 2))(net)
    net = layers.Bidirectional(layers.GRU(3, return_sequences=True))(net)
    net = layers.TimeDistributed(layers.Dense(4, activation="hard_sigmoid"))(net)
    return tf.keras.Model(x, layers.GlobalMaxPooling1D()(net))


def load_today(path):
    """Loads a .keras file as a user of today's Keras does, who does not have this package."""
    import keras

    return keras.saving.load_model(path, compile=False)


BUILDERS = [build_convolutions, build_nested, build_recurrent, build_shared, build_odd]


@pytest.mark.parametrize("build", BUILDERS)
def test_a_model_becomes_one_of_todays_keras(tmp_path, build):
    inputs, predicted = save_model(tmp_path / "m.h5", build)
    report = port(create_job(tmp_path / "m.h5", tmp_path / "m.keras", "keras"))
    assert report.passed
    scaled = {build_recurrent: "lstm", build_odd: "bidirectional, time_distributed"}.get(build)
    note = f"weights before hard_sigmoid are multiplied by 1.2, as its slope is 1/6: {scaled}"
    assert (note in report.notes) == (scaled is not None)
    outputs = [note for note in report.notes if note.startswith("output ")]
    assert outputs and all(note.endswith(" (the model's own)") for note in outputs)
    got = load_today(tmp_path / "m.keras")(inputs, training=False)
    for value, want in zip(as_list(got), as_list(predicted), strict=True):
        np.testing.assert_allclose(np.asarray(value), want, rtol=1e-5, atol=1e-6)
    source = open_weights(tmp_path / "m.keras")
    assert source.metadata["model"] == "m.h5"


def as_list(values):
    return list(values) if isinstance(values, (list, tuple)) else [values]


def refuse_to_keras(tmp_path, make_layer):
    def build():
        return tf.keras.Sequential([tf.keras.Input((6,)), make_layer()])

    save_model(tmp_path / "m.h5", build)
    return get_port_error(tmp_path / "m.h5", tmp_path / "m.keras", target="keras")


def test_what_todays_keras_lacks_is_refused_by_name(tmp_path):
    message = refuse_to_keras(tmp_path, lambda: layers.ThresholdedReLU(0.3, name="own"))
    assert "the layer own is a ThresholdedReLU, which today's Keras does not have" in message
    message = refuse_to_keras(tmp_path, lambda: layers.Activation("hard_sigmoid", name="gate"))
    assert "the layer gate has activation hard_sigmoid, which is another function today" in message
    assert message.endswith("port the model to onnx or saved_model, which keep it")
    assert [path.name for path in tmp_path.iterdir()] == ["m.h5"]


def test_options_and_names_that_keras_does_not_take(tmp_path):
    save_model(tmp_path / "m.h5", build_nested)
    message = get_port_error(tmp_path / "m.h5", tmp_path / "m.h6", target="keras")
    assert message == "--out m.h6: Keras opens only files that end in .keras"
    out = tmp_path / "m.keras"
    message = get_port_error(tmp_path / "m.h5", out, target="keras", outputs=("dense/BiasAdd",))
    assert message == "--inputs, --outputs: keras takes the complete model: leave them out"


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


def test_recurrent_layers_are_unrolled_for_tensorflow_lite(tmp_path):
    save_model(tmp_path / "m.h5", build_recurrent)
    report = port(create_job(tmp_path / "m.h5", tmp_path / "m.tflite", "tflite"))
    assert report.passed and report.comparisons


def test_a_lambda_layer_is_refused_by_its_name(tmp_path):
    def build():
        inner = tf.keras.Sequential([layers.Lambda(lambda x: x * 2, name="twice")])
        x = tf.keras.Input((6,))
        return tf.keras.Model(x, inner(layers.Dense(6)(x)))

    save_model(tmp_path / "m.h5", build)
    message = get_port_error(tmp_path / "m.h5", tmp_path / "out")
    assert "m.h5: the layer twice is a Lambda, Python code in the file, which is not run" in message


def change_config(path, change):
    """Changes the configuration in a file; ``change`` takes it as a dictionary."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)


def refuse_changed(tmp_path, build, change):
    """Saves a model, changes the layers of its configuration; returns the error of the port."""
    save_model(tmp_path / "m.h5", build)
    change_config(tmp_path / "m.h5", change)
    return get_port_error(tmp_path / "m.h5", tmp_path / "out")


def test_nothing_outside_keras_is_imported(tmp_path):
    evil = {"module": "subprocess", "class_name": "Popen", "config": {"args": "touch /tmp/x"}}

    def use_module(layers):
        layers[-1]["config"]["kernel_initializer"] = evil

    message = refuse_changed(tmp_path, build_nested, use_module)
    assert "m.h5: Popen is of the module subprocess, code outside Keras, which is not" in message


def test_layers_that_need_a_gpu_are_named(tmp_path):
    def turn(layers):
        layers[1]["config"]["data_format"] = "channels_first"

    message = refuse_changed(tmp_path, build_convolutions, turn)
    assert "the layer conv2d is channels_first, which TensorFlow computes on GPUs alone" in message


def test_a_layer_that_keras_does_not_have_is_named(tmp_path):
    def rename(layers):
        layers[-1]["class_name"] = "Capsule"

    message = refuse_changed(tmp_path, build_nested, rename)
    assert "m.h5: Keras cannot load it (ValueError: Unknown layer: 'Capsule'" in message
    assert message.endswith("port its weights alone, or --net NAME")


@pytest.mark.parametrize("command", ["port", "describe"])
@pytest.mark.parametrize("damage", ["object header", "half of it"])
def test_a_damaged_file_is_named(tmp_path, command, damage):
    path = tmp_path / "model.h5"
    save_model(path, build_nested)
    data = bytearray(path.read_bytes())
    data[int.from_bytes(data[64:72], "little")] ^= 64  # the version of the root's header
    path.write_bytes(data if damage == "object header" else path.read_bytes()[: len(data) // 2])
    options = ["--to", "frozen", "--out", str(tmp_path / "x.pb")] if command == "port" else []
    done = CliRunner().invoke(main, [command, str(path), *options])
    assert done.exit_code == 2 and done.output.count("\n") == 1
    assert done.output.startswith(f"legacy-nets: {path}: damaged (")


@pytest.mark.parametrize("is_functional", [False, True])
def test_the_version_of_keras_3_is_named(tmp_path, is_functional):
    keras = pytest.importorskip("keras")
    images, layer = keras.Input([3]), keras.layers.Dense(2)
    model = (
        keras.Model(images, layer(images)) if is_functional else keras.Sequential([images, layer])
    )
    model.save(tmp_path / "m.h5")
    message = get_port_error(tmp_path / "m.h5", tmp_path / "x.pb")
    assert f"m.h5: Keras {keras.__version__} wrote it, whose models Keras 2 cannot load" in message
