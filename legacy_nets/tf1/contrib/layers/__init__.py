"""``tf.contrib.layers``: layers by tf_slim, encoders and feature columns from here."""

from __future__ import annotations

import importlib
from typing import Any

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.layers.embedding_ops import (
    embedding_lookup_unique,
    safe_embedding_lookup_sparse,
)
from legacy_nets.tf1.contrib.layers.encoders import bow_encoder, embed_sequence
from legacy_nets.tf1.contrib.layers.feature_column import (
    bucketized_column,
    create_feature_spec_for_parsing,
    crossed_column,
    embedding_column,
    one_hot_column,
    real_valued_column,
    shared_embedding_columns,
    sparse_column_with_hash_bucket,
    sparse_column_with_integerized_feature,
    sparse_column_with_keys,
    sparse_column_with_vocabulary_file,
    weighted_sparse_column,
)

# Not "from tf_slim import layers": that name is taken by a module inside the package.
_slim = importlib.import_module("tf_slim.layers")
__all__ = [
    "bow_encoder",
    "bucketized_column",
    "create_feature_spec_for_parsing",
    "crossed_column",
    "embed_sequence",
    "embedding_column",
    "embedding_lookup_unique",
    "one_hot_column",
    "real_valued_column",
    "safe_embedding_lookup_sparse",
    "shared_embedding_columns",
    "sparse_column_with_hash_bucket",
    "sparse_column_with_integerized_feature",
    "sparse_column_with_keys",
    "sparse_column_with_vocabulary_file",
    "weighted_sparse_column",
]


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in dir(_slim) if not name.startswith("_"))})


def __getattr__(name: str) -> Any:
    try:
        return getattr(_slim, name)
    except AttributeError:
        raise refused.make_error("layers", name) from None
