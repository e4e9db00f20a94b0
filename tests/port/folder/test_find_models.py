"""Which files below a folder are models: found by names and first bytes."""

from __future__ import annotations

import os
import pickle

import h5py
import numpy as np
import pytest
from imported_models import build_constant_dropout, save_frozen, save_model

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.source import TensorSpec
from legacy_nets.crc32c import compute_crc32c, mask_crc
from legacy_nets.port.data_sets import describe_data
from legacy_nets.port.folder import models
from legacy_nets.port.folder.models import find_models


def build_linear():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    tf.matmul(x, tf.get_variable("w", [3, 2]), name="out")


def find_names(folder, without=None):
    return [model.name for model in find_models(folder, without or folder / "no").models]


@pytest.fixture(scope="module")
def museum(tmp_path_factory):
    """Models of every form and what lies next to them."""
    folder = tmp_path_factory.mktemp("museum")
    for name in ("run", "v1", "export", "other", "torch"):
        (folder / name).mkdir()
    save_model(folder / "run", build_linear, "model.ckpt-100")
    save_model(folder / "run", build_linear, "model.ckpt-200")
    save_model(folder / "run", build_linear, "")
    (folder / "run" / "model.ckpt-100.meta").unlink()
    (folder / "run" / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-200"\n')
    with tf.Graph().as_default() as graph, tf.Session() as session:
        build_linear()
        tf.train.write_graph(graph, str(folder / "run"), "graph.pbtxt")
        tf.train.write_graph(graph, str(folder / "run"), "graph.pb", as_text=False)
        tf.train.write_graph(graph, str(folder / "other"), "alone.pbtxt")
        session.run(tf.global_variables_initializer())
        inputs, outputs = ({name: graph.get_tensor_by_name(f"{name}:0")} for name in ("x", "out"))
        tf.saved_model.simple_save(session, str(folder / "export" / "1699"), inputs, outputs)
        for sharded in (False, True):
            saver = tf.train.Saver(write_version=tf.train.SaverDef.V1, sharded=sharded)
            saver.save(session, str(folder / "v1" / f"net{sharded:d}"), write_state=False)
    (folder / "v1" / "net0.meta").unlink()
    save_frozen(folder / "other", build_constant_dropout, "frozen.pb")
    np.savez(folder / "other" / "w.npz", w=np.float32([1, 2]))
    with h5py.File(folder / "other" / "weights", "w") as file:  # no ending: known by its bytes
        file["w"] = np.float32([1, 2])
    np.save(folder / "other" / "params.npy", {"w": np.float32([1, 2])})
    np.save(folder / "other" / "mean.npy", np.float32([1, 2]))
    (folder / "other" / "pointer.ckpt").write_text("version https://git-lfs.github.com/spec/v1\n")
    (folder / "other" / "labels.pbtxt").write_text("item { id: 1 }\n")
    (folder / "other" / "labels.txt").write_text("cat\n")
    (folder / "other" / "a.meta").write_text("guid: 12\n")  # of other programs
    (folder / "other" / "a.index").write_text("1 2 3\n")
    (folder / "other" / "data.bin").write_bytes(bytes(64))
    (folder / "other" / "data_batch_1").write_bytes(pickle.dumps({"data": 1}, 2))
    length = (3).to_bytes(8, "little")
    checksum = mask_crc(compute_crc32c(length)).to_bytes(4, "little")
    (folder / "other" / "train-00000-of-00002").write_bytes(length + checksum + b"abc" + bytes(4))
    (folder / "torch" / "net.pth").write_bytes(b"PK\3\4" + bytes(60))
    (folder / "torch" / "net.bin").write_bytes(b"\x80\2" + bytes(60))
    return folder


def test_every_model_is_found_once(museum):
    contents = find_models(museum, museum / "no")
    assert [model.name for model in contents.models] == [
        "export/1699",
        "other/alone.pbtxt",  # no checkpoint next to it
        "other/frozen.pb",
        "other/params.npy",
        "other/pointer.ckpt",
        "other/w.npz",
        "other/weights",
        "run/.meta",
        "run/model.ckpt-100.index",
        "run/model.ckpt-200.meta",
        "torch/net.bin",
        "torch/net.pth",
        "v1/net0",
        "v1/net1.meta",
    ]
    # run: checkpoint, graph.pbtxt and .pb; other: the last eight that the fixture writes
    assert (contents.others, contents.unreadable) == (11, ())
    files = {model.name: sorted(path.name for path in model.files) for model in contents.models}
    assert files["run/.meta"] == [".data-00000-of-00001", ".index", ".meta"]
    assert files["export/1699"] == [
        "saved_model.pb",
        "variables.data-00000-of-00001",
        "variables.index",
    ]
    assert files["v1/net1.meta"] == ["net1-00000-of-00001", "net1.meta"]


@pytest.mark.parametrize("part", ["m.index", "m.data-00000-of-00001", "m.meta"])
def test_a_checkpoint_with_a_missing_part_is_a_model(tmp_path, part):
    save_model(tmp_path, build_linear, "m")
    (tmp_path / part).unlink()
    [name] = find_names(tmp_path)
    assert name == ("m.index" if part == "m.meta" else "m.meta")


def test_loops_and_links_are_followed_once(tmp_path):
    folder, elsewhere = tmp_path / "museum", tmp_path / "elsewhere"
    (folder / "b").mkdir(parents=True)
    elsewhere.mkdir()
    for path in (folder / "b" / "w.npz", elsewhere / "v.npz"):
        np.savez(path, w=np.zeros(2))
    (folder / "a").symlink_to(folder / "b")
    (folder / "b" / "loop").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "self.ckpt").symlink_to(folder / "self.ckpt")
    (folder / "far").symlink_to(elsewhere)
    (folder / "gone.npz").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.npz")
    contents = find_models(folder, folder / "no")
    assert [model.name for model in contents.models] == ["b/w.npz", "far/v.npz"]
    assert contents.unreadable == (
        ("gone.npz", "cannot be read (No such file or directory)"),
        ("self", "cannot be read (Too many levels of symbolic links)"),
        ("self.ckpt", "cannot be read (Too many levels of symbolic links)"),
    )
    assert find_names(folder, folder / "b") == ["far/v.npz"]


