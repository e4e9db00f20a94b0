"""What a forest learns, as rows of sums: a node's rows added up tell its value and impurity."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from legacy_nets.errors import BadInputError


class Targets(Protocol):
    """Sums over examples, with ``width`` numbers in the last axis."""

    width: int

    def rows(self, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """What each of N examples adds: float64 [N, width]."""

    def weight(self, sums: np.ndarray) -> np.ndarray:
        """The examples' weight in sums [..., width]: [...]."""

    def impurity(self, sums: np.ndarray) -> np.ndarray:
        """What a split makes small, times the weight: [...]."""

    def value(self, sums: np.ndarray) -> np.ndarray:
        """What is predicted: [..., outputs]; 0 where no example came."""


class Classes:
    """Class numbers [N]; a leaf predicts the share of each class, its impurity is Gini's."""

    def __init__(self, count: int) -> None:
        self.width = count

    def rows(self, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Raises BadInputError for a label that is no class."""
        classes = labels.reshape(-1).astype(np.int64)
        if len(classes) and not 0 <= classes.min() <= classes.max() < self.width:
            raise BadInputError(
                f"tensor_forest: labels from {classes.min()} to {classes.max()} and "
                f"num_classes={self.width}: labels must be 0 to {self.width - 1}"
            )
        return np.eye(self.width)[classes] * weights[:, None]

    def weight(self, sums: np.ndarray) -> np.ndarray:
        """Of all classes together."""
        return sums.sum(-1)

    def impurity(self, sums: np.ndarray) -> np.ndarray:
        """Gini's, times the weight."""
        weight = self.weight(sums)
        return weight - np.square(sums).sum(-1) / np.maximum(weight, 1e-12)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """The share of each class."""
        return sums / np.maximum(self.weight(sums), 1e-12)[..., None]


class Numbers:
    """Numbers [N, D]; a leaf predicts their mean, its impurity is the squared distance to it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.width = 1 + 2 * count  # weight, sums, sums of squares

    def rows(self, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Weight, numbers and their squares."""
        numbers = labels.reshape(-1, self.count).astype(np.float64)
        rows = np.concatenate([np.ones((len(numbers), 1)), numbers, numbers**2], 1)
        return rows * weights[:, None]

    def weight(self, sums: np.ndarray) -> np.ndarray:
        """The first column."""
        return sums[..., 0]

    def impurity(self, sums: np.ndarray) -> np.ndarray:
        """Squared distances to the mean, added up."""
        first, second = sums[..., 1 : 1 + self.count], sums[..., 1 + self.count :]
        distance = second - np.square(first) / np.maximum(sums[..., :1], 1e-12)
        # Equal numbers have none; what rounding leaves would be split for nothing.
        return np.where(distance > 1e-9 * second, distance, 0).sum(-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """The mean."""
        return sums[..., 1 : 1 + self.count] / np.maximum(sums[..., :1], 1e-12)
