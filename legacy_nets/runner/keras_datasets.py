"""``keras.datasets`` of scripts: they read local files or synthetic ones, and download nothing."""

from __future__ import annotations

import importlib
import os
import pathlib

from legacy_nets import run_options

_MODULES = ("boston_housing", "cifar10", "cifar100", "fashion_mnist", "imdb", "mnist", "reuters")


def read_local_files() -> None:
    """Makes ``load_data`` and ``get_word_index`` of Keras 2 find local or synthetic files."""
    for name in _MODULES:
        vars(importlib.import_module(f"tf_keras.src.datasets.{name}"))["get_file"] = _get_file


def _get_file(
    fname: str | os.PathLike[str],
    origin: str,
    untar: bool = False,
    file_hash: str | None = None,
    cache_dir: str | None = None,
    cache_subdir: str = "datasets",
) -> str:
    """Replaces ``get_file`` of Keras, with the arguments that its data sets give it.

    Raises BadInputError where there is no such file.
    """
    from legacy_nets.data import keras_datasets  # whose import takes a tenth of a second

    published = os.fspath(fname) if untar else os.path.basename(origin)
    folder = pathlib.PurePath(cache_subdir).relative_to("datasets")
    keras = pathlib.Path(cache_dir or "~/.keras").expanduser()
    return str(
        keras_datasets.find_keras_file(
            (folder / published).as_posix(),
            keras / cache_subdir / fname,
            run_options.data,
            file_hash,
        )
    )
