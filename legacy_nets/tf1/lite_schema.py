"""What TensorFlow knows of the files of TensorFlow Lite."""

from __future__ import annotations

import functools
import importlib

import numpy as np

_MODULES = "tensorflow.lite.python.schema_py_generated", "tensorflow.lite.tools.flatbuffer_utils"


@functools.cache
def list_operator_names() -> dict[int, str]:
    """Lists the names of the built-in operators by their numbers."""
    schema = importlib.import_module(_MODULES[0])
    names = vars(schema.BuiltinOperator).items()
    return {number: name for name, number in names if isinstance(number, int)}


def add_metadata(model: bytes, name: str, text: str) -> bytes:
    """Adds a text to a model, as a buffer with a name; returns the new model."""
    schema, tools = map(importlib.import_module, _MODULES)
    message = tools.convert_bytearray_to_object(bytearray(model))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(text.encode(), np.uint8)
    entry.name, entry.buffer = name, len(message.buffers)
    message.buffers.append(buffer)
    message.metadata = [*(message.metadata or ()), entry]
    return bytes(tools.convert_object_to_bytearray(message))
