"""``tensor_forest.python.tensor_forest``: a forest's settings and its graphs."""

from __future__ import annotations

import functools
import math
import random
import warnings
from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.tensor_forest import forest as _forest
from legacy_nets.tf1.contrib.tensor_forest.python.ops import data_ops
from legacy_nets.types import Operation, Tensor, TensorLike

__all__ = ["DifferentForestWarning", "ForestHParams", "RandomForestGraphs"]


class DifferentForestWarning(UserWarning):
    """The forest is not the one that TensorFlow 1.15 grows from the same data."""


# Settings of 1.15 that are offered with their default only.
_ONLY = {
    "model_name": ("all_dense", "sparse_then_dense", "all_sparse"),  # they predict the same
    "split_finish_name": ("basic",),
    "split_pruning_name": ("none",),
    "split_name": ("less_or_equal", "less"),
    "inference_tree_paths": (False,),
    "param_file": (None,),
}


@functools.cache  # once in a process
def _warn_of_different_forest() -> None:
    warnings.warn(
        "tf.contrib.tensor_forest grows another forest than TensorFlow 1.15 did: its C++ kernels "
        "were removed, and NumPy grows the trees by the same rules from other random draws. "
        "Checkpoints of TensorFlow 1 hold trees that cannot be read here, and all sessions of a "
        "graph share one forest",
        DifferentForestWarning,
        stacklevel=3,
    )


class ForestHParams:
    """Settings; whatever else is given by name becomes an attribute, too.

    Wanted are ``num_classes`` (for regression: the numbers of an example's label) and
    ``num_features``; ``regression=True`` for numbers. ``base_random_seed`` fixes the draws, and
    so does tf.set_random_seed. Raises BadInputError in ``fill`` for what is not offered.
    """

    def __init__(
        self,
        num_trees: int = 100,
        max_nodes: int = 10000,
        bagging_fraction: float = 1.0,
        num_splits_to_consider: int = 0,
        feature_bagging_fraction: float = 1.0,
        max_fertile_nodes: int = 0,
        split_after_samples: int = 250,
        valid_leaf_threshold: int = 1,
        dominate_method: str = "bootstrap",
        dominate_fraction: float = 0.99,
        model_name: str = "all_dense",
        split_finish_name: str = "basic",
        split_pruning_name: str = "none",
        prune_every_samples: int = 0,
        early_finish_check_every_samples: int = 0,
        collate_examples: bool = False,
        checkpoint_stats: bool = False,
        use_running_stats_method: bool = False,
        initialize_average_splits: bool = False,
        inference_tree_paths: bool = False,
        param_file: str | None = None,
        split_name: str = "less_or_equal",
        **kwargs: object,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "kwargs")}
        vars(self).update(given, **kwargs)

    def values(self) -> dict[str, Tensor]:
        """All settings."""
        return vars(self)

    def fill(self) -> ForestHParams:
        """Works out what was not given. Returns self."""
        own: Any = self
        for name, offered in _ONLY.items():
            if getattr(own, name) not in offered:
                raise BadInputError(
                    f"tensor_forest.ForestHParams({name}={getattr(own, name)!r}) is not offered: "
                    f"take {' or '.join(map(repr, offered))}"
                )
        own.bagged_num_features = int(own.feature_bagging_fraction * own.num_features)
        own.regression = getattr(own, "regression", False)
        own.base_random_seed = getattr(own, "base_random_seed", 0)
        own.bagged_features = None
        if own.feature_bagging_fraction < 1.0:
            draw = random.Random(own.base_random_seed or None)
            own.bagged_features = [
                draw.sample(range(own.num_features), own.bagged_num_features)
                for _ in range(own.num_trees)
            ]
        own.num_outputs = own.num_classes if own.regression else 1
        own.num_output_columns = own.num_classes + 1
        if not own.num_splits_to_consider:
            own.num_splits_to_consider = min(max(10, math.isqrt(own.num_features)), 1000)
        return self


class RandomForestGraphs:
    """Graphs that train a forest and ask it, for filled ForestHParams.

    ``device_assigner`` and ``training`` are taken and ignored: the forest is on the CPU.
    """

    def __init__(
        self, params: Any, device_assigner: object = None, training: bool = True
    ) -> None:  # fmt: skip
        _warn_of_different_forest()
        self.params = params
        self._forest = _forest.in_graph(params)

    def _features(self, input_data: TensorLike) -> Tensor:
        """Raises BadInputError where they are not ``num_features`` wide."""
        dense, _, spec = data_ops.ParseDataTensorOrDict(input_data)
        if spec.dense_features_size not in (None, self.params.num_features):
            raise BadInputError(
                f"tensor_forest: features are {spec.dense_features_size} wide and num_features="
                f"{self.params.num_features}: make them the same"
            )
        return dense

    def training_graph(
        self,
        input_data: TensorLike,
        input_labels: TensorLike,
        num_trainers: int = 1,
        trainer_id: int = 0,
        input_weights: TensorLike | None = None,
    ) -> Operation:
        """An operation that shows a batch to the forest.

        ``input_data``: [N, D] or a dict of such; ``input_labels``: class numbers [N], or numbers
        [N, num_classes] for regression; ``input_weights``: [N]. All trees train in this process,
        whatever ``num_trainers`` is.
        """
        x = self._features(input_data)
        labels = data_ops.ParseLabelTensorOrDict(input_labels)
        weights = tf.ones(tf.shape(x)[:1]) if input_weights is None else input_weights
        weights = tf.reshape(tf.cast(weights, tf.float32), [-1])
        trained = tf.numpy_function(self._forest.train, [x, labels, weights], tf.bool)
        return tf.group(trained, name="train")

    def inference_graph(self, input_data: TensorLike) -> tuple[Tensor, Tensor, Tensor]:
        """(probabilities, paths, variance) for [N, D], or a dict of such.

        Probabilities (for regression: predictions) are means over the trees, float32
        [N, num_classes]; paths are an empty string tensor [0, num_trees], as in 1.15 without
        ``inference_tree_paths``; variance is that of the trees, float32 [N, num_classes].
        """
        x = self._features(input_data)
        mean, variance = tf.numpy_function(self._forest.predict, [x], [tf.float32, tf.float32])
        for result in (mean, variance):
            result.set_shape([x.shape[0], self.params.num_classes])
        paths = tf.zeros([0, self.params.num_trees], tf.string)
        return tf.identity(mean, name="probabilities"), paths, variance

    def average_size(self) -> Tensor:
        """How many nodes a tree has on average: float32 []."""
        size = tf.numpy_function(self._forest.size, [], tf.float32)
        size.set_shape([])
        return size

    def training_loss(
        self, features: Mapping[str, Tensor], labels: TensorLike, name: str = "training_loss"
    ) -> Tensor:
        """The average size with a minus: a forest is better the more it has grown."""
        return tf.negative(self.average_size(), name=name)

    def validation_loss(self, features: Mapping[str, Tensor], labels: TensorLike) -> Tensor:
        """The same."""
        return tf.negative(self.average_size())

    def feature_importances(self) -> Tensor:
        """The share of nodes that ask for each feature: float64 [num_features]."""
        counts = tf.numpy_function(self._forest.feature_counts, [], tf.float64)
        counts.set_shape([self.params.num_features])
        return counts / tf.reduce_sum(counts)
