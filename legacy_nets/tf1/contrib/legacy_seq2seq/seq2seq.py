"""Decoders without attention, and whole models of them (arXiv:1409.3215)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.rnn import EmbeddingWrapper, OutputProjectionWrapper
from legacy_nets.types import DTypeLike, RNNCell, Scope, Structure, Tensor, TensorLike

__all__ = [
    "basic_rnn_seq2seq",
    "choose_feeding",
    "embedding_rnn_decoder",
    "embedding_rnn_seq2seq",
    "embedding_tied_rnn_seq2seq",
    "make_feedback_loop",
    "rnn_decoder",
    "tied_rnn_seq2seq",
]

Loop = Callable[[Any, int], Any]


def make_feedback_loop(
    embedding: TensorLike, output_projection: TensorLike, update_embedding: bool
) -> Loop:
    """A loop function: the embedding of the best class of the last output."""

    def loop(output: TensorLike, _: int) -> Tensor:
        if output_projection is not None:
            output = tf.nn.xw_plus_b(output, *output_projection)
        vectors = tf.nn.embedding_lookup(embedding, tf.argmax(output, 1))
        return vectors if update_embedding else tf.stop_gradient(vectors)

    return loop


def rnn_decoder(
    decoder_inputs: TensorLike,
    initial_state: Structure,
    cell: RNNCell,
    loop_function: Loop | None = None,
    scope: Scope = None,
) -> tuple[list[Tensor], Structure]:
    """(T outputs, state). ``loop_function(output, i)`` makes all inputs but the first."""
    with tf.variable_scope(scope or "rnn_decoder"):
        outputs: list[Any] = []
        state = initial_state
        for i, given in enumerate(decoder_inputs):
            if i:
                tf.get_variable_scope().reuse_variables()
            if loop_function is not None and i:
                with tf.variable_scope("loop_function", reuse=True):
                    given = loop_function(outputs[-1], i)
            output, state = cell(given, state)
            outputs.append(output)
    return outputs, state


def basic_rnn_seq2seq(
    encoder_inputs: TensorLike,
    decoder_inputs: TensorLike,
    cell: RNNCell,
    dtype: DTypeLike = tf.float32,
    scope: Scope = None,
) -> tuple[list[Tensor], Structure]:
    """An encoder, and a decoder that starts from its state."""
    with tf.variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = tf.nn.static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(
    encoder_inputs: TensorLike,
    decoder_inputs: TensorLike,
    cell: RNNCell,
    loop_function: Loop | None = None,
    dtype: DTypeLike = tf.float32,
    scope: Scope = None,
) -> tuple[list[Tensor], Structure]:
    """Encoder and decoder with the same weights."""
    with tf.variable_scope("combined_tied_rnn_seq2seq"):
        name = scope or "tied_rnn_seq2seq"
        _, state = tf.nn.static_rnn(cell, encoder_inputs, dtype=dtype, scope=name)
        tf.get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function, scope=name)


def embedding_rnn_decoder(
    decoder_inputs: TensorLike,
    initial_state: Structure,
    cell: RNNCell,
    num_symbols: int,
    embedding_size: int,
    output_projection: TensorLike | None = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    scope: Scope = None,
) -> tuple[list[Tensor], Structure]:
    """A decoder of class numbers; ``feed_previous`` feeds its own best class back."""
    with tf.variable_scope(scope or "embedding_rnn_decoder") as outer:
        dtype = None
        if output_projection is not None:
            dtype = outer.dtype
            check_projection(output_projection, num_symbols, dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size], dtype)
        loop = (
            make_feedback_loop(embedding, output_projection, update_embedding_for_previous)
            if feed_previous
            else None
        )
        vectors = [tf.nn.embedding_lookup(embedding, ids) for ids in decoder_inputs]
        return rnn_decoder(vectors, initial_state, cell, loop)


def check_projection(projection: TensorLike, num_symbols: int, dtype: DTypeLike) -> None:
    """Raises ValueError for weights or biases that do not end in ``num_symbols``."""
    weights, biases = (tf.convert_to_tensor(part, dtype) for part in projection)
    weights.shape.assert_is_compatible_with([None, num_symbols])
    biases.shape.assert_is_compatible_with([num_symbols])


def choose_feeding(
    feed_previous: TensorLike, decode: Callable[[bool], Any]
) -> tuple[list[Tensor], Structure]:
    """``decode(feeding)``; for a bool tensor both are built, and the tensor chooses.

    ``decode(feeding)`` gives (outputs, state).
    """
    if isinstance(feed_previous, bool):
        return decode(feed_previous)
    structure: list[Any] = []

    def branch(feeding: bool) -> list[Tensor]:
        with tf.variable_scope(tf.get_variable_scope(), reuse=None if feeding else True):
            outputs, state = decode(feeding)
        structure[:] = [len(outputs), state]
        return [*outputs, *tf.nest.flatten(state)]

    flat = tf.cond(feed_previous, lambda: branch(True), lambda: branch(False))
    count, state = structure
    return list(flat[:count]), tf.nest.pack_sequence_as(state, flat[count:])


def embedding_rnn_seq2seq(
    encoder_inputs: TensorLike,
    decoder_inputs: TensorLike,
    cell: RNNCell,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    output_projection: TensorLike | None = None,
    feed_previous: TensorLike = False,
    dtype: DTypeLike | None = None,
    scope: Scope = None,
) -> tuple[list[Tensor], Structure]:
    """Class numbers in, logits out (or what ``output_projection`` makes logits of)."""
    with tf.variable_scope(scope or "embedding_rnn_seq2seq") as outer:
        dtype = dtype or outer.dtype
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        _, state = tf.nn.static_rnn(encoder, encoder_inputs, dtype=dtype)
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)
        return choose_feeding(
            feed_previous,
            lambda feeding: embedding_rnn_decoder(
                decoder_inputs,
                state,
                cell,
                num_decoder_symbols,
                embedding_size,
                output_projection=output_projection,
                feed_previous=feeding,
                update_embedding_for_previous=isinstance(feed_previous, bool),
            ),
        )


def embedding_tied_rnn_seq2seq(
    encoder_inputs: TensorLike,
    decoder_inputs: TensorLike,
    cell: RNNCell,
    num_symbols: int,
    embedding_size: int,
    num_decoder_symbols: int | None = None,
    output_projection: TensorLike | None = None,
    feed_previous: TensorLike = False,
    dtype: DTypeLike | None = None,
    scope: Scope = None,
) -> tuple[list[Tensor], Structure]:
    """One embedding and one set of weights for encoder and decoder."""
    with tf.variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as outer:
        dtype = outer.dtype
        if output_projection is not None:
            check_projection(output_projection, num_symbols, dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size], dtype)
        encoder, decoder = (
            [tf.nn.embedding_lookup(embedding, ids) for ids in steps]
            for steps in (encoder_inputs, decoder_inputs)
        )
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols or num_symbols)

        def decode(feeding: bool) -> tuple[list[Tensor], Structure]:
            loop = make_feedback_loop(embedding, output_projection, update_embedding=True)
            return tied_rnn_seq2seq(encoder, decoder, cell, loop if feeding else None, dtype)

        return choose_feeding(feed_previous, decode)
