"""What the reader of a weight file did besides reading is said by each command that uses it."""

import json

import h5py
import numpy as np
import port_cases
import pytest
from commands import SHORT, call
from PIL import Image

from legacy_nets import registry
from legacy_nets.port.pipeline import port

NOTE = "note: 1 convolution kernels are rotated by 180 degrees: Keras wrote them on Theano"


@pytest.fixture(scope="module")
def files(tiny_nets, tmp_path_factory):
    """Weights of the tiny net as Keras wrote them on TensorFlow and on Theano, and pictures."""
    folder = tmp_path_factory.mktemp("weights")
    prefix = port_cases.save(folder, "tiny", num_classes=6)
    for backend in ("tensorflow", "theano"):
        path = folder / f"{backend}.h5"
        job = port_cases.job(prefix, "tiny", "h5", path, registry.get_net("tiny").image_size, {}, 6)
        assert port(job).passed
        with h5py.File(path, "a") as file:
            file.attrs["backend"] = backend
            [kernel] = (file[name] for name in _list_datasets(file) if "conv2d/kernel" in name)
            if backend == "theano":
                kernel[...] = kernel[...][::-1, ::-1]
    random = np.random.default_rng(0)
    for index in range(12):
        picture = folder / "pictures" / str(index % 6) / f"{index}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8)).save(picture)
    return folder


def _list_datasets(file):
    names = []
    file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
    return names


def run_both(files, arguments):
    """Runs a command with either file in place of FILE."""
    paths = (files / "tensorflow.h5", files / "theano.h5")
    return [call(*(path if item == "FILE" else item for item in arguments)) for path in paths]


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_results_are_the_same_and_the_rotation_is_said(files, tmp_path, command):
    if command == "predict":
        given = ["tiny", files / "pictures" / "0" / "0.png"]
    else:
        given = ["tiny", "--data", files / "pictures", "--holdout", "0.5", "--out", tmp_path]
    same, rotated = run_both(files, [command, *given, "--checkpoint", "FILE", "--json"])
    assert same.exit_code == rotated.exit_code == 0, (same.output, rotated.output)
    results = [json.loads(done.stdout.replace("theano", "tensorflow")) for done in (same, rotated)]
    assert results[0] == results[1]
    assert NOTE in rotated.stderr and "note: " not in same.stderr


def test_diff_says_it(files):
    same, rotated = run_both(files, ["diff", "FILE", "tiny"])
    assert same.exit_code == rotated.exit_code == 0
    assert NOTE in rotated.output and "note: " not in same.output
    same, rotated = run_both(files, ["diff", "FILE", "tiny", "--json"])
    assert json.loads(same.stdout)["notes"] == []
    [note] = json.loads(rotated.stdout)["notes"]
    assert f"note: {note}".startswith(NOTE)


def test_a_warm_start_says_it(files, tmp_path):
    given = ["tiny", "--data", files / "pictures", "--holdout", "0.5", *SHORT]
    done = call(
        "train", *given, "--warm-start", files / "theano.h5", "--model-dir", tmp_path / "run"
    )
    assert done.exit_code == 0 and NOTE[:60] in done.output, done.output
