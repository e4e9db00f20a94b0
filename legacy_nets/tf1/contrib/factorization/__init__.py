"""``tf.contrib.factorization``: k-means as graph and as estimator.

TensorFlow and tensorflow-estimator still hold both. Ours draw the first centres with the seed
that 1.15.5 used, so that the same data give the same clusters.
"""

from __future__ import annotations

from typing import Any

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.factorization import clustering_ops
from legacy_nets.tf1.contrib.factorization.clustering_ops import (
    CLUSTERS_VAR_NAME,
    COSINE_DISTANCE,
    KMC2_INIT,
    KMEANS_PLUS_PLUS_INIT,
    RANDOM_INIT,
    SQUARED_EUCLIDEAN_DISTANCE,
    KMeans,
    kmc2_chain_initialization,
    kmeans_plus_plus_initialization,
    nearest_neighbors,
)
from legacy_nets.tf1.contrib.factorization.kmeans import KMeansClustering

__all__ = [
    "CLUSTERS_VAR_NAME",
    "COSINE_DISTANCE",
    "KMC2_INIT",
    "KMEANS_PLUS_PLUS_INIT",
    "RANDOM_INIT",
    "SQUARED_EUCLIDEAN_DISTANCE",
    "KMeans",
    "KMeansClustering",
    "clustering_ops",
    "kmc2_chain_initialization",
    "kmeans_plus_plus_initialization",
    "nearest_neighbors",
]


def __getattr__(name: str) -> Any:
    raise refused.make_error("factorization", name)
