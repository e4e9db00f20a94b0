"""Tells which operations do more than compute, and keeps TensorFlow from running them."""

from __future__ import annotations

import re

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.edit import copy_graph_def
from legacy_nets.graphdef.node_names import find_free_name
from legacy_nets.tf1.functions import definition_of
from legacy_nets.types import GraphDef, NodeDef, NodeList

# They read or write files, talk to other machines or kill the process.
_UNSAFE = re.compile(
    r"ReadFile|WriteFile|MatchingFiles|ShardedFilename|ImmutableConst|RecordInput|Skipgram"
    r"|(DTensor)?(Save|Restore|MergeV2Checkpoints).*|DistributedSave|.*StatisticsSaver|DumpTensor"
    r"|PrintV2|Abort|Debug[IN].*|FileSystem.*|(En|De)codeProto(V2)?|FixedUnigramCandidateSampler"
    r"|.*Reader(V2)?|Reader(Read|Restore|Reset|Num|Serialize).*|.*Dataset(V\d)?"
    r"|.*DatasetToTFRecord|InitializeTableFrom(Text|Data).*|LoadAndRemapMatrix"
    r"|GenerateVocabRemapping|.*Summary(Writer|File|Db).*|Write.*Summary"
    r"|(Try)?Rpc.*|RemoteCall|_?(Host)?(Send|Recv)|Collective.*|XlaCustomCall.*"
)


def is_unsafe(op_type: str) -> bool:
    """Whether operations of a type do more than compute."""
    return _UNSAFE.fullmatch(op_type) is not None


def shield_unsafe_ops(definition: GraphDef) -> GraphDef:
    """Makes a GraphDef safe to import. Returns the same one where nothing is to be done.

    While TensorFlow imports a graph, it computes constant shapes. To do so it runs stateless
    operations, and some of them read or write files: ReadFile, DebugIdentity. In the result, such
    an operation reads a placeholder, so that TensorFlow cannot compute it. It must not be run.
    """
    functions = definition.library.function
    all_nodes = [*definition.node, *(node for body in functions for node in body.node_def)]
    if not any(_get_foldable_dtype(node) for node in all_nodes):
        return definition
    shielded = copy_graph_def(definition)
    _shield_nodes(shielded.node, "")
    for body in shielded.library.function:
        _shield_nodes(body.node_def, ":output:0")  # tensors have longer names in functions
    return shielded


def _shield_nodes(nodes: NodeList, output: str) -> None:
    """Makes the unsafe operations of a graph or function read placeholders.

    ``output``: the end of the name of a placeholder's tensor.
    """
    names = {node.name for node in nodes}
    for node in list(nodes):
        dtype = _get_foldable_dtype(node)
        if dtype:
            name = find_free_name(f"{node.name}/unknown", names)
            names.add(name)
            nodes.add(name=name, op="Placeholder").attr["dtype"].type = dtype
            node.input[0] = name + output


def _get_foldable_dtype(node: NodeDef) -> int:
    """Returns the dtype of the first input of an unsafe operation that may run while importing.

    0 for all other nodes.
    """
    op_def = definition_of(node.op) if is_unsafe(node.op) else None
    if op_def is None or op_def.is_stateful or not op_def.input_arg or not node.input:
        return 0
    argument = op_def.input_arg[0]
    dtype = argument.type or node.attr[argument.type_attr].type
    return 0 if argument.is_ref or dtype == tf.variant.as_datatype_enum else int(dtype)
