"""Trains estimators in 20 fixed steps, under TensorFlow 1.15.5 and, unchanged, under ours.

    python estimators.py measure FOLDER           # prints JSON; FOLDER gets the checkpoints
    python estimators.py judge FOLDER             # of the checkpoints in it
    python estimators.py golden FOLDER [--write]  # compares with tests/golden, or writes it

The first weights come from a formula and the batches in their order, so that losses, names and
predictions can be compared.
"""

import json
import os
import sys

import golden_files
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "..", "tests", "golden", "tf1_estimators.json")
STEPS = 20
CASES = ("model_fn", "DNNClassifier", "DNNRegressor", "LinearClassifier", "LinearRegressor")


def data():
    """Float32 [64, 4] and int64 [64], three classes."""
    rng = np.random.RandomState(7)
    features = rng.rand(64, 4).astype(np.float32)
    return features, (features.sum(1) * 0.74).astype(np.int64)


def build(tf, case, folder):
    """The estimator of a case."""
    config = tf.estimator.RunConfig(model_dir=folder, tf_random_seed=1)
    if case == "model_fn":
        return tf.estimator.Estimator(model_fn(tf), config=config, params={"rate": 0.05})
    column = tf.feature_column.numeric_column("x", shape=(4,))
    kind = getattr(tf.estimator, case)
    more = {"n_classes": 3} if case.endswith("Classifier") else {}
    if case.startswith("DNN"):
        return kind([8, 5], [column], config=config, **more)
    return kind([column], config=config, **more)


def model_fn(tf):
    """A net of one hidden layer with every kind of EstimatorSpec."""

    def build_spec(features, labels, mode, params):
        hidden = tf.layers.dense(features["x"], 6, tf.nn.relu)
        logits = tf.layers.dense(hidden, 3)
        classes = tf.argmax(logits, 1)
        if mode == tf.estimator.ModeKeys.PREDICT:
            outputs = {"serving_default": tf.estimator.export.PredictOutput({"class": classes})}
            return tf.estimator.EstimatorSpec(
                mode, predictions={"class": classes, "logits": logits}, export_outputs=outputs
            )
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
        if mode == tf.estimator.ModeKeys.EVAL:
            metrics = {"accuracy": tf.metrics.accuracy(labels, classes)}
            return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
        optimizer = tf.train.AdamOptimizer(params["rate"])
        train_op = optimizer.minimize(loss, tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    return build_spec


def input_fn(tf, epochs):
    """Batches of 8 in their order."""
    features, labels = data()
    return tf.estimator.inputs.numpy_input_fn(
        {"x": features}, labels, batch_size=8, num_epochs=epochs, shuffle=False
    )


def formula(variable):
    """Its first value."""
    shape = variable.shape.as_list()
    return 0.3 * np.cos(np.arange(np.prod(shape)) + len(variable.op.name)).reshape(shape)


def watcher(tf):
    """A hook that sets the weights by formula, and keeps the losses."""

    class Watcher(tf.train.SessionRunHook):
        def __init__(self):
            self.losses = []

        def begin(self):
            operations = tf.get_default_graph().get_operations()
            summaries = [o for o in operations if o.type == "ScalarSummary"]
            self.loss = next(o.inputs[1] for o in summaries if o.name.startswith("loss"))
            self.assign = [v.assign(formula(v)).op for v in tf.trainable_variables()]

        def after_create_session(self, session, coord):
            session.run(self.assign)

        def before_run(self, context):
            return tf.train.SessionRunArgs(self.loss)

        def after_run(self, context, values):
            self.losses.append(float(values.results))

    return Watcher()


def judge(tf, estimator):
    """Metrics over the data, and the predictions for it."""
    metrics = estimator.evaluate(input_fn(tf, 1))
    predictions = list(estimator.predict(input_fn(tf, 1)))
    key = "logits" if "logits" in predictions[0] else "predictions"
    return {
        "metrics": {name: float(value) for name, value in metrics.items()},
        "predictions": np.array([p[key] for p in predictions[:8]], float).tolist(),
    }


def measure(tf, case, folder):
    """Losses, variables, metrics and predictions of 20 steps; the checkpoint stays in folder."""
    estimator = build(tf, case, folder)
    watch = watcher(tf)
    estimator.train(input_fn(tf, None), hooks=[watch], steps=STEPS)
    shapes = {n: list(np.shape(estimator.get_variable_value(n)))
              for n in estimator.get_variable_names()}  # fmt: skip
    return dict(judge(tf, estimator), losses=watch.losses, variables=shapes)


def main(command, place):
    """See above."""
    import tensorflow as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    answers = {}
    for case in CASES:
        folder = place + "/" + case
        if command == "judge":
            answers[case] = judge(tf, build(tf, case, folder))
        else:
            answers[case] = measure(tf, case, folder)
    if command == "golden":
        golden_files.compare_and_write(GOLDEN, answers, "--write" in sys.argv)
    else:
        print("ANSWER " + json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:3])
