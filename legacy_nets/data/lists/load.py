"""Loads the files of a list: images or video clips, each with a label."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from legacy_nets.data.clips import ClipCheck, check_clips, read_clip
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.image_files import ImageCheck, check_images, load_picture
from legacy_nets.data.splits import FileSplit, choose_splits
from legacy_nets.errors import BadInputError


class ListedFile(NamedTuple):
    """A file of a list."""

    path: pathlib.Path
    label: int
    source: str  # the list, and the line of the file in it


def load_listed(
    source: pathlib.Path,
    name: str,
    listed: Mapping[str, Sequence[ListedFile]],
    class_names: tuple[str, ...],
    *,
    takes_clips: bool,
    holdout: float | None = None,
    seed: int = 0,
    strict: bool = False,
    notes: Sequence[str] = (),
) -> ImageData:
    """Loads the files of a list: split (train, val, test; "" is the only one) -> files.

    ``name`` is that of the data. The other arguments are those of ``open_data``; ``notes`` are
    added to those of the images. Raises BadInputError, in one line, for everything that is wrong.
    """
    _refuse_missing(source, [file for split in listed.values() for file in split])
    load = read_clip if takes_clips else load_picture
    splits = {
        split_name: FileSplit(
            tuple(file.path for file in split),
            np.array([file.label for file in split], np.int64),
            load,
        )
        for split_name, split in listed.items()
    }
    train, test, unused = choose_splits(source, splits, holdout, seed)
    all_notes = [*notes, *(f"the files of {other} are not used" for other in unused)]
    if in_both := set(train.paths) & set(test.paths):
        all_notes.append(
            f"{len(in_both)} files are in both splits, {min(in_both)} first: accuracy on the "
            "held-out ones is too high"
        )
    paths = [*train.paths, *test.paths]
    check = check_clips(paths, strict) if takes_clips else check_images(paths, strict)
    all_notes += check.notes
    train, test = (split.keep_paths(check.readable) for split in (train, test))
    if not train.paths or not test.paths:
        unit = "clip" if takes_clips else "image"
        raise BadInputError(
            f"{source} lists no {unit} that can be read in one of its splits: add some to it"
        )
    return ImageData(
        name=name,
        train=train,
        test=test,
        class_names=class_names,
        mirror_classes=frozenset(() if takes_clips else range(len(class_names))),
        channels=1 if isinstance(check, ImageCheck) and check.all_grey else 3,
        clip_lengths=check.measure([*train.paths, *test.paths])
        if isinstance(check, ClipCheck)
        else (),
        notes=tuple(all_notes),
    )


def _refuse_missing(source: pathlib.Path, files: Sequence[ListedFile]) -> None:
    """Raises BadInputError where files of a list are not there."""
    missing = [file for file in files if not file.path.exists()]
    if missing:
        raise BadInputError(
            f"{len(missing)} of {len(files)} files that {source} lists are not there; the first is "
            f"{missing[0].path} ({missing[0].source}): paths count from the folder of the list"
        )
