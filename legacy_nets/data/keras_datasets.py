"""Files of ``keras.datasets``: of the user, or synthetic. Nothing is downloaded.

Keras unpickles some of these files. Such a file is accepted only where it is the published one.
"""

from __future__ import annotations

import functools
import hashlib
import pathlib

import numpy as np

from legacy_nets import run_options
from legacy_nets.data.synthetic import cache, keras_files
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say

_CIFAR_MD5 = {  # of the pickles in the archives that Keras downloads
    "cifar-10-batches-py": {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    "cifar-100-python": {
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
}


def find_keras_file(
    name: str,
    keras_path: pathlib.Path,
    data: str | None,
    file_hash: str | None = None,
) -> pathlib.Path:
    """Finds a file or folder of ``keras.datasets``.

    Looks into the folder of ``--data``, then where Keras keeps its downloads.

    Args:
      name: path below ``~/.keras/datasets``: a key of ``keras_files.WRITERS``, or a file in it.
      keras_path: where Keras would keep it.
      data: ``--data``: a folder, "synthetic" or None.
      file_hash: SHA-256 or MD5 of the published file, where Keras knows it.

    Raises BadInputError where there is none and ``data`` is not "synthetic", and where Keras would
    unpickle a file that is not the published one.
    """
    is_synthetic = data == run_options.SYNTHETIC
    paths = [keras_path]
    if data is not None and not is_synthetic:
        paths.insert(0, pathlib.Path(data) / name)
    for path in paths:
        if path.exists():
            _check_pickles(name, path, file_hash)
            return path
    if not is_synthetic:
        raise BadInputError(
            f"no {name} at {' or '.join(str(path) for path in paths)}: nothing is downloaded: put "
            "it there, or run it again with --data synthetic or --data FOLDER"
        )
    entry, _, inner = name.partition("/")
    _tell_once(f"legacy-nets: no {entry}: synthetic data replace it")
    kept = cache.keep_data(entry, keras_files.WRITERS[entry])
    return kept / inner if inner else kept


@functools.cache
def _tell_once(line: str) -> None:
    say(line, err=True)


def _check_pickles(name: str, path: pathlib.Path, file_hash: str | None) -> None:
    """Raises BadInputError unless Keras unpickles nothing in it, or published files only."""
    if name in _CIFAR_MD5:
        files = {path / batch: published for batch, published in _CIFAR_MD5[name].items()}
    elif name.endswith(".npz") and _holds_pickles(path):
        files = {path: file_hash or ""}
    else:
        return
    for file, published in files.items():
        algorithm = "sha256" if len(published) == 64 else "md5"
        try:
            with open(file, "rb") as stream:
                actual = hashlib.new(algorithm, stream.read()).hexdigest()
        except OSError as error:
            raise BadInputError(
                f"{file} cannot be read ({error.strerror}): unpack the archive again"
            ) from None
        if actual != published:
            raise BadInputError(
                f"{file} is not the file that was published ({algorithm} {actual}), and Keras "
                "would execute what is pickled in it: download it again"
            )


def _holds_pickles(path: pathlib.Path) -> bool:
    """Whether any array of an .npz file holds Python objects, or it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return any(file[name].dtype.hasobject for name in file.files)
    except Exception:  # of NumPy, zipfile or zlib: no set of plain arrays, which is refused, too
        return True
