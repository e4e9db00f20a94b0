"""The training graph of any net of the registry: loss, optimizer, averages, saver."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.data.dataset import Half, Images, in_order
from legacy_nets.data.preprocessing import to_pixels
from legacy_nets.errors import BadInputError, report_build_errors
from legacy_nets.nets.build import SET_BY_COMMANDS, build_by_name
from legacy_nets.train.settings import Settings

SCORED_PIXELS = 1_600_000  # in one batch: 64 images of 158x158, 8 clips of 16x112x112


@dataclasses.dataclass(frozen=True)
class NetGraph:
    """A built net and the handles to feed it; ``score`` runs it over any number of images."""

    images: Any  # float32 [N, H, W, C], or [N, T, H, W, C] of clips
    is_training: Any  # bool, False unless fed
    logits: Any  # float32 [N, label_offset + classes]
    probabilities: Any  # float32 [N, classes]: without the classes before the offset
    end_points: dict[str, Any]
    variables: list[Any]  # of the net alone: weights and moving statistics
    pixels: str

    def feed(self, pictures: np.ndarray) -> dict[Any, Any]:
        """The feed of uint8 pictures."""
        return {self.images: to_pixels(pictures, self.pixels)}

    def score(self, session: Any, images: Half | np.ndarray, fetch: Any = None) -> np.ndarray:
        """Inference over a half, or pictures 0 to 255, by batches: probabilities [N, classes].

        ``fetch`` names another tensor of the graph to compute in their place.
        """
        if isinstance(images, np.ndarray):
            images = Images(images, np.zeros(len(images), np.int64))
        pixels = math.prod(self.images.shape.as_list()[1:-1])
        at_once = max(1, min(64, SCORED_PIXELS // pixels))
        return np.concatenate(
            [
                session.run(
                    self.probabilities if fetch is None else fetch, self.feed(batch.pictures)
                )
                for batch in images.read(in_order(len(images.labels), at_once))
            ]
        )


@dataclasses.dataclass(frozen=True)
class TrainingGraph(NetGraph):
    """A net with its loss and training step."""

    labels: Any  # int64 [N], classes of the data
    loss: Any
    accuracy: Any  # of the batch, in training mode
    train_step: Any
    global_step: Any
    finite: Any  # bool: every weight is a finite number
    averages: dict[Any, Any]  # reference to a variable -> its moving average


def build_net(settings: Settings) -> NetGraph:
    """Builds the net of the settings in the current graph, with placeholders to feed it."""
    net = registry.get_net(settings.net)
    images = tf.placeholder(tf.float32, [None, *settings.image_size, net.channels], name="images")
    is_training = tf.placeholder_with_default(False, [], name="is_training")
    taken = settings.options.keys() & SET_BY_COMMANDS
    if taken:
        raise BadInputError(f"--option {min(taken)}: that is set by the command itself")
    with report_build_errors(settings.net, settings.image_size, settings.options):
        logits, end_points = build_by_name(
            settings.net,
            images,
            num_classes=settings.num_classes + settings.label_offset,
            is_training=is_training,
            **settings.options,
        )
        if len(logits.shape) != 2:
            raise ValueError(f"the logits are {logits.shape}, not one row an image")
    probabilities = tf.nn.softmax(logits[:, settings.label_offset :])
    variables = tf.global_variables()
    pixels = settings.pixels or net.preprocessing
    return NetGraph(images, is_training, logits, probabilities, end_points, variables, pixels)


def build_training(settings: Settings) -> TrainingGraph:
    """Adds loss, Adam (with UPDATE_OPS) and the moving averages to ``build_net``.

    Raises BadInputError for a ``trainable`` scope that matches no variable.
    """
    net = build_net(settings)
    labels = tf.placeholder(tf.int64, [None], name="labels")
    targets = labels + settings.label_offset
    loss = tf.losses.sparse_softmax_cross_entropy(targets, net.logits)
    for name in registry.get_net(settings.net).heads:
        if name != "logits" and name in net.end_points:  # an auxiliary head
            loss += tf.losses.sparse_softmax_cross_entropy(
                targets, net.end_points[name], weights=settings.aux_weight
            )
    if settings.weight_decay:
        loss = tf.add_n([loss, *tf.losses.get_regularization_losses()])
    correct = tf.equal(tf.argmax(net.logits, 1), targets)
    global_step = tf.train.get_or_create_global_step()
    rate: Any = settings.learning_rate
    if settings.cosine:
        rate = tf.train.cosine_decay(settings.learning_rate, global_step, settings.steps)
    if settings.warmup:
        rate *= tf.minimum(1.0, (tf.cast(global_step, tf.float32) + 1) / settings.warmup)
    variables = _chosen(settings.trainable)
    with tf.name_scope("adam_optimizer"):  # the document's name: its slots are called so
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train_step = tf.train.AdamOptimizer(rate).minimize(loss, global_step, variables)
    averages = {}
    if settings.ema_decay is not None:
        average = tf.train.ExponentialMovingAverage(settings.ema_decay, global_step)
        with tf.control_dependencies([train_step]):
            train_step = average.apply(variables)
        averages = {variable.ref(): average.average(variable) for variable in variables}
    return TrainingGraph(
        **vars(net),
        labels=labels,
        loss=loss,
        accuracy=tf.reduce_mean(tf.cast(correct, tf.float32)),
        train_step=train_step,
        global_step=global_step,
        finite=tf.reduce_all([tf.reduce_all(tf.is_finite(weight)) for weight in variables]),
        averages=averages,
    )


def _chosen(scopes: tuple[str, ...]) -> list[Any]:
    """Trainable variables under any of the scopes or patterns; all of them where none is given."""
    variables = tf.trainable_variables()
    if not scopes:
        return variables
    chosen: list[Any] = []
    for scope in scopes:
        inside = [
            v
            for v in variables
            if fnmatch.fnmatchcase(v.op.name, scope)
            or v.op.name.startswith(scope.rstrip("/") + "/")
        ]
        if not inside:
            tops = sorted({"/".join(v.op.name.split("/")[:2]) for v in variables})
            raise BadInputError(
                f"--trainable {scope!r} matches no variable of the net; scopes are: "
                f"{', '.join(tops[:8])}{', ...' if len(tops) > 8 else ''}"
            )
        chosen += [v for v in inside if not any(v is other for other in chosen)]
    return chosen


@contextlib.contextmanager
def averaged_weights(session: Any, averages: dict[Any, Any]) -> Iterator[None]:
    """While the block runs, the moving averages stand in the variables' place."""
    variables = [reference.deref() for reference in averages]
    if not variables:
        yield
        return
    kept = session.run(variables)
    assign(session, variables, session.run(list(averages.values())))
    try:
        yield
    finally:
        assign(session, variables, kept)


def assign(session: Any, variables: list[Any], values: list[np.ndarray]) -> None:
    """Sets variables through their initializers, which adds nothing to the graph."""
    session.run(
        [variable.initializer for variable in variables],
        {variable.initial_value: value for variable, value in zip(variables, values, strict=True)},
    )
