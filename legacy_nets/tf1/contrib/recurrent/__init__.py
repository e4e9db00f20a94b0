"""``tf.contrib.recurrent``: its two functions with the interface of ``tf.nn``."""

from __future__ import annotations

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.recurrent.functional_rnn import (
    bidirectional_functional_rnn,
    functional_rnn,
)

__all__ = ["bidirectional_functional_rnn", "functional_rnn"]


def __getattr__(name: str) -> object:
    raise refused.make_error("recurrent", name)
