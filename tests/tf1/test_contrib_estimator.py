"""tf.contrib.estimator against TensorFlow 1.15.5."""

from __future__ import annotations

import contrib_cases
import pytest

from legacy_nets import tf1 as tf

CASES = contrib_cases.names("estimator")


@pytest.mark.parametrize("name", CASES)
def test_same_as_golden(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
def test_same_as_the_live_oracle(oracle, tmp_path):
    for name, want in contrib_cases.ask(oracle, CASES, tmp_path).items():
        contrib_cases.assert_same(name, want)


def test_arguments_that_do_not_fit():
    c = tf.contrib.estimator
    with pytest.raises(ValueError, match="All given heads must have name specified"):
        c.multi_head([c.regression_head()])
    with pytest.raises(ValueError, match="heads and head_weights must have the same size"):
        c.multi_head([c.regression_head(name="a")], [1.0, 2.0])
    with pytest.raises(ValueError, match="must be in range \\[0, 1\\]. Given: 2"):
        c.multi_label_head(2, classes_for_class_based_metrics=[2])
    with pytest.raises(ValueError, match="Could not split logits of shape \\[3, 2\\]"):
        c.multi_head([c.regression_head(name="a")]).create_estimator_spec(
            {}, "infer", tf.zeros([3, 2])
        )
    with pytest.raises(TypeError, match="keys should be either a string or a list of strings"):
        c.forward_features(None, 3)


@pytest.mark.slow
def test_the_graph_of_training_is_exported(tmp_path):
    def model_fn(features, labels, mode):
        loss = tf.reduce_mean(tf.layers.dense(features["x"], 1))
        step = tf.train.GradientDescentOptimizer(0.1).minimize(loss, tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step, predictions=loss)

    def receive():
        fed = {"x": tf.placeholder(tf.float32, [None, 2])}
        wanted = {"y": tf.placeholder(tf.float32, [None, 2])}
        return tf.contrib.estimator.build_raw_supervised_input_receiver_fn(fed, wanted)()

    estimator = tf.estimator.Estimator(model_fn, model_dir=str(tmp_path / "model"))
    estimator.train(lambda: ({"x": tf.ones([1, 2])}, {"x": tf.ones([1, 2])}), steps=1)
    path = tf.contrib.estimator.export_saved_model_for_mode(
        estimator, str(tmp_path / "out"), receive, mode="train"
    )
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.load(session, ["train"], tf.compat.as_str(path))
    assert list(loaded.signature_def) == ["train"]
