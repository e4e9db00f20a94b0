"""``functional_rnn``: ``tf.nn.dynamic_rnn`` with another loop, which graphs on TPUs needed."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.types import DTypeLike, RNNCell, Scope, Structure, TensorLike

__all__ = ["bidirectional_functional_rnn", "functional_rnn"]


def functional_rnn(
    cell: RNNCell,
    inputs: TensorLike,
    sequence_length: TensorLike | None = None,
    initial_state: Structure | None = None,
    dtype: DTypeLike | None = None,
    time_major: bool = False,
    scope: Scope = None,
    use_tpu: bool = False,
    reverse: bool = False,
) -> tuple[Structure, Structure]:
    """Returns the outputs and the last state, as ``tf.nn.dynamic_rnn`` does.

    Raises BadInputError for ``reverse``, which is not offered.
    """
    if reverse:
        raise BadInputError(
            "tf.contrib.recurrent: functional_rnn(reverse=True) is not offered: reverse the inputs"
        )
    return tf.nn.dynamic_rnn(
        cell, inputs, sequence_length, initial_state, dtype, time_major=time_major,
        scope=scope or "rnn",
    )  # fmt: skip


def bidirectional_functional_rnn(
    cell_fw: RNNCell,
    cell_bw: RNNCell,
    inputs: TensorLike,
    initial_state_fw: Structure | None = None,
    initial_state_bw: Structure | None = None,
    dtype: DTypeLike | None = None,
    sequence_length: TensorLike | None = None,
    time_major: bool = False,
    use_tpu: bool = False,
    fast_reverse: bool = False,
    scope: Scope = None,
) -> tuple[tuple[Structure, Structure], tuple[Structure, Structure]]:
    """Returns outputs and last states, as ``tf.nn.bidirectional_dynamic_rnn`` does.

    Raises BadInputError for ``fast_reverse`` with lengths of sequences, which is not offered.
    """
    if fast_reverse and sequence_length is not None:
        raise BadInputError(
            "tf.contrib.recurrent: fast_reverse with sequence_length is not offered: leave "
            "fast_reverse out"
        )
    return tf.nn.bidirectional_dynamic_rnn(
        cell_fw, cell_bw, inputs, sequence_length, initial_state_fw, initial_state_bw, dtype,
        time_major=time_major, scope=scope or "bidirectional_rnn",
    )  # fmt: skip
