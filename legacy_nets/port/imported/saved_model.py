"""Reads the graph of a SavedModel that TensorFlow 1 exported.

Estimators, ``simple_save`` and ``SavedModelBuilder`` write them.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf.message import DecodeError

from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.port.jobs import SAVED_MODEL
from legacy_nets.tf1.functions import meta_graphs
from legacy_nets.types import GraphDef, MetaGraphDef

_SERVING_TAG = "serve"


def read_served_graph(path: Path) -> tuple[GraphDef, MetaGraphDef]:
    """Reads the GraphDef that is served, and its MetaGraphDef.

    Raises BadInputError where the file is damaged, has no graph, or was exported by TensorFlow 2.
    """
    try:
        metas = meta_graphs(path.read_bytes())
    except DecodeError as error:
        raise BadInputError(
            f"{path} is damaged or no {SAVED_MODEL} ({join_lines(error)}): export or copy it again"
        ) from None
    if not metas:
        raise BadInputError(f"{path} holds no graph: export or copy it again")
    meta = next((meta for meta in metas if _SERVING_TAG in meta.meta_info_def.tags), metas[0])
    if meta.HasField("object_graph_def"):
        raise BadInputError(
            f"{path} was exported by TensorFlow 2, which serves it as it is; for ONNX: "
            f"python -m tf2onnx.convert --saved-model {path.parent} --output FILE"
        )
    if not meta.graph_def.node:
        raise BadInputError(f"{path} holds no operations: export or copy it again")
    return meta.graph_def, meta
