"""Saving: whole or not at all, found by TensorFlow, and never at the cost of an older one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints import save
from legacy_nets.checkpoints.formats.bundle import (
    find_checkpoint,
    list_complete_checkpoints,
    read_bundle,
)
from legacy_nets.checkpoints.save import save_checkpoint
from legacy_nets.errors import CheckpointError


class Run:
    """A graph with one variable, whose value is the step that is saved."""

    def __init__(self) -> None:
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.value = tf.Variable(np.zeros(1000, np.float32), name="net/w")
            self.saver = tf.train.Saver()
            self.fill = tf.placeholder(tf.float32, [])
            self.set = self.value.assign(tf.fill([1000], self.fill))
        self.session = tf.Session(graph=self.graph)

    def save(self, folder: Path, step: int, **options) -> str:
        self.session.run(self.set, {self.fill: step})
        return save_checkpoint(self.session, self.saver, folder, step, **options)


@pytest.fixture
def run():
    made = Run()
    yield made
    made.session.close()


def _steps(folder: Path) -> list[int]:
    return [step for step, _ in list_complete_checkpoints(folder)]


def _reason(call, *arguments, **options) -> str:
    with pytest.raises(CheckpointError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _assert_holds(prefix: str, step: int) -> None:
    read_bundle(prefix).check_complete()
    assert (read_bundle(prefix).read("net/w") == np.full(1000, step, np.float32)).all()


def test_what_is_saved_is_found(run, tmp_path):
    folder = tmp_path / "new" / "folder"
    prefix = run.save(folder, 12)
    assert prefix == str(folder / "model.ckpt-12")
    assert tf.train.latest_checkpoint(str(folder)) == find_checkpoint(folder) == prefix
    _assert_holds(prefix, 12)
    assert sorted(os.listdir(folder)) == [
        "checkpoint",
        *(f"model.ckpt-12.{end}" for end in ("data-00000-of-00001", "index", "meta")),
    ]
    assert (folder / "checkpoint").read_text() == (
        'model_checkpoint_path: "model.ckpt-12"\nall_model_checkpoint_paths: "model.ckpt-12"\n'
    )
    moved = folder.rename(tmp_path / "moved")
    assert tf.train.latest_checkpoint(str(moved)) == str(moved / "model.ckpt-12")


def test_keeps_the_newest_and_the_protected(run, tmp_path):
    for step in (1, 2, 3, 10, 20, 100):
        run.save(tmp_path, step, keep=3, protect={2})
    run.save(tmp_path, 7, name="other", keep=1)
    assert sorted(_steps(tmp_path)) == [2, 7, 10, 20, 100]
    assert not list(tmp_path.glob("model.ckpt-1.*")) and not list(tmp_path.glob("model.ckpt-3.*"))
    for step in (2, 10, 20, 100):
        _assert_holds(str(tmp_path / f"model.ckpt-{step}"), step)
    run.save(tmp_path, 101, keep=3, protect={2})
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert [Path(path).name for path in state.all_model_checkpoint_paths] == [
        f"model.ckpt-{step}" for step in (2, 20, 100, 101)
    ]
    run.save(tmp_path, 102, keep=1)
    assert _steps(tmp_path) == [7, 102]


def test_keep_0_keeps_all_and_an_older_step_is_kept_when_new(run, tmp_path):
    for step in range(1, 8):
        run.save(tmp_path, step, keep=0)
    assert _steps(tmp_path) == [1, 2, 3, 4, 5, 6, 7]
    prefix = run.save(tmp_path, 4, keep=2)  # training was taken back to an earlier step
    assert _steps(tmp_path) == [4, 7]
    assert find_checkpoint(tmp_path) == tf.train.latest_checkpoint(str(tmp_path)) == prefix


def test_the_same_step_again(run, tmp_path):
    run.save(tmp_path, 5)
    run.session.run(run.set, {run.fill: 6})
    _assert_holds(save_checkpoint(run.session, run.saver, tmp_path, 5), 6)
    assert _steps(tmp_path) == [5]


def test_the_graph_is_written_once_and_again_when_it_grows(run, tmp_path):
    metas = [Path(run.save(tmp_path, step) + ".meta") for step in (1, 2)]
    assert metas[0].samefile(metas[1])
    with run.graph.as_default():
        tf.constant(1, name="grown")
    metas.append(Path(run.save(tmp_path, 3, keep=2) + ".meta"))
    assert not metas[0].exists() and not metas[1].samefile(metas[2])
    for step, meta in ((2, metas[1]), (3, metas[2])):
        with tf.Graph().as_default() as graph, tf.Session() as session:
            tf.train.import_meta_graph(str(meta)).restore(session, str(meta)[: -len(".meta")])
            assert session.run("net/w/Read/ReadVariableOp:0")[0] == step
            assert ("grown" in [op.name for op in graph.get_operations()]) == (step == 3)
    run.save(tmp_path, 4, keep=1)
    shutil.rmtree(tmp_path)  # nothing left to link to
    assert Path(run.save(tmp_path, 5) + ".meta").is_file()
    assert not Path(run.save(tmp_path, 6, write_meta=False) + ".meta").exists()


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs, no cleaning up either."""


