"""``pywrap_tensorflow.EventsWriter``: writes TensorBoard's event files."""

from __future__ import annotations

import socket
import time

import tensorflow.compat.v1 as tf


class EventsWriter:
    """Writes ``Event`` messages into ``<prefix>.out.tfevents.<seconds>.<host><suffix>``.

    The file is made at the first use, and begins with the version of the format.
    """

    def __init__(self, file_prefix: bytes | str) -> None:
        self._prefix = tf.compat.as_str(file_prefix)
        self._suffix = ""
        self._name = ""
        self._writer: tf.io.TFRecordWriter | None = None

    def InitWithSuffix(self, suffix: bytes | str) -> None:
        """Begins a file whose name ends in ``suffix``."""
        self.Close()
        self._suffix = tf.compat.as_str(suffix)
        self._open()

    def FileName(self) -> bytes:
        """Returns the name of the file, which is made where there is none yet."""
        self._open()
        return tf.compat.as_bytes(self._name)

    def WriteEvent(self, event: tf.Event) -> None:
        """Writes an event. Raises TypeError where it is none."""
        if not isinstance(event, tf.Event):
            raise TypeError(f"Expected an event_pb2.Event proto,  but got {type(event)}")
        self._WriteSerializedEvent(event.SerializeToString())

    def _WriteSerializedEvent(self, event: bytes) -> None:
        self._open().write(event)

    def Flush(self) -> None:
        """Writes what is buffered to the file."""
        self._open().flush()

    def Close(self) -> None:
        """Closes the file; the next event begins another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self) -> tf.io.TFRecordWriter:
        if self._writer is None:
            now = time.time()
            host = socket.gethostname()
            self._name = f"{self._prefix}.out.tfevents.{int(now):010d}.{host}{self._suffix}"
            self._writer = tf.io.TFRecordWriter(self._name)
            first = tf.Event(wall_time=now, file_version="brain.Event:2")
            self._writer.write(first.SerializeToString())
            self._writer.flush()
        return self._writer
