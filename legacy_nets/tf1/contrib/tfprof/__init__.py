"""``tf.contrib.tfprof``: the profiler before ``tf.profiler``."""

from __future__ import annotations

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.tfprof import model_analyzer, tfprof_logger

__all__ = ["model_analyzer", "tfprof_logger"]


def __getattr__(name: str) -> object:
    raise refused.make_error("tfprof", name)
