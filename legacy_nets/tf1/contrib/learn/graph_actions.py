"""Values of tensors in a session of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import tensorflow.compat.v1 as tf

from legacy_nets.types import Array, Tensor, TensorLike


def run_feeds_iter(
    output_dict: Mapping[str, Tensor],
    feed_dicts: Iterable[Mapping[Tensor, TensorLike] | None],
    restore_checkpoint_path: str | None = None,
) -> Iterator[dict[str, Array]]:
    """Yields the values of tensors for each feed, in a new session.

    Args:
      output_dict: tensors of one graph, by name.
      feed_dicts: what is fed, one run each.
      restore_checkpoint_path: the weights; without, variables are initialized.

    Raises:
      ValueError: there is nothing to run, or nothing to feed.
    """
    if not output_dict:
        raise ValueError(f"output_dict is invalid: {output_dict}.")
    if not feed_dicts:
        raise ValueError(f"feed_dicts is invalid: {feed_dicts}.")
    graph = next(iter(output_dict.values())).graph
    with graph.as_default(), tf.Session() as session:
        if restore_checkpoint_path:
            tf.train.Saver().restore(session, restore_checkpoint_path)
        else:
            session.run(tf.global_variables_initializer())
        session.run([tf.local_variables_initializer(), tf.tables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            for feed in feed_dicts:
                yield session.run(dict(output_dict), feed)
        finally:
            coordinator.request_stop()
            coordinator.join(threads, stop_grace_period_secs=120)


def run_feeds(
    output_dict: Mapping[str, Tensor],
    feed_dicts: Iterable[Mapping[Tensor, TensorLike] | None],
    restore_checkpoint_path: str | None = None,
) -> list[dict[str, Array]]:
    """Returns the values of tensors for each feed. Raises ValueError as ``run_feeds_iter``."""
    return list(run_feeds_iter(output_dict, feed_dicts, restore_checkpoint_path))


def run_n(
    output_dict: Mapping[str, Tensor],
    feed_dict: Mapping[Tensor, TensorLike] | None = None,
    restore_checkpoint_path: str | None = None,
    n: int = 1,
) -> list[dict[str, Array]]:
    """Returns the values of tensors in ``n`` runs. Raises ValueError as ``run_feeds_iter``."""
    return run_feeds(output_dict, [feed_dict] * n, restore_checkpoint_path)


def infer(
    restore_checkpoint_path: str,
    output_dict: Mapping[str, Tensor],
    feed_dict: Mapping[Tensor, TensorLike] | None = None,
) -> dict[str, Array]:
    """Returns the values of tensors with the weights of a checkpoint."""
    return run_feeds(output_dict, [feed_dict], restore_checkpoint_path)[0]
