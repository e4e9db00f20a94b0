"""Document 001's net: names, shapes, blocks, fixed errata, its class."""

import inspect
import pathlib
import tempfile

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import hand_signs as net

SHAPES = {
    "conv1": (32, 32, 64),
    "pool1": (15, 15, 64),
    **{f"res2{letter}": (15, 15, 256) for letter in "abc"},
    **{f"res3{letter}": (8, 8, 512) for letter in "abcd"},
    **{f"res4{letter}": (4, 4, 1024) for letter in "abcdef"},
    **{f"res5{letter}": (2, 2, 2048) for letter in "abc"},
    "pool5": (1, 1, 2048),
    "fc50": (50,),
    "logits": (6,),
    "predictions": (6,),
}


def build(size=64, **options):
    images = tf.placeholder(tf.float32, [None, size, size, 3])
    return net.hand_signs(images, **options)


def names():
    return [v.op.name for v in tf.global_variables()]


def values(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


@pytest.mark.slow
def test_variables_and_end_points_at_64():
    with tf.Graph().as_default():
        logits, end_points = build(is_training=tf.placeholder(tf.bool))
        assert {k: tuple(v.shape.as_list()[1:]) for k, v in end_points.items()} == SHAPES
        assert list(end_points) == list(SHAPES)
        assert logits is end_points["logits"]
        assert len(tf.global_variables()) == 253
        assert values(tf.global_variables()) == 23_648_548
        assert len(tf.trainable_variables()) == 155
        assert values(tf.trainable_variables()) == 23_603_108
        assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 98
        found = names()
    assert found[:6] == [
        "reference/Variable",
        "reference/batch_normalization/gamma",
        "reference/batch_normalization/beta",
        "reference/batch_normalization/moving_mean",
        "reference/batch_normalization/moving_variance",
        "reference/res2a/Variable",
    ]
    res2a = [name for name in found if name.startswith("reference/res2a/")]
    assert [n.split("/")[2] for n in res2a if "Var" in n.split("/")[2]] == [
        "Variable",
        "Variable_1",
        "Variable_2",
        "Variable_3",
    ]
    assert "reference/res2b/Variable_3" not in found
    assert found[-4:] == [
        "reference/dense/kernel",
        "reference/dense/bias",
        "reference/dense_1/kernel",
        "reference/dense_1/bias",
    ]


@pytest.mark.slow
def test_shortcut_batch_norm_adds_16_variables_and_keeps_the_old_names():
    with tf.Graph().as_default():
        build()
        plain = names()
    with tf.Graph().as_default():
        build(shortcut_batch_norm=True)
        more = names()
        assert values(tf.global_variables()) == 23_663_908
        assert values(tf.trainable_variables()) == 23_610_788
    assert len(more) == 269
    assert [name for name in more if name in set(plain)] == plain
    added = [name for name in more if name not in set(plain)]
    assert {name.rsplit("/", 1)[0] for name in added} == {
        f"reference/res{stage}a/batch_normalization_3" for stage in (2, 3, 4, 5)
    }


@pytest.mark.slow
def test_deepnn_has_the_documents_placeholders_with_defaults():
    """001-E24: nothing but the images must be fed."""
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 64, 64, 3])
        logits, keep_prob, training = net.deepnn(images, classes=4)
        assert training.name == "reference/training:0"
        assert keep_prob.name == "reference/dropout/Placeholder:0"
        assert logits.name == "reference/dense_1/BiasAdd:0"
        assert logits.shape.as_list() == [None, 4]  # 001-E05: the argument is used
        assert len(names()) == 253


@pytest.mark.slow
def test_reuse_shares_every_variable():
    with tf.Graph().as_default():
        build()
        build(reuse=True)
        assert len(names()) == 253
        with pytest.raises(ValueError, match="already exists"):
            build()  # 001-E12: a second net in one graph must be asked for


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (net.identity_block, "X_input kernel_size in_filter out_filters stage block training"),
        (
            net.convolutional_block,
            "X_input kernel_size in_filter out_filters stage block training stride",
        ),
        (net.deepnn, "x_input classes"),
        (net.cost, "logits labels"),
        (net.accuracy, "logits labels"),
        (net.HandClassifier.train, "self X_train Y_train"),
        (net.HandClassifier.evaluate, "self test_features test_labels name"),
        (net.HandClassifier, "model_save_path"),
    ],
)
def test_public_names_have_the_documents_parameters(function, parameters):
    found = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    assert found == parameters.split()
    assert net.hand_classifier is net.HandClassifier


def test_weight_variable_counts_as_tf1_does():
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("reference"):
            kernels = [net.weight_variable([3, 3, 64, 64]) for _ in range(2)]
        assert names() == ["reference/Variable", "reference/Variable_1"]
        session.run(tf.global_variables_initializer())
        drawn = session.run(kernels[0])
    assert abs(drawn).max() <= 0.2  # truncated at two deviations of 0.1
    assert drawn.std() == pytest.approx(0.088, abs=0.002)  # of a normal truncated there


def test_blocks_on_odd_maps_and_their_errors():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 9, 7, 8])
        y = net.convolutional_block(x, 3, 8, [4, 4, 16], 7, "a", False)
        assert y.shape.as_list() == [None, 5, 4, 16]
        z = net.identity_block(y, 5, 16, [4, 4, 16], 7, "b", False)
        assert z.shape.as_list() == [None, 5, 4, 16]
        with pytest.raises(BadInputError, match=r"res7c: in_filter=8, .* has 16 channels"):
            net.identity_block(y, 3, 8, [4, 4, 16], 7, "c", False)
        with pytest.raises(BadInputError, match="use convolutional_block"):
            net.identity_block(y, 3, 16, [4, 4, 8], 7, "d", False)


