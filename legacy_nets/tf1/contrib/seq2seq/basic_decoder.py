"""A decoder of a cell and a helper."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.seq2seq.decoder import Decoder
from legacy_nets.types import Layer, RNNCell, ShapeLike, Structure, Tensor, TensorLike

__all__ = ["BasicDecoder", "BasicDecoderOutput"]


class BasicDecoderOutput(NamedTuple):
    """One step's output."""

    rnn_output: Any
    sample_id: Any


def layer_output_shape(layer: Layer, size: ShapeLike) -> ShapeLike:
    """Shape, without batch, of a layer's output for inputs of that size."""
    if layer is None:
        return size
    shape = tf.TensorShape(size)
    return layer.compute_output_shape(tf.TensorShape([1]).concatenate(shape))[1:]


class BasicDecoder(Decoder):
    """A cell, and a helper that feeds it."""

    def __init__(
        self,
        cell: RNNCell,
        helper: Any,
        initial_state: Structure,
        output_layer: Layer | None = None,
    ) -> None:
        self._cell = cell
        self._helper = helper
        self._initial_state = initial_state
        self._output_layer = output_layer

    @property
    def batch_size(self) -> Tensor:
        """N."""
        return self._helper.batch_size

    @property
    def output_size(self) -> BasicDecoderOutput:
        """Shapes without batch."""
        return BasicDecoderOutput(
            tf.nest.map_structure(
                lambda size: layer_output_shape(self._output_layer, size), self._cell.output_size
            ),
            self._helper.sample_ids_shape,
        )

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        """The first state's type, and the samples'."""
        dtype = tf.nest.flatten(self._initial_state)[0].dtype
        types = tf.nest.map_structure(lambda _: dtype, self._cell.output_size)
        return BasicDecoderOutput(types, self._helper.sample_ids_dtype)

    def initialize(self, name: str | None = None) -> tuple[Tensor, ...]:
        """(finished [N], first inputs, first state)."""
        return (*self._helper.initialize(), self._initial_state)

    def step(
        self, time: TensorLike, inputs: TensorLike, state: Structure, name: str | None = None
    ) -> tuple[BasicDecoderOutput, Structure, Structure, Tensor]:
        """(BasicDecoderOutput, next state, next inputs, finished [N])."""
        with tf.name_scope(name, "BasicDecoderStep", [time]):
            output, state = self._cell(inputs, state)
            if self._output_layer is not None:
                output = self._output_layer(output)
            ids = self._helper.sample(time=time, outputs=output, state=state)
            finished, inputs, state = self._helper.next_inputs(
                time=time, outputs=output, state=state, sample_ids=ids
            )
        return BasicDecoderOutput(output, ids), state, inputs, finished
