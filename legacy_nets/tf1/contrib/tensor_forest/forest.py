"""Some trees, their growth by batches, and their place in graphs, sessions and checkpoints."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.ops import resources
from tensorflow.python.training import saver

from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.tf1.contrib.tensor_forest.targets import Classes, Numbers
from legacy_nets.tf1.contrib.tensor_forest.tree import Limits, Tree
from legacy_nets.types import Operation, TensorLike

_NODES = ("left", "feature", "threshold", "sums")  # in a file, as Tree.load takes them


class Forest:
    """The trees of ``ForestHParams``, which live outside of the graph. Safe to use in threads."""

    def __init__(self, params: Any, seed: int | None) -> None:
        self._params = params
        self._seed = seed
        self._trees: list[Tree] | None = None
        self._lock = threading.Lock()

    def create(self) -> bool:
        """Plants the trees, one leaf each; those before are forgotten."""
        with self._lock:
            self._trees = self._plant_trees()
        return True

    def exists(self) -> bool:
        """Whether the trees were planted or restored."""
        return self._trees is not None

    def _plant_trees(self) -> list[Tree]:
        params = self._params
        targets = Numbers if params.regression else Classes
        limits = Limits(params.max_nodes, int(params.split_after_samples),
                        params.num_splits_to_consider, params.split_name == "less")  # fmt: skip
        every = [np.arange(params.num_features)] * params.num_trees
        columns = params.bagged_features or every
        rngs = np.random.default_rng(self._seed).spawn(params.num_trees)
        return [
            Tree(targets(params.num_classes), limits, np.asarray(own), rng)
            for own, rng in zip(columns, rngs, strict=True)
        ]

    def _get_trees(self) -> list[Tree]:
        if self._trees is None:
            raise BadInputError(
                "tensor_forest: the forest is not initialized: run "
                "resources.initialize_resources(resources.shared_resources()) first"
            )
        return self._trees

    def train(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> bool:
        """Shows a batch [N, D] to each tree, or to some trees a part of it (bagging)."""
        with self._lock:
            for tree in self._get_trees():
                share = self._params.bagging_fraction
                kept = slice(None) if share >= 1 else tree.rng.random(len(x)) < share
                tree.train(x[kept], labels[kept], weights[kept])
        return True

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means over the trees and their variances, both float32 [N, outputs]."""
        with self._lock:
            values = np.stack([tree.predict(x) for tree in self._get_trees()])
        return values.mean(0).astype(np.float32), values.var(0).astype(np.float32)

    def size(self) -> np.float32:
        """Nodes of a tree, on average."""
        return np.float32(np.mean([len(tree.left) for tree in self._get_trees()]))

    def feature_counts(self) -> np.ndarray:
        """How many nodes ask for each feature: float64 [D]."""
        asked = [tree.feature[tree.left >= 0] for tree in self._get_trees()]
        counts = np.bincount(np.concatenate(asked), minlength=self._params.num_features)
        return counts.astype(np.float64)

    def dump(self) -> bytes:
        """All nodes, as an npz file. What leaves have counted for their next split is left out."""
        with self._lock:
            trees = self._get_trees()
            file = io.BytesIO()
            np.savez_compressed(
                file,
                sizes=[len(tree.left) for tree in trees],
                left=np.concatenate([tree.left for tree in trees]),
                feature=np.concatenate([tree.feature for tree in trees]),
                threshold=np.concatenate([tree.threshold for tree in trees]),
                sums=np.concatenate([tree.sums for tree in trees]),
            )
            return file.getvalue()

    def load(self, data: bytes) -> bool:
        """Takes the nodes of ``dump``. Raises CheckpointError where they do not fit."""
        trees = self._plant_trees()
        with np.load(io.BytesIO(data)) as file:
            sizes, parts = file["sizes"], [file[name] for name in _NODES]
        widths = len(sizes), parts[-1].shape[1]
        wanted = len(trees), trees[0].sums.shape[1]
        if widths != wanted:
            raise CheckpointError(
                f"tensor_forest: the checkpoint has {widths[0]} trees with {widths[1]} numbers "
                f"in a leaf, the graph {wanted[0]} with {wanted[1]}: build it with the same "
                f"ForestHParams"
            )
        cuts = np.cumsum(sizes)[:-1]
        for tree, *nodes in zip(trees, *(np.split(part, cuts) for part in parts), strict=True):
            tree.load(*nodes)
        with self._lock:
            self._trees = trees
        return True


class Saveable(saver.BaseSaverBuilder.SaveableObject):
    """A forest in checkpoints: one string."""

    def __init__(self, forest: Forest, name: str) -> None:
        self._forest = forest
        dumped = tf.numpy_function(forest.dump, [], tf.string)
        dumped.set_shape([])
        spec = saver.BaseSaverBuilder.SaveSpec(dumped, "", name)
        super().__init__(dumped, [spec], name)

    def restore(self, restored_tensors: TensorLike, restored_shapes: TensorLike) -> Operation:
        """The operation that takes what was read."""
        return tf.numpy_function(self._forest.load, restored_tensors, tf.bool).op


def in_graph(params: Any) -> Forest:
    """A forest that initialization, readiness checks and savers of the default graph know."""
    graph = tf.get_default_graph()
    forest = Forest(params, params.base_random_seed or graph.seed)
    name = graph.unique_name("tensor_forest")
    with tf.name_scope(f"{name}/state/"):
        resources.register_resource(
            tf.constant(name, name="handle"),
            tf.numpy_function(forest.create, [], tf.bool, name="create").op,
            tf.ensure_shape(tf.numpy_function(forest.exists, [], tf.bool, name="exists"), []),
        )
        tf.add_to_collection(tf.GraphKeys.SAVEABLE_OBJECTS, Saveable(forest, name))
    return forest
