"""Columns of categories as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from legacy_nets.tf1.contrib.learn.preprocessing.categorical_vocabulary import CategoricalVocabulary
from legacy_nets.types import Tensor, TensorLike


class CategoricalProcessor:
    """Columns of categories as numbers, each with a vocabulary of its own or all with one."""

    def __init__(
        self, min_frequency: int = 0, share: bool = False,
        vocabularies: list[CategoricalVocabulary] | None = None,
    ) -> None:  # fmt: skip
        self.min_frequency = min_frequency
        self.share = share
        self.vocabularies_ = vocabularies

    def freeze(self, freeze: bool = True) -> None:
        """Freezes every vocabulary."""
        for vocabulary in self.vocabularies_ or []:
            vocabulary.freeze(freeze)

    def _number(
        self,
        row: Iterable[object],
        number: Callable[[CategoricalVocabulary, TensorLike], TensorLike],
    ) -> list[Tensor]:
        if self.vocabularies_ is None:
            one = CategoricalVocabulary()
            self.vocabularies_ = [one if self.share else CategoricalVocabulary() for _ in row]
        # What is no number (not equal to itself) is unknown.
        return [
            number(self.vocabularies_[column], value) if value == value else 0
            for column, value in enumerate(row)
        ]

    def fit(self, x: Iterable[TensorLike], unused_y: object = None) -> CategoricalProcessor:
        """Learns the categories of rows [N][columns]."""
        for row in x:
            self._number(row, CategoricalVocabulary.add)
        if self.min_frequency > 0:
            for vocabulary in self.vocabularies_ or []:
                vocabulary.trim(self.min_frequency)
        self.freeze()
        return self

    def fit_transform(
        self, x: Iterable[TensorLike], unused_y: object = None
    ) -> Iterator[np.ndarray]:
        """``fit``, then ``transform``."""
        self.fit(x)
        return self.transform(x)

    def transform(self, x: Iterable[TensorLike]) -> Iterator[np.ndarray]:
        """Each row as int64 [columns]."""
        self.freeze()
        for row in x:
            yield np.array(self._number(row, CategoricalVocabulary.get), np.int64)
