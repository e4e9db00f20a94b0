"""tf.contrib.tensor_forest: what it learns, and how far it is that of TensorFlow 1.15.5."""

import numpy as np
import pytest
from legacy_nets.tf1.python.ops import resources

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.tensor_forest.client import random_forest
from legacy_nets.tf1.contrib.tensor_forest.forest import Forest
from legacy_nets.tf1.contrib.tensor_forest.python import tensor_forest
from legacy_nets.tf1.contrib.tensor_forest.python.ops import data_ops
from legacy_nets.tf1.contrib.tensor_forest.targets import Classes, Numbers

pytestmark = pytest.mark.filterwarnings(
    "default::legacy_nets.tf1.contrib.tensor_forest.python.tensor_forest.DifferentForestWarning"
)
X = np.random.RandomState(0).rand(600, 4).astype(np.float32)
CLASSES = (X[:, 0] > 0.5) + 1 * (X[:, 1] > 0.6)
NUMBERS = np.stack([3 * (X[:, 0] > 0.5) + X[:, 1], X[:, 2]], 1)


def settings(**more):
    given = {"num_classes": 3, "num_features": 4, "num_trees": 5, "max_nodes": 100,
             "split_after_samples": 20, "base_random_seed": 7}  # fmt: skip
    return tensor_forest.ForestHParams(**{**given, **more}).fill()


class Built:
    """A forest in a graph and a session of its own, initialized."""

    def __init__(self, params, initialize=True):
        with tf.Graph().as_default() as graph:
            self.x = tf.placeholder(tf.float32, [None, 4])
            label = [None, params.num_classes] if params.regression else [None]
            self.y = tf.placeholder(tf.float32 if params.regression else tf.int32, label)
            forest = tensor_forest.RandomForestGraphs(params)
            self.train = forest.training_graph(self.x, self.y)
            self.loss = forest.training_loss(self.x, self.y)
            self.inference = forest.inference_graph(self.x)
            self.importances = forest.feature_importances()
            self.saver = tf.train.Saver()
            start = tf.group(
                tf.global_variables_initializer(),
                resources.initialize_resources(resources.shared_resources()),
            )
            self.unready = resources.report_uninitialized_resources()
        self.session = tf.Session(graph=graph)
        if initialize:
            self.session.run(start)

    def learn(self, labels, steps=20):
        for _ in range(steps):
            self.session.run(self.train, {self.x: X[:500], self.y: labels[:500]})
        return self

    def ask(self, what, x=X[500:]):
        return self.session.run(what, {self.x: x})


def test_classes_are_learnt():
    built = Built(settings()).learn(CLASSES)
    shares, paths, variance = built.ask(built.inference)
    assert shares.shape == variance.shape == (100, 3)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    assert (shares.argmax(1) == CLASSES[500:]).mean() >= 0.95  # 1.15.5: 0.98
    assert paths.shape == (0, 5)
    assert 0 < variance.max() <= 0.25
    assert -101 <= built.ask(built.loss) <= -30  # 1.15.5: -82.6, from poorer splits
    assert built.ask(built.importances)[:2].sum() > 0.5
    assert built.ask(built.importances).sum() == pytest.approx(1)


def test_numbers_are_learnt():
    built = Built(settings(num_classes=2, regression=True)).learn(NUMBERS)
    found = built.ask(built.inference[0])
    error = np.square(found - NUMBERS[500:]).mean(0)
    assert (error < 0.2 * NUMBERS[500:].var(0)).all()  # 1.15.5: 0.03 and 0.18 of the variance
    assert built.ask(built.loss) == -101  # max_nodes, or one more


def test_before_training_all_is_0_as_in_1_15():
    built = Built(settings())
    shares, _, variance = built.ask(built.inference)
    assert not shares.any()
    assert not variance.any()
    assert built.ask(built.loss) == -1


def test_without_initialization_it_says_what_to_run():
    built = Built(settings(), initialize=False)
    assert built.session.run(built.unready).tolist() == [b"tensor_forest/state/handle:0"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="initialize_resources"):
        built.ask(built.inference[0])


def test_names_are_those_of_1_15():
    built = Built(settings(), initialize=False)
    assert built.train.name == "train"
    assert built.loss.name == "training_loss:0"
    assert built.inference[0].name == "probabilities:0"


def test_the_same_seed_grows_the_same_forest():
    first, again, other = (
        Built(settings(base_random_seed=seed)).learn(CLASSES, 5) for seed in (7, 7, 8)
    )
    shares = [built.ask(built.inference[0]) for built in (first, again, other)]
    assert np.array_equal(shares[0], shares[1])
    assert not np.array_equal(shares[0], shares[2])


def test_a_checkpoint_carries_the_forest(tmp_path):
    trained = Built(settings()).learn(CLASSES)
    with trained.session.graph.as_default():
        path = trained.saver.save(trained.session, str(tmp_path / "model"))
    assert tf.train.list_variables(path) == [("tensor_forest", [])]
    restored = Built(settings(), initialize=False)
    with restored.session.graph.as_default():
        restored.saver.restore(restored.session, path)
    assert restored.session.run(restored.unready).size == 0
    want = trained.ask(trained.inference[0])
    assert np.array_equal(restored.ask(restored.inference[0]), want)
    restored.learn(CLASSES, 1)  # goes on with it
    assert restored.ask(restored.loss) <= trained.ask(trained.loss)


