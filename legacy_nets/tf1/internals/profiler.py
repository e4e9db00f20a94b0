"""``tensorflow.python.eager.profiler``: profiles for TensorBoard."""

from __future__ import annotations

import datetime
import os

import tensorflow.compat.v1 as tf
from tensorflow.python.profiler.internal import _pywrap_profiler

from legacy_nets.tf1.internals.events_writer import EventsWriter

_sessions: list[_pywrap_profiler.ProfilerSession] = []  # the one that runs, if any


class ProfilerAlreadyRunningError(Exception):
    """A profile is being taken."""


class ProfilerNotRunningError(Exception):
    """No profile is being taken."""


def start() -> None:
    """Starts a profile. Raises ProfilerAlreadyRunningError where one is being taken."""
    if _sessions:
        raise ProfilerAlreadyRunningError("Another profiler is running.")
    session = _pywrap_profiler.ProfilerSession()
    session.start("", {})
    _sessions.append(session)


def stop() -> bytes:
    """Ends the profile and returns it: an ``XSpace`` message, which TensorBoard reads today.

    Raises ProfilerNotRunningError where none is being taken.
    """
    if not _sessions:
        raise ProfilerNotRunningError("Cannot stop profiling. No profiler is running.")
    return _sessions.pop().stop()


def maybe_create_event_file(logdir: str) -> None:
    """Writes an empty event file, where there is none: TensorBoard then looks for profiles."""
    if not any(name.endswith(".profile-empty") for name in tf.gfile.ListDirectory(logdir)):
        writer = EventsWriter(os.path.join(logdir, "events"))
        writer.InitWithSuffix(".profile-empty")
        writer.Close()


def save(logdir: str, result: bytes) -> None:
    """Writes a profile into TensorBoard's folder."""
    moment = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder = os.path.join(logdir, "plugins", "profile", moment)
    tf.gfile.MakeDirs(folder)
    maybe_create_event_file(logdir)
    with tf.gfile.Open(os.path.join(folder, "local.xplane.pb"), "wb") as file:
        file.write(result)


def start_profiler_server(port: int) -> None:
    """Lets TensorBoard take profiles of this process by a port."""
    _pywrap_profiler.start_server(port)


class Profiler:
    """Takes a profile of a ``with`` block and writes it into ``logdir``."""

    def __init__(self, logdir: str) -> None:
        self._logdir = logdir

    def __enter__(self) -> None:
        start()

    def __exit__(self, *_error: object) -> None:
        save(self._logdir, stop())
