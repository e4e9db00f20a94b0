"""Inserts fake quantization after weights and activations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.quantize import common, quant_ops
from legacy_nets.tf1.contrib.quantize.layer_matches import find_layers
from legacy_nets.types import Graph, Operation, Tensor

_ACTIVATIONS = ("Relu", "Relu6", "Identity")
_RELUS = ("Relu", "Relu6")
_SUMS = ("Add", "AddV2", "Mul")
_PASSED = ("Reshape", "Identity", "BatchToSpaceND", "SpaceToBatchND", "MaxPool", "Max")
_FAKE_QUANTS = (
    "FakeQuantWithMinMaxVars",
    "FakeQuantWithMinMaxArgs",
    "FakeQuantWithMinMaxVarsPerChannel",
)


class Settings(NamedTuple):
    """How a graph is quantized.

    Attributes:
      is_training: whether ranges follow the values.
      weight_bits: of the weights.
      activation_bits: of all else.
      is_symmetric: whether ranges are symmetric about 0.
      delay: the step from which on the graph is quantized; at once without.
      scope: the prefix of the operations to quantize; all without.
    """

    is_training: bool
    weight_bits: int = 8
    activation_bits: int = 8
    is_symmetric: bool = False
    delay: int | None = None
    scope: str = ""


def quantize(graph: Graph, settings: Settings) -> None:
    """Quantizes weights, activations and sums of the default graph."""
    consumers = common.ConsumerMap(graph)
    done: set[Operation] = set()
    insert = _Inserter(settings).insert
    scope = settings.scope
    for layer in find_layers(graph):
        context = _get_scope(layer.op.name)
        if layer.weights is not None:
            producer = layer.weights.op
            insert(context, "weights_quant", producer, consumers.find(producer),
                   is_weight=True, consumer_scope=scope)  # fmt: skip
        above = _get_scope(context) if layer.bypass is not None else context
        insert(above, "act_quant", layer.activation, consumers.find(layer.activation),
               init_min=0.0, producer_scope=scope)  # fmt: skip
        done.add(layer.activation)
        if layer.bypass is not None and layer.bias_add is not None:
            insert(context, "conv_quant", layer.bias_add, consumers.find(layer.bias_add),
                   producer_scope=scope, consumer_scope=scope)  # fmt: skip
            done.add(layer.bias_add)
            followers = consumers.find(layer.bypass)
            if not any(follower.type in _ACTIVATIONS for follower in followers):
                insert(above, "add_quant", layer.bypass, followers,
                       producer_scope=scope, consumer_scope=scope)  # fmt: skip
                done.add(layer.bypass)
        if layer.last_bypass is not None:
            followers = consumers.find(layer.last_bypass)
            if not any(follower.type in _RELUS for follower in followers):
                insert(_get_scope(layer.last_bypass.name), "post_activation_bypass_quant",
                       layer.last_bypass, followers, producer_scope=scope)  # fmt: skip
                done.add(layer.last_bypass)
    _quantize_sums(graph, settings, done)


def _quantize_sums(graph: Graph, settings: Settings, done: set[Operation]) -> None:
    """Quantizes sums and products of what is quantized."""
    consumers = common.ConsumerMap(graph)
    insert = _Inserter(settings._replace(is_symmetric=False)).insert
    for op in graph.get_operations():
        if _is_quantizable(op, done):
            insert(op.name, f"activation_{op.type}_quant", op, consumers.find(op),
                   producer_scope=settings.scope)  # fmt: skip


def _is_quantizable(op: Operation, done: set[Operation]) -> bool:
    if op in done or op.type not in _SUMS:
        return False
    if len(op.outputs) == 1:
        followers = op.outputs[0].consumers()
        if len(followers) == 1 and followers[0].type in _RELUS:
            return False
    for value in op.inputs:
        source = value.op
        while source.type in _PASSED:
            source = source.inputs[0].op
        if source.type == "FakeQuantWithMinMaxVars" or "delayed_quant/Merge" in source.name:
            return True
        if source.type in _SUMS and any(_is_quantizable(v.op, done) for v in source.inputs):
            return True
    return False


class _Inserter:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def insert(
        self,
        context: str,
        name: str,
        producer: Operation,
        consumers: list[Operation],
        is_weight: bool = False,
        init_min: float = -6.0,
        producer_scope: str = "",
        consumer_scope: str = "",
    ) -> None:
        """Quantizes what an operation gives to consumers; nothing outside of the scopes.

        Raises ValueError where not all consumers can be changed.
        """
        if not producer.name.startswith(producer_scope):
            return
        if not all(consumer.name.startswith(consumer_scope) for consumer in consumers):
            return
        inputs = producer.outputs[0]
        if _is_followed_by_fake_quant(inputs):
            return
        prefix = f"{context}/{name}" if context else name
        scope = tf.get_default_graph().get_name_scope()
        prefix = prefix.removeprefix(f"{scope}/") if scope else prefix
        quantized = self._delay(self._quantize(inputs, prefix, is_weight, init_min), inputs, prefix)
        if consumers and common.reroute(quantized, inputs, consumers) < len(consumers):
            names = ", ".join(consumer.name for consumer in consumers)
            raise ValueError(f"No inputs quantized for ops: [{names}]")

    def _quantize(self, inputs: Tensor, prefix: str, is_weight: bool, init_min: float) -> Tensor:
        settings = self._settings
        make = (
            quant_ops.quantize_by_last_value if is_weight else quant_ops.quantize_by_moving_average
        )
        return make(
            inputs,
            init_min=init_min,
            vars_collection=tf.GraphKeys.GLOBAL_VARIABLES,
            name_prefix=prefix,
            is_training=settings.is_training,
            num_bits=settings.weight_bits if is_weight else settings.activation_bits,
            narrow_range=is_weight,
            symmetric=settings.is_symmetric,
        )

    def _delay(self, quantized: Tensor, inputs: Tensor, prefix: str) -> Tensor:
        if not self._settings.delay:
            return quantized
        step = common.create_or_get_quantization_step()
        is_due = tf.greater_equal(step, self._settings.delay, name=f"{prefix}/activate_quant")
        return tf.cond(is_due, lambda: quantized, lambda: inputs, name=f"{prefix}/delayed_quant")


def _is_followed_by_fake_quant(tensor: Tensor) -> bool:
    waiting: list[Operation] = list(tensor.consumers())
    while waiting:
        op = waiting.pop()
        if op.type in _FAKE_QUANTS:
            return True
        if op.type in ("Reshape", "Identity"):
            waiting += _list_consumers(op.outputs)
    return False


def _list_consumers(tensors: Iterable[Tensor]) -> list[Operation]:
    return [consumer for tensor in tensors for consumer in tensor.consumers()]


def _get_scope(name: str) -> str:
    return name.rpartition("/")[0]
