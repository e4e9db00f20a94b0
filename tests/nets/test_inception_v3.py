"""Inception V3: document 002's numbers on the live graph, its errata, sizes, errors, contract.

Equality with TensorFlow 1.15.5 is in test_golden.py and test_oracle_live.py.
"""

from __future__ import annotations

import numpy as np
import pytest

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.inception_v3 import (
    inception_v3,
    inception_v3_arg_scope,
    inception_v3_base,
    smallest_image,
)

slim = tf.contrib.slim
# What the document says beside each layer, at 299 pixels.
BASE = {
    "Conv2d_1a_3x3": (149, 149, 32),
    "Conv2d_2a_3x3": (147, 147, 32),
    "Conv2d_2b_3x3": (147, 147, 64),
    "MaxPool_3a_3x3": (73, 73, 64),
    "Conv2d_3b_1x1": (73, 73, 80),
    "Conv2d_4a_3x3": (71, 71, 192),
    "MaxPool_5a_3x3": (35, 35, 192),
    "Mixed_5b": (35, 35, 256),
    "Mixed_5c": (35, 35, 288),
    "Mixed_5d": (35, 35, 288),
    "Mixed_6a": (17, 17, 768),
    "Mixed_6b": (17, 17, 768),
    "Mixed_6c": (17, 17, 768),
    "Mixed_6d": (17, 17, 768),
    "Mixed_6e": (17, 17, 768),
    "Mixed_7a": (8, 8, 1280),
    "Mixed_7b": (8, 8, 2048),
    "Mixed_7c": (8, 8, 2048),
}
HEADS = {
    "AuxLogits": (1000,),
    "AvgPool_1a": (1, 1, 2048),
    "PreLogits": (1, 1, 2048),
    "Logits": (1000,),
    "Predictions": (1000,),
}
NARROW = {"depth_multiplier": 0.05, "min_depth": 4}


@pytest.fixture(scope="module")
def document():
    """The net as the document has it: (graph, logits, end points)."""
    with tf.Graph().as_default() as graph:
        return graph, *legacy_nets.build("inception_v3", pictures(None, 299, 299))


@pytest.fixture(autouse=True)
def _own_graph():
    with tf.Graph().as_default():
        yield


def pictures(*sizes):
    return tf.placeholder(tf.float32, [*sizes, 3])


def names():
    return [v.op.name for v in tf.global_variables()]


def narrow(images, **options):
    return legacy_nets.build("inception_v3", images, **{"num_classes": 5, **NARROW, **options})


def run(fetch, feed):
    with tf.Session() as session:
        tf.set_random_seed(1)
        session.run(tf.global_variables_initializer())
        return session.run(fetch, feed)


