"""``tf.contrib.learn``: Experiment, learn_runner, RunConfig and ValidationMonitor."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1.contrib.learn.estimators import BaseEstimator

_FRACTION_OF_ALL = 1.0


class RunConfig(core.RunConfig):
    """tf.estimator.RunConfig, with contrib.learn's parameters. One machine only."""

    def __init__(
        self, master: str | None = None, num_cores: int = 0, log_device_placement: bool = False,
        gpu_memory_fraction: float = _FRACTION_OF_ALL, tf_random_seed: int | None = None,
        save_summary_steps: int = 100, save_checkpoints_secs: Any = 600,
        save_checkpoints_steps: int | None = None, keep_checkpoint_max: int = 5,
        keep_checkpoint_every_n_hours: float = 10000, log_step_count_steps: int = 100,
        protocol: str | None = None, evaluation_master: str = "", model_dir: str | None = None,
        session_config: Any = None, session_creation_timeout_secs: int = 7200,
    ) -> None:  # fmt: skip
        if session_config is None:
            session_config = tf.ConfigProto(
                log_device_placement=log_device_placement,
                inter_op_parallelism_threads=num_cores,
                intra_op_parallelism_threads=num_cores,
                gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=gpu_memory_fraction),
            )
        if save_checkpoints_steps is not None:
            save_checkpoints_secs = None
        super().__init__(
            model_dir=model_dir, tf_random_seed=tf_random_seed,
            save_summary_steps=save_summary_steps, save_checkpoints_steps=save_checkpoints_steps,
            save_checkpoints_secs=save_checkpoints_secs, session_config=session_config,
            keep_checkpoint_max=keep_checkpoint_max, log_step_count_steps=log_step_count_steps,
            keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours, protocol=protocol,
        )  # fmt: skip
        self.environment = "local"


