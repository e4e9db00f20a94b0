"""tf.contrib.timeseries against TensorFlow 1.15.5."""

from __future__ import annotations

import contrib_cases
import contrib_series
import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError

CASES = contrib_cases.names("series")
QUICK = ("series.ar", "series.recurrent_chained", "series.readers")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in CASES]
)
@pytest.mark.slow
def test_same_as_golden(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
def test_same_as_the_live_oracle(oracle, tmp_path):
    for name, want in contrib_cases.ask(oracle, [*QUICK, "series.ar_extra"], tmp_path).items():
        contrib_cases.assert_same(name, want)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["series.ar_keras", "series.recurrent", "series.readers"])
def test_same_with_the_loops_of_tensorflow_1(name):
    enabled = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()  # as under the launcher
    try:
        contrib_cases.assert_golden(name)
    finally:
        if enabled:
            tf.enable_control_flow_v2()


def _windows(times, **options):
    """20 batches of 2 windows of 4 times."""
    ts = tf.contrib.timeseries
    reader = ts.NumpyReader({"times": times, "values": times * 10.0}, read_num_records_hint=16)
    with tf.Graph().as_default(), tf.Session() as session:
        features, labels = ts.RandomWindowInputFn(reader, 4, 2, **options)()
        assert labels is None
        session.run(tf.local_variables_initializer())
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            return [session.run(features) for _ in range(20)]
        finally:
            coordinator.request_stop()
            coordinator.join(threads, ignore_live_threads=True)


def test_windows_are_parts_of_the_series():
    """With one thread. Two may mix their parts of the series in the queue; 1.15.5 does so, too."""
    beginnings = set()
    for batch in _windows(np.arange(30), num_threads=1):
        assert batch["times"].shape == (2, 4) and batch["values"].shape == (2, 4, 1)
        np.testing.assert_array_equal(np.diff(batch["times"]), 1)  # none goes over the end
        np.testing.assert_array_equal(batch["values"][..., 0], batch["times"] * 10.0)
        beginnings.update(batch["times"][:, 0] % 4)
    assert len(beginnings) > 1  # the second round begins with the third time


def test_windows_over_the_end_may_be_sorted_instead():
    batches = _windows(np.arange(5), discard_out_of_order=False, jitter=False)
    times = np.concatenate([batch["times"] for batch in batches])
    values = np.concatenate([batch["values"][..., 0] for batch in batches])
    np.testing.assert_array_equal(values, times * 10.0)
    found = {tuple(window) for window in times.tolist()}
    assert found <= {(0, 1, 2, 3), (0, 1, 2, 4), (0, 1, 3, 4), (0, 2, 3, 4), (1, 2, 3, 4)}
    assert len(found) > 2  # of 40 windows


def test_windows_that_are_never_in_order_end_with_an_error():
    with pytest.raises(tf.errors.OutOfRangeError):
        _windows(-np.arange(30), discard_consecutive_batches_limit=5)


def test_evaluation_goes_on_from_a_state():
    ts = tf.contrib.timeseries
    model = ts.ARRegressor(7, 5, 3, 1, config=tf.estimator.RunConfig(tf_random_seed=1))
    data = contrib_series.series()
    parts = [{key: value[None, part] for key, value in data.items()}
             for part in (slice(0, 20), slice(20, 28))]  # fmt: skip
    parts.append({"times": data["times"][None, :8], "values": data["values"][None, :8]})
    model.train(lambda: (parts.pop(), None), steps=1)  # built once, from constants
    first = model.evaluate(lambda: (parts[0], None), steps=1)
    state = first["start_tuple"]
    np.testing.assert_array_equal(state[0], data["times"][None, 15:20])
    second = model.evaluate(lambda: ({**parts[1], "start_tuple": state}, None), steps=1)
    np.testing.assert_array_equal(second["start_tuple"][0], data["times"][None, 23:28])
    with pytest.raises(BadInputError, match="training begins with its own state"):
        model.train(lambda: ({**parts[1], "start_tuple": state}, None), steps=1)


