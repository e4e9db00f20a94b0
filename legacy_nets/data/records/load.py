"""Loads a data set of TFRecord files in the layout of slim; an image is read when it is used.

flowers_train-00000-of-00005.tfrecord ...      the shards of slim's scripts
flowers_validation-00000-of-00005.tfrecord ...
train-00000-of-01024 ...                       those of ImageNet
mnist_train.tfrecord, mnist_test.tfrecord      files without shards
labels.txt                                     "0:daisy", one class a line
"""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from legacy_nets.data.class_indices import distinguish_names, number_classes
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.image_files import check_images, detect_colour_mode
from legacy_nets.data.preprocessing import read_picture, resize_picture
from legacy_nets.data.records.example import parse_example
from legacy_nets.data.records.split import RecordSplit
from legacy_nets.data.records.tfrecord import Place, read_record, read_records
from legacy_nets.data.splits import TEST_SPLITS, FileSplit, choose_splits
from legacy_nets.data.synthetic.folders import read_data_name
from legacy_nets.errors import BadInputError, list_first
from legacy_nets.progress import show_progress
from legacy_nets.types import Array, Shape

LABELS_FILE = "labels.txt"
BACKGROUND = ("background", "dummy", "unused")  # names of a class 0 that has no images
_NAME = re.compile(
    rf"(?:(?P<set>.+)[_-])?(?P<split>train|{'|'.join(TEST_SPLITS)})"
    r"(?:-(?P<shard>\d{5})-of-(?P<count>\d{5}))?(?:\.tfrecords?|\.record)?"
)
_MARKED = re.compile(r".*(-\d{5}-of-\d{5}|\.tfrecords?|\.record)")


def is_records(path: pathlib.Path) -> bool:
    """Whether a path has the name of a TFRecord file, or is a folder that holds such files."""
    if path.is_dir():
        return any(_MARKED.fullmatch(item.name) for item in path.iterdir() if item.is_file())
    return bool(_MARKED.fullmatch(path.name))


class RecordImages:
    """The images of records. The path of one is that of its file and the number of its record."""

    def __init__(self) -> None:
        self._places: dict[pathlib.Path, Place] = {}

    def add(self, path: pathlib.Path, place: Place) -> None:
        """Adds a record."""
        self._places[path] = place

    def read(self, path: pathlib.Path) -> bytes:
        """Reads the encoded image of a record."""
        return parse_example(read_record(path.parent, self._places[path]), str(path)).encoded

    def detect_colour_mode(self, path: pathlib.Path) -> str:
        """See ``image_files.detect_colour_mode``."""
        return detect_colour_mode(path, content=self.read(path))

    def load(self, path: pathlib.Path, preprocessing: str, size: Shape, channels: int) -> Array:
        """See ``image_files.load_picture``."""
        return resize_picture(read_picture(path, self.read(path)), preprocessing, size, channels)


def load_records(
    path: pathlib.Path,
    *,
    holdout: float | None = None,
    seed: int = 0,
    strict: bool = False,
) -> ImageData:
    """Loads a TFRecord file, or the folder of a data set. Reads and checks every record once.

    The classes are named by labels.txt, else by the records (``image/class/text``), else by their
    numbers. Where the first one is a background without images, or the names of the records begin
    at 1, class 1 becomes class 0. The other arguments are those of ``open_data``. Raises
    BadInputError, in one line, for everything that is wrong.
    """
    files = _find_splits(path) if path.is_dir() else {"": [path]}
    images, texts = RecordImages(), _Texts()
    size = sum(file.stat().st_size for group in files.values() for file in group)
    with show_progress("MB of TFRecords read", size / 1e6) as report:
        splits = {name: _load_files(group, images, texts, report) for name, group in files.items()}
    train, test, unused = choose_splits(path, splits, holdout, seed)
    check = check_images([*train.paths, *test.paths], strict, images.detect_colour_mode)
    train, test = (split.keep_paths(check.readable) for split in (train, test))
    if not train.paths or not test.paths:
        raise BadInputError(
            f"{path} holds no image that can be read in one of its splits: write its files again"
        )
    names, first = _name_classes(path, texts, (train, test))
    train, test = (
        dataclasses.replace(split, labels=split.labels - first) for split in (train, test)
    )
    notes = [*check.notes, *(f"the files of {name} are not used" for name in unused)]
    if first:
        notes.append(f"labels 1 to {len(names)} are {names[0]} to {names[-1]}: no image has 0")
    return ImageData(
        name=read_data_name(path) if path.is_dir() else path.name,
        train=train,
        test=test,
        class_names=names,
        mirror_classes=frozenset(range(len(names))),
        channels=1 if check.all_grey else 3,
        notes=tuple(notes),
    )


