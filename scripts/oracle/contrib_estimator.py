"""Cases of ``tf.contrib.estimator``: heads on fixed logits, and estimators of a few steps."""

from __future__ import annotations

import tempfile

import numpy as np
from contrib_graph import join_texts
from contrib_rnn import data

WEIGHTS = [[1.0], [0.5], [2.0]]


def _heads(tf):
    """Each head, its logits [3, n] and its labels."""
    c = tf.contrib.estimator
    words = tf.SparseTensor([[0, 0], [0, 1], [2, 0]], ["a", "c", "b"], [3, 2])
    total = tf.losses.Reduction.SUM
    return {
        "classes": (c.multi_class_head(3, "w", name="m"), 3, [[0], [2], [1]]),
        "binary": (c.binary_classification_head("w", [0.3], loss_reduction=total), 1,
                   [[0], [1], [1]]),
        "regression": (c.regression_head("w", 2, name="r"), 2, [[0.5, 1.0], [1.0, 2.0], [3.0, 0.0]]),
        "poisson": (c.poisson_regression_head(name="p"), 1, [[1.0], [0.0], [3.0]]),
        "logistic": (c.logistic_regression_head("w"), 1, [[0.25], [0.5], [1.0]]),
        "labels": (c.multi_label_head(3, "w", [0.4, 0.6], name="l",
                                      classes_for_class_based_metrics=[1, 2]), 3,
                   [[1, 0, 1], [0, 0, 0], [0, 1, 1]]),
        "words": (c.multi_label_head(3, None, label_vocabulary=["a", "b", "c"],
                                     classes_for_class_based_metrics=["b"]), 3, words),
    }  # fmt: skip


def _run(tf, spec):
    """What a spec holds, with the metrics after one update."""
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer(),
                     tf.tables_initializer()])  # fmt: skip
        metrics = spec.eval_metric_ops or {}
        session.run([update for _, update in metrics.values()])
        found = {"metric " + key: session.run(value) for key, (value, _) in metrics.items()}
        if spec.loss is not None:
            found["loss"] = session.run(spec.loss)
        for key, value in (spec.predictions or {}).items():
            key = key if isinstance(key, str) else " ".join(key)
            found["prediction " + key] = session.run(value)
    return {k: np.char.encode(v.astype(str)) if v.dtype == object else v
            for k, v in ((k, np.asarray(v)) for k, v in found.items())}  # fmt: skip


def _evaluate(kind):
    def case(tf):
        """Losses, predictions and metrics of one head."""
        head, size, labels = _heads(tf)[kind]
        labels = tf.constant(labels) if isinstance(labels, list) else labels
        logits = 2.0 * data(tf, "logits", [3, size])
        features = {"w": tf.constant(WEIGHTS)}
        found = _run(tf, head.create_estimator_spec(features, "eval", logits, labels))
        served = head.create_estimator_spec(features, "infer", logits)
        found["outputs"] = join_texts(sorted(served.export_outputs))
        found["size"] = np.asarray(head.logits_dimension)
        return {k: v for k, v in found.items() if v.dtype.kind != "S" or k == "outputs"}

    case.__name__ = "head_" + kind
    return case


def multi_head(tf):
    """Two heads in one, weighted, on logits side by side."""
    c = tf.contrib.estimator
    head = c.multi_head([c.regression_head(name="a"), c.multi_label_head(2, name="b")], [1.0, 3.0])
    labels = {"a": tf.constant([[1.0], [2.0], [0.5]]),
              "b": tf.constant([[0, 1], [1, 1], [0, 0]])}  # fmt: skip
    logits = data(tf, "logits", [3, 3])
    found = _run(tf, head.create_estimator_spec({}, "eval", logits, labels))
    served = head.create_estimator_spec({}, "infer", logits)
    found["outputs"] = join_texts(sorted(served.export_outputs))
    found["merged"] = join_texts(sorted(served.export_outputs["predict"].outputs))
    loss = head.create_loss({}, "train", logits, labels)
    with tf.Session() as session:
        found["training loss"] = session.run(loss.training_loss)
        found["weighted"] = session.run(loss.unreduced_loss["b"])
    return found


