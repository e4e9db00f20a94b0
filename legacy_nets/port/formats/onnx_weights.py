"""The weights of an ONNX model, apart from its graph: each is read when it is written.

tf2onnx copies a constant some ten times. So the kernels of convolutions and the matrices of
products are inputs of the graph that it converts, and variables while TensorFlow folds constants.
Its transposes and reshapes of them are applied when the file is written, field by field, as a
protocol buffer allows.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import find_free_name
from legacy_nets.graphdef.op_types import ENTERS
from legacy_nets.graphdef.traverse import index_consumers, index_nodes
from legacy_nets.port.formats import lazy_constants
from legacy_nets.port.formats.lazy_constants import LoadArray, count_bytes, set_value
from legacy_nets.port.weights import view_bytes
from legacy_nets.types import Array, GraphDef, NodeDef, NumpyDtype, Shape
from legacy_nets.wire import encode_varint

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

DATA_ENDING = ".onnx.data"
MAX_INLINE = 1_500_000_000  # bytes of weights in the file itself; its limit is 2 GiB
_ALIGNMENT = 4096  # of weights in a file of their own, which may be mapped into memory
_PRODUCTS = {  # operation -> inputs that may be weights
    **dict.fromkeys(("Conv2D", "Conv3D", "DepthwiseConv2dNative"), (1,)),
    **dict.fromkeys(("Conv2DBackpropInput", "Conv3DBackpropInputV2"), (1,)),
    **dict.fromkeys(("MatMul", "BatchMatMul", "BatchMatMulV2"), (0, 1)),
}
_FLOATS = (tf.float32.as_datatype_enum, tf.float64.as_datatype_enum)
_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9  # fields of ModelProto, GraphProto, TensorProto


class LazyWeight(NamedTuple):
    """A weight that has not been read yet."""

    shape: Shape
    dtype: NumpyDtype
    load: LoadArray

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def hide_weights(
    graph: GraphDef, values: Mapping[str, LoadArray], outputs: Collection[str]
) -> tuple[GraphDef, dict[str, LazyWeight]]:
    """Returns a graph with variables for its large weights, and the weights by their names.

    TensorFlow's optimizer would make a tensor for each placeholder: ``become_placeholders``
    is for afterwards.

    Args:
      graph: frozen; it is not changed. In one with loops or functions all weights stay: they
        become graphs within the graph, which read its weights by name.
      values: of constants that have none in the graph.
      outputs: names of nodes, which stay.
    """
    has_inner_graphs = graph.library.function or any(node.op in ENTERS for node in graph.node)
    consumers = index_consumers(index_nodes(graph))
    hidden, weights = tf.GraphDef(library=graph.library, versions=graph.versions), {}
    for node in graph.node:
        readers = [] if has_inner_graphs else consumers.get(node.name, [])
        if node.name not in outputs and _is_weight(node, readers):
            dtype, shape = node.attr["dtype"].type, node.attr["value"].tensor.tensor_shape
            variable = hidden.node.add(name=node.name, op="VariableV2")
            variable.attr["dtype"].type = dtype
            variable.attr["shape"].shape.CopyFrom(shape)
            load = values.get(node.name) or functools.partial(_read_constant, node)
            sizes = tuple(dim.size for dim in shape.dim)
            numpy_dtype = np.dtype(tf.as_dtype(dtype).as_numpy_dtype)
            weights[node.name] = LazyWeight(sizes, numpy_dtype, load)
        else:
            copy = hidden.node.add()
            copy.CopyFrom(node)
            if node.name in values:
                set_value(copy, values[node.name]())
    return hidden, weights


def become_placeholders(graph: GraphDef, weights: Collection[str]) -> None:
    """Turns the variables of ``hide_weights`` into placeholders, in place."""
    for node in graph.node:
        if node.name in weights:
            placeholder = tf.NodeDef(name=node.name, op="Placeholder")
            for key in ("dtype", "shape"):
                placeholder.attr[key].CopyFrom(node.attr[key])
            node.CopyFrom(placeholder)


def _is_weight(node: NodeDef, consumers: list[NodeDef]) -> bool:
    return (
        node.op == "Const"
        and node.attr["dtype"].type in _FLOATS
        and count_bytes(node) >= lazy_constants.MIN_BYTES
        and bool(consumers)
        and all(
            reader.op in _PRODUCTS and index in _PRODUCTS[reader.op]
            for reader in consumers
            for index, edge in enumerate(reader.input)
            if edge in (node.name, f"{node.name}:0", f"^{node.name}")
        )
    )


def _read_constant(node: NodeDef) -> Array:
    array: Array = tf.make_ndarray(node.attr["value"].tensor)
    return array


def apply_views(model: ModelProto, weights: Mapping[str, LazyWeight]) -> dict[str, LazyWeight]:
    """Takes the weights' inputs, and the nodes that transpose and reshape them, out of a model.

    Args:
      model: changed in place.
      weights: by the names of nodes, whose tensors are inputs of the model.

    Returns the weights that the model now lacks, by the names that it reads them by.
    """
    graph = model.graph
    inputs = [value for value in graph.input if value.name.removesuffix(":0") not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    known = {f"{name}:0": (name, weight) for name, weight in weights.items()}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    outputs = {value.name for value in graph.output}
    kept: list[NodeProto] = []
    lacking: dict[str, LazyWeight] = {}
    names: dict[str, str] = {}  # tensor -> the name that it gets
    for node in graph.node:
        if node.input and node.input[0] in known and not outputs.intersection(node.output):
            name, weight = known[node.input[0]]
            view = _apply(node, weight, constants)
            if view is not None:
                known[node.output[0]] = name, view
                continue
        kept.append(node)
        for index, tensor in enumerate(node.input):
            if tensor in known:
                name, weight = known[tensor]
                if tensor not in names:  # a weight may be read in several shapes
                    names[tensor] = find_free_name(f"{name}:0", lacking)
                    lacking[names[tensor]] = weight
                node.input[index] = names[tensor]
    copies = [type(node).FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(copies)
    return lacking


def _apply(
    node: NodeProto, weight: LazyWeight, constants: Mapping[str, TensorProto]
) -> LazyWeight | None:
    """Applies a node that moves a weight's numbers; None for a node that does more."""
    from onnx import numpy_helper

    if node.op_type == "Identity":
        return weight
    if node.op_type == "Transpose":
        axes = [list(item.ints) for item in node.attribute if item.name == "perm"]
        order = axes[0] if axes else list(reversed(range(len(weight.shape))))
        shape = tuple(weight.shape[axis] for axis in order)
        return weight._replace(shape=shape, load=lambda: weight.load().transpose(order))
    if node.op_type == "Reshape" and node.input[1] in constants:
        sizes = numpy_helper.to_array(constants[node.input[1]]).tolist()
        if 0 in sizes:  # it stands for the size that was there
            return None
        known = math.prod(size for size in sizes if size != -1)
        rest = math.prod(weight.shape) // known
        new_shape = tuple(rest if size == -1 else size for size in sizes)
        return weight._replace(shape=new_shape, load=lambda: weight.load().reshape(new_shape))
    return None


