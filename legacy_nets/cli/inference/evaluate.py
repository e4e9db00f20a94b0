"""``legacy-nets evaluate``: accuracy and confusion matrix of a checkpoint."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.cells import cell_len, set_cell_size

from legacy_nets import registry
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.inference.scoring import (
    FastCommand,
    check_options,
    choose_device,
    fast_options,
    print_note,
    score,
)
from legacy_nets.cli.options import (
    CheckpointOptions,
    DataOptions,
    FilePath,
    checkpoint_options,
    data_options,
    device_option,
    open_checkpoint,
    open_device,
)
from legacy_nets.cli.tables import make_console
from legacy_nets.data.class_indices import number_classes
from legacy_nets.data.dataset import ImageData, resize_data
from legacy_nets.data.splits import Split
from legacy_nets.engines.fast import Choice
from legacy_nets.errors import BadInputError, MissingHoldoutError
from legacy_nets.files import replace_on_success
from legacy_nets.language import mark
from legacy_nets.language import translate as _
from legacy_nets.language.lines import say, translate_line
from legacy_nets.progress import show_status
from legacy_nets.sigterm import end_on_sigterm
from legacy_nets.train.resume import describe_new_holdout
from legacy_nets.train.settings import Settings, load_settings, refuse_file

if TYPE_CHECKING:
    from rich.table import Table

    from legacy_nets.train.evaluate import Evaluation

MAX_PICTURES = 32  # of the predictions that are drawn
MAX_COLUMNS = 20  # classes whose confusion matrix is printed
MAX_MATRIX = 2000  # classes whose confusion matrix is written with all its zeros
MAX_WIDTH = 10_000  # characters of a table, before it is fitted to the screen
SCORES = (mark("precision"), mark("recall"), "F1")


@click.command(cls=FastCommand)
@click.argument("net", shell_complete=complete_net)
@checkpoint_options
@data_options(
    "Seed of the held-out choice. [default: as trained, or 0]",
    "default: those of the training, or synthetic data in datasets/",
)
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
    "--output",
    "--out",
    "output",
    type=FilePath(path_type=pathlib.Path),
    help="Folder for the JSON file and the pictures. [default: that of the checkpoint]",
)
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print the contents of the JSON file.")
@fast_options
@end_on_sigterm()
def evaluate(
    net: str,
    checkpoint: CheckpointOptions,
    data: DataOptions,
    split_name: str,
    output: pathlib.Path | None,
    as_json: bool,
    choice: Choice | None,
    device: str,
) -> None:
    """Compute accuracy and confusion matrix of a checkpoint of NET on labelled images.

    Writes evaluation, confusion matrix and first predictions into --output, under the name of the
    data: evaluation_DATA_test.json, confusion_DATA_test.png, predictions_DATA_test.png. The JSON
    file has precision, recall and F1 of each class.

    \b
    legacy-nets evaluate hand_signs --checkpoint run --data signs/
    legacy-nets evaluate hand_signs --checkpoint run --data signs/ --output results --json
    """
    record = registry.get_net(net)
    prefix = checkpoint.find()
    folder = output or pathlib.Path(prefix).parent
    refuse_file(folder, "output folder")
    device_line = open_device(choose_device(device, choice))
    from legacy_nets.train import evaluate as evaluation

    source = open_checkpoint(prefix)
    settings = evaluation.resolve_settings(source, net, checkpoint.changes)
    check_options(settings, source, checkpoint)
    images = _open_as_trained(data, record, prefix, checkpoint.changes.num_classes)
    images = _match_classes(prefix, settings, images)
    preprocessing = settings.preprocessing or record.preprocessing
    images = resize_data(images, preprocessing, settings.image_size, record.channels)
    for note in images.notes:
        say(note, err=True)
    split = images.test if split_name == "test" else images.train
    scores = score(settings, prefix, checkpoint.ema, choice, split, images.unit)
    say(device_line, err=True)
    result = evaluation.Evaluation(split.labels, scores.values)
    values = {
        "net": net,
        "checkpoint": prefix,
        "averaged_weights": scores.averaged,
        "split": split_name,
        **_describe_result(result, images),
    }
    with show_status("drawing the confusion matrix and the first predictions"):
        files = _write_files(values, result, split, images, folder)
    if as_json:
        click.echo(json.dumps(values))
    else:
        weights = _("averaged") if scores.averaged else _("raw")
        say(f"{net} from {prefix} ({weights} weights) on the {split_name} split of {images.name}")
        _print_result(result, images)
        for label, file in files.items():
            click.echo(f"{set_cell_size(_(label), 16)} {file}")
    print_note(scores)


@show_status("opening the data")
def _open_as_trained(
    data: DataOptions, record: registry.Net, checkpoint: str, num_classes: int | None
) -> ImageData:
    """Opens the data with the seed and the holdout of the training, where they are not given.

    Another split would evaluate images that the net was trained on. Where no data are given, they
    are those of the training. Raises BadInputError where these are gone.
    """
    saved = load_settings(pathlib.Path(checkpoint).parent)
    if data.path is None and saved is not None and saved.data_path:
        data = data.inherit_path(saved)
        say(f"data as in training: {data.path}", err=True)
    num_classes = num_classes or (saved.num_classes if saved else 0)
    data = dataclasses.replace(data, num_classes=num_classes)
    if data.seed is None and saved is not None:
        data = dataclasses.replace(data, seed=saved.seed)
    try:
        images = data.open(record)
    except MissingHoldoutError:
        if saved is None or saved.holdout is None:
            raise
        say(f"held out as in training: {saved.holdout} of each class", err=True)
        data = dataclasses.replace(data, holdout=saved.holdout)
        images = data.open(record)
    if saved is not None:
        counts = (len(images.train.labels), len(images.test.labels))
        now = dataclasses.replace(
            saved, data=images.name, holdout=data.holdout, seed=data.seed or 0, images=counts
        )
        if note := describe_new_holdout(saved, now):
            say(f"note: {note}", err=True)
    return images


def _match_classes(prefix: str, settings: Settings, images: ImageData) -> ImageData:
    """Gives the data all classes of the checkpoint: it may be trained with more.

    Raises BadInputError where the data have other classes.
    """
    names, trained = images.class_names, settings.class_names
    saved = load_settings(pathlib.Path(prefix).parent)
    numbers = number_classes(settings.num_classes)
    is_named = trained != numbers or (saved is not None and saved.class_names == trained)
    if is_named and names == trained[: len(names)]:
        return dataclasses.replace(images, class_names=trained)
    if settings.num_classes != len(names):
        raise BadInputError(
            f"{prefix} knows {settings.num_classes} classes, but {images.name} has "
            f"{len(names)}: evaluate it on the data that it was trained for"
        )
    if trained != numbers:
        ours, theirs = (", ".join(known[:8]) for known in (trained, names))
        raise BadInputError(
            f"{prefix} knows the classes {ours}, but {images.name} has {theirs}: evaluate it on "
            "the data that it was trained for"
        )
    return images


def _describe_result(result: Evaluation, images: ImageData) -> dict[str, object]:
    """Describes the data and the result of an evaluation as values for JSON."""
    scores = zip(images.class_names, result.score_classes(), strict=True)
    confusion = (
        {"confusion": result.count_confusions().tolist()}
        if len(images.class_names) <= MAX_MATRIX
        else {"confusion": None, "confusion_pairs": result.list_confusions()}
    )
    return {
        "data": images.name,
        "images": len(result.probabilities),
        "accuracy": result.accuracy,
        "class_names": images.class_names,
        "classes": {name: of_class._asdict() for name, of_class in scores},
        **confusion,
    }


def _write_files(
    values: dict[str, object],
    result: Evaluation,
    split: Split,
    images: ImageData,
    folder: pathlib.Path,
) -> dict[str, pathlib.Path]:
    """Writes JSON, confusion matrix and first predictions; returns label -> file."""
    from legacy_nets.drawing import label_classes, use_fonts
    from legacy_nets.train import report

    folder.mkdir(parents=True, exist_ok=True)
    ending = f"{images.file_name}_{values['split']}"
    files = {
        mark("evaluation"): folder / f"evaluation_{ending}.json",
        mark("confusion matrix"): folder / f"confusion_{ending}.png",
        mark("predictions"): folder / f"predictions_{ending}.png",
    }
    labels = label_classes(images.class_names)
    first = np.arange(min(MAX_PICTURES, len(split.labels)))
    [batch] = split.read([first])
    predictions = report.collect_predictions(batch.labels, result.probabilities[first])
    with use_fonts() as note:
        every = -(-len(images.class_names) // MAX_MATRIX)
        counts = result.count_confusions(every)
        report.draw_confusion(counts, labels, files["confusion matrix"], every)
        grid = report.draw_grid(batch.pictures, predictions, labels)
    for line in filter(None, (note, *labels.notes)):
        say(f"note: {line}", err=True)
    report.save_png(grid, files["predictions"])
    with replace_on_success(files["evaluation"]) as unfinished:
        unfinished.write_text(json.dumps(values) + "\n", encoding="utf-8")
    return files


def _print_result(result: Evaluation, images: ImageData) -> None:
    """Prints accuracy, confusion matrix (of few classes), precision, recall and F1.

    Where the names of the classes are too wide as headings, numbers replace them; where these are,
    too, the numbers of images replace the matrix.
    """
    from rich.markup import escape

    say(
        f"accuracy {result.accuracy:.4f} "
        f"({result.hits} of {len(result.labels)} "
        f"{translate_line(images.unit)})"
    )
    console = make_console(160)
    names = [escape(name) for name in images.class_names]  # brackets would be markup
    tables = [_make_table(result, names, images.unit, None)]
    if len(names) <= MAX_COLUMNS:
        numbers = [f"#{number}" for number in range(len(names))]
        numbered = [f"{number} {name}" for number, name in zip(numbers, names, strict=True)]
        tables.insert(0, _make_table(result, numbered, images.unit, numbers))
        tables.insert(0, _make_table(result, names, images.unit, names))
    unlimited = console.options.update(width=MAX_WIDTH)
    fitting = (t for t in tables if console.measure(t, options=unlimited).minimum <= console.width)
    console.print(next(fitting, tables[-1]))


def _make_table(
    result: Evaluation, names: Sequence[str], unit: str, headings: Sequence[str] | None
) -> Table:
    """Makes a table with a row for each class: the confusion matrix, or the number of images.

    ``headings``: of the columns of the matrix. Only the names of the rows may be folded.
    """
    from rich.table import Table

    table = Table()
    corner = _("class") if headings is None else _("true \\ predicted")
    table.add_column(corner, overflow="fold", min_width=cell_len(corner))
    shares = [_(heading) for heading in SCORES]
    for heading in (*(headings or [translate_line(unit)]), *shares):
        table.add_column(heading, no_wrap=True)
    all_scores = result.score_classes()
    counts = [[s.images] for s in all_scores] if headings is None else result.count_confusions()
    for name, row, scores in zip(names, counts, all_scores, strict=True):
        values = (scores.precision, scores.recall, scores.f1)
        table.add_row(
            name,
            *(str(count) for count in row),
            *("-" if share is None else f"{share:.3f}" for share in values),
        )
    return table
