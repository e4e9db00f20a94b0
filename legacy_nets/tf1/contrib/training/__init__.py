"""``tf.contrib.training``: settings, training and evaluation loops, bucketed input."""

from __future__ import annotations

import sys
from typing import Any

from tf_slim.training.evaluation import StopAfterNEvalsHook as StopAfterNEvalsHook
from tf_slim.training.evaluation import SummaryAtEndHook as SummaryAtEndHook
from tf_slim.training.evaluation import checkpoints_iterator as checkpoints_iterator
from tf_slim.training.evaluation import evaluate_once as evaluate_once
from tf_slim.training.evaluation import evaluate_repeatedly as evaluate_repeatedly
from tf_slim.training.evaluation import get_or_create_eval_step as get_or_create_eval_step
from tf_slim.training.evaluation import wait_for_new_checkpoint as wait_for_new_checkpoint
from tf_slim.training.training import add_gradients_summaries as add_gradients_summaries
from tf_slim.training.training import clip_gradient_norms as clip_gradient_norms
from tf_slim.training.training import clip_gradient_norms_fn as clip_gradient_norms_fn
from tf_slim.training.training import create_train_op as create_train_op
from tf_slim.training.training import multiply_gradients as multiply_gradients
from tf_slim.training.training import train as train

from legacy_nets.tf1.contrib.training.batching import bucket as bucket
from legacy_nets.tf1.contrib.training.batching import (
    bucket_by_sequence_length as bucket_by_sequence_length,
)
from legacy_nets.tf1.contrib.training.hparam import HParams as HParams
from legacy_nets.tf1.contrib.training.hparam import parse_values as parse_values
from legacy_nets.tf1.contrib.training.placing import (
    GreedyLoadBalancingStrategy as GreedyLoadBalancingStrategy,
)
from legacy_nets.tf1.contrib.training.placing import RandomStrategy as RandomStrategy
from legacy_nets.tf1.contrib.training.placing import byte_size_load_fn as byte_size_load_fn
from legacy_nets.tf1.contrib.training.sampling import rejection_sample as rejection_sample
from legacy_nets.tf1.contrib.training.sampling import resample_at_rate as resample_at_rate
from legacy_nets.tf1.contrib.training.sampling import stratified_sample as stratified_sample
from legacy_nets.tf1.contrib.training.sampling import weighted_resample as weighted_resample

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