def extended(tf):
    """Three clipped steps of two heads; more metrics; features among the predictions."""
    c = tf.contrib.estimator
    head = c.multi_head([c.regression_head(name="a"), c.binary_classification_head(name="b")])
    inputs = np.random.RandomState(0).uniform(size=[4, 3]).astype(np.float32)

    def model_fn(features, labels, mode):
        kernel = tf.constant_initializer(np.arange(6, dtype=np.float32).reshape([3, 2]))
        h = tf.layers.dense(features["x"], 2, kernel_initializer=kernel)
        optimizer = c.clip_gradients_by_norm(tf.train.MomentumOptimizer(0.1, 0.9), 0.5)
        logits = {"a": h[:, :1], "b": h[:, 1:]}
        return head.create_estimator_spec(features, mode, logits, labels, optimizer=optimizer)

    def input_fn():
        labels = {"a": np.ones([4, 1], np.float32), "b": np.eye(4)[:, :1]}
        return tf.data.Dataset.from_tensors(({"x": inputs}, labels)).repeat(3)

    def more(labels, predictions):
        return {"more": tf.metrics.mean(predictions[("a", "predictions")] + labels["a"])}

    estimator = tf.estimator.Estimator(model_fn, model_dir=tempfile.mkdtemp())
    estimator.train(input_fn)
    found = {name: estimator.get_variable_value(name) for name in estimator.get_variable_names()}
    found["names"] = join_texts(sorted(found))
    scores = c.add_metrics(estimator, more).evaluate(input_fn)
    found.update({"score " + key: np.asarray(value) for key, value in scores.items()})
    forwarded = c.forward_features(estimator, "x").predict(input_fn)
    found["forwarded"] = next(forwarded)["x"]
    return found


def _strategies(tf):
    c = tf.contrib.distribute
    return [c.OneDeviceStrategy("/cpu:0"), c.MirroredStrategy(["/cpu:0"]),
            c.MirroredStrategy(["/cpu:0", "/cpu:1"])]  # fmt: skip


def mirrored(tf):
    """Three steps under each strategy; with two replicas a step takes two batches."""
    inputs = np.random.RandomState(0).uniform(size=[12, 2, 3]).astype(np.float32)

    def model_fn(features, labels, mode):
        ones = tf.ones_initializer()
        h = tf.layers.dense(features, 1, use_bias=False, kernel_initializer=ones, name="d")
        h = tf.layers.batch_normalization(h, momentum=0.5, training=mode == "train", name="bn")
        loss = tf.reduce_mean(tf.square(h - labels))
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            optimizer = tf.train.AdamOptimizer(0.1)
            step = optimizer.minimize(loss, tf.train.get_or_create_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step)

    def input_fn():
        return tf.data.Dataset.from_tensor_slices((inputs, inputs[:, :, :1]))

    found = {}
    for number, strategy in enumerate(_strategies(tf)):
        config = tf.estimator.RunConfig(
            train_distribute=strategy, session_config=tf.ConfigProto(device_count={"CPU": 2})
        )
        estimator = tf.estimator.Estimator(model_fn, tempfile.mkdtemp(), config)
        estimator.train(input_fn, steps=3)
        names = estimator.get_variable_names()
        values = {name: estimator.get_variable_value(name) for name in names}
        found.update({"{} {}".format(number, name): value for name, value in values.items()})
        found["{} names".format(number)] = join_texts(sorted(names))
        found["{} replicas".format(number)] = np.asarray(strategy.num_replicas_in_sync)
    return found


def wide_and_deep(tf):
    """contrib.learn's model: a linear part trained alone; what both parts count."""
    layers, learn = tf.contrib.layers, tf.contrib.learn
    age = layers.real_valued_column("age")
    job = layers.sparse_column_with_hash_bucket("job", hash_bucket_size=10)
    deep = [layers.embedding_column(job, dimension=2), age]

    def input_fn():
        jobs = tf.SparseTensor([[0, 0], [1, 0], [2, 0]], ["a", "b", "a"], [3, 1])
        return {"age": tf.constant([[2.0], [4.0], [6.0]]), "job": jobs}, tf.constant([[0], [1], [1]])

    wide = learn.DNNLinearCombinedClassifier(linear_feature_columns=[job, age])
    wide.fit(input_fn=input_fn, steps=4)
    value = learn.DNNLinearCombinedRegressor(linear_feature_columns=[job, age])
    value.fit(input_fn=input_fn, steps=4)
    found = {
        "probabilities": np.array(list(_take(wide.predict_proba(input_fn=lambda: (input_fn()[0], None)), 3))),
        "scores": np.array(list(_take(value.predict_scores(input_fn=lambda: (input_fn()[0], None)), 3))),
        "wide steps": np.asarray(wide.get_variable_value("global_step")),
    }
    for fixed in (False, True):
        both = learn.DNNLinearCombinedClassifier(
            linear_feature_columns=[job, age], dnn_feature_columns=deep, dnn_hidden_units=[4],
            fix_global_step_increment_bug=fixed)  # fmt: skip
        both.fit(input_fn=input_fn, steps=3)
        found["steps {}".format(fixed)] = np.asarray(both.get_variable_value("global_step"))
    x = tf.placeholder(tf.float32, [2], "x")
    doubled = {"y": x * tf.get_variable("factor", initializer=2.0)}
    runs = learn.run_n(doubled, {x: [1.0, 2.0]}, n=2)
    found["runs"] = np.array([run["y"] for run in runs])
    return found


def _take(values, count):
    return [value for value, _ in zip(values, range(count))]  # noqa: B905 (Python 3.7)


CASES = [_evaluate(kind) for kind in ("classes", "binary", "regression", "poisson", "logistic",
                                      "labels", "words")]  # fmt: skip
CASES += [multi_head, extended, mirrored, wide_and_deep]
