"""``tf.contrib.learn.MetricSpec``: which predictions and labels a metric compares."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from legacy_nets.types import Operation, Tensor, TensorLike


class MetricSpec:
    """A metric function ``(predictions, labels[, weights])``, and the names of what it takes."""

    def __init__(
        self, metric_fn: Callable[..., TensorLike], prediction_key: str | None = None,
        label_key: str | None = None, weight_key: str | None = None,
    ) -> None:  # fmt: skip
        self.metric_fn = metric_fn
        self.prediction_key = prediction_key
        self.label_key = label_key
        self.weight_key = weight_key

    def create_metric_ops(
        self, inputs: TensorLike, labels: TensorLike, predictions: TensorLike
    ) -> tuple[Tensor, Operation]:
        """(value, update) of the metric. Raises ValueError where a name is missing."""
        values = {
            "predictions": _pick(predictions, self.prediction_key, "prediction"),
            "labels": _pick(labels, self.label_key, "label"),
        }
        if self.weight_key is not None:
            values["weights"] = inputs[self.weight_key]
        named = set(inspect.signature(self.metric_fn).parameters)
        if {"predictions", "labels"} <= named:
            return self.metric_fn(**values)
        return self.metric_fn(*values.values())


def _pick(values: TensorLike, key: str | None, role: str) -> TensorLike:
    if not isinstance(values, Mapping):
        return values
    if key is None:
        if len(values) != 1:
            raise ValueError(
                f"MetricSpec without {role}_key: name one of {', '.join(sorted(values))}"
            )
        return next(iter(values.values()))
    if key not in values:
        raise ValueError(f"MetricSpec: no {role} {key!r} among {', '.join(sorted(values))}")
    return values[key]


def metric_ops(
    metrics: Mapping[Any, Any],
    features: Mapping[str, Tensor],
    labels: TensorLike,
    predictions: TensorLike,
) -> dict[str, Tensor]:
    """The ops of metrics: MetricSpec by name, or functions by name or (name, prediction key)."""
    ops = {}
    for name, metric in metrics.items():
        key = None
        if isinstance(name, tuple):
            name, key = name
        spec = metric if isinstance(metric, MetricSpec) else MetricSpec(metric, key)
        ops[name] = spec.create_metric_ops(features, labels, predictions)
    return ops
