"""AttentionWrapper: a cell that sees, with its input, what it attended to last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import layers
from legacy_nets.tf1.rnn_cells import RNNCell
from legacy_nets.types import DTypeLike, Layer, Structure, Tensor, TensorLike

__all__ = ["AttentionWrapper", "AttentionWrapperState", "compute_attention"]


class AttentionWrapperState(NamedTuple):
    """State of an AttentionWrapper; with several mechanisms the last three are tuples."""

    cell_state: Any
    attention: Any
    time: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any

    def clone(self, **changed: object) -> AttentionWrapperState:
        """A copy with some fields replaced. Raises ValueError for tensors of other shapes."""

        def checked(old: TensorLike, new: TensorLike) -> Tensor:
            if tf.is_tensor(old) and tf.is_tensor(new) and not isinstance(new, tf.TensorArray):
                if not new.shape.is_compatible_with(old.shape):
                    raise ValueError(f"shape {new.shape} of a state, expected {old.shape}")
            return new

        replaced = self._replace(**changed)
        return tf.nest.map_structure(checked, self, replaced)


def compute_attention(
    attention_mechanism: Any,
    cell_output: TensorLike,
    attention_state: Structure,
    attention_layer: Layer,
) -> tuple[Tensor, Tensor, Structure]:
    """(attention [N, A], alignments [N, T], next state) of one mechanism."""
    alignments, state = attention_mechanism(cell_output, attention_state)
    context = tf.squeeze(tf.matmul(alignments[:, None], attention_mechanism.values), 1)
    if attention_layer is None:
        return context, alignments, state
    return attention_layer(tf.concat([cell_output, context], 1)), alignments, state


def _make_list(value: TensorLike, count: int, argument: str) -> list[Tensor]:
    if not isinstance(value, (list, tuple)):
        value = [value]
    if len(value) != count:
        raise ValueError(f"{argument} has {len(value)} entries for {count} attention mechanisms")
    return list(value)


class AttentionWrapper(RNNCell):
    """A cell with one or more attention mechanisms."""

    def __init__(
        self,
        cell: RNNCell,
        attention_mechanism: Any,
        attention_layer_size: TensorLike | None = None,
        alignment_history: bool = False,
        cell_input_fn: Callable[..., TensorLike] | None = None,
        output_attention: bool = True,
        initial_cell_state: Structure | None = None,
        name: str | None = None,
        attention_layer: Layer | None = None,
        attention_fn: Callable[..., TensorLike] | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        """Sizes and layers are lists where ``attention_mechanism`` is one."""
        super().__init__(name=name, dtype=dtype)
        self._is_multi = isinstance(attention_mechanism, (list, tuple))
        mechanisms = list(attention_mechanism) if self._is_multi else [attention_mechanism]
        count = len(mechanisms)
        if attention_layer_size is not None and attention_layer is not None:
            raise ValueError("Only one of attention_layer_size and attention_layer should be set")
        if attention_layer_size is not None:
            self._attention_layers = [
                layers.Dense(size, name="attention_layer", use_bias=False, dtype=mechanism.dtype)
                for size, mechanism in zip(
                    _make_list(attention_layer_size, count, "attention_layer_size"),
                    mechanisms,
                    strict=True,
                )
            ]
        elif attention_layer is not None:
            self._attention_layers = _make_list(attention_layer, count, "attention_layer")
        else:
            self._attention_layers = [None] * count
        self._cell = cell
        self._attention_mechanisms = mechanisms
        self._attention_layer_size = sum(
            _compute_attention_size(layer, mechanism, cell)
            for layer, mechanism in zip(self._attention_layers, mechanisms, strict=True)
        )
        self._cell_input_fn = cell_input_fn or (lambda x, attention: tf.concat([x, attention], -1))
        self._attention_fn = attention_fn or compute_attention
        self._output_attention = output_attention
        self._alignment_history = alignment_history
        self._initial_cell_state = initial_cell_state

    # The name that 1.15 gives it: subclasses call it.
    def _item_or_tuple(self, values: list[TensorLike]) -> Structure:
        return tuple(values) if self._is_multi else values[0]

    def _unpack(self, value: TensorLike) -> list[Tensor]:
        return list(value) if self._is_multi else [value]

    @property
    def output_size(self) -> Structure:
        """That of the attention, or of the cell."""
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        """Sizes in an AttentionWrapperState."""
        alignments = [mechanism.alignments_size for mechanism in self._attention_mechanisms]
        history = alignments if self._alignment_history else [()] * len(alignments)
        states = [mechanism.state_size for mechanism in self._attention_mechanisms]
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            time=tf.TensorShape([]),
            attention=self._attention_layer_size,
            alignments=self._item_or_tuple(alignments),
            attention_state=self._item_or_tuple(states),
            alignment_history=self._item_or_tuple(history),
        )

    def zero_state(self, batch_size: TensorLike, dtype: DTypeLike) -> AttentionWrapperState:
        """Zeros, with ``initial_cell_state`` where one was given."""
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = self._cell.zero_state(batch_size, dtype)
            else:
                cell_state = tf.nest.map_structure(tf.identity, cell_state)
            mechanisms = self._attention_mechanisms
            alignments = [m.initial_alignments(batch_size, dtype) for m in mechanisms]
            size = self._attention_layer_size
            return AttentionWrapperState(
                cell_state=cell_state,
                time=tf.zeros([], tf.int32),
                attention=tf.zeros(tf.stack([batch_size, size]), dtype),
                alignments=self._item_or_tuple(alignments),
                attention_state=self._item_or_tuple(
                    [m.initial_state(batch_size, dtype) for m in mechanisms]
                ),
                alignment_history=self._item_or_tuple(
                    [
                        tf.TensorArray(dtype, 0, dynamic_size=True, element_shape=first.shape)
                        if self._alignment_history
                        else ()
                        for first in alignments
                    ]
                ),
            )

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], AttentionWrapperState -> attention (or cell output), state."""
        if not isinstance(state, AttentionWrapperState):
            raise TypeError(
                f"Expected state to be an AttentionWrapperState, received {type(state).__name__}"
            )
        cell_inputs = self._cell_input_fn(inputs, state.attention)
        cell_output, cell_state = self._cell(cell_inputs, state.cell_state)
        results = [
            self._attention_fn(mechanism, cell_output, previous, layer)
            for mechanism, previous, layer in zip(
                self._attention_mechanisms,
                self._unpack(state.attention_state),
                self._attention_layers,
                strict=True,
            )
        ]
        attentions, alignments, attention_states = zip(*results, strict=True)
        history = self._unpack(state.alignment_history)
        if self._alignment_history:
            history = [
                past.write(state.time, now) for past, now in zip(history, alignments, strict=True)
            ]
        attention = tf.concat(attentions, 1)
        new = AttentionWrapperState(
            cell_state=cell_state,
            time=state.time + 1,
            attention=attention,
            alignments=self._item_or_tuple(list(alignments)),
            attention_state=self._item_or_tuple(list(attention_states)),
            alignment_history=self._item_or_tuple(history),
        )
        return attention if self._output_attention else cell_output, new


def _compute_attention_size(layer: Layer, mechanism: Any, cell: RNNCell) -> int:
    depth = mechanism.values.shape.as_list()[-1]
    if layer is None:
        return depth
    return layer.compute_output_shape([1, cell.output_size + depth])[-1]
