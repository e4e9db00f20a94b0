"""Reads the graphs of a SavedModel and chooses one. Nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from google.protobuf.message import DecodeError

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.graphdef.load import LoadedGraph, build_loaded_graph, normalize_graph
from legacy_nets.tf1.functions import meta_graphs
from legacy_nets.types import MetaGraphDef

_SERVE, _TRAIN = "serve", "train"
_HUB_FILE = "tfhub_module.pb"  # marks a module of TF-Hub's first format


class ChosenGraph(NamedTuple):
    """One graph of a SavedModel, and notes about the choice."""

    meta: MetaGraphDef
    notes: tuple[str, ...]


def read_saved_model(path: Path, tags: Sequence[str] | None = None) -> ChosenGraph:
    """Reads the graph of a saved_model.pb that a serving program would take, or that of ``tags``.

    That is the graph with the tag "serve"; else the one with the fewest tags and without "train",
    as TF-Hub's modules have. () are the tags of a graph without any.

    Raises BadInputError where the file is damaged, has no such graph, or was exported by
    TensorFlow 2.
    """
    content = path.read_bytes()
    try:
        metas = meta_graphs(content)
    except DecodeError as error:
        raise BadInputError(
            f"{path} is damaged or no {path.name} ({join_lines(error)}): export or copy it again"
        ) from None
    if not metas and _is_graph(content):
        raise BadInputError(
            f"{path} is a GraphDef under the name of a SavedModel: rename it, to graph.pb for "
            "example, and name that"
        )
    if not metas:
        raise BadInputError(f"{path} holds no graph: export or copy it again")
    meta = min(metas, key=_rank_for_serving) if tags is None else _find_tagged(path, metas, tags)
    if meta.HasField("object_graph_def"):
        raise BadInputError(
            f"{path} was exported by TensorFlow 2, which serves it as it is; for ONNX: "
            f"python -m tf2onnx.convert --saved-model {path.parent} --output FILE"
        )
    if not meta.graph_def.node:
        raise BadInputError(f"{path} holds no operations: export or copy it again")
    normalize_graph(meta.graph_def)
    return ChosenGraph(meta, _describe_choice(path, metas, meta))


def _is_graph(content: bytes) -> bool:
    """Whether a file that holds no graph as a SavedModel holds one as a GraphDef."""
    try:
        return bool(tf.GraphDef.FromString(content).node)
    except DecodeError:
        return False


def load_saved_model(path: Path, tags: Sequence[str] | None = None) -> LoadedGraph:
    """Loads the graph that ``read_saved_model`` chooses; nothing is run.

    Raises BadInputError as it does, and for operations that TensorFlow does not have.
    """
    meta, notes = read_saved_model(path, tags)
    return build_loaded_graph(path, meta.graph_def, meta, notes)


def is_hub_module(path: Path) -> bool:
    """Whether a saved_model.pb is a module of TF-Hub's first format."""
    return path.with_name(_HUB_FILE).is_file()


def _rank_for_serving(meta: MetaGraphDef) -> tuple[bool, bool, int]:
    """Ranks a graph: the least is served."""
    tags = set(meta.meta_info_def.tags)
    return _SERVE not in tags, _TRAIN in tags, len(tags)


def _find_tagged(path: Path, metas: Sequence[MetaGraphDef], tags: Sequence[str]) -> MetaGraphDef:
    for meta in metas:
        if set(meta.meta_info_def.tags) == set(tags):
            return meta
    raise BadInputError(
        f"{path} has no graph with {_format_tags(tags)}: it has graphs with "
        f"{'; '.join(_format_tags(meta.meta_info_def.tags) for meta in metas)}; use --tags A,B"
    )


def _describe_choice(
    path: Path, metas: Sequence[MetaGraphDef], chosen: MetaGraphDef
) -> tuple[str, ...]:
    notes = []
    if is_hub_module(path):
        notes.append("a module of TF-Hub's first format (hub.Module)")
    tags = _format_tags(chosen.meta_info_def.tags)
    if len(metas) > 1:
        others = "; ".join(
            _format_tags(meta.meta_info_def.tags) for meta in metas if meta is not chosen
        )
        notes.append(f"the graph with {tags} is taken, not that with {others}: --tags chooses")
    elif _TRAIN in chosen.meta_info_def.tags:
        notes.append(f"the only graph has {tags}: it was exported for training")
    return tuple(notes)


def _format_tags(tags: Sequence[str]) -> str:
    names = ", ".join(sorted(tags))
    return f"the tag set {names}" if tags else "no tags"
