"""Ports whose two sides differ are made once more without TensorFlow's own optimisations."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from legacy_nets.errors import LegacyNetsError
from legacy_nets.port.report import OPTIMISED, Comparison, Outcome
from legacy_nets.progress import update_status


def convert_up_to_twice(
    convert: Callable[[], Outcome],
    convert_without_optimiser: Callable[[], Outcome],
    path: Path,
    tolerance: float,
) -> Outcome:
    """Calls ``convert``; where the sides differ, ``convert_without_optimiser``, too.

    The optimisations may be what is wrong: a note says so. A second call that fails leaves the
    first result. ``path`` is what both write.
    """
    outcome = convert()
    worst = _find_worst(outcome)
    if worst is None or worst.relative <= tolerance:
        return outcome
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    update_status("the outputs differ: once more without TensorFlow's graph optimiser and oneDNN")
    try:
        outcome = convert_without_optimiser()
        worst_without = _find_worst(outcome)
        agrees = worst_without is not None and worst_without.relative <= tolerance
        result = "both sides agree" if agrees else "it differs, too"
    except LegacyNetsError as error:
        result = f"it was not run ({error})"
    note = (
        f"as TensorFlow optimises the graph, {worst.name} differs by {worst.relative:.2g} of the "
        f"largest value; without its graph optimiser and without oneDNN, {result}"
    )
    return outcome._replace(notes=(*outcome.notes, note))


def turn_off_optimiser() -> None:
    """Turns TensorFlow's graph optimiser and oneDNN off. Call it before TensorFlow is imported."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow()
    from legacy_nets import tf1 as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _find_worst(outcome: Outcome) -> Comparison | None:
    """Finds the largest difference that optimisations of the target's runtime do not make."""
    plain = [item for item in outcome.comparisons if item.side != OPTIMISED]
    return max(plain, key=lambda item: item.relative, default=None)
