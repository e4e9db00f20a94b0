"""``tf.contrib.opt``: optimizers that people used from there."""

from __future__ import annotations

from legacy_nets.tf1.contrib.opt.external_optimizer import (
    ExternalOptimizerInterface,
    ScipyOptimizerInterface,
)
from legacy_nets.tf1.contrib.opt.lazy_adam_optimizer import LazyAdamOptimizer
from legacy_nets.tf1.contrib.opt.moving_average_optimizer import MovingAverageOptimizer
from legacy_nets.tf1.contrib.opt.multitask_optimizer_wrapper import clip_gradients_by_global_norm
from legacy_nets.tf1.contrib.opt.nadam_optimizer import NadamOptimizer
from legacy_nets.tf1.contrib.opt.weight_decay_optimizers import (
    AdamWOptimizer,
    MomentumWOptimizer,
    extend_with_decoupled_weight_decay,
)

__all__ = [
    "AdamWOptimizer",
    "ExternalOptimizerInterface",
    "LazyAdamOptimizer",
    "MomentumWOptimizer",
    "MovingAverageOptimizer",
    "NadamOptimizer",
    "ScipyOptimizerInterface",
    "clip_gradients_by_global_norm",
    "extend_with_decoupled_weight_decay",
]
