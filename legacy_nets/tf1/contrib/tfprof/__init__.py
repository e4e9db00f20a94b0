"""``tf.contrib.tfprof``: the profiler before ``tf.profiler``."""

from legacy_nets.tf1.contrib.tfprof import model_analyzer

__all__ = ["model_analyzer"]
