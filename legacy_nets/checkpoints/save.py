"""Saves checkpoints so that a crash or a full disk never costs an older one.

TensorFlow writes into a staging directory. The files are then flushed to the disk and published
by renaming them, the ``.index`` last: a checkpoint with an index is complete. The state file
``checkpoint`` is written after that. Old checkpoints are deleted at the end, index first.
"""

from __future__ import annotations

import glob
import os
import platform
import re
import shutil
import weakref
from collections.abc import Collection
from pathlib import Path

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints
from legacy_nets.errors import CheckpointError, join_lines
from legacy_nets.files import replace_on_success
from legacy_nets.sigterm import clean_up
from legacy_nets.types import Saver, Session

_STAGING = f".saving-{platform.node()}-"  # and the number of the process
# Saver -> the last .meta written for it, and the version of the graph at that time. The next
# checkpoint of an unchanged graph gets a hard link to that file.
_metas: weakref.WeakKeyDictionary[object, tuple[Path, int]] = weakref.WeakKeyDictionary()


def save_checkpoint(
    session: Session,
    saver: Saver,
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
      folder: created if missing. Its state file names the checkpoint by relative path.
      step: number of the checkpoint; replaces a checkpoint of the same number.
      name: the checkpoint's name without the step.
      keep: how many of the newest checkpoints of this name to keep; 0 keeps all.
      protect: steps that are never deleted and do not count.
      write_meta: write the graph too (``.meta``). An unchanged graph is written once.

    Raises CheckpointError if it cannot be written. Older checkpoints and the state file are then
    unchanged, and the staging directory is gone.
    """
    folder = Path(folder)
    staging = folder / f"{_STAGING}{os.getpid()}"
    target = folder / f"{name}-{step}"
    try:
        _remove_leftovers(folder)
        with clean_up(lambda: shutil.rmtree(staging, ignore_errors=True)):
            staging.mkdir(parents=True)
            _write_files(session, saver, staging / target.name, write_meta)
            _publish(staging, target)
        if write_meta:
            _metas[saver] = Path(f"{target}.meta"), session.graph.version
        steps = [
            other
            for other, prefix in list_complete_checkpoints(folder)
            if Path(prefix) == _replace_step(target, other)
        ]
        kept = _select_kept(steps, step, keep, protect)
        names = [_replace_step(target, other).name for other in kept if other != step]
        _write_state(folder, [*names, target.name])
        for other in set(steps) - set(kept):
            _remove(_replace_step(target, other))
    except CheckpointError:
        raise
    except (OSError, ValueError, tf.errors.OpError) as error:
        advice = "make room or choose another folder"
        if isinstance(error, tf.errors.FailedPreconditionError):
            advice = "initialize the variables"
        raise CheckpointError(
            f"{target}: not saved ({join_lines(error)[:300]}); older checkpoints are unchanged; "
            f"{advice}"
        ) from error
    return str(target)


def _remove_leftovers(folder: Path) -> None:
    """Removes what saves of this machine left whose process was killed."""
    for staging in folder.glob(f"{glob.escape(_STAGING)}*"):
        number = staging.name.removeprefix(_STAGING)
        if number.isdigit() and (int(number) == os.getpid() or not _is_running(int(number))):
            shutil.rmtree(staging, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # asks, and sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _replace_step(target: Path, step: int) -> Path:
    """Gives the prefix of another step of the same checkpoint."""
    return target.with_name(f"{target.name.rpartition('-')[0]}-{step}")


def _write_files(session: Session, saver: Saver, prefix: Path, write_meta: bool) -> None:
    """Writes the checkpoint's files into the staging directory and flushes them to the disk."""
    meta, version = _metas.get(saver, (None, -1))
    if write_meta and meta is not None and version == session.graph.version:
        try:
            os.link(meta, f"{prefix}.meta")
            write_meta = False
        except OSError:  # deleted, another file system, no hard links: write it again
            pass
    with session.graph.as_default():  # a Saver looks there for graph or eager mode
        saver.save(session, str(prefix), write_meta_graph=write_meta, write_state=False)
    if not Path(f"{prefix}.index").is_file():
        raise CheckpointError(f"{prefix.name}: this Saver writes V1; use tf.train.Saver()")
    for file in prefix.parent.iterdir():
        _flush(file)


def _publish(staging: Path, target: Path) -> None:
    """Renames the files of one checkpoint to their destination, the index last.

    Removes all of them where one cannot be renamed.
    """
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


def _select_kept(steps: list[int], step: int, keep: int, protect: Collection[int]) -> list[int]:
    """Selects the steps to keep, oldest first: this one, the protected, and the newest others."""
    if keep <= 0:
        return steps
    others = [other for other in steps if other != step and other not in protect]
    newest = others[len(others) - min(len(others), keep - (step not in protect)) :]
    return [other for other in steps if other == step or other in protect or other in newest]


def _write_state(folder: Path, names: list[str]) -> None:
    """Replaces the state file in one step; the last name is the newest checkpoint."""
    lines = [f"model_checkpoint_path: {_quote(names[-1])}"]
    lines += [f"all_model_checkpoint_paths: {_quote(name)}" for name in names]
    with replace_on_success(folder / "checkpoint") as unfinished:
        unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
        _flush(unfinished)
    _flush(folder)


def _quote(name: str) -> str:
    """Formats a string as protobuf's text format does."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _remove(prefix: Path) -> None:
    """Deletes the files of one checkpoint, the index first."""
    pattern = re.compile(re.escape(prefix.name) + r"\.(index|meta|data-\d{5}-of-\d{5})")
    files = [file for file in prefix.parent.iterdir() if pattern.fullmatch(file.name)]
    for file in sorted(files, key=lambda file: file.suffix != ".index"):
        file.unlink()


def _flush(path: Path) -> None:
    """Flushes a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
