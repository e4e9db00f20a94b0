"""Every function and class of a document is importable, with the document's parameters in order.

What this package adds is keyword-only. Where the documents themselves are there
(see ``cited_lines``), their definitions are read and compared too.
"""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re

import pytest
from cited_lines import find_documents

# document, its line, module under legacy_nets.nets, name, parameters with their defaults
DEFINITIONS = [
    ("000", 18, "cnn_lstm", "conv2d_layer", "inputs, filters, kernel_size, strides, padding"),
    ("000", 29, "cnn_lstm", "residual_block", "inputs, filters, kernel_size, strides, padding"),
    ("000", 42, "cnn_lstm", "lstm_layer", "inputs, hidden_size, num_layers"),
    ("000", 128, "video_resnet", "conv3d_layer", "inputs, filters, kernel_size, strides, padding"),
    *(
        ("000", line, "video_resnet", name, "inputs, filters, kernel_size, strides, padding")
        for line, name in ((140, "residual_3d_block"), (157, "residual_2plus1d_block"))
    ),
    ("000", 183, "video_resnet", "three_layers_3d_resnet", "inputs"),
    ("000", 216, "video_resnet", "three_layers_2plus1d_resnet", "inputs"),
    ("000", 240, "video_resnet", "three_layers_3d_resnet_2plus1d", "inputs"),
    *(
        ("001", line, "hand_signs", name, parameters)
        for line, name, parameters in (
            (
                32,
                "HandClassifier.identity_block",
                "X_input, kernel_size, in_filter, out_filters, stage, block, training",
            ),
            (
                114,
                "HandClassifier.convolutional_block",
                "X_input, kernel_size, in_filter, out_filters, stage, block, training, stride=2",
            ),
            (206, "HandClassifier.deepnn", "x_input, classes=6"),
            (317, "HandClassifier.cost", "logits, labels"),
            (330, "HandClassifier.train", "X_train, Y_train"),
            (389, "HandClassifier.evaluate", "test_features, test_labels, name='test '"),
        )
    ),
    ("002", 7, "inception_v3", "inception_v3_base", "inputs, scope=None"),  # 002-E04: scepe
    (
        "003",
        56,
        "resnet_v2",
        "bottleneck",
        "inputs, depth, depth_bottleneck, stride, outputs_collections=None, scope=None",
    ),
    ("004", 117, "demo_cnn", "MyModel", ""),
    ("004", 265, "alexnet", "AlexNet_v1", "im_height=224, im_width=224, num_classes=1000"),
    ("004", 291, "alexnet", "AlexNet_v2", "num_classes=1000"),
    ("004", 633, "vgg", "VGG", "feature, im_height=224, im_width=224, num_classes=1000"),
    ("004", 651, "vgg", "make_feature", "cfg"),
    (
        "004",
        671,
        "vgg",
        "vgg",
        "model_name='vgg16', im_height=224, im_width=224, num_classes=1000",
    ),
    (
        "004",
        821,
        "googlenet",
        "GoogLeNet",
        "im_height=224, im_width=224, class_num=1000, aux_logits=False",
    ),
    (
        "004",
        884,
        "googlenet",
        "Inception",
        "ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj",
    ),
    ("004", 911, "googlenet", "InceptionAux", "num_classes"),
    ("004", 1034, "resnet", "BasicBlock", "out_channel, strides=1, downsample=None"),
    ("004", 1048, "resnet", "BasicBlock.__call__", "inputs, training=False"),
    ("004", 1075, "resnet", "Bottleneck", "out_channel, strides=1, downsample=None"),
    ("004", 1091, "resnet", "Bottleneck.__call__", "inputs, training=False"),
    (
        "004",
        1113,
        "resnet",
        "_make_layer",
        "block, in_channel, channel, block_num, name, strides=1",
    ),
    (
        "004",
        1132,
        "resnet",
        "_resnet",
        "block, blocks_num, im_width=224, im_height=224, num_classes=1000, include_top=True",
    ),
    *(
        (
            "004",
            line,
            "resnet",
            name,
            "im_width=224, im_height=224, num_classes=1000, include_top=True",
        )
        for line, name in ((1159, "resnet34"), (1163, "resnet50"), (1167, "resnet101"))
    ),
    ("004", 1466, "vit", "PatchEmbed", "img_size=224, patch_size=16, embed_dim=768"),
    (
        "004",
        1489,
        "vit",
        "ConcatClassTokenAddPosEmbed",
        "embed_dim=768, num_patches=196, name=None",
    ),
    (
        "004",
        1521,
        "vit",
        "Attention",
        "dim, num_heads=8, qkv_bias=False, qk_scale=None, attn_drop_ratio=0.0, "
        "proj_drop_ratio=0.0, name=None",
    ),
    ("004", 1579, "vit", "MLP", "in_features, mlp_ratio=4.0, drop=0.0, name=None"),
    (
        "004",
        1598,
        "vit",
        "Block",
        "dim, num_heads=8, qkv_bias=False, qk_scale=None, drop_ratio=0.0, attn_drop_ratio=0.0, "
        "drop_path_ratio=0.0, name=None",
    ),
    (
        "004",
        1626,
        "vit",
        "VisionTransformer",
        "img_size=224, patch_size=16, embed_dim=768, depth=12, num_heads=12, qkv_bias=True, "
        "qk_scale=None, drop_ratio=0.0, attn_drop_ratio=0.0, drop_path_ratio=0.0, "
        "representation_size=None, num_classes=1000, name='ViT-B_16'",  # 004-E05: ViT-B/16
    ),
    *(
        ("004", line, "vit", f"vit_{size}_224_in21k", "num_classes=21843, has_logits=True")
        for line, size in (
            (1677, "base_patch16"),
            (1693, "base_patch32"),
            (1709, "large_patch16"),
            (1725, "large_patch32"),
            (1741, "huge_patch14"),
        )
    ),
]
CALLS = [  # line of a layer's ``call`` in document 004, the class, arguments that make a layer
    (1478, "PatchEmbed", ()),
    (1506, "ConcatClassTokenAddPosEmbed", ()),
    (1540, "Attention", (8, 2)),
    (1588, "MLP", (8,)),
    (1619, "Block", (8, 2)),
    (1661, "VisionTransformer", ()),
]
IDS = [f"{module}.{name}" for _, _, module, name, _ in DEFINITIONS]
DOCUMENTS = find_documents()


