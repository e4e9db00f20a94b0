"""``tf.contrib.training``: settings, training and evaluation loops, bucketed input."""

from __future__ import annotations

import sys
from typing import Any

from tf_slim.training.evaluation import (
    StopAfterNEvalsHook,
    SummaryAtEndHook,
    checkpoints_iterator,
    evaluate_once,
    evaluate_repeatedly,
    get_or_create_eval_step,
    wait_for_new_checkpoint,
)
from tf_slim.training.training import (
    add_gradients_summaries,
    clip_gradient_norms,
    clip_gradient_norms_fn,
    create_train_op,
    multiply_gradients,
    train,
)

from legacy_nets.tf1.contrib.training.bucket_ops import bucket, bucket_by_sequence_length
from legacy_nets.tf1.contrib.training.device_setter import (
    GreedyLoadBalancingStrategy,
    RandomStrategy,
    byte_size_load_fn,
)
from legacy_nets.tf1.contrib.training.hparam import HParams, parse_values
from legacy_nets.tf1.contrib.training.resample import resample_at_rate, weighted_resample
from legacy_nets.tf1.contrib.training.sampling_ops import rejection_sample, stratified_sample

__all__ = [
    "GreedyLoadBalancingStrategy",
    "HParams",
    "RandomStrategy",
    "StopAfterNEvalsHook",
    "SummaryAtEndHook",
    "add_gradients_summaries",
    "bucket",
    "bucket_by_sequence_length",
    "byte_size_load_fn",
    "checkpoints_iterator",
    "clip_gradient_norms",
    "clip_gradient_norms_fn",
    "create_train_op",
    "evaluate_once",
    "evaluate_repeatedly",
    "get_or_create_eval_step",
    "multiply_gradients",
    "parse_values",
    "rejection_sample",
    "resample_at_rate",
    "stratified_sample",
    "train",
    "wait_for_new_checkpoint",
    "weighted_resample",
]


# Private modules of 1.15 that scripts imported for the names above.
evaluation = training = bucket_ops = device_setter = sys.modules[__name__]

_NOT_OFFERED = {
    "batch_sequences_with_states": "cut sequences in the input and carry the state in variables, "
    "or tf.data.Dataset.padded_batch",
    "SequenceQueueingStateSaver": "tf.data.Dataset.padded_batch",
    "NextQueuedSequenceBatch": "tf.data.Dataset.padded_batch",
    "FailureTolerator": "a try statement around each session.run",
    "FeedingQueueRunner": "tf.data.Dataset.from_generator",
    "HParamDef": "HParams.to_json",
    "Tuner": "a loop over HParams",
}


def __getattr__(name: str) -> Any:
    instead = _NOT_OFFERED.get(name)
    advice = f"; take {instead}" if instead else ""
    raise AttributeError(f"tf.contrib.training.{name} is not offered by legacy_nets{advice}")
