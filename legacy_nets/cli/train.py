"""``legacy-nets train``: trains a net, or fine-tunes it from a checkpoint."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any

import click

from legacy_nets import registry
from legacy_nets.checkpoints.open import find_weights
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.options import (
    DataOptions,
    data_options,
    frames_option,
    image_size_option,
    net_option,
    preprocessing_option,
)
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.dataset import ImageData, resize_data
from legacy_nets.errors import BadInputError
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import (
    Settings,
    WarmStart,
    load_settings,
    refuse_file,
    resize_input,
)

if TYPE_CHECKING:
    from legacy_nets.train.loop import Result


@click.command()
@click.argument("net", shell_complete=complete_net)
@data_options
@click.option(
    "--model-dir",
    "folder",
    required=True,
    type=click.Path(path_type=pathlib.Path),
    help="Folder for checkpoints, log, events and curve.",
)
@click.option(
    "--steps", type=click.IntRange(1), default=1000, show_default=True, help="Training steps."
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Images or clips per step.",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, 1e3, min_open=True),
    default=1e-4,
    show_default=True,
    help="Learning rate of Adam.",
)
@click.option("--cosine", is_flag=True, help="Lower the learning rate to zero along a cosine.")
@click.option(
    "--warmup",
    type=click.IntRange(0),
    default=0,
    metavar="STEPS",
    help="Steps over which the learning rate rises to its value.",
)
@click.option(
    "--ema",
    "ema_decay",
    type=click.FloatRange(0, 1, max_open=True),
    help="Decay of a moving average of the weights, for instance 0.99; evaluation uses it.",
)
@click.option("--augment", is_flag=True, help="Random shifts, flips where allowed, and brightness.")
@click.option(
    "--zoom",
    type=click.FloatRange(0, 0.9),
    default=0.0,
    help="With --augment: 0.1 is 0.9 to 1.1 times.",
)
@click.option(
    "--rotate",
    type=click.FloatRange(0, 180),
    default=0.0,
    help="With --augment: degrees to either side.",
)
@click.option(
    "--save-every",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Steps between checkpoints.",
)
@click.option(
    "--evaluate-every",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Steps between evaluations.",
)
@frames_option("the net's own")
@image_size_option("the net's own")
@preprocessing_option("the net's own")
@click.option("--label-offset", type=click.IntRange(0), default=0, help="Logits before class 0.")
@click.option(
    "--trainable",
    multiple=True,
    metavar="SCOPE",
    help="Scope to train; others stay fixed. May be repeated.",
)
@click.option(
    "--aux-weight",
    type=click.FloatRange(0),
    help="Weight of an auxiliary head's loss. [default: the net's own]",
)
@click.option(
    "--weight-decay/--no-weight-decay",
    default=True,
    help="Add the regularization losses of slim's nets.",
)
@click.option("--resume", is_flag=True, help="Continue from the newest complete checkpoint.")
@click.option("--warm-start", metavar="CHECKPOINT", help="Checkpoint to take the weights from.")
@click.option("--warm-start-ema", is_flag=True, help="Take its moving averages, not raw weights.")
@click.option(
    "--exclude", multiple=True, help="Scope that --warm-start does not restore. May be repeated."
)
@net_option
def train(
    net: str,
    data: DataOptions,
    folder: pathlib.Path,
    augment: bool,
    zoom: float,
    rotate: float,
    frames: int | None,
    image_size: tuple[int, int] | None,
    preprocessing: str | None,
    aux_weight: float | None,
    resume: bool,
    warm_start: str | None,
    warm_start_ema: bool,
    exclude: tuple[str, ...],
    **same_as_settings: Any,  # options that are named as fields of Settings
) -> None:
    """Train NET and leave checkpoints, log, events and curve in --model-dir.

    \b
    legacy-nets train hand_signs --model-dir run --steps 600 --ema 0.99
    legacy-nets train hand_signs --data test_signs.h5 --holdout 0.25 --model-dir run2 \\
        --warm-start run --augment
    """
    record = registry.get_net(net)
    augmentation = _make_augmentation(augment, zoom, rotate)
    if not warm_start and (exclude or warm_start_ema):
        raise BadInputError("--exclude and --warm-start-ema belong to --warm-start: give that too")
    refuse_file(folder)
    if resume:
        data = _resume_data(data, folder)
    size = resize_input(record.image_size, frames, image_size)
    preprocessing = preprocessing or record.preprocessing
    images = resize_data(data.open(record), preprocessing, size, record.channels)
    settings = Settings(
        net=net,
        num_classes=len(images.class_names),
        image_size=size,
        class_names=images.class_names,
        data=images.name,
        holdout=data.holdout,
        preprocessing=preprocessing,
        aux_weight=record.aux_weight if aux_weight is None else aux_weight,
        seed=data.seed or 0,
        augment=augmentation,
        **same_as_settings,
    )
    start = WarmStart(find_weights(warm_start), exclude, warm_start_ema) if warm_start else None
    quiet_tensorflow(uses_onednn=True)
    from rich.console import Console

    from legacy_nets.train import loop

    console = Console(stderr=True, soft_wrap=True)
    for line in _describe_data(net, images):
        console.print(line, highlight=False)
    result = loop.train(settings, images, folder, resume=resume, warm_start=start, console=console)
    _print_result(result, folder)


def _make_augmentation(augment: bool, zoom: float, rotate: float) -> Augmentation | None:
    """Makes the augmentation of --augment, --zoom and --rotate."""
    if augment:
        return Augmentation(zoom=zoom, rotate=rotate)
    if zoom or rotate:
        raise BadInputError("--zoom and --rotate belong to --augment: give that too")
    return None


def _resume_data(data: DataOptions, folder: pathlib.Path) -> DataOptions:
    """Replaces --holdout and --seed, where they are not given, by those of the run."""
    saved = load_settings(folder)
    if saved is None:
        return data
    return dataclasses.replace(
        data,
        holdout=saved.holdout if data.holdout is None else data.holdout,
        seed=saved.seed if data.seed is None else data.seed,
    )


def _describe_data(net: str, images: ImageData) -> list[str]:
    """Describes the data that a net is trained on, in lines."""
    return [
        *images.notes,
        f"{net} on {images.name}: {len(images.train.labels)} {images.unit} to train on, "
        f"{len(images.test.labels)} held out",
    ]


def _print_result(result: Result, folder: pathlib.Path) -> None:
    """Prints the result; exits with 130 or 143 if a signal stopped the run."""
    if result.test_accuracy is not None:
        click.echo(f"test accuracy {result.test_accuracy:.4f} at step {result.step}")
    if result.best_step is not None:
        click.echo(f"best {result.best_accuracy:.4f} at step {result.best_step}")
    click.echo(f"checkpoint {result.checkpoint}")
    click.echo(f"events     {folder / 'events'}  (tensorboard --logdir {folder})")
    click.echo(f"log        {folder / 'log.csv'}")
    click.echo(f"curve      {folder / 'curve.png'}")
    if result.stopped_by:
        click.echo(f"stopped by {result.stopped_by}: continue with --resume")
        raise SystemExit(130 if result.stopped_by == "SIGINT" else 143)
