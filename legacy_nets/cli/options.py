"""Options that several commands share, and the objects that the commands get of them."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import click

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.source import Source
from legacy_nets.data.class_indices import MAX_CLASSES
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.preprocessing import PREPROCESSINGS
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say
from legacy_nets.progress import show_status
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.registry import Net
from legacy_nets.shapes import parse_sides
from legacy_nets.train.settings import (
    SettingChanges,
    Settings,
    find_checkpoint_file,
    parse_net_options,
)

SYNTHETIC_FOLDER = pathlib.Path("datasets")
Command = Callable[..., object]
Option = Callable[[Command], Command]


class NumberRange(click.FloatRange):
    """A finite number: click's range takes nan, which lies in none."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Converts a text to a number. Fails for one that is not in the range, or not finite."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class FilePath(click.Path):
    """A path that is not empty: pathlib takes "", the value of an unset variable, for "."."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Converts a text to a path. Fails for an empty one."""
        if not os.fspath(value):
            self.fail("it is empty: name a file or folder.", param, ctx)
        return super().convert(value, param, ctx)


jobs_option = click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes for a folder."
)
ray_address_option = click.option(
    "--ray-address",
    metavar="ADDRESS",
    help='Address of a cluster of Ray that has the --jobs; "local" starts one here.',
)


def parse_image_size(text: str | None) -> tuple[int, int] | None:
    """Parses --image-size: "96" or "96x128" (height x width)."""
    if text is None:
        return None
    try:
        sides = parse_sides(text)
        height, width = sides * 2 if len(sides) == 1 else sides
        if height is None or width is None:
            raise ValueError
    except ValueError:
        raise BadInputError(
            f"--image-size {text!r}: write 96, or 96x128 (height x width)"
        ) from None
    return height, width


def image_size_option(default: str) -> Option:
    """Makes --image-size; the command gets (height, width) or None."""
    return click.option(
        "--image-size",
        metavar="HxW",
        help=f"Height and width of the images. [default: {default}]",
        callback=lambda context, option, text: parse_image_size(text),
    )


def frames_option(default: str) -> Option:
    """Makes --frames."""
    return click.option(
        "--frames", type=click.IntRange(1), help=f"Frames of a video clip. [default: {default}]"
    )


def num_classes_option(default: str) -> Option:
    """Makes --num-classes."""
    return click.option(
        "--num-classes",
        type=click.IntRange(1, MAX_CLASSES),
        help=f"Number of classes. [default: {default}]",
    )


def preprocessing_option(default: str) -> Option:
    """Makes --preprocessing, with the older name --pixels as an alias."""
    return click.option(
        "--preprocessing",
        "--pixels",
        "preprocessing",
        type=click.Choice(PREPROCESSINGS),
        help=f"Preprocessing of the images. [default: {default}]",
    )


def _check_device(context: click.Context, option: click.Parameter, wanted: str) -> str:
    """Raises BadInputError for a device that is not there, before anything is loaded."""
    wanted = wanted.lower()
    if wanted not in ("auto", "cpu") and not context.resilient_parsing:
        open_device(wanted)
    return wanted


def open_device(wanted: str) -> str:
    """Imports TensorFlow, and makes it compute on the device of --device.

    Returns a line that says which device it is, for stderr.
    """
    with show_status("loading TensorFlow"):
        quiet_tensorflow(uses_onednn=True)
        from legacy_nets.devices import use_device

        return f"device: {use_device(wanted)}"


# --device; the command gives it to ``open_device``
device_option: Option = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="DEVICE",
    callback=_check_device,
    help="auto, cpu, gpu or gpu:N. auto is the first GPU where there is one.",
)

# --option NAME=VALUE; the command gets a dict ``options``
net_option: Option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the net's function; may be repeated.",
    callback=lambda context, option, pairs: parse_net_options(pairs),
)


