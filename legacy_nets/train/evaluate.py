"""Evaluates a trained net: settings of a checkpoint, restored net, accuracy, confusion matrix."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import has_averages
from legacy_nets.checkpoints.restore import Plan, match
from legacy_nets.checkpoints.source import Source
from legacy_nets.data.class_indices import FILE as CLASS_INDICES
from legacy_nets.data.class_indices import number_classes, read_class_indices
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets.build import check_options
from legacy_nets.nets.weights.translate_for_net import (
    adapt_to_graph,
    get_layout_options,
    translate_for_net,
)
from legacy_nets.progress import show_status
from legacy_nets.registry import Net, get_net
from legacy_nets.train.graph import NetGraph, build_net, get_end_point, refuse_reserved
from legacy_nets.train.provenance import (
    name_file_in_errors,
    read_recorded_settings,
    read_training_settings,
)
from legacy_nets.train.settings import SettingChanges, Settings, load_settings, resize_input
from legacy_nets.types import Array, Session


def resolve_settings(
    checkpoint: str | Source, net: str, changes: SettingChanges | None = None
) -> Settings:
    """Resolves the settings that a checkpoint is to be run with.

    They are those that it was trained with; where these are unknown, those of the registry and of
    the checkpoint's weight layout. ``changes`` replace them. The classes are named by
    ``changes.class_indices``, else by the checkpoint itself, else by a class_indices.json next to
    it, else by their numbers.

    Raises BadInputError where the net does not take the options of ``changes``, class_indices.json
    does not match the training, or the checkpoint records settings that are impossible.
    """
    changes = changes or SettingChanges()
    record = get_net(net)
    refuse_reserved(changes.options)
    check_options(record, changes.options)
    source = open_weights(checkpoint) if isinstance(checkpoint, str) else checkpoint
    checkpoint = source.prefix
    recorded = read_recorded_settings(source, record)
    settings = read_training_settings(checkpoint, record, recorded)
    if settings is None:
        settings = _make_default_settings(source, record)
    names = _read_class_names(checkpoint, settings, recorded, changes)
    num_classes = changes.num_classes or settings.num_classes
    if names is not None:
        num_classes = len(names)
    else:
        names = settings.class_names
    if len(names) != num_classes:
        names = number_classes(num_classes)
    offset, preprocessing = changes.label_offset, changes.preprocessing
    return dataclasses.replace(
        settings,
        num_classes=num_classes,
        class_names=names,
        label_offset=settings.label_offset if offset is None else offset,
        preprocessing=settings.preprocessing if preprocessing is None else preprocessing,
        image_size=resize_input(settings.image_size, changes.frames, changes.image_size),
        options=settings.options | changes.options,
    )


def _make_default_settings(source: Source, net: Net) -> Settings:
    """Makes the settings of the registry, with the options that the weights' layout needs."""
    options = get_layout_options(source, net)
    preprocessing = options.pop("preprocessing", "")
    return Settings(
        net.name, net.num_classes, net.image_size, options=options, preprocessing=preprocessing
    )


def _read_class_names(
    checkpoint: str, settings: Settings, recorded: Settings | None, changes: SettingChanges
) -> tuple[str, ...] | None:
    """Reads the class_indices.json that names the classes; None where there is none.

    Raises BadInputError where the file does not match the checkpoint.
    """
    path = changes.class_indices or pathlib.Path(checkpoint).parent / CLASS_INDICES
    has_own_names = recorded is not None and bool(recorded.class_names)
    if changes.class_indices is None and (has_own_names or not path.exists()):
        return None
    names = read_class_indices(path)
    trained = settings.class_names
    if trained and changes.num_classes not in (None, len(names)):
        raise BadInputError(
            f"--num-classes {changes.num_classes}: {path} names {len(names)} classes: leave it out"
        )
    if trained:
        expected = len(trained)
    elif changes.num_classes is not None:
        expected = changes.num_classes
    else:
        expected = len(names) if recorded is None else recorded.num_classes
    if len(names) != expected or trained not in ((), names):
        known = f" ({', '.join(trained[:8])})" if trained else ""
        raise BadInputError(
            f"{path} does not match {checkpoint}: it names {len(names)} classes "
            f"({', '.join(names[:8])}), the checkpoint knows {expected}{known}: give the "
            f"{CLASS_INDICES} that its training wrote"
        )
    return names


class RestoredNet(NamedTuple):
    """A net in a session, with the weights of a checkpoint."""

    net: NetGraph
    session: Session
    averaged: bool  # the weights are moving averages


