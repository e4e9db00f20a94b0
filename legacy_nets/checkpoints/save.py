"""Saves checkpoints so that a crash or a full disk never costs an older one.

TensorFlow writes into a staging folder; the files are flushed to the disk and moved into
place, the ``.index`` last. So a checkpoint with an index is a whole one. The state file
``checkpoint`` comes after that, and only then are old checkpoints deleted, index first.
"""

from __future__ import annotations

import os
import re
import shutil
import weakref
from collections.abc import Collection
from pathlib import Path
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints
from legacy_nets.errors import CheckpointError, join_lines
from legacy_nets.files import replace_on_success

_STAGING = ".saving"
# Saver -> the .meta last written for it and the graph's version then: the same graph's next
# checkpoint gets a hard link to that file.
_metas: weakref.WeakKeyDictionary[Any, tuple[Path, int]] = weakref.WeakKeyDictionary()


def save_checkpoint(
    session: Any,
    saver: Any,
    folder: str | Path,
    step: int,
    name: str = "model.ckpt",
    *,
    keep: int = 5,
    protect: Collection[int] = (),
    write_meta: bool = True,
) -> str:
    """Saves ``folder/name-step`` in Saver's V2 format and returns that prefix.

    Args:
      session: holds the values.
      saver: a tf.train.Saver; its own ``max_to_keep`` is not used.
      folder: made if it is not there. Its state file names the checkpoint by relative path.
      step: number of the checkpoint; one of the same number is replaced.
      name: of the checkpoint without its step.
      keep: how many of the newest checkpoints of this name stay; 0 keeps all.
      protect: steps that are never deleted and do not count.
      write_meta: write the graph too (``.meta``); of an unchanged graph only once a process.

    Raises CheckpointError if it cannot be written; older checkpoints and the state file are
    then as they were, and the staging folder is gone.
    """
    folder = Path(folder)
    staging = folder / _STAGING
    target = folder / f"{name}-{step}"
    try:
        shutil.rmtree(staging, ignore_errors=True)  # of a save that was killed
        staging.mkdir(parents=True)
        try:
            _write(session, saver, staging / target.name, write_meta)
            _move(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        if write_meta:
            _metas[saver] = Path(f"{target}.meta"), session.graph.version
        there = [
            s for s, prefix in list_complete_checkpoints(folder) if Path(prefix) == _of(target, s)
        ]
        kept = _kept(there, step, keep, protect)
        _write_state(folder, [_of(target, s).name for s in kept if s != step] + [target.name])
        for old in set(there) - set(kept):
            _remove(_of(target, old))
    except CheckpointError:
        raise
    except (OSError, ValueError, tf.errors.OpError) as error:
        uninitialized = isinstance(error, tf.errors.FailedPreconditionError)
        cure = "initialize the variables" if uninitialized else "make room or choose another folder"
        raise CheckpointError(
            f"{target}: not saved ({join_lines(error)[:300]}); older checkpoints stand; {cure}"
        ) from error
    return str(target)


def _of(target: Path, step: int) -> Path:
    """The prefix of another step beside ``target``."""
    return target.with_name(f"{target.name.rpartition('-')[0]}-{step}")


def _write(session: Any, saver: Any, prefix: Path, write_meta: bool) -> None:
    """Writes the checkpoint's files into the staging folder and flushes them to the disk."""
    meta, version = _metas.get(saver, (None, -1))
    if write_meta and meta is not None and version == session.graph.version:
        try:
            os.link(meta, f"{prefix}.meta")
            write_meta = False
        except OSError:  # deleted, another file system, no hard links: write it anew
            pass
    with session.graph.as_default():  # a Saver looks there for graph or eager mode
        saver.save(session, str(prefix), write_meta_graph=write_meta, write_state=False)
    if not Path(f"{prefix}.index").is_file():
        raise CheckpointError(f"{prefix.name}: this Saver writes V1; make it tf.train.Saver()")
    for file in prefix.parent.iterdir():
        _flush(file)


def _move(staging: Path, target: Path) -> None:
    """Moves the files of one checkpoint to its place, the index last; else removes them."""
    _remove(target)  # an older one of the same step, index first
    files = sorted(staging.iterdir(), key=lambda file: file.suffix == ".index")
    try:
        for file in files:
            if file.suffix == ".index":
                _flush(target.parent)
            os.replace(file, target.with_name(file.name))
    except OSError:
        _remove(target)
        raise
    _flush(target.parent)


def _kept(there: list[int], step: int, keep: int, protect: Collection[int]) -> list[int]:
    """The steps that stay, oldest first: this one, the protected, and the newest others."""
    if keep <= 0:
        return there
    free = [s for s in there if s != step and s not in protect]
    newest = free[len(free) - min(len(free), keep - (step not in protect)) :]
    return [s for s in there if s == step or s in protect or s in newest]


def _write_state(folder: Path, names: list[str]) -> None:
    """Writes the state file, the last name being the newest checkpoint, in one move."""
    lines = [f"model_checkpoint_path: {_quoted(names[-1])}"]
    lines += [f"all_model_checkpoint_paths: {_quoted(name)}" for name in names]
    with replace_on_success(folder / "checkpoint") as unfinished:
        unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
        _flush(unfinished)
    _flush(folder)


def _quoted(name: str) -> str:
    """A string in protobuf's text format."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _remove(prefix: Path) -> None:
    """Deletes the files of one checkpoint, the index first."""
    pattern = re.compile(re.escape(prefix.name) + r"\.(index|meta|data-\d{5}-of-\d{5})")
    files = [file for file in prefix.parent.iterdir() if pattern.fullmatch(file.name)]
    for file in sorted(files, key=lambda file: file.suffix != ".index"):
        file.unlink()


def _flush(path: Path) -> None:
    """Asks the disk to keep a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
