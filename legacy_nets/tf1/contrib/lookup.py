"""``tf.contrib.lookup``: tables of strings and integers."""

from __future__ import annotations

import tensorflow.compat.v1 as tf
from tensorflow.python.ops.lookup_ops import (
    FastHashSpec,
    HasherSpec,
    IdTableWithHashBuckets,
    KeyValueTensorInitializer,
    LookupInterface,
    StaticHashTableV1,
    StrongHashSpec,
    TableInitializerBase,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileInitializer,
    TextFileStringTableInitializer,
    index_table_from_file,
    index_to_string_table_from_file,
)
from tensorflow.python.ops.lookup_ops import index_table_from_tensor as _index_table_from_tensor
from tensorflow.python.ops.lookup_ops import (
    index_to_string_table_from_tensor as _index_to_string_table_from_tensor,
)

from legacy_nets.types import DTypeLike, Initializer, Operation, Tensor, TensorLike

MutableHashTable = tf.lookup.experimental.MutableHashTable
MutableDenseHashTable = tf.lookup.experimental.DenseHashTable

__all__ = [
    "FastHashSpec",
    "HashTable",
    "HasherSpec",
    "IdTableWithHashBuckets",
    "KeyValueTensorInitializer",
    "LookupInterface",
    "MutableDenseHashTable",
    "MutableHashTable",
    "StrongHashSpec",
    "TableInitializerBase",
    "TextFileIdTableInitializer",
    "TextFileIndex",
    "TextFileInitializer",
    "TextFileStringTableInitializer",
    "index_table_from_file",
    "index_table_from_tensor",
    "index_to_string",
    "index_to_string_table_from_file",
    "index_to_string_table_from_tensor",
    "string_to_index",
    "string_to_index_table_from_file",
    "string_to_index_table_from_tensor",
]


class HashTable(StaticHashTableV1):
    """A table that an initializer fills once; ``init`` is its operation."""

    def __init__(
        self,
        initializer: Initializer,
        default_value: TensorLike,
        shared_name: object = None,
        name: str | None = None,
    ) -> None:
        super().__init__(initializer, default_value, name)

    @property
    def init(self) -> Operation:
        """The operation that fills the table."""
        return self.initializer


def index_table_from_tensor(
    mapping: TensorLike,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: object = FastHashSpec,
    dtype: DTypeLike = tf.string,
    name: str | None = None,
) -> LookupInterface:
    """A table from the entries of ``mapping`` to their indices, int64."""
    return _index_table_from_tensor(
        mapping, num_oov_buckets, default_value, hasher_spec, dtype, name
    )


def index_to_string_table_from_tensor(
    mapping: TensorLike, default_value: str = "UNK", name: str | None = None
) -> LookupInterface:
    """A table from int64 indices to the strings of ``mapping``."""
    return _index_to_string_table_from_tensor(mapping, default_value, name)


def string_to_index_table_from_file(
    vocabulary_file: TensorLike | None = None,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    hasher_spec: object = FastHashSpec,
    name: str | None = None,
) -> LookupInterface:
    """The older name of ``index_table_from_file``."""
    return index_table_from_file(
        vocabulary_file, num_oov_buckets, vocab_size, default_value, hasher_spec, name=name
    )


def string_to_index_table_from_tensor(
    mapping: TensorLike,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: object = FastHashSpec,
    name: str | None = None,
) -> LookupInterface:
    """The older name of ``index_table_from_tensor``."""
    return index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, name=name)


def string_to_index(
    tensor: TensorLike, mapping: TensorLike, default_value: int = -1, name: str | None = None
) -> Tensor:
    """Indices of strings in a list of strings."""
    table = index_table_from_tensor(mapping, default_value=default_value, name=name)
    return table.lookup(tensor)


def index_to_string(
    tensor: TensorLike, mapping: TensorLike, default_value: str = "UNK", name: str | None = None
) -> Tensor:
    """Strings of int64 indices into a list of strings."""
    return index_to_string_table_from_tensor(mapping, default_value, name=name).lookup(tensor)
