"""How ``predict`` and ``evaluate`` run a net over images: --fast, --engine and --calibrate."""

from __future__ import annotations

import functools
import pathlib
from typing import TYPE_CHECKING, NamedTuple

import click

from legacy_nets.cli.options import CheckpointOptions, Command, FilePath
from legacy_nets.engines.fast import PLAIN, Choice, load_fast
from legacy_nets.engines.table import AUTO, ENGINES, PRECISIONS
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say
from legacy_nets.progress import show_progress, show_status
from legacy_nets.registry import get_net
from legacy_nets.train.settings import SettingChanges, Settings

if TYPE_CHECKING:
    from legacy_nets.checkpoints.source import Source
    from legacy_nets.data.splits import Split
    from legacy_nets.types import Array

MANY = 100  # images, from which on the net is frozen


class FastCommand(click.Command):
    """A command whose ``--fast`` may stand before an argument: ``--fast photo.jpg``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Gives --fast its precision where none follows it."""
        precisions = {*PRECISIONS}
        following = [*args, ""][1:]
        args = [
            "--fast=fp32" if text == "--fast" and after not in precisions else text
            for text, after in zip(args, following, strict=True)
        ]
        return super().parse_args(ctx, args)


def fast_options(command: Command) -> Command:
    """Adds --fast, --engine and --calibrate; the command gets them as ``choice``.

    ``choice`` is None without --fast.
    """

    @functools.wraps(command)
    def call(
        fast: str | None, engine: str | None, calibrate: pathlib.Path | None, **others: object
    ) -> None:
        if fast is None and (engine or calibrate):
            name = "--engine" if engine else "--calibrate"
            raise BadInputError(f"{name} is for --fast: add --fast, or leave it out")
        choice = None if fast is None else Choice(fast, engine or AUTO, calibrate)
        if choice is not None:
            choice.list_engines()
        command(choice=choice, **others)

    options = (
        click.option(
            "--calibrate",
            type=FilePath(path_type=pathlib.Path),
            help="Folder of inputs to measure the ranges of int8 on.",
        ),
        click.option(
            "--engine",
            type=click.Choice([AUTO, *ENGINES]),
            help="What runs the net with --fast. [default: the fastest, measured once and kept]",
        ),
        click.option(
            "--fast",
            type=click.Choice(PRECISIONS),
            help="Run the net by the fastest engine. --fast alone is fp32.",
        ),
    )
    for option in options:
        call = option(call)
    return call


def choose_device(wanted: str, choice: Choice | None) -> str:
    """Chooses the device of --device and --fast: the engines of --fast are for the CPU.

    Raises BadInputError for --fast on a GPU.
    """
    if choice is None:
        return wanted
    if wanted not in ("auto", "cpu"):
        raise BadInputError(f"--fast is for the CPU: leave out --fast or --device {wanted}")
    return "cpu"


def check_options(
    settings: Settings, source: Source, checkpoint: CheckpointOptions, end_point: str | None = None
) -> None:
    """Builds the net where options change it, or name an end point, before images are read.

    Raises BadInputError or CheckpointError where that fails, or the checkpoint does not match.
    """
    if checkpoint.changes == SettingChanges() and not checkpoint.ema and end_point is None:
        return
    from legacy_nets.train.evaluate import check_restorable

    with show_status(f"building {settings.net} to check the options"):
        check_restorable(settings, source, checkpoint.ema, end_point)


class Scores(NamedTuple):
    """What a net computes of images, and how."""

    values: Array  # float32 [N, classes]: probabilities; or an end point [N, ...]
    averaged: bool  # by the moving averages of the weights
    note: str  # what --fast chose and how near it is to fp32; "" without --fast


def score(
    settings: Settings,
    checkpoint: str,
    ema: bool | None,
    choice: Choice | None,
    images: Split,
    unit: str,
    end_point: str | None = None,
) -> Scores:
    """Runs a net over images, with a bar.

    The frozen graph runs from 100 images on; its outputs are within 1e-5 of the plain graph's.
    ``end_point``: what to compute in place of probabilities, by the plain graph.
    """
    from legacy_nets.port.formats.frozen import MAX_BYTES

    count = len(images.labels)
    is_plain = count < MANY or 4 * get_net(settings.net).parameters > MAX_BYTES
    if end_point is not None or (choice is None and is_plain):
        from legacy_nets.train.evaluate import restore_net
        from legacy_nets.train.graph import get_end_point

        with (
            restore_net(settings, checkpoint, ema) as (graph, session, averaged),
            show_progress(unit, count) as report,
        ):
            fetch = None if end_point is None else get_end_point(graph, end_point)
            return Scores(graph.score(session, images, fetch, report), averaged, "")
    net = load_fast(settings, checkpoint, ema, choice or PLAIN)
    with show_progress(unit, count) as report:
        probabilities = net.score(images, report)
    note = "" if choice is None else f"{net.precision} by {net.engine}"
    if choice is not None and choice.precision != "fp32":
        note += f": {net.compare_first(images, probabilities).warn()}"
    return Scores(probabilities, net.averaged, note)


def print_note(scores: Scores) -> None:
    """Prints what --fast chose."""
    if scores.note:
        say(scores.note, err=True)