@pytest.mark.parametrize("moves", [0, 1, 2, 3])
def test_killed_between_two_moves(run, tmp_path, monkeypatch, moves):
    """Moves: data, meta, index, state file. The last complete checkpoint is always found."""
    run.save(tmp_path, 1)
    done = []
    replace = os.replace

    def replace_or_die(source, target):
        if len(done) == moves:
            raise Killed
        done.append(Path(target).suffix)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(save.os, "replace", replace_or_die)
        patch.setattr(save.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            run.save(tmp_path, 2)
    assert done == [".data-00000-of-00001", ".meta", ".index"][:moves]
    assert _steps(tmp_path) == ([1, 2] if moves == 3 else [1])
    found = find_checkpoint(tmp_path)
    assert tf.train.latest_checkpoint(str(tmp_path)) == found
    _assert_holds(found, 1)
    os.unlink(tmp_path / "checkpoint")
    _assert_holds(find_checkpoint(tmp_path), 2 if moves == 3 else 1)
    _assert_holds(run.save(tmp_path, 3), 3)
    assert not list(tmp_path.glob(".saving*"))


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_kept(run, tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, written = (tmp_path / f"{save._STAGING}{pid}" for pid in (ended.pid, os.getppid()))
    for staging in (left, written):
        staging.mkdir()
        (staging / "model.ckpt-1.data-00000-of-00001").write_bytes(b"half")
    run.save(tmp_path, 2)
    assert list(tmp_path.glob(".saving*")) == [written] and _steps(tmp_path) == [2]


FULL = """
import resource
import sys
import numpy as np
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.save import save_checkpoint
from legacy_nets.errors import CheckpointError

folder = sys.argv[1]
with tf.Graph().as_default(), tf.Session() as session:
    variable = tf.Variable(np.ones(100_000, np.float32), name="net/w")
    saver = tf.train.Saver()
    session.run(variable.initializer)
    save_checkpoint(session, saver, folder, 1, keep=1)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    for limit in (100_000, 300, 10):  # neither data, nor index, nor anything fits
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            save_checkpoint(session, saver, folder, 2, keep=1)
        except CheckpointError as error:
            print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
"""


@pytest.mark.slow
def test_a_full_disk(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    reasons = done.stdout.splitlines()
    assert len(reasons) == 3
    for reason in reasons:
        assert reason.startswith(f"{tmp_path / 'model.ckpt-2'}: not saved (")
        assert "older checkpoints are unchanged; make room or choose another folder" in reason
    assert sorted(os.listdir(tmp_path)) == [
        "checkpoint",
        *(f"model.ckpt-1.{end}" for end in ("data-00000-of-00001", "index", "meta")),
    ]
    assert (
        tf.train.latest_checkpoint(str(tmp_path))
        == find_checkpoint(tmp_path)
        == str(tmp_path / "model.ckpt-1")
    )
    assert read_bundle(find_checkpoint(tmp_path)).read("net/w").sum() == 100_000


def test_a_state_file_that_cannot_be_written(run, tmp_path, monkeypatch):
    run.save(tmp_path, 1, keep=1)
    before = (tmp_path / "checkpoint").read_text()

    def full(path, *_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        assert "No space left on device" in _reason(run.save, tmp_path, 2, keep=1)
    assert (tmp_path / "checkpoint").read_text() == before
    assert _steps(tmp_path) == [1, 2]  # both whole, nothing deleted
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_the_folder_is_a_file(run, tmp_path):
    (tmp_path / "model").write_text("in the way")
    for folder in (tmp_path / "model", tmp_path / "model" / "inner"):
        reason = _reason(run.save, folder, 1)
        assert reason.startswith(f"{folder / 'model.ckpt-1'}: not saved (")
    assert (tmp_path / "model").read_text() == "in the way"


def test_variables_without_values(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.Variable(1.0)
        reason = _reason(save_checkpoint, session, tf.train.Saver(), tmp_path, 1)
    assert "initialize the variables" in reason
    assert os.listdir(tmp_path) == []


def test_a_saver_of_version_1(run, tmp_path):
    with run.graph.as_default():
        old = tf.train.Saver(write_version=tf.train.SaverDef.V1)
    run.session.run(run.set, {run.fill: 0})
    assert "writes V1; use tf.train.Saver()" in _reason(
        save_checkpoint, run.session, old, tmp_path, 1
    )
    assert os.listdir(tmp_path) == []


ORACLE = """
import sys
import tensorflow as tf
prefix = tf.train.latest_checkpoint(sys.argv[1])
w = tf.get_variable("net/w", [1000])
with tf.Session() as session:
    tf.train.Saver().restore(session, prefix)
    print("RESTORED", prefix, session.run(w).sum())
"""


@pytest.mark.slow
def test_tensorflow_1_15_5_restores_it(run, oracle, tmp_path):
    for step in (1, 2):
        prefix = run.save(tmp_path, step)
    done = subprocess.run(
        [oracle, "-c", ORACLE, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert f"RESTORED {prefix} 2000.0" in done.stdout, done.stderr[-2000:]
