"""The model folder of a run: prepared before training, and restored from on --resume."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
from collections.abc import Iterator

from rich.console import Console

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import (
    explain_incomplete_checkpoints,
    list_complete_checkpoints,
    read_bundle,
)
from legacy_nets.checkpoints.plan import run_saver
from legacy_nets.checkpoints.restore import match
from legacy_nets.errors import BadInputError, CheckpointError, join_lines
from legacy_nets.files import lock
from legacy_nets.progress import print_line
from legacy_nets.sigterm import clean_up
from legacy_nets.train.resume import (
    HOLDER,
    describe_changes,
    describe_new_holdout,
    make_busy_error,
    refuse_run,
)
from legacy_nets.train.settings import Settings, load_settings, refuse_file
from legacy_nets.types import Saver, Session


def prepare_folder(
    settings: Settings, folder: pathlib.Path, resume: bool, console: Console
) -> list[tuple[int, str]]:
    """Returns the checkpoints (step, prefix) of a folder to resume from, oldest first.

    Raises BadInputError for a folder that holds a run already (unless ``resume``), or whose run
    has settings that these may not change.
    """
    if not resume:
        refuse_run(folder)
        return []
    complete = list_complete_checkpoints(folder)
    for prefix, reason in explain_incomplete_checkpoints(folder).items():
        print_line(console, f"skipped {prefix}: {reason}")
    saved = load_settings(folder)
    if saved is not None:
        changes = describe_changes(saved, settings, folder)
        for line in filter(None, (changes, describe_new_holdout(saved, settings))):
            print_line(console, line)
    if not complete:
        print_line(console, f"nothing to resume in {folder}: starting from scratch")
    return complete


@contextlib.contextmanager
def lock_folder(folder: pathlib.Path, console: Console) -> Iterator[None]:
    """Makes the folder, and keeps other processes from training in it meanwhile.

    Removes what it made where nothing was written. The system ends the lock with the process,
    however that ends. Raises BadInputError where the folder cannot be written, or another process
    holds it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    record = folder / HOLDER
    with clean_up(lambda: _remove_empty(made)):
        _make_folder(folder)
        with lock(folder) as state:
            if state == "held":
                raise make_busy_error(folder)
            if state == "impossible":
                print_line(
                    console, f"note: {folder} cannot be locked: let no other process train in it"
                )
            with clean_up(lambda: record.unlink(missing_ok=True)):
                record.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
                yield


def _remove_empty(folders: list[pathlib.Path]) -> None:
    """Removes folders that are empty, the innermost first."""
    with contextlib.suppress(OSError):  # one holds something, or is not there
        for folder in folders:
            folder.rmdir()


def _make_folder(folder: pathlib.Path) -> None:
    """Makes the folder. Raises BadInputError where it cannot be written."""
    refuse_file(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInputError(
            f"the model folder {folder} cannot be written ({error.strerror}): choose another"
        ) from None


def restore_newest(
    session: Session, saver: Saver, complete: list[tuple[int, str]], console: Console
) -> tuple[int, str] | None:
    """Restores the newest checkpoint whose checksums are right.

    Returns its (step, prefix), or None where there is no checkpoint. Raises CheckpointError where
    a checkpoint is complete but of another graph, or none can be read.
    """
    for step, prefix in reversed(complete):
        match(tf.global_variables(), read_bundle(prefix)).check()  # Saver takes any shape
        try:
            run_saver(saver, session, prefix)
        except tf.errors.OpError as error:
            print_line(console, f"skipped {prefix}: {join_lines(error)[:200]}")
        else:
            print_line(console, f"resumed from {prefix}")
            return step, prefix
    if complete:
        raise CheckpointError(
            f"no checkpoint is readable, the newest is {complete[-1][1]}: choose another "
            "--model-dir"
        )
    return None
