"""``tf.contrib.learn.RunConfig``."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.types import ConfigProto

_FRACTION_OF_ALL = 1.0


class RunConfig(core.RunConfig):
    """tf.estimator.RunConfig, with contrib.learn's parameters. One machine only."""

    def __init__(
        self, master: str | None = None, num_cores: int = 0, log_device_placement: bool = False,
        gpu_memory_fraction: float = _FRACTION_OF_ALL, tf_random_seed: int | None = None,
        save_summary_steps: int = 100, save_checkpoints_secs: object = 600,
        save_checkpoints_steps: int | None = None, keep_checkpoint_max: int = 5,
        keep_checkpoint_every_n_hours: float = 10000, log_step_count_steps: int = 100,
        protocol: str | None = None, evaluation_master: str = "", model_dir: str | None = None,
        session_config: ConfigProto | None = None, session_creation_timeout_secs: int = 7200,
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
