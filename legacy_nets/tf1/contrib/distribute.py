"""``tf.contrib.distribute``: strategies over the devices of one machine."""

from __future__ import annotations

from collections.abc import Sequence

from tensorflow.python.distribute import (
    cross_device_ops,
    distribute_config,
    distribute_lib,
    mirrored_strategy,
    one_device_strategy,
    step_fn,
)
from tensorflow.python.distribute.cross_device_ops import CrossDeviceOps
from tensorflow.python.distribute.v1 import input_lib

from legacy_nets.tf1 import refused
from legacy_nets.types import Dataset

AllReduceCrossDeviceOps = cross_device_ops.AllReduceCrossDeviceOps
DistributeConfig = distribute_config.DistributeConfig
DistributionStrategy = distribute_lib.StrategyV1
DistributionStrategyExtended = distribute_lib.StrategyExtendedV1
OneDeviceStrategy = one_device_strategy.OneDeviceStrategyV1
ReductionToOneDeviceCrossDeviceOps = cross_device_ops.ReductionToOneDevice
ReplicaContext = distribute_lib.ReplicaContext
StandardInputStep = step_fn.StandardInputStep
StandardSingleLossStep = step_fn.StandardSingleLossStep
Step = step_fn.Step
UpdateContext = distribute_lib.UpdateContext
get_cross_replica_context = distribute_lib.get_cross_replica_context
get_distribution_strategy = get_strategy = distribute_lib.get_strategy
get_replica_context = distribute_lib.get_replica_context
has_distribution_strategy = has_strategy = distribute_lib.has_strategy
in_cross_replica_context = distribute_lib.in_cross_replica_context
require_replica_context = distribute_lib.require_replica_context

__all__ = [
    "AllReduceCrossDeviceOps",
    "CrossDeviceOps",
    "DistributeConfig",
    "DistributionStrategy",
    "DistributionStrategyExtended",
    "MirroredStrategy",
    "OneDeviceStrategy",
    "ReductionToOneDeviceCrossDeviceOps",
    "ReplicaContext",
    "StandardInputStep",
    "StandardSingleLossStep",
    "Step",
    "UpdateContext",
    "get_cross_replica_context",
    "get_distribution_strategy",
    "get_replica_context",
    "get_strategy",
    "has_distribution_strategy",
    "has_strategy",
    "in_cross_replica_context",
    "require_replica_context",
]


def __getattr__(name: str) -> object:
    raise refused.make_error("distribute", name)


class MirroredStrategy(distribute_lib.StrategyV1):
    """One replica a device, with all variables mirrored; gradients are reduced over them.

    A data set's batches are those of one replica, not of all as in ``tf.distribute``.

    Args:
      devices: names of devices.
      num_gpus: number of GPUs instead; all without, and a CPU where there is none.
      num_gpus_per_worker: another name of num_gpus.
      cross_device_ops: how values are reduced.
      auto_shard_dataset: without effect on one machine.
      cross_tower_ops: another name of cross_device_ops.

    Raises:
      ValueError: two of devices, num_gpus and num_gpus_per_worker are given.
    """

    _collective_key_base = 0  # which MirroredExtended reads

    def __init__(
        self,
        devices: Sequence[str] | None = None,
        num_gpus: int | None = None,
        num_gpus_per_worker: int | None = None,
        cross_device_ops: CrossDeviceOps | None = None,
        auto_shard_dataset: bool = False,
        cross_tower_ops: CrossDeviceOps | None = None,
    ) -> None:
        if num_gpus is not None and num_gpus_per_worker is not None:
            raise ValueError("You cannot specify both `num_gpus` and `num_gpus_per_worker`.")
        count = num_gpus_per_worker if num_gpus is None else num_gpus
        if devices is not None and count is not None:
            raise ValueError("Must only specify one of `devices` and `num_gpus_per_worker`.")
        devices = devices or mirrored_strategy.all_local_devices(count)
        super().__init__(_MirroredExtended(self, devices, cross_device_ops or cross_tower_ops))


class _MirroredExtended(mirrored_strategy.MirroredExtended):
    def _make_dataset_iterator(self, dataset: Dataset) -> input_lib.DatasetIterator:
        """Iterates over the batches as they are, one for each replica."""
        return input_lib.DatasetIterator(dataset, self._input_workers, self._container_strategy())

    @property
    def _global_batch_size(self) -> bool:
        return False
