"""Weights of ViTs from elsewhere: Keras files, the release's .npz, timm's state_dicts, resizing."""

from __future__ import annotations

import json
import re
import subprocess
from inspect import signature

import keras_vit
import numpy as np
import pytest
from graphs import get_vars
from oracle_client import REPOSITORY, assert_close, assert_summary, fill, measure
from peer_client import TOLERANCE, common, fill_by_foreign_name, load_peer

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.translate import Translated, translate_back
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets import vit_sizes
from legacy_nets.nets.build import load_function
from legacy_nets.nets.weights import vit as vit_weights
from legacy_nets.nets.weights.families import get_layout
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph, translate_for_net
from legacy_nets.registry import get_net

B16 = "vit_base_patch16_224_in21k"
HYBRID = "vit_hybrid_r50_base_224"
NETS = tuple(legacy_nets.list_nets("vit*"))
TINY = {"embed_dim": 32, "depth": 2, "num_heads": 4}
IMAGES = fill.images([3, 32, 32, 3])
KERAS = {**TINY, "img_size": 32, "representation_size": 32, "num_classes": 5}


def names_of(net, layout):
    return get_layout(get_net(net), layout).map_names(net)


def peers(quick):
    return [
        *(pytest.param(net, marks=() if net in quick else pytest.mark.slow) for net in NETS),
        pytest.param("vit_base_patch16_224_full", marks=pytest.mark.rare),
    ]


def build_tiny(images):
    return vit_sizes.vit(images, num_classes=5, **TINY)[0]


@pytest.fixture(scope="module")
def keras_model():
    """The document's model, filled by name, and its logits; eager, as in a fresh process."""
    tf.keras.backend.clear_session()
    model = keras_vit.vision_transformer(tf, **KERAS)
    model(tf.zeros([1, 32, 32, 3]))
    for weight in model.weights:
        weight.assign(fill.variable(weight.name.removesuffix(":0"), weight.shape.as_list()))
    return model, model(IMAGES).numpy()


def test_variables_and_outputs_are_the_keras_model_s(keras_model):
    model, want = keras_model
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 32, 32, 3])
        logits = build_tiny(images)
        ours = [(v.name, v.shape.as_list()) for v in tf.global_variables()]
        assert ours == [(w.name, w.shape.as_list()) for w in model.weights]
        measure.assign(session, tf.global_variables())
        assert_close(session.run(logits, {images: IMAGES}), want, 1e-5, "logits")


@pytest.mark.rare
def test_names_of_the_whole_b16_are_the_keras_model_s():
    """As tf_keras writes them in graph mode."""
    with tf.Graph().as_default():
        model = keras_vit.vision_transformer(tf, representation_size=768, num_classes=21843)
        model(tf.zeros([1, 224, 224, 3]))
        theirs = [(w.op.name, w.shape.as_list()) for w in model.weights]
        assert [v.op.name for v in tf.global_variables()] == [name for name, _ in theirs]
    with tf.Graph().as_default():
        legacy_nets.build(B16, tf.placeholder(tf.float32, [None, 224, 224, 3]))
        assert [(v.op.name, v.shape.as_list()) for v in tf.global_variables()] == theirs


