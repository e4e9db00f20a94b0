"""Cells around cells: projections and embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.rnn_cells import RNNCell, linear
from legacy_nets.types import DTypeLike, Initializer, Structure, Tensor, TensorLike

__all__ = ["EmbeddingWrapper", "InputProjectionWrapper", "OutputProjectionWrapper"]

Activation = Callable[[Any], Any]


class CellWrapper(RNNCell):
    """A cell with the state of another."""

    def __init__(self, cell: RNNCell, reuse: bool | None = None) -> None:
        super().__init__(_reuse=reuse)
        self._cell = cell

    @property
    def state_size(self) -> Structure:
        """The cell's."""
        return self._cell.state_size

    @property
    def output_size(self) -> Structure:
        """The cell's."""
        return self._cell.output_size

    def zero_state(self, batch_size: TensorLike, dtype: DTypeLike) -> Structure:
        """The cell's."""
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            return self._cell.zero_state(batch_size, dtype)


class InputProjectionWrapper(CellWrapper):
    """A linear layer before the cell."""

    def __init__(
        self,
        cell: RNNCell,
        num_proj: int,
        activation: Activation | None = None,
        input_size: TensorLike | None = None,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(cell, reuse)
        self._num_proj = num_proj
        self._activation = activation

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D] -> [N, num_proj] -> the cell's."""
        x = linear(inputs, self._num_proj, True)
        return self._cell(self._activation(x) if self._activation else x, state)


class OutputProjectionWrapper(CellWrapper):
    """A linear layer after the cell."""

    def __init__(
        self,
        cell: RNNCell,
        output_size: int,
        activation: Activation | None = None,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(cell, reuse)
        self._output_size = output_size
        self._activation = activation

    @property
    def output_size(self) -> int:
        """Units of the projection."""
        return self._output_size

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """The cell's -> [N, output_size]."""
        output, state = self._cell(inputs, state)
        output = linear(output, self._output_size, True)
        return (self._activation(output) if self._activation else output), state


class EmbeddingWrapper(CellWrapper):
    """Class numbers [N] or [N, 1] as inputs."""

    def __init__(
        self,
        cell: RNNCell,
        embedding_classes: int,
        embedding_size: int,
        initializer: Initializer | None = None,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError("Both embedding_classes and embedding_size must be > 0")
        self._shape = [embedding_classes, embedding_size]
        self._initializer = initializer

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """Looks up embeddings, which start with variance 1 unless an initializer is given."""
        bound = 3**0.5
        initializer = (
            self._initializer
            or tf.get_variable_scope().initializer
            or tf.random_uniform_initializer(-bound, bound)
        )
        dtype = tf.nest.flatten(state)[0].dtype
        with tf.device("/cpu:0"):
            table = tf.get_variable("embedding", self._shape, dtype, initializer=initializer)
            vectors = tf.nn.embedding_lookup(table, tf.reshape(inputs, [-1]))
        return self._cell(vectors, state)
