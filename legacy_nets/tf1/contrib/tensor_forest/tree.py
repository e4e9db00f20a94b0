"""A decision tree that grows from batches, in NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from legacy_nets.tf1.contrib.tensor_forest.targets import Targets


class Limits(NamedTuple):
    """How a tree grows."""

    max_nodes: int
    split_after_samples: int
    candidates: int  # split candidates of a leaf
    strict: bool = False  # whether "<" sends to the left, rather than "<="


class Tree:
    """Nodes in arrays: node i goes on to ``left[i]`` or ``left[i] + 1``; a leaf has left -1.

    ``features`` are the columns that splits may ask for. ``sums`` are those of ``targets``.
    """

    def __init__(
        self, targets: Targets, limits: Limits, features: np.ndarray, rng: np.random.Generator
    ) -> None:
        self._targets = targets
        self._limits = limits
        self._features = features
        self.rng = rng
        self.load(np.full(1, -1), np.zeros(1, int), np.zeros(1, np.float32),
                  np.zeros((1, targets.width)))  # fmt: skip

    def load(
        self, left: np.ndarray, feature: np.ndarray, threshold: np.ndarray, sums: np.ndarray
    ) -> None:
        """Takes the nodes of another tree, without candidates: leaves draw new ones."""
        self.left, self.feature, self.threshold, self.sums = left, feature, threshold, sums
        self._candidates = _Candidates(0, self._limits.candidates, self._targets.width)
        self._slot = np.full(len(left), -1)  # of each node, in _candidates

    @property
    def full(self) -> bool:
        """Whether there are as many nodes as wanted (one more, if that is even)."""
        return len(self.left) >= self._limits.max_nodes

    def leaves(self, x: np.ndarray) -> np.ndarray:
        """The leaf [N] that each example of [N, D] comes to."""
        node = np.zeros(len(x), int)
        moving = np.arange(len(x))
        while len(moving):
            moving = moving[self.left[node[moving]] >= 0]
            at = node[moving]
            right = self._right(x[moving, self.feature[at]], self.threshold[at])
            node[moving] = self.left[at] + right
        return node

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Values [N, outputs]."""
        return self._targets.value(self.sums[self.leaves(x)])

    def _right(self, values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        return values >= thresholds if self._limits.strict else values > thresholds

    def train(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        """Learns from a batch [N, D], then splits the leaves that have seen enough, once."""
        if not len(x):
            return
        rows = self._targets.rows(labels, weights)
        leaf = self.leaves(x)
        order = np.argsort(leaf, kind="stable")
        x, rows, leaf = x[order], rows[order], leaf[order]
        reached, starts = np.unique(leaf, return_index=True)
        self.sums[reached] += np.add.reduceat(rows, starts)
        if self.full:
            return
        new = reached[self._slot[reached] < 0]
        self._slot[new] = self._candidates.take(len(new))
        self._draw(x, self._slot[leaf], starts)
        self._count(x, rows, self._slot[leaf], starts)
        self._split(reached)

    def _draw(self, x: np.ndarray, slot: np.ndarray, starts: np.ndarray) -> None:
        """Each example adds a candidate to its leaf, until that has all: its value of a feature."""
        held = self._candidates.held
        sizes = np.diff([*starts, len(x)])
        index = held[slot] + np.arange(len(x)) - np.repeat(starts, sizes)
        (drawing,) = np.nonzero(index < self._limits.candidates)
        feature = self.rng.choice(self._features, len(drawing))
        at = slot[drawing], index[drawing]
        self._candidates.feature[at] = feature
        self._candidates.threshold[at] = x[drawing, feature]
        self._candidates.sums[at] = 0
        held[slot[starts]] = np.minimum(held[slot[starts]] + sizes, self._limits.candidates)

    def _count(self, x: np.ndarray, rows: np.ndarray, slot: np.ndarray, starts: np.ndarray) -> None:
        """Adds the rows to that side of each candidate to which it would send the example."""
        values = np.take_along_axis(x, self._candidates.feature[slot], 1)
        right = self._right(values, self._candidates.threshold[slot])  # [N, candidates]
        total = np.add.reduceat(rows, starts)
        for i in range(self._targets.width):  # one at a time: [N, candidates] is large enough
            sent = np.add.reduceat(right * rows[:, i : i + 1], starts)
            self._candidates.sums[slot[starts], :, 0, i] += total[:, i : i + 1] - sent
            self._candidates.sums[slot[starts], :, 1, i] += sent

    def _split(self, leaves: np.ndarray) -> None:
        held = self._candidates
        seen = held.sums[self._slot[leaves], 0].sum(1)  # by the first candidate, on both sides
        ripe = self._targets.weight(seen) >= self._limits.split_after_samples
        leaves = leaves[ripe & (self._targets.impurity(seen) > 0)]
        slots = self._slot[leaves]
        sums = held.sums[slots]
        score = self._targets.impurity(sums).sum(-1)  # [leaves, candidates]
        parts = (self._targets.weight(sums) > 0).all(-1)
        parts &= np.arange(score.shape[1]) < held.held[slots][:, None]
        score = np.where(parts, score, np.inf)
        best = score.argmin(1)
        use = np.isfinite(score.min(1, initial=np.inf))
        held.held[slots[~use]] = 0  # none parts them: draw others
        self._divide(leaves[use], best[use])

    def _divide(self, leaves: np.ndarray, best: np.ndarray) -> None:
        """Makes leaves into nodes by the best of their candidates, as far as nodes are wanted."""
        room = -(-(self._limits.max_nodes - len(self.left)) // 2)
        leaves, best = leaves[:room], best[:room]
        slots, count = self._slot[leaves], len(leaves)
        self.left[leaves] = len(self.left) + 2 * np.arange(count)
        self.feature[leaves] = self._candidates.feature[slots, best]
        self.threshold[leaves] = self._candidates.threshold[slots, best]
        sums = self._candidates.sums[slots, best].reshape(2 * count, self._targets.width)
        self._candidates.give_back(slots)
        self._slot[leaves] = -1
        self.left = np.concatenate([self.left, np.full(2 * count, -1)])
        self.feature = np.concatenate([self.feature, np.zeros(2 * count, int)])
        self.threshold = np.concatenate([self.threshold, np.zeros(2 * count, np.float32)])
        self.sums = np.concatenate([self.sums, sums])
        self._slot = np.concatenate([self._slot, np.full(2 * count, -1)])
        if self.full:  # what the leaves have counted is of no more use
            self._candidates = _Candidates(0, self._limits.candidates, self._targets.width)


class _Candidates:
    """The split candidates of leaves, each leaf's in a slot; slots are used again."""

    def __init__(self, slots: int, candidates: int, width: int) -> None:
        self.feature = np.zeros((slots, candidates), int)
        self.threshold = np.zeros((slots, candidates), np.float32)
        self.sums = np.zeros((slots, candidates, 2, width))  # of the left and of the right
        self.held = np.zeros(slots, int)  # how many candidates a slot has
        self._free: list[int] = list(range(slots))

    def take(self, count: int) -> list[int]:
        """Slots for so many leaves, all empty."""
        before = len(self.held)
        more = max(count - len(self._free), 0)
        if more:
            more = max(more, before)  # doubles
            for name in ("feature", "threshold", "sums", "held"):
                array = getattr(self, name)
                setattr(self, name, np.pad(array, [(0, more)] + [(0, 0)] * (array.ndim - 1)))
            self._free += range(before, before + more)
        taken, self._free = self._free[:count], self._free[count:]
        self.held[taken] = 0
        return taken

    def give_back(self, slots: np.ndarray) -> None:
        """Makes slots free for other leaves."""
        self._free += slots.tolist()
