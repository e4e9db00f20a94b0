"""``tf.contrib.learn.learn_runner``: makes an Experiment and runs it."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from legacy_nets.tf1.contrib.learn.estimators.run_config import TaskType
from legacy_nets.tf1.contrib.learn.experiment import Experiment
from legacy_nets.types import RunConfig


def run(
    experiment_fn: Callable[..., Experiment], output_dir: str | None = None,
    schedule: str | None = None, run_config: RunConfig | None = None, hparams: object = None,
) -> object:  # fmt: skip
    """``learn_runner.run``: makes an Experiment and calls its method ``schedule``.

    By default TF_CONFIG chooses: a worker trains, a ps serves, the master and a task alone
    train and evaluate.
    """
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
    schedule = schedule or choose_schedule(run_config or experiment.estimator.config)
    method = getattr(experiment, schedule, None)
    if not callable(method):
        raise ValueError(f"Schedule references non-existent task {schedule}")
    return method()


def choose_schedule(config: RunConfig) -> str:
    """Chooses what a task of a cluster does. Raises ValueError for an unknown kind of task."""
    tasks = sum(map(len, config.cluster_spec.as_dict().values())) if config.cluster_spec else 0
    if tasks < 2:
        return "train_and_evaluate"
    if not config.task_type:
        raise ValueError("Must specify a schedule")
    schedules = {
        TaskType.MASTER: "train_and_evaluate",
        TaskType.PS: "run_std_server",
        TaskType.WORKER: "train",
    }
    if config.task_type not in schedules:
        raise ValueError(f"No default schedule for task type: {config.task_type}")
    return schedules[config.task_type]
