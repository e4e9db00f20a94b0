"""The folder that ports work in: one for each, whatever others tidy up meanwhile."""

from __future__ import annotations

import os
import pathlib
import re
import shutil

import pytest

from legacy_nets.errors import BadInputError
from legacy_nets.port import staging


def test_a_folder_that_takes_no_file_is_one_line(tmp_path, monkeypatch):
    def full(self, *_):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(pathlib.Path, "mkdir", full)
    out = tmp_path / "x.npz"
    with pytest.raises(BadInputError) as caught, staging.workshop(out):
        pass
    assert str(caught.value) == f"--out {out} cannot be written (No space left on device)"


def test_the_workshop_of_a_living_process_stays(tmp_path):
    out = tmp_path / "x[1].npz"
    other = tmp_path / f".1.{out.name}.port"
    with staging.workshop(out) as mine:
        mine.rename(other)  # as if another process had made it
        with staging.workshop(out):
            assert other.is_dir()
        mine.mkdir()
    with staging.workshop(out):
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
    with staging.workshop(tmp_path / "x.pb") as found:
        assert found == folder and folder.is_dir()
        with staging._locked(folder) as free:
            assert not free
    assert not folder.exists()


def test_no_folder_is_replaced_but_a_saved_model(tmp_path):
    out = tmp_path / "out"
    (out / "variables").mkdir(parents=True)
    refused = f"--out {out} holds other things than a SavedModel "
    with pytest.raises(BadInputError, match=re.escape(f"{refused}(variables), which replacing")):
        staging.check_room(out, True, ["model.ckpt"])
    (out / "saved_model.pb").touch()
    staging.check_room(out, True, ["model.ckpt"])
    with pytest.raises(BadInputError, match=re.escape(f"--out {out} holds what is ported: name")):
        staging.check_room(out, True, [out / "variables" / "variables"])
    (out / "thesis.txt").touch()
    with pytest.raises(BadInputError, match=re.escape(f"{refused}(thesis.txt), which replacing")):
        staging.check_room(out, True, ["model.ckpt"])
    staging.check_room(tmp_path / "new", True, ["model.ckpt"])


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInputError, match="pipe is neither a file nor a folder: name another"):
        staging.check_room(tmp_path / "pipe", False, ["model.ckpt"])
