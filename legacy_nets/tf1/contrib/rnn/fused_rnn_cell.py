"""Cells that take a whole sequence at once, around plain ones."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import DTypeLike, RNNCell, Scope, Structure, Tensor, TensorLike

__all__ = ["FusedRNNCell", "FusedRNNCellAdaptor", "TimeReversedFusedRNN"]


class FusedRNNCell:
    """What takes a whole sequence at once: (inputs [T, N, D], initial_state, dtype,
    sequence_length, scope) -> (outputs [T, N, _], final state)."""


class FusedRNNCellAdaptor(FusedRNNCell):
    """A plain cell as a fused one."""

    def __init__(self, cell: RNNCell, use_dynamic_rnn: bool = False) -> None:
        self._cell = cell
        self._use_dynamic_rnn = use_dynamic_rnn

    def __call__(
        self,
        inputs: TensorLike,
        initial_state: Structure | None = None,
        dtype: DTypeLike | None = None,
        sequence_length: TensorLike | None = None,
        scope: Scope = None,
    ) -> tuple[Tensor, Structure]:
        """A list of T tensors [N, D] gives a list back, a tensor [T, N, D] a tensor."""
        as_list = isinstance(inputs, list)
        if self._use_dynamic_rnn:
            outputs, state = tf.nn.dynamic_rnn(
                self._cell,
                tf.stack(inputs) if as_list else inputs,
                sequence_length=sequence_length,
                initial_state=initial_state,
                dtype=dtype,
                time_major=True,
                scope=scope,
            )
            return (tf.unstack(outputs) if as_list else outputs), state
        outputs, state = tf.nn.static_rnn(
            self._cell,
            inputs if as_list else tf.unstack(inputs),
            initial_state=initial_state,
            dtype=dtype,
            sequence_length=sequence_length,
            scope=scope,
        )
        return (outputs if as_list else tf.stack(outputs)), state


class TimeReversedFusedRNN(FusedRNNCell):
    """A fused cell that reads its sequences from their ends."""

    def __init__(self, cell: RNNCell) -> None:
        self._cell = cell

    def __call__(
        self,
        inputs: TensorLike,
        initial_state: Structure | None = None,
        dtype: DTypeLike | None = None,
        sequence_length: TensorLike | None = None,
        scope: Scope = None,
    ) -> tuple[Tensor, Structure]:
        """Outputs are in the order of the inputs."""
        outputs, state = self._cell(
            _reverse(inputs, sequence_length),
            initial_state=initial_state,
            dtype=dtype,
            sequence_length=sequence_length,
            scope=scope,
        )
        return _reverse(outputs, sequence_length), state


def _reverse(values: TensorLike, lengths: TensorLike) -> Tensor:
    if isinstance(values, list):
        return tf.unstack(_reverse(tf.stack(values), lengths), num=len(values))
    if lengths is None:
        return tf.reverse(values, [0])
    return tf.reverse_sequence(values, lengths, seq_axis=0, batch_axis=1)
