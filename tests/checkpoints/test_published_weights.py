"""Weights that others trained: slim's own checkpoints with what lies beside the weights, and the
options that a layout was trained with, which reach evaluation, prediction and training.
"""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from commands import call
from oracle_client import INFERENCE, assert_close, fill
from peer_client import common, foreign_shapes
from PIL import Image
from rich.console import Console

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.translate import DENSE, Entry, Translated
from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.weights import resnet as resnet_weights
from legacy_nets.nets.weights.families import get_layout
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.registry import get_net
from legacy_nets.train.evaluate import resolve_settings
from legacy_nets.train.graph import build_net
from legacy_nets.train.settings import SettingChanges, Settings
from legacy_nets.train.warm_start import WarmStart, apply_warm_start

SMALL = {"width_multiplier": 0.25}
TORCH = {"padding": "torch", "epsilon": 1e-5}  # what timm's mobilenetv1 was trained with


def graph_of(net, side=32, **options):
    """Variables by name, logits and place of a net for five classes, in the current graph."""
    place = tf.placeholder(tf.float32, [None, side, side, 3])
    logits, _ = legacy_nets.build(net, place, num_classes=5, **options)
    return {v.op.name: v for v in tf.global_variables()}, logits, place


@pytest.fixture(scope="module")
def slim_file(tmp_path_factory):
    """A checkpoint as slim's resnet_v1_50 leaves it in training: every weight has its Momentum,
    some an average; the step, and the pixel means that came from Caffe, lie beside them."""
    prefix = str(tmp_path_factory.mktemp("slim") / "resnet_v1_50.ckpt")
    with tf.Graph().as_default():
        shapes = foreign_shapes(resnet_weights.map_slim_names("resnet50"), graph_of("resnet50")[0])
    with tf.Graph().as_default(), tf.Session() as session:
        for name, shape in shapes.items():
            tf.get_variable(name, initializer=fill.variable(name, shape))
            if len(shape) == 1 and "moving" not in name:
                for slot in ("Momentum", "ExponentialMovingAverage"):
                    value = fill.variable(f"{name}/{slot}", shape)
                    tf.get_variable(f"{name}/{slot}", initializer=value)
        tf.get_variable("resnet_v1_50/mean_rgb", initializer=np.float32([123.68, 116.779, 103.939]))
        tf.get_variable("global_step", initializer=np.int64(90_000))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, prefix, write_meta_graph=False)
    return prefix


@pytest.mark.slow
@pytest.mark.parametrize("ema", [False, True])
def test_a_slim_checkpoint_restores_strictly(slim_file, ema):
    source = open_weights(slim_file)
    assert len(source.tensors) == 267 + 2 * 107 + 2
    entries = resnet_weights.map_slim_names("resnet50")
    with tf.Graph().as_default(), tf.Session() as session:
        variables = graph_of("resnet50", padding="slim", stride_in=1)[0]
        plan = match(tf.global_variables(), translate_for_net(source, get_net("resnet50")), ema=ema)
        plan.check()
        assert (len(plan.matched), plan.extra, plan.skipped) == (267, (), ())
        assert "global_step" in plan.slots and "logits/bias/Momentum" in plan.slots
        plan.apply(session)
        got = session.run(variables)
    for entry in entries:
        averaged = ema and f"{entry.stored}/ExponentialMovingAverage" in source.tensors
        stored = f"{entry.stored}/ExponentialMovingAverage" if averaged else entry.stored
        want = entry.transform.to_graph(source.read(stored))
        np.testing.assert_array_equal(got[entry.name], want, err_msg=entry.name)


def test_slots_and_averages_follow_their_variables_names(tmp_path):
    kernel = np.arange(6, dtype=np.float32).reshape(3, 2)
    stored = {
        "top/fc/weights": kernel,
        "top/fc/weights/Momentum": kernel + 10,
        "train/top/fc/weights/Adam_1": kernel + 20,
        "top/fc/weights/ExponentialMovingAverage": kernel + 30,
        "top/fc/weights/Adadelta": np.zeros(1, np.float32),  # of another shape: none of its slots
        "top/fc/weights/scale": kernel,
        "global_step": np.int64(7),
    }
    np.savez(tmp_path / "w.npz", **stored)
    source = Translated(
        open_weights(tmp_path / "w.npz"), [Entry("dense/kernel", "top/fc/weights", DENSE)]
    )
    assert set(source.tensors) == {
        *("dense/kernel", "dense/kernel/Momentum", "train/dense/kernel/Adam_1"),
        *("dense/kernel/ExponentialMovingAverage", "global_step"),
        *("top/fc/weights/Adadelta", "top/fc/weights/scale"),
    }
    np.testing.assert_array_equal(source.read("train/dense/kernel/Adam_1"), (kernel + 20).T)
    with tf.Graph().as_default(), tf.Session() as session:
        dense = tf.get_variable("dense/kernel", [2, 3])
        plan = match([dense], source, ema=True)
        assert plan.extra == ("top/fc/weights/Adadelta", "top/fc/weights/scale")
        assert set(plan.slots) == {
            *("dense/kernel", "dense/kernel/Momentum", "train/dense/kernel/Adam_1", "global_step"),
        }
        match([dense], source, ema=True, skip=("top",)).apply(session)
        np.testing.assert_array_equal(session.run(dense), (kernel + 30).T)


