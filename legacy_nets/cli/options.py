"""Options that several commands share, and how they become settings."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import click

from legacy_nets.checkpoints.bundle import find_checkpoint
from legacy_nets.data.dataset import ImageData
from legacy_nets.errors import BadInputError
from legacy_nets.train.settings import BEST_FILE
from legacy_nets.train.settings import CHECKPOINT
from legacy_nets.train.settings import read_best

SYNTHETIC_FOLDER = pathlib.Path("datasets")


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--data, --holdout and --seed."""
    for option in (
        click.option("--seed", type=int, help="Of all chance. [default: 0, or as trained]"),
        click.option("--holdout", type=float, help="Share to hold out where one half is missing."),
        click.option(
            "--data",
            type=click.Path(path_type=pathlib.Path),
            help=(
                "Folder of train_signs.h5 and test_signs.h5, or one of them. "
                "[default: datasets/, drawn there on first use (synthetic)]"
            ),
        ),
    ):
        command = option(command)
    return command


def checkpoint_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--checkpoint and how to read it."""
    for option in (
        click.option(
            "--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the net."
        ),
        click.option("--image-size", metavar="HxW", help="[default: as trained]"),
        click.option(
            "--label-offset",
            type=click.IntRange(0),
            help=(
                "Logits before the first class: 1 for slim's published 1001. [default: as trained]"
            ),
        ),
        click.option("--num-classes", type=click.IntRange(1), help="[default: as trained]"),
        click.option(
            "--ema/--raw",
            default=None,
            help=("Moving averages or raw weights. [default: averages where there are any]"),
        ),
        click.option("--best", is_flag=True, help="Of a model folder: the best, not the newest."),
        click.option("--checkpoint", required=True, help="Checkpoint prefix or model folder."),
    ):
        command = option(command)
    return command


def open_data(data: pathlib.Path | None, holdout: float | None, seed: int) -> ImageData:
    """The data of --data; draws the synthetic set where none is given and none is there."""
    from legacy_nets.data import signs

    if data is None:
        data = SYNTHETIC_FOLDER
        if signs.lacks_synthetic(data):
            click.echo(f"drawing synthetic hand signs into {data}/ (no --data given) ...", err=True)
            signs.make_signs(data)
    return signs.load_signs(data, holdout, seed)


def changed_settings(given: dict[str, Any]) -> dict[str, Any]:
    """What --num-classes, --label-offset, --image-size and --option say, taken out of ``given``."""
    return {
        "num_classes": given.pop("num_classes"),
        "label_offset": given.pop("label_offset"),
        "image_size": image_size(given.pop("image_size")),
        "options": net_options(given.pop("options")) or None,
    }


def open_checkpoint(path: str, best: bool) -> str:
    """The checkpoint prefix of --checkpoint and --best."""
    if not best:
        return find_checkpoint(path)
    found = read_best(pathlib.Path(path))
    if found is None:
        raise BadInputError(f"{path} has no readable {BEST_FILE}: leave --best out")
    return find_checkpoint(str(pathlib.Path(path) / f"{CHECKPOINT}-{found[0]}"))


def image_size(text: str | None) -> tuple[int, int] | None:
    """--image-size: "96" or "96x128" (height x width)."""
    if text is None:
        return None
    sides = text.lower().split("x")
    try:
        height, width = int(sides[0]), int(sides[-1])
        if len(sides) > 2 or min(height, width) < 1:
            raise ValueError
    except ValueError:
        raise BadInputError(
            f"--image-size {text!r}: write 96, or 96x128 (height x width)"
        ) from None
    return height, width


def net_options(pairs: tuple[str, ...]) -> dict[str, Any]:
    """--option NAME=VALUE pairs; values are read as JSON where they are JSON."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadInputError(f"--option {pair!r}: write NAME=VALUE")
        try:
            options[name] = json.loads(value.lower() if value in ("True", "False") else value)
        except ValueError:
            options[name] = value
    return options
