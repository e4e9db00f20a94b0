"""Compares runs of a target with the outputs of the original on the same inputs."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from legacy_nets.port.jobs import OUTPUTS
from legacy_nets.port.report import Comparison, compare_arrays
from legacy_nets.types import Array


class Run(NamedTuple):
    """One run of a target."""

    side: str  # how it was run, where there are several ways
    outputs: Mapping[str, Array]


def compare_runs(
    reference: Mapping[str, Array],
    runs: Iterable[Run],
    class_outputs: Sequence[str] = (),
    optional: Container[str] = (),
) -> Iterator[Comparison]:
    """Compares each run of a target with the original's outputs.

    Args:
      reference: the original's outputs, of any shape.
      runs: of the target, on the same inputs.
      class_outputs: outputs whose last axis holds one score per class; they are compared first.
      optional: outputs that the target need not have.
    """
    names = [*class_outputs, *(name for name in reference if name not in class_outputs)]
    for run in runs:
        for name in names:
            if name in run.outputs or name not in optional:
                got = np.asarray(run.outputs[name])
                has_classes = name in class_outputs
                yield compare_arrays(name, reference[name], got, run.side, has_classes)


def derive_outputs(logits: Array, label_offset: int) -> dict[str, Array]:
    """Returns logits [N, offset + classes] with their probabilities [N, classes]."""
    class_logits = logits[:, label_offset:]
    powers = np.exp(class_logits - class_logits.max(-1, keepdims=True))
    probabilities = powers / powers.sum(-1, keepdims=True)
    return dict(zip(OUTPUTS, (logits, probabilities), strict=True))
