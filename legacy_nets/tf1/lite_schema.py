"""What TensorFlow knows of TensorFlow Lite, and does not offer: its schema, its quantizer."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Collection, Sequence

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.types import GraphDef, Tensor, TFLiteConverter

_QUANTIZER = "tensorflow.lite.python.convert"
_MODULES = "tensorflow.lite.python.schema_py_generated", "tensorflow.lite.tools.flatbuffer_utils"


@functools.cache
def list_operator_names() -> dict[int, str]:
    """Lists the names of the built-in operators by their numbers."""
    schema = importlib.import_module(_MODULES[0])
    names = vars(schema.BuiltinOperator).items()
    return {number: name for name, number in names if isinstance(number, int)}


def create_converter(
    graph: GraphDef, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> TFLiteConverter:
    """Creates a converter of a frozen graph, which it neither copies nor changes.

    ``TFLiteConverter.from_session`` imports and exports the graph, and calls grappler twice to
    inline functions. Here it does so once, and where there are functions. The converter's own
    metadata (its version) are left out: for them Python would unpack and pack the model once more.

    Args:
      graph: the frozen graph.
      inputs: placeholders, of any graph.
      outputs: tensors of its names, dtypes and shapes, of any graph.
    """
    converter: TFLiteConverter = tf.lite.TFLiteConverter(graph, list(inputs), list(outputs))
    converter.exclude_conversion_metadata = True
    if not graph.library.function:
        converter._optimize_tf_model = lambda definition, *_: definition
    return converter


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


def convert_to_int8(converter: TFLiteConverter, float_operators: Collection[str]) -> bytes:
    """Converts to a model of int8, which takes and gives int8.

    Args:
      converter: with a representative data set.
      float_operators: built-in operators that stay in float32, as do those without an integer
        kernel. (``converter.convert`` cannot leave any out.)

    Raises what the converter raises.
    """
    ops = tf.lite.OpsSet
    converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8, ops.TFLITE_BUILTINS]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_calibrate_only = True
    quantized: bytes = importlib.import_module(_QUANTIZER).mlir_quantize(
        converter.convert(),
        input_data_type=tf.int8,
        output_data_type=tf.int8,
        denylisted_ops=list(float_operators),
    )
    return quantized
