"""Opens the data set at a path, or makes a synthetic one. Imports no TensorFlow."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import tarfile
import zipfile
from collections.abc import Callable

import numpy as np

from legacy_nets.data import clips, images, mnist, signs
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.lists.csv_file import describe_unread_lists, is_list, load_list
from legacy_nets.data.lists.video_splits import find_split_file, load_video_splits
from legacy_nets.data.records.load import is_records, load_records
from legacy_nets.errors import BadInputError, list_first, make_printable
from legacy_nets.files import lock, suggest_paths
from legacy_nets.registry import Net


def open_data(
    path: pathlib.Path,
    net: Net | None,
    holdout: float | None = None,
    seed: int = 0,
    strict: bool = False,
    num_classes: int = 0,
) -> ImageData:
    """Opens the labelled data set at ``path`` for a net of the registry.

    Opens hand signs (h5 files or their folder), MNIST, TFRecords, a CSV list or the folder that
    holds it, UCF-101 and HMDB-51 with their split files, or a folder with one sub-folder per class:
    of video clips for a net that takes clips, else of images.

    Args:
      path: the file or folder.
      net: the net that is to take the pictures; None for images of any size.
      holdout: share of each class to hold out, where one of the two splits is missing.
      seed: of that choice.
      strict: refuse a folder with an unreadable image or clip; otherwise that is skipped.
      num_classes: number of classes where the labels are numbers beyond those that are known.

    Raises BadInputError for any other path, where the net takes no such pictures, and where the
    name of a class is no line of text.
    """
    data = _open_data(path, net, holdout, seed, strict, num_classes)
    for name in data.class_names:
        if name.splitlines() != [name] or name != make_printable(name):
            raise BadInputError(
                f"{path} has the class {name!r}: a name must be one line of UTF-8; rename it"
            )
    counts = np.bincount(data.train.labels, minlength=len(data.class_names))
    missing = [name for name, count in zip(data.class_names, counts, strict=True) if not count]
    if not missing:
        return data
    note = (
        f"{len(missing)} of {len(data.class_names)} classes have nothing to train on: "
        f"{list_first(missing)}"
    )
    return dataclasses.replace(data, notes=(*data.notes, note))


def _open_data(
    path: pathlib.Path,
    net: Net | None,
    holdout: float | None,
    seed: int,
    strict: bool,
    num_classes: int,
) -> ImageData:
    """See ``open_data``."""
    takes_clips = net is not None and len(net.image_size) == 3
    if path.suffix == ".h5" or signs.list_signs_files(path):
        data = signs.load_signs(path, holdout, seed, num_classes)
    elif not path.exists():
        raise BadInputError(f"no such folder: {path}{suggest_paths(path)}")
    elif is_records(path):
        data = load_records(path, holdout=holdout, seed=seed, strict=strict)
    elif mnist.is_mnist(path):
        data = mnist.load_mnist(path, holdout=holdout, num_classes=num_classes)
    elif is_list(path):
        return load_list(
            path,
            takes_clips=takes_clips,
            holdout=holdout,
            seed=seed,
            strict=strict,
        )
    elif takes_clips and (split_file := find_split_file(path, beside=holdout is None)):
        return load_video_splits(split_file, holdout, path if path.is_dir() else None, strict)
    elif path.is_dir() and takes_clips:
        data = clips.load_clips(path, holdout, seed, strict)
        return dataclasses.replace(data, notes=(*data.notes, *describe_unread_lists(path)))
    elif path.is_dir():
        data = images.load_images(path, holdout=holdout, seed=seed, strict=strict)
        data = dataclasses.replace(data, notes=(*data.notes, *describe_unread_lists(path)))
    elif zipfile.is_zipfile(path) or tarfile.is_tarfile(path):
        raise BadInputError(f"{path} is an archive: unpack it, and give the folder in it")
    else:
        raise BadInputError(
            f"{path} is no data set: give a folder with one sub-folder per class, a .h5 file, "
            "MNIST, TFRecords, or a CSV list of paths and labels"
        )
    if net is not None and takes_clips:
        raise BadInputError(
            f"{path} holds images ({data.name}), but {net.name} takes video clips: give a folder "
            "with one sub-folder per class, with frame folders or videos in it"
        )
    return data


def count_classes(path: pathlib.Path, net: Net) -> int:
    """Counts the classes of a folder with one sub-folder per class, without reading its files.

    Returns 0 for any other data: only opening them tells their classes. Raises BadInputError as
    ``open_data``.
    """
    takes_clips = len(net.image_size) == 3
    is_other = path.is_dir() and (
        signs.list_signs_files(path) or is_records(path) or is_list(path) or mnist.is_mnist(path)
    )
    if not path.is_dir() or is_other or takes_clips:
        return 0
    return len(images.list_class_names(path))


def make_synthetic_data(
    net: Net, folder: pathlib.Path, report: Callable[[str], None]
) -> pathlib.Path:
    """Returns the path of a synthetic data set for a net in ``folder``; makes it if missing.

    Makes clips for a net that takes clips, digits for a net on grey images, flowers for document
    004, else hand signs. ``report`` receives a line before the set is made. Raises BadInputError
    where it cannot be written.
    """
    make: Callable[[pathlib.Path], None]
    if len(net.image_size) == 3:
        from legacy_nets.data.synthetic.clips import make_clips as make

        subject, path = "clips", folder / "clips"
    elif net.channels == 1:
        from legacy_nets.data.synthetic.digits import make_digits as make

        subject, path = "digits", folder / "synthetic_digits"
    elif net.document == "004":
        from legacy_nets.data.synthetic.flowers import make_flowers as make

        subject, path = "flowers", folder / "synthetic_flowers"
    else:
        make = signs.make_signs
        subject, path = "hand signs", folder

    def is_missing() -> bool:
        return signs.needs_synthetic_signs(path) if path is folder else not path.exists()

    if is_missing():
        report(f"generating synthetic {subject} in {path}/ (no --data given) ...")
        with contextlib.suppress(OSError):  # the generator says that it cannot be written
            folder.mkdir(parents=True, exist_ok=True)
        with lock(folder, wait=True):
            if is_missing():  # else another process has made it meanwhile
                make(path)
    return path
