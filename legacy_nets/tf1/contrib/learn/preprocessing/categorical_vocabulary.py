"""Numbers for categories."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Any


class CategoricalVocabulary:
    """Numbers for categories, from 1 on in the order of their coming; 0 is the unknown one."""

    def __init__(self, unknown_token: str = "<UNK>", support_reverse: bool = True) -> None:
        self._unknown_token = unknown_token
        self._support_reverse = support_reverse
        self._freq: dict[Any, int] = collections.defaultdict(int)
        self._freeze = False
        self._number([])

    def _number(self, categories: Iterable[object]) -> None:
        names = [self._unknown_token, *categories]
        self._mapping = {name: number for number, name in enumerate(names)}
        if self._support_reverse:
            self._reverse_mapping = names

    def __len__(self) -> int:
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        """From now on what is new gets 0 (or, with False, a number of its own)."""
        self._freeze = freeze

    def get(self, category: object) -> int:
        """The number of a category."""
        if category not in self._mapping:
            if self._freeze:
                return 0
            self._mapping[category] = len(self._mapping)
            if self._support_reverse:
                self._reverse_mapping.append(category)
        return self._mapping[category]

    def add(self, category: object, count: int = 1) -> None:
        """Counts a category."""
        if self.get(category) > 0:
            self._freq[category] += count

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Keeps what came more often than ``min_frequency``, and less than ``max_frequency``.

        Numbers are given again: frequent categories first, equally frequent ones by name.
        """
        by_name = sorted(self._freq.items(), key=lambda item: (isinstance(item[0], str), item[0]))
        order = sorted(by_name, key=lambda item: item[1], reverse=True)
        kept = [
            name
            for name, count in order
            if count > min_frequency and not 0 < max_frequency <= count
        ]
        self._number(kept)
        # As 1.15: of the counts, as many of the most frequent are left as names were kept.
        self._freq = collections.defaultdict(int, order[: len(kept)])

    def reverse(self, class_id: int) -> Any:
        """The category of a number. Raises ValueError without ``support_reverse``."""
        if not self._support_reverse:
            raise ValueError(
                "This vocabulary wasn't initialized with support_reverse to support reverse()."
            )
        return self._reverse_mapping[class_id]