ASK_ORACLE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import keras_vit, tensorflow as tf
model = keras_vit.vision_transformer(tf, **json.loads(sys.argv[2]))
model(tf.placeholder(tf.float32, [None, 32, 32, 3]))
assert len(model.weights) == len(tf.global_variables())
print(json.dumps([[v.op.name, v.shape.as_list()] for v in tf.global_variables()]))
"""


@pytest.mark.slow
def test_names_are_those_of_real_tensorflow_1(oracle):
    arguments = [str(REPOSITORY / "tests" / "support"), json.dumps(KERAS)]
    done = subprocess.run([oracle, "-c", ASK_ORACLE, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    with tf.Graph().as_default():
        build_tiny(tf.placeholder(tf.float32, [None, 32, 32, 3]))
        ours = [[v.op.name, v.shape.as_list()] for v in tf.global_variables()]
    assert ours == json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["h5", "tf"])
def test_files_of_the_keras_model_load_by_name(keras_model, tmp_path, kind):
    model, want = keras_model
    path = str(tmp_path / ("weights.h5" if kind == "h5" else "weights"))
    model.save_weights(path, save_format=kind)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 32, 32, 3])
        logits = build_tiny(images)
        plan = match(tf.global_variables(), translate_for_net(open_weights(path), get_net(B16)))
        plan.check()
        assert (len(plan.matched), plan.extra) == (34, ())
        plan.apply(session)
        assert_close(session.run(logits, {images: IMAGES}), want, 1e-5, "logits")


@pytest.mark.parametrize("net", peers(quick=(B16,))[:-1])
def test_tables_name_every_variable_in_order_and_timm_s_tensors(net):
    """At full size, from a graph of one block: all blocks are alike."""
    depth = signature(load_function(get_net(net))).parameters["depth"].default
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 224, 224, 3])
        legacy_nets.build(net, images, depth=1, num_classes=1000, has_logits=True)
        shapes = {name: v.shape.as_list() for name, v in get_vars().items()}
    block = re.compile(r"encoderblock_\d+")
    for layout in ("npz", "torch"):
        table = [entry.name for entry in names_of(net, layout)]
        assert [name for name in table if block.sub("encoderblock_0", name) == name] == list(shapes)
        assert {block.sub("encoderblock_0", name) for name in table} == set(shapes)
        assert len(table) == len(set(table)) == len(shapes) + 12 * (depth - 1)
    foreign = {}
    for entry in names_of(net, "torch"):
        if "pre_logits" not in entry.name:  # timm has none
            here = np.broadcast_to(True, shapes[block.sub("encoderblock_0", entry.name)])
            foreign[entry.stored] = entry.transform.to_file(here).shape
    full = load_peer(net)["full"]  # 1000 classes
    assert common.names_and_shapes(dict(sorted(foreign.items()))) == full["tensors"]
    assert sum(int(np.prod(shape)) for shape in foreign.values()) == full["parameters"]


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("layout", ["npz", "torch"])
def test_a_file_s_layout_is_told_by_its_names(net, layout, tmp_path):
    entries = names_of(net, layout)
    names = [part for entry in entries for part in entry.parts if "pre_logits" not in part]
    np.savez(tmp_path / "R.npz", **{name: np.zeros(1) for name in names})
    source = translate_for_net(open_weights(tmp_path / "R.npz"), get_net(net))
    assert isinstance(source, Translated)
    assert set(source.tensors) == {e.name for e in entries if "pre_logits" not in e.name}


def test_npz_of_the_release(tmp_path):
    """Heads apart there, joined here; there and back."""
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 32, 32, 3])
        logits, _ = vit_sizes.vit(images, num_classes=5, embed_dim=24, depth=2)
        entries = [entry for entry in vit_weights.map_npz_names(B16) if entry.name in get_vars()]
        measure.assign(session, tf.global_variables())
        weights, want = session.run([get_vars(), logits], {images: IMAGES})
        stored = translate_back(weights, entries)
        np.savez(tmp_path / "R.npz", **stored)
        session.run([v.initializer for v in tf.global_variables()])
        source = Translated(open_weights(tmp_path / "R.npz"), entries)
        plan = match(tf.global_variables(), source)
        plan.check()
        plan.apply(session)
        np.testing.assert_array_equal(session.run(logits, {images: IMAGES}), want)
    block = "Transformer/encoderblock_1"
    attention = f"{block}/MultiHeadDotProductAttention_1"
    assert stored[f"{attention}/query/kernel"].shape == (24, 12, 2)
    assert stored[f"{attention}/out/kernel"].shape == (12, 2, 24)
    assert stored[f"{attention}/value/bias"].shape == (12, 2)
    ours = weights["ViT-B_16/encoderblock_1/MultiHeadAttention/qkv/kernel"]
    np.testing.assert_array_equal(stored[f"{attention}/key/kernel"][:, 3, 1], ours[:, 24 + 7])
    assert {name for name in stored if not name.startswith("Transformer/encoderblock_")} == {
        *("cls", "embedding/kernel", "embedding/bias"),
        "Transformer/posembed_input/pos_embedding",
        *("Transformer/encoder_norm/scale", "Transformer/encoder_norm/bias"),
        *("pre_logits/kernel", "pre_logits/bias", "head/kernel", "head/bias"),
    }
    assert {name.removeprefix(f"{block}/") for name in stored if name.startswith(block)} == {
        *("LayerNorm_0/scale", "LayerNorm_0/bias", "LayerNorm_2/scale", "LayerNorm_2/bias"),
        *(
            f"MultiHeadDotProductAttention_1/{part}/{kind}"
            for part in ("query", "key", "value", "out")
            for kind in ("kernel", "bias")
        ),
        *(f"MlpBlock_3/Dense_{i}/{kind}" for i in (0, 1) for kind in ("kernel", "bias")),
    }


def test_a_file_without_its_values_is_told_as_missing(tmp_path):
    with tf.Graph().as_default():
        options = {"embed_dim": 24, "depth": 1}
        vit_sizes.vit(tf.placeholder(tf.float32, [None, 32, 32, 3]), 5, **options)
        zeros = {name: np.zeros(v.shape.as_list(), np.float32) for name, v in get_vars().items()}
        entries = [entry for entry in vit_weights.map_npz_names(B16) if entry.name in zeros]
        stored = translate_back(zeros, entries)
        del stored["Transformer/encoderblock_0/MultiHeadDotProductAttention_1/value/bias"]
        np.savez(tmp_path / "R.npz", **stored)
        plan = match(tf.global_variables(), Translated(open_weights(tmp_path / "R.npz"), entries))
    assert [m.name for m in plan.missing] == ["ViT-B_16/encoderblock_0/MultiHeadAttention/qkv/bias"]
    assert len(plan.extra) == 2  # its query and key


@pytest.mark.parametrize("case", peers(quick=(B16, HYBRID)))
def test_same_logits_and_end_points_as_timm(case):
    net = B16 if case.endswith("_full") else case
    peer = load_peer(case)["cases"][0]
    request = peer["request"]
    shape = [request["batch"], request["height"], request["width"], 3]
    options = {**request["options"], "has_logits": False, "num_classes": 10}
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *shape[1:]])
        logits, points = legacy_nets.build(net, images, **options)
        entries = [entry for entry in names_of(net, "torch") if entry.name in get_vars()]
        fill_by_foreign_name(session, entries, get_vars())
        points = {key: points[key] for key in peer["end_points"]}
        got, points = session.run([logits, points], {images: fill.images(shape)})
    assert_summary(got, peer["logits"], TOLERANCE, "logits")
    for key, want in peer["end_points"].items():
        assert_summary(points[key], want, TOLERANCE, key)


@pytest.mark.slow
def test_golden_files_are_what_timm_says(torch_python):
    script = REPOSITORY / "scripts" / "peers" / "timm_vit.py"
    done = subprocess.run([torch_python, script, B16, HYBRID], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_position_embeddings_are_resized_and_the_class_token_kept(caplog):
    table = np.array([9, 0, 1, 2, 3], np.float32).reshape(1, 5, 1)  # a 2x2 grid
    bigger = vit_weights.resize_position_embeddings(table, 10)
    assert bigger[0, :, 0].tolist() == [9, 0, 0.5, 1, 1, 1.5, 2, 2, 2.5, 3]
    assert bigger.dtype == np.float32
    assert caplog.messages == ["position embeddings resized from 2x2 to 3x3 patches"]
    np.testing.assert_allclose(vit_weights.resize_position_embeddings(bigger, 5), table)
    assert vit_weights.resize_position_embeddings(table, 5) is table
    assert len(caplog.messages) == 2


@pytest.mark.parametrize(("old", "new"), [(6, 10), (5, 12), (1, 5)])
def test_position_embeddings_of_no_square_are_refused(old, new):
    with pytest.raises(BadInputError, match="position embeddings are not a class token and a sq"):
        vit_weights.resize_position_embeddings(np.zeros([1, old, 4], np.float32), new)


def test_weights_of_another_image_size_load(tmp_path, caplog):
    """A file of 32x32 into a net for 48x48, from an .npz of the release."""
    size = {"num_classes": 5, "embed_dim": 24, "depth": 1}
    with tf.Graph().as_default(), tf.Session() as session:
        vit_sizes.vit(tf.placeholder(tf.float32, [None, 32, 32, 3]), **size)
        measure.assign(session, tf.global_variables())
        weights = session.run(get_vars())
    entries = [entry for entry in vit_weights.map_npz_names(B16) if entry.name in weights]
    np.savez(tmp_path / "R.npz", **translate_back(weights, entries))
    source = Translated(open_weights(tmp_path / "R.npz"), entries)
    with tf.Graph().as_default(), tf.Session() as session:
        vit_sizes.vit(tf.placeholder(tf.float32, [None, 48, 48, 3]), **size)
        strict = match(tf.global_variables(), source)
        assert [item.name for item in strict.mismatched] == ["ViT-B_16/cls_pos/pos_embed"]
        plan = match(
            tf.global_variables(), adapt_to_graph(source, get_net(B16), tf.global_variables())
        )
        plan.check()
        plan.apply(session)
        got = session.run(get_vars()["ViT-B_16/cls_pos/pos_embed"])
    want = weights["ViT-B_16/cls_pos/pos_embed"]
    assert got.shape == (1, 10, 24)
    np.testing.assert_array_equal(got[:, 0], want[:, 0])
    np.testing.assert_array_equal(got[:, [1, 3, 7, 9]], want[:, 1:])  # corners on corners
    np.testing.assert_allclose(got[:, 5], want[:, 1:].mean(1), atol=1e-7)
    assert caplog.messages == ["position embeddings resized from 2x2 to 3x3 patches"]


@pytest.mark.parametrize("shape", [(5, 24), (2, 5, 24), (1, 5, 12), (24,)])
def test_position_embeddings_of_another_kind_are_one_line(shape, tmp_path):
    """Those of timm are [1, tokens, D]; what is not is no table to resize."""
    with tf.Graph().as_default():
        vit_sizes.vit(tf.placeholder(tf.float32, [None, 48, 48, 3]), 5, embed_dim=24, depth=1)
        values = {name: np.zeros(v.shape.as_list(), np.float32) for name, v in get_vars().items()}
        [name] = [name for name in values if name.endswith(vit_weights.POSITIONS)]
        values[name] = np.zeros(shape, np.float32)
        np.savez(tmp_path / "w.npz", **values)
        source = vit_weights.resize_positions(
            open_weights(tmp_path / "w.npz"), tf.global_variables()
        )
        with pytest.raises(CheckpointError) as caught:
            match(tf.global_variables(), source).check()
    message = str(caught.value)
    assert "\n" not in message and f"1 of another shape or dtype: {name}" in message
    np.testing.assert_array_equal(source.read(name), values[name])
