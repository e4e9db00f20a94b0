"""Vision Transformer: the document's numbers, its errata, the net contract, bad input."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from oracle_client import assert_close, fill, measure

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import vit, vit_sizes
from legacy_nets.nets.build import load_function
from legacy_nets.registry import get_net

TINY = {"embed_dim": 32, "depth": 2, "num_heads": 4}
B16 = "vit_base_patch16_224_in21k"
IN21K = tuple(legacy_nets.list_nets("vit_*_in21k"))
BLOCK = "ViT-B_16/encoderblock_0"


pytestmark = pytest.mark.usefixtures("graph")


def make_images(side, batch=None):
    return tf.placeholder(tf.float32, [batch, side, side, 3])


def count():
    return sum(int(np.prod(v.shape)) for v in tf.trainable_variables())


def shape_of(graph, name):
    return graph.get_tensor_by_name(f"{name}:0").shape.as_list()


def test_every_shape_that_the_document_states(graph):
    """F121 to F128, F130 to F133, F140 to F154; a batch of two, one block of ViT-B/16."""
    logits, points = vit_sizes.vit(make_images(224, batch=2), depth=1, num_classes=7)
    variables = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    attention = f"{BLOCK}/MultiHeadAttention"
    shapes = {
        "F123 convolution": shape_of(graph, "ViT-B_16/patch_embed/conv2d/BiasAdd"),
        "F124, F140, F153 flattened": points["patch_embed"].shape.as_list(),
        "F125, F142 class token joined": shape_of(graph, "ViT-B_16/cls_pos/concat"),
        "F141 class token": shape_of(graph, "ViT-B_16/cls_pos/Tile"),
        "F154 tokens": points["cls_pos"].shape.as_list(),
        "F144 qkv": shape_of(graph, f"{attention}/qkv/BiasAdd"),
        "F145 qkv, reshaped": shape_of(graph, f"{attention}/Reshape"),
        "F146 qkv, transposed": shape_of(graph, f"{attention}/transpose"),
        "F147 q": shape_of(graph, f"{attention}/unstack"),
        "F149 attention": shape_of(graph, f"{attention}/Softmax"),
        "F150 times v": shape_of(graph, f"{attention}/MatMul_1"),
        "F151 transposed back": shape_of(graph, f"{attention}/transpose_1"),
        "F152 merged": shape_of(graph, f"{attention}/Reshape_1"),
        "F127 first dense": shape_of(graph, f"{BLOCK}/MlpBlock/Dense_0/BiasAdd"),
        "F128 second dense": shape_of(graph, f"{BLOCK}/MlpBlock/Dense_1/BiasAdd"),
        "F130 encoder": points["encoderblock_0"].shape.as_list(),
        "F131 norm": points["encoder_norm"].shape.as_list(),
        "F132 class token taken": points["pre_logits"].shape.as_list(),
    }
    assert shapes == {
        "F123 convolution": [2, 14, 14, 768],
        "F124, F140, F153 flattened": [2, 196, 768],
        "F125, F142 class token joined": [2, 197, 768],
        "F141 class token": [2, 1, 768],
        "F154 tokens": [2, 197, 768],
        "F144 qkv": [2, 197, 2304],
        "F145 qkv, reshaped": [2, 197, 3, 12, 64],
        "F146 qkv, transposed": [3, 2, 12, 197, 64],
        "F147 q": [2, 12, 197, 64],
        "F149 attention": [2, 12, 197, 197],
        "F150 times v": [2, 12, 197, 64],
        "F151 transposed back": [2, 197, 12, 64],
        "F152 merged": [2, 197, 768],
        "F127 first dense": [2, 197, 3072],
        "F128 second dense": [2, 197, 768],
        "F130 encoder": [2, 197, 768],
        "F131 norm": [2, 197, 768],
        "F132 class token taken": [2, 768],  # the text says [1, 768]: there is no axis of length 1
    }
    assert shapes["F154 tokens"] != [2, 176, 768]  # 004-E33: what the comment says is wrong
    assert variables["ViT-B_16/patch_embed/conv2d/kernel"] == [16, 16, 3, 768]  # F122
    assert variables["ViT-B_16/cls_pos/pos_embed"] == [1, 197, 768]  # F126
    assert variables["ViT-B_16/pre_logits/kernel"] == [768, 768]  # F133
    assert variables["ViT-B_16/head/kernel"] == [768, 7]
    assert logits.shape.as_list() == [2, 7]


def test_gelu_is_the_exact_one():
    """F129: 1 * Phi(1) = 0.841345; the tanh approximation gives 0.841192."""
    with tf.Session() as session:
        assert session.run(vit._gelu(tf.constant(1.0))) == pytest.approx(0.841345, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "patches", "tokens", "width", "depth", "heads", "parameters", "thousand"),
    [  # F120, F155 to F159; parameters without pre-logits, of 21843 classes and of 1000 (timm's)
        ("vit_base_patch16_224_in21k", 16, 197, 768, 12, 12, 102_595_923, 86_567_656),
        *(
            pytest.param(*numbers, marks=pytest.mark.slow)
            for numbers in (
                ("vit_base_patch32_224_in21k", 32, 50, 768, 12, 12, 104_252_499, 88_224_232),
                ("vit_large_patch16_224_in21k", 16, 197, 1024, 24, 16, 325_690_707, 304_326_632),
                ("vit_large_patch32_224_in21k", 32, 50, 1024, 24, 16, 327_899_475, 306_535_400),
            )
        ),
        ("vit_huge_patch14_224_in21k", 14, 257, 1280, 32, 16, 658_745_683, 632_045_800),
    ],
)
def test_sizes_of_the_five(name, patches, tokens, width, depth, heads, parameters, thousand):
    """All blocks are alike: two are built. With pre-logits, the test of the registry counts."""
    net = legacy_nets.get_net(name)
    size = {
        key: option.default
        for key, option in inspect.signature(load_function(get_net(name))).parameters.items()
    }
    assert (size["patch_size"], size["embed_dim"], size["depth"]) == (patches, width, depth)
    assert (size["num_heads"], net.num_classes) == (heads, 21843)
    _, points = legacy_nets.build(
        name, make_images(224), depth=2, num_classes=1000, has_logits=False
    )
    assert points["cls_pos"].shape.as_list() == [None, tokens, width]
    block = sum(
        int(np.prod(v.shape)) for v in tf.trainable_variables() if "encoderblock_1/" in v.op.name
    )
    assert count() + (depth - 2) * block == thousand
    assert thousand + (21843 - 1000) * (width + 1) == parameters


@pytest.mark.slow
def test_one_graph_of_b16_runs_with_one_and_three_images():
    images = make_images(224)
    logits, points = legacy_nets.build(B16, images)
    assert len(tf.global_variables()) == 154
    assert count() == 103_186_515
    batch = fill.images([3, 224, 224, 3])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        three, scores = session.run([points["pre_logits"], logits], {images: batch})
        one = session.run(points["pre_logits"], {images: batch[1:2]})
    assert scores.shape == (3, 21843)
    assert_close(one, three[1:2], 1e-5, "pre_logits")
    assert np.abs(three[0] - three[1]).max() > 1e-2


def test_any_batch_from_one_graph():
    images = make_images(32)
    logits, points = vit_sizes.vit(images, num_classes=5, **TINY)
    assert list(points) == [
        *("patch_embed", "cls_pos", "encoderblock_0", "encoderblock_1"),
        *("encoder_norm", "pre_logits", "logits"),
    ]
    batch = fill.images([3, 32, 32, 3])
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        three = session.run(logits, {images: batch})
        one = session.run(logits, {images: batch[1:2]})
    assert three.shape == (3, 5)
    assert_close(one, three[1:2], 1e-5, "logits")
    assert np.abs(three[0] - three[1]).max() > 1e-3  # the images are told apart


DOCUMENT = {
    "PatchEmbed": {"img_size": 224, "patch_size": 16, "embed_dim": 768},
    "ConcatClassTokenAddPosEmbed": {"embed_dim": 768, "num_patches": 196, "name": None},
    "Attention": {
        **{"dim": inspect.Parameter.empty, "num_heads": 8, "qkv_bias": False, "qk_scale": None},
        **{"attn_drop_ratio": 0.0, "proj_drop_ratio": 0.0, "name": None},
    },
    "MLP": {"in_features": inspect.Parameter.empty, "mlp_ratio": 4.0, "drop": 0.0, "name": None},
    "Block": {
        **{"dim": inspect.Parameter.empty, "num_heads": 8, "qkv_bias": False, "qk_scale": None},
        **{"drop_ratio": 0.0, "attn_drop_ratio": 0.0, "drop_path_ratio": 0.0, "name": None},
    },
    "VisionTransformer": {
        **{"img_size": 224, "patch_size": 16, "embed_dim": 768, "depth": 12, "num_heads": 12},
        **{"qkv_bias": True, "qk_scale": None, "drop_ratio": 0.0, "attn_drop_ratio": 0.0},
        **{"drop_path_ratio": 0.0, "representation_size": None, "num_classes": 1000},
        "name": "ViT-B_16",  # 004-E05
    },
    **{name: {"num_classes": 21843, "has_logits": True} for name in IN21K},
}


@pytest.mark.parametrize("name", DOCUMENT)
def test_signatures_are_the_document_s(name):
    parameters = inspect.signature(getattr(vit, name)).parameters
    assert [(p.name, p.default) for p in parameters.values()] == list(DOCUMENT[name].items())


@pytest.mark.parametrize(
    ("name", "has_logits"),
    [
        (B16, True),
        *(pytest.param(name, False, marks=pytest.mark.slow) for name in IN21K),
    ],
)
def test_the_document_s_builder_is_the_registry_s(monkeypatch, name, has_logits):
    transformer = vit.VisionTransformer
    monkeypatch.setattr(vit, "VisionTransformer", lambda **k: transformer(**{**k, "depth": 1}))
    options = {"num_classes": 3, "has_logits": has_logits}
    getattr(vit, name)(**options)(make_images(224))
    theirs = [(v.op.name, v.shape.as_list()) for v in tf.global_variables()]
    with tf.Graph().as_default():
        legacy_nets.build(name, make_images(224), depth=1, **options)
        ours = [(v.op.name, v.shape.as_list()) for v in tf.global_variables()]
    assert ours == theirs
    assert len(ours) == 4 + 12 + 4 + 2 * has_logits


def test_layers_of_the_document_one_by_one():
    x = vit.PatchEmbed(32, 16, 24)(make_images(32))
    x = vit.ConcatClassTokenAddPosEmbed(24, 4)(x)
    x = vit.Block(24, 3)(x, is_training=True)
    x = vit.MLP(24, 2.0)(vit.Attention(24, 4, qkv_bias=True)(x))
    assert x.shape.as_list() == [None, 5, 24]
    assert [v.op.name for v in tf.global_variables()] == [
        *("patch_embed/conv2d/kernel", "patch_embed/conv2d/bias"),
        "concat_class_token_add_pos_embed/cls",
        "concat_class_token_add_pos_embed/pos_embed",
        *("block/LayerNorm_0/gamma", "block/LayerNorm_0/beta"),
        "block/MultiHeadAttention/qkv/kernel",
        *("block/MultiHeadAttention/out/kernel", "block/MultiHeadAttention/out/bias"),
        *("block/LayerNorm_1/gamma", "block/LayerNorm_1/beta"),
        *("block/MlpBlock/Dense_0/kernel", "block/MlpBlock/Dense_0/bias"),
        *("block/MlpBlock/Dense_1/kernel", "block/MlpBlock/Dense_1/bias"),
        *("attention/qkv/kernel", "attention/qkv/bias"),
        *("attention/out/kernel", "attention/out/bias"),
        *("mlp/Dense_0/kernel", "mlp/Dense_0/bias", "mlp/Dense_1/kernel", "mlp/Dense_1/bias"),
    ]


def test_initial_values_blocks_differ_and_all_logits_are_zero():
    """004-E32 fixed, 004-E38 kept."""
    images = make_images(32)
    logits, _ = vit_sizes.vit(images, num_classes=5, **TINY)
    kernels = [v for v in tf.global_variables() if v.op.name.endswith("qkv/kernel")]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        first, second = session.run(kernels)
        assert not session.run(logits, {images: fill.images([2, 32, 32, 3])}).any()
    assert np.abs(first - second).max() > 0.01
    assert np.abs(first).max() <= np.sqrt(6 / (32 + 96))  # Glorot's bound


def test_dropout_follows_a_bool_tensor():
    images, training = make_images(32), tf.placeholder(tf.bool, [])
    options = {"num_classes": 5, **TINY}
    plain, _ = vit_sizes.vit(images, **options)
    dropped = {
        ratio: vit_sizes.vit(images, is_training=training, reuse=True, **options, **{ratio: 0.5})[0]
        for ratio in ("drop_ratio", "attn_drop_ratio", "drop_path_ratio")
    }
    assert len(tf.global_variables()) == 4 + 2 * 12 + 6
    feed = {images: fill.images([4, 32, 32, 3])}
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        want = session.run(plain, feed)
        inference = session.run(dropped, {**feed, training: False})
        trained = session.run(dropped, {**feed, training: True})
    for ratio in dropped:
        assert_close(inference[ratio], want, 1e-6, ratio)
        assert np.abs(trained[ratio] - want).max() > 1e-3, ratio


def test_drop_path_drops_whole_samples_and_doubles_the_rest():
    """004-E37: a branch is 0 or 1 / (1 - p) of itself, sample by sample, and by branch."""
    x = tf.placeholder(tf.float32, [None, 3, 8])
    y = vit.Block(8, 2, drop_path_ratio=0.5, name="b")(x, is_training=True)
    with tf.variable_scope("", reuse=True):
        same = vit.Block(8, 2, name="b")(x)
    first = tf.get_default_graph().get_tensor_by_name("b/MultiHeadAttention/out/BiasAdd:0")
    inner = tf.get_default_graph().get_tensor_by_name("b/add:0")  # after the first branch
    feed = {x: fill.images([64, 3, 8, 1])[..., 0]}
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        before, branch, after, end, plain = session.run([x, first, inner, y, same], feed)
    ratios = (after - before) / branch
    kept = np.abs(ratios).max(axis=(1, 2)) > 1
    np.testing.assert_allclose(ratios[kept], 2.0, rtol=1e-3)
    assert not (after - before)[~kept].any()
    assert 10 < kept.sum() < 54
    second = np.abs(end - after).max(axis=(1, 2)) > 0
    assert (second != kept).any()  # a draw of its own
    assert np.abs(end - plain).max() > 0.01


def test_drop_path_rate_grows_linearly(monkeypatch):
    rates = []
    block = vit.Block
    monkeypatch.setattr(vit, "Block", lambda **k: rates.append(k["drop_path_ratio"]) or block(**k))
    vit.VisionTransformer(32, 16, 32, 4, 4, drop_path_ratio=0.3)
    np.testing.assert_allclose(rates, [0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((None, 225, 225, 3), {}, "patches of 16 pixels do not divide an image of 225"),  # E35
        ((None, 224, 208, 3), {}, "takes square images [N, H, H, C] of a known size, not (None, 2"),
        ((None, None, None, 3), {}, "takes square images [N, H, H, C] of a known size"),
        ((None, 224, 224), {}, "takes square images [N, H, H, C] of a known size"),
        ((None, 32, 32, 3), {"num_heads": 10}, "10 heads do not divide a token of length 768"),
    ],
)
def test_bad_input(shape, options, words):
    with pytest.raises(BadInputError) as caught:
        vit_sizes.vit(tf.placeholder(tf.float32, shape), **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_image_size_than_the_layer_s_is_refused():
    with pytest.raises(BadInputError, match="a ViT for 224x224 takes"):
        vit.vit_base_patch16_224_in21k()(make_images(192))