def sizes(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


def test_shapes_and_counts_of_the_document(document):
    graph, logits, end_points = document
    shapes = {key: tuple(point.shape.as_list()[1:]) for key, point in end_points.items()}
    assert list(shapes.items()) == list({**BASE, **HEADS}.items())  # 23, in this order
    assert logits is end_points["Logits"]
    with graph.as_default():
        assert len(tf.global_variables()) == 388
        assert sizes(tf.global_variables()) == 27_179_376
        assert sizes(tf.trainable_variables()) == 27_143_152
        assert len([name for name in names() if "/AuxLogits/" in name]) == 10
        assert len(tf.losses.get_regularization_losses()) == 98
        assert names()[:2] == [
            "InceptionV3/Conv2d_1a_3x3/weights",
            "InceptionV3/Conv2d_1a_3x3/BatchNorm/beta",
        ]
        assert names()[-1] == "InceptionV3/Logits/Conv2d_1c_1x1/biases"


@pytest.mark.parametrize(
    ("name", "shape"),
    {
        "InceptionV3/Mixed_5b/Branch_0/Conv2d_0a_1x1/Relu": (35, 35, 64),
        "InceptionV3/Mixed_5b/Branch_1/Conv2d_0a_1x1/Relu": (35, 35, 48),
        "InceptionV3/Mixed_5b/Branch_1/Conv2d_0b_5x5/Relu": (35, 35, 64),
        "InceptionV3/Mixed_5b/Branch_2/Conv2d_0a_1x1/Relu": (35, 35, 64),
        "InceptionV3/Mixed_5b/Branch_2/Conv2d_0b_3x3/Relu": (35, 35, 96),
        "InceptionV3/Mixed_5b/Branch_2/Conv2d_0c_3x3/Relu": (35, 35, 96),
        "InceptionV3/Mixed_5b/Branch_3/Conv2d_0b_1x1/Relu": (35, 35, 32),
        "InceptionV3/Mixed_5c/Branch_3/Conv2d_0b_1x1/Relu": (35, 35, 64),
        "InceptionV3/Mixed_6a/Branch_0/Conv2d_1a_1x1/Relu": (17, 17, 384),
        "AuxLogits/AvgPool_1a_5x5/AvgPool": (5, 5, 768),
        "AuxLogits/Conv2d_1b_1x1/Relu": (5, 5, 128),
        "AuxLogits/Conv2d_2a_5x5/Relu": (1, 1, 768),
        "AuxLogits/Conv2d_2b_1x1/BiasAdd": (1, 1, 1000),
        "Logits/AvgPool_1a_8x8/AvgPool": (1, 1, 2048),
        "Logits/Conv2d_1c_1x1/BiasAdd": (1, 1, 1000),
    }.items(),
)
def test_insides_of_the_modules_and_heads(document, name, shape):
    tensor = document[0].get_tensor_by_name(f"InceptionV3/{name}:0")
    assert tuple(tensor.shape.as_list()[1:]) == shape


def test_quirks_that_checkpoints_need(document):
    with document[0].as_default():
        shapes = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    for name, window in {  # 002-E22, E23, E24
        "Mixed_5c/Branch_1/Conv2d_0b_1x1": [1, 1],
        "Mixed_5c/Branch_1/Conv_1_0c_5x5": [5, 5],
        "Mixed_6a/Branch_0/Conv2d_1a_1x1": [3, 3],
        "Mixed_6a/Branch_1/Conv2d_1a_1x1": [3, 3],
        "Mixed_7b/Branch_1/Conv2d_0b_3x1": [3, 1],
        "Mixed_7c/Branch_1/Conv2d_0c_3x1": [3, 1],
    }.items():
        assert shapes[f"InceptionV3/{name}/weights"][:2] == window


@pytest.mark.slow
@pytest.mark.parametrize("end_point", BASE)
def test_base_stops_at_every_end_point_and_smallest_image_is_the_true_one(end_point):
    side = smallest_image(end_point)
    net, end_points = inception_v3_base(pictures(1, side, side), final_endpoint=end_point)
    assert list(end_points) == list(BASE)[: list(BASE).index(end_point) + 1]
    assert net is end_points[end_point]
    assert net.shape.as_list() == [1, 1, 1, BASE[end_point][2]]
    with pytest.raises(BadInputError, match=f"{end_point} of inception_v3 needs {side}x{side}"):
        inception_v3_base(pictures(1, side, side - 1), final_endpoint=end_point)


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        ("Mixed_6f", "nearest: .*Mixed_6e"),
        ("mixed_7c", "nearest: .*Mixed_7c"),
        ("", "end points: Conv2d_1a_3x3, Conv2d_2a_3x3, Conv2d_2b_3x3 and 15 more"),
    ],
)
def test_unknown_end_point_offers_the_nearest(asked, offered):
    with pytest.raises(BadInputError, match=f"no end point '{asked}'; {offered}") as e:
        inception_v3_base(pictures(None, 299, 299), final_endpoint=asked)
    assert "\n" not in str(e.value)
    assert names() == []


@pytest.mark.slow
@pytest.mark.parametrize(("size", "kernel"), [(331, 5), (224, 3), (154, 1)])
def test_auxiliary_kernel_shrinks_with_the_image(size, kernel):  # 002-E25
    narrow(pictures(1, size, size))
    found = [name for name in names() if "AuxLogits/Conv2d_2a" in name and "weights" in name]
    assert found == [f"InceptionV3/AuxLogits/Conv2d_2a_{kernel}x{kernel}/weights"]


@pytest.mark.slow
def test_oblong_image_without_squeeze():
    logits, end_points = narrow(pictures(1, 299, 427), spatial_squeeze=False)
    assert "InceptionV3/AuxLogits/Conv2d_2a_5x5/weights" in names()
    assert logits.shape.as_list() == [1, 1, 3, 5]
    assert end_points["AuxLogits"].shape.as_list() == [1, 1, 3, 5]


