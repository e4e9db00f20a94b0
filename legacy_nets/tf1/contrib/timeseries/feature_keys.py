"""The names of features and results of ``tf.contrib.timeseries``."""

from __future__ import annotations


class Times:
    """Integers [N, T] that increase along each series."""

    TIMES = "times"


class Values:
    """What was observed at the times, float [N, T, F]."""

    VALUES = "values"


class State:
    """What a model knows at the end of a series: a nest of tensors [N, ...]."""

    STATE_TUPLE = "start_tuple"
    STATE_PREFIX = "model_state"


class TrainEvalFeatures(Times, Values):
    """What training and evaluation take."""


class PredictionFeatures(Times, State):
    """What prediction takes."""


class FilteringFeatures(Times, Values, State):
    """What evaluation from a given state takes."""


class PredictionResults(Times):
    """Outputs of prediction, next to the model's own."""


class FilteringResults(Times, State):
    """Outputs of evaluation, next to the model's own."""
