"""What every .keras file needs: its ending, its metadata, and Keras without advice."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from legacy_nets.checkpoints.formats.h5 import METADATA
from legacy_nets.errors import BadInputError

if TYPE_CHECKING:
    from keras import Model


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


def save_archive(model: Model, path: Path) -> None:
    """Saves a Keras model as one file.

    Its weights go by way of a folder next to the file: Keras would hold them once more in memory.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        model.save(folder, zipped=False)
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder))
