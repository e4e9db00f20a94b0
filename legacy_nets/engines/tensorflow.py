"""TensorFlow runs the frozen graph: oneDNN's kernels, bfloat16 by its graph optimiser."""

from __future__ import annotations

from legacy_nets import tf1 as tf
from legacy_nets.devices import restrict_config
from legacy_nets.engines.prepare import FrozenNet, Run
from legacy_nets.graphdef.traverse import index_nodes
from legacy_nets.port.formats.frozen import BATCH_NORMS, find_scale_and_shift
from legacy_nets.port.jobs import INPUT, OUTPUTS
from legacy_nets.processor import examine_processor
from legacy_nets.tf1.callables import make_callable
from legacy_nets.types import GraphDef

_ON = 1  # of RewriterConfig.Toggle


def load(net: FrozenNet, precision: str, threads: int) -> Run:
    """Loads a frozen net into a session; see ``Load``."""
    config = tf.ConfigProto(
        inter_op_parallelism_threads=threads,
        intra_op_parallelism_threads=examine_processor().cores or 0,
        use_per_session_threads=True,
    )
    restrict_config(config)
    rewrites = config.graph_options.rewrite_options
    rewrites.min_graph_nodes = -1  # small graphs are optimised, too
    if precision == "bf16":
        rewrites.auto_mixed_precision_onednn_bfloat16 = _ON
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(scale_and_shift(net.graph), name="")
    session = tf.Session(graph=graph, config=config)
    return make_callable(session, f"{INPUT}:0", f"{OUTPUTS[1]}:0")


def scale_and_shift(graph: GraphDef) -> GraphDef:
    """Replaces the batch norms that could not be folded by operations that oneDNN fuses.

    Of images: a 1x1 depthwise convolution and a bias, which become one pass together with the
    activation that follows. Of video, where there is no depthwise convolution: a product and a
    sum.
    """
    changed = tf.GraphDef()
    changed.CopyFrom(graph)
    nodes = index_nodes(changed)
    for norm in [node for node in changed.node if node.op in BATCH_NORMS]:
        parameters = [nodes.get(name) for name in norm.input[1:]]
        if any(node is None or node.op != "Const" for node in parameters):
            continue
        layout = norm.attr["data_format"].s
        if layout.startswith(b"NC"):
            continue
        factor, shift = find_scale_and_shift(norm, parameters)
        dtype = norm.attr["T"].type
        is_image = layout != b"NDHWC"
        product = changed.node.add(name=f"{norm.name}/product", op="Mul")
        product.attr["T"].type = dtype
        product.input.extend([norm.input[0], f"{norm.name}/factor"])
        norm.op = "BiasAdd" if is_image else "AddV2"
        norm.ClearField("input")
        norm.input.extend([product.name, f"{norm.name}/shift"])
        norm.attr.clear()
        norm.attr["T"].type = dtype
        if is_image:
            product.op = "DepthwiseConv2dNative"
            product.attr["strides"].list.i.extend([1, 1, 1, 1])
            product.attr["padding"].s = b"VALID"
            factor = factor.reshape(1, 1, -1, 1)
        for name, value in (("factor", factor), ("shift", shift)):
            constant = changed.node.add(name=f"{norm.name}/{name}", op="Const")
            constant.attr["dtype"].type = dtype
            constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype))
    return changed