@pytest.mark.parametrize("size", [5, 32, 65, 97])
def test_other_sizes_work(size):
    """001-E06, E07: the document's assert and its fixed 2x2 pool take 61 to 64 pixels only."""
    with tf.Graph().as_default():
        logits, _ = build(size)
        assert logits.shape.as_list() == [None, 6]


def test_unknown_size_and_too_small_ones():
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, None, None, 3])
        logits, _ = net.hand_signs(images)
        assert logits.shape.as_list() == [None, 6]
    with tf.Graph().as_default(), pytest.raises(BadInputError, match="smallest is 5x5"):
        build(4)


def test_e01_softmax_twice_confines_loss_and_gradient():
    """Literal: probabilities go into a second softmax. Fixed: linear logits."""
    right = np.array([[20.0, 0, 0, 0, 0, 0]], np.float32)
    one_hot = np.eye(6, dtype=np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.placeholder(tf.float32, [None, 6])
        labels = tf.placeholder(tf.float32, [None, 6])
        literal = net.cost(tf.nn.softmax(logits), labels)
        fixed = net.cost(logits, labels)
        slopes = [tf.gradients(loss, logits)[0] for loss in (literal, fixed)]
        best = session.run([literal, fixed], {logits: right, labels: one_hot[:1]})
        worst = session.run([literal, fixed], {logits: right, labels: one_hot[1:2]})
        uniform = session.run(slopes, {logits: right * 0, labels: one_hot[:1]})
        stuck = session.run(slopes, {logits: right, labels: one_hot[1:2]})
    np.testing.assert_allclose(best, [1.04359, 0], atol=1e-5)
    np.testing.assert_allclose(worst, [2.04359, 20], atol=1e-5)
    np.testing.assert_allclose([abs(g).max() for g in uniform], [0.1389, 0.8333], atol=1e-4)
    np.testing.assert_allclose(abs(stuck[0]).max(), 2.52e-9, rtol=0.01)
    np.testing.assert_allclose(abs(stuck[1]).max(), 1, atol=1e-6)


def test_e16_soft_labels_count():
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.constant([[2.0, 0, 0]])
        soft = np.array([[0.9, 0.1, 0]])
        fixed = session.run(net.cost(logits, tf.constant(soft, tf.float32)))
        literal = session.run(net.cost(logits, tf.cast(soft, tf.int64)))
    log_sum = np.log(np.exp(2) + 2)
    np.testing.assert_allclose(fixed, log_sum - 1.8, atol=1e-6)
    assert literal == 0  # what the document's int64 placeholder makes of 0.9


def test_accuracy():
    with tf.Graph().as_default(), tf.Session() as session:
        scores = tf.constant([[3.0, 1], [0, 2], [5, 4]])
        labels = tf.constant([[1, 0], [1, 0], [1, 0]])
        assert session.run(net.accuracy(scores, labels)) == pytest.approx(2 / 3)


@pytest.mark.slow
def test_batch_norm_and_dropout_follow_is_training():
    feed = np.random.RandomState(1).uniform(size=[4, 16, 16, 3])
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        images = tf.placeholder(tf.float32, [None, 16, 16, 3])
        training = tf.placeholder_with_default(False, [])
        logits, end_points = net.hand_signs(images, is_training=training)
        session.run(tf.global_variables_initializer())
        still = [session.run(logits, {images: feed}) for _ in range(2)]
        moving = [session.run(logits, {images: feed, training: True}) for _ in range(2)]
        mean = next(v for v in tf.global_variables() if v.op.name.endswith("moving_mean"))
        before = session.run(mean)
        conv = session.graph.get_tensor_by_name("reference/Conv2D:0")
        batch_mean = session.run(conv, {images: feed}).mean((0, 1, 2))
        session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS), {images: feed, training: True})
        after = session.run(mean)
    np.testing.assert_array_equal(*still)
    assert abs(moving[0] - moving[1]).max() > 1e-3  # dropout draws again
    np.testing.assert_allclose(after, before * 0.99 + batch_mean * 0.01, atol=1e-6)


@pytest.mark.slow
def test_the_class_trains_saves_and_evaluates(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rng = np.random.RandomState(0)
    labels = np.arange(12) % 2
    pictures = rng.uniform(0, 0.2, [12, 16, 16, 3]) + 0.6 * labels[:, None, None, None]
    one_hot = np.eye(2)[labels]
    path = str(tmp_path / "model_saving" / "hand_classifier")
    model = net.hand_classifier(path, ema_decay=0.5, seed=3)
    model.train(pictures, one_hot, iterations=4, mini_batch_size=6, save_every=2, print_every=3)
    saved = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    trained = {name for name in saved if name.endswith("/Adam")}
    assert len(trained) == 155
    assert len([n for n in saved if n.endswith("/ExponentialMovingAverage")]) == 155
    # 565 entries as the document's own train() saves, and the averages
    assert len(saved) == 565 + 155
    assert {"adam_optimizer/beta1_power", "adam_optimizer/beta2_power"} <= set(saved)
    shares = [model.evaluate(pictures, one_hot), model.evaluate(pictures, one_hot, "again")]
    assert shares[0] == shares[1] and round(shares[0] * 12, 6).is_integer()
    printed = capsys.readouterr().out.splitlines()
    graph_location = printed[0].removeprefix("Saving graph to: ")  # as the document's l.340
    assert list(pathlib.Path(graph_location).glob("events.out.tfevents.*"))
    for step, line in zip((0, 3), printed[1:3], strict=True):
        assert line.startswith(f"step {step}, training cost ")
    assert "training cost" not in printed[3]
    assert printed[-1] == f"again accuracy {shares[1]:g}"
