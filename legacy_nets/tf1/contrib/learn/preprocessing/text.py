"""Texts as rows of word numbers or bytes."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from legacy_nets.tf1.contrib.learn.preprocessing.categorical_vocabulary import CategoricalVocabulary
from legacy_nets.types import TensorLike

# Words, with runs of capitals and CamelCase taken apart.
TOKENIZER_RE = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|[\'\w\-]+", re.UNICODE)


def tokenizer(iterator: Iterable[str]) -> Iterator[list[str]]:
    """The words of each text."""
    for text in iterator:
        yield TOKENIZER_RE.findall(text)


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

    def fit(self, raw_documents: Iterable[str], unused_y: object = None) -> VocabularyProcessor:
        """Learns the words, drops the rare ones, and freezes the vocabulary."""
        for tokens in self._tokenizer(raw_documents):
            for token in tokens:
                self.vocabulary_.add(token)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(
        self, raw_documents: Iterable[str], unused_y: object = None
    ) -> Iterator[np.ndarray]:
        """``fit``, then ``transform``."""
        self.fit(raw_documents)
        return self.transform(raw_documents)

    def transform(self, raw_documents: Iterable[str]) -> Iterator[np.ndarray]:
        """Each text as int64 [max_document_length]."""
        for tokens in self._tokenizer(raw_documents):
            numbers = np.zeros(self.max_document_length, np.int64)
            for index, token in enumerate(tokens):
                if index >= self.max_document_length:
                    break
                numbers[index] = self.vocabulary_.get(token)
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

    def find_class(self, module: str, name: str) -> object:
        if "contrib.learn.python.learn.preprocessing" in module:
            return globals()[name]
        return super().find_class(module, name)


class ByteProcessor:
    """Texts as rows of their UTF-8 bytes: uint8 [max_document_length]."""

    def __init__(self, max_document_length: int) -> None:
        self.max_document_length = max_document_length

    def fit(self, x: TensorLike) -> None:
        """There is nothing to learn."""

    def fit_transform(self, x: Iterable[TensorLike]) -> Iterator[np.ndarray]:
        """``transform``."""
        return self.transform(x)

    def transform(self, x: Iterable[TensorLike]) -> Iterator[np.ndarray]:
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
