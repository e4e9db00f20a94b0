"""Keras files of other backends: kernels of Theano are rotated, as Keras' own loader did."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.cli import main

KERNELS = {  # weight -> whether its spatial axes are rotated
    "conv2d_1/kernel": ((3, 2, 4, 5), True),
    "conv1d_1/kernel": ((3, 4, 5), True),
    "conv3d_1/kernel": ((2, 3, 2, 4, 5), True),
    "conv_lst_m2d_1/recurrent_kernel": ((3, 3, 4, 16), True),
    "depthwise_conv2d_1/depthwise_kernel": ((3, 3, 4, 1), False),
    "locally_connected1d_1/kernel": ((3, 4, 5), False),
    "dense_1/kernel": ((4, 5), False),
    "conv2d_1/bias": ((5,), False),
}


def save(path, backend, whole):
    """Writes a file as Keras 2.0 did, of weights or of a complete model; returns its values."""
    random = np.random.default_rng(0)
    values = {name: random.random(shape, np.float32) for name, (shape, _) in KERNELS.items()}
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        for attributes in (file.attrs, root.attrs):
            attributes["keras_version"] = np.bytes_("2.0.4")
            if backend:
                attributes["backend"] = np.bytes_(backend)
        layers = dict.fromkeys(name.split("/")[0] for name in values)
        root.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            group = root.create_group(layer)
            names = [name for name in values if name.startswith(f"{layer}/")]
            group.attrs["weight_names"] = [f"{name}:0".encode() for name in names]
            for name in names:
                group[f"{name}:0"] = values[name]
    return values


@pytest.mark.parametrize("whole", [False, True])
def test_theanos_convolution_kernels_are_rotated(tmp_path, whole):
    values = save(tmp_path / "w.h5", "theano", whole)
    source = open_weights(tmp_path / "w.h5")
    assert set(source.tensors) == set(values)
    for name, (shape, is_rotated) in KERNELS.items():
        want = values[name]
        if is_rotated:
            want = np.flip(want, tuple(range(len(shape) - 2)))
        np.testing.assert_array_equal(source.read(name), want, name)
    [note] = source.notes
    assert note.startswith("4 convolution kernels are rotated by 180 degrees: Keras wrote them on")


@pytest.mark.parametrize("backend", ["tensorflow", "cntk", ""])
def test_kernels_of_backends_that_correlate_stay(tmp_path, backend):
    """Keras' loader lists TensorFlow and CNTK as such, and converts nothing without the name."""
    values = save(tmp_path / "w.h5", backend, whole=False)
    source = open_weights(tmp_path / "w.h5")
    assert source.notes == ()
    for name, value in values.items():
        np.testing.assert_array_equal(source.read(name), value, name)


def test_a_rotated_kernel_correlates_as_theano_convolves(tmp_path):
    values = save(tmp_path / "w.h5", "theano", whole=False)
    image = np.random.default_rng(1).random((1, 6, 5, 4), np.float32)
    kernel = values["conv2d_1/kernel"]
    want = np.zeros((4, 4, 5), np.float32)  # the sum of a true convolution, as it is defined
    for row, column in np.ndindex(4, 4):
        window = image[0, row : row + 3, column : column + 2]
        want[row, column] = np.einsum("rci,rcio->o", window[::-1, ::-1], kernel)
    read = open_weights(tmp_path / "w.h5").read("conv2d_1/kernel")
    with tf.Graph().as_default(), tf.Session() as session:
        got = session.run(tf.nn.conv2d(image, read, strides=1, padding="VALID"))
    np.testing.assert_allclose(got[0], want, rtol=1e-5)


def test_inspect_and_port_say_it(tmp_path):
    values = save(tmp_path / "w.h5", "theano", whole=False)
    inspected = CliRunner().invoke(main, ["inspect", str(tmp_path / "w.h5")])
    out = tmp_path / "w.npz"
    ported = CliRunner().invoke(
        main, ["port", str(tmp_path / "w.h5"), "--to", "npz", "--out", str(out)]
    )
    for done in (inspected, ported):
        assert done.exit_code == 0 and "4 convolution kernels are rotated" in done.output
    with np.load(out) as arrays:
        np.testing.assert_array_equal(
            arrays["conv2d_1/kernel"], values["conv2d_1/kernel"][::-1, ::-1]
        )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('[{"config": {"dim_ordering": "th"}}, {"class_name": "Flatten"}]', "channels_first"),
        ('[{"data_format": "channels_first"}, {"class_name": "Flatten"}]', "channels_first"),
        ('[{"data_format": "channels_first"}]', ""),
        ('[{"data_format": "channels_last"}, {"class_name": "Flatten"}]', ""),
    ],
)
def test_layouts_that_no_net_has_are_refused_by_name(tmp_path, config, message):
    save(tmp_path / "w.h5", "tensorflow", whole=True)
    with h5py.File(tmp_path / "w.h5", "a") as file:
        file.attrs["model_config"] = config.encode()
    source = open_weights(tmp_path / "w.h5")
    assert message in source.unsupported and bool(source.unsupported) == bool(message)
    assert source.notes == ((source.unsupported,) if message else ())


