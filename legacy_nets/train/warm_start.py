"""Starts a run from the weights of another checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rich.console import Console

from legacy_nets.checkpoints.hints import find_hints
from legacy_nets.checkpoints.open import find_weights, open_weights
from legacy_nets.checkpoints.optimizer_slots import has_averages
from legacy_nets.checkpoints.plan import Mismatch, Plan
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph, translate_for_net
from legacy_nets.progress import print_line
from legacy_nets.registry import get_net
from legacy_nets.train.graph import TrainingGraph, check_net
from legacy_nets.train.provenance import read_training_options
from legacy_nets.train.settings import Settings, WarmStart, build_heads
from legacy_nets.types import Session, Variable

# In place of a number of classes that is not known yet: a prime, which no other side of a variable
# is. Building a graph with it takes no memory.
_ANY_NUMBER = 99_991


def check_warm_start(warm_start: WarmStart, settings: Settings) -> None:
    """Builds the net in a graph of its own, and compares it with the checkpoint of a warm start.

    Reads names and shapes, no values. Where the settings have 0 classes, any number of them fits.
    Raises BadInputError as ``check_net``, CheckpointError as ``apply_warm_start``.
    """
    num_classes = settings.num_classes or _ANY_NUMBER
    variables = check_net(build_heads(dataclasses.replace(settings, num_classes=num_classes)))
    source = open_weights(find_weights(warm_start.checkpoint))
    plan = _match(warm_start, settings, variables, source)
    if not settings.num_classes:
        plan = _ignore_side(plan, num_classes + settings.label_offset)
    plan.check()


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
    options = {**settings.options, "preprocessing": settings.preprocessing}
    for name, value in read_training_options(source, get_net(settings.net)).items():
        if options.get(name) != value:
            flag = f"--{name} {value}" if name == "preprocessing" else f"--option {name}={value}"
            print_line(console, f"{checkpoint} was trained with {flag}, this run is not")
    plan = _match(warm_start, settings, net.variables, source)
    plan.check()
    plan.apply(session)
    for note in plan.source.notes:
        print_line(console, f"note: {note}")
    print_line(console, f"warm start from {checkpoint}: {len(plan.matched)} variables")


def _match(
    warm_start: WarmStart, settings: Settings, variables: Sequence[Variable], source: Source
) -> Plan:
    """Compares the variables of the net with the weights, under the net's own names."""
    record = get_net(settings.net)
    weights = translate_for_net(source, record)
    if warm_start.ema and not has_averages(weights.tensors):
        raise CheckpointError(f"{source.prefix} has no moving averages: leave --warm-start-ema out")
    return match(
        variables,
        adapt_to_graph(weights, record, variables),
        skip=warm_start.exclude,
        ema=warm_start.ema,
        rename=warm_start.rename,
        trains=True,
    )


def _ignore_side(plan: Plan, length: int) -> Plan:
    """Leaves out the mismatches of variables that differ in sides of a length alone."""
    mismatched = []
    for item in plan.mismatched:
        shape = tuple(None if side == length else side for side in item.shape or ())
        if item.shape is None or not _fits(item, shape):
            mismatched.append(item._replace(shape=shape if item.shape else None))
    plan = dataclasses.replace(plan, mismatched=tuple(mismatched))
    return dataclasses.replace(plan, hints=find_hints(plan, trains=True))


def _fits(item: Mismatch, shape: Sequence[int | None]) -> bool:
    """Whether the stored tensor has the dtype of the variable and a shape; None is any side."""
    return (
        item.dtype == item.stored_dtype
        and len(shape) == len(item.stored_shape)
        and all(
            side in (None, stored) for side, stored in zip(shape, item.stored_shape, strict=True)
        )
    )
