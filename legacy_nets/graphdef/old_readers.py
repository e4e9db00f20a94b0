"""Writes graphs so that TensorFlow 1.15 reads them, too."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.edit import add_constant, remove_new_attrs
from legacy_nets.graphdef.node_names import find_free_name
from legacy_nets.graphdef.traverse import index_nodes
from legacy_nets.types import GraphDef, NodeDef

_INT32 = tf.int32.as_datatype_enum


def adapt_to_tf1(definition: GraphDef) -> None:
    """Rewrites, in place, what TensorFlow 1.15 does not know; every TensorFlow computes the same.

    Attributes of their default value go; fused batch norms of videos become those of pictures.
    """
    flatten_video_norms(definition)
    remove_new_attrs(definition)


def flatten_video_norms(definition: GraphDef) -> None:
    """Rewrites fused batch norms of [N, T, H, W, C] in place, as ones of [N*T*H*W, 1, 1, C].

    TensorFlow 1.15 has no fused batch norm for videos. Its mean and variance are those of each
    channel, over all other axes. Norms of the layout NCDHW stay: no TensorFlow runs them on CPUs.
    """
    videos = [
        node
        for node in definition.node
        if node.op == "FusedBatchNormV3" and node.attr["data_format"].s == b"NDHWC"
    ]
    if not videos:
        return
    nodes = index_nodes(definition)
    flat_norms = {node.name: _flatten_norm(definition, nodes, node) for node in videos}
    for node in definition.node:
        if any(":" in edge for edge in node.input):
            node.input[:] = [_rename_statistics(edge, flat_norms) for edge in node.input]


def _flatten_norm(definition: GraphDef, nodes: MutableMapping[str, NodeDef], norm: NodeDef) -> str:
    """Turns a norm into the last reshape; returns the name of the norm between the reshapes."""
    dtype, name = norm.attr["T"].type, norm.name

    def add(suffix: str, op_type: str, inputs: list[str]) -> NodeDef:
        node = definition.node.add(name=find_free_name(f"{name}/{suffix}", nodes), op=op_type)
        node.input[:] = inputs
        node.device = norm.device
        node.attr["T"].type = dtype
        nodes[node.name] = node
        return node

    video, scale, *others = norm.input
    sizes = []
    for suffix, tensor in (("video_shape", video), ("channels", scale)):
        shape = add(suffix, "Shape", [tensor])
        shape.attr["out_type"].type = _INT32
        sizes.append(shape.name)
    nodes[sizes[1]].attr["T"].type = norm.attr["U"].type
    ones = add_constant(definition, nodes, f"{name}/ones", np.array([-1, 1, 1]), _INT32)
    axis = add_constant(definition, nodes, f"{name}/axis", np.array(0), _INT32)
    flat_shape = add("flat_shape", "ConcatV2", [ones, sizes[1], axis])
    flat_shape.attr["T"].type = flat_shape.attr["Tidx"].type = _INT32
    flat_shape.attr["N"].i = 2
    flat = add("flat", "Reshape", [video, flat_shape.name])
    flat_norm = add("norm", norm.op, [flat.name, scale, *others])
    for key, value in norm.attr.items():
        if key != "_output_shapes":  # those of the video
            flat_norm.attr[key].CopyFrom(value)
    flat_norm.attr["data_format"].s = b"NHWC"
    norm.op = "Reshape"
    norm.input[:] = [flat_norm.name, sizes[0]]
    norm.attr.clear()
    norm.attr["T"].type = dtype
    for reshape in (norm, flat):
        reshape.attr["Tshape"].type = _INT32
    return str(flat_norm.name)


def _rename_statistics(edge: str, flat_norms: Mapping[str, str]) -> str:
    """Returns a mean or variance of a norm under its new name; other edges as they are."""
    name, _, index = edge.partition(":")
    return f"{flat_norms[name]}:{index}" if index not in ("", "0") and name in flat_norms else edge