def test_smallest_images_with_and_without_auxiliary_head():
    assert smallest_image() == 75
    assert smallest_image("Mixed_6e", 5) == 107
    _, end_points = inception_v3(pictures(1, 75, 75), 1001, create_aux_logits=False)
    assert end_points["Mixed_7c"].shape.as_list()[1:3] == [1, 1]
    assert "AuxLogits" not in end_points
    assert sizes(tf.trainable_variables()) == 23_819_401


@pytest.mark.parametrize(("pixels", "aux"), [((106, 299), True), ((74, 75), False)])
def test_images_too_small(pixels, aux):
    with pytest.raises(BadInputError) as e:
        narrow(pictures(None, *pixels), create_aux_logits=aux)
    assert str(e.value) == (
        f"images of {pixels[0]}x{pixels[1]} are too small: the auxiliary head of inception_v3 "
        "needs 107x107, the base alone 75x75 (create_aux_logits=False)"
    )
    assert names() == []


@pytest.mark.slow
def test_large_images():
    with pytest.raises(BadInputError, match="pass spatial_squeeze=False, or global_pool=True"):
        narrow(pictures(1, 427, 427))
    options = {"global_pool": True, "create_aux_logits": False, "scope": "Pooled"}
    logits, end_points = narrow(pictures(1, 427, 427), **options)
    assert logits.shape.as_list() == [1, 5]
    assert list(end_points)[-4:] == ["global_pool", "PreLogits", "Logits", "Predictions"]


@pytest.mark.slow
def test_unknown_sizes():
    images = pictures(None, None, None)
    logits, end_points = narrow(images)
    assert logits.shape.as_list() == [None, 5]
    assert "InceptionV3/AuxLogits/Conv2d_2a_5x5/weights" in names()
    got = run([logits, end_points["AuxLogits"]], {images: np.ones([2, 299, 299, 3])})
    assert [x.shape for x in got] == [(2, 5), (2, 5)]


@pytest.mark.slow
def test_without_classes_the_features_come_out():
    net, end_points = narrow(pictures(None, 139, 139), num_classes=None)
    assert net is end_points["AvgPool_1a"]
    assert not [name for name in names() if "Logits" in name]


@pytest.mark.parametrize("multiplier", [0, -1.0])
def test_depth_multiplier_must_be_positive(multiplier):
    for net in (inception_v3, inception_v3_base):
        with pytest.raises(BadInputError, match="depth_multiplier must be greater than 0"):
            net(pictures(None, 299, 299), depth_multiplier=multiplier)


def test_depth_multiplier_and_min_depth():  # 002-E06
    _, wide = inception_v3_base(
        pictures(1, 299, 299), final_endpoint="Mixed_5b", depth_multiplier=2.0
    )
    assert wide["Mixed_5b"].shape[-1] == 512
    _, thin = inception_v3_base(
        pictures(1, 299, 299), final_endpoint="Mixed_6a", depth_multiplier=0.1, scope="a"
    )
    assert thin["Conv2d_1a_3x3"].shape[-1] == 16
    assert thin["Mixed_6a"].shape[-1] == 38 + 16 + 4 * 16  # of 384, 96 and 64 + 64 + 96 + 64


def test_no_arg_scope_is_needed():  # 002-E13
    inception_v3(pictures(2, 107, 107), 1001, is_training=True)
    assert len(names()) == 388
    assert len([name for name in names() if name.endswith("biases")]) == 2
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 192
    # At 299 pixels the auxiliary kernel is 5x5, here it is 1x1 (002-E25).
    assert sizes(tf.trainable_variables()) + 24 * 128 * 768 == 27_145_970


def test_the_callers_arg_scope_wins_argument_by_argument():
    images = pictures(2, 9, 9)
    with slim.arg_scope(inception_v3_arg_scope(weight_decay=0.5, batch_norm_epsilon=3.0)):
        inception_v3_base(images, final_endpoint="Conv2d_1a_3x3")
    kernel = tf.global_variables()[0]
    (loss,) = tf.losses.get_regularization_losses()
    got, want = run([loss, tf.nn.l2_loss(kernel) * 0.5], {})
    np.testing.assert_allclose(got, want, rtol=1e-6)
    (norm,) = [op for op in tf.get_default_graph().get_operations() if "FusedBatch" in op.type]
    assert norm.get_attr("epsilon") == 3.0
    with slim.arg_scope([slim.conv2d], activation_fn=tf.nn.elu):  # the rest stays the default
        net, _ = inception_v3_base(images, final_endpoint="Conv2d_1a_3x3", scope="Other")
    assert net.op.type == "Elu"
    assert "Other/Conv2d_1a_3x3/BatchNorm/beta" in names()


