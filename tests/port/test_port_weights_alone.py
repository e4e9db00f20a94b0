"""Weights without a net: any readable file to any format of weights, names as they are."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.cli import main
from legacy_nets.port.jobs import WEIGHTS_TARGETS
from legacy_nets.port.targets import TARGETS

WEIGHTS = {
    "conv1/weights": np.arange(108, dtype=np.float32).reshape(3, 3, 3, 4),
    "conv1/biases": np.float32([1, 2, 3, 4]),
}
NESTED = {"conv1": {"weights": WEIGHTS["conv1/weights"], "biases": WEIGHTS["conv1/biases"]}}


def port(*arguments):
    done = CliRunner().invoke(main, ["port", *map(str, arguments)])
    return done.exit_code, done.output


def read(path):
    source = open_weights(path)
    return {name: source.read(name) for name in source.tensors}


def assert_equal(got, want):
    assert sorted(got) == sorted(want)
    for name, value in want.items():
        assert got[name].dtype == value.dtype and np.array_equal(got[name], value), name


@pytest.fixture
def pickled(tmp_path):
    """A dictionary of dictionaries of arrays, as tools that translate from Caffe save it."""
    np.save(tmp_path / "vgg.npy", NESTED)
    return tmp_path / "vgg.npy"


@pytest.mark.parametrize("target", WEIGHTS_TARGETS)
def test_a_pickled_dictionary_goes_to_each_format(tmp_path, pickled, target):
    out = tmp_path / f"out{TARGETS[target].ending}"
    code, output = port(pickled, "--to", target, "--out", out)
    assert code == 0, output
    assert "weights alone, names and axes as they are" in output
    assert "verified, tensor by tensor" in output
    assert_equal(read(out), WEIGHTS)


@pytest.mark.parametrize("source", ["npz", "h5", "ckpt", "torch", "safetensors"])
def test_each_format_of_weights_is_a_source(tmp_path, pickled, source):
    first = tmp_path / f"first{TARGETS[source].ending}"
    assert port(pickled, "--to", source, "--out", first)[0] == 0
    code, output = port(first, "--to", "npz", "--out", tmp_path / "out.npz")
    assert code == 0, output
    assert_equal(read(tmp_path / "out.npz"), WEIGHTS)


TENSORLAYER = np.empty(2, object)  # ``tl.files.save_npz`` pickles a list, without names
TENSORLAYER[:] = WEIGHTS["conv1/weights"], WEIGHTS["conv1/biases"]
TENSORPACK = {  # the dictionary of ``dump-model-params.py``
    **{f"{name}:0": value for name, value in WEIGHTS.items()},
    "global_step:0": np.int64(3),
}
LIBRARIES = {  # what the library saved -> what is ported
    "tensorlayer": (
        {"params": TENSORLAYER},
        {"params/0": WEIGHTS["conv1/weights"], "params/1": WEIGHTS["conv1/biases"]},
    ),
    "tensorpack": (TENSORPACK, TENSORPACK),
}


@pytest.mark.parametrize("target", ["npz", "safetensors", "torch"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_npz_files_of_libraries_are_ported(tmp_path, library, target):
    saved, want = LIBRARIES[library]
    np.savez(tmp_path / "w.npz", **saved)
    out = tmp_path / f"out{TARGETS[target].ending}"
    code, output = port(tmp_path / "w.npz", "--to", target, "--out", out)
    assert code == 0, output
    assert f"{len(want)} tensors equal, bit by bit" in output
    assert_equal(read(out), want)


def test_names_change_by_patterns_in_their_order(tmp_path, pickled):
    arguments = (pickled, "--to", "npz", "--out", tmp_path / "out.npz")
    code, output = port(*arguments, "--rename", "^conv(\\d)/=block\\1/", "--rename", "/=.")
    assert code == 0 and "2 of 2 names changed" in output
    want = {f"block1.{name.partition('/')[2]}": value for name, value in WEIGHTS.items()}
    assert_equal(read(tmp_path / "out.npz"), want)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--rename", "fc="], "--rename fc: no name matches it; names are conv1/weights, conv1/"),
        (["--rename", ".*/.*=x"], "conv1/weights and conv1/biases would both be called 'x'"),
        (["--rename", "weights"], "--rename weights: write PATTERN=NEW; NEW may be empty"),
        (["--rename", "(=x"], "--rename (=x: no regular expression"),
        (["--rename", "a=\\9"], "--rename a=\\9: no regular expression"),
        (["--inputs", "x"], "--inputs is for a graph, and "),
        (["--to", "onnx"], "--to onnx needs the net, "),
        (["--to", "onnx", "--rename", "a=b"], "--rename is for weights alone (npz, safetensors,"),
    ],
)
def test_misuse_is_one_line_and_writes_nothing(tmp_path, pickled, options, message):
    out = tmp_path / "out.npz"
    code, output = port(pickled, "--to", "npz", "--out", out, *options)
    assert code == 2 and message in output
    assert len(output.strip().splitlines()) == 1 and not out.exists()


def test_a_data_set_is_called_so_where_a_model_is_wanted(tmp_path):
    path = tmp_path / "signs.npz"
    np.savez(path, train_set_x=np.zeros((9, 4, 4, 3), np.uint8), train_set_y=np.arange(9))
    code, output = port(path, "--to", "onnx", "--out", tmp_path / "out.onnx")
    assert code == 2 and output.strip() == (
        f"legacy-nets: {path}: a data set, by the names of its arrays, no model: name the file of "
        "a model"
    )


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("w.h5", b"<!DOCTYPE html><html>", "an HTML or XML page, not the file itself: download it"),
        ("w.npz", b"version https://git-lfs.github.com/spec/v1\noid", "a git-LFS pointer"),
        ("checkpoint.txt", b'model_checkpoint_path: "m"\n', "a state file that names checkpoints"),
        ("photo.bin", b"\xff\xd8\xff\xe0" + b"\0" * 60, "a picture, neither weights nor a graph"),
        ("train-images", b"\0\0\x08\x03" + b"\0" * 60, "a data set in MNIST's idx format"),
        ("train.tfrecord", None, "a TFRecord, a data set"),
    ],
)
def test_what_a_file_is_when_it_holds_no_weights(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content or b"")
    if content is None:
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(b"example")
    for target in ("npz", "onnx"):
        code, output = port(path, "--to", target, "--out", tmp_path / "out")
        assert code == 2 and output.startswith(f"legacy-nets: {path}: this is {reason}"), output
    done = CliRunner().invoke(main, ["inspect", str(path)])
    assert done.exit_code == 2 and f"{path}: this is {reason}" in done.output


def test_a_weight_without_a_name_is_named_by_a_pattern(tmp_path):
    np.savez(tmp_path / "w.npz", **{"": np.ones(2, np.float32), "b": np.zeros(3, np.float32)})
    arguments = ["port", str(tmp_path / "w.npz"), "--to", "npz", "--out", str(tmp_path / "o.npz")]
    refused = CliRunner().invoke(main, arguments)
    assert (refused.exit_code, refused.output) == (
        2,
        "legacy-nets: a weight has no name: give it one by --rename '^$=NAME'\n",
    )
    done = CliRunner().invoke(main, [*arguments, "--rename", "^$=a"])
    assert done.exit_code == 0, done.output
    assert sorted(open_weights(tmp_path / "o.npz").tensors) == ["a", "b"]


QUANTIZED = {"quint8": [0, 200], "qint8": [-100, 3], "qint32": [-70000, 5]}


@pytest.mark.parametrize("dtype", QUANTIZED)
@pytest.mark.parametrize("target", ["npz", "h5", "safetensors"])
def test_quantized_weights_are_written_as_their_codes(tmp_path, dtype, target):
    codes = np.array(QUANTIZED[dtype], dtype.removeprefix("q"))
    with tf.Graph().as_default() as graph:
        tf.constant(codes.view(tf.as_dtype(dtype).as_numpy_dtype), name="codes")
        tf.constant([1.5], name="low")
        (tmp_path / "w.pb").write_bytes(graph.as_graph_def().SerializeToString())
    out = tmp_path / f"out{TARGETS[target].ending}"
    code, output = port(tmp_path / "w.pb", "--to", target, "--out", out)
    assert code == 0, output
    assert f"1 quantized tensors ({dtype}) are written as the integers of their codes" in output
    assert_equal(read(out), {"codes": codes, "low": np.float32([1.5])})
