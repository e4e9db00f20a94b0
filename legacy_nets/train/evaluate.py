"""A trained net at work: accuracy and confusion matrix, classes of single images, features."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import has_averages
from legacy_nets.checkpoints.restore import match
from legacy_nets.data.class_indices import FILE as CLASS_INDICES
from legacy_nets.data.class_indices import read_class_indices
from legacy_nets.data.dataset import Half
from legacy_nets.errors import BadInputError, CheckpointError, find_nearest
from legacy_nets.nets.weights.translate_for_net import (
    adapt_to_graph,
    layout_options,
    translate_for_net,
)
from legacy_nets.train.graph import NetGraph, build_net
from legacy_nets.train.provenance import as_trained, built_from, stated
from legacy_nets.train.settings import Settings, load_settings, resized


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How well a checkpoint does on labelled images."""

    accuracy: float
    confusion: np.ndarray  # int64 [classes, classes], rows: true class
    probabilities: np.ndarray  # float32 [N, classes]


def settings_of(
    checkpoint: str, net: str, class_indices: pathlib.Path | None = None, **changes: Any
) -> Settings:
    """The settings that the checkpoint was trained with (``stated.as_trained``), else those of the
    registry's record (with what weights of its layout need: ``read.layout_options``).

    ``changes`` that are not None take their place: ``num_classes``, ``label_offset``, ...;
    ``frames`` and ``image_size`` (height, width) that of the parts of the size. Classes are named
    by ``class_indices``, else as the checkpoint itself states, else by a class_indices.json beside
    it.

    Raises BadInputError where that file does not match the training, or what the checkpoint
    states cannot be.
    """
    changes = {name: value for name, value in changes.items() if value is not None}
    source = open_weights(checkpoint)
    own = stated(source, net)
    settings = as_trained(checkpoint, net, own)
    if settings is None:
        record = registry.get_net(net)
        options = layout_options(source, net)
        pixels = options.pop("pixels", "")
        settings = Settings(
            net, record.num_classes, record.image_size, options=options, pixels=pixels
        )
    indices = class_indices or pathlib.Path(checkpoint).parent / CLASS_INDICES
    if class_indices or (indices.exists() and not own.get("class_names")):
        names = read_class_indices(indices)
        trained = settings.class_names
        known = own.get("num_classes", len(names))
        wanted = len(trained) if trained else changes.get("num_classes", known)
        if len(names) != wanted or trained not in ((), names):
            called = f" ({', '.join(trained[:8])})" if trained else ""
            raise BadInputError(
                f"{indices} does not match {checkpoint}: it names {len(names)} classes "
                f"({', '.join(names[:8])}), the checkpoint knows {wanted}{called}: give the "
                f"{CLASS_INDICES} that its training wrote"
            )
        changes |= {"num_classes": len(names), "class_names": names}
    changes["image_size"] = resized(
        settings.image_size, changes.pop("frames", None), changes.get("image_size")
    )
    if "options" in changes:
        changes["options"] = settings.options | changes["options"]
    settings = dataclasses.replace(settings, **changes)
    if len(settings.class_names) != settings.num_classes:
        names = numbered(settings.num_classes)
        settings = dataclasses.replace(settings, class_names=names)
    return settings


def numbered(num_classes: int) -> tuple[str, ...]:
    """What classes are called that have no names: "0", "1", ..."""
    return tuple(str(number) for number in range(num_classes))


@contextlib.contextmanager
def restored(
    settings: Settings, checkpoint: str, ema: bool | None = None
) -> Iterator[tuple[NetGraph, Any, bool]]:
    """Builds the net and restores a checkpoint strictly: yields (net, session, averaged).

    ``ema``: use the moving averages; None: where the checkpoint has them.
    Raises CheckpointError that lists everything that does not fit.
    """
    opened = open_weights(checkpoint)
    source = translate_for_net(opened, settings.net)
    averaged = has_averages(source.tensors)
    if ema and not averaged:
        raise CheckpointError(f"{checkpoint} has no moving averages: use --raw (ema=False)")
    ema = averaged if ema is None else ema
    with tf.Graph().as_default(), tf.Session() as session:
        with built_from(opened, settings.net):
            net = build_net(settings)
        plan = match(net.variables, adapt_to_graph(source, settings.net, net.variables), ema=ema)
        try:
            plan.check()
        except CheckpointError as error:
            if plan.mismatched and load_settings(pathlib.Path(checkpoint).parent) is None:
                own = stated(opened, settings.net).get("class_names")
                if settings.class_names not in (numbered(settings.num_classes), own):
                    raise CheckpointError(
                        f"{error}; hint: {CLASS_INDICES} names {settings.num_classes} classes, "
                        "which does not match the checkpoint: give its own"
                    ) from None
            raise
        plan.apply(session)
        yield net, session, ema


def end_point(net: NetGraph, name: str) -> Any:
    """A tensor of the built net by name. Raises BadInputError that offers the nearest."""
    if name not in net.end_points:
        known = list(net.end_points)
        near = find_nearest(name, known, default=known[-3:])
        raise BadInputError(
            f"the net has no end point {name!r}; nearest: {', '.join(near)} ({len(known)} in all)"
        )
    return net.end_points[name]


def evaluate(net: NetGraph, session: Any, images: Half) -> Evaluation:
    """Runs a restored net over labelled images or clips, a batch at a time."""
    probabilities = net.score(session, images)
    predicted = probabilities.argmax(1)
    classes = probabilities.shape[1]
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (images.labels, predicted), 1)
    return Evaluation(float((predicted == images.labels).mean()), confusion, probabilities)
