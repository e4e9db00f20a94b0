"""Document 004: shapes and numbers of its demo CNN, AlexNet, VGG and GoogLeNet."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import placeholder

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.nets import alexnet, demo_cnn, googlenet, vgg
from legacy_nets.nets.weights.googlenet import map_keras_no_aux_names
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.registry import get_net

pytestmark = pytest.mark.usefixtures("graph")


def shapes(end_points):
    return {key: tuple(point.shape.as_list()[1:]) for key, point in end_points.items()}


def parameters(*scopes):
    """Counts trainable parameters under any of the scopes; all if none is given."""
    return sum(
        int(np.prod(v.shape))
        for v in tf.trainable_variables()
        if not scopes or v.op.name.startswith(tuple(f"{scope}/" for scope in scopes))
    )


def layer_parameters():
    """Lists the parameters of each layer, in order."""
    layers = dict.fromkeys(v.op.name.rpartition("/")[0] for v in tf.trainable_variables())
    return [parameters(layer) for layer in layers]


def windows(kind):
    """Lists size and stride of each pool of a type, in order."""
    pools = [op for op in tf.get_default_graph().get_operations() if op.type == kind]
    return [(op.get_attr("ksize")[1], op.get_attr("strides")[1]) for op in pools]


# Demo CNN: F002 to F005


def test_demo_cnn():
    logits, points = demo_cnn.MyModel()(placeholder(28, 28, 1))
    assert shapes(points) == {
        "conv1": (26, 26, 32),
        "flatten": (21632,),
        "dense1": (128,),
        "logits": (10,),
        "predictions": (10,),
    }
    assert logits is points["logits"]
    assert parameters() == 2_770_634
    assert [v.op.name for v in tf.global_variables()] == [
        "my_model/conv2d/kernel",
        "my_model/conv2d/bias",
        "my_model/dense/kernel",
        "my_model/dense/bias",
        "my_model/dense_1/kernel",
        "my_model/dense_1/bias",
    ]


# AlexNet: F010 to F038

FEATURES = {
    "pad": (227, 227, 3),
    "conv1": (55, 55, 48),
    "pool1": (27, 27, 48),
    "conv2": (27, 27, 128),
    "pool2": (13, 13, 128),
    "conv3": (13, 13, 192),
    "conv4": (13, 13, 192),
    "conv5": (13, 13, 128),
    "pool3": (6, 6, 128),
    "flatten": (4608,),
}
CONVOLUTIONS = [17_472, 153_728, 221_376, 331_968, 221_312]


def test_alexnet_v1():
    logits, points = alexnet.AlexNet_v1(im_height=224, im_width=224)(placeholder(224, 224, 3))
    ends = {"dense1": (2048,), "dense2": (2048,), "logits": (1000,), "predictions": (1000,)}
    assert shapes(points) == FEATURES | ends
    assert FEATURES["flatten"] == (6 * 6 * 128,)
    assert layer_parameters() == [*CONVOLUTIONS, 9_439_232, 4_196_352, 2_049_000]
    assert parameters() == 16_630_440
    assert windows("MaxPool") == [(3, 2)] * 3 and windows("AvgPool") == []  # F037, F038
    types = {op.type for op in tf.get_default_graph().get_operations()}
    assert "LRN" not in types  # F039, 004-E39
    with tf.Graph().as_default():
        logits, _ = alexnet.AlexNet_v1(num_classes=5)(placeholder(224, 224, 3))
        assert logits.shape.as_list() == [None, 5]  # F023: five only where asked for
        assert parameters() == 14_591_685


def test_alexnet_v2_is_narrower_than_its_comments_say():
    _, points = alexnet.AlexNet_v2()(placeholder(224, 224, 3))
    got = shapes(points)
    assert list(got.items())[: len(FEATURES)] == list(FEATURES.items())
    stated = {"dense1": (2048,), "dense2": (2048,), "logits": (5,)}  # F033 to F035, 004-E08, E09
    true = {"dense1": (1024,), "dense2": (128,), "logits": (1000,)}
    assert {key: got[key] for key in true} == true
    assert all(got[key] != stated[key] for key in stated)
    assert layer_parameters() == [*CONVOLUTIONS, 4_719_616, 131_200, 129_000]
    assert parameters() == 5_925_672
    with tf.Graph().as_default():
        alexnet.AlexNet_v2(num_classes=5)(placeholder(224, 224, 3))
        assert parameters() == 5_797_317
    with pytest.raises(TypeError, match="class_num"):  # 004-E10
        alexnet.AlexNet_v2(class_num=5)


# VGG: F046 to F054


@pytest.mark.parametrize(
    ("name", "convolutions", "of_1000", "of_5"),
    [
        ("vgg11", 8, 132_863_336, 128_786_821),
        ("vgg13", 10, 133_047_848, 128_971_333),
        ("vgg16", 13, 138_357_544, 134_281_029),
        ("vgg19", 16, 143_667_240, 139_590_725),
    ],
)
def test_vgg(name, convolutions, of_1000, of_5):
    assert list(vgg.cfgs) == ["vgg11", "vgg13", "vgg16", "vgg19"]  # four of six: F046
    assert sum(layer != "M" for layer in vgg.cfgs[name]) == convolutions
    _, points = vgg.vgg(model_name=name, im_height=224, im_width=224, num_classes=5)(
        placeholder(224, 224, 3)
    )
    assert parameters() == of_5
    assert parameters("dense_2") == 4096 * 5 + 5
    assert of_1000 - of_5 == (4096 + 1) * 995
    assert legacy_nets.get_net(name).parameters == of_1000
    assert len(layer_parameters()) == convolutions + 3 == int(name[3:])
    got = shapes(points)
    assert [got[f"pool{number}"] for number in range(1, 6)] == [
        *((112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512))
    ]
    assert (got["flatten"], got["dense1"], got["dense2"]) == ((25088,), (4096,), (4096,))  # F052
    if name == "vgg16":
        assert parameters("feature") == 14_714_688


def test_stacked_3x3_convolutions_need_fewer_parameters():
    """F041 and F042, at 64 channels and without biases."""

    def count(size, layers):
        with tf.Graph().as_default():
            x = placeholder(16, 16, 64)
            for _ in range(layers):
                x = tf.layers.conv2d(x, 64, size, use_bias=False)
            return parameters(), x.shape.as_list()[1]

    assert count(3, 2) == (73_728, 12) and count(5, 1) == (102_400, 12)
    assert count(3, 3) == (110_592, 10) and count(7, 1) == (200_704, 10)


# GoogLeNet: F054 to F084

MAPS = {
    "conv2d_1": (112, 112, 64),
    "maxpool_1": (56, 56, 64),
    "conv2d_2": (56, 56, 64),
    "conv2d_3": (56, 56, 192),
    "maxpool_2": (28, 28, 192),
    "inception_3a": (28, 28, 256),
    "inception_3b": (28, 28, 480),
    "maxpool_3": (14, 14, 480),
    "inception_4a": (14, 14, 512),
    "inception_4b": (14, 14, 512),
    "inception_4c": (14, 14, 512),
    "inception_4d": (14, 14, 528),
    "inception_4e": (14, 14, 832),
    "maxpool_4": (7, 7, 832),
    "inception_5a": (7, 7, 832),
    "inception_5b": (7, 7, 1024),
    "avgpool_1": (1, 1, 1024),
    "output_flatten": (1024,),
    "logits": (1000,),
    "predictions": (1000,),
}


def test_googlenet_of_the_document():
    _, points = googlenet.GoogLeNet()(placeholder(224, 224, 3))
    assert shapes(points) == MAPS  # one output: F083, 004-E19
    assert MAPS["inception_4e"] != (14, 14, 532)  # F068, 004-E17
    assert parameters() == 6_998_552
    scopes = ["conv2d_1", "conv2d_2", "conv2d_3", *(key for key in MAPS if "inception" in key)]
    assert [parameters(scope) for scope in [*scopes, "output_dense"]] == [
        *(9_472, 4_160, 110_784, 163_696, 388_736, 376_176, 449_160, 510_104, 605_376, 868_352),
        *(1_043_456, 1_444_080, 1_025_000),
    ]
    dense = [op for op in tf.get_default_graph().get_operations() if op.type == "MatMul"]
    assert [op.name for op in dense] == ["output_dense/MatMul"]  # one remains: F084
    assert windows("AvgPool") == [(7, 1)]
    assert len(tf.global_variables()) == 116


def test_googlenet_with_auxiliary_heads(graph):
    _, points = googlenet.GoogLeNet(aux_logits=True)(placeholder(224, 224, 3))
    keys = list(points)
    assert keys.index("aux_1") == keys.index("inception_4a") + 1
    assert keys.index("aux_2") == keys.index("inception_4d") + 1
    assert [key for key in keys if key not in ("aux_1", "aux_2")] == list(MAPS)
    assert (parameters("aux_1"), parameters("aux_2")) == (3_188_840, 3_190_888)
    assert parameters() == 13_378_280
    assert len(tf.global_variables()) == 128

    def size(tensor):
        return tuple(graph.get_tensor_by_name(f"{tensor}:0").shape.as_list()[1:])

    for head, conv, dense, channels in (("aux_1", 18, "", 512), ("aux_2", 37, "_2", 528)):
        # F077 to F082: the numbers are right, but a map is (N, 4, 4, 512), not N x 512 x 4 x 4
        assert size(f"{head}/average_pooling2d/AvgPool") == (4, 4, channels)
        assert size(f"{head}/conv2d_{conv}/Relu") == (4, 4, 128)
        assert size(f"{head}/flatten/Reshape") == (2048,)
        assert size(f"{head}/dense{dense}/Relu") == (1024,)
        assert shapes(points)[head] == (1000,)


def test_inception_and_its_branches_keep_the_size(graph):
    """F075, F076; called as in the document."""
    x = googlenet.Inception(64, 96, 128, 16, 32, 32, name="inception_3a")(placeholder(28, 28, 192))
    assert x.shape.as_list() == [None, 28, 28, 256]
    (concat,) = [op for op in graph.get_operations() if op.type == "ConcatV2"]
    assert [part.shape.as_list()[1:] for part in concat.inputs][:4] == [
        *([28, 28, 64], [28, 28, 128], [28, 28, 32], [28, 28, 32])
    ]
    assert windows("MaxPool") == [(3, 1)]
    assert [v.op.name for v in tf.global_variables()][::2] == [
        "inception_3a/conv2d/kernel",
        "inception_3a/sequential/conv2d_1/kernel",
        "inception_3a/sequential/conv2d_2/kernel",
        "inception_3a/sequential_1/conv2d_3/kernel",
        "inception_3a/sequential_1/conv2d_4/kernel",
        "inception_3a/sequential_2/conv2d_5/kernel",
    ]
    logits = googlenet.InceptionAux(7, name="aux_1")(placeholder(14, 14, 512), True)
    assert logits.shape.as_list() == [None, 7]


@pytest.mark.slow
def test_numbers_behind_an_auxiliary_head_differ_without_it():
    """004-E21: a file that was saved without auxiliary heads fits a net without them."""
    googlenet.googlenet(placeholder(224, 224, 3))
    last = tf.global_variables()[-3].op.name
    assert last == "inception_5b/sequential_26/conv2d_53/bias"
    sizes = {v.op.name: tuple(v.shape.as_list()) for v in tf.global_variables()}
    there = {e.stored: sizes[e.name] for e in map_keras_no_aux_names("googlenet")}
    described = {name: TensorSpec(shape, "float32") for name, shape in there.items()}
    source = translate_for_net(WeightFile("w.h5", described, np.zeros), get_net("googlenet"))
    assert len(match(tf.global_variables(), source).matched) == 116
    with tf.Graph().as_default():
        googlenet.googlenet(placeholder(224, 224, 3), aux_logits=True)
        assert tf.global_variables()[-3].op.name == "inception_5b/sequential_26/conv2d_55/bias"
        missing = [item.name for item in match(tf.global_variables(), source).missing]
        assert {"aux_1/conv2d_18/kernel", "inception_4b/conv2d_19/kernel"} <= set(missing)
