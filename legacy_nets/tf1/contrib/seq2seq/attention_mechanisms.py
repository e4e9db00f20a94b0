"""Attention mechanisms: a query and a memory [N, T, D] give alignments [N, T]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import layers
from legacy_nets.types import DTypeLike, Layer, ShapeLike, Structure, Tensor, TensorLike

__all__ = [
    "AttentionMechanism",
    "BahdanauAttention",
    "BaseAttentionMechanism",
    "LuongAttention",
    "hardmax",
    "mask_score",
]

Probability = Callable[..., Any]


class AttentionMechanism:
    """What has alignments_size, state_size, initial_state and __call__(query, state)."""

    @property
    def alignments_size(self) -> TensorLike:
        """Length of the memory."""
        raise NotImplementedError

    @property
    def state_size(self) -> Structure:
        """Size of the state."""
        raise NotImplementedError


def mask_score(score: TensorLike, lengths: TensorLike, value: TensorLike) -> Tensor:
    """Scores [N, T] with ``value`` after each memory's end."""
    if lengths is None:
        return score
    inside = tf.sequence_mask(lengths, tf.shape(score)[1])
    return tf.where(inside, score, value * tf.ones_like(score))


def mask_memory(
    memory: Structure, lengths: TensorLike, check_inner_dims_defined: bool = True
) -> Structure:
    """Memories [N, T, ...] with zeros after their ends."""

    def masked(tensor: TensorLike) -> Tensor:
        tensor = tf.convert_to_tensor(tensor, name="memory")
        if check_inner_dims_defined and not tensor.shape[2:].is_fully_defined():
            raise ValueError(f"Expected memory {tensor.name} to have fully defined inner dims, "
                             f"but saw shape: {tensor.shape}")  # fmt: skip
        if lengths is None:
            return tensor
        inside = tf.sequence_mask(lengths, tf.shape(tensor)[1], dtype=tensor.dtype)
        for _ in range(tensor.shape.rank - 2):
            inside = inside[..., None]
        return tensor * inside

    return tf.nest.map_structure(masked, memory)


class BaseAttentionMechanism(AttentionMechanism):
    """Keys and values from a memory, and probabilities from scores."""

    def __init__(
        self,
        query_layer: Layer,
        memory: Structure,
        probability_fn: Probability,
        memory_sequence_length: TensorLike | None = None,
        memory_layer: Layer | None = None,
        check_inner_dims_defined: bool = True,
        score_mask_value: TensorLike | None = None,
        custom_key_value_fn: Callable[..., TensorLike] | None = None,
        name: str | None = None,
    ) -> None:
        """``probability_fn(score, state)`` gives alignments [N, T]."""
        self._query_layer = query_layer
        self._memory_layer = memory_layer
        self.dtype = (memory_layer or query_layer).dtype if memory_layer or query_layer else None
        self._set_probability(probability_fn, memory_sequence_length, score_mask_value)
        with tf.name_scope(name, "BaseAttentionMechanismInit", tf.nest.flatten(memory)):
            self._values = mask_memory(memory, memory_sequence_length, check_inner_dims_defined)
            self._keys = memory_layer(self._values) if memory_layer else self._values
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            self._batch_size = _size(self._keys, 0)
            self._alignments_size = _size(self._keys, 1)

    def _set_probability(
        self, probability_fn: Probability, lengths: TensorLike, value: TensorLike
    ) -> None:
        value = -np.inf if value is None else value
        self._probability_fn = lambda score, state: probability_fn(
            mask_score(score, lengths, value), state
        )

    @property
    def memory_layer(self) -> Layer | None:
        """Layer from memory to keys."""
        return self._memory_layer

    @property
    def query_layer(self) -> Layer | None:
        """Layer for the query."""
        return self._query_layer

    @property
    def values(self) -> Tensor:
        """The memory, [N, T, D]."""
        return self._values

    @property
    def keys(self) -> Tensor:
        """[N, T, units]."""
        return self._keys

    @property
    def batch_size(self) -> TensorLike:
        """N."""
        return self._batch_size

    @property
    def alignments_size(self) -> TensorLike:
        """T."""
        return self._alignments_size

    @property
    def state_size(self) -> Structure:
        """T: the state is the last alignments."""
        return self._alignments_size

    def initial_alignments(self, batch_size: TensorLike, dtype: DTypeLike) -> Tensor:
        """Zeros [N, T]."""
        zeros = tf.zeros(tf.stack([batch_size, self._alignments_size]), dtype)
        zeros.set_shape([_static(batch_size), _static(self._alignments_size)])
        return zeros

    def initial_state(self, batch_size: TensorLike, dtype: DTypeLike) -> Tensor:
        """The first alignments."""
        return self.initial_alignments(batch_size, dtype)


def _size(tensor: TensorLike, axis: int) -> TensorLike:
    """An int where it is known, else a tensor."""
    return tensor.shape.as_list()[axis] or tf.shape(tensor)[axis]


