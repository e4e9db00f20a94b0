"""``legacy-nets records``: a data set as TFRecord files."""

from __future__ import annotations

import pathlib

import click

from legacy_nets.cli.options import DataOptions, FilePath, data_options, num_classes_option
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say
from legacy_nets.progress import show_progress, show_status
from legacy_nets.sigterm import end_on_sigterm

SHARDS = 5  # as slim's converters


@click.command()
@data_options(
    "Seed of the order of the examples, and of the held-out choice. [default: 0]", "required"
)
@click.option(
    "--out",
    "folder",
    required=True,
    type=FilePath(path_type=pathlib.Path),
    help="New folder for the TFRecord files and labels.txt.",
)
@click.option(
    "--shards",
    type=click.IntRange(1, 99_999),
    default=SHARDS,
    show_default=True,
    help="Files of each split.",
)
@num_classes_option("those of the data")
@end_on_sigterm()
def records(data: DataOptions, folder: pathlib.Path, shards: int, num_classes: int | None) -> None:
    """Write the images of --data as TFRecord files of tf.train.Example, as slim reads them.

    Each example has image/encoded, image/format, image/class/label, image/height and image/width.
    JPEG and PNG files are kept as they are.

    \b
    legacy-nets records --data flowers/ --holdout 0.2 --out flower_records
    legacy-nets train resnet18 --data flower_records --model-dir flowers_run
    """
    if data.path is None:
        raise BadInputError("records needs --data: the data set to write")
    if folder.exists():
        raise BadInputError(f"--out {folder} exists already: name a new folder")
    from legacy_nets.data.dataset import widen_classes
    from legacy_nets.data.open import open_data
    from legacy_nets.data.records.write import write_records

    with show_status("reading the data"):
        images = open_data(
            data.path, None, data.holdout, data.seed or 0, data.strict, num_classes or 0
        )
    images = widen_classes(images, num_classes or 0)
    for note in images.notes:
        say(note, err=True)
    counts = [len(split.labels) for split in (images.train, images.test)]
    with show_progress("images", sum(counts)) as report:
        files = write_records(images, folder, shards, data.seed or 0, report)
    say(
        f"{counts[0]} images to train on, {counts[1]} held out, {len(images.class_names)} classes, "
        f"in {len(files)} files in {folder}"
    )