@pytest.mark.parametrize(("document", "line", "module", "name", "parameters"), DEFINITIONS, ids=IDS)
def test_parameters_are_the_document_s_in_order(document, line, module, name, parameters):
    function = importlib.import_module(f"legacy_nets.nets.{module}")
    for part in name.split("."):
        function = getattr(function, part)
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name != "self"
    ]
    assert ", ".join(map(str, plain)) == parameters


@pytest.mark.parametrize(("line", "name", "arguments"), CALLS, ids=[c[1] for c in CALLS])
def test_a_layer_of_vit_takes_what_its_call_takes(line, name, arguments):
    """``training`` is called is_training, as for every net of this package."""
    layer = getattr(importlib.import_module("legacy_nets.nets.vit"), name)(*arguments)
    parameters = inspect.signature(layer).parameters
    assert list(parameters) == ["inputs", "is_training"]
    assert parameters["is_training"].default is False
    if DOCUMENTS:
        assert read_parameters("004", line) in (["inputs", "training"], ["inputs"])


@pytest.mark.parametrize(
    ("line", "name", "arguments"), [(901, "Inception", (1,) * 6), (921, "InceptionAux", (5,))]
)
def test_a_layer_of_googlenet_takes_inputs(line, name, arguments):
    """Keras tells a layer by itself whether it trains; an auxiliary head here takes it second."""
    layer = getattr(importlib.import_module("legacy_nets.nets.googlenet"), name)(*arguments)
    first, *others = inspect.signature(layer).parameters.values()
    assert first.name == "inputs" and first.default is inspect.Parameter.empty
    assert [parameter.name for parameter in others] == {
        "Inception": [],
        "InceptionAux": ["training", "dropout"],
    }[name]
    assert all(parameter.default in (False, 0.5) for parameter in others)
    if DOCUMENTS:
        assert read_parameters("004", line) == ["inputs"]


def read_parameters(document, line):
    """The names of the parameters that a definition at a line of a document has."""
    (path,) = (DOCUMENTS or pathlib.Path()).glob(f"{document}_*.txt")
    text = "\n".join(path.read_text("utf-8").splitlines()[line - 1 : line + 10])
    stated = re.split(r"\)[^)]*:", text.partition("(")[2], maxsplit=1)[0]
    stated = re.sub(r"^\s*\d+\. ", "", stated, flags=re.M)  # document 003 numbers its lines
    names = [part.partition("=")[0].partition(":")[0].strip() for part in stated.split(",")]
    return [name for name in names if name not in ("self", "**kwargs")]


@pytest.mark.skipif(
    not DOCUMENTS, reason="the documents are not here; LEGACY_NETS_DOCUMENTS names their folder"
)
@pytest.mark.parametrize(("document", "line", "module", "name", "parameters"), DEFINITIONS, ids=IDS)
def test_the_cited_line_of_the_document_has_them(document, line, module, name, parameters):
    corrected = ["scope" if n == "scepe" else n for n in read_parameters(document, line)]
    given = [part.partition("=")[0].strip() for part in parameters.split(",")]
    assert list(filter(None, corrected)) == list(filter(None, given))