def _static(size: ShapeLike) -> int | None:
    return None if (known := tf.get_static_value(size)) is None else int(known)


def _adapt_probability(probability_fn: Probability | None) -> Probability:
    """A function of the score alone (softmax, if None) as one of score and state."""
    chosen = probability_fn or tf.nn.softmax
    return lambda score, _: chosen(score)


def _make_dense(units: int, name: str, dtype: DTypeLike) -> Layer:
    return layers.Dense(units, name=name, use_bias=False, dtype=dtype or tf.float32)


class LuongAttention(BaseAttentionMechanism):
    """Scores are products of query and keys, both [.., units]."""

    def __init__(
        self,
        num_units: int,
        memory: Structure,
        memory_sequence_length: TensorLike | None = None,
        scale: bool = False,
        probability_fn: Probability | None = None,
        score_mask_value: TensorLike | None = None,
        dtype: DTypeLike | None = None,
        custom_key_value_fn: Callable[..., TensorLike] | None = None,
        name: str = "LuongAttention",
    ) -> None:
        super().__init__(
            query_layer=None,
            memory_layer=_make_dense(num_units, "memory_layer", dtype),
            memory=memory,
            probability_fn=_adapt_probability(probability_fn),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )
        self._num_units = num_units
        self._scale = scale
        self._name = name

    def __call__(self, query: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, units], [N, T] -> alignments [N, T], and again as the state."""
        with tf.variable_scope(None, "luong_attention", [query]):
            score = luong_score(query, self._keys, self._scale)
        alignments = self._probability_fn(score, state)
        return alignments, alignments


def luong_score(query: TensorLike, keys: TensorLike, scale: bool) -> Tensor:
    """[N, units], [N, T, units] -> [N, T]; with ``scale`` times the variable attention_g."""
    units, key_units = query.shape.as_list()[-1], keys.shape.as_list()[-1]
    if units != key_units:
        raise ValueError(
            f"Incompatible inner dimensions between query and keys: {units} and {key_units}. "
            f"Perhaps you need to set num_units to the query's dimension ({units})?"
        )
    score = tf.squeeze(tf.matmul(query[:, None], keys, transpose_b=True), 1)
    if scale:
        one = tf.ones_initializer()
        score *= tf.get_variable("attention_g", [], query.dtype, initializer=one)
    return score


class BahdanauAttention(BaseAttentionMechanism):
    """Scores are sums over tanh of query plus keys."""

    def __init__(
        self,
        num_units: int,
        memory: Structure,
        memory_sequence_length: TensorLike | None = None,
        normalize: bool = False,
        probability_fn: Probability | None = None,
        score_mask_value: TensorLike | None = None,
        dtype: DTypeLike | None = None,
        custom_key_value_fn: Callable[..., TensorLike] | None = None,
        name: str = "BahdanauAttention",
    ) -> None:
        super().__init__(
            query_layer=_make_dense(num_units, "query_layer", dtype),
            memory_layer=_make_dense(num_units, "memory_layer", dtype),
            memory=memory,
            probability_fn=_adapt_probability(probability_fn),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )
        self._num_units = num_units
        self._normalize = normalize
        self._name = name

    def __call__(self, query: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, T] -> alignments [N, T], and again as the state."""
        with tf.variable_scope(None, "bahdanau_attention", [query]):
            processed = self.query_layer(query) if self.query_layer else query
            score = bahdanau_score(processed, self._keys, self._normalize)
        alignments = self._probability_fn(score, state)
        return alignments, alignments


def bahdanau_score(processed_query: TensorLike, keys: TensorLike, normalize: bool) -> Tensor:
    """[N, units], [N, T, units] -> [N, T]; with ``normalize`` the direction of attention_v counts
    and attention_g is its length."""
    units, dtype = keys.shape.as_list()[2] or tf.shape(keys)[2], processed_query.dtype
    v = tf.get_variable("attention_v", [units], dtype)
    total = keys + processed_query[:, None]
    if normalize:
        length = tf.constant_initializer(np.sqrt(1.0 / units))
        g = tf.get_variable("attention_g", [], dtype, initializer=length)
        total += tf.get_variable("attention_b", [units], dtype, initializer=tf.zeros_initializer())
        v = g * v * tf.rsqrt(tf.reduce_sum(tf.square(v)))
    return tf.reduce_sum(v * tf.tanh(total), 2)


def hardmax(logits: TensorLike, name: str | None = None) -> Tensor:
    """1 where the largest is, else 0; of the shape of ``logits``."""
    with tf.name_scope(name, "Hardmax", [logits]):
        logits = tf.convert_to_tensor(logits)
        depth = logits.shape.as_list()[-1] or tf.shape(logits)[-1]
        return tf.one_hot(tf.argmax(logits, -1), depth, dtype=logits.dtype)
