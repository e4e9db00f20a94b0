"""The estimator of k-means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.ops.gen_clustering_ops import kmeans_plus_plus_initialization

from legacy_nets.tf1.contrib.factorization.clustering_ops import (
    COSINE_DISTANCE,
    KMEANS_PLUS_PLUS_INIT,
    RANDOM_INIT,
    SQUARED_EUCLIDEAN_DISTANCE,
)
from legacy_nets.tf1.estimator import estimator_modules
from legacy_nets.types import FeatureColumn, InputFn, RunConfig, Tensor, TensorLike

__all__ = ["KMeansClustering"]

_Estimator: Any = estimator_modules["canned.kmeans"].KMeansClustering


def _make_random_chooser(seed: int) -> Callable[[list[Any], Any], Any]:
    """Up to k rows by chance; all, where there are no more than k."""

    def choose(inputs: list[TensorLike], k: TensorLike) -> Tensor:
        rows = tf.concat(inputs, 0)
        count = tf.shape(rows)[0]

        def draw() -> Tensor:
            chosen = tf.random_uniform([k], 0, tf.cast(count, tf.int64), tf.int64, seed=seed)
            return tf.gather(rows, chosen)

        return tf.cond(count <= k, lambda: rows, draw)

    return choose


def _make_spread_chooser(seed: int, distance: str, retries: int) -> Callable[[list[Any], Any], Any]:
    """k rows of the first input by k-means++, which asks for at least k."""

    def choose(inputs: list[TensorLike], k: TensorLike) -> Tensor:
        rows = tf.nn.l2_normalize(inputs[0], 1) if distance == COSINE_DISTANCE else inputs[0]
        count = tf.add_n([tf.shape(part)[0] for part in inputs])
        with tf.control_dependencies([tf.assert_greater_equal(count, k)]):
            return kmeans_plus_plus_initialization(rows, tf.cast(k, tf.int64), seed, retries)

    return choose


class KMeansClustering(_Estimator):
    """An estimator that finds clusters; features are float32 [N, D].

    Raises ValueError for an unknown distance or way to choose the first centres.
    """

    def __init__(
        self,
        num_clusters: int,
        model_dir: str | None = None,
        initial_clusters: TensorLike = RANDOM_INIT,
        distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE,
        random_seed: int = 0,
        use_mini_batch: bool = True,
        mini_batch_steps_per_iteration: int = 1,
        kmeans_plus_plus_num_retries: int = 2,
        relative_tolerance: float | None = None,
        config: RunConfig | None = None,
        feature_columns: Iterable[FeatureColumn] | None = None,
    ) -> None:
        chosen = initial_clusters
        if isinstance(chosen, str) and chosen == RANDOM_INIT:
            chosen = _make_random_chooser(random_seed)
        elif isinstance(chosen, str) and chosen == KMEANS_PLUS_PLUS_INIT:
            chosen = _make_spread_chooser(
                random_seed, distance_metric, kmeans_plus_plus_num_retries
            )
        super().__init__(
            num_clusters,
            model_dir,
            chosen,
            distance_metric,
            random_seed,
            use_mini_batch,
            mini_batch_steps_per_iteration,
            kmeans_plus_plus_num_retries,
            relative_tolerance,
            config,
            feature_columns,
        )

    def transform(self, input_fn: InputFn) -> Iterator[Tensor]:
        """Each input's distances to all centres, [K]; squared ones unless they are cosines."""
        return self._predict_one_key(input_fn, self.ALL_DISTANCES)
