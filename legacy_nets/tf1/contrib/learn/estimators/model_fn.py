"""What a model function of ``tf.contrib.learn`` gets and returns."""

from __future__ import annotations

from typing import Any, NamedTuple


class ModeKeys:
    """What a model function builds; the same words as tf.estimator.ModeKeys."""

    TRAIN = "train"
    EVAL = "eval"
    INFER = "infer"

    @classmethod
    def validate(cls, key: str) -> None:
        """Raises ValueError for a word that is no mode."""
        if key not in (cls.TRAIN, cls.EVAL, cls.INFER):
            raise ValueError(f"Invalid mode {key}.")


class ModelFnOps(NamedTuple):
    """What a model function of contrib.learn returns."""

    mode: Any
    predictions: Any = None
    loss: Any = None
    train_op: Any = None
    eval_metric_ops: Any = None
    output_alternatives: Any = None
    training_chief_hooks: Any = None
    training_hooks: Any = None
    scaffold: Any = None
