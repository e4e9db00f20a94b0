"""``tf.contrib.opt``: optimizers that people used from there."""

from __future__ import annotations

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.opt.adamax import AdaMaxOptimizer
from legacy_nets.tf1.contrib.opt.addsign import AddSignOptimizer
from legacy_nets.tf1.contrib.opt.external_optimizer import (
    ExternalOptimizerInterface,
    ScipyOptimizerInterface,
)
from legacy_nets.tf1.contrib.opt.ggt import GGTOptimizer
from legacy_nets.tf1.contrib.opt.lars_optimizer import LARSOptimizer
from legacy_nets.tf1.contrib.opt.lazy_adam_optimizer import LazyAdamOptimizer
from legacy_nets.tf1.contrib.opt.moving_average_optimizer import MovingAverageOptimizer
from legacy_nets.tf1.contrib.opt.multitask_optimizer_wrapper import clip_gradients_by_global_norm
from legacy_nets.tf1.contrib.opt.nadam_optimizer import NadamOptimizer
from legacy_nets.tf1.contrib.opt.powersign import PowerSignOptimizer
from legacy_nets.tf1.contrib.opt.reg_adagrad_optimizer import RegAdagradOptimizer
from legacy_nets.tf1.contrib.opt.sign_decay import (
    get_cosine_decay_fn,
    get_linear_decay_fn,
    get_restart_decay_fn,
)
from legacy_nets.tf1.contrib.opt.weight_decay_optimizers import (
    AdamWOptimizer,
    MomentumWOptimizer,
    extend_with_decoupled_weight_decay,
)

__all__ = [
    "AdaMaxOptimizer",
    "AdamWOptimizer",
    "AddSignOptimizer",
    "ExternalOptimizerInterface",
    "GGTOptimizer",
    "LARSOptimizer",
    "LazyAdamOptimizer",
    "MomentumWOptimizer",
    "MovingAverageOptimizer",
    "NadamOptimizer",
    "PowerSignOptimizer",
    "RegAdagradOptimizer",
    "ScipyOptimizerInterface",
    "clip_gradients_by_global_norm",
    "extend_with_decoupled_weight_decay",
    "get_cosine_decay_fn",
    "get_linear_decay_fn",
    "get_restart_decay_fn",
]


def __getattr__(name: str) -> object:
    raise refused.make_error("opt", name)
