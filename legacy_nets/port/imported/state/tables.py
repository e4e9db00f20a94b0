"""Fills the lookup tables of a user-supplied graph, and makes constants of their contents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.graphdef.edit import add_constant
from legacy_nets.graphdef.traverse import index_nodes
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.state.operations import TABLE_OP
from legacy_nets.types import Array, GraphDef, Session

_INITIALIZER = "init_all_tables"


def fill_tables(imported: ImportedGraph, session: Session, initializers: Sequence[str]) -> None:
    """Runs the export's own initializers of the tables (see ``StateOps``).

    Raises BadInputError where one fails.
    """
    try:
        session.run(list(initializers), imported.asset_feeds)
    except (tf.errors.OpError, ValueError, TypeError) as error:
        raise BadInputError(
            f"{imported.path}: its lookup tables cannot be filled: {join_lines(error)[:300]}"
        ) from error


def freeze_tables(
    imported: ImportedGraph, session: Session, original: GraphDef, frozen: GraphDef
) -> str:
    """Adds operations to a frozen graph that fill its tables with what they hold now.

    Args:
      imported: the graph of the session.
      session: it has filled the tables.
      original: the part of the graph that is ported.
      frozen: the same with constants for variables; the operations are added to it.

    Returns the name of the operation that fills all tables, "" if there are none.
    """
    tables = [node.name for node in original.node if TABLE_OP.fullmatch(node.op)]
    if not tables:
        return ""
    nodes = index_nodes(frozen)
    imports = []
    for name in tables:
        keys, values = _export_table(imported, session, name)
        suffix = "V2" if nodes[name].op.endswith("V2") else ""
        node = frozen.node.add(name=f"{name}/import", op=f"LookupTableImport{suffix}")
        node.input.append(name)
        for part, array, attribute in (("keys", keys, "Tin"), ("values", values, "Tout")):
            dtype = tf.as_dtype(array.dtype).as_datatype_enum
            node.input.append(add_constant(frozen, nodes, f"{name}/{part}", array, dtype))
            node.attr[attribute].type = dtype
        imports.append(node.name)
    group = frozen.node.add(name=_INITIALIZER, op="NoOp")
    group.input.extend(f"^{name}" for name in imports)
    return str(group.name)


def list_words(imported: ImportedGraph, session: Session, original: GraphDef) -> list[bytes]:
    """Lists the keys of the tables that look up text, in the part of a graph that is ported."""
    tables = [node for node in original.node if TABLE_OP.fullmatch(node.op)]
    text = tf.string.as_datatype_enum
    tables = [node for node in tables if node.attr["key_dtype"].type == text]
    return [word for node in tables for word in _export_table(imported, session, node.name)[0]]


def _export_table(imported: ImportedGraph, session: Session, name: str) -> tuple[Array, Array]:
    """Reads the keys [n] and values [n, ...] of a table, ordered by key."""
    with imported.graph.as_default():
        operation = imported.graph.get_operation_by_name(name)
        keys_dtype, values_dtype = (
            operation.get_attr(f"{part}_dtype") for part in ("key", "value")
        )
        export = (
            tf.raw_ops.LookupTableExportV2
            if operation.type.endswith("V2")
            else tf.raw_ops.LookupTableExport
        )
        keys, values = session.run(
            export(table_handle=operation.outputs[0], Tkeys=keys_dtype, Tvalues=values_dtype)
        )
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]
