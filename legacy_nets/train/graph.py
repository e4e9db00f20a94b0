"""The training graph of any net of the registry: loss, optimizer, averages."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.restore import get_full_name
from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.data.splits import Images, Split
from legacy_nets.errors import BadInputError, report_build_errors, suggest_names
from legacy_nets.nets.build import SET_BY_COMMANDS, build_by_name
from legacy_nets.nets.inception_v3 import inception_v3_arg_scope
from legacy_nets.nets.parts.resnet_utils import resnet_arg_scope
from legacy_nets.train.batches import iterate_in_order
from legacy_nets.train.settings import Settings
from legacy_nets.types import (
    ArgScope,
    Array,
    EndPoints,
    Operation,
    Session,
    Shape,
    SyncReplicasOptimizer,
    Tensor,
    Variable,
)

_ARG_SCOPES: Mapping[str, Callable[[float], ArgScope]] = {  # by the module of the net
    "inception_v3": lambda decay: inception_v3_arg_scope(batch_norm_decay=decay),
    "resnet_v2": lambda decay: resnet_arg_scope(batch_norm_decay=decay),
}
_OPTIMIZER_SCOPE = "adam_optimizer"  # the document's, which Adam's variables are named by
SCORED_PIXELS = 1_600_000  # per batch: 64 images of 158x158, 8 clips of 16x112x112


@dataclasses.dataclass(frozen=True)
class NetGraph:
    """A built net and its placeholders; ``score`` runs it over any number of images."""

    images: Tensor  # float32 [N, H, W, C], or [N, T, H, W, C] of clips
    is_training: Tensor  # bool, False unless fed
    logits: Tensor  # float32 [N, label_offset + classes]
    probabilities: Tensor  # float32 [N, classes]: without the classes before the offset
    end_points: EndPoints
    variables: list[Variable]  # of the net alone: weights and moving statistics
    preprocessing: str

    def make_feed(self, pictures: Array) -> dict[Tensor, Array]:
        """Makes the feed of pictures [N, H, W, C] (or of clips) with values from 0 to 255."""
        return {self.images: scale_pixels(pictures, self.preprocessing)}

    def score(
        self,
        session: Session,
        images: Split | Array,
        fetch: Tensor | None = None,
        report: Callable[[int], object] = lambda count: None,
    ) -> Array:
        """Runs the net in batches over a split, or over pictures with values from 0 to 255.

        Returns the probabilities [N, classes], or ``fetch``, another tensor [N, ...], if given.
        ``report`` receives the number of images of each batch after it was run.
        """
        if isinstance(images, np.ndarray):
            images = Images(images, np.zeros(len(images), np.int64))
        output = self.probabilities if fetch is None else fetch
        return score_split(
            lambda scaled: session.run(output, {self.images: scaled}),
            images,
            tuple(self.images.shape.as_list()[1:-1]),
            self.preprocessing,
            report,
        )


def choose_batch_size(size: Shape) -> int:
    """Chooses how many images a net runs over at a time. ``size``: of one, without channels."""
    return max(1, min(64, SCORED_PIXELS // math.prod(size)))


def score_split(
    run: Callable[[Array], Array],
    images: Split,
    size: Shape,
    preprocessing: str,
    report: Callable[[int], object] = lambda count: None,
) -> Array:
    """Runs a function of scaled images over a split, in batches; joins what it returns [N, ...].

    ``size``: of the net's input, without channels. ``report`` receives the number of images of
    each batch after it was run.
    """
    values = []
    for batch in images.read(iterate_in_order(len(images.labels), choose_batch_size(size))):
        values.append(run(scale_pixels(batch.pictures, preprocessing)))
        report(len(batch.labels))
    return np.concatenate(values)


class VariableRef(Protocol):
    """A hashable reference to a variable: ``variable.ref()``."""

    def deref(self) -> Variable:
        """Returns the variable."""


@dataclasses.dataclass(frozen=True)
class TrainingGraph(NetGraph):
    """A net with its loss and training step."""

    labels: Tensor  # int64 [N], classes of the data
    loss: Tensor  # float32
    accuracy: Tensor  # float32, of the batch, in training mode
    train_step: Operation
    global_step: Variable
    next_step: Tensor  # int64, the global step after ``train_step``
    finite: Tensor  # bool: every weight is a finite number
    averages: Mapping[VariableRef, Tensor]  # variable.ref() -> its moving average
    sync: SyncReplicasOptimizer | None  # that adds up the gradients of several replicas


@dataclasses.dataclass(frozen=True)
class SyncReplicas:
    """Several replicas that take each step together, on the mean of their gradients."""

    count: int
    is_chief: bool  # this replica updates the moving averages, of batch norm and of weights


def build_net(settings: Settings, inference: bool = False) -> NetGraph:
    """Builds the net of the settings in the current graph, with placeholders to feed it.

    ``inference``: without what only training needs; ``is_training`` cannot be fed then.

    Raises BadInputError for options or a size that the net cannot be built with.
    """
    net = registry.get_net(settings.net)
    images = tf.placeholder(tf.float32, [None, *settings.image_size, net.channels], name="images")
    is_training = tf.placeholder_with_default(False, [], name="is_training")
    refuse_reserved(settings.options)
    mode = False if inference else is_training
    with (
        _set_batch_norm_decay(net, settings.batch_norm_decay),
        report_build_errors(settings.net, settings.image_size, settings.options),
    ):
        logits, end_points = build_by_name(
            settings.net,
            images,
            num_classes=settings.num_classes + settings.label_offset,
            is_training=mode,
            **settings.options,
        )
        if len(logits.shape) != 2:
            raise ValueError(f"the logits are {logits.shape}, not one row per image")
    return NetGraph(
        images,
        is_training,
        logits,
        probabilities=tf.nn.softmax(logits[:, settings.label_offset :]),
        end_points=end_points,
        variables=tf.global_variables(),
        preprocessing=settings.preprocessing or net.preprocessing,
    )


def refuse_reserved(options: Mapping[str, object]) -> None:
    """Raises BadInputError for an option of the net's function that the commands set."""
    reserved = options.keys() & SET_BY_COMMANDS
    if reserved:
        raise BadInputError(f"--option {min(reserved)}: that is set by the command itself")