def names_only(path, names):
    """A weight file whose tensors have names alone to be told by."""
    np.savez(path, **{name: np.zeros(1, np.float32) for name in names})
    return str(path)


@pytest.mark.parametrize(
    ("net", "layout", "options", "preprocessing"),
    [
        ("resnet50", "slim", {"padding": "slim", "stride_in": 1}, ""),
        ("resnet50", "torch", {"padding": "torch"}, "imagenet"),
        ("resnet50", "keras_tf", {}, "vgg_whole"),
        ("resnet50", "keras_h5", {}, "vgg_whole"),
        ("resnet50", "keras_transfer", {}, "vgg_whole"),
        ("mobilenet_v1", "torch", TORCH, "imagenet"),
    ],
)
def test_what_a_layout_was_trained_with(tmp_path, net, layout, options, preprocessing):
    entries = get_layout(get_net(net), layout).map_names(net)
    path = names_only(tmp_path / "w.npz", [part for entry in entries for part in entry.parts])
    settings = resolve_settings(path, net)
    assert (settings.options, settings.preprocessing) == (options, preprocessing)
    given = resolve_settings(
        path,
        net,
        SettingChanges(options={"padding": "same"}, preprocessing="unit", num_classes=7),
    )
    assert given.options == options | {"padding": "same"}  # the user's word counts
    assert (given.preprocessing, given.num_classes) == ("unit", 7)
    Settings(net, 9, (40, 50), preprocessing="vgg").save(
        tmp_path
    )  # so does the training's own record
    assert resolve_settings(path, net).options == {}
    assert resolve_settings(path, net).preprocessing == "vgg"


@pytest.fixture(scope="module")
def torch_file(tmp_path_factory):
    """timm's names of a narrow MobileNet v1 for five classes, filled by name."""
    path = tmp_path_factory.mktemp("torch") / "mobilenetv1_025.npz"
    with tf.Graph().as_default():
        shapes = foreign_shapes(
            get_layout(get_net("mobilenet_v1"), "torch").map_names("mobilenet_v1"),
            graph_of("mobilenet_v1", **SMALL)[0],
        )
    np.savez(path, **{name: common.value(name, shape) for name, shape in shapes.items()})
    return str(path)


@pytest.mark.slow
def test_evaluation_and_prediction_run_a_net_as_it_was_trained(torch_file, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    given = ("--checkpoint", torch_file, "--option", "width_multiplier=0.25")
    given += ("--num-classes", 5, "--image-size", 32, "--preprocessing", "unit")
    Image.fromarray(picture).save(tmp_path / "x.png")
    [row] = json.loads(call("predict", "mobilenet_v1", *given, tmp_path / "x.png", "--json").stdout)
    with tf.Graph().as_default(), tf.Session() as session:
        variables, logits, place = graph_of("mobilenet_v1", **SMALL, **TORCH)
        source = translate_for_net(open_weights(torch_file), get_net("mobilenet_v1"))
        match(list(variables.values()), source).apply(session)
        feed = {place: scale_pixels(picture[None], "unit")}
        [want] = session.run(tf.nn.softmax(logits), feed)
    assert_close(np.array(list(row["probabilities"].values())), want, INFERENCE, "probabilities")
    other = ("--option", "padding=same")
    [row] = json.loads(
        call("predict", "mobilenet_v1", *given, *other, tmp_path / "x.png", "--json").stdout
    )
    assert abs(np.array(list(row["probabilities"].values())) - want).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("same", [True, False])
def test_training_says_what_it_does_otherwise(torch_file, same):
    options, pixels = (TORCH, "imagenet") if same else ({"padding": "same"}, "inception")
    settings = Settings("mobilenet_v1", 5, (32, 32), options=SMALL | options, preprocessing=pixels)
    printed = io.StringIO()
    with tf.Graph().as_default(), tf.Session() as session:
        net = build_net(settings)
        session.run(tf.global_variables_initializer())
        console = Console(file=printed, width=1000, soft_wrap=True)
        apply_warm_start(WarmStart(torch_file), settings, net, session, console)
        values = session.run({variable.op.name: variable for variable in net.variables})
    *lines, last = printed.getvalue().splitlines()
    assert last == f"warm start from {torch_file}: {len(values)} variables"
    flags = ("--option padding=torch", "--option epsilon=1e-05", "--preprocessing imagenet")
    this = [f"{torch_file} was trained with {flag}, this run is not" for flag in flags]
    assert lines == ([] if same else this)
    source = translate_for_net(open_weights(torch_file), get_net("mobilenet_v1"))
    for name, value in values.items():
        np.testing.assert_array_equal(value, source.read(name), err_msg=name)


@pytest.mark.slow
def test_training_from_weights_without_averages_is_refused(torch_file):
    settings = Settings(
        "mobilenet_v1", 5, (32, 32), options=SMALL | TORCH, preprocessing="imagenet"
    )
    with tf.Graph().as_default(), tf.Session() as session:
        net = build_net(settings)
        start = WarmStart(torch_file, ema=True)
        with pytest.raises(CheckpointError, match="has no moving averages: leave --warm-start-ema"):
            apply_warm_start(start, settings, net, session, Console(quiet=True))
