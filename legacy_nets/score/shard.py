"""Scores one shard: a plain function of picklable values, whatever calls it."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets.data.ahead import call_ahead
from legacy_nets.data.preprocessing import read_picture, resize_picture
from legacy_nets.data.records.example import parse_encoded_image
from legacy_nets.data.records.tfrecord import describe_damage, read_sound_records
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.files import replace_on_success
from legacy_nets.score.net import Network, ScoreJob
from legacy_nets.score.rows import FORMATS, Row, Writer, rank_classes
from legacy_nets.score.shards import Shard
from legacy_nets.types import Array

Report = Callable[[int, int], object]  # receives (bytes of the input, pictures) of each batch


class ShardResult(NamedTuple):
    """What became of a shard."""

    name: str
    images: int = 0  # rows, the bad ones included
    bad: int = 0  # pictures that could not be read
    seconds: float = 0.0
    failure: str = ""  # why there is no output


class _Picture(NamedTuple):
    """A decoded picture of the net's size, or why there is none."""

    image: str
    bytes: int  # of the input
    values: Array | None
    problem: str = ""


def score_shard(
    job: ScoreJob, network: Network, shard: Shard, report: Report = lambda bytes, images: None
) -> ShardResult:
    """Scores the pictures of a shard and publishes its output when it is complete.

    A picture that cannot be read is a row with its problem. A shard that cannot be read at all, or
    an output that cannot be written, is a failure.
    """
    start = time.monotonic()
    output = job.get_output(shard.name)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with (
            replace_on_success(output) as unfinished,
            contextlib.closing(
                FORMATS[job.format](unfinished, min(job.top, len(network.settings.class_names)))
            ) as writer,
            contextlib.closing(read_pictures(network, shard)) as pictures,
        ):
            images, bad = _score_pictures(job, network, pictures, writer, report)
    except OSError as error:
        return ShardResult(shard.name, failure=f"{join_lines(error)}: check the path and the disk")
    return ShardResult(shard.name, images, bad, time.monotonic() - start)


def _score_pictures(
    job: ScoreJob,
    network: Network,
    pictures: Iterator[_Picture],
    writer: Writer,
    report: Report,
) -> tuple[int, int]:
    """Scores pictures in batches and writes their rows in order: (rows, those without classes)."""
    images = bad = 0
    batch: list[_Picture] = []

    def finish() -> None:
        writer.write(_score_batch(job, network, batch))
        report(sum(picture.bytes for picture in batch), len(batch))
        batch.clear()

    readable = 0
    for picture in pictures:
        batch.append(picture)
        images += 1
        if picture.values is None:
            bad += 1
        else:
            readable += 1
        if readable == network.batch_size or len(batch) == 4 * network.batch_size:
            finish()
            readable = 0
    if batch:
        finish()
    return images, bad


def _score_batch(job: ScoreJob, network: Network, batch: Sequence[_Picture]) -> list[Row]:
    """Runs the net over the pictures of a batch that could be read; makes a row of each."""
    values = [picture.values for picture in batch if picture.values is not None]
    outputs = iter(network.run(np.stack(values)) if values else ())
    names = network.settings.class_names
    return [
        Row(picture.image, (), picture.problem)
        if picture.values is None
        else Row(picture.image, rank_classes(next(outputs), names, job.top))
        for picture in batch
    ]


def read_pictures(network: Network, shard: Shard) -> Generator[_Picture, None, None]:
    """Decodes the pictures of a shard in order, some in advance. Raises OSError."""
    return call_ahead(_list_loads(network, shard))


def _list_loads(network: Network, shard: Shard) -> Iterator[Callable[[], _Picture]]:
    """Yields a function that decodes each picture of a shard. Raises OSError."""
    if not shard.is_records:
        for path in shard.files:
            yield functools.partial(_load_file, network, path)
        return
    [path] = shard.files
    try:
        for number, (_, record) in enumerate(read_sound_records(path)):
            yield functools.partial(_load_record, network, path, number, record)
    except BadInputError as error:  # the rest of the file is lost
        lost = _Picture(str(path), 0, None, f"nothing from here on can be read: {error}")
        yield lambda: lost


def _load_file(network: Network, path: Path) -> _Picture:
    return _load(network, str(path), path.read_bytes)


def _load_record(network: Network, path: Path, number: int, record: bytes | None) -> _Picture:
    name = f"{path}/{number}"

    def read() -> bytes:
        if record is None:
            raise BadInputError(describe_damage(path, number))
        return parse_encoded_image(record, name)

    return _load(network, name, read)


def _load(network: Network, name: str, read: Callable[[], bytes]) -> _Picture:
    """Decodes a picture at the net's size."""
    size = 0
    try:
        content = read()
        size = len(content)
        picture = read_picture(name, content)
        resized = resize_picture(
            picture, network.fast.preprocessing, network.settings.image_size, network.channels
        )
    except (BadInputError, OSError) as error:
        return _Picture(name, size, None, join_lines(error))
    return _Picture(name, size, resized.astype(np.float32))
