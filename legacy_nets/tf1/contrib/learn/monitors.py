"""``tf.contrib.learn.monitors.ValidationMonitor``."""

from __future__ import annotations

import time
from collections.abc import Sequence

import tensorflow.compat.v1 as tf

from legacy_nets.types import (
    Estimator,
    InputFn,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
    TensorLike,
)


class ValidationMonitor(tf.train.SessionRunHook):
    """Evaluates new checkpoints during training, and stops it when nothing gets better."""

    def __init__(
        self,
        x: TensorLike | None = None,
        y: TensorLike | None = None,
        input_fn: InputFn | None = None,
        batch_size: int | None = None,
        eval_steps: int | None = None,
        every_n_steps: int = 100,
        metrics: object = None,
        hooks: Sequence[SessionRunHook] | None = None,
        early_stopping_rounds: int | None = None,
        early_stopping_metric: str = "loss",
        early_stopping_metric_minimize: bool = True,
        name: str | None = None,
        check_interval_secs: float = 5,
    ) -> None:
        self._options: dict[str, object] = {
            "input_fn": input_fn,
            "steps": eval_steps,
            "hooks": hooks,
            "name": name,
        }
        if x is not None:
            self._options.update(x=x, y=y, batch_size=batch_size)
        if metrics is not None:
            self._options["metrics"] = metrics
        self._every = every_n_steps
        self._rounds = early_stopping_rounds
        self._metric = early_stopping_metric
        self._sign = 1 if early_stopping_metric_minimize else -1
        self._interval = check_interval_secs
        self._checked, self._steps, self._latest = 0.0, 0, ""
        self.best_value: float | None = None
        self.best_step: int | None = None
        self.early_stopped = False

    def set_estimator(self, estimator: Estimator) -> None:
        """Whose checkpoints are evaluated."""
        self._estimator = estimator

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Looks for a new checkpoint, after so many steps and seconds."""
        self._steps += 1
        if self._steps % self._every or time.monotonic() - self._checked < self._interval:
            return
        self._checked = time.monotonic()
        latest = tf.train.latest_checkpoint(self._estimator.model_dir)
        if latest is None or latest == self._latest:
            return
        self._latest = latest
        results = self._estimator.evaluate(checkpoint_path=latest, **self._options)
        self._stop_if_no_better(run_context, results)

    def _stop_if_no_better(
        self, run_context: SessionRunContext, results: dict[str, TensorLike]
    ) -> None:
        if self._rounds is None or self._metric not in results:
            return
        value, step = results[self._metric], results["global_step"]
        if self.best_value is None or self._sign * value < self._sign * self.best_value:
            self.best_value, self.best_step = value, step
        elif step - self.best_step >= self._rounds:
            self.early_stopped = True
            run_context.request_stop()