def _add_options(command: Command, options: Sequence[Option]) -> Command:
    """Adds options to a command so that its help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """--data, --holdout, --seed and --strict."""

    path: pathlib.Path | None
    holdout: float | None
    seed: int | None
    strict: bool
    num_classes: int = 0  # at least

    def inherit_path(self, saved: Settings) -> DataOptions:
        """Takes the data of a run where none are given.

        Raises BadInputError where they are gone.
        """
        if self.path is not None or not saved.data_path:
            return self
        path = pathlib.Path(saved.data_path)
        if not path.exists():
            raise BadInputError(
                f"the data of the training are not in {path} any more: say where with --data"
            )
        return dataclasses.replace(self, path=path)

    def inherit(self, saved: Settings) -> DataOptions:
        """Replaces what is not given by the settings of a run. Raises as ``inherit_path``."""
        return DataOptions(
            self.inherit_path(saved).path,
            saved.holdout if self.holdout is None else self.holdout,
            saved.seed if self.seed is None else self.seed,
            self.strict or saved.strict,
            saved.num_classes,
        )

    def count_classes(self, net: Net) -> int:
        """Counts the classes of the data, as far as their folders tell; else those given, or 0."""
        from legacy_nets.data.open import count_classes  # imports h5py

        return max(self.num_classes, count_classes(self.path, net) if self.path else 0)

    def open(self, net: Net) -> ImageData:
        """Opens the data; makes the synthetic set if no path is given and it does not exist."""
        from legacy_nets.data.open import make_synthetic_data, open_data  # imports h5py

        path = self.path or make_synthetic_data(
            net, SYNTHETIC_FOLDER, lambda line: say(line, err=True)
        )
        return open_data(path, net, self.holdout, self.seed or 0, self.strict, self.num_classes)


def data_options(seed_help: str, default: str) -> Option:
    """Makes the options of ``DataOptions``; the command gets them as ``data``.

    ``seed_help``: what the command takes --seed for. ``default``: what it takes without --data.
    """
    options: list[Option] = [
        click.option(
            "--data",
            "data_path",
            type=FilePath(path_type=pathlib.Path),
            help=(
                "Folder with one sub-folder per class (images; for clip nets videos or frame "
                "folders), train_signs.h5 and test_signs.h5, MNIST, EMNIST, Fashion-MNIST, "
                f"UCF-101, HMDB-51, TFRecords or a CSV list. [{default}]"
            ),
        ),
        click.option(
            "--holdout",
            type=NumberRange(0, 1, min_open=True, max_open=True),
            help="Share of each class to hold out, where a split is missing.",
        ),
        click.option("--seed", type=click.IntRange(0), help=seed_help),
        click.option(
            "--strict", is_flag=True, help="Refuse data with an unreadable image or clip."
        ),
    ]

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def call(
            data_path: pathlib.Path | None,
            holdout: float | None,
            seed: int | None,
            strict: bool,
            **others: object,
        ) -> None:
            command(data=DataOptions(data_path, holdout, seed, strict), **others)

        return _add_options(call, options)

    return add


@dataclasses.dataclass(frozen=True)
class CheckpointOptions:
    """--checkpoint, and how to read it."""

    path: str
    best: bool
    ema: bool | None
    changes: SettingChanges

    def find(self) -> str:
        """Finds the weight file or checkpoint prefix."""
        return find_checkpoint_file(self.path, self.best)


def open_checkpoint(path: str) -> Source:
    """Opens a weight file, and prints what its reader did besides reading to stderr."""
    source = open_weights(path)
    for note in source.notes:
        say(f"note: {note}", err=True)
    return source


def find_weights(path: str | None) -> str | None:
    """Finds the weight file of --checkpoint and says what its reader did; None stays None."""
    weights = None if path is None else find_checkpoint_file(path, best=False)
    if weights is not None:
        open_checkpoint(weights)
    return weights


def checkpoint_options(command: Command) -> Command:
    """Adds the options of ``CheckpointOptions``; the command gets them as ``checkpoint``."""

    @functools.wraps(command)
    def call(checkpoint_path: str, best: bool, ema: bool | None, **others: Any) -> None:
        names = [field.name for field in dataclasses.fields(SettingChanges)]
        changes = SettingChanges(**{name: others.pop(name) for name in names})
        command(checkpoint=CheckpointOptions(checkpoint_path, best, ema, changes), **others)

    options: list[Option] = [
        click.option(
            "--checkpoint",
            "checkpoint_path",
            required=True,
            type=FilePath(),
            help="Checkpoint prefix, weight file or model folder.",
        ),
        click.option("--best", is_flag=True, help="Best checkpoint of a model folder, not newest."),
        click.option(
            "--ema/--raw",
            default=None,
            help="Moving averages or raw weights. [default: averages if there are any]",
        ),
        num_classes_option("as trained"),
        click.option(
            "--label-offset",
            type=click.IntRange(0, MAX_CLASSES),
            help=(
                "Logits before the first class: 1 for slim's published 1001. [default: as trained]"
            ),
        ),
        preprocessing_option("as trained"),
        image_size_option("as trained"),
        click.option(
            "--class-indices",
            type=FilePath(path_type=pathlib.Path),
            help="File of the class names. [default: class_indices.json next to the checkpoint]",
        ),
        frames_option("as trained"),
        net_option,
    ]
    return _add_options(call, options)


def split_names(text: str | None) -> tuple[str, ...]:
    """Splits a list of names, "A, B"; () of none."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
