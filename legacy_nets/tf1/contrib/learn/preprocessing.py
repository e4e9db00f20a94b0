"""``tf.contrib.learn.preprocessing``: texts and categories as numbers."""

from __future__ import annotations

import collections
import pickle
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

# Words, with runs of capitals and CamelCase taken apart.
TOKENIZER_RE = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|[\'\w\-]+", re.UNICODE)


def tokenizer(iterator: Iterable[str]) -> Iterator[list[str]]:
    """The words of each text."""
    for text in iterator:
        yield TOKENIZER_RE.findall(text)


class CategoricalVocabulary:
    """Numbers for categories, from 1 on in the order of their coming; 0 is the unknown one."""

    def __init__(self, unknown_token: str = "<UNK>", support_reverse: bool = True) -> None:
        self._unknown_token = unknown_token
        self._support_reverse = support_reverse
        self._freq: dict[Any, int] = collections.defaultdict(int)
        self._freeze = False
        self._number([])

    def _number(self, categories: Iterable[Any]) -> None:
        names = [self._unknown_token, *categories]
        self._mapping = {name: number for number, name in enumerate(names)}
        if self._support_reverse:
            self._reverse_mapping = names

    def __len__(self) -> int:
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        """From now on what is new gets 0 (or, with False, a number of its own)."""
        self._freeze = freeze

    def get(self, category: Any) -> int:
        """The number of a category."""
        if category not in self._mapping:
            if self._freeze:
                return 0
            self._mapping[category] = len(self._mapping)
            if self._support_reverse:
                self._reverse_mapping.append(category)
        return self._mapping[category]

    def add(self, category: Any, count: int = 1) -> None:
        """Counts a category."""
        if self.get(category) > 0:
            self._freq[category] += count

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Keeps what came more often than ``min_frequency``, and less than ``max_frequency``.

        Numbers are given anew: the frequent first, those alike in the order of their names.
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


class VocabularyProcessor:
    """Texts as rows of word numbers: int64 [max_document_length], cut or filled with 0."""

    def __init__(
        self, max_document_length: int, min_frequency: int = 0,
        vocabulary: CategoricalVocabulary | None = None,
        tokenizer_fn: Callable[[Iterable[str]], Iterable[Iterable[str]]] | None = None,
    ) -> None:  # fmt: skip
        self.max_document_length = max_document_length
        self.min_frequency = min_frequency
        self.vocabulary_ = CategoricalVocabulary() if vocabulary is None else vocabulary
        self._tokenizer = tokenizer_fn or tokenizer

    def fit(self, raw_documents: Iterable[str], unused_y: Any = None) -> VocabularyProcessor:
        """Learns the words, drops the rare ones, and freezes the vocabulary."""
        for tokens in self._tokenizer(raw_documents):
            for token in tokens:
                self.vocabulary_.add(token)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(
        self, raw_documents: Iterable[str], unused_y: Any = None
    ) -> Iterator[np.ndarray]:
        """``fit``, then ``transform``."""
        self.fit(raw_documents)
        return self.transform(raw_documents)

    def transform(self, raw_documents: Iterable[str]) -> Iterator[np.ndarray]:
        """Each text as int64 [max_document_length]."""
        for tokens in self._tokenizer(raw_documents):
            numbers = np.zeros(self.max_document_length, np.int64)
            for place, token in enumerate(tokens):
                if place >= self.max_document_length:
                    break
                numbers[place] = self.vocabulary_.get(token)
            yield numbers

    def reverse(self, documents: Iterable[Iterable[int]]) -> Iterator[str]:
        """Each row of numbers as its words with blanks between."""
        for document in documents:
            yield " ".join(self.vocabulary_.reverse(number) for number in document)

    def save(self, filename: str) -> None:
        """Writes a pickle of this object."""
        with open(filename, "wb") as file:
            pickle.dump(self, file)

    @classmethod
    def restore(cls, filename: str) -> VocabularyProcessor:
        """Reads what ``save`` wrote, by 1.15 or by us. A pickle can run code: only your own."""
        with open(filename, "rb") as file:
            return _Unpickler(file).load()


class _Unpickler(pickle.Unpickler):
    """Finds the classes of TensorFlow's pickles here."""

    def find_class(self, module: str, name: str) -> Any:
        if "contrib.learn.python.learn.preprocessing" in module:
            return globals()[name]
        return super().find_class(module, name)


class ByteProcessor:
    """Texts as rows of their UTF-8 bytes: uint8 [max_document_length]."""

    def __init__(self, max_document_length: int) -> None:
        self.max_document_length = max_document_length

    def fit(self, x: Any) -> None:
        """There is nothing to learn."""

    def fit_transform(self, x: Iterable[Any]) -> Iterator[np.ndarray]:
        """``transform``."""
        return self.transform(x)

    def transform(self, x: Iterable[Any]) -> Iterator[np.ndarray]:
        """Each text (str or bytes) as its bytes, cut or filled with 0."""
        for document in x:
            data = document.encode("utf-8") if isinstance(document, str) else document
            values = np.frombuffer(data[: self.max_document_length], np.uint8)
            yield np.pad(values, (0, self.max_document_length - len(values)))

    def reverse(self, x: Iterable[np.ndarray]) -> Iterator[str]:
        """Each row as its text; an empty one where the bytes are none."""
        for row in x:
            data = np.trim_zeros(row.astype(np.uint8), "b").tobytes()
            try:
                yield data.decode("utf-8")
            except UnicodeDecodeError:
                yield ""


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

    def _number(self, row: Any, number: Callable[[CategoricalVocabulary, Any], Any]) -> list[Any]:
        if self.vocabularies_ is None:
            one = CategoricalVocabulary()
            self.vocabularies_ = [one if self.share else CategoricalVocabulary() for _ in row]
        # What is no number (not equal to itself) is unknown.
        return [
            number(self.vocabularies_[column], value) if value == value else 0
            for column, value in enumerate(row)
        ]

    def fit(self, x: Iterable[Any], unused_y: Any = None) -> CategoricalProcessor:
        """Learns the categories of rows [N][columns]."""
        for row in x:
            self._number(row, CategoricalVocabulary.add)
        if self.min_frequency > 0:
            for vocabulary in self.vocabularies_ or []:
                vocabulary.trim(self.min_frequency)
        self.freeze()
        return self

    def fit_transform(self, x: Iterable[Any], unused_y: Any = None) -> Iterator[np.ndarray]:
        """``fit``, then ``transform``."""
        self.fit(x)
        return self.transform(x)

    def transform(self, x: Iterable[Any]) -> Iterator[np.ndarray]:
        """Each row as int64 [columns]."""
        self.freeze()
        for row in x:
            yield np.array(self._number(row, CategoricalVocabulary.get), np.int64)


# Modules of 1.15 that scripts imported for the names above.
text = categorical = categorical_vocabulary = sys.modules[__name__]
