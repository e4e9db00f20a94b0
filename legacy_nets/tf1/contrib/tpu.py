"""``tf.contrib.tpu`` as far as a CPU or GPU goes: ``TPUEstimator`` with ``use_tpu=False``.

It is tensorflow-estimator's own (see ``legacy_nets.tf1.estimator``): without a TPU it trains as
``tf.estimator.Estimator`` does and hands ``params["batch_size"]`` to ``input_fn``. What needs the
device itself refuses in one line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.tf1 import estimator

_carried = estimator.estimator_modules["tpu.tpu_estimator"]
_config = _carried.tpu_config

InputPipelineConfig = _config.InputPipelineConfig
TPUConfig = _config.TPUConfig
RunConfig = _config.RunConfig
TPUEstimatorSpec = _carried.TPUEstimatorSpec
export_estimator_savedmodel = _carried.export_estimator_savedmodel
CrossShardOptimizer = tf.tpu.CrossShardOptimizer  # without shards, the optimizer in it alone
Topology = tf.tpu.experimental.Topology
bfloat16_scope = tf.tpu.bfloat16_scope
cross_replica_sum = tf.tpu.cross_replica_sum
# Private modules of 1.15 that scripts imported for the names above.
tpu_config = tpu_estimator = tpu_optimizer = bfloat16 = sys.modules[__name__]

_NO_TPU = "needs a TPU, which TensorFlow 1 code cannot use today: run with use_tpu=False"


_TPUEstimator: Any = _carried.TPUEstimator


class TPUEstimator(_TPUEstimator):
    """An estimator whose batch sizes are set here. Raises BadInputError for ``use_tpu=True``."""

    def __init__(self, *arguments: object, **options: object) -> None:
        use_tpu = options.get("use_tpu", arguments[4] if len(arguments) > 4 else True)
        if use_tpu:
            raise BadInputError(f"TPUEstimator(use_tpu=True) {_NO_TPU}")
        super().__init__(*arguments, **options)


def _needs_tpu(name: str) -> Callable[..., Any]:
    def refuse(*_arguments: object, **_options: object) -> NoReturn:
        raise BadInputError(f"tf.contrib.tpu.{name} {_NO_TPU} (or without {name})")

    refuse.__name__ = name
    return refuse


initialize_system = _needs_tpu("initialize_system")
shutdown_system = _needs_tpu("shutdown_system")
rewrite = _needs_tpu("rewrite")
replicate = _needs_tpu("replicate")
shard = _needs_tpu("shard")
batch_parallel = _needs_tpu("batch_parallel")
outside_compilation = _needs_tpu("outside_compilation")
keras_to_tpu_model = _needs_tpu("keras_to_tpu_model")
device_assignment = _needs_tpu("device_assignment")


while_loop = tf.while_loop
