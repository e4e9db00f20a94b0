"""Estimators and optimizers that do a little more than the given ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.types import (
    Estimator,
    EstimatorSpec,
    Operation,
    Optimizer,
    RunConfig,
    Structure,
    Tensor,
    Variable,
)

_Gradients: TypeAlias = "list[tuple[Tensor, Variable]]"


def clip_gradients_by_norm(optimizer: Optimizer, clip_norm: float) -> Optimizer:
    """Returns an optimizer that clips the gradients, all together, to a norm first."""

    def clip(grads_and_vars: Iterable[tuple[Tensor, Variable]]) -> _Gradients:
        gradients, variables = zip(*grads_and_vars, strict=True)
        clipped, _ = tf.clip_by_global_norm(gradients, clip_norm)
        return list(zip(clipped, variables, strict=True))

    return _TransformGradients(optimizer, clip, f"ClipByNorm{optimizer.get_name()}")


class _TransformGradients(tf.train.Optimizer):
    """An optimizer that changes the gradients and gives them to another one."""

    def __init__(
        self,
        optimizer: Optimizer,
        transform: Callable[[Iterable[tuple[Tensor, Variable]]], _Gradients],
        name: str,
    ) -> None:
        super().__init__(use_locking=False, name=name)
        self._optimizer = optimizer
        self._transform = transform

    def compute_gradients(self, *arguments: object, **options: object) -> _Gradients:
        """The other optimizer's gradients."""
        return self._optimizer.compute_gradients(*arguments, **options)

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Tensor, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        """Applies the changed gradients."""
        return self._optimizer.apply_gradients(self._transform(grads_and_vars), global_step, name)

    def get_slot(self, *arguments: object, **options: object) -> Variable:
        """A slot of the other optimizer."""
        return self._optimizer.get_slot(*arguments, **options)

    def get_slot_names(self) -> list[str]:
        """Names of the other optimizer's slots."""
        return self._optimizer.get_slot_names()


def forward_features(
    estimator: Estimator,
    keys: str | Sequence[str] | None = None,
    sparse_default_values: Mapping[str, object] | None = None,
) -> Estimator:
    """Returns an estimator whose predictions hold features, too.

    Args:
      estimator: what predicts.
      keys: the features; all without.
      sparse_default_values: values of the empty places of sparse features, by the feature.

    Raises:
      TypeError: ``keys`` is neither a string nor a list of strings.
      ValueError, when it predicts: a feature is missing, is sparse, or is a prediction already.
    """
    if isinstance(keys, str):
        keys = [keys]
    if keys is not None and not isinstance(keys, (list, tuple)):
        raise TypeError(f"keys should be either a string or a list of strings. Given: {type(keys)}")
    for key in keys or ():
        if not isinstance(key, str):
            raise TypeError(
                "All items in the given keys list should be a string. There exist an item with "
                f"type: {type(key)}"
            )

    def model_fn(
        features: Mapping[str, Tensor], labels: Structure, mode: str, config: RunConfig
    ) -> EstimatorSpec:
        spec = estimator.model_fn(features, labels, mode, config)
        if spec.predictions is None:
            return spec
        if not isinstance(spec.predictions, dict):
            raise ValueError(
                "Predictions should be a dict to be able to forward features. Given: "
                f"{type(spec.predictions)}"
            )
        names = list(features) if keys is None else keys
        _check_names(names, features, spec.predictions)
        forwarded = {name: _make_dense(name, features, sparse_default_values) for name in names}
        spec.predictions.update(forwarded)
        for key, output in (spec.export_outputs or {}).items():
            is_prediction = isinstance(output, core.export.PredictOutput)
            if key in ("predict", "serving_default") and is_prediction:
                output.outputs.update(forwarded)
        return spec

    return core.Estimator(model_fn, model_dir=estimator.model_dir, config=estimator.config)


def _check_names(
    names: Iterable[str], features: Mapping[str, Tensor], predictions: Mapping[str, Tensor]
) -> None:
    for name in names:
        if name not in features:
            raise ValueError(
                f'keys should be exist in features. Key "{name}" is not in features dict. features '
                f"dict has following keys: {list(features)}. Please check arguments of "
                "forward_features."
            )
        if name in predictions:
            raise ValueError(
                f"Cannot forward feature key ({name}). Since it does exist in predictions. "
                f"Existing prediction keys: {list(predictions)}. Please check arguments of "
                "forward_features."
            )


def _make_dense(
    name: str, features: Mapping[str, Tensor], defaults: Mapping[str, object] | None
) -> Tensor:
    feature = tf.convert_to_tensor_or_sparse_tensor(features[name])
    is_sparse = isinstance(feature, tf.SparseTensor)
    if defaults and name in defaults:
        if not is_sparse:
            raise ValueError(f"Feature ({name}) is expected to be a `SparseTensor`.")
        return tf.sparse_tensor_to_dense(feature, default_value=defaults[name])
    if is_sparse:
        raise ValueError(
            f"Feature ({name}) should be a Tensor. Please use `keys` argument of forward_features "
            "to filter unwanted features, or add key to argument `sparse_default_values`. Type of "
            f"features[{name}] is {type(feature)}."
        )
    return feature
