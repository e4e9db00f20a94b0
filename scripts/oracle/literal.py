"""Runs the lines at fault in the documents' listings, which the scripts literal_*.py hold.

``get_outcome`` runs on either side, with TensorFlow 1.15.5 or with legacy_nets.tf1. Under Python
3.7

  literal_002.py OUT.json

writes the outcomes of all lines of a script under TensorFlow 1.15.5.
"""

from __future__ import annotations

import json
import sys


def get_outcome(lines, tf, *arguments):
    """{"result": ...} or {"error": type, "message": its text in one line}."""
    errors = (ValueError, TypeError, NameError, AssertionError, ImportError, tf.errors.OpError)
    with tf.Graph().as_default():
        try:
            return {"result": lines(tf, *arguments)}
        except errors as error:
            return {"error": type(error).__name__, "message": " ".join(str(error).split())}


def write_outcomes(outcome, names):
    """Writes ``outcome(tf, name)`` of each name into the file that the command names."""
    import tensorflow as tf
    import tensorflow.contrib.slim.nets  # tf.contrib.slim has it from here on

    tf.logging.set_verbosity(tf.logging.ERROR)
    with open(sys.argv[1], "w") as file:
        json.dump({name: outcome(tf, name) for name in names}, file)
