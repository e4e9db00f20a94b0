"""Keras .h5 and TF-format files: saved by tf_keras, read by name without Keras."""

from __future__ import annotations

import math
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from commands import refused
from PIL import Image

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats import h5
from legacy_nets.checkpoints.open import find_readable_weights, open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.errors import CheckpointError


@pytest.fixture(scope="module")
def keras(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """A folder of one trained model's files, and its weights by name."""
    folder = tmp_path_factory.mktemp("keras")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.keras.backend.set_session(session)
        layers = tf.keras.layers
        inner = tf.keras.Sequential(
            [layers.Conv2D(2, 3, name="conv", input_shape=(4, 4, 3))], name="inner"
        )
        model = tf.keras.Sequential(
            [
                inner,
                layers.BatchNormalization(name="bn"),
                layers.Flatten(),
                layers.Dense(3, name="head/dense"),
                layers.Lambda(lambda x: x * 2),
            ]
        )
        model.compile("adam", "mse")
        model.train_on_batch(np.ones((2, 4, 4, 3)), np.ones((2, 3)))
        model.save(folder / "model.h5")
        model.save_weights(folder / "weights.h5")
        model.save_weights(str(folder / "tf"), save_format="tf")
        names = [variable.op.name for variable in model.weights]
        return folder, dict(zip(names, model.get_weights(), strict=True))


def _assert_holds(path: Path, want: dict[str, np.ndarray]):
    source = open_weights(path)
    source.check_complete()
    assert sorted(source.tensors) == sorted(want)
    for name, array in want.items():
        info, got = source.tensors[name], source.read(name)
        assert (info.shape, info.dtype) == (array.shape, array.dtype.name)
        assert got.dtype == array.dtype and np.array_equal(got, array), name
    return source


def _reason(call, *arguments) -> str:
    with pytest.raises(CheckpointError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_and_whole_models(keras):
    folder, want = keras
    assert "head/dense/kernel" in want and "conv/kernel" in want
    assert not _assert_holds(folder / "weights.h5", want).other_tensors
    source = _assert_holds(folder / "model.h5", want)
    slots = [name for name in source.other_tensors if name.endswith("conv/kernel/m")]
    assert slots and source.read(slots[0]).shape == (3, 3, 3, 2)


def test_the_code_of_a_lambda_layer_is_never_run(tmp_path):
    """Keras keeps it as Python byte code, which its own loader runs."""
    path, mark = tmp_path / "model.h5", tmp_path / "ran"
    with tf.Graph().as_default():
        layers = tf.keras.layers

        def code(x, mark=str(mark)):
            open(mark, "w").close()
            return x

        model = tf.keras.Sequential(
            [layers.Dense(3, input_shape=(4,), name="dense"), layers.Lambda(code)]
        )
        model.save(path)
    mark.unlink()
    source = open_weights(path)
    assert [source.read(name).shape for name in ("dense/kernel", "dense/bias")] == [(4, 3), (3,)]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.layers.dense(tf.zeros([1, 4]), 3, name="dense")
        match(tf.global_variables(), source).apply(session)
    assert not mark.exists()
    with tf.Graph().as_default():
        tf.keras.models.load_model(path)
    assert mark.exists()  # so the file does hold what would run


def test_tf_format(keras):
    folder, want = keras
    source = _assert_holds(folder / "tf", want)
    slot = "layer_with_weights-1/gamma/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE"
    reader = tf.train.load_checkpoint(str(folder / "tf"))
    assert np.array_equal(source.read(slot), reader.get_tensor(slot))
    assert set(source.other_tensors) >= {slot, "optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE"}
    assert "no tensor 'bn/gama'; nearest: bn/gamma" in _reason(source.read, "bn/gama")
    (data,) = (file for file in folder.glob("tf.data*"))
    intact = data.read_bytes()
    try:
        data.write_bytes(intact[:50])
        assert "too short" in _reason(open_weights, folder / "tf")
    finally:
        data.write_bytes(intact)


@pytest.mark.parametrize("name", ["weights.h5", "model.h5", "tf"])
def test_strict_restore_by_name(keras, name):
    folder, want = keras
    with tf.Graph().as_default() as graph, tf.Session() as session:
        variables = [tf.Variable(np.zeros_like(value), name=key) for key, value in want.items()]
        plan = match(variables, folder / name)
        plan.check()
        graph.finalize()
        plan.apply(session)
        for variable, value in zip(variables, want.values(), strict=True):
            assert np.array_equal(session.run(variable), value)


def test_keras_keeps_long_lists_in_pieces(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as root:
        root.attrs["layer_names0"] = np.array([b"a"])
        root.attrs["layer_names1"] = np.array([b"b"])
        for layer in "ab":
            group = root.create_group(layer)
            group.attrs["weight_names0"] = np.array([b"kernel:0"])
            group.attrs["weight_names1"] = np.array([f"{layer}/own:0".encode()])
            group["kernel:0"] = np.float32([ord(layer)])
            group[f"{layer}/own:0"] = np.float32([1])
    source = open_weights(tmp_path / "w.h5")
    assert list(source.tensors) == ["a/kernel", "a/own", "b/kernel", "b/own"]
    assert source.read("b/kernel").tolist() == [ord("b")]


def test_other_layouts_go_by_their_paths(tmp_path):
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as root:
        root["layers/dense/vars/0"] = np.float16([[1, 2]])
        root["optimizer/vars/0"] = np.int64(7)
        root["names"] = ["text"]
        root["flag"] = np.array([True, False])
    want = {"layers/dense/vars/0": ("float16", [[1, 2]]), "flag": ("bool", [True, False])}
    with zipfile.ZipFile(tmp_path / "w.keras", "w") as archive:
        archive.write(path, "model.weights.h5")
        archive.writestr("config.json", "{}")
    for file in (path, tmp_path / "w.keras"):
        source = open_weights(file)
        assert set(source.tensors) == {*want, "names"} and list(source.other_tensors) == [
            "optimizer/vars/0"
        ]
        for name, (dtype, values) in want.items():
            assert source.tensors[name].dtype == source.read(name).dtype.name == dtype
            assert source.read(name).tolist() == values
        assert "names is of type string" in _reason(source.read, "names")


def test_what_reaches_out_of_the_file_is_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(16))
    with h5py.File(tmp_path / "other.h5", "w") as root:
        root["w"] = np.zeros(4)
    with h5py.File(tmp_path / "w.h5", "w") as root:
        root["linked"] = h5py.ExternalLink("other.h5", "w")
        root["own"] = np.ones(2)
    assert list(open_weights(tmp_path / "w.h5").tensors) == ["own"]
    with h5py.File(tmp_path / "w.h5", "w") as root:
        root.create_dataset("w", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)])
    assert "w is stored in another file" in _reason(open_weights, tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "w") as root:
        root.create_dataset("w", (1 << 40,), "f4", chunks=(64,))
    assert "has 0 bytes in the file" in _reason(open_weights, tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "w") as root:
        root.create_group("empty")
    assert "an HDF5 file without weights" in _reason(open_weights, tmp_path / "w.h5")


