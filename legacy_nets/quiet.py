"""Imports TensorFlow without its log messages: for the commands, and for scripts that want it.

Importing this module changes nothing; only a call does. It lies directly above ``tf1``, which it
imports when it is called.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import IO

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"  # 0: all messages, 1: no infos, 2: no warnings, 3: no errors


def quiet_tensorflow(*, uses_onednn: bool = False) -> None:
    """Imports TensorFlow without log messages on CPUs and drivers, and without advice on TF1.

    Call it in a script before the first ``from legacy_nets import tf1 as tf``. It sets for the
    whole process: TF_CPP_MIN_LOG_LEVEL to 3, the level of the Python loggers of
    TensorFlow and matplotlib to errors, and a filter for warnings of Keras' modules.

    Settings of the user come first: another TF_CPP_MIN_LOG_LEVEL, or Python's -W option.

    Sessions take the memory of a GPU as they need it (TF_FORCE_GPU_ALLOW_GROWTH), as with
    ``allow_growth``; TensorFlow would take all of it at once.

    ``uses_onednn``: turns oneDNN on, which ``legacy_nets.tf1`` leaves off: large convolutions take
    half as long. For the nets of the registry, whose outputs are compared with 1.15.5's. It changes
    nothing where TensorFlow is imported already.
    """
    if uses_onednn and "tensorflow" not in sys.modules:  # it reads this while it is imported
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    import_quietly()
    if not sys.warnoptions:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a read-only home


def import_quietly() -> None:
    """Imports TensorFlow without log messages on CPUs and drivers; keeps its Python warnings.

    Settings of the user come first: another TF_CPP_MIN_LOG_LEVEL, or Python's -W option.
    """
    os.environ.setdefault(_LOG_LEVEL, "3")
    hold_back = hold_back_stderr() if _hides_all_logs() else contextlib.nullcontext()
    with hold_back, _pause_garbage_collection():
        import legacy_nets.tf1  # noqa: F401
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", category=UserWarning, module=r"tf_keras|tf_slim|keras")


@contextlib.contextmanager
def silence_start_up() -> Iterator[None]:
    """Silences the C++ log of a TensorFlow that is imported inside, at any TF_CPP_MIN_LOG_LEVEL.

    Scripts of TensorFlow 1 set that level to 2, which silenced its start-up lines. Today's need 3.
    TF_CPP_MAX_VLOG_LEVEL or TF_CPP_VMODULE keep the log: who sets them wants to read it.
    """
    given = os.environ.get(_LOG_LEVEL)
    if any(os.environ.get(name) for name in ("TF_CPP_MAX_VLOG_LEVEL", "TF_CPP_VMODULE")):
        yield
        return
    os.environ[_LOG_LEVEL] = "3"
    try:
        with hold_back_stderr(), _pause_garbage_collection():
            yield
    finally:
        if given is None:
            os.environ.pop(_LOG_LEVEL, None)  # the script sees what it would see without us
        else:
            os.environ[_LOG_LEVEL] = given


def _hides_all_logs() -> bool:
    """Whether TensorFlow's log level hides even errors."""
    level = os.environ[_LOG_LEVEL].strip()
    return level.isdecimal() and int(level) >= 3


@contextlib.contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Speeds up the first import: what it creates lives until the process ends."""
    is_first, was_enabled = "tensorflow" not in sys.modules, gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_first:
            gc.freeze()
        if was_enabled:
            gc.enable()


class HeldBack:
    """What was written to stderr meanwhile, and is not shown yet."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def take(self) -> str:
        """Returns what was written so far; it will not be shown."""
        self._file.seek(0)
        content = self._file.read()
        self._file.seek(0)
        self._file.truncate()
        return content.decode("utf-8", "replace")


@contextlib.contextmanager
def hold_back_stderr() -> Iterator[HeldBack]:
    """Holds back what C++ code writes to stderr at any log level; writes it after an error."""
    with tempfile.TemporaryFile() as file:
        held_back = HeldBack(file)
        try:
            sys.stderr.flush()
            stderr = os.dup(2)
        except (AttributeError, OSError):  # this process has no standard error
            yield held_back
            return
        os.dup2(file.fileno(), 2)
        try:
            yield held_back
        except BaseException:
            os.write(stderr, held_back.take().encode())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
