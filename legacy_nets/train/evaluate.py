"""A trained net at work: accuracy and confusion matrix, classes of single images, features."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.bundle import read_bundle
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.slots import has_averages
from legacy_nets.data.dataset import Images
from legacy_nets.errors import BadInputError
from legacy_nets.errors import CheckpointError
from legacy_nets.train.graph import NetGraph
from legacy_nets.train.graph import build_net
from legacy_nets.train.settings import Settings
from legacy_nets.train.settings import load_settings


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How well a checkpoint does on labelled images."""

    accuracy: float
    confusion: np.ndarray  # int64 [classes, classes], rows: true class
    probabilities: np.ndarray  # float32 [N, classes]


def settings_of(checkpoint: str, net: str, **changes: Any) -> Settings:
    """The settings that the checkpoint was trained with, else those of the registry's record.

    ``changes`` that are not None take their place: ``num_classes``, ``label_offset``, ...
    """
    changes = {name: value for name, value in changes.items() if value is not None}
    settings = load_settings(pathlib.Path(checkpoint).parent)
    if settings is not None and settings.net != net:
        raise BadInputError(f"{checkpoint} is a checkpoint of {settings.net}, not of {net}")
    if settings is None:
        record = registry.get_image_net(net)
        height, width = record.image_size
        settings = Settings(net, record.classes, (height, width))
    if "options" in changes:
        changes["options"] = settings.options | changes["options"]
    settings = dataclasses.replace(settings, **changes)
    if len(settings.class_names) != settings.num_classes:
        names = tuple(str(number) for number in range(settings.num_classes))
        settings = dataclasses.replace(settings, class_names=names)
    return settings


@contextlib.contextmanager
def restored(
    settings: Settings, checkpoint: str, ema: bool | None = None
) -> Iterator[tuple[NetGraph, Any, bool]]:
    """Builds the net and restores a checkpoint strictly: yields (net, session, averaged).

    ``ema``: use the moving averages; None: where the checkpoint has them.
    Raises CheckpointError that lists everything that does not fit.
    """
    bundle = read_bundle(checkpoint)
    averaged = has_averages(bundle.tensors)
    if ema and not averaged:
        raise CheckpointError(f"{checkpoint} has no moving averages: use --raw (ema=False)")
    ema = averaged if ema is None else ema
    with tf.Graph().as_default(), tf.Session() as session:
        net = build_net(settings)
        plan = match(net.variables, bundle, ema=ema)
        plan.check()
        plan.apply(session)
        yield net, session, ema


def end_point(net: NetGraph, name: str) -> Any:
    """A tensor of the built net by name. Raises BadInputError that offers the nearest."""
    if name not in net.end_points:
        known = list(net.end_points)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known[-3:]
        raise BadInputError(
            f"the net has no end point {name!r}; nearest: {', '.join(near)} ({len(known)} in all)"
        )
    return net.end_points[name]


def evaluate(net: NetGraph, session: Any, images: Images) -> Evaluation:
    """Runs a restored net over labelled images, a batch at a time."""
    probabilities = net.score(session, images.pictures)
    predicted = probabilities.argmax(1)
    classes = probabilities.shape[1]
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (images.labels, predicted), 1)
    return Evaluation(float((predicted == images.labels).mean()), confusion, probabilities)
