"""The graph of k-means, as TensorFlow still has it, with the seed that 1.15.5 used."""

from __future__ import annotations

from tensorflow.python.ops import clustering_ops as _ops
from tensorflow.python.ops.gen_clustering_ops import (
    kmc2_chain_initialization,
    kmeans_plus_plus_initialization,
    nearest_neighbors,
)

from legacy_nets.types import TensorLike

__all__ = [
    "COSINE_DISTANCE",
    "KMEANS_PLUS_PLUS_INIT",
    "RANDOM_INIT",
    "SQUARED_EUCLIDEAN_DISTANCE",
    "KMeans",
    "kmc2_chain_initialization",
    "kmeans_plus_plus_initialization",
    "nearest_neighbors",
]

SQUARED_EUCLIDEAN_DISTANCE = _ops.SQUARED_EUCLIDEAN_DISTANCE
COSINE_DISTANCE = _ops.COSINE_DISTANCE
RANDOM_INIT = _ops.RANDOM_INIT
KMEANS_PLUS_PLUS_INIT = _ops.KMEANS_PLUS_PLUS_INIT
KMC2_INIT = _ops.KMC2_INIT
CLUSTERS_VAR_NAME = _ops.CLUSTERS_VAR_NAME


class KMeans(_ops.KMeans):
    """The graph of k-means: ``training_graph()`` gives its scores, its first step and a step.

    ``inputs`` is a float32 [N, D] or a list of them. Raises ValueError for an unknown distance or
    way to choose the first centres.
    """

    def __init__(
        self,
        inputs: TensorLike,
        num_clusters: TensorLike,
        initial_clusters: TensorLike = RANDOM_INIT,
        distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE,
        use_mini_batch: bool = False,
        mini_batch_steps_per_iteration: int = 1,
        random_seed: int = 0,
        kmeans_plus_plus_num_retries: int = 2,
        kmc2_chain_length: int = 200,
    ) -> None:
        super().__init__(
            inputs,
            num_clusters,
            initial_clusters,
            distance_metric,
            use_mini_batch,
            mini_batch_steps_per_iteration,
            random_seed,
            kmeans_plus_plus_num_retries,
            kmc2_chain_length,
        )
        self._seed = random_seed  # today's class puts the graph's seed in its place
