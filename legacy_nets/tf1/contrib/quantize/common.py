"""Edges of a graph, and the counter of the delays."""

from __future__ import annotations

import collections
from collections.abc import Iterable

import tensorflow.compat.v1 as tf

from legacy_nets.types import Graph, Operation, Tensor

_SKIPPED = ("gradients/", "RMSProp/", "Adagrad/", "Const_", "HistogramSummary", "ScalarSummary")


def create_or_get_quantization_step() -> Tensor:
    """Returns the number of steps, int64, which grows whenever it is computed."""
    name = "fake_quantization_step"
    graph = tf.get_default_graph()
    try:
        return graph.get_tensor_by_name(f"{name}/Identity:0")
    except KeyError:
        with graph.name_scope(None):
            step = tf.get_variable(
                name, [], tf.int64, tf.zeros_initializer(), trainable=False,
                collections=[tf.GraphKeys.GLOBAL_VARIABLES],
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )  # fmt: skip
            with graph.name_scope(f"{step.op.name}/"):
                return tf.identity(tf.assign_add(step, 1))


class ConsumerMap:
    """The consumers of each tensor, at the time when it is made."""

    def __init__(self, graph: Graph) -> None:
        self._consumers: dict[str, list[Operation]] = collections.defaultdict(list)
        for op in graph.get_operations():
            if not op.name.startswith(_SKIPPED):
                for value in op.inputs:
                    self._consumers[value.name].append(op)

    def find(self, producer: Operation) -> list[Operation]:
        """Returns the consumers of an operation's outputs, each once."""
        found = (op for value in producer.outputs for op in self._consumers[value.name])
        return list(dict.fromkeys(found))


def reroute(new: Tensor, old: Tensor, consumers: Iterable[Operation] | None = None) -> int:
    """Gives consumers of a tensor another one; returns the number of changed inputs.

    Args:
      new: the tensor that they get.
      old: the tensor that they have.
      consumers: those that may change; all without.
    """
    changed = 0
    allowed = None if consumers is None else set(consumers)
    for consumer in old.consumers():
        if allowed is None or consumer in allowed:
            for index, value in enumerate(list(consumer.inputs)):
                if value is old:
                    consumer._update_input(index, new)
                    changed += 1
    return changed
