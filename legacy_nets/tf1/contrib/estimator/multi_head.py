"""Several heads of one model, their losses added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1.contrib.estimator.head import Head
from legacy_nets.types import EstimatorSpec, Operation, Optimizer, Structure, Tensor

_heads = core.estimator_modules["canned.head"]
_SERVING = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def multi_head(heads: Sequence[Head], head_weights: Sequence[float] | None = None) -> Head:
    """Makes a head of several heads. Logits and labels are dicts by the heads' names.

    Raises ValueError where there is no head, one has no name, or the weights are not as many.
    """
    if head_weights and len(head_weights) != len(heads):
        raise ValueError(
            "heads and head_weights must have the same size. "
            f"Given len(heads): {len(heads)}. Given len(head_weights): {len(head_weights)}."
        )
    if not heads:
        raise ValueError(f"Must specify heads. Given: {heads}")
    for head in heads:
        if not head.name:
            raise ValueError(f"All given heads must have name specified. Given: {head}")
    return _MultiHead(heads, head_weights)


class _MultiHead:
    def __init__(self, heads: Sequence[Head], head_weights: Sequence[float] | None) -> None:
        self._heads = {str(head.name): head for head in heads}
        self._weights = list(head_weights) if head_weights else [1.0] * len(heads)
        self._has_weights = bool(head_weights)

    @property
    def name(self) -> str:
        """The names of the heads in one."""
        return "_".join(self._heads)

    @property
    def logits_dimension(self) -> int:
        """The sum of those of the heads."""
        return sum(head.logits_dimension for head in self._heads.values())

    def create_loss(
        self, features: Structure, mode: str, logits: Structure, labels: Structure
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        """Returns the sum of the losses; the other three values by the heads' names."""
        logits = self._split(logits)
        specs = {
            name: head.create_loss(features, mode, logits[name], labels[name])
            for name, head in self._heads.items()
        }
        weights = dict(zip(specs, self._weights, strict=True))
        return _heads.LossSpec(
            training_loss=self._merge(spec[0] for spec in specs.values()),
            unreduced_loss={
                name: self._weigh(spec[1], weights[name]) for name, spec in specs.items()
            },
            weights={name: self._weigh(spec[2], weights[name]) for name, spec in specs.items()},
            processed_labels={name: spec[3] for name, spec in specs.items()},
        )

    def create_estimator_spec(
        self,
        features: Structure,
        mode: str,
        logits: Structure,
        labels: Structure | None = None,
        optimizer: Optimizer | None = None,
        train_op_fn: Callable[[Tensor], Operation] | None = None,
    ) -> EstimatorSpec:
        """Returns the EstimatorSpec of all heads together.

        Raises ValueError where labels are no dict, or not one of optimizer and train_op_fn is
        given in training.
        """
        logits = self._split(logits)
        if labels and not isinstance(labels, dict):
            raise ValueError(f"labels must be a dict. Given: {labels}")
        specs = {
            name: head.create_estimator_spec(
                features,
                mode,
                logits[name],
                labels[name] if labels else None,
                train_op_fn=lambda loss: tf.no_op(),
            )
            for name, head in self._heads.items()
        }
        if mode == "train":
            spec = self._merge_train(specs, optimizer, train_op_fn)
            with tf.name_scope(""):
                tf.summary.scalar("loss", spec.loss)
            return spec
        if mode == "infer":
            return self._merge_predict(specs)
        if mode == "eval":
            return self._merge_eval(specs)
        raise ValueError(f"mode={mode} unrecognized")

    def _split(self, logits: Structure) -> dict[str, Tensor]:
        """Returns the logits by the heads' names; one tensor has them side by side."""
        if isinstance(logits, dict):
            return logits
        sizes = [head.logits_dimension for head in self._heads.values()]
        with tf.name_scope(None, "split_logits", [logits]):
            logits = tf.convert_to_tensor(logits)
            last = logits.shape.as_list()[-1]
            if last is not None and last != sum(sizes):
                raise ValueError(
                    f"Could not split logits of shape {logits.shape.as_list()!r} among the heads "
                    f"with individual logits dimensions: {sizes!r}. The last dimension of the "
                    f"logits tensor should equal {sum(sizes)} but is {last}."
                )
            return dict(zip(self._heads, tf.split(logits, sizes, axis=-1), strict=True))

    def _weigh(self, value: Tensor, weight: float) -> Tensor:
        return tf.multiply(value, weight) if self._has_weights else value

    def _merge(self, losses: Iterable[Tensor]) -> Tensor:
        with tf.name_scope("merge_losses"):
            pairs = zip(losses, self._weights, strict=True)
            return tf.add_n([self._weigh(loss, weight) for loss, weight in pairs])

    def _name_predictions(self, specs: dict[str, EstimatorSpec]) -> dict[tuple[str, str], Tensor]:
        return {
            (name, key): value
            for name, spec in specs.items()
            for key, value in spec.predictions.items()
        }

    def _merge_train(
        self,
        specs: dict[str, EstimatorSpec],
        optimizer: Optimizer | None,
        train_op_fn: Callable[[Tensor], Operation] | None,
    ) -> EstimatorSpec:
        loss = self._merge(spec.loss for spec in specs.values())
        if optimizer is not None and train_op_fn is not None:
            raise ValueError("train_op_fn and optimizer cannot both be set.")
        if optimizer is not None:
            train_op = optimizer.minimize(loss, global_step=tf.train.get_global_step())
        elif train_op_fn is not None:
            train_op = train_op_fn(loss)
        else:
            raise ValueError("train_op_fn and optimizer cannot both be None.")
        metrics = {k: v for spec in specs.values() for k, v in (spec.eval_metric_ops or {}).items()}
        return core.EstimatorSpec(
            "train",
            predictions=self._name_predictions(specs),
            loss=loss,
            train_op=train_op,
            eval_metric_ops=metrics,
        )

    def _merge_predict(self, specs: dict[str, EstimatorSpec]) -> EstimatorSpec:
        outputs = {_SERVING: _get_default_output(*next(iter(specs.items())))}
        merged = {}
        for name, spec in specs.items():
            for key, output in spec.export_outputs.items():
                outputs[name if key == _SERVING else f"{name}/{key}"] = output
                if key == "predict" and isinstance(output, core.export.PredictOutput):
                    merged.update({f"{name}/{k}": v for k, v in output.outputs.items()})
        outputs["predict"] = core.export.PredictOutput(merged)
        predictions = self._name_predictions(specs)
        return core.EstimatorSpec("infer", predictions=predictions, export_outputs=outputs)

    def _merge_eval(self, specs: dict[str, EstimatorSpec]) -> EstimatorSpec:
        metrics = {}
        with tf.name_scope("merge_eval"):
            for name, spec in specs.items():
                key = f"loss/{name}"
                metrics[key] = tf.metrics.mean(spec.loss, name=key)
                metrics.update(spec.eval_metric_ops or {})
            loss = self._merge(spec.loss for spec in specs.values())
        predictions = self._name_predictions(specs)
        return core.EstimatorSpec(
            "eval", predictions=predictions, loss=loss, eval_metric_ops=metrics
        )


def _get_default_output(name: str, spec: EstimatorSpec) -> object:
    outputs = spec.export_outputs
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    if _SERVING not in outputs:
        raise ValueError(
            f"{name} did not specify default export_outputs. Given: {outputs} Suggested fix: Use "
            f"one of the heads in tf.contrib.estimator, or include key {_SERVING} in "
            "export_outputs."
        )
    return outputs[_SERVING]