def test_truncated_files(keras, tmp_path):
    intact = (keras[0] / "weights.h5").read_bytes()
    for size in (9, 100, 2000, len(intact) // 2, len(intact) - 1):
        (tmp_path / "w.h5").write_bytes(intact[:size])
        assert str(tmp_path / "w.h5") in _reason(open_weights, tmp_path / "w.h5")


# A Keras model with 63 bytes of zeros (``damage.py``, 52): HDF5 never ends on it.
ENDLESS = Path(__file__).parents[1] / "golden" / "endless.h5"


def _keep(folder):
    return ENDLESS


def _rename(folder):
    return shutil.copy(ENDLESS, folder / "weights")


def _put_into_keras_zip(folder):
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.write(ENDLESS, "model.weights.h5")
    return folder / "model.keras"


@pytest.mark.slow
@pytest.mark.parametrize("place", [_keep, _rename, _put_into_keras_zip])
def test_a_damaged_file_that_hdf5_never_ends_on_is_refused(monkeypatch, tmp_path, place):
    monkeypatch.setattr(h5, "_SECONDS", 3.0)
    monkeypatch.setattr(h5, "_BYTES_PER_SECOND", math.inf)
    path = place(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        find_readable_weights(path)
    reason = "damaged, or too large to be read within 3 seconds"
    assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "demo_cnn", "--checkpoint", "FILE"],
        ["predict", "demo_cnn", "IMAGE", "--checkpoint", "FILE"],
        ["diff", "FILE", "demo_cnn"],
        ["inspect", "FILE"],
        ["describe", "FILE"],
        ["explain", "demo_cnn", "--figure", "FOLDER", "--checkpoint", "FILE"],
        ["train", "demo_cnn", "--model-dir", "FOLDER", "--warm-start", "FILE"],
        ["port", "FILE", "--to", "npz", "--out", "FOLDER/x.npz"],
        ["port", "FILE", "--net", "demo_cnn", "--to", "npz", "--out", "FOLDER/x.npz"],
        ["port", "FILE", "--meta", "META", "--to", "onnx", "--out", "FOLDER/x.onnx"],
    ],
    ids=lambda arguments: "-".join(arguments[:3:2]),
)
def test_every_command_ends_on_it(monkeypatch, tmp_path, arguments):
    monkeypatch.setattr(h5, "_SECONDS", 0.2)  # or the process would compute in vain
    (tmp_path / "m.meta").write_bytes(b"")
    Image.new("RGB", (8, 8)).save(tmp_path / "i.png")
    given = {"FILE": ENDLESS, "IMAGE": tmp_path / "i.png", "META": tmp_path / "m.meta"}
    texts = [str(given.get(item, item)) for item in arguments]
    reason = "damaged, or too large to be read within 0.2 seconds"
    line = refused(*(text.replace("FOLDER", str(tmp_path / "new")) for text in texts))
    assert line == f"legacy-nets: {ENDLESS}: {reason}"
