"""Stacks of bidirectional loops."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow.compat.v1 as tf

from legacy_nets.types import DTypeLike, RNNCell, Scope, Structure, Tensor, TensorLike

__all__ = ["stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn", "transpose_batch_time"]


def _check_cells(
    cells_fw: Sequence[RNNCell],
    cells_bw: Sequence[RNNCell],
    states_fw: Structure,
    states_bw: Structure,
) -> int:
    if not cells_fw or not cells_bw or not isinstance(cells_fw, list):
        raise ValueError("cells_fw and cells_bw must be lists of at least one cell")
    depth = len(cells_fw)
    for name, other in (
        ("cells_bw", cells_bw),
        ("initial_states_fw", states_fw),
        ("initial_states_bw", states_bw),
    ):
        if other is not None and (not isinstance(other, list) or len(other) != depth):
            raise ValueError(f"{name} must be a list as long as cells_fw ({depth})")
    return depth


def stack_bidirectional_dynamic_rnn(
    cells_fw: Sequence[RNNCell],
    cells_bw: Sequence[RNNCell],
    inputs: TensorLike,
    initial_states_fw: Structure | None = None,
    initial_states_bw: Structure | None = None,
    dtype: DTypeLike | None = None,
    sequence_length: TensorLike | None = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Scope = None,
    swap_memory: bool = False,
) -> tuple[Tensor, Structure, Structure]:
    """Layers of bidirectional_dynamic_rnn, each fed with both outputs of the one below.

    Returns (outputs [N, T, _], states forward, states backward), the states one per layer.
    """
    depth = _check_cells(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    states = []
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for i in range(depth):
            with tf.variable_scope(f"cell_{i}"):
                outputs, state = tf.nn.bidirectional_dynamic_rnn(
                    cells_fw[i],
                    cells_bw[i],
                    inputs,
                    initial_state_fw=initial_states_fw and initial_states_fw[i],
                    initial_state_bw=initial_states_bw and initial_states_bw[i],
                    sequence_length=sequence_length,
                    parallel_iterations=parallel_iterations,
                    dtype=dtype,
                    swap_memory=swap_memory,
                    time_major=time_major,
                )
                inputs = tf.concat(outputs, 2)
            states.append(state)
    forward, backward = zip(*states, strict=True)
    return inputs, forward, backward


def stack_bidirectional_rnn(
    cells_fw: Sequence[RNNCell],
    cells_bw: Sequence[RNNCell],
    inputs: TensorLike,
    initial_states_fw: Structure | None = None,
    initial_states_bw: Structure | None = None,
    dtype: DTypeLike | None = None,
    sequence_length: TensorLike | None = None,
    scope: Scope = None,
) -> tuple[list[Tensor], Structure, Structure]:
    """The same with static_bidirectional_rnn: ``inputs`` and outputs are lists of [N, _]."""
    depth = _check_cells(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    states = []
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for i in range(depth):
            with tf.variable_scope(f"cell_{i}") as cell_scope:
                inputs, forward, backward = tf.nn.static_bidirectional_rnn(
                    cells_fw[i],
                    cells_bw[i],
                    inputs,
                    initial_state_fw=initial_states_fw and initial_states_fw[i],
                    initial_state_bw=initial_states_bw and initial_states_bw[i],
                    sequence_length=sequence_length,
                    dtype=dtype,
                    scope=cell_scope,
                )
            states.append((forward, backward))
    all_forward, all_backward = zip(*states, strict=True)
    return inputs, all_forward, all_backward


def transpose_batch_time(x: TensorLike) -> Tensor:
    """[N, T, ...] to [T, N, ...]; what has no second axis stays."""
    x = tf.convert_to_tensor(x)
    if x.shape.rank is not None and x.shape.rank < 2:
        return x
    return tf.transpose(x, tf.concat([[1, 0], tf.range(2, tf.rank(x))], 0))
