"""``tf.contrib.training``: samples examples by chance or by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorLike


def _split_batch(tensors: list[TensorLike], threads: int, capacity: int) -> list[Tensor]:
    """Single examples, through a queue, from tensors with a batch dimension."""
    batched = tf.train.batch(tensors, 1, num_threads=threads, capacity=capacity, enqueue_many=True)
    batched = list(batched) if isinstance(batched, (list, tuple)) else [batched]
    return [tf.squeeze(tensor, [0]) for tensor in batched]


def rejection_sample(
    tensors: Sequence[TensorLike],
    accept_prob_fn: Callable[[list[TensorLike]], TensorLike],
    batch_size: int,
    queue_threads: int = 1,
    enqueue_many: bool = False,
    prebatch_capacity: int = 16,
    prebatch_threads: int = 1,
    runtime_checks: bool = False,
    name: str | None = None,
) -> list[Tensor]:
    """Batches of examples, each kept with the probability that ``accept_prob_fn`` gives it."""
    with tf.variable_scope(name, "rejection_sample", tensors):
        example = [tf.convert_to_tensor(tensor) for tensor in tensors]
        if enqueue_many:
            example = _split_batch(example, prebatch_threads, prebatch_capacity)
        chance = accept_prob_fn(example)
        if runtime_checks:
            within = [tf.assert_less_equal(0.0, chance), tf.assert_less_equal(chance, 1.0)]
            with tf.control_dependencies(within):
                chance = tf.identity(chance, name="prob_with_checks")
        keep = tf.random_uniform([]) < chance
        batch = tf.train.maybe_batch(example, keep, batch_size, num_threads=queue_threads)
        return list(batch) if isinstance(batch, (list, tuple)) else [batch]


def stratified_sample(
    tensors: Sequence[TensorLike],
    labels: TensorLike,
    target_probs: TensorLike,
    batch_size: int,
    init_probs: TensorLike | None = None,
    enqueue_many: bool = False,
    queue_capacity: int = 16,
    threads_per_queue: int = 1,
    name: str | None = None,
) -> tuple[list[Tensor], Tensor]:
    """Batches in which the classes have the shares ``target_probs`` (float [classes]).

    ``init_probs`` are their shares in the input; where they are not given they are counted as
    examples go by, beginning with ten of each.

    Returns:
      (batched tensors, labels int [batch]).
    """
    with tf.name_scope(name, "stratified_sample", [*tensors, labels]):
        example = [tf.convert_to_tensor(tensor) for tensor in tensors]
        labels = tf.convert_to_tensor(labels)
        target = tf.convert_to_tensor(target_probs, tf.float32)
        if not enqueue_many:
            example = [tensor[None] for tensor in example]
            labels = labels[None]
        if init_probs is None:
            share = _count_shares(labels, target.shape.num_elements())
        else:
            share = tf.convert_to_tensor(init_probs, tf.float32)
        possible = tf.reduce_all(tf.not_equal(share, 0) | tf.equal(target, 0))
        message = "All classes with zero initial probability must also have zero target: "
        with tf.control_dependencies([tf.Assert(possible, [message, share, target])]):
            ratio = tf.div_no_nan(target, share)
        accept = ratio / tf.reduce_max(ratio)
        *single, label = _split_batch([*example, labels], threads_per_queue, queue_capacity)
        keep = tf.random_uniform([]) < tf.gather(accept, label)
        *batch, batch_labels = tf.train.maybe_batch(
            [*single, label], keep, batch_size, num_threads=threads_per_queue
        )
        return batch, batch_labels


def _count_shares(labels: TensorLike, classes: int) -> Tensor:
    counts = tf.get_local_variable(
        "stratified_sample_counts", initializer=tf.fill([classes], 10.0), use_resource=True
    )
    seen = tf.reduce_sum(tf.one_hot(tf.cast(labels, tf.int64), classes), 0)
    counted = counts.assign_add(seen)
    return counted / tf.reduce_sum(counted)
