"""``tf.contrib.learn.RunConfig``: reads a cluster from TF_CONFIG by contrib.learn's own rules."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.types import ConfigProto

_FRACTION_OF_ALL = 1.0


class Environment:
    """Where tasks run: only ``CLOUD`` starts servers."""

    CLOUD = "cloud"
    GOOGLE = "google"
    LOCAL = "local"


class TaskType:
    """The jobs of a cluster. ``MASTER`` is the chief."""

    MASTER = "master"
    PS = "ps"
    WORKER = "worker"


class RunConfig(core.RunConfig):
    """tf.estimator.RunConfig, with contrib.learn's parameters and its reading of TF_CONFIG."""

    def __init__(
        self, master: str | None = None, num_cores: int = 0, log_device_placement: bool = False,
        gpu_memory_fraction: float = _FRACTION_OF_ALL, tf_random_seed: int | None = None,
        save_summary_steps: int = 100, save_checkpoints_secs: object = 600,
        save_checkpoints_steps: int | None = None, keep_checkpoint_max: int = 5,
        keep_checkpoint_every_n_hours: float = 10000, log_step_count_steps: int = 100,
        protocol: str | None = None, evaluation_master: str = "", model_dir: str | None = None,
        session_config: ConfigProto | None = None, session_creation_timeout_secs: int = 7200,
    ) -> None:  # fmt: skip
        self.tf_config = tf.ConfigProto(
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
            save_checkpoints_secs=save_checkpoints_secs,
            session_config=session_config or self.tf_config,
            keep_checkpoint_max=keep_checkpoint_max, log_step_count_steps=log_step_count_steps,
            keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours, protocol=protocol,
        )  # fmt: skip
        if master is not None:
            self._master = master
        self._evaluation_master = evaluation_master

    def _init_distributed_setting_from_environment_var(
        self, tf_config: Mapping[str, Mapping[str, object]]
    ) -> None:
        """Sets the task. A cluster needs no chief; in the cloud, the master alone is one."""
        task = tf_config.get("task", {})
        self.environment = tf_config.get("environment", Environment.LOCAL)
        self._cluster_spec = tf.train.ClusterSpec(tf_config.get("cluster", {}))
        self._task_type, self._task_id = task.get("type"), int(str(task.get("index") or 0))
        self._num_ps_replicas = self._count(TaskType.PS)
        self._num_worker_replicas = self._count(TaskType.WORKER) + self._count(TaskType.MASTER)
        self._master = self._find_master()
        chief = TaskType.MASTER if self.environment == Environment.CLOUD else TaskType.WORKER
        self._is_chief = self._task_id == 0 and self._task_type in (None, chief)
        self._evaluation_master = ""
        self._global_id_in_cluster = None

    def _count(self, job: str) -> int:
        return len(self._cluster_spec.as_dict().get(job, []))

    def _find_master(self) -> str:
        """Finds the address of this task's server; a task alone needs none."""
        addresses = self._cluster_spec.as_dict()
        if self._task_type is None or sum(map(len, addresses.values())) < 2:
            return ""
        where = f"TF_CONFIG's cluster {addresses}"
        if self._task_type not in addresses:
            raise ValueError(f"{self._task_type} is not a valid task_type in {where}")
        if not 0 <= self._task_id < len(addresses[self._task_type]):
            raise ValueError(
                f"{self._task_id} is not a valid task_id for task_type {self._task_type} in {where}"
            )
        return f"grpc://{addresses[self._task_type][self._task_id]}"
