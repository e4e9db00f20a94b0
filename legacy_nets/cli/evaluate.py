"""``legacy-nets evaluate`` and ``legacy-nets predict``."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import click
import numpy as np

from legacy_nets import registry
from legacy_nets.cli.options import (
    changed_settings,
    checkpoint_options,
    data_options,
    open_checkpoint,
    open_data,
)
from legacy_nets.data.clips import count_frames, read_clip
from legacy_nets.data.dataset import ImageData
from legacy_nets.errors import BadInputError, MissingHoldoutError
from legacy_nets.files import replace_on_success
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import load_settings
from legacy_nets.train.stream import Files, Load


@click.command()
@click.argument("net")
@checkpoint_options
@data_options
@click.option("--half", type=click.Choice(["test", "train"]), default="test", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=pathlib.Path),
    help=("Folder for confusion.png and predictions.png. [default: beside the checkpoint]"),
)
@click.option("--json", "as_json", is_flag=True, help="Accuracy and confusion matrix, as JSON.")
def evaluate(
    net: str,
    checkpoint: str,
    best: bool,
    ema: bool | None,
    half: str,
    out: pathlib.Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Accuracy and confusion matrix of a checkpoint of NET on labelled images."""
    record = registry.get_net(net)
    prefix = open_checkpoint(checkpoint, best)
    changes = changed_settings(given)
    saved = load_settings(pathlib.Path(prefix).parent)
    if given["seed"] is None:  # the split of the training, or its images would be held out here
        given["seed"] = saved.seed if saved else 0
    try:
        data = open_data(record, **given)
    except MissingHoldoutError:
        if saved is None or saved.holdout is None:
            raise
        data = open_data(record, **given | {"holdout": saved.holdout})
        click.echo(f"held out as in training: {saved.holdout} of each class", err=True)
    quiet_tensorflow()
    from legacy_nets.data.dataset import framed
    from legacy_nets.train import evaluate as worker
    from legacy_nets.train import report

    settings = worker.settings_of(prefix, net, **changes)
    if settings.num_classes != len(data.class_names):
        raise BadInputError(
            f"{prefix} knows {settings.num_classes} classes, but {data.name} has "
            f"{len(data.class_names)}: evaluate it on the data that it was trained for"
        )
    unnamed = worker.numbered(settings.num_classes)
    if settings.class_names not in (unnamed, data.class_names):
        ours, theirs = (", ".join(names[:8]) for names in (settings.class_names, data.class_names))
        raise BadInputError(
            f"{prefix} knows the classes {ours}, but {data.name} has {theirs}: evaluate it on the "
            "data that it was trained for"
        )
    data = framed(
        data, settings.pixels or record.preprocessing, settings.image_size, record.channels
    )
    for note in data.notes:
        click.echo(note, err=True)
    images = data.test if half == "test" else data.train
    with worker.restored(settings, prefix, ema) as (graph, session, averaged):
        found = worker.evaluate(graph, session, images)
    names = data.class_names
    if as_json:
        click.echo(
            json.dumps(
                {
                    "net": net,
                    "checkpoint": prefix,
                    "averaged_weights": averaged,
                    "data": data.name,
                    "half": half,
                    "images": len(images.labels),
                    "accuracy": found.accuracy,
                    "class_names": names,
                    "confusion": found.confusion.tolist(),
                }
            )
        )
    else:
        _print(found, net, prefix, averaged, half, data)
    out = out or pathlib.Path(prefix).parent
    out.mkdir(parents=True, exist_ok=True)
    report.draw_confusion(found.confusion, names, out / "confusion.png")
    predicted = found.probabilities.argmax(1)
    captions = [
        report.caption(int(true), int(guess), float(row.max()), names)
        for true, guess, row in zip(images.labels, predicted, found.probabilities, strict=True)
    ]
    [shown] = images.read([np.arange(min(32, len(captions)))])
    report.save_png(report.draw_grid(shown.pictures, captions[:32]), out / "predictions.png")
    if not as_json:
        click.echo(f"confusion matrix {out / 'confusion.png'}")
        click.echo(f"predictions      {out / 'predictions.png'}")


def _print(found: Any, net: str, prefix: str, averaged: bool, half: str, data: ImageData) -> None:
    from rich.console import Console
    from rich.table import Table

    names = data.class_names
    weights = "averaged" if averaged else "raw"
    click.echo(f"{net} from {prefix} ({weights} weights) on the {half} half of {data.name}")
    click.echo(
        f"accuracy {found.accuracy:.4f} "
        f"({int(found.confusion.trace())} of {int(found.confusion.sum())} "
        f"{'clips' if data.frames else 'images'})"
    )
    table = Table("true \\ predicted", *names, "right")
    for name, row, hits in zip(names, found.confusion, found.confusion.diagonal(), strict=True):
        share = f"{hits / row.sum():.3f}" if row.sum() else "-"
        table.add_row(name, *(str(count) for count in row), share)
    Console().print(table)