class ValidationMonitor(tf.train.SessionRunHook):
    """Evaluates new checkpoints during training, and stops it when nothing gets better."""

    def __init__(
        self, x: Any = None, y: Any = None, input_fn: Any = None, batch_size: int | None = None,
        eval_steps: int | None = None, every_n_steps: int = 100, metrics: Any = None,
        hooks: Any = None, early_stopping_rounds: int | None = None,
        early_stopping_metric: str = "loss", early_stopping_metric_minimize: bool = True,
        name: str | None = None, check_interval_secs: float = 5,
    ) -> None:  # fmt: skip
        self._options = {"input_fn": input_fn, "steps": eval_steps, "hooks": hooks, "name": name}
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

    def set_estimator(self, estimator: Any) -> None:
        """Whose checkpoints are evaluated."""
        self._estimator = estimator

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Looks for a new checkpoint, after so many steps and seconds."""
        self._steps += 1
        if self._steps % self._every or time.monotonic() - self._checked < self._interval:
            return
        self._checked = time.monotonic()
        latest = tf.train.latest_checkpoint(self._estimator.model_dir)
        if latest is None or latest == self._latest:
            return
        self._latest = latest
        found = self._estimator.evaluate(checkpoint_path=latest, **self._options)
        self._stop_if_no_better(run_context, found)

    def _stop_if_no_better(self, run_context: Any, found: dict[str, Any]) -> None:
        if self._rounds is None or self._metric not in found:
            return
        value, step = found[self._metric], found["global_step"]
        if self.best_value is None or self._sign * value < self._sign * self.best_value:
            self.best_value, self.best_step = value, step
        elif step - self.best_step >= self._rounds:
            self.early_stopped = True
            run_context.request_stop()


class Experiment:
    """An estimator with the inputs to train and evaluate it."""

    def __init__(
        self, estimator: Any, train_input_fn: Any, eval_input_fn: Any, eval_metrics: Any = None,
        train_steps: int | None = None, eval_steps: int | None = 100, train_monitors: Any = None,
        eval_hooks: Any = None, local_eval_frequency: int | None = None,
        eval_delay_secs: float = 120, continuous_eval_throttle_secs: float = 60,
        min_eval_frequency: int | None = None, delay_workers_by_global_step: bool = False,
        export_strategies: Any = None, train_steps_per_iteration: int | None = None,
        checkpoint_and_export: bool = False, saving_listeners: Any = None,
        check_interval_secs: float = 5,
    ) -> None:  # fmt: skip
        if eval_metrics is not None and not isinstance(estimator, BaseEstimator):
            raise ValueError(
                "`eval_metrics` must be `None` with `tf.estimator.Estimator`: use eval_metric_ops"
            )
        self.estimator = estimator
        self.eval_metrics = eval_metrics
        self.train_steps = train_steps
        self.eval_steps = eval_steps
        self._train_input_fn, self._eval_input_fn = train_input_fn, eval_input_fn
        self._monitors = list(train_monitors or [])
        self._eval_hooks = eval_hooks
        self._local_eval_frequency = local_eval_frequency
        self._min_eval_frequency = 1 if min_eval_frequency is None else min_eval_frequency
        self._throttle = continuous_eval_throttle_secs
        self._strategies = export_strategies or []
        if isinstance(self._strategies, tuple) and hasattr(self._strategies, "export"):
            self._strategies = [self._strategies]
        self._check_interval = check_interval_secs

    def extend_train_hooks(self, additional_hooks: Any) -> None:
        """Adds hooks to training."""
        self._monitors.extend(additional_hooks)

    def train(self, delay_secs: float | None = None) -> Any:
        """Trains up to ``train_steps``."""
        return self._train(self._monitors, self.train_steps)

    def _train(self, hooks: list[Any], steps: int | None) -> Any:
        if isinstance(self.estimator, BaseEstimator):
            return self.estimator.fit(
                input_fn=self._train_input_fn, max_steps=steps, monitors=hooks
            )
        for hook in hooks:
            if hasattr(hook, "set_estimator"):
                hook.set_estimator(self.estimator)
        return self.estimator.train(self._train_input_fn, hooks=hooks, max_steps=steps)

    def evaluate(self, delay_secs: float | None = None, name: str | None = None) -> Any:
        """Evaluates the newest checkpoint once; where there is no other process, at once."""
        return self._evaluate(name or "one_pass")

    def _evaluate(self, name: str | None, steps: int | None = None) -> Any:
        options = {"metrics": self.eval_metrics} if self.eval_metrics is not None else {}
        steps = self.eval_steps if steps is None else steps
        return self.estimator.evaluate(
            input_fn=self._eval_input_fn, steps=steps, hooks=self._eval_hooks, name=name, **options
        )

    def train_and_evaluate(self) -> tuple[Any, list[Any]]:
        """Trains, evaluates each new checkpoint meanwhile, then exports.

        Returns:
          (the last evaluation, the paths of the exports).
        """
        hooks = list(self._monitors)
        if self._min_eval_frequency:
            hooks.append(
                ValidationMonitor(
                    input_fn=self._eval_input_fn,
                    eval_steps=self.eval_steps,
                    metrics=self.eval_metrics,
                    every_n_steps=self._min_eval_frequency,
                    hooks=self._eval_hooks,
                    check_interval_secs=self._check_interval,
                )
            )
        self._train(hooks, self.train_steps)
        found = self._evaluate(None)
        return found, self._export(found)

    def _export(self, found: Any) -> list[Any]:
        exports = []
        for strategy in self._strategies:
            folder = os.path.join(self.estimator.model_dir, "export", strategy.name)
            exports.append(strategy.export(self.estimator, folder, eval_result=found))
        return exports

    def local_run(self) -> tuple[Any, list[Any]]:
        """``train_and_evaluate``, which evaluates every ``local_eval_frequency`` steps."""
        before, self._min_eval_frequency = self._min_eval_frequency, self._local_eval_frequency or 0
        try:
            return self.train_and_evaluate()
        finally:
            self._min_eval_frequency = before

    def continuous_train_and_eval(self, continuous_eval_predicate_fn: Any = None) -> Any:
        """Trains and evaluates in one process: here the same as ``train_and_evaluate``."""
        return self.train_and_evaluate()

    def test(self) -> tuple[Any, list[Any]]:
        """One step of training and one of evaluation."""
        self._train(self._monitors, 1)
        found = self._evaluate("one_pass", 1)
        return found, self._export(found)


def run(
    experiment_fn: Callable[..., Experiment], output_dir: str | None = None,
    schedule: str | None = None, run_config: Any = None, hparams: Any = None,
) -> Any:  # fmt: skip
    """``learn_runner.run``: makes an Experiment and calls its method ``schedule``."""
    if (output_dir is None) == (run_config is None):
        raise ValueError("learn_runner.run needs either output_dir or run_config")
    if run_config is not None:
        if not run_config.model_dir:
            raise ValueError("learn_runner.run needs a run_config with a model_dir")
        experiment = experiment_fn(run_config, hparams)
    elif "output_dir" in inspect.signature(experiment_fn).parameters:
        experiment = experiment_fn(output_dir=output_dir)
    else:
        experiment = experiment_fn(output_dir)
    if not isinstance(experiment, Experiment):
        raise TypeError(f"experiment_fn must return an Experiment, not {experiment!r}")
    method = getattr(experiment, schedule or "train_and_evaluate", None)
    if not callable(method):
        raise ValueError(f"Schedule references non-existent task {schedule}")
    return method()
