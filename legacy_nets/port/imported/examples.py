"""Serialized tf.train.Example as an input: the operation that parses it, and test inputs for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import get_node_name, get_output_index
from legacy_nets.graphdef.op_types import EXAMPLE_PARSERS, PLACEHOLDERS
from legacy_nets.graphdef.traverse import index_nodes, list_data_inputs
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.types import Array, DType, NodeDef

_OPEN_SIZE = 2  # of a feature


class _Feature(NamedTuple):
    """What a parser takes out of each example."""

    key: str
    dtype: DType
    size: int | None  # how many values there are; None: any number of them


def find_placeholder(nodes: Mapping[str, NodeDef], parser: NodeDef) -> str:
    """Finds the placeholder of the serialized examples that a parser takes; "" without one."""
    name = get_node_name(list_data_inputs(parser)[0])
    while name in nodes and nodes[name].op in ("Identity", "Reshape"):
        name = get_node_name(nodes[name].input[0])
    return name if name in nodes and nodes[name].op in PLACEHOLDERS else ""


def find_parser(imported: ImportedGraph, tensor: str) -> NodeDef | None:
    """Finds the operation that parses what a placeholder takes; None where none does."""
    nodes = index_nodes(imported.definition)
    parsers = [node for node in nodes.values() if node.op in EXAMPLE_PARSERS]
    name = get_node_name(tensor)
    return next((node for node in parsers if find_placeholder(nodes, node) == name), None)


def is_sparse(nodes: Mapping[str, NodeDef], tensor: str) -> bool:
    """Whether a tensor is a part of a sparse feature: indices, values or the shape."""
    node = nodes[get_node_name(tensor)]
    if node.op not in EXAMPLE_PARSERS:
        return False
    return get_output_index(tensor) < 3 * len(node.attr["sparse_types"].list.type)


def generate_examples(
    imported: ImportedGraph, parser: NodeDef, count: int, words: Sequence[bytes]
) -> Array:
    """Generates serialized examples [count] with every feature that a parser asks for.

    Numbers are as those of other test inputs; text is chosen of ``words``.
    """
    random = np.random.default_rng(0)
    features = list(_list_features(imported, parser))
    examples = []
    for row in range(count):
        example = tf.train.Example()
        for feature in features:
            size = 1 + row % _OPEN_SIZE if feature.size is None else feature.size
            values = example.features.feature[feature.key]
            if feature.dtype == tf.string:
                values.bytes_list.value.extend(random.choice(np.array(words, object), size))
            elif feature.dtype == tf.int64:
                values.int64_list.value.extend(random.integers(0, 2, size))
            else:
                values.float_list.value.extend(random.random(size))
        examples.append(example.SerializeToString())
    return np.array(examples, object)


def _list_features(imported: ImportedGraph, parser: NodeDef) -> Iterator[_Feature]:
    """Lists the features of a parser: the sparse ones, and then the dense ones."""
    sparse_keys, dense_keys = _read_keys(imported, parser)
    sparse_dtypes = [tf.as_dtype(dtype) for dtype in parser.attr["sparse_types"].list.type]
    for key, dtype in zip(sparse_keys, sparse_dtypes, strict=True):
        yield _Feature(key, dtype, None)
    attributes = parser.attr["Tdense"].list.type, parser.attr["dense_shapes"].list.shape
    for key, dtype, shape in zip(dense_keys, *attributes, strict=True):
        sizes = [_OPEN_SIZE if axis.size < 0 else axis.size for axis in shape.dim]
        yield _Feature(key, tf.as_dtype(dtype), int(np.prod(sizes, dtype=np.int64)))


def _read_keys(imported: ImportedGraph, parser: NodeDef) -> tuple[list[str], list[str]]:
    """Reads the keys of the sparse and of the dense features."""
    if parser.op == "ParseSingleExample":
        keys = [parser.attr[name].list.s for name in ("sparse_keys", "dense_keys")]
    else:
        counts = [len(parser.attr[name].list.type) for name in ("sparse_types", "Tdense")]
        tensors = list_data_inputs(parser)[2:]
        if parser.op == "ParseExample":  # a tensor for each key
            parts = [tensors[: counts[0]], tensors[counts[0] : sum(counts)]]
        else:
            parts = [tensors[:1], tensors[1:2]]
        keys = [
            [key for tensor in part for key in _read_constant(imported, tensor)] for part in parts
        ]
    sparse, dense = ([key.decode() for key in part] for part in keys)
    return sparse, dense


def _read_constant(imported: ImportedGraph, tensor: str) -> list[bytes]:
    return list(np.ravel(tf.get_static_value(imported.get_tensor(tensor))))
