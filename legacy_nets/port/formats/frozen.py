"""A frozen graph (.pb): weights are constants, batch norms are folded into the layer before.

``images`` goes in, ``logits`` and ``probabilities`` come out; the constant ``metadata`` is a
string of JSON, which also names the constants that are variables.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.port.restored_net import OUTPUTS, Restored, run_graph

LARGEST = (1 << 31) - (1 << 20)  # bytes of weights: protobuf ends at 2 GiB
_WEIGHTED = ("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul")
_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")


def write(path: Path, net: Restored, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Writes the file."""
    graph, folded, left = frozen(net)
    variables = {variable.op.name for variable in net.graph.get_collection("variables")}
    kept = [node.name for node in graph.node if node.name in variables]
    write_graph(path, graph, {**metadata, "variables": kept})
    return (folding_note(folded, left),)


def folding_note(folded: int, left: int) -> str:
    """What became of the batch norms, in a line."""
    return f"{folded} batch norms folded, {left} not: right before them no layer without bias"


def write_graph(path: Path, graph: Any, metadata: Mapping[str, Any]) -> None:
    """Writes a GraphDef, with the metadata in it."""
    node = graph.node.add(name="metadata", op="Const")
    node.attr["dtype"].type = tf.string.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(json.dumps(metadata)))
    path.write_bytes(graph.SerializeToString())


def runs(path: Path, net: Restored) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Imports the file into a graph of its own and runs it as it is written.

    Grappler would first copy and fold the constants: VGG-16's took 20 seconds and 4 GB.
    """
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Graph().as_default() as graph, tf.Session(config=config) as session:
        tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
        yield "", run_graph(net, graph, session, {name: f"{name}:0" for name in OUTPUTS})


def frozen(net: Restored) -> tuple[Any, int, int]:
    """GraphDef of constants; how many batch norms were folded, and how many were not.

    Raises BadInputError where the weights do not fit in a GraphDef.
    """
    variables = net.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    size = sum(v.shape.num_elements() * v.dtype.base_dtype.size for v in variables)
    if size > LARGEST:
        raise BadInputError(
            f"{size / 1e9:.1f} GB of weights do not fit in a graph (at most 2): port them to "
            "saved_model, keras, safetensors or npz"
        )
    outputs = {tensor.op.name: name for name, tensor in net.outputs.items()}
    constant = tf.graph_util.convert_variables_to_constants(
        net.session, net.graph.as_graph_def(), list(outputs)
    )
    graph = tf.graph_util.remove_training_nodes(constant, protected_nodes=list(outputs))
    graph.library.CopyFrom(constant.library)  # both are dropped: the bodies of loops, and what
    graph.versions.CopyFrom(constant.versions)  # TensorFlow the graph was made for
    for node in graph.node:  # a net's scope may have taken the name from the output
        node.name = outputs.get(node.name, node.name)
        node.input[:] = [outputs.get(name, name) for name in node.input]
    return fold_batch_norms(graph)


def fold_batch_norms(graph: Any, outputs: Sequence[str] = OUTPUTS) -> tuple[Any, int, int]:
    """Scales the weights of a layer by the batch norm that alone reads it; its shift stays a bias.

    y = (w x - mean) * scale / sqrt(variance + epsilon) + offset
    """
    nodes = {node.name: node for node in graph.node}
    readers = Counter(_source(name) for node in graph.node for name in node.input)
    folded, left = 0, 0
    for norm in graph.node:
        if norm.op not in _BATCH_NORMS:
            continue
        layer = nodes[_source(norm.input[0])]
        weights = nodes.get(_source(layer.input[1])) if layer.op in _WEIGHTED else None
        infers = "is_training" in norm.attr and not norm.attr["is_training"].b
        numbers = [nodes[_source(name)] for name in norm.input[1:]]
        constants = [weights, *numbers]
        if (
            not infers
            or readers[layer.name] != 1
            or any(node is None or node.op != "Const" for node in constants)
            or weights is None
            or readers[weights.name] != 1
            or weights.attr["dtype"].type == tf.float16.as_datatype_enum  # it would round twice
        ):
            left += 1
            continue
        scale, offset, mean, variance = (
            tf.make_ndarray(node.attr["value"].tensor).astype(np.float64) for node in numbers
        )
        factor = scale / np.sqrt(variance + norm.attr["epsilon"].f)
        kernel = tf.make_ndarray(weights.attr["value"].tensor)
        shape = kernel.shape[-2:] if layer.op == "DepthwiseConv2dNative" else kernel.shape[-1:]
        scaled = (kernel * factor.reshape(shape)).astype(kernel.dtype)
        shift = (offset - mean * factor).astype(kernel.dtype)
        weights.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(scaled))
        bias = numbers[1]
        if readers[bias.name] != 1:
            bias = graph.node.add(name=f"{norm.name}/folded_offset", op="Const")
            bias.attr["dtype"].CopyFrom(numbers[1].attr["dtype"])
        bias.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(shift))
        _become_bias(norm, layer.name, bias.name)
        folded += 1
    versions = graph.versions
    whole = tf.graph_util.extract_sub_graph(graph, list(outputs))
    whole.versions.CopyFrom(versions)
    return whole, folded, left


def _become_bias(norm: Any, layer: str, bias: str) -> None:
    """Turns a batch norm's node into a BiasAdd of the same name."""
    kind, layout = norm.attr["T"].type, norm.attr["data_format"].s
    norm.op = "BiasAdd"
    norm.ClearField("input")
    norm.input.extend([layer, bias])
    norm.attr.clear()
    norm.attr["T"].type = kind
    norm.attr["data_format"].s = b"NCHW" if layout.startswith(b"NC") else b"NHWC"


def _source(name: str) -> str:
    """The node that an input names: "^a" and "a:1" are of "a"."""
    return name.lstrip("^").partition(":")[0]
