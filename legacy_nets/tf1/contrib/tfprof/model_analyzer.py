"""``tf.contrib.tfprof.model_analyzer``: ``tf.profiler`` under its old names."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.types import Graph

_options = tf.profiler.ProfileOptionBuilder
TRAINABLE_VARS_PARAMS_STAT_OPTIONS = _options.trainable_variables_parameter()
FLOAT_OPS_OPTIONS = _options.float_operation()
PRINT_ALL_TIMING_MEMORY = {
    **_options.time_and_memory(), "min_micros": 1, "min_bytes": 1, "order_by": "name",
    "select": ["micros", "bytes"],
}  # fmt: skip
ALL_ADVICE: dict[str, dict[str, Any]] = {
    name: {}
    for name in ("ExpensiveOperationChecker", "AcceleratorUtilizationChecker")
    + ("JobChecker", "OperationChecker")
}

__all__ = ["ALL_ADVICE", "FLOAT_OPS_OPTIONS", "TRAINABLE_VARS_PARAMS_STAT_OPTIONS"]
__all__ += ["PRINT_ALL_TIMING_MEMORY", "advise", "print_model_analysis"]


def print_model_analysis(
    graph: Graph,
    run_meta: object = None,
    op_log: object = None,
    tfprof_cmd: str = "scope",
    tfprof_options: object = TRAINABLE_VARS_PARAMS_STAT_OPTIONS,
) -> object:
    """Prints and returns the profile of a graph."""
    return tf.profiler.profile(graph, run_meta, op_log, tfprof_cmd, tfprof_options)


def advise(graph: Graph, run_meta: object = None, tfprof_options: object = ALL_ADVICE) -> object:
    """Prints and returns what the profiler advises on a graph."""
    return tf.profiler.advise(graph, run_meta, tfprof_options)
