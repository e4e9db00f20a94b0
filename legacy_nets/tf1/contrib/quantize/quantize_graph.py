"""Rewrites a graph in place: batch norms are folded, then values are fake-quantized."""

from __future__ import annotations

import re

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.quantize.fold_batch_norms import fold_batch_norms
from legacy_nets.tf1.contrib.quantize.quantize import Settings, quantize
from legacy_nets.types import Graph

_TRAINING_OP = re.compile(r"(Resource)?(Sparse)?Apply[A-Z]\w+")


def create_training_graph(input_graph: Graph | None = None, quant_delay: int = 0) -> None:
    """Rewrites a graph for training with quantization from the step ``quant_delay`` on.

    Call it before the gradients are made. Raises ValueError where an optimizer is in the graph.
    """
    _rewrite(input_graph, Settings(True, delay=quant_delay))


def create_eval_graph(input_graph: Graph | None = None) -> None:
    """Rewrites a graph for evaluation. Raises ValueError where an optimizer is in it."""
    _rewrite(input_graph, Settings(False))


def experimental_create_training_graph(
    input_graph: Graph | None = None,
    weight_bits: int = 8,
    activation_bits: int = 8,
    symmetric: bool = False,
    quant_delay: int = 0,
    freeze_bn_delay: int | None = None,
    scope: str | None = None,
) -> None:
    """Rewrites a graph for training.

    Args:
      input_graph: the graph; the default graph without.
      weight_bits: of the weights.
      activation_bits: of all else.
      symmetric: whether ranges are symmetric about 0.
      quant_delay: the step from which on it is quantized.
      freeze_bn_delay: the step from which on moving averages are used, and no longer change.
      scope: the prefix of the operations to quantize; all without.

    Raises:
      ValueError: an optimizer is in the graph.
    """
    settings = Settings(
        True, weight_bits, activation_bits, symmetric, quant_delay, _end_scope(scope)
    )
    _rewrite(input_graph, settings, freeze_bn_delay)


def experimental_create_eval_graph(
    input_graph: Graph | None = None,
    weight_bits: int = 8,
    activation_bits: int = 8,
    symmetric: bool = False,
    quant_delay: int | None = None,
    scope: str | None = None,
) -> None:
    """Rewrites a graph for evaluation, with the arguments of the training graph."""
    settings = Settings(
        False, weight_bits, activation_bits, symmetric, quant_delay, _end_scope(scope)
    )
    _rewrite(input_graph, settings)


def _end_scope(scope: str | None) -> str:
    return f"{scope.rstrip('/')}/" if scope else ""


def _rewrite(graph: Graph | None, settings: Settings, freeze_delay: int | None = None) -> None:
    graph = graph or tf.get_default_graph()
    types = {op.type for op in graph.get_operations()}
    found = {op_type for op_type in types if _TRAINING_OP.fullmatch(op_type)}
    if found:
        raise ValueError(f"Training op found in graph, exiting {found}")
    with graph.as_default():
        fold_batch_norms(graph, freeze_delay)
        quantize(graph, settings)
