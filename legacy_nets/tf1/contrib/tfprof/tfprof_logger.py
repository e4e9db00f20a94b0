"""``tf.contrib.tfprof.tfprof_logger``: ``tf.profiler.write_op_log`` under its old name."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import Graph

__all__ = ["write_op_log"]


def write_op_log(
    graph: Graph,
    log_dir: str,
    op_log: object = None,
    run_meta: object = None,
    add_trace: bool = True,
) -> None:
    """Writes ``log_dir/tfprof_log``, an OpLogProto: the graph's ops with their kinds."""
    tf.profiler.write_op_log(graph, log_dir, op_log, run_meta, add_trace)
