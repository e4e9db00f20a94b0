"""``tf.contrib.learn.learn_runner``."""

from __future__ import annotations

from legacy_nets.tf1.contrib.learn.experiment import run as run
