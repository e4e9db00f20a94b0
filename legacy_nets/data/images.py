"""A folder of images with one sub-folder a class, read from disk as it is needed.

Source:  document 004 reads ``flower_data/train`` and ``flower_data/val``, each with a folder for
         daisy, dandelion, roses, sunflowers and tulips.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from legacy_nets.data.class_indices import FILE as CLASS_INDICES
from legacy_nets.data.class_indices import read_class_indices
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.image_files import ENDINGS, image_paths, load_picture, readable
from legacy_nets.data.synthetic.folders import name_of
from legacy_nets.errors import BadInputError, MissingHoldoutError
from legacy_nets.files import suggest_paths
from legacy_nets.train.stream import Files

TRAIN = "train"
HELD_OUT = ("val", "test")  # names of the other half; the document's comes first


def load_images(
    path: str | pathlib.Path, *, holdout: float | None = None, seed: int = 0, strict: bool = False
) -> ImageData:
    """The set of a folder that holds ``train`` and ``val``, or the classes themselves.

    Args:
      path: a folder with one sub-folder a class, or with such folders ``train`` and ``val`` (or
        ``test``). A ``class_indices.json`` in it gives the order of the classes, else they are
        sorted.
      holdout: share of each class to hold out, where there is no ``val``.
      seed: of that split.
      strict: refuse the set where an image cannot be read, rather than skip that.

    Looks at every file once; ``notes`` of the result say what was skipped or is converted.
    Raises BadInputError, in one line, for whatever is wrong.
    """
    root = pathlib.Path(path)
    if not root.is_dir():
        raise BadInputError(f"no such folder: {root}{suggest_paths(root)}")
    train = root / TRAIN if _subfolders(root / TRAIN) else root
    held = next((root / name for name in HELD_OUT if _subfolders(root / name)), None)
    if held is not None and train is root:
        raise BadInputError(f"{root} has {held.name}, but no {TRAIN} with one sub-folder a class")
    if held is not None and holdout is not None:
        raise BadInputError(f"{root} has {TRAIN} and {held.name} already: leave --holdout out")
    names = _class_names(root, train)
    if held is None:
        if holdout is None:
            raise MissingHoldoutError(
                f"{root} has no folders {TRAIN} and val: say what share of each class to hold "
                "out, for instance --holdout 0.2"
            )
        if not 0 < holdout < 1:
            raise BadInputError(f"--holdout {holdout}: it must lie between 0 and 1")
        [images], notes, grey = _read([train], names, strict)
        images, test = images.split(holdout, seed)
        used_up = [name for label, name in enumerate(names) if label not in images.labels]
        if used_up:
            raise BadInputError(
                f"--holdout {holdout} leaves no image of {', '.join(used_up)} to train on: give "
                "more images, or a smaller share"
            )
    else:
        odd = sorted(set(_subfolders(held)) ^ set(names))
        if odd:
            raise BadInputError(
                f"{root}: the classes of {TRAIN} and {held.name} differ ({', '.join(odd)}): give "
                "both the same folders"
            )
        [images, test], notes, grey = _read([train, held], names, strict)
        test = dataclasses.replace(test, exact=True)
    return ImageData(
        name=name_of(root),
        train=images,
        test=test,
        class_names=names,
        mirror_classes=frozenset(range(len(names))),  # the document flips every class
        channels=1 if grey else 3,
        notes=tuple(notes),
    )


def _subfolders(folder: pathlib.Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(
        item.name for item in folder.iterdir() if item.is_dir() and not item.name.startswith(".")
    )


def _class_names(root: pathlib.Path, whole: pathlib.Path) -> tuple[str, ...]:
    """The sub-folders of ``whole``, in the order of a class_indices.json in ``root``."""
    names = _subfolders(whole)
    if not names:
        raise BadInputError(
            f"{whole} holds no sub-folders: it needs one for each class, with the images in it"
        )
    if len(names) == 1:
        raise BadInputError(f"{whole} holds one class only, {names[0]}: there must be two at least")
    indices = root / CLASS_INDICES
    if not indices.exists():
        return tuple(names)
    ordered = read_class_indices(indices)
    if sorted(ordered) != names:
        other = ", ".join(sorted(set(ordered) ^ set(names)))
        raise BadInputError(
            f"{indices} and the folders of {whole} do not name the same classes (only one has "
            f"{other}): mend or remove it"
        )
    return ordered


def _read(
    folders: Sequence[pathlib.Path], names: Sequence[str], strict: bool
) -> tuple[list[Files], list[str], bool]:
    """For each folder its images that can be read; notes; whether all are grey.

    Refuses a class without any.
    """
    found = [[image_paths(folder / name) for name in names] for folder in folders]
    whole = [path for classes in found for paths in classes for path in paths]
    good, notes, grey = readable(whole, strict)
    kept = {path for path, can in zip(whole, good, strict=True) if can}
    halves = []
    for folder, classes in zip(folders, found, strict=True):
        chosen = [[path for path in paths if path in kept] for paths in classes]
        for name, paths, all_paths in zip(names, chosen, classes, strict=True):
            if not paths:
                why = "none that can be read" if all_paths else f"looked for {' '.join(ENDINGS)}"
                raise BadInputError(
                    f"{folder / name} holds no image ({why}): add some, or remove it"
                )
        labels = np.repeat(np.arange(len(names)), [len(paths) for paths in chosen])
        flat = tuple(path for paths in chosen for path in paths)
        halves.append(Files(flat, labels.astype(np.int64), load_picture))
    return halves, notes, grey
