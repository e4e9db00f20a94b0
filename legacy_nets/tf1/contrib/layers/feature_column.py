"""Feature columns of ``tf.contrib.layers``, as the columns of ``tf.feature_column``.

Columns of several parts share no table and no weights here; estimators of tf.estimator and
tf.contrib.learn take them.
"""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow.compat.v1 as tf

from legacy_nets.types import DTypeLike, FeatureColumn, Initializer, Tensor, TensorLike

_columns = tf.feature_column


def real_valued_column(
    column_name: str,
    dimension: int | None = 1,
    default_value: TensorLike | None = None,
    dtype: DTypeLike = tf.float32,
    normalizer: Initializer | None = None,
) -> FeatureColumn:
    """Numbers [N, dimension]."""
    if dimension is None:
        raise ValueError("a real_valued_column of unknown dimension is not offered: set dimension=")
    return _columns.numeric_column(column_name, (dimension,), default_value, dtype, normalizer)


def bucketized_column(source_column: FeatureColumn, boundaries: TensorLike) -> FeatureColumn:
    """Numbers as classes between boundaries."""
    return _columns.bucketized_column(source_column, list(boundaries))


def sparse_column_with_hash_bucket(
    column_name: str, hash_bucket_size: int, combiner: str = "sum", dtype: DTypeLike = tf.string
) -> FeatureColumn:
    """Classes by hash."""
    return _columns.categorical_column_with_hash_bucket(column_name, hash_bucket_size, dtype)


def sparse_column_with_integerized_feature(
    column_name: str, bucket_size: int, combiner: str = "sum", dtype: DTypeLike = tf.int64
) -> FeatureColumn:
    """Class numbers below ``bucket_size``."""
    return _columns.categorical_column_with_identity(column_name, bucket_size)


def sparse_column_with_keys(
    column_name: str,
    keys: TensorLike,
    default_value: int = -1,
    combiner: str = "sum",
    dtype: DTypeLike = tf.string,
) -> FeatureColumn:
    """Classes by a list of words."""
    return _columns.categorical_column_with_vocabulary_list(column_name, keys, dtype, default_value)


def sparse_column_with_vocabulary_file(
    column_name: str,
    vocabulary_file: str,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    combiner: str = "sum",
    dtype: DTypeLike = tf.string,
) -> FeatureColumn:
    """Classes by a file of words."""
    return _columns.categorical_column_with_vocabulary_file(
        column_name, vocabulary_file, vocab_size, num_oov_buckets, default_value, dtype
    )


def weighted_sparse_column(
    sparse_id_column: FeatureColumn, weight_column_name: str, dtype: DTypeLike = tf.float32
) -> FeatureColumn:
    """Classes with weights."""
    return _columns.weighted_categorical_column(sparse_id_column, weight_column_name, dtype)


def crossed_column(
    columns: Iterable[FeatureColumn], hash_bucket_size: int, combiner: str = "sum", **_: object
) -> FeatureColumn:
    """Pairs (and more) of classes by hash."""
    keys = [getattr(column, "key", column) for column in columns]
    return _columns.crossed_column(keys, hash_bucket_size)


def one_hot_column(sparse_id_column: FeatureColumn) -> FeatureColumn:
    """Classes as 0 and 1."""
    return _columns.indicator_column(sparse_id_column)


def embedding_column(
    sparse_id_column: FeatureColumn,
    dimension: int,
    combiner: str = "mean",
    initializer: Initializer | None = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> FeatureColumn:
    """Classes as vectors."""
    return _columns.embedding_column(
        sparse_id_column,
        dimension,
        combiner,
        initializer,
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )


def shared_embedding_columns(
    sparse_id_columns: Iterable[FeatureColumn],
    dimension: int,
    combiner: str = "mean",
    shared_embedding_name: str | None = None,
    initializer: Initializer | None = None,
    **options: object,
) -> list[FeatureColumn]:
    """Classes of several columns as vectors of one table."""
    return _columns.shared_embedding_columns(
        sparse_id_columns, dimension, combiner, initializer, shared_embedding_name, **options
    )


def create_feature_spec_for_parsing(feature_columns: Iterable[FeatureColumn]) -> dict[str, Tensor]:
    """What ``tf.parse_example`` needs to read the columns."""
    return _columns.make_parse_example_spec(feature_columns)