def test_a_checkpoint_of_another_forest_is_refused():
    small, large = Forest(settings(), 1), Forest(settings(num_trees=6), 1)
    small.create()
    with pytest.raises(ValueError, match="has 5 trees with 3 numbers .* the graph 6 with 3"):
        large.load(small.dump())


def test_bagged_features_are_the_only_ones_asked_for():
    params = settings(feature_bagging_fraction=0.5, num_trees=1, bagging_fraction=0.7)
    built = Built(params).learn(CLASSES)
    asked = np.flatnonzero(built.ask(built.importances))
    assert len(params.bagged_features[0]) == 2
    assert set(asked) <= set(params.bagged_features[0])


def test_weights_count():
    """Examples of weight 0 teach nothing: a leaf holds the others alone."""
    forest = Forest(settings(num_trees=1), 1)
    forest.create()
    forest.train(X[:10], np.array([0, 1] * 5), np.array([0.0, 2.0] * 5))
    assert forest.predict(X[:1])[0].tolist() == [[0, 1, 0]]
    assert forest.size() == 1


@pytest.mark.parametrize("name", ["less", "less_or_equal"])
def test_a_split_parts_two_values(name):
    forest = Forest(settings(num_trees=1, num_features=1, num_classes=2, split_name=name), 1)
    forest.create()
    x = np.array([[1.0], [2.0]] * 20, np.float32)
    forest.train(x, np.array([0, 1] * 20), np.ones(40))
    assert forest.size() == 3
    assert forest.predict(x[:2])[0].tolist() == [[1, 0], [0, 1]]


def test_impurities():
    assert Classes(2).impurity(np.array([3.0, 1.0])) == pytest.approx(4 * (1 - 9 / 16 - 1 / 16))
    numbers = Numbers(1)
    sums = numbers.rows(np.array([1.0, 2.0, 6.0]), np.ones(3)).sum(0)
    assert numbers.impurity(sums) == pytest.approx(4 + 1 + 9)
    assert numbers.value(sums).tolist() == [3]
    assert numbers.impurity(numbers.rows(np.full(3, 0.1), np.ones(3)).sum(0)) == 0


def test_what_is_not_offered_says_so():
    with pytest.raises(BadInputError, match="split_pruning_name='half'.*take 'none'"):
        settings(split_pruning_name="half")
    with pytest.raises(BadInputError, match="labels from 0 to 3 and num_classes=3"):
        Classes(3).rows(np.array([0, 3]), np.ones(2))
    with tf.Graph().as_default():
        with pytest.raises(BadInputError, match=r"feature 'a' is text"):
            data_ops.ParseDataTensorOrDict({"a": tf.constant([["b"]])})
        with pytest.raises(BadInputError, match="2 wide and num_features=4"):
            tensor_forest.RandomForestGraphs(settings()).inference_graph(tf.zeros([1, 2]))


def test_features_by_name_are_joined_in_order():
    with tf.Graph().as_default(), tf.Session() as session:
        dense, sparse, spec = data_ops.ParseDataTensorOrDict(
            {"b": tf.constant([[1, 2]]), "a": tf.constant([3.0])}
        )
        assert session.run(dense).tolist() == [[3, 1, 2]]
        assert sparse is None
        assert spec.dense_features_size == 3
        labels = data_ops.ParseLabelTensorOrDict({"z": tf.ones([2, 1]), "y": tf.zeros([2, 1])})
        assert session.run(labels).tolist() == [[0, 1], [0, 1]]


def test_the_first_forest_of_a_process_warns_that_it_is_another_one(recwarn):
    tensor_forest._warn_of_different_forest.cache_clear()  # as in a new process
    with tf.Graph().as_default():
        for _ in range(2):
            tensor_forest.RandomForestGraphs(settings())
    [warning] = [w for w in recwarn if w.category is tensor_forest.DifferentForestWarning]
    assert "another forest than TensorFlow 1.15" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize(
    ("losses", "steps"),
    [([3, 2, 1, 0.5, 0.4, 0.3], 6), ([3, 2, 2, 2, 2, 2], 5), ([3, 2.99, 2.98, 2.97], 4)],
)
def test_training_stops_where_the_loss_no_longer_falls(losses, steps):
    with tf.Graph().as_default():
        loss = tf.placeholder(tf.float32, [])
        hook = random_forest.TensorForestLossHook(2, 0.1, loss)
        done = 0
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            for value in losses:
                if session.should_stop():
                    break
                session.run(loss, {loss: value})
                done += 1
    assert done == steps


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3, 0])
def test_estimators(classes, tmp_path):
    labels = np.minimum(CLASSES, classes - 1) if classes else NUMBERS[:, :1]
    params = settings(num_classes=classes or 1, regression=not classes)
    estimator = random_forest.TensorForestEstimator(params, str(tmp_path))

    def input_fn(epochs):
        return tf.estimator.inputs.numpy_input_fn({"x": X}, labels, 100, epochs, shuffle=False)

    estimator.fit(input_fn=input_fn(None), steps=40)
    found = estimator.evaluate(input_fn=input_fn(1))
    assert found["global_step"] == 40
    one = next(iter(estimator.predict(input_fn=input_fn(1))))
    if classes:
        assert found["accuracy"] >= 0.97  # 1.15.5: 1 and 0.995
        assert one["classes"] == labels[0]
        assert one["probabilities"].shape == one["prediction_variance"].shape == (classes,)
    else:
        assert found["average_loss"] < 0.05  # 1.15.5: 0.001 on an easier one
        assert one["scores"] == pytest.approx(labels[0, 0], abs=0.3)
