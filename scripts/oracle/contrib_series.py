"""Cases of ``tf.contrib.timeseries``: readers, statistics, AR and recurrent models."""

# ruff: noqa: D103 (a case is called what it is about)

from __future__ import annotations

import importlib
import os
import tempfile

import fill
import numpy as np
from contrib_graph import join_texts


def series(features=1, length=60, extra=False):
    """Times from 5 on and float32 values of waves; "extra" is one more feature."""
    times = np.arange(length) + 5
    waves = [2.0 * np.sin(times / (4.0 + k)) + 0.05 * times + k for k in range(features)]
    found = {"times": times, "values": np.stack(waves, 1).astype(np.float32)}
    if extra:
        found["extra"] = np.cos(times).astype(np.float32)
    return found


def _names(values):
    return join_texts(sorted(f"{key} {np.shape(value)}" for key, value in values.items()))


def _fill(session, tf):
    """Weights by formula; what belongs to the input keeps its value."""
    for variable in tf.trainable_variables():
        variable.load(fill.variable(variable.op.name, variable.shape.as_list()), session)


def _filling(tf):
    """A hook that fills the weights before the first step."""

    class Filling(tf.train.SessionRunHook):
        def after_create_session(self, session, coord):
            _fill(session, tf)

    return Filling()


def _through(tf, model, windows, data, steps):
    """Trains two steps on the same windows, evaluates, goes on for ``steps`` times."""
    ts = tf.contrib.timeseries

    def train_input():
        return {name: tf.constant(value) for name, value in windows.items()}, None

    whole = ts.WholeDatasetInputFn(ts.NumpyReader(data))
    model.train(train_input, hooks=[_filling(tf)], steps=2)
    variables = {name: model.get_variable_value(name) for name in model.get_variable_names()}
    found = {name: value for name, value in variables.items() if np.size(value)}
    found["names"] = _names(variables)
    evaluation = model.evaluate(whole, steps=1)
    found["keys"] = _names({k: v for k, v in evaluation.items() if k != "start_tuple"})
    for name, value in evaluation.items():
        if name != "start_tuple":
            found["evaluated " + name] = np.asarray(value)
    for number, value in enumerate(flat(evaluation["start_tuple"])):
        if value.size:
            found[f"state {number}"] = value
    extra = {"extra": np.sin(np.arange(steps, dtype=np.float32))[None]}
    after = ts.predict_continuation_input_fn(
        evaluation, steps=steps, exogenous_features=extra if "extra" in data else None
    )
    (predicted,) = tuple(model.predict(after))
    found.update({"predicted " + name: np.asarray(value) for name, value in predicted.items()})
    return found


def flat(nest):
    """The arrays of nested lists and tuples."""
    if isinstance(nest, (list, tuple)):
        return [leaf for part in nest for leaf in flat(part)]
    return [np.asarray(nest)]


def _windows(data, size, starts):
    return {
        name: np.stack([value[start : start + size] for start in starts])
        for name, value in data.items()
    }


def _columns(tf, extra):
    return [tf.feature_column.numeric_column("extra")] if extra else None


def _ar(name, features=1, extra=False, **options):
    def case(tf):
        given = {"periodicities": 7, "input_window_size": 5, "output_window_size": 3}
        given.update(options)
        size = given["input_window_size"] + given["output_window_size"]
        config = tf.estimator.RunConfig(tempfile.mkdtemp(), tf_random_seed=1)
        given["exogenous_feature_columns"] = _columns(tf, extra)
        model = tf.contrib.timeseries.ARRegressor(num_features=features, config=config, **given)
        data = series(features, extra=extra)
        return _through(tf, model, _windows(data, size, [0, 13, 30]), data, 8)

    case.__name__ = name
    return case


def ar_keras(tf):
    """Windows through a Keras model of one's own."""

    class Layers(tf.keras.Model):
        def __init__(self, num_features, input_window_size, output_window_size):
            super().__init__()
            self._flat = tf.keras.layers.Flatten()
            self._dense = tf.keras.layers.Dense(num_features * output_window_size, name="mean")
            self._shape = [-1, output_window_size, num_features]

        def call(self, inputs, outputs):
            mean = self._dense(tf.concat([self._flat(inputs), self._flat(outputs)], 1))
            mean = tf.reshape(mean, self._shape)
            return {"mean": mean, "covariance": tf.exp(mean)}

    model = tf.contrib.timeseries.TimeSeriesRegressor(
        tf.contrib.timeseries.ARModel(7, 5, 3, 1, prediction_model_factory=Layers),
        optimizer=tf.train.GradientDescentOptimizer(0.01),
        config=tf.estimator.RunConfig(tempfile.mkdtemp(), tf_random_seed=1),
    )
    data = series()
    return _through(tf, model, _windows(data, 8, [0, 13, 30]), data, 8)


