"""``tf.contrib.summary``: summaries that also work eagerly; in TensorFlow 2 a private module."""

from __future__ import annotations

from typing import Any

from tensorflow.python.ops import summary_ops_v2 as _ops

from legacy_nets.types import Graph, Session

all_summary_ops = _ops.all_v2_summary_ops
create_summary_file_writer = _ops.create_file_writer


def __getattr__(name: str) -> Any:
    return getattr(_ops, name)


def initialize(graph: Graph | None = None, session: Session | None = None) -> None:
    """Runs the operations that open the writers, and writes the graph where one is given."""
    import tensorflow.compat.v1 as tf

    if tf.executing_eagerly():
        return
    session = session or tf.get_default_session()
    if session is None:
        raise ValueError("tf.contrib.summary.initialize needs a session: pass session=")
    session.run(_ops.summary_writer_initializer_op())
    if graph is not None:
        session.run(_ops.graph_v1(graph.as_graph_def(add_shapes=True), 0))
