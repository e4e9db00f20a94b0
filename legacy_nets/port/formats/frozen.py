"""A frozen graph (.pb): weights are constants, batch norms are folded into the layer before.

The graph takes ``images`` and gives ``logits`` and ``probabilities``. Its constant ``metadata`` is
a JSON string, which also lists the constants that were variables.
"""

from __future__ import annotations

import json
import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.devices import restrict_config
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.node_names import get_node_name
from legacy_nets.graphdef.old_readers import adapt_to_tf1
from legacy_nets.graphdef.open_by_parts import open_by_parts
from legacy_nets.graphdef.traverse import index_nodes
from legacy_nets.port.formats.lazy_constants import (
    LoadArray,
    count_bytes,
    has_plain_variables,
    replace_variables,
    set_value,
)
from legacy_nets.port.jobs import OUTPUTS, Metadata
from legacy_nets.port.restored_net import RestoredNet, run_graph
from legacy_nets.port.verify import Run
from legacy_nets.types import Array, Graph, GraphDef, NodeDef, Session, Tensor

MAX_BYTES = (1 << 31) - (1 << 20)  # of weights: a protobuf holds less than 2 GiB
_WEIGHTED = ("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul")
BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")


class Folded(NamedTuple):
    """A graph whose batch norms were folded where that is possible."""

    graph: GraphDef
    folded: int  # batch norms
    unfolded: int
    values: Mapping[str, LoadArray] = types.MappingProxyType({})  # of constants that have none

    def describe(self) -> str:
        """Returns a note about the batch norms."""
        return (
            f"{self.folded} batch norms folded, {self.unfolded} not: no layer without bias right "
            "before them"
        )

    def complete(self) -> GraphDef:
        """Returns the graph with all values. Raises BadInputError where they do not fit in it."""
        check_size(self.graph)
        for node in self.graph.node if self.values else ():
            if node.name in self.values:
                set_value(node, self.values[node.name]())
        return self.graph


def write(path: Path, net: RestoredNet, metadata: Metadata) -> tuple[str, ...]:
    """Writes the file; returns notes."""
    frozen = freeze(net)
    check_size(frozen.graph)
    variables = {variable.op.name for variable in net.graph.get_collection("variables")}
    kept = [node.name for node in frozen.graph.node if node.name in variables]
    write_graph(path, frozen.graph, {**metadata, "variables": kept}, frozen.values)
    return (frozen.describe(),)


def write_graph(
    path: Path,
    graph: GraphDef,
    metadata: Mapping[str, object],
    values: Mapping[str, LoadArray] = types.MappingProxyType({}),
) -> None:
    """Writes a GraphDef, with the metadata in it, as TensorFlow 1.15 reads it.

    ``values``: of constants that have none, by name. One of them at a time is in memory.
    """
    adapt_to_tf1(graph)
    node = graph.node.add(name="metadata", op="Const")
    node.attr["dtype"].type = tf.string.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(json.dumps(metadata)))
    with open(path, "wb") as file:  # messages one after the other are one message of all fields
        for node in graph.node:
            part = tf.GraphDef(node=[node])
            if node.name in values:
                set_value(part.node[0], values[node.name]())
            file.write(part.SerializeToString())
        file.write(tf.GraphDef(library=graph.library, versions=graph.versions).SerializeToString())


def run(path: Path, net: RestoredNet) -> Iterator[Run]:
    """Runs the file as it was written, its large constants first and by themselves.

    Grappler would copy and fold the constants: VGG-16's took 20 seconds and 4 GB.
    """
    config = tf.ConfigProto()
    restrict_config(config)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Graph().as_default() as graph, tf.Session(config=config) as session:
        constants = open_by_parts(path)
        outputs = {name: f"{name}:0" for name in OUTPUTS}
        yield Run("", run_graph(net, graph, session, outputs, constants))


def freeze(net: RestoredNet) -> Folded:
    """Freezes a net that is ported, and closes its session.

    Where there is no loop, the values of large variables are not in the graph but read when they
    are needed.
    """
    outputs = net.tensors.outputs
    definition = net.graph.as_graph_def()
    needed = tf.graph_util.extract_sub_graph(
        definition, [tensor.op.name for tensor in outputs.values()]
    )
    if needed.library.function or not has_plain_variables(needed):
        folded = freeze_outputs(net.graph, net.get_session(), outputs)
        net.close_session()
        return folded
    net.close_session()
    needed.versions.CopyFrom(definition.versions)
    values = replace_variables(needed, net.plan.list_readers())
    return _finish(needed, outputs, values)


def freeze_outputs(graph: Graph, session: Session, named: Mapping[str, Tensor]) -> Folded:
    """Freezes a graph into a GraphDef of constants, with batch norms folded.

    ``named``: the outputs by the names that they get.
    Raises BadInputError where the weights do not fit in a GraphDef.
    """
    variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    _check_bytes(sum(v.shape.num_elements() * v.dtype.base_dtype.size for v in variables))
    constant = tf.graph_util.convert_variables_to_constants(
        session, graph.as_graph_def(), [tensor.op.name for tensor in named.values()]
    )
    return _finish(constant, named, {})


def check_size(graph: GraphDef) -> None:
    """Raises BadInputError where the constants of a graph would not fit in it."""
    _check_bytes(sum(count_bytes(node) for node in graph.node if node.op == "Const"))


