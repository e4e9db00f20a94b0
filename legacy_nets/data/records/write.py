"""Writes a data set as TFRecord files in the layout of slim, sharded."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator

import numpy as np

from legacy_nets.data.dataset import ImageData
from legacy_nets.data.records.encoding import encode_file, encode_png
from legacy_nets.data.records.example import make_example
from legacy_nets.data.records.load import LABELS_FILE
from legacy_nets.data.records.tfrecord import write_record
from legacy_nets.data.splits import FileSplit, Split
from legacy_nets.data.synthetic.folders import create_data_folder
from legacy_nets.errors import BadInputError
from legacy_nets.types import Array


def write_records(
    data: ImageData,
    folder: pathlib.Path,
    shards: int,
    seed: int = 0,
    report: Callable[[int], object] = lambda count: None,
) -> list[pathlib.Path]:
    """Writes the splits of a data set, "train" and "validation", and labels.txt; lists the files.

    JPEG and PNG files of 8 bits, grey or RGB, are written as they are, all other pictures as PNG.
    The images are shuffled, the same way for each ``seed``. A split has ``shards`` files, or fewer
    where it has fewer images. ``report`` receives 1 after each image.

    Raises BadInputError where the folder exists already or cannot be written, and where there are
    more shards than images.
    """
    splits = {"train": data.train, "validation": data.test}
    most = max(len(split.labels) for split in splits.values())
    if shards > most:
        raise BadInputError(f"--shards {shards}: there are {most} images; give fewer shards")
    names = []
    with create_data_folder(folder, data.name if "synthetic" in data.name else "") as unfinished:
        for name, split in splits.items():
            count = min(shards, len(split.labels))
            order = np.random.default_rng(seed).permutation(len(split.labels))
            for shard, indices in enumerate(np.array_split(order, count)):
                file_name = f"{data.file_name}_{name}-{shard:05}-of-{count:05}.tfrecord"
                names.append(file_name)
                with open(unfinished / file_name, "wb") as file:
                    for record in _make_records(split, indices):
                        write_record(file, record)
                        report(1)
        lines = [f"{label}:{name}\n" for label, name in enumerate(data.class_names)]
        (unfinished / LABELS_FILE).write_text("".join(lines), encoding="utf-8")
    return [folder / name for name in names]


def _make_records(split: Split, indices: Array) -> Iterator[bytes]:
    """Makes the records of some images of a split."""
    if isinstance(split, FileSplit):
        for index in indices:
            path = split.paths[index]
            encoded, image_format, size = encode_file(path, split.read_file(path))
            yield make_example(encoded, image_format, int(split.labels[index]), size)
    else:
        for batch in split.read(np.array([index]) for index in indices):
            encoded = encode_png(batch.pictures[0])
            yield make_example(encoded, "png", int(batch.labels[0]), batch.pictures.shape[1:3])
