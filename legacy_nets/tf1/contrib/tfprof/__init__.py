"""``tf.contrib.tfprof``: the profiler before ``tf.profiler``."""

from legacy_nets.tf1.contrib.tfprof import model_analyzer, tfprof_logger

__all__ = ["model_analyzer", "tfprof_logger"]
