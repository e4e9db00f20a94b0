"""``tensorflow.python.data.experimental.ops.threadpool``: threads of a data set's own."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.types import Dataset


class PrivateThreadPool(NamedTuple):
    """Threads for the parallel operations of data sets."""

    num_threads: int
    display_name: str | None = None
    max_intra_op_parallelism: int = 1


def override_threadpool(dataset: Dataset, thread_pool: PrivateThreadPool) -> Dataset:
    """Returns the same data set, computed by the threads of ``thread_pool``."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = thread_pool.num_threads
    options.threading.max_intra_op_parallelism = thread_pool.max_intra_op_parallelism
    return dataset.with_options(options)