def _check_bytes(size: int) -> None:
    if size > MAX_BYTES:
        raise BadInputError(
            f"{size / 1e9:.1f} GB of weights do not fit in a graph (at most 2): port them to "
            "onnx, saved_model, keras, safetensors or npz"
        )


def _finish(
    constant: GraphDef, named: Mapping[str, Tensor], values: dict[str, LoadArray]
) -> Folded:
    """Removes what only training needs, names the outputs and folds the batch norms."""
    outputs = {tensor.op.name: name for name, tensor in named.items()}
    frozen = tf.graph_util.remove_training_nodes(constant, protected_nodes=list(outputs))
    frozen.library.CopyFrom(constant.library)  # the call drops both: the bodies of loops, and
    frozen.versions.CopyFrom(constant.versions)  # the TensorFlow version of the graph
    for node in frozen.node:  # the scope of a net may have taken the name of an output
        node.name = outputs.get(node.name, node.name)
        node.input[:] = [outputs.get(name, name) for name in node.input]
    return fold_batch_norms(frozen, list(named), values)


def fold_batch_norms(
    graph: GraphDef,
    outputs: Sequence[str] = OUTPUTS,
    values: Mapping[str, LoadArray] = types.MappingProxyType({}),
) -> Folded:
    """Folds each batch norm into the weights of the layer before it, where it alone reads that.

    y = (w x - mean) * scale / sqrt(variance + epsilon) + offset: the scale goes into the weights,
    the shift becomes a bias. Changes ``graph``; returns the part that the outputs need.
    ``values``: of constants that have none, by name.
    """
    values = dict(values)
    nodes = index_nodes(graph)
    readers = Counter(get_node_name(name) for node in graph.node for name in node.input)
    norms = [node for node in graph.node if node.op in BATCH_NORMS]
    folded = 0
    for norm in norms:
        layer = nodes[get_node_name(norm.input[0])]
        weights = nodes.get(get_node_name(layer.input[1])) if layer.op in _WEIGHTED else None
        parameters = [nodes[get_node_name(name)] for name in norm.input[1:]]
        is_inference = "is_training" in norm.attr and not norm.attr["is_training"].b
        if (
            is_inference
            and readers[layer.name] == 1
            and weights is not None
            and readers[weights.name] == 1
            and all(node.op == "Const" for node in (weights, *parameters))
            and weights.attr["dtype"].type != tf.float16.as_datatype_enum  # it would round twice
        ):
            shift = _scale_weights(norm, layer, weights, parameters, values)
            bias = parameters[1]  # the batch norm's offset
            if readers[bias.name] != 1:
                bias = graph.node.add(name=f"{norm.name}/folded_offset", op="Const")
                bias.attr["dtype"].CopyFrom(parameters[1].attr["dtype"])
            bias.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(shift))
            _become_bias(norm, layer.name, bias.name)
            folded += 1
    needed = tf.graph_util.extract_sub_graph(graph, list(outputs))
    needed.versions.CopyFrom(graph.versions)
    names = {node.name for node in needed.node}
    values = {name: load for name, load in values.items() if name in names}
    return Folded(needed, folded, len(norms) - folded, values)


def _scale_weights(
    norm: NodeDef,
    layer: NodeDef,
    weights: NodeDef,
    parameters: Sequence[NodeDef],
    values: dict[str, LoadArray],
) -> Array:
    """Scales a layer's weights as a batch norm does; returns the shift, [channels].

    Weights among ``values`` are scaled when they are read.
    """
    factor, shift = find_scale_and_shift(norm, parameters)
    tensor = weights.attr["value"].tensor
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    factor = factor.reshape(shape[-2:] if layer.op == "DepthwiseConv2dNative" else shape[-1:])
    dtype = tf.as_dtype(tensor.dtype).as_numpy_dtype
    if weights.name in values:
        load = values[weights.name]
        values[weights.name] = lambda: (load() * factor).astype(dtype)
    else:
        scaled = (tf.make_ndarray(tensor) * factor).astype(dtype)
        tensor.CopyFrom(tf.make_tensor_proto(scaled))
    return shift.astype(dtype)


def find_scale_and_shift(norm: NodeDef, parameters: Sequence[NodeDef]) -> tuple[Array, Array]:
    """Finds what a batch norm in inference mode multiplies by and adds: float64 [channels] each.

    ``parameters``: its constants scale, offset, mean and variance.
    """
    scale, offset, mean, variance = (
        tf.make_ndarray(node.attr["value"].tensor).astype(np.float64) for node in parameters
    )
    factor = scale / np.sqrt(variance + _get_epsilon(norm))
    return factor, offset - mean * factor


def _get_epsilon(norm: NodeDef) -> float:
    """Returns a batch norm's epsilon; an absent attribute has its default."""
    return float(norm.attr["epsilon"].f) if "epsilon" in norm.attr else 1e-4


def _become_bias(norm: NodeDef, layer: str, bias: str) -> None:
    """Turns the node of a batch norm into a BiasAdd of the same name."""
    dtype, layout = norm.attr["T"].type, norm.attr["data_format"].s
    norm.op = "BiasAdd"
    norm.ClearField("input")
    norm.input.extend([layer, bias])
    norm.attr.clear()
    norm.attr["T"].type = dtype
    norm.attr["data_format"].s = b"NCHW" if layout.startswith(b"NC") else b"NHWC"
