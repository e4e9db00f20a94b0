"""Reads a user-supplied graph: a .meta, a frozen .pb or .pbtxt, or a SavedModel.

Tensors bear the names that a GraphDef gives them: "conv" is conv:0, "split:1" the second output of
split.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.load import read_graph_file
from legacy_nets.graphdef.node_names import (
    complete_tensor_name,
    get_node_name,
    shorten_tensor_name,
)
from legacy_nets.graphdef.saved_model import read_saved_model
from legacy_nets.port.imported.unknown_ops import build_graph, find_unknown_nodes
from legacy_nets.port.jobs import SAVED_MODEL
from legacy_nets.types import DType, Graph, GraphDef, MetaGraphDef, OpList, Tensor, TensorShape

_DEFAULT_SIGNATURES = ("serving_default", "default")
_REMOVED_ATTRIBUTES = ("_class", "_output_shapes")  # colocation, and shapes that may be wrong


class RestoreNodes(NamedTuple):
    """How the saver of a graph restores its variables."""

    operation: str
    file_name: str  # the tensor that takes the checkpoint's prefix


@dataclasses.dataclass(frozen=True)
class ImportedGraph:
    """A user-supplied graph, read and imported, but not run."""

    path: Path
    definition: GraphDef  # without devices
    graph: Graph  # the same graph, imported: TensorFlow has inferred its shapes
    restore: RestoreNodes | None
    signature_outputs: tuple[str, ...]  # tensors that the serving signature names
    recorded_shapes: Mapping[str, TensorShape]  # tensor -> shape in the file
    op_list: OpList | None  # definitions of operations that were saved with the graph
    initializers: tuple[str, ...]  # operations that fill lookup tables, by the file
    asset_feeds: Mapping[str, str]  # tensors that name files of a SavedModel, and their paths
    unknown: frozenset[str]  # nodes that TensorFlow cannot run: no output may need them
    trust: bool  # whether unsafe operations may be run
    notes: tuple[str, ...]  # about the choice of this graph

    def get_tensor(self, tensor: str) -> Tensor:
        """Returns a tensor of the imported graph. Raises KeyError or ValueError."""
        return self.graph.get_tensor_by_name(complete_tensor_name(tensor))

    def get_dtype(self, tensor: str) -> DType:
        """Returns the dtype of a tensor; that of the value, if it is a reference."""
        return self.get_tensor(tensor).dtype.base_dtype

    def get_rank(self, tensor: str) -> int | None:
        """Returns the number of axes of a tensor; None where it is not known."""
        rank: int | None = self.get_tensor(tensor).shape.rank
        return rank


def read_imported_graph(
    path: Path, trust: bool, tags: Sequence[str] | None = None
) -> ImportedGraph:
    """Reads and imports a .meta, .pb, .pbtxt or saved_model.pb. Nothing is run.

    ``tags`` choose a graph of a SavedModel; None: the one that is served.
    Raises BadInputError where the file cannot be read, is no valid graph, or where the dtypes of an
    unknown operation's outputs are needed and not recorded.
    """
    notes: tuple[str, ...] = ()
    if path.name == SAVED_MODEL:
        meta, notes = read_saved_model(path, tags)
        definition = meta.graph_def
    else:
        definition, meta = read_graph_file(path)
    shapes = _read_recorded_shapes(definition)
    for node in definition.node:
        node.device = ""
        for name in _REMOVED_ATTRIBUTES:
            node.attr.pop(name, None)
    unknown = find_unknown_nodes(path, definition)
    op_list = meta.meta_info_def.stripped_op_list if meta else None
    return ImportedGraph(
        path=path,
        definition=definition,
        graph=build_graph(path, definition, op_list, unknown, trust),
        restore=_find_restore_nodes(meta, definition) if meta else None,
        signature_outputs=_list_signature_outputs(meta) if meta else (),
        recorded_shapes=shapes,
        op_list=op_list,
        initializers=_list_initializers(meta, definition) if meta else (),
        asset_feeds=_list_assets(path, meta) if meta else {},
        unknown=unknown,
        trust=trust,
        notes=notes,
    )


def _read_recorded_shapes(definition: GraphDef) -> dict[str, TensorShape]:
    shapes = {}
    for node in definition.node:
        for index, shape in enumerate(node.attr["_output_shapes"].list.shape):
            shapes[f"{node.name}:{index}" if index else node.name] = tf.TensorShape(shape)
    return shapes


def _find_restore_nodes(meta: MetaGraphDef, definition: GraphDef) -> RestoreNodes | None:
    restore = RestoreNodes(meta.saver_def.restore_op_name, meta.saver_def.filename_tensor_name)
    names = {node.name for node in definition.node}
    if restore.operation in names and get_node_name(restore.file_name) in names:
        return restore
    return None


def _list_initializers(meta: MetaGraphDef, definition: GraphDef) -> tuple[str, ...]:
    """Lists the operations that an export runs before it serves, and those of its tables."""
    names = [
        name
        for key in ("saved_model_main_op", "legacy_init_op", "table_initializer")
        for name in meta.collection_def[key].node_list.value
    ]
    known = {node.name for node in definition.node}
    return tuple(name for name in dict.fromkeys(names) if name in known)


def _list_assets(path: Path, meta: MetaGraphDef) -> dict[str, str]:
    """Maps the tensors that name files of an export to their paths."""
    assets = list(meta.asset_file_def)
    for packed in meta.collection_def["saved_model_assets"].any_list.value:  # as 1.x wrote them
        asset = tf.MetaGraphDef().asset_file_def.add()
        packed.Unpack(asset)
        assets.append(asset)
    folder = path.parent / "assets"
    return {asset.tensor_info.name: str(folder / Path(asset.filename).name) for asset in assets}


def _list_signature_outputs(meta: MetaGraphDef) -> tuple[str, ...]:
    """Lists the outputs of the default signature (TF-Hub has another), or of the only one."""
    signatures = meta.signature_def
    default = next((name for name in _DEFAULT_SIGNATURES if name in signatures), None)
    if default is not None:
        signature = signatures[default]
    elif len(signatures) == 1:
        [signature] = signatures.values()
    else:
        return ()
    tensors = (shorten_tensor_name(info.name) for info in signature.outputs.values())
    return tuple(dict.fromkeys(tensors))