@contextlib.contextmanager
def restore_net(
    settings: Settings, checkpoint: str, ema: bool | None = None, inference: bool = False
) -> Iterator[RestoredNet]:
    """Builds the net and restores a checkpoint strictly, for use in the block.

    ``ema``: use the moving averages; None: where the checkpoint has them. ``inference``: without
    what only training needs.
    Raises CheckpointError that lists everything that does not match.
    """
    source = open_weights(checkpoint)
    with tf.Graph().as_default(), tf.Session() as session:
        with show_status(f"building {settings.net} and restoring {checkpoint}"):
            net, plan, averaged = _build_to_restore(settings, source, ema, inference)
            plan.apply(session)
        yield RestoredNet(net, session, averaged)


def check_restorable(
    settings: Settings, source: Source, ema: bool | None = None, end_point: str | None = None
) -> None:
    """Builds the net and compares its variables with those of a checkpoint; reads no weights.

    Raises what ``restore_net`` raises, and BadInputError for an ``end_point`` that the net does
    not have.
    """
    with tf.Graph().as_default():
        net, _, _ = _build_to_restore(settings, source, ema)
        if end_point is not None:
            get_end_point(net, end_point)


def _build_to_restore(
    settings: Settings, source: Source, ema: bool | None, inference: bool = False
) -> tuple[NetGraph, Plan, bool]:
    """Builds the net in the current graph; returns it, the plan to restore it, and ``averaged``."""
    record = get_net(settings.net)
    weights = translate_for_net(source, record)
    averaged = has_averages(weights.tensors)
    if ema and not averaged:
        raise CheckpointError(f"{source.prefix} has no moving averages: use --raw (ema=False)")
    averaged = averaged if ema is None else ema
    with name_file_in_errors(source, record):
        net = build_net(settings, inference)
    plan = match(net.variables, adapt_to_graph(weights, record, net.variables), ema=averaged)
    _check_plan(plan, settings, source)
    return net, plan, averaged


def _check_plan(plan: Plan, settings: Settings, source: Source) -> None:
    """Raises CheckpointError where a plan does not match, with a hint at class_indices.json."""
    try:
        plan.check()
    except CheckpointError as error:
        has_other_classes = any(
            item.shape and item.shape[-1:] != item.stored_shape[-1:] for item in plan.mismatched
        )
        if has_other_classes and load_settings(pathlib.Path(source.prefix).parent) is None:
            recorded = read_recorded_settings(source, get_net(settings.net))
            own_names = recorded.class_names if recorded else None
            if settings.class_names not in (number_classes(settings.num_classes), own_names):
                raise CheckpointError(
                    f"{error}; hint: {CLASS_INDICES} names {settings.num_classes} classes, "
                    "which does not match the checkpoint: give its own"
                ) from None
        raise


class ClassScores(NamedTuple):
    """How well one class is found. None: there is nothing to divide by."""

    images: int  # of this class
    precision: float | None  # share of the images predicted as this class that are of it
    recall: float | None  # share of the images of this class that are predicted as it
    f1: float | None  # harmonic mean of both


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How well a checkpoint classifies labelled images."""

    labels: Array  # int64 [N]
    probabilities: Array  # float32 [N, classes]

    @functools.cached_property
    def predicted(self) -> Array:
        """The most probable class of each image: int64 [N]."""
        return self.probabilities.argmax(1)

    @property
    def hits(self) -> int:
        """The number of images whose class is predicted."""
        return int((self.predicted == self.labels).sum())

    @property
    def accuracy(self) -> float:
        """The share of these."""
        return float((self.predicted == self.labels).mean())

    def count_confusions(self, every: int = 1) -> Array:
        """Counts the images of each true (row) and predicted class: int64 [classes, classes].

        ``every``: so many classes in turn share a row and a column.
        """
        side = -(-self.probabilities.shape[1] // every)
        cells = self.labels // every * side + self.predicted // every
        return np.bincount(cells, minlength=side * side).reshape(side, side)

    def list_confusions(self) -> list[list[int]]:
        """Lists [true class, predicted class, images] where there are any."""
        pairs = np.stack([self.labels, self.predicted], axis=1)
        cells, counts = np.unique(pairs, axis=0, return_counts=True)
        return [[*cell, count] for cell, count in zip(cells.tolist(), counts.tolist(), strict=True)]

    def score_classes(self) -> list[ClassScores]:
        """Computes precision, recall and F1 of each class."""

        def divide(hits: int, count: int) -> float | None:
            return hits / count if count else None

        classes = self.probabilities.shape[1]
        hits, images, predicted = (
            np.bincount(found, minlength=classes).tolist()
            for found in (
                self.labels[self.labels == self.predicted],
                self.labels,
                self.predicted,
            )
        )
        return [
            ClassScores(true, divide(hit, guess), divide(hit, true), divide(2 * hit, true + guess))
            for hit, true, guess in zip(hits, images, predicted, strict=True)
        ]