def test_times_to_predict():
    ts = tf.contrib.timeseries
    evaluation = {"times": np.array([[3, 4], [6, 8]]), "start_tuple": (np.zeros([2, 1]),)}

    def asked(**options):
        with tf.Graph().as_default():
            features, _ = ts.predict_continuation_input_fn(evaluation, **options)()
            with tf.train.MonitoredSession() as session:
                return session.run(features)["times"]

    np.testing.assert_array_equal(asked(steps=3), [[5, 6, 7], [9, 10, 11]])
    np.testing.assert_array_equal(asked(times=[[5, 9], [9, 20]]), [[5, 9], [9, 20]])
    for options, match in [
        ({}, "one of steps and times"),
        ({"steps": 2, "times": [[9], [9]]}, "one of steps and times"),
        ({"times": [9, 10]}, "times are for 1 series and the evaluation has 2"),
        ({"times": [[9], [8]]}, "times begin before the end"),
    ]:
        with pytest.raises(BadInputError, match=match):
            asked(**options)


def test_older_paths_and_what_is_refused():
    from legacy_nets.tf1.contrib.timeseries.python import timeseries as inner
    from legacy_nets.tf1.contrib.timeseries.python.timeseries import (
        NumpyReader,
        estimators,
        state_management,
    )

    ts = tf.contrib.timeseries
    assert NumpyReader is ts.NumpyReader and estimators.ARRegressor is ts.ARRegressor
    assert inner.ARModel is ts.ARModel and state_management is ts.state_management
    assert (ts.TrainEvalFeatures.TIMES, ts.TrainEvalFeatures.VALUES) == ("times", "values")
    with pytest.raises(AttributeError, match=r"StructuralEnsembleRegressor is not.*statsmodels"):
        _ = ts.StructuralEnsembleRegressor
    with pytest.raises(BadInputError, match="mixture with anomalies is not offered"):
        ts.ARRegressor(7, 5, 3, 1, anomaly_prior_probability=0.1)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda ts: ts.NumpyReader({"times": [1]}), "needs 'values'"),
        (lambda ts: ts.NumpyReader({"times": [1, 2], "values": [3.0]}), "must begin with"),
        (lambda ts: ts.NumpyReader({"times": [[1], [2]], "values": [[3.0], [4.0]]}), "one series"),
        (lambda ts: ts.CSVReader("a", ("times", "x")), "needs 'values'"),
        (lambda ts: ts.CSVReader("a", ("times", "values", "times")), "more than once"),
        (lambda ts: ts.CSVReader("a", column_dtypes=[tf.int64]), "column_dtypes has 1"),
        (lambda ts: ts.ARModel(None, 0, 3, 1), "nothing to predict from"),
        (lambda ts: ts.ARModel(7, 5, 0, 1), "positive periods"),
        (lambda ts: ts.ARModel(7, 5, 3, 1, loss="l2"), "loss 'l2' is none"),
        (
            lambda ts: ts.RandomWindowInputFn(
                ts.NumpyReader({"times": [1], "values": [2.0]}), 4, 1
            ),
            "1 records and the windows 4",
        ),
    ],
)
def test_what_is_wrong_is_said(build, match):
    with pytest.raises(BadInputError, match=match):
        build(tf.contrib.timeseries)


@pytest.mark.parametrize(
    ("times", "features", "match"),
    [
        (9, 1, "takes windows of input_window_size . output_window_size = 8 times and got 9"),
        (8, 2, "num_features=1"),
    ],
)
def test_features_that_do_not_fit_the_model(times, features, match):
    model = tf.contrib.timeseries.ARRegressor(7, 5, 3, 1)
    data = {key: value[None, :times] for key, value in contrib_series.series(features).items()}
    with pytest.raises(BadInputError, match=match):
        model.train(lambda: (data, None), steps=1)
    with pytest.raises(BadInputError, match="needs 'values'"):
        model.train(lambda: ({"times": data["times"]}, None), steps=1)
    with pytest.raises(BadInputError, match="takes no labels"):
        model.train(lambda: (data, tf.zeros([1])), steps=1)
