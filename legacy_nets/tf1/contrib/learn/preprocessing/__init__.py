"""``tf.contrib.learn.preprocessing``: texts and categories as numbers."""

from __future__ import annotations

from legacy_nets.tf1.contrib.learn.preprocessing import categorical, categorical_vocabulary, text
from legacy_nets.tf1.contrib.learn.preprocessing.categorical import CategoricalProcessor
from legacy_nets.tf1.contrib.learn.preprocessing.categorical_vocabulary import CategoricalVocabulary
from legacy_nets.tf1.contrib.learn.preprocessing.text import (
    ByteProcessor,
    VocabularyProcessor,
    tokenizer,
)

__all__ = [
    "ByteProcessor",
    "CategoricalProcessor",
    "CategoricalVocabulary",
    "VocabularyProcessor",
    "categorical",
    "categorical_vocabulary",
    "text",
    "tokenizer",
]
