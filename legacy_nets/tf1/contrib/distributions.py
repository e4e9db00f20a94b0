"""``tf.contrib.distributions``: TensorFlow's own, the rest by tensorflow-probability."""

from __future__ import annotations

import importlib
from typing import Any

from tensorflow.compat.v1 import distributions as _own

# Names of tensorflow-probability that differ, or lie elsewhere in it.
_RENAMED = {
    "WishartCholesky": "distributions.WishartTriL",
    "WishartFull": "distributions.WishartTriL",
    "bijectors": "bijectors",
    "fill_triangular": "math.fill_triangular",
    "fill_triangular_inverse": "math.fill_triangular_inverse",
    "percentile": "stats.percentile",
    "auto_correlation": "stats.auto_correlation",
    "softplus_inverse": "math.softplus_inverse",
    "reduce_weighted_logsumexp": "math.reduce_weighted_logsumexp",
    "SeedStream": "util.SeedStream",
}


def __getattr__(name: str) -> Any:
    if hasattr(_own, name):
        return getattr(_own, name)
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        probability = importlib.import_module("tensorflow_probability")
    except ImportError as error:
        raise AttributeError(
            f"tf.contrib.distributions.{name} needs the package tensorflow-probability ({error}): "
            "pip install tensorflow-probability"
        ) from None
    value: Any = probability
    try:
        for part in _RENAMED.get(name, f"distributions.{name}").split("."):
            value = getattr(value, part)
    except AttributeError:
        raise AttributeError(
            f"tf.contrib.distributions.{name} is not offered by legacy_nets, and "
            "tensorflow-probability has no such name"
        ) from None
    return value
