"""``legacy-nets evaluate``: accuracy and confusion matrix of a checkpoint."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import TYPE_CHECKING

import click
import numpy as np

from legacy_nets import registry
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.options import (
    CheckpointOptions,
    DataOptions,
    checkpoint_options,
    data_options,
    print_notes,
)
from legacy_nets.data.dataset import ImageData, resize_data
from legacy_nets.data.splits import Split
from legacy_nets.errors import BadInputError, MissingHoldoutError
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import Settings, load_settings

if TYPE_CHECKING:
    from legacy_nets.train.evaluate import Evaluation

MAX_PICTURES = 32  # in predictions.png


@click.command()
@click.argument("net", shell_complete=complete_net)
@checkpoint_options
@data_options
@click.option(
    "--split",
    "--half",
    "split_name",
    type=click.Choice(["test", "train"]),
    default="test",
    show_default=True,
    help="Split of the data to evaluate on.",
)
@click.option(
    "--out",
    type=click.Path(path_type=pathlib.Path),
    help="Folder for confusion.png and predictions.png. [default: that of the checkpoint]",
)
@click.option("--json", "as_json", is_flag=True, help="Accuracy and confusion matrix as JSON.")
def evaluate(
    net: str,
    checkpoint: CheckpointOptions,
    data: DataOptions,
    split_name: str,
    out: pathlib.Path | None,
    as_json: bool,
) -> None:
    """Compute accuracy and confusion matrix of a checkpoint of NET on labelled images."""
    record = registry.get_net(net)
    prefix = checkpoint.find()
    images = _open_as_trained(data, record, pathlib.Path(prefix).parent)
    quiet_tensorflow(uses_onednn=True)
    from legacy_nets.train import evaluate as evaluation

    print_notes(prefix)
    settings = evaluation.resolve_settings(prefix, net, checkpoint.changes)
    _check_classes(prefix, settings, images, evaluation.number_classes(settings.num_classes))
    preprocessing = settings.preprocessing or record.preprocessing
    images = resize_data(images, preprocessing, settings.image_size, record.channels)
    for note in images.notes:
        click.echo(note, err=True)
    split = images.test if split_name == "test" else images.train
    with evaluation.restore_net(settings, prefix, checkpoint.ema) as (graph, session, averaged):
        result = evaluation.evaluate(graph, session, split)
    if as_json:
        values = {
            "net": net,
            "checkpoint": prefix,
            "averaged_weights": averaged,
            "data": images.name,
            "split": split_name,
            "images": len(split.labels),
            "accuracy": result.accuracy,
            "class_names": images.class_names,
            "confusion": result.confusion.tolist(),
        }
        click.echo(json.dumps(values))
    else:
        weights = "averaged" if averaged else "raw"
        click.echo(
            f"{net} from {prefix} ({weights} weights) on the {split_name} split of {images.name}"
        )
        _print_result(result, images)
    out = out or pathlib.Path(prefix).parent
    _draw_pictures(result, split, images.class_names, out)
    if not as_json:
        click.echo(f"confusion matrix {out / 'confusion.png'}")
        click.echo(f"predictions      {out / 'predictions.png'}")


def _open_as_trained(
    data: DataOptions, record: registry.Net, model_folder: pathlib.Path
) -> ImageData:
    """Opens the data with the seed and the holdout of the training, where they are not given.

    Another split would evaluate images that the net was trained on.
    """
    saved = load_settings(model_folder)
    if data.seed is None and saved is not None:
        data = dataclasses.replace(data, seed=saved.seed)
    try:
        return data.open(record)
    except MissingHoldoutError:
        if saved is None or saved.holdout is None:
            raise
        click.echo(f"held out as in training: {saved.holdout} of each class", err=True)
        return dataclasses.replace(data, holdout=saved.holdout).open(record)


def _check_classes(
    prefix: str, settings: Settings, images: ImageData, numbers: tuple[str, ...]
) -> None:
    """Raises BadInputError where the data have other classes than the checkpoint.

    ``numbers`` are the names of classes that have none.
    """
    if settings.num_classes != len(images.class_names):
        raise BadInputError(
            f"{prefix} knows {settings.num_classes} classes, but {images.name} has "
            f"{len(images.class_names)}: evaluate it on the data that it was trained for"
        )
    if settings.class_names not in (numbers, images.class_names):
        ours, theirs = (
            ", ".join(names[:8]) for names in (settings.class_names, images.class_names)
        )
        raise BadInputError(
            f"{prefix} knows the classes {ours}, but {images.name} has {theirs}: evaluate it on "
            "the data that it was trained for"
        )


def _draw_pictures(
    result: Evaluation, split: Split, class_names: tuple[str, ...], folder: pathlib.Path
) -> None:
    """Draws the confusion matrix and the first predictions into a folder."""
    from legacy_nets.train import report

    folder.mkdir(parents=True, exist_ok=True)
    report.draw_confusion(result.confusion, class_names, folder / "confusion.png")
    first = np.arange(min(MAX_PICTURES, len(split.labels)))
    [batch] = split.read([first])
    captions = [
        report.format_caption(int(label), int(row.argmax()), float(row.max()), class_names)
        for label, row in zip(batch.labels, result.probabilities[first], strict=True)
    ]
    report.save_png(report.draw_grid(batch.pictures, captions), folder / "predictions.png")


def _print_result(result: Evaluation, images: ImageData) -> None:
    """Prints accuracy and confusion matrix."""
    from rich.console import Console
    from rich.table import Table

    confusion = result.confusion
    click.echo(
        f"accuracy {result.accuracy:.4f} "
        f"({int(confusion.trace())} of {int(confusion.sum())} {images.unit})"
    )
    table = Table("true \\ predicted", *images.class_names, "right")
    for name, row, hits in zip(images.class_names, confusion, confusion.diagonal(), strict=True):
        share = f"{hits / row.sum():.3f}" if row.sum() else "-"
        table.add_row(name, *(str(count) for count in row), share)
    Console().print(table)
