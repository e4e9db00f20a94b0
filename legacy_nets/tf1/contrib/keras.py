"""``tf.contrib.keras``: Keras 2, as tf.keras of TensorFlow 1 was."""

from __future__ import annotations

from typing import Any

from tf_keras.api import _v1 as api

from legacy_nets.tf1 import keras as _keras

__all__ = ["api"]


def __getattr__(name: str) -> Any:
    return getattr(_keras, name)
