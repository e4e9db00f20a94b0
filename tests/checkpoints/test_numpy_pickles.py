"""Pickles in .npy and .npz are read without being executed."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.errors import CheckpointError

KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3)


def save(path, value, protocol=None):
    """Writes a .npy whose value is pickled with a protocol, as other versions did."""
    array = np.empty((), object)
    array[()] = value
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickle.dump(array, file, protocol)
    return path


def read(path):
    source = open_weights(path)
    return {name: source.read(name) for name in source.tensors}


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_protocol_of_pickles(tmp_path, protocol):
    value = {
        "fc": [KERNEL, KERNEL[0].astype(">f4")],
        b"conv": OrderedDict(kernel=np.asfortranarray(KERNEL), mask=KERNEL > 2),
        "step": np.int64(7),
        "rate": 0.5,
    }
    got = read(save(tmp_path / "w.npy", value, protocol))
    assert list(got) == ["fc/0", "fc/1", "conv/kernel", "conv/mask", "step", "rate"]
    for name in ("fc/0", "conv/kernel"):
        assert got[name].dtype == np.float32 and np.array_equal(got[name], KERNEL)
    assert got["fc/1"].dtype == np.dtype("=f4") and got["fc/1"].tolist() == [0, 1, 2]
    assert got["conv/mask"].tolist() == [[False] * 3, [True] * 3]
    assert got["step"] == 7 and got["step"].dtype == np.int64 and got["rate"] == 0.5


def test_a_dictionary_of_python_2():
    """As facenet's det1.npy: np.save of {layer: {parameter: array}}, here by Python 2.7.18 and
    NumPy 1.16.6; np.load needs encoding="latin1" and executes its pickle.
    """
    got = read(Path(__file__).parents[1] / "golden" / "python2_dictionary.npy")
    assert {name: value.shape for name, value in got.items()} == {
        **{"conv1/weights": (3, 3, 3, 2), "conv1/biases": (2,), "PReLU1/alpha": (2,)},
        **{"conv4-1/weights": (1, 1, 2, 2), "conv4-1/biases": (2,)},
        **{"Léon/weights": (2,), "unicode/x": ()},
    }
    count = (np.arange(54, dtype=np.float32) - 3) / 8
    assert np.array_equal(got["conv1/weights"], count.reshape(3, 3, 3, 2))
    assert got["Léon/weights"].tolist() == [-0.25, -0.375] and got["unicode/x"] == 2.5


def test_a_list_of_arrays_in_an_npz(tmp_path):
    arrays = np.empty(2, object)
    arrays[:] = [KERNEL, KERNEL[0]]
    np.savez(tmp_path / "w.npz", params=arrays, plain=KERNEL)
    got = read(tmp_path / "w.npz")
    assert list(got) == ["params/0", "params/1", "plain"]
    assert np.array_equal(got["params/0"], KERNEL) and got["params/1"].tolist() == [0, 1, 2]


def test_what_is_no_number_is_left_out_and_noted(tmp_path):
    path = save(tmp_path / "w.npy", {"w": KERNEL, "name": "vgg", "none": None})
    source = open_weights(path)
    assert list(source.tensors) == ["w"]
    assert source.notes == ("left out 2 values that are no numbers, the first name",)


class Evil:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def test_nothing_is_executed(tmp_path):
    path = save(tmp_path / "w.npy", {"w": KERNEL, "x": Evil(tmp_path / "marker")})
    with pytest.raises(CheckpointError, match=r"w\.npy: a pickle that names io\.open, which is"):
        open_weights(path)
    assert not (tmp_path / "marker").exists()


def make_deep(levels, width):
    value = [KERNEL]
    for _ in range(levels):
        value = [value] * width  # one object, named many times: small in the file
    return value


@pytest.mark.parametrize(
    "value, message",
    [
        (make_deep(40, 1), "containers in containers, more than 32 deep"),
        (make_deep(20, 4), "more than 1000000 values"),
        ({"w": np.array(["a"])}, "an array of dtype 'U1', which holds no numbers"),
    ],
)
@pytest.mark.slow
def test_what_only_looks_like_weights(tmp_path, value, message):
    path = save(tmp_path / "w.npy", value)
    with pytest.raises(CheckpointError) as raised:
        open_weights(path)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_damage_is_reported(tmp_path):
    whole = save(tmp_path / "w.npy", {"w": KERNEL, "b": KERNEL[0]}).read_bytes()
    refused = 0
    for position in range(10, len(whole), 3):
        for damaged in (whole[:position], whole[:position] + b"\xff" + whole[position + 1 :]):
            (tmp_path / "w.npy").write_bytes(damaged)
            try:
                read(tmp_path / "w.npy")
            except CheckpointError as error:
                assert "\n" not in str(error)
                refused += 1
    assert refused > 100
    assert read(save(tmp_path / "w.npy", {"w": KERNEL}))["w"].shape == (2, 3)