def _find_splits(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Finds the files of the splits. Raises BadInputError."""
    files = sorted(item for item in folder.iterdir() if _MARKED.fullmatch(item.name))
    matches = [match for match in (_NAME.fullmatch(file.name) for file in files) if match]
    if not matches:
        return {"": files}
    odd = [file.name for file in files if not _NAME.fullmatch(file.name)]
    if odd:
        raise BadInputError(
            f"{folder} holds {list_first(odd)} beside {matches[0].string}: which split is it? "
            "Name it SET_train.tfrecord or SET_validation.tfrecord"
        )
    sets = sorted({match["set"] or "no name" for match in matches})
    if len(sets) > 1:
        raise BadInputError(
            f"{folder} holds TFRecords of {len(sets)} sets ({', '.join(sets)}): move one of them "
            "into a folder of its own"
        )
    shards = collections.defaultdict(list)
    for match in matches:
        shards[match["split"]].append(match)
    for group in shards.values():
        _check_shards(folder, [match for match in group if match["shard"]])
    return {name: [folder / match.string for match in group] for name, group in shards.items()}


def _check_shards(folder: pathlib.Path, shards: Sequence[re.Match[str]]) -> None:
    """Raises BadInputError where a shard is missing, or shards of two runs are mixed."""
    counts = {match["count"] for match in shards}
    if len(counts) > 1:
        raise BadInputError(
            f"{folder} mixes shards of {' and of '.join(sorted(counts))}: keep those of one run"
        )
    for count in counts:
        missing = set(range(int(count))) - {int(match["shard"]) for match in shards}
        if missing:
            shard, split = f"{min(missing):0{len(count)}}", shards[0]["split"]
            raise BadInputError(
                f"{folder} has {len(shards)} of {int(count)} shards of {split}: {shard} is the "
                "first that is missing; put it there"
            )


class _Texts:
    """The names of the classes that records have: label -> name."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}

    def add(self, label: int, text: str, source: str) -> None:
        """Adds the name of a label; "" is none. Raises BadInputError for a second name."""
        if not text:
            return
        known = self.names.setdefault(label, text)
        if known != text:
            raise BadInputError(
                f"{source}: label {label} is {text!r}, and {known!r} in an earlier record: a "
                "label must have one name"
            )


def _load_files(
    files: Iterable[pathlib.Path],
    images: RecordImages,
    texts: _Texts,
    report: Callable[[float], None],
) -> FileSplit:
    """Loads the labels of a split; adds its records and the names of its classes.

    ``report`` receives the megabytes of each record.
    """
    paths, labels = [], []
    for file in files:
        for number, (place, record) in enumerate(read_records(file)):
            path = file / str(number)
            example = parse_example(record, str(path))
            texts.add(example.label, example.text, str(path))
            images.add(path, place)
            paths.append(path)
            labels.append(example.label)
            report(place.length / 1e6)
    return RecordSplit(tuple(paths), np.array(labels, np.int64), images.load, read_file=images.read)


def _name_classes(
    path: pathlib.Path, texts: _Texts, splits: Sequence[FileSplit]
) -> tuple[tuple[str, ...], int]:
    """Names the classes; gives the label of the first one, too: 0 or 1."""
    labels = np.concatenate([split.labels for split in splits])
    last = int(labels.max())
    folder = path if path.is_dir() else path.parent
    if (folder / LABELS_FILE).exists():
        names = _read_labels_file(folder / LABELS_FILE)
        first = int(names[0].lower() in BACKGROUND and labels.min() > 0)
    elif texts.names.keys() >= set(labels.tolist()):
        first = int(labels.min() == 1)
        names = tuple(texts.names.get(label, str(label)) for label in range(last + 1))
    else:
        names, first = number_classes(last + 1), 0
    if last >= len(names):
        raise BadInputError(
            f"{path} has the label {last}, but {LABELS_FILE} names {len(names)} classes: correct "
            "or remove it"
        )
    return distinguish_names(names)[first:], first


def _read_labels_file(path: pathlib.Path) -> tuple[str, ...]:
    """Reads lines "0:daisy". Raises BadInputError for others."""
    names = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        label, colon, name = line.partition(":")
        if line.strip() and not (colon and label.strip().isdecimal()):
            raise BadInputError(f'{path}: {line[:60]!r} is no line "0:daisy": correct or remove it')
        if line.strip():
            names[int(label)] = name.strip()
    if sorted(names) != list(range(len(names))) or len(names) < 1:
        raise BadInputError(f"{path} must name the labels 0, 1, ... in lines: correct or remove it")
    return tuple(names[label] for label in range(len(names)))
