"""``tf.contrib.training``: queues that batch examples of alike length together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, QueueBase, ShapeLike, Structure, Tensor, TensorLike


def _as_list(tensors: Sequence[TensorLike]) -> list[Tensor]:
    """The tensors of a list, or of a dict in the order of its sorted names."""
    chosen = [tensors[key] for key in sorted(tensors)] if isinstance(tensors, dict) else tensors
    tensor_list = [tf.convert_to_tensor(tensor) for tensor in chosen]
    if not tensor_list:
        raise ValueError("Expected at least one tensor in bucket().")
    return tensor_list


def _restore_structure(given: object, values: list[TensorLike]) -> Structure:
    return dict(zip(sorted(given), values, strict=True)) if isinstance(given, dict) else values


def bucket(
    tensors: Sequence[TensorLike],
    which_bucket: TensorLike,
    batch_size: TensorLike,
    num_buckets: int,
    num_threads: int = 1,
    capacity: int = 32,
    bucket_capacities: TensorLike | None = None,
    shapes: Sequence[ShapeLike] | None = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    keep_input: TensorLike = True,
    shared_name: str | None = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Puts each example into a queue of its bucket, and gives out full batches of one bucket.

    Args:
      tensors: an example: a list or dict of dense tensors.
      which_bucket: int32 scalar, the index of the example's bucket.
      batch_size: one number, or one per bucket.

    Returns (int32 scalar: the bucket, batched tensors as a list or dict). Queue runners fill it.
    """
    sizes = list(batch_size) if isinstance(batch_size, (list, tuple)) else None
    if sizes is not None and len(sizes) != num_buckets:
        raise ValueError("If batch_size is a list it must have num_buckets elements")
    capacities = _check_capacities(bucket_capacities or [capacity] * num_buckets, num_buckets)
    example = _as_list(tensors)
    shapes = [tensor.shape for tensor in example] if shapes is None else shapes
    shapes = [tf.TensorShape(shape) for shape in shapes]
    types = [tensor.dtype for tensor in example]
    with tf.name_scope(name, "bucket", example):
        make_queue = tf.PaddingFIFOQueue if dynamic_pad else tf.FIFOQueue
        queues = [
            make_queue(
                capacities[i], types, shapes, name=f"bucket_queue_{i}",
                shared_name=f"{shared_name}_{i}" if shared_name else None,
            )
            for i in range(num_buckets)
        ]  # fmt: skip
        known = [None if allow_smaller_final_batch or sizes is not None else batch_size]
        batched = [tf.TensorShape(known).concatenate(shape) for shape in shapes]
        top = tf.PaddingFIFOQueue(
            capacity, [tf.int32, *types], [[], *batched], shared_name=shared_name, name="top_queue"
        )
        which = tf.convert_to_tensor(which_bucket, tf.int32)
        keep = tf.convert_to_tensor(keep_input, tf.bool)
        enqueue = tf.group(*[
            tf.cond(keep & tf.equal(which, i), lambda i=i: queues[i].enqueue(example), tf.no_op)
            for i in range(num_buckets)
        ])  # fmt: skip
        to_top = [
            _move_batch(queue, top, i, batch_size if sizes is None else sizes[i],
                        allow_smaller_final_batch)
            for i, queue in enumerate(queues)
        ]  # fmt: skip
        _run_queues(queues, top, enqueue, num_threads, to_top)
        bucket_index, *values = top.dequeue(name="dequeue_top")
    return bucket_index, _restore_structure(tensors, values)


def _check_capacities(capacities: Sequence[int], num_buckets: int) -> Sequence[int]:
    if len(capacities) != num_buckets:
        raise ValueError(
            f"The list bucket_capacities ({capacities}) must have exactly num_buckets "
            f"({num_buckets}) elements."
        )
    return capacities


def _move_batch(
    queue: QueueBase, top: QueueBase, bucket_index: int, size: int, allow_smaller: bool
) -> Operation:
    """Makes the operation that moves a batch from a bucket's queue to the one on top."""
    take = queue.dequeue_up_to if allow_smaller else queue.dequeue_many
    batch = take(size)
    batch = list(batch) if isinstance(batch, (list, tuple)) else [batch]
    return top.enqueue([tf.constant(bucket_index), *batch])


def _run_queues(
    queues: list[QueueBase],
    top: QueueBase,
    enqueue: Operation,
    num_threads: int,
    to_top: list[Operation],
) -> None:
    """One runner fills the buckets, the other the queue on top of them."""
    over = (tf.errors.OutOfRangeError, tf.errors.CancelledError)
    tf.train.add_queue_runner(
        tf.train.QueueRunner(
            queues[0],
            to_top,
            close_op=top.close(),
            cancel_op=top.close(cancel_pending_enqueues=True),
            queue_closed_exception_types=over,
        )
    )
    tf.train.add_queue_runner(
        tf.train.QueueRunner(
            top,
            [enqueue] * num_threads,
            close_op=tf.group(*[queue.close() for queue in queues]),
            cancel_op=tf.group(*[queue.close(cancel_pending_enqueues=True) for queue in queues]),
            queue_closed_exception_types=over,
        )
    )


def bucket_by_sequence_length(
    input_length: TensorLike,
    tensors: Sequence[TensorLike],
    batch_size: TensorLike,
    bucket_boundaries: TensorLike,
    num_threads: int = 1,
    capacity: int = 32,
    bucket_capacities: TensorLike | None = None,
    shapes: Sequence[ShapeLike] | None = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    keep_input: TensorLike = True,
    shared_name: str | None = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """``bucket`` by length: below the first boundary, from it to below the second, and so on.

    Returns:
      (int32 [batch]: lengths, batched tensors as a list or dict).
    """
    if not isinstance(bucket_boundaries, (list, tuple)):
        raise TypeError(
            f"bucket_boundaries must be a list or tuple, but received: {bucket_boundaries}"
        )
    if not bucket_boundaries:
        raise ValueError("bucket_boundaries must not be empty")
    for low, high in itertools.pairwise(bucket_boundaries):
        if not isinstance(low, int) or not isinstance(high, int):
            raise TypeError(f"bucket boundaries must be integers, but saw: {low} and {high}")
        if low >= high:
            raise ValueError(
                f"Buckets must contain sequential increasing lengths, but saw: {low} before {high}"
            )
    example = _as_list(tensors)
    with tf.name_scope(name, "bucket_by_sequence_length", [input_length, *example]):
        length = tf.convert_to_tensor(input_length, tf.int32)
        reached = tf.greater_equal(length, np.array(bucket_boundaries, np.int32))
        _, (lengths, *values) = bucket(
            [length, *example], tf.reduce_sum(tf.cast(reached, tf.int32)), batch_size,
            len(bucket_boundaries) + 1, num_threads, capacity, bucket_capacities,
            None if shapes is None else [[], *shapes], dynamic_pad, allow_smaller_final_batch,
            keep_input, shared_name,
        )  # fmt: skip
        return lengths, _restore_structure(tensors, values)
