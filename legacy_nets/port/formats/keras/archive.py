"""What every .keras file needs: its ending, its metadata, and Keras without advice."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from legacy_nets.checkpoints.formats.h5 import METADATA
from legacy_nets.errors import BadInputError


def check_ending(path: Path) -> None:
    """Raises BadInputError for a name that Keras does not open."""
    if path.suffix != ".keras":
        raise BadInputError(f"--out {path.name}: Keras opens only files that end in .keras")


def add_metadata(path: Path, metadata: Mapping[str, object]) -> None:
    """Adds metadata to an archive that Keras wrote."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(METADATA, json.dumps(metadata, indent=1))


@contextlib.contextmanager
def without_advice() -> Iterator[None]:
    """Hides the warnings of Keras: they are for the author of a model."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def stream_weights() -> Iterator[None]:
    """Makes Keras save and load weights with less memory and time.

    The weights go by way of a file next to the model's, as where memory is short. Keras' list of
    attributes to skip is cached: Keras stores it under one name and looks it up under another, so
    it would make a further layer for each one that it saves or loads. A Keras without these names
    saves and loads as it does.
    """
    from keras.src.saving import saving_lib

    names = vars(saving_lib)
    originals = {
        name: names[name] for name in ("get_attr_skipset", "_MEMORY_UPPER_BOUND") if name in names
    }
    if "get_attr_skipset" in originals:
        names["get_attr_skipset"] = functools.cache(saving_lib.get_attr_skipset)
    if "_MEMORY_UPPER_BOUND" in originals:
        names["_MEMORY_UPPER_BOUND"] = 0.0
    try:
        yield
    finally:
        names.update(originals)
