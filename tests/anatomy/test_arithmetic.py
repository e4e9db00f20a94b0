"""The parameters of a layer as a sum, worked out from the variables of the graph."""

from __future__ import annotations

import pytest

from legacy_nets.anatomy.arithmetic import explain_parameters, select_first_of_each_kind
from legacy_nets.documents.checks import common
from legacy_nets.language import use_language

NETS = ["hand_signs", "inception_v3", "cnn_lstm_resnet", "mobilenet_v3_small", "resnext50_32x4d"]


def count(net, layer):
    graph = common.build_net(net).images.graph
    (found,) = explain_parameters([common.analyze_net(net).get_layer(layer)], graph)
    return found


@pytest.mark.parametrize("net", NETS)
def test_the_sums_are_the_parameters_of_the_layers(net):
    graph = common.build_net(net).images.graph
    layers = common.analyze_net(net).layers
    for layer, found in zip(layers, explain_parameters(layers, graph), strict=True):
        assert (found.total, found.trainable) == (layer.parameters, layer.trainable)


@pytest.mark.parametrize(
    ("net", "layer", "formula", "explanation"),
    [
        (
            "hand_signs",
            "reference/Variable",
            "7·7·3·64 + 4·64 = 9,664",
            "kernel 9,408; batch norm 256 (gamma, beta; moving_mean, moving_variance are not "
            "trained)",
        ),
        ("hand_signs", "reference/res2a/Variable_3", "1·1·64·256 = 16,384", "kernel 16,384"),
        (
            "inception_v3",  # slim's batch norm has no gamma
            "InceptionV3/Conv2d_1a_3x3",
            "3·3·3·32 + 3·32 = 960",
            "kernel 864; batch norm 96 (beta; moving_mean, moving_variance are not trained)",
        ),
        (
            "cnn_lstm_resnet",  # (features + hidden) x 4 gates
            "rnn/while",
            "1536·2048 + 2048 = 3,147,776",
            "kernel 3,145,728; bias 2,048",
        ),
        (
            "vit_base_patch16_224_in21k",
            "ViT-B_16/cls_pos/concat",
            "1·1·768 + 1·197·768 = 152,064",
            "cls 768; pos_embed 151,296",
        ),
        ("demo_cnn", "images", " = 0", ""),
    ],
)
def test_a_layer_in_numbers(net, layer, formula, explanation):
    found = count(net, layer)
    assert (found.formula, found.explanation) == (formula, explanation)


def test_which_of_the_parameters_are_trained():
    found = count("hand_signs", "reference/Variable")
    assert [(term.role, term.count, term.trainable) for term in found.terms] == [
        ("kernel", 9_408, 9_408),
        ("batch norm", 256, 128),
    ]
    assert (found.total, found.trainable) == (9_664, 9_536)


def test_the_first_layer_of_each_kind():
    graph = common.build_net("hand_signs").images.graph
    layers = common.analyze_net("hand_signs").layers
    first = select_first_of_each_kind(explain_parameters(layers, graph))
    assert [found.layer for found in first] == [
        "reference/Variable",  # with batch norm
        "reference/res2a/Variable_3",  # without
        "reference/dense",
    ]


def test_a_layer_in_numbers_is_chinese():
    with use_language("zh"):
        explanation = count("inception_v3", "InceptionV3/Conv2d_1a_3x3").explanation
    assert explanation == "权重 864；批归一化 96（beta；moving_mean, moving_variance 不参与训练）"
