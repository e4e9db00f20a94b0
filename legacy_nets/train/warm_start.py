"""Starts a run from the weights of another checkpoint."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.console import Console

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import has_averages
from legacy_nets.checkpoints.restore import match
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph, translate_for_net
from legacy_nets.train.graph import TrainingGraph
from legacy_nets.train.provenance import trained_with
from legacy_nets.train.settings import Settings


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """A checkpoint to take weights from before the first step."""

    checkpoint: str
    exclude: tuple[str, ...] = ()  # scopes that start fresh
    ema: bool = False  # take the moving averages
    rename: tuple[tuple[str, str], ...] = ()  # (scope in the graph, scope in the checkpoint)


def start_from(
    warm_start: WarmStart, settings: Settings, net: TrainingGraph, session: Any, console: Console
) -> None:
    """Restores the net's variables (no optimizer slots) from another checkpoint, strictly.

    Says so where the weights are of a layout that was trained under other options.
    """
    file = open_weights(warm_start.checkpoint)
    here = {**settings.options, "pixels": settings.pixels}
    for option, value in trained_with(file, settings.net).items():
        if here.get(option) != value:
            flag = f"--pixels {value}" if option == "pixels" else f"--option {option}={value}"
            console.print(f"{warm_start.checkpoint} was trained with {flag}, this run is not")
    source = translate_for_net(file, settings.net)
    if warm_start.ema and not has_averages(source.tensors):
        raise CheckpointError(
            f"{warm_start.checkpoint} has no moving averages: leave --warm-start-ema out"
        )
    plan = match(
        net.variables,
        adapt_to_graph(source, settings.net, net.variables),
        skip=warm_start.exclude,
        ema=warm_start.ema,
        rename=warm_start.rename,
    )
    plan.check()
    plan.apply(session)
    console.print(f"warm start from {warm_start.checkpoint}: {len(plan.matched)} variables")