def test_literal_net_without_arg_scope_has_biases_for_batch_norm():  # 002-E13
    slim.nets.inception.inception_v3(pictures(None, 299, 299), 1000)
    assert len(names()) == 196
    assert names()[:2] == ["InceptionV3/Conv2d_1a_3x3/weights", "InceptionV3/Conv2d_1a_3x3/biases"]
    assert sum(int(np.prod(v.shape)) for v in tf.global_variables()) == 27_143_152


def test_every_branch_gets_a_gradient():  # 002-E05: the literal Mixed_6c/Branch_0 does not
    net, _ = inception_v3_base(pictures(1, 75, 75), final_endpoint="Mixed_6d", **NARROW)
    trainable = tf.trainable_variables()
    gradients = tf.gradients(net, trainable)
    assert [v.op.name for v, g in zip(trainable, gradients, strict=True) if g is None] == []


def test_literal_typo_uses_the_branch_of_the_module_before():  # 002-E05
    with slim.arg_scope(inception_v3_arg_scope()):
        branch_0 = net = slim.conv2d(pictures(1, 9, 9), 4, [1, 1], scope="Mixed_6b")
        ranch_0 = slim.conv2d(net, 4, [1, 1], scope="Mixed_6c")
        net = tf.concat([branch_0, net], axis=3)  # as documented: ranch_0 is never read
    assert net.shape[-1] == tf.concat([ranch_0, net[..., :4]], axis=3).shape[-1]
    stale = [v for v in tf.trainable_variables() if v.op.name.startswith("Mixed_6c")]
    assert tf.gradients(net, stale) == [None, None]


@pytest.mark.slow
def test_is_training_reaches_batch_norm_and_dropout():  # 002-E14
    images = pictures(4, 107, 107)
    flag = tf.placeholder(tf.bool, [])
    logits, end_points = narrow(images, is_training=flag, dropout_keep_prob=0.5)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    moving = [
        v
        for v in tf.global_variables()
        if v.op.name.endswith("7c/Branch_0/Conv2d_0a_1x1/BatchNorm/moving_mean")
    ]
    x = np.random.default_rng(0).uniform(-1, 1, [4, 107, 107, 3])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = session.run(moving)
        fetch = [logits, end_points["PreLogits"], end_points["AvgPool_1a"]]
        still, again = (session.run(fetch, {images: x, flag: False}) for _ in range(2))
        np.testing.assert_array_equal(still[0], again[0])
        np.testing.assert_array_equal(still[1], still[2])
        session.run(updates, {images: x, flag: False})
        np.testing.assert_array_equal(before, session.run(moving))
        _, dropped, pooled = session.run(fetch, {images: x, flag: True})
        kept = dropped != 0
        np.testing.assert_allclose(dropped[kept], 2 * pooled[kept], rtol=1e-6)
        assert 0.2 < kept[pooled != 0].mean() < 0.8
        session.run(updates, {images: x, flag: True})
        assert np.abs(np.subtract(before, session.run(moving))).max() > 0


@pytest.mark.slow
def test_reuse():  # 002-E15, E16
    images = pictures(1, 107, 107)
    first, _ = narrow(images)
    count = len(names())
    second, _ = narrow(images, reuse=True)
    assert len(names()) == count
    one, two = run([first, second], {images: np.ones([1, 107, 107, 3])})
    np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="already exists"):
        narrow(images)
    with pytest.raises(ValueError, match="does not exist"):
        narrow(images, reuse=True, scope="Never")


def test_literal_auto_reuse_creates_what_is_missing():  # 002-E15
    with tf.variable_scope("InceptionV3", reuse=True):
        with pytest.raises(ValueError, match="does not exist"):
            slim.conv2d(pictures(1, 9, 9), 4, [3, 3], scope="Conv2d_4a_3x3")
        slim.conv2d(pictures(1, 9, 9), 4, [3, 3], scope="Conv2d_4a_3x3", reuse=tf.AUTO_REUSE)
    assert names()[0] == "InceptionV3/Conv2d_4a_3x3/weights"
