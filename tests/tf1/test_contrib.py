"""crf, image, layers and framework of tf.contrib against TensorFlow 1.15.5; small packages."""

from __future__ import annotations

import importlib

import contrib_cases
import numpy as np
import pytest

from legacy_nets import tf1 as tf

CASES = contrib_cases.names("more")


@pytest.mark.parametrize("name", CASES)
def test_same_as_golden(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
def test_same_as_the_live_oracle(oracle, tmp_path):
    for name, want in contrib_cases.ask(oracle, CASES, tmp_path).items():
        contrib_cases.assert_same(name, want)


def test_framework_checks():
    framework = tf.contrib.framework
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3])
        assert framework.get_placeholders(graph) == [x]
        assert framework.with_shape([2, 3], x).shape.as_list() == [2, 3]
        with pytest.raises(ValueError, match=r"Wrong shape for .* expected \(2, 4\)"):
            framework.with_shape([2, 4], x)
        with pytest.raises(ValueError, match="Expected integer type"):
            framework.assert_scalar_int(tf.constant(1.0))
        total = framework.reduce_sum_n([tf.constant([1.0, 2.0]), tf.constant(4.0)])
        doubled = framework.py_func(
            lambda pair, more: {"sum": pair[0] + pair[1] + more},
            ([tf.constant(1.0), tf.constant(2.0)],),
            {"more": tf.constant(4.0)},
            {"sum": tf.float32},
            {"sum": tf.TensorShape([])},
        )
        assert session.run([total, doubled]) == [7.0, {"sum": 7.0}]
        with pytest.raises(tf.errors.InvalidArgumentError, match="Wrong shape"):
            session.run(framework.with_shape([2, 3], x), {x: np.zeros([1, 3])})
    assert framework.nest.is_sequence([1]) and not framework.nest.is_sequence(1)
    with pytest.raises(AttributeError, match=r"framework\.fuse_op is not offered .*use instead"):
        _ = framework.fuse_op


def test_feature_columns_of_contrib_layers():
    layers = tf.contrib.layers
    kind = layers.sparse_column_with_keys("kind", ["a", "b"])
    columns = [
        layers.real_valued_column("size", dimension=2),
        layers.bucketized_column(layers.real_valued_column("age"), [10.0, 20.0]),
        layers.one_hot_column(kind),
    ]
    assert sorted(layers.create_feature_spec_for_parsing(columns)) == ["age", "kind", "size"]
    features = {"size": [[1.0, 2.0]], "age": [[15.0]], "kind": tf.constant([["b"]])}
    with tf.Graph().as_default(), tf.Session() as session:
        features["kind"] = tf.constant([["b"]])
        found = tf.feature_column.input_layer(features, columns)
        session.run(tf.tables_initializer())
        np.testing.assert_array_equal(session.run(found), [[0, 1, 0, 0, 1, 1, 2]])
    with pytest.raises(AttributeError, match="use instead: tf.feature_column.input_layer"):
        _ = layers.input_from_feature_columns


@pytest.mark.parametrize(
    "name", ["deprecated", "keras", "nn", "signal", "stateless", "feature_column", "lookup", "data"]
)
def test_small_packages_import(name):
    module = importlib.import_module(f"legacy_nets.tf1.contrib.{name}")
    for public in getattr(module, "__all__", ()):
        assert getattr(module, public) is not None


def test_distributions_are_tensorflows_or_say_what_to_install():
    distributions = tf.contrib.distributions
    assert distributions.Normal is tf.distributions.Normal
    if importlib.util.find_spec("tensorflow_probability") is None:
        with pytest.raises(AttributeError, match="pip install tensorflow-probability"):
            _ = distributions.MultivariateNormalDiag


def test_tables_and_data_of_contrib():
    lookup, data = tf.contrib.lookup, tf.contrib.data
    with tf.Graph().as_default(), tf.Session() as session:
        table = lookup.HashTable(
            lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([3, 4], tf.int64)), -1
        )
        session.run(table.init)
        words = lookup.index_to_string(tf.constant([1, 5], tf.int64), ["x", "y"])
        session.run(tf.tables_initializer())
        found, texts = session.run([table.lookup(tf.constant(["b", "z"])), words])
        rows = tf.data.Dataset.range(7).apply(data.batch_and_drop_remainder(3))
        windows = tf.data.Dataset.range(5).apply(data.sliding_window_batch(3, 2))
        firsts = [d.make_one_shot_iterator().get_next() for d in (rows, windows)]
        batches = [session.run(firsts) for _ in range(2)]
    assert found.tolist() == [4, -1]
    assert texts.tolist() == [b"y", b"UNK"]
    assert [[b.tolist() for b in pair] for pair in batches] == [
        [[0, 1, 2], [0, 1, 2]],
        [[3, 4, 5], [2, 3, 4]],
    ]
