"""Errata that a second reading found: the fixes, and what no lines of code reproduce."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess

import numpy as np
import pytest
import tomllib

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.documents.checks.common import build_net
from legacy_nets.nets import alexnet, googlenet, hand_signs, resnet, vit
from tests.support import cited_lines

slim = tf.contrib.slim
FOLDER = cited_lines.find_documents()
SLIPS = {  # words that the line has, words that it lacks
    "000-E20 l.279": (["torchvision.models.video.r2plus1d_18", "看不到底层实现"], []),
    "001-E27 l.211": (["Arguments:"], ["--"]),
    "001-E27 l.212": (["Returns:"], ["--"]),
    "002-E32 l.87": (["Fractorization"], ["Factorization"]),
    "004-E53 l.1680": (["ImageNet-21k weights"], ["load"]),
    "004-E60 l.100": (["Premade estimators", "SaveModel"], ["SavedModel"]),
    "004-E54 l.176": (["train_loss", "train_accuracy"], ["test_loss", "test_accuracy"]),
    "004-E54 l.177": (["test_loss"], ["train_loss"]),
}


@pytest.mark.skipif(FOLDER is None, reason="the documents are not here (LEGACY_NETS_DOCUMENTS)")
@pytest.mark.parametrize("slip", SLIPS)
def test_slips_of_comments_and_text(slip):
    assert FOLDER is not None
    (number,) = cited_lines.list_line_numbers(slip[8:])
    line = cited_lines.read_document(FOLDER, slip[:3])[number - 1]
    has, lacks = SLIPS[slip]
    assert all(word in line for word in has)
    assert not any(word in line for word in lacks)


def test_000_e19_the_steps_of_the_lstm_are_rows_of_one_picture():
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.constant(np.random.default_rng(0).random([2, 28, 28, 1], np.float32))
        _, points = legacy_nets.build("cnn_lstm", images)
        session.run(tf.global_variables_initializer())
        rows, steps = session.run([points["residual4"], points["lstm_input"]])
    assert rows.shape == (2, 4, 4, 256) and steps.shape == (2, 4, 1024)
    for step in range(4):
        np.testing.assert_array_equal(steps[:, step], rows[:, step].reshape(2, 1024))


SOURCE = """
import inspect
from torchvision.models.video import r2plus1d_18, resnet
print(inspect.getsource(resnet.Conv2Plus1D))
print(inspect.getsource(r2plus1d_18))
"""

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_000_e20_the_source_of_torchvision_s_net_can_be_read(torch_python):
    """It has the pair of convolutions in space and in time that the document could not see."""
    done = subprocess.run([torch_python, "-c", SOURCE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    source = "".join(done.stdout.split())
    assert "kernel_size=(1,3,3)" in source and "kernel_size=(3,1,1)" in source
    assert "[Conv2Plus1D]*4" in source


def test_000_e21_the_last_output_is_flat_before_the_reshape():
    with tf.Graph().as_default():
        _, points = legacy_nets.build("cnn_lstm_resnet", tf.zeros([3, 28, 28, 1]))
        assert points["lstm_output2"][:, -1, :].shape.as_list() == [3, 512]
        assert points["flatten"].shape.as_list() == [3, 512]


def test_001_e25_fixed_keep_prob_has_a_default():
    with tf.Graph().as_default(), tf.Session() as session:
        _, keep_prob, _ = hand_signs.deepnn(tf.zeros([1, 64, 64, 3]))
        assert keep_prob.name == "reference/dropout/Placeholder:0"
        assert session.run(keep_prob) == 1
        assert session.run(keep_prob, {keep_prob: 0.5}) == 0.5


@pytest.mark.parametrize("side", [299, 331, 346])
def test_002_e30_fixed_the_last_pool_has_the_stride_of_slim(side):
    """Maps of 8x8 and 9x9; with a stride of 1, the map of 9x9 would leave 2x2."""
    _, logits, points = build_net("inception_v3", f"{side}x{side}")
    assert points["Mixed_7c"].shape[1] == (8 if side == 299 else 9)
    assert points["AvgPool_1a"].shape.as_list() == [None, 1, 1, 2048]
    assert logits.shape.as_list() == [None, 1000]


@pytest.mark.parametrize("net", ["resnet18", "resnet50"])
def test_004_e49_fixed_every_projection_updates_its_averages(net):
    with tf.Graph().as_default():
        legacy_nets.build(net, tf.zeros([2, 64, 64, 3]), is_training=True)
        moving = {v.op.name for v in tf.global_variables() if "shortcut" in v.op.name}
        moving = {name for name in moving if "/moving_" in name}
        updates = [op.inputs[0].op.name for op in tf.get_collection(tf.GraphKeys.UPDATE_OPS)]
        assert len(moving) == (6 if net == "resnet18" else 8)
        assert moving <= set(updates)


def run_twice(layer, **options):
    with tf.Graph().as_default(), tf.Session() as session:
        tokens = np.random.default_rng(0).normal(size=[2, 3, 8]).astype(np.float32)
        outputs = layer(tf.constant(tokens), **options)
        session.run(tf.global_variables_initializer())
        return session.run(outputs), session.run(outputs)


def test_004_e50_attention_and_mlp_that_are_not_told_training_drop_nothing():
    for layer in (vit.Attention(8, 2, proj_drop_ratio=0.5), vit.MLP(8, drop=0.5)):
        first, second = run_twice(layer)
        np.testing.assert_array_equal(first, second)


def test_004_e50_fixed_the_block_tells_them():
    block = vit.Block(8, 2, drop_ratio=0.5)
    first, second = run_twice(block, is_training=True)
    assert np.abs(first - second).max() > 1e-3
    first, second = run_twice(block)
    np.testing.assert_array_equal(first, second)


def count_trained(**options):
    with tf.Graph().as_default():
        legacy_nets.build("resnet50", tf.zeros([1, 64, 64, 3]), num_classes=5, **options)
        base = {v.op.name for v in tf.trainable_variables() if "BatchNorm" in v.op.name}
        head = [v for v in tf.trainable_variables() if v.op.name not in base]
        return sum(v.shape.num_elements() for v in head if v.shape.ndims < 4)


def test_004_e51_the_script_trains_two_dense_layers_where_the_text_says_one():
    assert count_trained() == 10_245
    assert count_trained(dense=1024) == 2_103_301


def test_004_e56_resnet_takes_the_width_first():
    def list_sides(net):
        return [name for name in inspect.signature(net).parameters if name.startswith("im_")]

    for net in (resnet.resnet34, resnet.resnet50, resnet.resnet101):
        assert list_sides(net) == ["im_width", "im_height"]
    for net in (alexnet.AlexNet_v1, googlenet.GoogLeNet):
        assert list_sides(net) == ["im_height", "im_width"]


def test_004_e57_e58_e59_kept_names_and_dropouts():
    parameters = inspect.signature(googlenet.googlenet).parameters
    assert parameters["aux_dropout"].default == 0.5
    assert inspect.signature(alexnet.alexnet_v1).parameters["dropout"].default == 0.2
    assert inspect.signature(alexnet.alexnet_v2).parameters["dropout"].default == 0.2
    with tf.Graph().as_default() as graph:
        _, points = legacy_nets.build(
            "googlenet", tf.zeros([1, 224, 224, 3]), is_training=True, aux_logits=True
        )
        drops = [op for op in graph.get_operations() if op.type == "RandomUniform"]
        drops = [op for op in drops if "dropout" in op.name]
        assert "predictions" in points and "aux_3" not in points
        assert not any(op.type == "LRN" for op in graph.get_operations())
    assert len(drops) == 5  # one in front of the last layer, two in each auxiliary head


def test_004_e60_today_s_tensorflow_has_no_estimators_and_ours_has():
    assert not hasattr(importlib.import_module("tensorflow"), "estimator")
    column = tf.feature_column.numeric_column("x")
    estimator = tf.estimator.LinearClassifier([column], n_classes=3)
    assert type(estimator).__name__ == "LinearClassifier"


def test_004_e61_the_extra_run_has_scipy():
    project = tomllib.loads((cited_lines.ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", row)[0] for row in project["optional-dependencies"]["run"]}
    assert "scipy" in names
