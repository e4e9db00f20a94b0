"""Keeps TensorFlow's advice about deprecated functions off the user's screen."""

from __future__ import annotations

import logging
import warnings


def quiet_tensorflow() -> None:
    """Shows errors of TensorFlow only; for commands, never for the library."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"tf_keras|tf_slim|keras")
