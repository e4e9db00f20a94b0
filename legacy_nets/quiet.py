"""Keeps TensorFlow's chatter off the user's screen: in the commands, and where a user asks for it.

Importing this, or any other module of the package, changes nothing; only a call does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator


def quiet_tensorflow() -> None:
    """Imports TensorFlow without its remarks on CPUs and drivers, and without advice on TF1.

    For scripts of one's own, before the first ``from legacy_nets import tf1 as tf``. Sets, for
    the whole process: TF_CPP_MIN_LOG_LEVEL, TensorFlow's logger to errors, and that warnings of
    Keras' modules are passed over.

    TF_CPP_MIN_LOG_LEVEL and Python's -W option still rule where the user has set them.
    """
    import_quietly()
    if not sys.warnoptions:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


def import_quietly() -> None:
    """Imports TensorFlow without its remarks on CPUs and drivers; its own warnings are heard.

    TF_CPP_MIN_LOG_LEVEL and Python's -W option still rule where the user has set them.
    """
    quiet = "TF_CPP_MIN_LOG_LEVEL" not in os.environ
    if quiet:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with _held_back_stderr() if quiet else contextlib.nullcontext(), _without_garbage_search():
        importlib.import_module("legacy_nets.tf1")
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", category=UserWarning, module=r"tf_keras|tf_slim|keras")


@contextlib.contextmanager
def _without_garbage_search() -> Iterator[None]:
    """Imports what lives till the process ends: Python need never look there for garbage."""
    first, searched = "tensorflow" not in sys.modules, gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if first:
            gc.freeze()
        if searched:
            gc.enable()


@contextlib.contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Holds back what C++ code writes to stderr (no log level reaches it); shows it on errors."""
    try:
        sys.stderr.flush()
        before = os.dup(2)
    except (AttributeError, OSError):  # a process without standard error has nothing to hold
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(before, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
