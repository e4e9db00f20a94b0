"""Starts a run from the weights of another checkpoint."""

from __future__ import annotations

from rich.console import Console

from legacy_nets.checkpoints.open import find_weights, open_weights
from legacy_nets.checkpoints.optimizer_slots import has_averages
from legacy_nets.checkpoints.restore import match
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph, translate_for_net
from legacy_nets.progress import print_line
from legacy_nets.registry import get_net
from legacy_nets.train.graph import TrainingGraph
from legacy_nets.train.provenance import read_training_options
from legacy_nets.train.settings import Settings, WarmStart
from legacy_nets.types import Session


def apply_warm_start(
    warm_start: WarmStart,
    settings: Settings,
    net: TrainingGraph,
    session: Session,
    console: Console,
) -> None:
    """Restores the net's variables (no optimizer slots) from another checkpoint, strictly.

    Prints a line for each option that the weights were trained with and this run is not. Raises
    CheckpointError that lists everything that does not match.
    """
    checkpoint = find_weights(warm_start.checkpoint)
    source = open_weights(checkpoint)
    record = get_net(settings.net)
    options = {**settings.options, "preprocessing": settings.preprocessing}
    for name, value in read_training_options(source, record).items():
        if options.get(name) != value:
            flag = f"--{name} {value}" if name == "preprocessing" else f"--option {name}={value}"
            print_line(console, f"{checkpoint} was trained with {flag}, this run is not")
    weights = translate_for_net(source, record)
    if warm_start.ema and not has_averages(weights.tensors):
        raise CheckpointError(f"{checkpoint} has no moving averages: leave --warm-start-ema out")
    plan = match(
        net.variables,
        adapt_to_graph(weights, record, net.variables),
        skip=warm_start.exclude,
        ema=warm_start.ema,
        rename=warm_start.rename,
    )
    plan.check()
    plan.apply(session)
    for note in plan.source.notes:
        print_line(console, f"note: {note}")
    print_line(console, f"warm start from {checkpoint}: {len(plan.matched)} variables")
