"""ResNet v2: document 003's numbers on the live graph, its errata, atrous, errors, contract.

Equality with TensorFlow 1.15.5 is in test_golden.py and test_oracle_live.py.
"""

from __future__ import annotations

import numpy as np
import pytest

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import resnet_v2 as module
from legacy_nets.nets.resnet_v2 import (
    Block,
    bottleneck,
    conv2d_same,
    resnet_arg_scope,
    resnet_v2,
    stack_blocks_dense,
    subsample,
)

slim = tf.contrib.slim
BLOCKS_152 = [  # as the document lists them
    Block("block1", bottleneck, [(256, 64, 1)] * 2 + [(256, 64, 2)]),
    Block("block2", bottleneck, [(512, 128, 1)] * 7 + [(512, 128, 2)]),
    Block("block3", bottleneck, [(1024, 256, 1)] * 35 + [(1024, 256, 2)]),
    Block("block4", bottleneck, [(2048, 512, 1)] * 3),
]
TINY = [  # nominal stride 8 of the units, 32 of the net
    Block("block1", bottleneck, [(8, 2, 1), (8, 2, 2)]),
    Block("block2", bottleneck, [(16, 4, 1), (16, 4, 2)]),
    Block("block3", bottleneck, [(16, 4, 1), (16, 4, 2)]),
    Block("block4", bottleneck, [(16, 4, 1)]),
]


@pytest.fixture(scope="module")
def document():
    """ResNet-152 as the document has it: (graph, logits, end points)."""
    with tf.Graph().as_default() as graph:
        return graph, *resnet_v2(pictures(None, 224, 224), BLOCKS_152, 1001, scope="resnet_v2_152")


@pytest.fixture(autouse=True)
def _own_graph():
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        yield


def pictures(*sizes):
    return tf.placeholder(tf.float32, [*sizes, 3])


def names():
    return [v.op.name for v in tf.global_variables()]