KERAS1 = {  # weight in TensorFlow's order -> shape
    "convolution2d_1_W": (3, 2, 4, 5),
    "convolution2d_1_b": (5,),
    "convolution3d_1_W": (2, 3, 2, 4, 6),
    "convolution3d_1_b": (6,),
    "convolution2d_2_W": (5, 5, 4, 5),  # its bias does not tell which axis the outputs are
    "convolution2d_2_b": (5,),
    "convolution1d_1_W": (3, 1, 4, 5),
    "convolution1d_1_b": (5,),
    "dense_1_W": (4, 5),
    "convlstm2d_1_W_i": (3, 2, 4, 5),
    "convlstm2d_1_U_i": (3, 2, 5, 5),
    "convlstm2d_1_b_i": (5,),
    "lstm_1_W_i": (4, 5),
}


def save_keras1(path, backend, order, form="layer_names", config=""):
    """Writes weights as Keras 1.2.2 did (Keras 0.3 with ``nb_layers``); returns TensorFlow's."""
    random = np.random.default_rng(0)
    values = {name: random.random(shape, np.float32) for name, shape in KERAS1.items()}
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if config else file
        if config:
            file.attrs["keras_version"], file.attrs["model_config"] = b"1.2.2", config.encode()
        layers = list(dict.fromkeys(name.rsplit("_", 1 + ("lstm" in name))[0] for name in values))
        if form == "layer_names":
            root.attrs["layer_names"] = [layer.encode() for layer in layers]
        else:
            root.attrs["nb_layers"] = len(layers)
        for index, layer in enumerate(layers):
            group = root.create_group(layer if form == "layer_names" else f"layer_{index}")
            names = [name for name in values if name.startswith(layer)]
            stored = [name + ":0" * (backend == "tensorflow") for name in names]
            if form != "layer_names":
                stored = [f"param_{number}" for number in range(len(names))]
                group.attrs["nb_params"] = len(names)
            else:
                group.attrs["weight_names"] = [name.encode() for name in stored]
            for name, key in zip(names, stored, strict=True):
                group[key] = _store(values[name], backend, order)
    return values


def _store(value, backend, order):
    """Stores a weight in Keras 1's order; kernels of 1-D convolutions have TensorFlow's."""
    if value.ndim < 4:
        return value
    if backend == "theano":
        value = np.flip(value, tuple(range(value.ndim - 2)))
    if order == "th" and value.shape[1] != 1:
        value = np.moveaxis(value, (-1, -2), (0, 1))
    return value


@pytest.mark.parametrize("order", ["tf", "th"])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_kernels_of_keras_1_become_those_of_tensorflow(tmp_path, backend, order):
    """The bias of convolution2d_2 does not tell its order: the configuration does."""
    config = f'{{"dim_ordering": "{order}"}}'
    values = save_keras1(tmp_path / "w.h5", backend, order, config=config)
    source = open_weights(tmp_path / "w.h5")
    assert source.unsupported == "" and list(source.tensors) == list(values)
    for name, value in values.items():
        assert source.tensors[name].shape == value.shape, name
        np.testing.assert_array_equal(source.read(name), value, name)
    transposed = ["5 convolution kernels are transposed: Keras 1 wrote them in Theano's order"]
    rotated = ["6 convolution kernels are rotated by 180 degrees"]
    wanted = transposed * (order == "th") + rotated * (backend == "theano")
    assert len(source.notes) == len(wanted)
    assert all(note.startswith(start) for note, start in zip(source.notes, wanted, strict=True))


def test_weights_alone_in_theanos_order_are_of_no_net(tmp_path):
    values = save_keras1(tmp_path / "w.h5", "tensorflow", "th")
    source = open_weights(tmp_path / "w.h5")
    assert "whether a dense layer follows Flatten" in source.unsupported
    np.testing.assert_array_equal(source.read("convolution2d_1_W"), values["convolution2d_1_W"])
    [note] = [note for note in source.notes if "does not tell their order" in note]
    assert "1 convolution kernels of Keras 1 are as in the file" in note
    assert "first convolution2d_2_W" in note  # the 1-D kernel has the other order
    done = CliRunner().invoke(main, ["diff", str(tmp_path / "w.h5"), "demo_cnn"])
    assert done.exit_code == 2 and "whether a dense layer follows Flatten" in done.output


def test_numbered_files_do_not_tell_their_backend(tmp_path):
    values = save_keras1(tmp_path / "w.h5", "", "tf", form="nb_layers")
    source = open_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(source.read("layer_0/param_0"), values["convolution2d_1_W"])
    [note] = source.notes
    assert note.startswith("this file of Keras 0 does not tell its backend: if that was Theano")
    assert "its 5 convolution kernels are still to be rotated" in note