def check_net(settings: Settings) -> list[Variable]:
    """Builds the net once, in a graph of its own, to check what a user has given.

    Returns its variables. Raises BadInputError as ``build_net``, and for a scope to train that
    matches no variable.
    """
    num_classes = settings.num_classes or registry.get_net(settings.net).num_classes
    with tf.Graph().as_default():
        net = build_net(dataclasses.replace(settings, num_classes=num_classes))
        _select_trainable(settings.trainable)
    return net.variables


def get_end_point(net: NetGraph, name: str) -> Tensor:
    """Gets a tensor of the built net by name. Raises BadInputError with the nearest names."""
    if name not in net.end_points:
        near = suggest_names(name, net.end_points, "end points")
        raise BadInputError(
            f"the net has no end point {name!r}{near} ({len(net.end_points)} in all)"
        )
    return net.end_points[name]


@contextlib.contextmanager
def _set_batch_norm_decay(net: registry.Net, decay: float | None) -> Iterator[None]:
    """Sets the decay of batch norm in a net of slim that is built in the block.

    Raises BadInputError where the net is not one of slim.
    """
    if decay is None:
        yield
    elif net.module in _ARG_SCOPES:
        with tf.contrib.slim.arg_scope(_ARG_SCOPES[net.module](decay)):
            yield
    else:
        raise BadInputError(
            f"--batch-norm-decay is for slim's nets, not {net.name}: try --option "
            f"momentum={decay:g}"
        )


