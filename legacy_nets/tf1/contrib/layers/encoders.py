"""Encoders of class numbers [N, T]."""

from __future__ import annotations

import tensorflow.compat.v1 as tf
from tf_slim.layers import dense_to_sparse
from tf_slim.ops.variables import model_variable

from legacy_nets.tf1.contrib.layers.embedding_ops import (
    embedding_lookup_unique,
    safe_embedding_lookup_sparse,
)
from legacy_nets.types import Initializer, Scope, Tensor, TensorLike

__all__ = ["bow_encoder", "embed_sequence"]


def bow_encoder(
    ids: TensorLike,
    vocab_size: int,
    embed_dim: int,
    sparse_lookup: bool = True,
    initializer: Initializer | None = None,
    regularizer: Initializer | None = None,
    trainable: bool = True,
    scope: Scope = None,
    reuse: bool | None = None,
) -> Tensor:
    """The mean of the embeddings of ids [N, T]: [N, embed_dim]."""
    with tf.variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        table = model_variable(
            "embeddings",
            shape=[vocab_size, embed_dim],
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
        )
        if not sparse_lookup:
            if isinstance(ids, tf.SparseTensor):
                raise TypeError(f"ids are expected to be dense Tensor, got: {ids}")
            return tf.reduce_mean(tf.nn.embedding_lookup(table, ids), 1)
        sparse = ids if isinstance(ids, tf.SparseTensor) else dense_to_sparse(ids)
        return safe_embedding_lookup_sparse([table], sparse, combiner="mean", default_id=0)


def embed_sequence(
    ids: TensorLike,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Initializer | None = None,
    regularizer: Initializer | None = None,
    trainable: bool = True,
    scope: Scope = None,
    reuse: bool | None = None,
) -> Tensor:
    """Embeddings of ids [N, T]: [N, T, embed_dim]. Raises ValueError for no sizes to make a
    table of and none to reuse."""
    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError("Must specify vocab size and embedding dimension when not reusing. Got "
                         f"vocab_size={vocab_size} and embed_dim={embed_dim}")  # fmt: skip
    with tf.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        table = model_variable(
            "embeddings",
            shape=[vocab_size, embed_dim] if vocab_size and embed_dim else None,
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
        )
        if unique:
            return embedding_lookup_unique(table, ids)
        return tf.nn.embedding_lookup(table, ids)
