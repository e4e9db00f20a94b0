"""Lookups of embeddings."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorLike

__all__ = ["embedding_lookup_unique", "safe_embedding_lookup_sparse"]


def embedding_lookup_unique(
    params: Any, ids: TensorLike, partition_strategy: str = "mod", name: str | None = None
) -> Tensor:
    """``tf.nn.embedding_lookup`` that looks up each id once."""
    with tf.name_scope(name, "EmbeddingLookupUnique", [params, ids]):
        ids = tf.convert_to_tensor(ids)
        shape = tf.shape(ids)
        unique, places = tf.unique(tf.reshape(ids, tf.reduce_prod(shape, keepdims=True)))
        embedded = tf.nn.embedding_lookup(params, unique, partition_strategy)
        flat = tf.gather(embedded, places)
        result = tf.reshape(flat, tf.concat([shape, tf.shape(embedded)[1:]], 0))
        result.set_shape(ids.shape.concatenate(embedded.shape[1:]))
        return result


def safe_embedding_lookup_sparse(
    embedding_weights: TensorLike,
    sparse_ids: TensorLike,
    sparse_weights: TensorLike | None = None,
    combiner: str | None = None,
    default_id: int | None = None,
    name: str | None = None,
    partition_strategy: str = "div",
    max_norm: float | None = None,
) -> Tensor:
    """``tf.nn.safe_embedding_lookup_sparse``, with the mean as the default ``combiner``."""
    return tf.nn.safe_embedding_lookup_sparse(
        embedding_weights,
        sparse_ids,
        sparse_weights,
        combiner or "mean",
        default_id,
        name,
        partition_strategy,
        max_norm,
    )