def build_training(settings: Settings, replicas: SyncReplicas | None = None) -> TrainingGraph:
    """Adds loss, Adam (with UPDATE_OPS) and the moving averages to ``build_net``.

    ``replicas``: the net is one of several, which take each step together.

    Raises BadInputError for a ``trainable`` scope that matches no variable.
    """
    net = build_net(settings)
    labels = tf.placeholder(tf.int64, [None], name="labels")
    targets = labels + settings.label_offset
    loss = _build_loss(settings, net, targets)
    correct = tf.equal(tf.argmax(net.logits, 1), targets)
    global_step = tf.train.get_or_create_global_step()
    learning_rate = _build_learning_rate(settings, global_step)
    variables = _select_trainable(settings.trainable)
    update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    average = None
    if settings.ema_decay is not None:
        average = tf.train.ExponentialMovingAverage(settings.ema_decay, global_step)
    optimizer, sync = _ScopedAdam(learning_rate), None
    if replicas is not None:
        optimizer = sync = tf.train.SyncReplicasOptimizer(
            optimizer,
            replicas_to_aggregate=replicas.count,
            total_num_replicas=replicas.count,
            variable_averages=average,
            variables_to_average=None if average is None else variables,
        )
    with tf.name_scope(_OPTIMIZER_SCOPE):
        with tf.control_dependencies(update_ops if replicas is None else []):
            train_step = optimizer.minimize(loss, global_step, variables)
    if replicas is not None and replicas.is_chief:  # what adds up the gradients takes no images
        train_step = tf.group(train_step, *update_ops)
    averages = {}
    if average is not None:
        if sync is None:
            with tf.control_dependencies([train_step]):
                train_step = average.apply(variables)
        averages = {variable.ref(): average.average(variable) for variable in variables}
    with tf.control_dependencies([train_step]):
        next_step = tf.identity(global_step.read_value(), name="next_step")
    return TrainingGraph(
        **vars(net),
        labels=labels,
        loss=loss,
        accuracy=tf.reduce_mean(tf.cast(correct, tf.float32)),
        train_step=train_step,
        global_step=global_step,
        next_step=next_step,
        finite=tf.reduce_all([tf.reduce_all(tf.is_finite(weight)) for weight in variables]),
        averages=averages,
        sync=sync,
    )


class _ScopedAdam(tf.train.AdamOptimizer):
    """Adam whose own variables keep the document's scope, where SyncReplicasOptimizer leaves it."""

    def apply_gradients(
        self,
        grads_and_vars: Sequence[tuple[Tensor, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        with tf.name_scope(f"{_OPTIMIZER_SCOPE}/"):
            return super().apply_gradients(grads_and_vars, global_step, name)


def _build_loss(settings: Settings, net: NetGraph, targets: Tensor) -> Tensor:
    """Builds the cross entropy of every head, plus the regularization losses."""
    loss = tf.losses.sparse_softmax_cross_entropy(targets, net.logits)
    for name in registry.get_net(settings.net).heads:
        if name != "logits" and name in net.end_points:  # an auxiliary head
            loss += tf.losses.sparse_softmax_cross_entropy(
                targets, net.end_points[name], weights=settings.aux_weight
            )
    if settings.weight_decay:
        loss = tf.add_n([loss, *tf.losses.get_regularization_losses()])
    return loss


def _build_learning_rate(settings: Settings, global_step: Variable) -> float | Tensor:
    """Builds the learning rate: constant, or with a cosine or a warm-up."""
    rate = settings.learning_rate
    if settings.cosine:
        rate = tf.train.cosine_decay(settings.learning_rate, global_step, settings.steps)
    if settings.warmup:
        rate *= tf.minimum(1.0, (tf.cast(global_step, tf.float32) + 1) / settings.warmup)
    return rate


def _select_trainable(scopes: tuple[str, ...]) -> list[Variable]:
    """Selects the trainable variables in any of the scopes or patterns; all if none is given."""
    variables: list[Variable] = tf.trainable_variables()
    if not scopes:
        return variables
    selected: list[Variable] = []
    for scope in scopes:
        matches = [
            v
            for v in variables
            if fnmatch.fnmatchcase(get_full_name(v), scope)
            or get_full_name(v).startswith(scope.rstrip("/") + "/")
        ]
        if not matches:
            known = sorted({"/".join(get_full_name(v).split("/")[:2]) for v in variables})
            raise BadInputError(
                f"--trainable {scope!r} matches no variable of the net; scopes are: "
                f"{', '.join(known[:8])}{', ...' if len(known) > 8 else ''}"
            )
        selected += [v for v in matches if not any(v is other for other in selected)]
    return selected


@contextlib.contextmanager
def use_averages(session: Session, net: TrainingGraph) -> Iterator[None]:
    """Gives the variables the values of their moving averages while the block runs."""
    variables = [reference.deref() for reference in net.averages]
    if not variables:
        yield
        return
    raw_values = session.run(variables)
    assign(session, variables, session.run(list(net.averages.values())))
    try:
        yield
    finally:
        assign(session, variables, raw_values)


def assign(session: Session, variables: Sequence[Variable], values: Sequence[Array]) -> None:
    """Sets variables through their initializers, which adds nothing to the graph."""
    session.run(
        [variable.initializer for variable in variables],
        {variable.initial_value: value for variable, value in zip(variables, values, strict=True)},
    )
