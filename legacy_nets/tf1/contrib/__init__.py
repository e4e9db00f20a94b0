"""``tf.contrib``, as far as the five documents use it, carried by tf_slim."""

from __future__ import annotations

import importlib

from legacy_nets.errors import SetupError

try:
    import tf_slim as slim
    import tf_slim.nets  # noqa: F401  (slim.nets is not imported by tf_slim itself)

    # Not "from tf_slim import layers": that name is taken by a module inside the package.
    layers = importlib.import_module("tf_slim.layers")
except ImportError as error:
    raise SetupError(
        f"tf.contrib needs the package tf_slim ({error}): pip install 'tf-slim>=1.1,<1.2'"
    ) from error

from legacy_nets.tf1.contrib import framework
from legacy_nets.tf1.contrib import rnn

__all__ = ["framework", "layers", "rnn", "slim"]


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"tf.contrib.{name} is not offered by legacy_nets.tf1; offered are: "
        + ", ".join(f"tf.contrib.{known}" for known in __all__)
    )
