"""tf.contrib.predictor, staging, memory_stats and compiler; values are TensorFlow 1.15.5's."""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf


@pytest.fixture
def model(tmp_path):
    """A SavedModel: y = 2 x, and twice = 4 x under another signature."""
    folder = str(tmp_path / "model")
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None], "x")
        factor = tf.get_variable("factor", initializer=2.0)
        session.run(factor.initializer)
        y = tf.multiply(x, factor, name="y")
        describe = tf.saved_model.build_tensor_info
        signatures = {
            name: tf.saved_model.build_signature_def({"x": describe(x)}, {"y": describe(output)})
            for name, output in (
                ("serving_default", y),
                ("default_input_alternative:twice", y * factor),
            )
        }
        builder = tf.saved_model.Builder(folder)
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
    return folder


def test_a_saved_model_is_a_function_of_arrays(model):
    predict = tf.contrib.predictor.from_saved_model(model)
    assert predict({"x": [1.0, 2.0]})["y"].tolist() == [2.0, 4.0]
    assert predict.feed_tensors["x"].name == "x:0"
    assert predict.session.graph is predict.graph
    with pytest.raises(ValueError, match="Got unexpected keys in input_dict: {'z'}"):
        predict({"z": [1.0]})


def test_signatures_by_name_and_tensors_by_name(model):
    make = tf.contrib.predictor.from_saved_model
    assert make(model, signature_def_key="twice")({"x": [1.0]})["y"].tolist() == [4.0]
    by_name = make(model, input_names={"a": "x:0"}, output_names={"b": "y:0"}, tags="serve")
    assert by_name({"a": [3.0]})["b"].tolist() == [6.0]
    with pytest.raises(ValueError, match='Got signature_def_key "no". Available signatures are'):
        make(model, signature_def_key="no")
    with pytest.raises(ValueError, match="must both be specified or both be unspecified"):
        make(model, input_names={"a": "x:0"})
    with pytest.raises(ValueError, match="You must specify at most one of"):
        make(model, signature_def_key="a", input_names={}, output_names={})


def train(estimator_class, model_dir, **options):
    def model_fn(features, labels, mode):
        y = tf.layers.dense(features["x"], 1, kernel_initializer=tf.ones_initializer())
        if mode == "infer":
            outputs = {"serving_default": tf.estimator.export.PredictOutput({"output": y})}
            return tf.estimator.EstimatorSpec(mode, predictions={"y": y}, export_outputs=outputs)
        loss = tf.reduce_sum(tf.square(y - labels))
        step = tf.train.GradientDescentOptimizer(0.1).minimize(loss, tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step)

    estimator = estimator_class(model_fn, model_dir=str(model_dir))
    batch = ({"x": np.ones([1, 2], np.float32)}, np.zeros([1, 1], np.float32))
    fit = estimator.fit if hasattr(estimator, "fit") else estimator.train
    fit(input_fn=lambda: tf.data.Dataset.from_tensors(batch).repeat().make_one_shot_iterator()
        .get_next(), steps=1)  # fmt: skip
    return estimator


def test_an_estimator_is_a_function_of_arrays(tmp_path):
    estimator = train(tf.estimator.Estimator, tmp_path)

    def receive():
        fed = {"x": tf.placeholder(tf.float32, [None, 2])}
        return tf.estimator.export.ServingInputReceiver(fed, fed)

    predict = tf.contrib.predictor.from_estimator(estimator, receive)
    # kernel 1 - 0.1 * 4 = 0.6 twice, bias -0.4: of one step of gradient descent
    np.testing.assert_allclose(predict({"x": [[1.0, 2.0]]})["output"], [[1.4]], atol=1e-6)
    with pytest.raises(TypeError, match="You likely want to call from_estimator"):
        tf.contrib.predictor.from_contrib_estimator(estimator, receive)
    with pytest.raises(KeyError, match="output_key must be one of"):
        tf.contrib.predictor.from_estimator(estimator, receive, output_key="no")


def test_an_estimator_of_contrib_learn_is_one_too(tmp_path):
    estimator = train(tf.contrib.learn.Estimator, tmp_path)

    def receive():
        fed = {"x": tf.placeholder(tf.float32, [None, 2])}
        return tf.contrib.learn.InputFnOps(fed, None, fed)

    predict = tf.contrib.predictor.from_contrib_estimator(estimator, receive)
    np.testing.assert_allclose(predict({"x": [[1.0, 2.0]]})["y"], [[1.4]], atol=1e-6)
    with pytest.raises(TypeError, match="You likely want to call from_contrib_estimator"):
        tf.contrib.predictor.from_estimator(estimator, receive)


def test_a_staging_area_keeps_a_batch():
    with tf.Graph().as_default(), tf.Session() as session:
        area = tf.contrib.staging.StagingArea([tf.float32, tf.int32], [[2], []], ["a", "b"])
        put = area.put({"a": tf.constant([1.0, 2.0]), "b": tf.constant(3)})
        got, size = area.get(), area.size()
        assert (put.name, got["a"].name, put.type) == ("StagingArea_put", "StagingArea_get:0",
                                                       "Stage")  # fmt: skip
        session.run(put)
        assert session.run(size) == 1
        found = session.run(got)
    assert (found["a"].tolist(), found["b"]) == ([1.0, 2.0], 3)


def test_memory_statistics_are_those_of_a_gpu():
    with tf.Graph().as_default(), tf.Session() as session, tf.device("/cpu:0"):
        assert session.run(tf.contrib.memory_stats.BytesLimit()) == -1
        most = tf.contrib.memory_stats.MaxBytesInUse()
        assert (most.dtype, most.shape.rank, most.op.name) == (tf.int64, 0, "MaxBytesInUse")
        with pytest.raises(tf.errors.InvalidArgumentError, match="known for GPUs only: CPU:0"):
            session.run(most)


def test_xla_compiles_a_function():
    with tf.Graph().as_default(), tf.Session() as session:
        (total,) = tf.contrib.compiler.xla.compile(lambda x: x * 2 + 1, [tf.constant([1.0, 2.0])])
        with tf.contrib.compiler.jit.experimental_jit_scope():
            product = tf.matmul([[2.0]], [[3.0]])
        assert product.op.get_attr("_XlaCompile")
        assert session.run(total).tolist() == [3.0, 5.0]
