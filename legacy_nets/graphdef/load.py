"""Reads graphs from files and imports them. Nothing is run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.files import explain_other_format
from legacy_nets.graphdef.edit import shorten_input_names
from legacy_nets.graphdef.node_names import is_tf_gradient
from legacy_nets.graphdef.references import replace_missing_references
from legacy_nets.graphdef.unsafe_ops import shield_unsafe_ops
from legacy_nets.tf1.functions import is_known
from legacy_nets.types import Graph, GraphDef, MetaGraphDef, NodeDef, OpList
from legacy_nets.wire import FormatError, Message


@dataclasses.dataclass(frozen=True)
class LoadedGraph:
    """A graph from a file. ``trainable``: names of variables; None where the file has no list."""

    graph: Graph
    trainable: frozenset[str] | None
    notes: tuple[str, ...] = ()  # about the choice of the graph


def load_graph(path: str | Path) -> LoadedGraph:
    """Loads a .meta file or a frozen .pb or .pbtxt.

    Raises: BadInputError for a file that cannot be read, or that needs operations which TensorFlow
    does not have (it names them).
    """
    path = Path(path)
    definition, meta = read_graph_file(path)
    return build_loaded_graph(path, definition, meta)


def build_loaded_graph(
    path: Path, definition: GraphDef, meta: MetaGraphDef | None, notes: tuple[str, ...] = ()
) -> LoadedGraph:
    """Imports a graph that was read from a file; errors as in ``load_graph``."""
    check_ops_are_known(path, definition)
    for node in definition.node:
        if is_tf_gradient(node.name):  # TensorFlow 1 recorded wrong shapes for some gradients
            node.attr.pop("_output_shapes", None)
    op_list = meta.meta_info_def.stripped_op_list if meta else None
    trainable = _read_trainable_names(meta) if meta else None
    return LoadedGraph(import_graph(path, definition, op_list), trainable, notes)


def read_graph_file(path: Path) -> tuple[GraphDef, MetaGraphDef | None]:
    """Reads the GraphDef of a file, and its MetaGraphDef (None for a .pb or .pbtxt).

    Each tensor has one name in it: "a:0" is "a".

    Raises: BadInputError for a file that cannot be read or holds no operations.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: no such file: give a net's name, a .meta or a frozen .pb")
    if path.name in ("saved_model.pb", "saved_model.pbtxt"):
        raise BadInputError(
            f"{path} is a SavedModel, no frozen graph: freeze it (tf.saved_model.loader.load, then "
            "tf.graph_util.convert_variables_to_constants) and describe that"
        )
    meta: MetaGraphDef | None = None
    if path.name.endswith((".meta", ".meta.txt")):
        meta = tf.MetaGraphDef()
        _parse(path, meta)
        definition = meta.graph_def
    else:
        definition = tf.GraphDef()
        _parse(path, definition)
    if not definition.node:
        expected = "MetaGraphDef" if meta else "GraphDef (a saved_model.pb must be frozen first)"
        raise BadInputError(f"{path} holds no operations: it is damaged, or no {expected}")
    normalize_graph(definition)
    return definition, meta


def normalize_graph(definition: GraphDef) -> None:
    """Writes a graph the way that TensorFlow 2 writes and imports it, in place."""
    shorten_input_names(definition)
    replace_missing_references(definition)


def check_ops_are_known(path: Path, definition: GraphDef) -> None:
    """Raises BadInputError for operations that TensorFlow does not have; it names them."""
    functions = {function.signature.name for function in definition.library.function}
    op_types = {node.op for node in _iterate_all_nodes(definition)} - functions
    unknown = [op_type for op_type in sorted(op_types) if not is_known(op_type)]
    if unknown:
        raise BadInputError(
            f"{path} needs operations that this TensorFlow does not have: {', '.join(unknown)} "
            "(tf.contrib's or custom ones): export the graph without them"
        )


def import_graph(
    path: Path, definition: GraphDef, op_list: OpList | None = None, trust: bool = False
) -> Graph:
    """Imports a GraphDef into a new graph.

    Args:
      path: its file, for messages.
      definition: the GraphDef.
      op_list: the definitions of its operations that were saved with it, if any.
      trust: imports unsafe operations as they are. Otherwise the graph must not be run.

    Raises: BadInputError where TensorFlow cannot build it.
    """
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.import_graph_def(
                definition if trust else shield_unsafe_ops(definition),
                name="",
                producer_op_list=op_list if op_list and op_list.op else None,
            )
    except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
        raise BadInputError(f"{path} is no graph that can be built: {join_lines(error)}") from error
    return graph


def _parse(path: Path, message: GraphDef | MetaGraphDef) -> None:
    is_text = path.suffix in (".pbtxt", ".txt")
    try:
        if is_text:
            text_format.Parse(path.read_text(encoding="utf-8"), message)
        else:
            message.ParseFromString(path.read_bytes())
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        explanation = explain_other_format(path.read_bytes()[:64])
        if is_text and "(.pbtxt)" in explanation:  # text was expected: the parser's error says more
            explanation = ""
        if explanation:
            raise BadInputError(f"{path}: {explanation}") from None
        raise BadInputError(
            f"{path} is damaged or no {type(message).__name__} ({join_lines(error)}): export or "
            "copy it again"
        ) from None


def _iterate_all_nodes(definition: GraphDef) -> Iterator[NodeDef]:
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def


def _read_trainable_names(meta: MetaGraphDef) -> frozenset[str] | None:
    """Reads the collection of trainable variables: the name is each entry's first field.

    None where there is no such collection, or it is damaged.
    """
    collection = meta.collection_def.get("trainable_variables")
    if collection is None:
        return None
    try:
        names = [Message(entry).get_text(1) for entry in collection.bytes_list.value]
    except (FormatError, UnicodeDecodeError):
        return None
    return frozenset(name.partition(":")[0] for name in names)