def test_what_may_not_be_read_is_listed(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    for name in ("a.npz", "b.npz", "photo.jpg"):
        np.savez(tmp_path / "x", w=np.zeros(2))
        os.rename(tmp_path / "x.npz", tmp_path / name)
    scandir, read_tail = os.scandir, models.read_tail

    def refuse(function, *names):
        def call(path):
            if os.path.basename(path) in names:
                raise PermissionError(13, "Permission denied", str(path))
            return function(path)

        return call

    monkeypatch.setattr(models.os, "scandir", refuse(scandir, "closed"))
    monkeypatch.setattr(models, "read_tail", refuse(read_tail, "a.npz", "photo.jpg"))
    contents = find_models(tmp_path, tmp_path / "no")
    reason = "cannot be read (Permission denied)"
    assert contents.unreadable == (("a.npz", reason), ("closed", reason))
    assert [model.name for model in contents.models] == ["b.npz"]
    assert contents.others == 1


def specs(**arrays):
    return {name: TensorSpec(shape, dtype) for name, (shape, dtype) in arrays.items()}


SETS = [
    specs(x_train=((9, 4, 4), "uint8"), y_train=((9,), "uint8")),
    specs(
        train_set_x=((9, 4, 4, 3), "uint8"),
        train_set_y=((9,), "int64"),
        list_classes=((6,), "int64"),
    ),
    specs(X=((9, 4), "float32"), labels=((9, 3), "float32")),
    specs(pixels=((9, 16), "float32"), digit=((9, 1), "int32"), writer=((9,), "string")),
    specs(arr_0=((4, 4), "float32")),
]
WEIGHTS = [
    specs(kernel=((9, 9), "float32"), bias=((9,), "float32")),
    specs(**{"conv1/w": ((3, 3, 3, 8), "float32"), "conv1/b": ((8,), "float32")}),
    specs(arr_0=((4, 4), "float32"), arr_1=((4,), "float32")),
    specs(embedding=((90, 8), "float32"), dense=((8, 2), "float32"), ids=((90,), "int64")),
    specs(**{"0": ((3, 4), "float32"), "1": ((4,), "float32")}),
]


@pytest.mark.parametrize("tensors", SETS, ids=" ".join)
def test_data_sets_are_recognised(tensors):
    assert describe_data(tensors).startswith(("a data set", "one array without a name"))


@pytest.mark.parametrize("tensors", WEIGHTS, ids=" ".join)
def test_weights_are_no_data_set(tensors):
    assert describe_data(tensors) == ""