def sizes(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def run(fetch, feed=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetch, feed)


def ramp(side):
    return tf.reshape(tf.range(side * side, dtype=tf.float32), [1, side, side, 1])


def plain(padding, net):
    """A 3x3 convolution of ones with stride 2."""
    ones = {"weights_initializer": tf.ones_initializer(), "activation_fn": None}
    if padding == "conv2d_same":
        with slim.arg_scope([slim.conv2d], **ones):
            return conv2d_same(net, 1, 3, stride=2)
    return slim.conv2d(net, 1, [3, 3], stride=2, padding=padding, **ones)


def test_counts_and_shapes_of_the_document(document):
    graph, logits, end_points = document
    with graph.as_default():
        assert len(tf.global_variables()) == 816
        assert sizes(tf.global_variables()) == 60_382_697
        assert len(tf.trainable_variables()) == 514
        assert sizes(tf.trainable_variables()) == 60_238_953
        kernels = [name for name in names() if name.endswith("weights")]
        assert len([k for k in kernels if "/unit_" in k and "shortcut" not in k]) == 150
        assert len([k for k in kernels if "shortcut" in k]) == 4
        assert names()[:3] == [
            "resnet_v2_152/conv1/weights",
            "resnet_v2_152/conv1/biases",
            "resnet_v2_152/block1/unit_1/bottleneck_v2/preact/gamma",
        ]
        assert names()[-2:] == ["resnet_v2_152/logits/weights", "resnet_v2_152/logits/biases"]
    assert logits.shape.as_list() == [None, 1, 1, 1001]
    units = {
        block: len([key for key in end_points if key.startswith(f"resnet_v2_152/{block}/unit")
                    and key.endswith("bottleneck_v2")])
        for block in ("block1", "block2", "block3", "block4")
    }  # fmt: skip
    assert list(units.values()) == [3, 8, 36, 3]
    for key, shape in {
        "conv1": (112, 112, 64),
        "block1/unit_1/bottleneck_v2": (56, 56, 256),
        "block1/unit_2/bottleneck_v2": (56, 56, 256),
        "block1/unit_2/bottleneck_v2/conv1": (56, 56, 64),
        "block1/unit_2/bottleneck_v2/conv2": (56, 56, 64),
        "block1/unit_2/bottleneck_v2/conv3": (56, 56, 256),
        "block1/unit_3/bottleneck_v2": (28, 28, 256),
        "block1": (28, 28, 256),
        "block2": (14, 14, 512),
        "block3": (7, 7, 1024),
        "block4": (7, 7, 2048),
        "logits": (1, 1, 1001),
    }.items():
        assert tuple(end_points[f"resnet_v2_152/{key}"].shape.as_list()[1:]) == shape, key


def test_end_points_are_in_order_of_construction(document):
    keys = list(document[2])
    unit = "resnet_v2_152/block1/unit_1/bottleneck_v2"
    parts = [f"{unit}/shortcut", f"{unit}/conv1", f"{unit}/conv2", f"{unit}/conv3", unit]
    assert keys[:6] == ["resnet_v2_152/conv1", *parts]
    last = "resnet_v2_152/block4/unit_3/bottleneck_v2"
    assert keys[-5:] == [
        last,
        "resnet_v2_152/block4",
        "global_pool",
        "resnet_v2_152/logits",
        "predictions",
    ]
    assert len(keys) == 1 + 50 * 4 + 4 + 4 + 3


def test_dicts_give_the_same_net_as_tuples():  # 003-E05
    keys = ("depth", "depth_bottleneck", "stride")
    dicts = [
        block._replace(args=[dict(zip(keys, unit, strict=True)) for unit in block.args])
        for block in TINY
    ]
    images = tf.constant(noise(1, 33, 33, 3))
    first, _ = resnet_v2(images, TINY, 3, False, scope="net")
    second, _ = resnet_v2(images, dicts, 3, False, scope="net", reuse=True)
    one, two = run([first, second])
    np.testing.assert_array_equal(one, two)


def test_sizes_at_299():
    _, end_points = resnet_v2(pictures(1, 299, 299), BLOCKS_152[:1], scope="net")
    shapes = [end_points[f"net/{key}"].shape.as_list()[1] for key in ("conv1", "block1")]
    assert shapes == [150, 38]
    unit = end_points["net/block1/unit_1/bottleneck_v2"]
    assert unit.shape.as_list()[1] == 75


@pytest.mark.parametrize(("scoped", "variables", "trainable"), [(True, 18, 12), (False, 11, 9)])
def test_one_projecting_unit(scoped, variables, trainable):  # 003-E07, E14
    scope = resnet_arg_scope() if scoped else {}
    with slim.arg_scope(scope):
        net = bottleneck(tf.zeros([1, 8, 8, 64]), 256, 64, 1)
    assert net.shape.as_list() == [1, 8, 8, 256]
    assert (len(names()), len(tf.trainable_variables())) == (variables, trainable)
    assert ("bottleneck_v2/preact/gamma" in names()) == scoped
    assert ("bottleneck_v2/conv1/biases" in names()) == (not scoped)
    assert {"bottleneck_v2/shortcut/biases", "bottleneck_v2/conv3/biases"} <= set(names())


def test_unit_with_equal_depth_keeps_its_input_as_the_shortcut():  # 003-F03
    with slim.arg_scope(resnet_arg_scope()):
        one = bottleneck(tf.zeros([1, 9, 9, 8]), 8, 2, 1, scope="one")
        two = bottleneck(tf.zeros([1, 9, 9, 8]), 8, 2, 2, scope="two")
    assert (one.shape[1], two.shape[1]) == (9, 5)
    assert not [name for name in names() if "shortcut" in name]
    assert one.op.inputs[0].op.type == "Const"
    assert two.op.inputs[0].op.type == "MaxPool"


def test_subsample_takes_every_second_pixel():  # 003-E01
    x = ramp(5)
    assert subsample(x, 1) is x
    got = run(subsample(x, 2, "shortcut"))
    np.testing.assert_array_equal(got[0, :, :, 0], [[0, 2, 4], [10, 12, 14], [20, 22, 24]])


@pytest.mark.parametrize(
    ("padding", "wanted"),
    [("conv2d_same", [[10, 24], [51, 90]]), ("SAME", [[45, 39], [66, 50]])],
)
def test_conv2d_same_is_not_same_on_even_sizes(padding, wanted):  # 003-E02: fixed, literal
    np.testing.assert_array_equal(run(plain(padding, ramp(4)))[0, :, :, 0], wanted)


def test_conv2d_same_is_same_on_odd_sizes():
    one, two = run([plain("conv2d_same", ramp(5)), plain("SAME", ramp(5))])
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("rate", [1, 2])
def test_conv2d_same_is_subsampling_of_the_dense_map(rate):
    net = tf.constant(noise(1, 8, 9, 3))
    strided = conv2d_same(net, 4, 3, stride=2, rate=1, scope="conv") if rate == 1 else None
    with tf.variable_scope(tf.get_variable_scope(), reuse=rate == 1):
        dense = conv2d_same(net, 4, 3, stride=1, rate=rate, scope="conv")
    assert dense.shape.as_list() == [1, 8, 9, 4]
    if strided is not None:
        one, two = run([strided, subsample(dense, 2)])
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize("stride", [4, 8, 16, 32, None])
def test_atrous_net_is_the_dense_version_of_the_strided_one(stride):
    images = tf.constant(noise(1, 65, 65, 3))
    dense, _ = resnet_v2(images, TINY, None, False, False, stride, scope="net")
    side = -(-65 // (stride or 32))
    assert dense.shape.as_list()[1:3] == [side, side]
    nominal, _ = resnet_v2(images, TINY, None, False, False, reuse=True, scope="net")
    one, two = run([subsample(dense, 32 // (stride or 32)), nominal])
    np.testing.assert_allclose(one, two, atol=1e-5 * np.abs(two).max())


@pytest.mark.parametrize("stride", [None, 4, 16])
def test_stored_activations_are_larger_and_the_net_is_the_same(stride):
    images = tf.constant(noise(1, 65, 65, 3))
    net, small = resnet_v2(images, TINY, 3, False, True, stride, scope="net")
    other, large = resnet_v2(
        images,
        TINY,
        3,
        False,
        True,
        stride,
        reuse=True,
        scope="net",
        store_non_strided_activations=True,
    )
    one, two = run([net, other])
    np.testing.assert_allclose(one, two, atol=1e-5 * np.abs(one).max())
    if stride is None:
        block1 = [points["net/block1"].shape.as_list()[1] for points in (small, large)]
        assert block1 == [9, 17]


@pytest.mark.parametrize("stride", [1, 2, 3, 6, 12, 64])
def test_output_stride_that_cannot_be_reached(stride):
    message = (
        f"output_stride {stride} cannot be reached by this resnet_v2; take one of 4, 8, 16, 32"
    )
    with pytest.raises(BadInputError) as e:
        legacy_nets.build("resnet_v2_50", pictures(1, 65, 65), output_stride=stride)
    assert str(e.value) == message
    assert names() == []


def test_output_stride_of_a_stack_alone():
    with slim.arg_scope(resnet_arg_scope()):
        net = stack_blocks_dense(tf.zeros([1, 16, 16, 8]), TINY, 2)
        assert net.shape.as_list() == [1, 8, 8, 16]
        with pytest.raises(BadInputError, match="take one of 1, 2, 4, 8"):
            stack_blocks_dense(tf.zeros([1, 16, 16, 8]), TINY, 16)


def test_the_documents_unit_without_a_rate_can_be_stacked():  # 003-E05, E13
    def unit(inputs, depth, depth_bottleneck, stride):
        return bottleneck(inputs, depth, depth_bottleneck, stride)

    with slim.arg_scope(resnet_arg_scope()):
        net = stack_blocks_dense(tf.zeros([1, 8, 8, 4]), [Block("b", unit, [(8, 2, 1), (8, 2, 2)])])
    assert net.shape.as_list() == [1, 4, 4, 8]
    assert "b/unit_2/bottleneck_v2/conv3/biases" in names()


def test_literal_tuple_arguments_fail_in_slims_stacker():  # 003-E05
    with pytest.raises(TypeError, match="must be a mapping, not tuple"):
        slim.nets.resnet_utils.stack_blocks_dense(tf.zeros([1, 8, 8, 4]), TINY)


def test_without_root_block():
    net, end_points = resnet_v2(
        tf.zeros([1, 16, 16, 8]), TINY, 3, False, include_root_block=False, scope="net"
    )
    assert "net/conv1/weights" not in names()
    assert end_points["net/block4"].shape.as_list() == [1, 2, 2, 16]
    with pytest.raises(BadInputError, match="take one of 1, 2, 4, 8"):
        resnet_v2(tf.zeros([1, 16, 16, 8]), TINY, output_stride=16, include_root_block=False)


@pytest.mark.parametrize(("pool", "squeeze"), [(True, True), (True, False), (False, False)])
def test_pool_and_squeeze(pool, squeeze):
    net, end_points = resnet_v2(
        pictures(2, 65, 65), TINY, 3, False, pool, scope="net", spatial_squeeze=squeeze
    )
    assert net.shape.as_list() == ([2, 3] if squeeze else [2, 1, 1, 3] if pool else [2, 3, 3, 3])
    assert ("global_pool" in end_points) == pool
    assert ("net/spatial_squeeze" in end_points) == squeeze
    assert end_points["predictions"].shape.as_list() == net.shape.as_list()
    values = run(end_points["predictions"], {net.graph.get_tensor_by_name("Placeholder:0"): noise(
        2, 65, 65, 3)})  # fmt: skip
    np.testing.assert_allclose(values.sum(-1), 1, atol=1e-6)


def test_squeeze_needs_the_pool():
    with pytest.raises(BadInputError, match="spatial_squeeze=True needs global_pool=True"):
        resnet_v2(pictures(2, 65, 65), TINY, 3, global_pool=False, spatial_squeeze=True)


@pytest.mark.parametrize("classes", [None, 0])
def test_without_classes_the_features_come_out(classes):
    net, end_points = resnet_v2(pictures(2, 65, 65), TINY, classes, scope="net")
    assert net is end_points["global_pool"]
    assert net.shape.as_list() == [2, 1, 1, 16]
    assert "predictions" not in end_points
    assert names()[-1] == "net/postnorm/moving_variance"


@pytest.mark.slow
def test_is_training_may_be_a_tensor():  # 003-E08
    flag = tf.placeholder(tf.bool, [])
    net, _ = resnet_v2(tf.constant(noise(2, 33, 33, 3)), TINY, 3, flag, scope="net")
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    moving = [v for v in tf.global_variables() if "moving" in v.op.name]
    assert len(updates) == len(moving) == 2 * (7 * 3 + 1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        still, training = (session.run(net, {flag: value}) for value in (False, True))
        assert np.abs(still - training).max() > 1e-3
        before = session.run(moving)
        session.run(updates, {flag: False})
        for a, b in zip(before, session.run(moving), strict=True):
            np.testing.assert_array_equal(a, b)
        session.run(updates, {flag: True})
        for v, a, b in zip(moving, before, session.run(moving), strict=True):
            assert np.abs(a - b).max() > 0, v.op.name


def test_any_size_and_unknown_sizes():
    images = pictures(None, None, None)
    net, end_points = resnet_v2(images, TINY, 3, False, scope="net")
    got = [run([net, end_points["net/block4"]], {images: noise(1, *side, 3)}) for side in
           [(1, 1), (33, 70)]]  # fmt: skip
    assert [[x.shape for x in pair] for pair in got] == [
        [(1, 1, 1, 3), (1, 1, 1, 16)],
        [(1, 1, 1, 3), (1, 2, 3, 16)],
    ]


def test_reuse():
    images = pictures(1, 33, 33)
    first, _ = resnet_v2(images, TINY, 3, False, scope="net")
    count = len(names())
    second, end_points = resnet_v2(images, TINY, 3, False, scope="net", reuse=True)
    assert len(names()) == count
    assert next(iter(end_points)) == "net/conv1"
    one, two = run([first, second], {images: noise(1, 33, 33, 3)})
    np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="already exists"):
        resnet_v2(images, TINY, 3, False, scope="net")


def test_no_arg_scope_is_needed_and_the_callers_wins():  # 003-E07
    resnet_v2(pictures(2, 33, 33), TINY, 3, scope="net")
    own = names()
    assert "net/block1/unit_1/bottleneck_v2/conv1/BatchNorm/gamma" in own
    assert "net/block1/unit_1/bottleneck_v2/conv1/biases" not in own
    with tf.Graph().as_default() as graph:
        with slim.arg_scope(resnet_arg_scope(weight_decay=0.5, batch_norm_epsilon=3.0)):
            resnet_v2(pictures(2, 33, 33), TINY, 3, scope="net")
        assert names() == own
        loss = tf.losses.get_regularization_losses()[0]
        got, want = run([loss, tf.nn.l2_loss(tf.global_variables()[0]) * 0.5])
        np.testing.assert_allclose(got, want, rtol=1e-6)
        norms = [op for op in graph.get_operations() if op.type.startswith("FusedBatchNorm")]
        assert {op.get_attr("epsilon") for op in norms} == {3.0}
    with tf.Graph().as_default():  # one argument of the caller's; the defaults around it stay
        with slim.arg_scope([slim.batch_norm], scale=False):
            resnet_v2(pictures(2, 33, 33), TINY, 3, scope="net")
        assert "net/postnorm/gamma" not in names()
        assert "net/block1/unit_1/bottleneck_v2/conv1/BatchNorm/beta" in names()


@pytest.mark.parametrize(
    ("name", "units"),
    [("50", (3, 4, 6, 3)), ("101", (3, 4, 23, 3)), ("152", (3, 8, 36, 3)), ("200", (3, 24, 36, 3))],
)
def test_entries_state_their_units(monkeypatch, name, units):
    seen = {}
    monkeypatch.setattr(module, "resnet_v2", lambda images, blocks, *a, **k: seen.update(b=blocks))
    getattr(module, f"resnet_v2_{name}")(None)
    assert [len(block.args) for block in seen["b"]] == list(units)
    assert [block.args[-1] for block in seen["b"]] == [
        (256, 64, 2),
        (512, 128, 2),
        (1024, 256, 2),
        (2048, 512, 1),
    ]
    assert seen["b"] == BLOCKS_152 or name != "152"
    assert getattr(module, f"resnet_v2_{name}").default_image_size == 224
