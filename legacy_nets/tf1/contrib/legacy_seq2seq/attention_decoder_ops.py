"""A decoder that attends to the encoder's outputs (arXiv:1412.7449)."""

from __future__ import annotations

import copy
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.legacy_seq2seq.seq2seq import (
    Loop,
    check_projection,
    choose_feeding,
    make_feedback_loop,
)
from legacy_nets.tf1.contrib.rnn import EmbeddingWrapper, OutputProjectionWrapper
from legacy_nets.tf1.rnn_cells import linear
from legacy_nets.types import DTypeLike, RNNCell, Scope, Structure, Tensor, TensorLike

__all__ = [
    "attention_decoder",
    "embedding_attention_decoder",
    "embedding_attention_seq2seq",
]


class _Heads:
    """``num_heads`` attentions to states [N, T, D]; their variables are made here."""

    def __init__(self, states: Structure, num_heads: int) -> None:
        length, size = states.shape.as_list()[1:]
        self._length = tf.shape(states)[1] if length is None else length
        self._size = size
        self._hidden = tf.reshape(states, [-1, self._length, 1, size])
        self._keys, self._vs = [], []
        for head in range(num_heads):
            kernel = tf.get_variable(f"AttnW_{head}", [1, 1, size, size], states.dtype)
            self._keys.append(tf.nn.conv2d(self._hidden, kernel, [1, 1, 1, 1], "SAME"))
            self._vs.append(tf.get_variable(f"AttnV_{head}", [size], states.dtype))

    def __call__(self, query: TensorLike) -> list[Tensor]:
        """Weighted sums [N, D] of the states, one per head."""
        query = tf.concat(tf.nest.flatten(query), 1)
        sums = []
        for head, (keys, v) in enumerate(zip(self._keys, self._vs, strict=True)):
            with tf.variable_scope(f"Attention_{head}"):
                y = tf.reshape(linear(query, self._size, True), [-1, 1, 1, self._size])
                weights = tf.nn.softmax(tf.reduce_sum(v * tf.tanh(keys + y), [2, 3]))
                weights = tf.reshape(weights, [-1, self._length, 1, 1])
                total = tf.reduce_sum(weights * self._hidden, [1, 2])
                sums.append(tf.reshape(total, [-1, self._size]))
        return sums


def attention_decoder(
    decoder_inputs: TensorLike,
    initial_state: Structure,
    attention_states: Structure,
    cell: RNNCell,
    output_size: int | None = None,
    num_heads: int = 1,
    loop_function: Loop | None = None,
    dtype: DTypeLike | None = None,
    scope: Scope = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Structure]:
    """(T outputs [N, output_size], state); attention to ``attention_states`` [N, T', D]."""
    if not decoder_inputs:
        raise ValueError("Must provide at least 1 input to attention decoder.")
    if num_heads < 1:
        raise ValueError("With less than 1 heads, use a non-attention decoder.")
    if attention_states.shape.as_list()[2] is None:
        raise ValueError(f"Shape[2] of attention_states must be known {attention_states.shape}")
    with tf.variable_scope(scope or "attention_decoder", dtype=dtype) as outer:
        size = cell.output_size if output_size is None else output_size
        depth = attention_states.shape.as_list()[2]
        batch = tf.shape(decoder_inputs[0])[0]
        heads = _Heads(attention_states, num_heads)
        outputs: list[Any] = []
        state = initial_state
        sums = [tf.zeros(tf.stack([batch, depth]), outer.dtype) for _ in range(num_heads)]
        for attended in sums:
            attended.set_shape([None, depth])
        if initial_state_attention:
            sums = heads(initial_state)
        for i, given in enumerate(decoder_inputs):
            if i:
                tf.get_variable_scope().reuse_variables()
            if loop_function is not None and i:
                with tf.variable_scope("loop_function", reuse=True):
                    given = loop_function(outputs[-1], i)
            width = given.shape.as_list()[1]
            if width is None:
                raise ValueError("Could not infer input size from input")
            output, state = cell(linear([given, *sums], width, True), state)
            with tf.variable_scope(
                tf.get_variable_scope(), reuse=True if i == 0 and initial_state_attention else None
            ):
                sums = heads(state)
            with tf.variable_scope("AttnOutputProjection"):
                outputs.append(linear([output, *sums], size, True))
    return outputs, state


def embedding_attention_decoder(
    decoder_inputs: TensorLike,
    initial_state: Structure,
    attention_states: Structure,
    cell: RNNCell,
    num_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_size: int | None = None,
    output_projection: TensorLike | None = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    dtype: DTypeLike | None = None,
    scope: Scope = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Structure]:
    """``attention_decoder`` of class numbers."""
    size = cell.output_size if output_size is None else output_size
    with tf.variable_scope(scope or "embedding_attention_decoder", dtype=dtype) as outer:
        if output_projection is not None:
            check_projection(output_projection, num_symbols, outer.dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop = (
            make_feedback_loop(embedding, output_projection, update_embedding_for_previous)
            if feed_previous
            else None
        )
        return attention_decoder(
            [tf.nn.embedding_lookup(embedding, ids) for ids in decoder_inputs],
            initial_state,
            attention_states,
            cell,
            output_size=size,
            num_heads=num_heads,
            loop_function=loop,
            initial_state_attention=initial_state_attention,
        )


def embedding_attention_seq2seq(
    encoder_inputs: TensorLike,
    decoder_inputs: TensorLike,
    cell: RNNCell,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_projection: TensorLike | None = None,
    feed_previous: TensorLike = False,
    dtype: DTypeLike | None = None,
    scope: Scope = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Structure]:
    """Class numbers in, logits out (or what ``output_projection`` makes logits of)."""
    with tf.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as outer:
        dtype = outer.dtype
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        outputs, state = tf.nn.static_rnn(encoder, encoder_inputs, dtype=dtype)
        seen = tf.stack(outputs, 1)
        output_size = None
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)
            output_size = num_decoder_symbols
        return choose_feeding(
            feed_previous,
            lambda feeding: embedding_attention_decoder(
                decoder_inputs,
                state,
                seen,
                cell,
                num_decoder_symbols,
                embedding_size,
                num_heads=num_heads,
                output_size=output_size,
                output_projection=output_projection,
                feed_previous=feeding,
                update_embedding_for_previous=isinstance(feed_previous, bool),
                initial_state_attention=initial_state_attention,
            ),
        )
