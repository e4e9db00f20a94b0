"""A folder of images with one sub-folder per class, read from disk when needed.

Source:  document 004 reads ``flower_data/train`` and ``flower_data/val``, each with a folder for
         daisy, dandelion, roses, sunflowers and tulips.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from legacy_nets.data.class_folders import find_split_folders, list_folders
from legacy_nets.data.class_indices import FILE as CLASS_INDICES
from legacy_nets.data.class_indices import read_class_indices
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.image_files import (
    SUFFIXES,
    ImageCheck,
    check_images,
    describe_unread,
    list_images,
    load_picture,
)
from legacy_nets.data.splits import FileSplit, check_holdout
from legacy_nets.data.synthetic.folders import read_data_name
from legacy_nets.errors import BadInputError, MissingHoldoutError
from legacy_nets.files import suggest_paths

TRAIN = "train"
TEST_SPLITS = ("val", "test")  # the document's name comes first


def load_images(
    path: str | pathlib.Path, *, holdout: float | None = None, seed: int = 0, strict: bool = False
) -> ImageData:
    """Loads a folder that holds ``train`` and ``val``, or the class folders themselves.

    Checks every file once. ``notes`` of the result tell what is skipped or converted.

    Args:
      path: a folder with one sub-folder per class, or with such folders ``train`` and ``val`` (or
        ``test``, or another of ``class_folders.SPLITS``). A ``class_indices.json`` in it sets the
        order of the classes; without it they are sorted.
      holdout: share of each class to hold out, where there is no ``val``.
      seed: of that choice.
      strict: refuse the folder where an image cannot be read; otherwise the image is skipped.

    Raises BadInputError, in one line, for everything that is wrong.
    """
    root = pathlib.Path(path)
    if not root.is_dir():
        raise BadInputError(f"no such folder: {root}{suggest_paths(root)}")
    folders = find_split_folders(root)
    train_folder = folders.get(TRAIN, root)
    test_folder = next((folders[name] for name in TEST_SPLITS if name in folders), None)
    if test_folder is not None and train_folder is root:
        raise BadInputError(
            f"{root} has {test_folder.name}, but no {TRAIN} with one sub-folder per class: add that"
        )
    if test_folder is not None and holdout is not None:
        raise BadInputError(
            f"{root} has {train_folder.name} and {test_folder.name} already: leave --holdout out"
        )
    names = _read_class_names(root, train_folder)
    if test_folder is not None:
        [train, test], check = _load_splits([train_folder, test_folder], names, strict)
        test = dataclasses.replace(test, exact=True)
    elif holdout is None:
        raise MissingHoldoutError(
            f"{root} has no folders {TRAIN} and val: say what share of each class to hold "
            "out, for instance --holdout 0.2"
        )
    else:
        check_holdout(holdout)  # before every image is decoded
        [images], check = _load_splits([train_folder], names, strict)
        train, test = images.hold_out(holdout, seed)
        used_up = [name for label, name in enumerate(names) if label not in train.labels]
        if used_up:
            raise BadInputError(
                f"--holdout {holdout} leaves no image of {', '.join(used_up)} to train on: give "
                "more images, or a smaller share"
            )
    return ImageData(
        name=read_data_name(root),
        train=train,
        test=test,
        class_names=names,
        mirror_classes=frozenset(range(len(names))),  # the document flips every class
        channels=1 if check.all_grey else 3,
        notes=(*check.notes, *describe_unread(root)),
    )


def list_class_names(root: pathlib.Path) -> tuple[str, ...]:
    """Lists the classes of a folder that ``load_images`` loads, in order; reads no picture.

    Raises BadInputError for fewer than two, or where a class_indices.json names others.
    """
    return _read_class_names(root, find_split_folders(root).get(TRAIN, root))


def _list_class_names(folder: pathlib.Path) -> list[str]:
    return [item.name for item in list_folders(folder)]


def _read_class_names(root: pathlib.Path, train_folder: pathlib.Path) -> tuple[str, ...]:
    """Reads the names of the class folders, in the order of a class_indices.json in ``root``."""
    names = _list_class_names(train_folder)
    if not names:
        raise BadInputError(
            f"{train_folder} holds no sub-folders: it needs one for each class, with its images"
        )
    if len(names) == 1 and len(list_folders(train_folder / names[0])) > 1:
        raise BadInputError(
            f"{train_folder} holds one folder only, and that holds others: give "
            f"--data {train_folder / names[0]}"
        )
    if len(names) == 1:
        raise BadInputError(
            f"{train_folder} holds one class only, {names[0]}: there must be at least two"
        )
    indices = root / CLASS_INDICES
    if not indices.exists():
        return tuple(names)
    ordered = read_class_indices(indices)
    if sorted(ordered) != names:
        odd = ", ".join(sorted(set(ordered) ^ set(names)))
        raise BadInputError(
            f"{indices} and the folders of {train_folder} do not name the same classes (only one "
            f"has {odd}): correct or remove it"
        )
    return ordered


def _load_splits(
    folders: Sequence[pathlib.Path], names: Sequence[str], strict: bool
) -> tuple[list[FileSplit], ImageCheck]:
    """Makes a split of each folder's readable images. Refuses a class without any."""
    _check_same_classes(folders, names)
    files = [[list_images(folder / name) for name in names] for folder in folders]
    check = check_images([path for classes in files for paths in classes for path in paths], strict)
    splits = []
    for folder, classes in zip(folders, files, strict=True):
        readable = [[path for path in paths if path in check.readable] for paths in classes]
        for name, paths, all_paths in zip(names, readable, classes, strict=True):
            if not paths:
                reason = (
                    "none that can be read" if all_paths else f"looked for {' '.join(SUFFIXES)}"
                )
                raise BadInputError(
                    f"{folder / name} holds no image ({reason}): add some, or remove it"
                )
        labels = np.repeat(np.arange(len(names)), [len(paths) for paths in readable])
        all_readable = tuple(path for paths in readable for path in paths)
        splits.append(FileSplit(all_readable, labels.astype(np.int64), load_picture))
    return splits, check


def _check_same_classes(folders: Sequence[pathlib.Path], names: Sequence[str]) -> None:
    """Raises BadInputError where another folder than the first has other class folders."""
    for folder in folders[1:]:
        odd = sorted(set(_list_class_names(folder)) ^ set(names))
        if odd:
            raise BadInputError(
                f"{folder.parent}: the classes of {folders[0].name} and {folder.name} differ "
                f"({', '.join(odd)}): give both the same folders"
            )
