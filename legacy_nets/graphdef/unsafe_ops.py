"""Operations that do more than compute, and graphs of strangers that are imported without them.

Where a shape hangs on constants, TensorFlow computes it while it imports a graph, by operations
that read and write files, too, if they count as stateless: ReadFile, DebugIdentity.
"""

from __future__ import annotations

import re
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.tf1.functions import definition_of

# What reads or writes files, talks to other machines or kills the process.
UNSAFE = re.compile(
    r"ReadFile|WriteFile|MatchingFiles|ShardedFilename|ImmutableConst|RecordInput|Skipgram"
    r"|(DTensor)?(Save|Restore|MergeV2Checkpoints).*|DistributedSave|.*StatisticsSaver|DumpTensor"
    r"|PrintV2|Abort|Debug[IN].*|FileSystem.*|(En|De)codeProto(V2)?|FixedUnigramCandidateSampler"
    r"|.*Reader(V2)?|Reader(Read|Restore|Reset|Num|Serialize).*|.*Dataset(V\d)?"
    r"|.*DatasetToTFRecord|InitializeTableFrom(Text|Data).*|LoadAndRemapMatrix"
    r"|GenerateVocabRemapping|.*Summary(Writer|File|Db).*|Write.*Summary"
    r"|(Try)?Rpc.*|RemoteCall|_?(Host)?(Send|Recv)|Collective.*|XlaCustomCall.*"
)


def unfolded(definition: Any) -> Any:
    """A GraphDef of which importing runs nothing unsafe; itself, where that is so.

    Such an operation reads a placeholder, from which nothing can be computed ahead.
    """
    bodies = definition.library.function
    if not any(_type_read(node) for nodes in (definition.node, *_nodes(bodies)) for node in nodes):
        return definition
    found = tf.GraphDef()
    found.CopyFrom(definition)
    _shield(found.node, "")
    for nodes in _nodes(found.library.function):
        _shield(nodes, ":output:0")  # as functions name tensors
    return found


def _nodes(bodies: Any) -> list[Any]:
    return [body.node_def for body in bodies]


def _shield(nodes: Any, output: str) -> None:
    """Puts a placeholder ahead of the operations of one graph or function."""
    taken = {node.name for node in nodes}
    for node in list(nodes):
        kind = _type_read(node)
        if kind:
            name = f"{node.name}/unknown"
            while name in taken:
                name += "_"
            taken.add(name)
            nodes.add(name=name, op="Placeholder").attr["dtype"].type = kind
            node.input[0] = name + output


def _type_read(node: Any) -> int:
    """The dtype that an unsafe operation which may be computed ahead takes first; 0 of others."""
    operation = definition_of(node.op) if UNSAFE.fullmatch(node.op) else None
    if operation is None or operation.is_stateful or not operation.input_arg or not node.input:
        return 0
    taken = operation.input_arg[0]
    kind = taken.type or node.attr[taken.type_attr].type
    return 0 if taken.is_ref or kind == tf.variant.as_datatype_enum else int(kind)
