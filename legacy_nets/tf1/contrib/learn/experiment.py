"""``tf.contrib.learn.Experiment``."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.learn.estimators import BaseEstimator
from legacy_nets.tf1.contrib.learn.estimators.run_config import Environment, RunConfig
from legacy_nets.tf1.contrib.learn.monitors import ValidationMonitor
from legacy_nets.types import Estimator, InputFn, Server, SessionRunHook, Tensor


class Experiment:
    """An estimator with the inputs to train and evaluate it."""

    def __init__(
        self,
        estimator: Estimator,
        train_input_fn: InputFn,
        eval_input_fn: InputFn,
        eval_metrics: object = None,
        train_steps: int | None = None,
        eval_steps: int | None = 100,
        train_monitors: Sequence[SessionRunHook] | None = None,
        eval_hooks: Sequence[SessionRunHook] | None = None,
        local_eval_frequency: int | None = None,
        eval_delay_secs: float = 120,
        continuous_eval_throttle_secs: float = 60,
        min_eval_frequency: int | None = None,
        delay_workers_by_global_step: bool = False,
        export_strategies: Any = None,
        train_steps_per_iteration: int | None = None,
        checkpoint_and_export: bool = False,
        saving_listeners: object = None,
        check_interval_secs: float = 5,
    ) -> None:
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
        self._delays_by_global_step = delay_workers_by_global_step
        self._server: Server | None = None
        self._throttle = continuous_eval_throttle_secs
        self._strategies = export_strategies or []
        if isinstance(self._strategies, tuple) and hasattr(self._strategies, "export"):
            self._strategies = [self._strategies]
        self._check_interval = check_interval_secs

    def extend_train_hooks(self, additional_hooks: Sequence[SessionRunHook]) -> None:
        """Adds hooks to training."""
        self._monitors.extend(additional_hooks)

    def train(self, delay_secs: float | None = None) -> Estimator:
        """Trains up to ``train_steps``, as a task of the cluster where TF_CONFIG has one.

        Workers start one after the other: each after ``delay_secs``, which is 5 seconds times its
        index (at most 60), or 0 where ``delay_workers_by_global_step`` makes them wait for steps.
        """
        self._start_server_of_cluster()
        hooks, index = list(self._monitors), self.estimator.config.task_id or 0
        if delay_secs is None and self._delays_by_global_step:
            hooks.append(tf.train.GlobalStepWaiterHook(int(8000.0 * math.log(index + 1))))
            delay_secs = 0
        delay_secs = min(60, 5 * index) if delay_secs is None else delay_secs
        if delay_secs > 0:
            tf.logging.info("Waiting %d secs before starting training.", delay_secs)
            time.sleep(delay_secs)
        return self._train(hooks, self.train_steps)

    def run_std_server(self) -> None:
        """Starts the server of this task, and serves for ever: a ps."""
        self._start_server().join()

    def _start_server_of_cluster(self) -> None:
        config = self.estimator.config
        if not (config.cluster_spec and config.master):
            return
        if not isinstance(config, RunConfig):
            raise ValueError(
                "For distributed runtime, Experiment class only works with "
                f"tf.contrib.learn.RunConfig for now, but provided {type(config)}"
            )
        if config.environment == Environment.LOCAL:
            tf.logging.warn(
                "ClusterSpec and master are provided, but environment is set to 'local'. Set "
                "environment to 'cloud' if you intend to use the distributed runtime."
            )
        elif config.environment != Environment.GOOGLE:
            self._start_server()

    def _start_server(self) -> Server:
        config = self.estimator.config
        if not (config.cluster_spec and config.task_type and config.master):
            raise ValueError(
                "Could not start server; be sure to specify cluster_spec, task_type, master, and "
                "task in RunConfig or set the TF_CONFIG environment variable."
            )
        self._server = tf.train.Server(
            config.cluster_spec, config.task_type, config.task_id, config=config.tf_config
        )
        return self._server

    def _train(self, hooks: list[SessionRunHook], steps: int | None) -> Estimator:
        if isinstance(self.estimator, BaseEstimator):
            return self.estimator.fit(
                input_fn=self._train_input_fn, max_steps=steps, monitors=hooks
            )
        for hook in hooks:
            if hasattr(hook, "set_estimator"):
                hook.set_estimator(self.estimator)
        return self.estimator.train(self._train_input_fn, hooks=hooks, max_steps=steps)

    def evaluate(
        self, delay_secs: float | None = None, name: str | None = None
    ) -> dict[str, Tensor]:
        """Evaluates the newest checkpoint once; where there is no other process, at once."""
        return self._evaluate(name or "one_pass")

    def _evaluate(self, name: str | None, steps: int | None = None) -> dict[str, Tensor]:
        options = {"metrics": self.eval_metrics} if self.eval_metrics is not None else {}
        steps = self.eval_steps if steps is None else steps
        return self.estimator.evaluate(
            input_fn=self._eval_input_fn, steps=steps, hooks=self._eval_hooks, name=name, **options
        )

    def train_and_evaluate(self) -> tuple[Tensor, list[Tensor]]:
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
        self._start_server_of_cluster()
        self._train(hooks, self.train_steps)
        results = self._evaluate(None)
        return results, self._export(results)

    def _export(self, results: Mapping[str, Tensor]) -> list[object]:
        exports = []
        for strategy in self._strategies:
            folder = os.path.join(self.estimator.model_dir, "export", strategy.name)
            exports.append(strategy.export(self.estimator, folder, eval_result=results))
        return exports

    def local_run(self) -> tuple[Tensor, list[Tensor]]:
        """``train_and_evaluate``, which evaluates every ``local_eval_frequency`` steps."""
        before, self._min_eval_frequency = self._min_eval_frequency, self._local_eval_frequency or 0
        try:
            return self.train_and_evaluate()
        finally:
            self._min_eval_frequency = before

    def continuous_train_and_eval(
        self, continuous_eval_predicate_fn: object = None
    ) -> tuple[dict[str, Tensor], list[object]]:
        """Trains and evaluates in one process: here the same as ``train_and_evaluate``."""
        return self.train_and_evaluate()

    def test(self) -> tuple[Tensor, list[Tensor]]:
        """One step of training and one of evaluation."""
        self._train(self._monitors, 1)
        results = self._evaluate("one_pass", 1)
        return results, self._export(results)
