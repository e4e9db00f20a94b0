"""Options that several commands share, and how they become settings."""

from __future__ import annotations

import ast
import contextlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import click

from legacy_nets.checkpoints.formats.bundle import find_checkpoint
from legacy_nets.checkpoints.open import find_weights
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.preprocessing import KINDS
from legacy_nets.errors import BadInputError
from legacy_nets.registry import Net
from legacy_nets.train.settings import BEST_FILE, CHECKPOINT, read_best

SYNTHETIC_FOLDER = pathlib.Path("datasets")


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--data, --holdout, --seed and --strict."""
    for option in (
        click.option("--strict", is_flag=True, help="Refuse a folder with an unreadable image."),
        click.option(
            "--seed", type=click.IntRange(0), help="Of all chance. [default: 0, or as trained]"
        ),
        click.option("--holdout", type=float, help="Share to hold out where one half is missing."),
        click.option(
            "--data",
            type=click.Path(path_type=pathlib.Path),
            help=(
                "Folder with a folder a class (images; for clip nets videos or frame folders), or "
                "of train_signs.h5 and test_signs.h5, or MNIST. "
                "[default: drawn into datasets/ on first use (synthetic)]"
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
        click.option("--frames", type=click.IntRange(1), help="Of a clip. [default: as trained]"),
        click.option(
            "--class-indices",
            type=click.Path(path_type=pathlib.Path),
            help="The names of the classes. [default: class_indices.json beside the checkpoint]",
        ),
        click.option("--image-size", metavar="HxW", help="[default: as trained]"),
        click.option(
            "--pixels", type=click.Choice(KINDS), help="Preprocessing. [default: as trained]"
        ),
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
        click.option("--checkpoint", required=True, help="Prefix, weight file or model folder."),
    ):
        command = option(command)
    return command


def open_data(
    net: Net, data: pathlib.Path | None, holdout: float | None, seed: int, strict: bool
) -> ImageData:
    """The data of --data; draws the synthetic set where none is given and none is there."""
    from legacy_nets.data import open as opened

    if data is None:
        data = opened.stand_in(net, SYNTHETIC_FOLDER, lambda line: click.echo(line, err=True))
    return opened.open_data(data, net, holdout, seed, strict)


def changed_settings(given: dict[str, Any]) -> dict[str, Any]:
    """What --num-classes, --frames, --pixels and the like say, taken out of ``given``."""
    return {
        "num_classes": given.pop("num_classes"),
        "label_offset": given.pop("label_offset"),
        "pixels": given.pop("pixels"),
        "frames": given.pop("frames"),
        "class_indices": given.pop("class_indices"),
        "image_size": image_size(given.pop("image_size")),
        "options": net_options(given.pop("options")) or None,
    }


def open_checkpoint(path: str, best: bool) -> str:
    """The weight file or checkpoint prefix of --checkpoint and --best."""
    if not best:
        return find_weights(path)
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
    """--option NAME=VALUE pairs; values are JSON or Python's, else text: true, None, .5, same."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadInputError(f"--option {pair!r}: write NAME=VALUE")
        options[name] = _value(value)
    return options


def _value(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError):
            return read(text)
    return text
