"""The folder that ports work in: one for each, whatever others tidy up meanwhile."""

from __future__ import annotations

import os
import pathlib
import re
import shutil

import pytest

from legacy_nets import files
from legacy_nets.errors import BadInputError
from legacy_nets.port import staging


def test_a_folder_that_takes_no_file_is_one_line(tmp_path, monkeypatch):
    def full(self, *_):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(pathlib.Path, "mkdir", full)
    out = tmp_path / "x.npz"
    with pytest.raises(BadInputError) as caught, staging.open_staging(out):
        pass
    assert str(caught.value) == f"--out {out} cannot be written (No space left on device)"


def test_the_workshop_of_a_living_process_stays(tmp_path):
    out = tmp_path / "x[1].npz"
    other = tmp_path / f".1.{out.name}.port"
    with staging.open_staging(out) as mine:
        mine.rename(other)  # as if another process had made it
        with staging.open_staging(out):
            assert other.is_dir()
        mine.mkdir()
    with staging.open_staging(out):
        assert not other.exists()


def test_a_folder_that_another_port_took_for_a_dead_ones_is_made_again(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    folder = tmp_path / f".{os.getpid()}.x.pb.port"
    locks, flock = [], fcntl.flock

    def late(opened, flags):
        if not locks:
            shutil.rmtree(folder)
        locks.append(opened)
        flock(opened, flags)

    monkeypatch.setattr(fcntl, "flock", late)
    with staging.open_staging(tmp_path / "x.pb") as staged:
        assert staged == folder and folder.is_dir()
        with files.lock(folder) as state:
            assert state == "held"
    assert not folder.exists()


def test_no_folder_is_replaced_but_a_saved_model(tmp_path):
    out = tmp_path / "out"
    (out / "variables").mkdir(parents=True)
    refused = f"--out {out} holds other things than a SavedModel "
    with pytest.raises(BadInputError, match=re.escape(f"{refused}(variables), which replacing")):
        staging.check_destination(out, True, ["model.ckpt"])
    (out / "saved_model.pb").touch()
    staging.check_destination(out, True, ["model.ckpt"])
    with pytest.raises(BadInputError, match=re.escape(f"--out {out} holds what is ported: name")):
        staging.check_destination(out, True, [out / "variables" / "variables"])
    (out / "thesis.txt").touch()
    with pytest.raises(BadInputError, match=re.escape(f"{refused}(thesis.txt), which replacing")):
        staging.check_destination(out, True, ["model.ckpt"])
    staging.check_destination(tmp_path / "new", True, ["model.ckpt"])


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInputError, match="pipe is neither a file nor a folder: name another"):
        staging.check_destination(tmp_path / "pipe", False, ["model.ckpt"])


@pytest.fixture
def old_model(tmp_path):
    """A SavedModel at the destination."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "saved_model.pb").write_text("old")
    return out


def test_a_folder_is_replaced_as_a_whole(old_model):
    with staging.open_staging(old_model) as folder:
        (folder / "out").mkdir()
        (folder / "out" / "saved_model.pb").write_text("new")
        staging.publish(folder, old_model)
        assert (folder / "out.old" / "saved_model.pb").read_text() == "old"
    assert (old_model / "saved_model.pb").read_text() == "new"
    assert list(old_model.parent.iterdir()) == [old_model]


def test_the_old_folder_comes_back_where_the_new_one_cannot_be_renamed(old_model, monkeypatch):
    rename = os.rename

    def refuse(source, destination):
        if str(source).endswith("/out") and destination == old_model:
            raise OSError(5, "Input/output error")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(OSError, match="Input/output"), staging.open_staging(old_model) as folder:
        (folder / "out").mkdir()
        staging.publish(folder, old_model)
    assert (old_model / "saved_model.pb").read_text() == "old"
    assert list(old_model.parent.iterdir()) == [old_model]


def test_the_old_folder_of_a_killed_process_comes_back(old_model):
    leftover = old_model.parent / ".1.out.port"
    leftover.mkdir()
    old_model.rename(leftover / "out.old")  # killed between its two renames
    with staging.open_staging(old_model):
        assert (old_model / "saved_model.pb").read_text() == "old"
    assert list(old_model.parent.iterdir()) == [old_model]


@pytest.mark.parametrize(
    "name, present, message",
    [
        ("x.onnx", (), "x.onnx: end its name in .xml, by which it is read"),
        ("x", (), "x: end its name in .xml"),
        ("x.xml", ("x.bin",), "x.bin is there without it and would be replaced: name another"),
        ("x.xml", ("x.bin", "x.xml"), ""),
        ("x.xml", ("y.bin",), ""),
    ],
)
def test_a_second_file_is_replaced_with_the_first_alone(tmp_path, name, present, message):
    for other in present:
        (tmp_path / other).write_text("older")
    if not message:
        staging.check_companion(tmp_path / name, ".xml", ".bin")
        return
    with pytest.raises(BadInputError, match=re.escape(message)):
        staging.check_companion(tmp_path / name, ".xml", ".bin")


def test_weights_are_published_before_their_graph(tmp_path, monkeypatch):
    order, real = [], os.replace

    def noted(source, destination):
        order.append(pathlib.Path(destination).name)
        real(source, destination)

    monkeypatch.setattr(os, "replace", noted)
    out = tmp_path / "a.xml"
    with staging.open_staging(out) as folder:
        for name in ("a.xml", "a.bin"):
            (folder / name).write_text("new")
        staging.publish(folder, out)
    assert order == ["a.bin", "a.xml"]
