"""Heads: from logits to losses, metrics and predictions. Those of tf.estimator's own models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.types import (
    EstimatorSpec,
    FeatureColumn,
    Operation,
    Optimizer,
    Structure,
    Tensor,
)

_heads = core.estimator_modules["canned.head"]
_MEAN = tf.losses.Reduction.SUM_OVER_BATCH_SIZE

LossFn: TypeAlias = "Callable[..., Tensor]"  # of (labels, logits), and maybe features
WeightColumn: TypeAlias = "str | FeatureColumn | None"


class Head(Protocol):
    """A head."""

    @property
    def name(self) -> str | None:
        """Its name: a prefix of its metrics."""

    @property
    def logits_dimension(self) -> int:
        """The last size of its logits."""

    def create_loss(
        self, features: Structure, mode: str, logits: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns (training loss, losses [N, 1], weights, labels as they are compared)."""

    def create_estimator_spec(
        self,
        features: Structure,
        mode: str,
        logits: Structure,
        labels: Structure | None = None,
        optimizer: Optimizer | None = None,
        train_op_fn: Callable[[Tensor], Operation] | None = None,
    ) -> EstimatorSpec:
        """Returns the EstimatorSpec of a model with these logits."""


def multi_class_head(
    n_classes: int,
    weight_column: WeightColumn = None,
    label_vocabulary: Sequence[str] | None = None,
    loss_reduction: str = _MEAN,
    loss_fn: LossFn | None = None,
    name: str | None = None,
) -> Head:
    """Makes a head of classes that exclude each other: softmax cross entropy."""
    return _heads._multi_class_head_with_softmax_cross_entropy_loss(
        n_classes, weight_column, label_vocabulary, loss_reduction, loss_fn, name
    )


def binary_classification_head(
    weight_column: WeightColumn = None,
    thresholds: Sequence[float] | None = None,
    label_vocabulary: Sequence[str] | None = None,
    loss_reduction: str = _MEAN,
    loss_fn: LossFn | None = None,
    name: str | None = None,
) -> Head:
    """Makes a head of two classes, by one logit: sigmoid cross entropy."""
    return _heads._binary_logistic_head_with_sigmoid_cross_entropy_loss(
        weight_column, thresholds, label_vocabulary, loss_reduction, loss_fn, name
    )


def regression_head(
    weight_column: WeightColumn = None,
    label_dimension: int = 1,
    loss_reduction: str = _MEAN,
    loss_fn: LossFn | None = None,
    inverse_link_fn: Callable[[Tensor], Tensor] | None = None,
    name: str | None = None,
) -> Head:
    """Makes a head of numbers: mean squared error, or ``loss_fn``."""
    return _heads._regression_head(
        weight_column, label_dimension, loss_reduction, loss_fn, inverse_link_fn, name
    )


def poisson_regression_head(
    weight_column: WeightColumn = None,
    label_dimension: int = 1,
    loss_reduction: str = _MEAN,
    compute_full_loss: bool = True,
    name: str | None = None,
) -> Head:
    """Makes a head of counts: the exponential of the logits, and Poisson's loss."""

    def loss_fn(labels: Tensor, logits: Tensor) -> Tensor:
        return tf.nn.log_poisson_loss(labels, logits, compute_full_loss)

    return regression_head(weight_column, label_dimension, loss_reduction, loss_fn, tf.exp, name)


def logistic_regression_head(
    weight_column: WeightColumn = None, loss_reduction: str = _MEAN, name: str | None = None
) -> Head:
    """Makes a head of numbers from 0 to 1: sigmoid cross entropy."""

    def loss_fn(labels: Tensor, logits: Tensor) -> Tensor:
        labels = _heads._assert_range(labels, 2, message="Labels must be in range [0, 1]")
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)

    return regression_head(weight_column, 1, loss_reduction, loss_fn, tf.sigmoid, name)