@click.command()
@click.argument("net")
@checkpoint_options
@click.argument("images", nargs=-1, required=True)
@click.option("--top", type=click.IntRange(1), default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="All classes, as JSON.")
@click.option("--features", metavar="END_POINT", help="Write this end point, not the classes.")
@click.option("--out", type=click.Path(path_type=pathlib.Path), help="For --features: an .npz.")
def predict(
    net: str,
    checkpoint: str,
    best: bool,
    ema: bool | None,
    images: tuple[str, ...],
    top: int,
    as_json: bool,
    features: str | None,
    out: pathlib.Path | None,
    **given: Any,
) -> None:
    """Classes and probabilities of PNG or JPEG IMAGES; or an inner layer's features.

    For a net that takes clips, IMAGES are videos or folders of frames.

    \b
    legacy-nets predict hand_signs --checkpoint run photo.jpg
    legacy-nets predict inception_v3 --checkpoint inception_v3.ckpt --label-offset 1 \\
        --features Mixed_6e --out features.npz photo.jpg
    """
    record = registry.get_net(net)
    if (features is None) != (out is None):
        raise BadInputError("--features and --out go together: which end point, and where to")
    if out is not None and not out.parent.is_dir():
        raise BadInputError(f"--out {out}: {out.parent} is no folder; make it first")
    prefix = open_checkpoint(checkpoint, best)
    changes = changed_settings(given)
    lengths: dict[str, int] = {}  # of clips
    coloured: list[pathlib.Path] = []
    if len(record.image_size) == 3:
        lengths = {path: count_frames(pathlib.Path(path)) for path in images}
        half = _files(images, read_clip)
    else:
        half = _pictures(record, images, coloured)
    quiet_tensorflow()
    from legacy_nets.train import evaluate as worker

    settings = worker.settings_of(prefix, net, **changes)
    size = settings.image_size
    for path, count in lengths.items():
        if count < size[0]:
            few = f"{path} has fewer than {size[0]} frames ({count})"
            click.echo(f"{few}: they are repeated evenly", err=True)
    half = half.framed(settings.pixels or record.preprocessing, size, record.channels)
    with worker.restored(settings, prefix, ema) as (graph, session, _):
        fetch = None if features is None else worker.end_point(graph, features)
        values = graph.score(session, half, fetch)
    if coloured:
        click.echo(f"colour pictures are made grey: {net} takes 1 channel", err=True)
    if features is not None and out is not None:
        arrays: dict[str, Any] = {features: values, "images": np.array(images)}
        with replace_on_success(out) as unfinished, open(unfinished, "wb") as file:
            np.savez(file, **arrays)
        click.echo(f"{features} {values.shape} {values.dtype} of {len(images)} images in {out}")
        return
    names = settings.class_names
    if as_json:
        rows = [
            {
                "image": path,
                "class": names[int(row.argmax())],
                "probabilities": dict(zip(names, row.tolist(), strict=True)),
            }
            for path, row in zip(images, values, strict=True)
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    for path, row in zip(images, values, strict=True):
        ranked = np.argsort(-row)[:top]
        click.echo(f"{path}: " + "  ".join(f"{names[int(i)]} {row[i]:.4f}" for i in ranked))


def _pictures(net: registry.Net, paths: tuple[str, ...], coloured: list[pathlib.Path]) -> Files:
    """The pictures, decoded as they are scored; what is no image is refused now.

    ``coloured`` gets those with colours that the net, of one channel, does not see.
    """
    from legacy_nets.data.image_files import kind_of
    from legacy_nets.data.preprocessing import frame_all, read_picture

    def load(path: pathlib.Path, kind: str, size: tuple[int, ...], channels: int) -> np.ndarray:
        picture = read_picture(path)
        if channels == 1 and (picture != picture[..., :1]).any():
            coloured.append(path)
        return frame_all(picture, kind, size, channels)

    half = _files(paths, load)
    for path in half.paths:
        kind = kind_of(path, decode=False)
        if kind and net.channels == 3:
            click.echo(f"{path}: {kind} image, converted to 8-bit RGB", err=True)
    return half


def _files(paths: tuple[str, ...], load: Load) -> Files:
    """Files without labels, as a half that is read to be evaluated."""
    return Files(tuple(map(pathlib.Path, paths)), np.zeros(len(paths), np.int64), load, exact=True)
