"""``tensor_forest.python.ops.data_ops``: features and labels as one tensor each."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.types import Tensor, TensorLike

__all__ = ["ParseDataTensorOrDict", "ParseLabelTensorOrDict", "TensorForestDataSpec"]


class TensorForestDataSpec(NamedTuple):
    """How wide the features are."""

    dense_features_size: int


def _make_dense(value: TensorLike, name: str) -> Tensor:
    """A float32 [N, width]. Raises BadInputError for strings and sparse tensors."""
    if isinstance(value, tf.SparseTensor):
        raise BadInputError(
            f"tensor_forest: {name} is sparse, and only dense features are offered: "
            f"give tf.sparse.to_dense of it"
        )
    value = tf.convert_to_tensor(value)
    if value.dtype == tf.string:
        raise BadInputError(
            f"tensor_forest: {name} is text, and only numbers are offered: "
            f"give the numbers of a vocabulary"
        )
    value = tf.cast(value, tf.float32)
    return value[:, tf.newaxis] if value.shape.ndims == 1 else value


def ParseDataTensorOrDict(data: TensorLike) -> tuple[Tensor, None, TensorForestDataSpec]:
    """Features [N, D], or a dict of such (joined in the order of its keys), as float32 [N, D].

    The second value is None: 1.15 gave sparse features there.
    Raises BadInputError for sparse features and for text.
    """
    if isinstance(data, dict):
        parts = [_make_dense(data[key], f"feature {key!r}") for key in sorted(data)]
        dense = tf.concat(parts, 1)
    else:
        dense = _make_dense(data, "the features' tensor")
    return dense, None, TensorForestDataSpec(dense.shape.as_list()[1])


def ParseLabelTensorOrDict(labels: TensorLike) -> Tensor:
    """Labels, or a dict of such (joined in the order of its keys), as float32."""
    if isinstance(labels, dict):
        parts = [tf.cast(labels[key], tf.float32) for key in sorted(labels)]
        return tf.concat(parts, 1)
    if isinstance(labels, tf.SparseTensor):
        labels = tf.sparse.to_dense(labels, default_value=-1)
    return tf.cast(labels, tf.float32)
