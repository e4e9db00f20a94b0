"""tf.contrib.estimator against TensorFlow 1.15.5."""

from __future__ import annotations

import contrib_cases
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError

pytestmark = pytest.mark.slow

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


def test_a_strategy_over_several_machines_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}')
    strategy = tf.contrib.distribute.OneDeviceStrategy("/cpu:0")
    with pytest.raises(BadInputError, match="strategies over several machines are not offered"):
        tf.estimator.RunConfig(train_distribute=strategy)


def test_strategies_by_their_arguments():
    make = tf.contrib.distribute.MirroredStrategy
    assert make(num_gpus=0).num_replicas_in_sync == 1
    with tf.Graph().as_default():
        assert make(["/cpu:0", "/cpu:1"]).num_replicas_in_sync == 2
    with pytest.raises(ValueError, match="You cannot specify both `num_gpus`"):
        make(num_gpus=1, num_gpus_per_worker=1)
    with pytest.raises(ValueError, match="Must only specify one of `devices`"):
        make(["/cpu:0"], num_gpus=1)
    assert isinstance(make(), tf.contrib.distribute.DistributionStrategy)
