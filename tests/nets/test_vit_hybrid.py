"""The hybrid of ResNet-50 and ViT-B: the document's numbers, its two odd layers, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import placeholder
from oracle_client import assert_close, fill, measure

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import vit_hybrid

HYBRID = "vit_hybrid_r50_base_224"
NARROW = {"units": (1, 1, 2), "width": 32, "embed_dim": 24, "depth": 1, "num_classes": 5}


pytestmark = pytest.mark.usefixtures("graph")


def variables():
    return {v.op.name.removeprefix("R50_ViT-B_16/"): v for v in tf.global_variables()}


def test_what_the_document_says_of_it():
    """F135 to F139, at full width and one transformer block."""
    _, points = legacy_nets.build(HYBRID, placeholder(224, 224, 3), depth=1)
    assert {key: points[key].shape.as_list()[1:] for key in list(points)[:6]} == {
        "root": [56, 56, 64],
        "block1": [56, 56, 256],
        "block2": [28, 28, 512],
        "block3": [14, 14, 1024],  # F138
        "patch_embed": [196, 768],
        "cls_pos": [197, 768],
    }
    names = list(variables())
    units = [
        len({name.split("/")[1] for name in names if name.startswith(f"block{stage}/")})
        for stage in (1, 2, 3, 4)
    ]
    assert units == [3, 4, 9, 0]  # F136; ResNet-50 has 3, 4, 6, 3 (F135): the same sixteen
    assert sum(units) == sum((3, 4, 6, 3))
    assert variables()["patch_embed/conv2d/kernel"].shape.as_list() == [1, 1, 1024, 768]  # F139
    backbone = [v for name, v in variables().items() if name.startswith(("conv_", "gn_", "block"))]
    assert sum(int(np.prod(v.shape)) for v in backbone) == 11_894_848
    assert not [name for name in names if "moving" in name]  # F137: no batch norm
    assert names[:3] == ["conv_root/kernel", "gn_root/gamma", "gn_root/beta"]
    assert [name for name in names if name.startswith("block1/unit1/")] == [
        f"block1/unit1/{layer}"
        for i in ("_proj", "1", "2", "3")
        for layer in (f"conv{i}/kernel", f"gn{i}/gamma", f"gn{i}/beta")
    ]


def test_std_conv_forgets_scale_and_mean_of_its_kernel():
    """F137, and the formula."""
    x = tf.constant(fill.images([2, 6, 6, 3]))
    y = vit_hybrid.std_conv2d(x, 4, 3, 1, "c")
    kernel = variables()["c/kernel"]
    values = fill.variable("c/kernel", [3, 3, 3, 4])
    standard = (values - values.mean((0, 1, 2))) / values.std((0, 1, 2))
    plain = tf.nn.conv2d(x, tf.constant(standard), 1, "SAME")
    with tf.Session() as session:
        session.run(kernel.initializer, {kernel.initializer.inputs[1]: values})
        first, want = session.run([y, plain])
        session.run(kernel.initializer, {kernel.initializer.inputs[1]: 3 * values + 0.7})
        second = session.run(y)
    assert_close(first, want, 1e-5, "formula")
    assert_close(second, first, 1e-5, "another scale and mean")


def test_group_norm_of_a_map_of_unknown_size():
    x = placeholder(None, None, 64)
    y = vit_hybrid.group_norm(x, "g")
    assert y.shape.as_list() == [None, None, None, 64]
    values = fill.images([2, 3, 5, 64])
    groups = values.reshape(2, 15, 32, 2)
    mean = groups.mean((1, 3), keepdims=True)
    want = (groups - mean) / np.sqrt(groups.var((1, 3), keepdims=True) + 1e-5)
    gamma, beta = (fill.variable(f"g/{kind}", [64]) for kind in ("gamma", "beta"))
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        got = session.run(y, {x: values})
    assert_close(got, want.reshape(values.shape) * gamma + beta, 1e-5, "group norm")


def test_any_batch_from_one_graph_reuse_and_a_tensor_for_training():
    images, training = placeholder(32, 32, 3), tf.placeholder(tf.bool, [])
    logits, points = legacy_nets.build(HYBRID, images, **NARROW)
    assert list(points)[:5] == ["root", "block1", "block2", "block3", "patch_embed"]
    before = list(variables())
    dropped, _ = legacy_nets.build(
        HYBRID, images, is_training=training, reuse=True, drop_ratio=0.5, **NARROW
    )
    assert list(variables()) == before
    feed = {images: fill.images([3, 32, 32, 3]), training: False}
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        three, same = session.run([logits, dropped], feed)
        one = session.run(logits, {images: feed[images][2:]})
        other = session.run(dropped, {**feed, training: True})
    assert three.shape == (3, 5)
    assert_close(same, three, 1e-6, "inference")
    assert_close(one, three[2:], 1e-5, "one image")
    assert np.abs(other - three).max() > 1e-3


def test_the_branches_begin_at_zero():
    vit_hybrid.build_unit(placeholder(4, 4, 32), 32, 1, "u")
    gammas = [variables()[f"u/gn{i}/gamma"] for i in (3, 1)]
    with tf.Session() as session:
        session.run([v.initializer for v in gammas])
        last, first = session.run(gammas)
    assert not last.any()
    assert (first == 1).all()


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((230, 230, 3), {}, "sides of a multiple of 16, not 230"),
        ((224, 192, 3), {}, "takes square images [N, H, H, C] of a known size"),
        ((32, 32, 3), {"width": 24}, "channels in 32 groups, not 24"),
        ((32, 32, 3), {"num_heads": 5}, "5 heads do not divide a token of length 768"),
    ],
)
def test_bad_input(shape, options, words):
    with pytest.raises(BadInputError) as caught:
        legacy_nets.build(HYBRID, placeholder(*shape), **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