def recurrent(tf, features, scaled=False, extra=False):
    """A model of one cell, in the manner of the tutorials' LSTM."""
    estimators = tf.contrib.timeseries.TimeSeriesRegressor.__module__
    ts_model = importlib.import_module(estimators.replace("estimators", "model"))

    class Recurrent(ts_model.SequentialTimeSeriesModel):
        def __init__(self):
            super().__init__(
                ["mean"],
                ["mean"],
                features,
                normalize_features=scaled,
                exogenous_feature_columns=_columns(tf, extra),
                exogenous_update_condition=lambda times, features: features["extra"] > 0.5,
            )

        def initialize_graph(self, input_statistics=None):
            super().initialize_graph(input_statistics=input_statistics)
            self._cell = tf.nn.rnn_cell.LSTMCell(4)
            self._run = tf.make_template("cell", self._cell, create_scope_now_=True)
            self._out = tf.make_template(
                "out", lambda x: tf.layers.dense(x, self.num_features), create_scope_now_=True
            )

        def get_start_state(self):
            zeros = self._cell.zero_state(1, self.dtype)
            return (
                tf.zeros([], tf.int64),
                tf.zeros([self.num_features], self.dtype),
                [tf.squeeze(part, 0) for part in zeros],
            )

        def _filtering_step(self, current_times, current_values, state, predictions):
            _, predicted, cell = state
            values = current_values if scaled else self._scale_data(current_values)
            predictions["loss"] = tf.reduce_mean((predicted - values) ** 2, axis=-1)
            return (current_times, values, cell), predictions

        def _prediction_step(self, current_times, state):
            _, before, cell = state
            output, cell = self._run(before, cell)
            mean = self._out(output)
            return (current_times, mean, cell), {
                "mean": mean if scaled else self._scale_back_data(mean)
            }

        def _scale_back_predictions(self, predictions):
            return {name: self._scale_back_data(value) for name, value in predictions.items()}

        def _imputation_step(self, current_times, state):
            return state

        def _exogenous_input_step(self, current_times, current_exogenous_regressors, state):
            times, before, cell = state
            return times, before + current_exogenous_regressors, cell

    return Recurrent()


def _recurrent(name, starts, size, interval=None, features=1, scaled=False, extra=False):
    def case(tf):
        model = recurrent(tf, features, scaled, extra)
        estimators = tf.contrib.timeseries.TimeSeriesRegressor.__module__
        managers = importlib.import_module(estimators.replace("estimators", "state_management"))
        manager = None if interval is None else managers.ChainingStateManager(interval)
        estimator = tf.contrib.timeseries.TimeSeriesRegressor(
            model,
            manager,
            tf.train.AdamOptimizer(0.05),
            config=tf.estimator.RunConfig(tempfile.mkdtemp(), tf_random_seed=1),
        )
        data = series(features, extra=extra)
        return _through(tf, estimator, _windows(data, size, starts), data, 6)

    case.__name__ = name
    return case


def _run(tf, tensors):
    """One run of what queues fill."""
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        found = session.run(tensors)
        coordinator.request_stop()
        session.run([])
        del threads
    return found


def readers(tf):
    """The whole series of each reader, and windows in their order."""
    ts = tf.contrib.timeseries
    data = series(2, 30)
    path = os.path.join(tempfile.mkdtemp(), "series.csv")
    rows = ["time,one,two"]
    rows += ["{},{},{}".format(t, *v) for t, v in zip(data["times"], data["values"])]  # noqa: B905 (Python 3.7)
    with open(path, "w") as file:
        file.write("\n".join(rows) + "\n")
    csv = ts.CSVReader(path, ("times", "values", "values"), skip_header_lines=1)
    flat_data = {"times": data["times"], "values": data["values"][:, 0]}
    found = {}
    for name, reader in [("csv", csv), ("array", ts.NumpyReader(flat_data))]:
        with tf.Graph().as_default():
            whole = ts.WholeDatasetInputFn(reader)()[0]
            ordered = ts.RandomWindowInputFn(
                reader, 7, 2, jitter=False, num_threads=1, shuffle_seed=3
            )
            windows = ordered()[0]
            for kind, tensors in [("whole", whole), ("windows", windows)]:
                for key, value in _run(tf, tensors).items():
                    if kind == "windows":  # which are shuffled
                        value = np.array(value.shape)
                    found[f"{name} {kind} {key}"] = value
    return found


CASES = [
    _ar("ar"),
    _ar("ar_long", input_window_size=2, output_window_size=4, periodicities=[7, 3]),
    _ar("ar_times", input_window_size=0, output_window_size=4, num_time_buckets=4),
    _ar("ar_values", periodicities=None, loss="squared_loss"),
    _ar("ar_hidden", features=2, hidden_layer_sizes=[6, 4]),
    _ar("ar_squared", features=2, loss="squared_loss"),
    _ar("ar_extra", extra=True),
    ar_keras,
    _recurrent("recurrent_extra", [0, 20, 40], 12, extra=True),
    _recurrent("recurrent", [0, 20, 40], 12),
    _recurrent("recurrent_scaled", [0, 20, 40], 12, features=2, scaled=True),
    _recurrent("recurrent_chained", [0, 10, 20], 10, interval=5),
    readers,
]
