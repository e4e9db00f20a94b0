"""``legacy-nets train`` in a task of a cluster."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from legacy_nets import registry
from legacy_nets.cli.options import NumberRange
from legacy_nets.cluster.task import VARIABLE, Task, read_task
from legacy_nets.data.dataset import ImageData
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from legacy_nets.train.loop import Result


@dataclasses.dataclass(frozen=True)
class ClusterTask:
    """The task of this process, --sync and --wait."""

    task: Task
    sync: bool
    wait: float  # seconds

    def train(
        self, settings: Settings, images: ImageData, folder: pathlib.Path, console: Console
    ) -> Result:
        """Trains as a chief, a worker or an evaluator. Returns the chief's result.

        The others exit: with 0, or with 130 or 143 if a signal stopped them.
        """
        from legacy_nets.cluster.run import ClusterOptions, train_in_cluster
        from legacy_nets.cluster.scorer import follow_checkpoints

        task = self.task
        if task.job == "evaluator":
            stopped_by = follow_checkpoints(images, folder, self.wait, console)
        else:
            options = ClusterOptions(sync=self.sync, wait=self.wait)
            result = train_in_cluster(task, settings, images, folder, options, console)
            if task.is_chief:
                return result
            stopped_by = result.stopped_by
        say(f"{task.name} {f'was stopped by {stopped_by}' if stopped_by else 'finished'}")
        raise SystemExit({None: 0, "SIGINT": 130}.get(stopped_by, 143))


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --sync and --wait; the command gets the task of this process as ``cluster``, or None.

    A ps needs no more than the net's name: it is run here.
    """

    @functools.wraps(command)
    def call(net: str, sync: bool, wait: float, **others: object) -> None:
        registry.get_net(net)
        task = read_task(os.environ)
        if task is None and sync:
            raise BadInputError(
                f"--sync is for a cluster: set {VARIABLE}, or use legacy-nets launch -- train"
            )
        if task is not None and task.job == "ps":
            return _serve(task)
        cluster = None if task is None else ClusterTask(task, sync, wait)
        command(net=net, cluster=cluster, **others)

    options = [
        click.option("--sync", is_flag=True, help="In a cluster: take each step together."),
        click.option(
            "--wait",
            type=NumberRange(0, min_open=True),
            default=300.0,
            show_default=True,
            metavar="SECONDS",
            help="In a cluster: time to wait for another task.",
        ),
    ]
    for option in reversed(options):
        call = option(call)
    return call


def _serve(task: Task) -> None:
    """Runs a parameter server until the training ends."""
    quiet_tensorflow(uses_onednn=True)
    from rich.console import Console

    from legacy_nets.cluster.server import serve

    serve(task, Console(stderr=True, soft_wrap=True))