def declare_weights(model: ModelProto, weights: Mapping[str, LazyWeight]) -> ModelProto:
    """Returns a model with its weights as inputs, which is complete without their values."""
    from onnx import helper

    complete = type(model).FromString(model.SerializeToString())
    for name, weight in weights.items():
        dtype = helper.np_dtype_to_tensor_dtype(weight.dtype)
        complete.graph.input.append(helper.make_tensor_value_info(name, dtype, weight.shape))
    return complete


def write_model(path: Path, model: ModelProto, weights: Mapping[str, LazyWeight]) -> bool:
    """Writes a model with its weights, one at a time in memory.

    Weights of more than ``MAX_INLINE`` bytes are in a second file next to it (``DATA_ENDING``).
    Returns whether there is a second file.
    """
    from onnx import TensorProto, helper

    is_apart = model.ByteSize() + sum(item.size for item in weights.values()) > MAX_INLINE
    data_path = path.with_suffix(DATA_ENDING)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "wb"))
        data = stack.enter_context(open(data_path, "wb")) if is_apart else None
        headers: dict[str, bytes] = {}
        for name, weight in weights.items():
            tensor = TensorProto(name=name, dims=weight.shape)
            tensor.data_type = helper.np_dtype_to_tensor_dtype(weight.dtype)
            if data is not None:
                _append(data, weight, tensor, data_path.name)
            header = tensor.SerializeToString()
            if data is None:
                header += _encode_head(_RAW_DATA, weight.size)
            size = len(header) + (weight.size if data is None else 0)
            headers[name] = _encode_head(_INITIALIZER, size) + header
        graph = model.graph.SerializeToString()
        size = sum(map(len, headers.values()))
        size += 0 if is_apart else sum(item.size for item in weights.values())
        rest = type(model).FromString(model.SerializeToString())
        rest.ClearField("graph")
        file.write(rest.SerializeToString() + _encode_head(_GRAPH, len(graph) + size) + graph)
        for name, weight in weights.items():
            file.write(headers[name])
            if data is None:
                file.write(_read_bytes(weight).data)
    return is_apart


def _append(data: BinaryIO, weight: LazyWeight, tensor: TensorProto, file_name: str) -> None:
    """Appends a weight to the second file; the tensor says where it is."""
    data.write(bytes(-data.tell() % _ALIGNMENT))
    tensor.data_location = tensor.EXTERNAL
    for key, value in (("location", file_name), ("offset", data.tell()), ("length", weight.size)):
        tensor.external_data.add(key=key, value=str(value))
    data.write(_read_bytes(weight).data)


def _read_bytes(weight: LazyWeight) -> Array:
    """Reads a weight: its bytes, uint8 [size]. Raises ValueError for another size."""
    value = view_bytes(weight.load().astype(weight.dtype, copy=False))
    if value.size != weight.size:
        raise ValueError(f"a weight of {weight.size} bytes has {value.size}")
    return value


def _encode_head(field: int, size: int) -> bytes:
    """Encodes the head of a field of bytes."""
    return encode_varint(field << 3 | 2) + encode_varint(size)
