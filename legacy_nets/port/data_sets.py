"""Files that hold arrays as weights do, and are data sets."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.source import TensorSpecLike

_DATA_WORDS = re.compile(  # names that consist of these are a data set's
    r"(x|y|data|labels?|images?|inputs?|targets?|features?|samples?|train|test|val|valid|"
    r"validation|dev|set|list|classes|class|names?|ids?|files?|filenames?|paths?|orig|\d+)"
)


def find_data_set(checkpoint: str) -> str:
    """Describes a weight file that holds data, or one array without a name; else "".

    Raises CheckpointError for a file that cannot be read.
    """
    if Path(checkpoint).suffix not in (".h5", ".hdf5", ".npz"):
        return ""
    source = open_weights(checkpoint)
    if source.metadata or source.other_tensors:
        return ""
    return describe_data(source.tensors)


def describe_data(tensors: Mapping[str, TensorSpecLike]) -> str:
    """Describes arrays that are a data set: examples with labels, by name or by shape; else "".

    By shape: every array of rank 2 and more has as many rows as an array of labels, which are
    integers or texts, one a row.
    """
    if list(tensors) == ["arr_0"]:
        return "one array without a name"
    words = {word for name in tensors for word in re.split(r"[/_.\-\s]+", name.lower()) if word}
    if not all(map(str.isdigit, words)) and all(map(_DATA_WORDS.fullmatch, words)):
        return "a data set, by the names of its arrays"
    labels = {
        spec.shape[0]
        for spec in tensors.values()
        if spec.shape
        and math.prod(spec.shape) == spec.shape[0] > 1
        and not spec.dtype.startswith(("float", "bfloat"))
    }
    examples = [spec.shape[0] for spec in tensors.values() if len(spec.shape) > 1]
    if examples and labels.issuperset(examples):
        return "a data set: examples with labels"
    return ""
