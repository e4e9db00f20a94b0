"""VGG against torchvision: golden numbers, names, and nets whose weights do not fit."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from graphs import get_vars, placeholder
from oracle_client import REPOSITORY, assert_close, fill
from peer_client import TOLERANCE, assert_agrees, common, foreign_shapes, load_peer

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.checkpoints.translate import Translated
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets import vgg
from legacy_nets.nets.weights import vgg as vgg_weights
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.registry import get_net

NETS = ("vgg11", "vgg13", "vgg16", "vgg19")


pytestmark = pytest.mark.usefixtures("graph")


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_same_logits_and_end_points_as_torchvision(net):
    (case,) = load_peer(net)["cases"]
    assert case["request"] == {"batch": 1, "height": 224, "width": 224, "hidden": 64}
    assert len(case["end_points"]) == {"vgg11": 15, "vgg13": 17, "vgg16": 20, "vgg19": 23}[net]
    assert_agrees(net, vgg_weights.map_torch_names(net), case, hidden=64)


@pytest.mark.parametrize(
    "net", ["vgg11", *(pytest.param(net, marks=pytest.mark.slow) for net in NETS[1:])]
)
def test_state_dict_of_torchvision(net):
    legacy_nets.build(net, placeholder(224, 224, 3))
    peer = load_peer(net)
    entries = vgg_weights.map_torch_names(net)
    assert [entry.name for entry in entries] == list(get_vars())  # in one order, too
    assert common.names_and_shapes(foreign_shapes(entries, get_vars())) == peer["tensors"]
    count = sum(int(np.prod(v.shape)) for v in tf.trainable_variables())
    assert count == peer["parameters"] == legacy_nets.get_net(net).parameters


def test_names_of_torchvision():
    names = {entry.name: entry.stored for entry in vgg_weights.map_torch_names("vgg11")}
    assert names["feature/conv2d/kernel"] == "features.0.weight"
    assert names["feature/conv2d_7/bias"] == "features.18.bias"
    assert names["dense_2/kernel"] == "classifier.6.weight"


def state_dict(shapes):
    """A source that holds zeros under torchvision's names."""
    described = {name: TensorSpec(tuple(shape), "float32") for name, shape in shapes.items()}
    return WeightFile("a.pth", described, lambda name: np.zeros(shapes[name], np.float32))


def test_a_state_dict_fits_by_its_table():
    legacy_nets.build("vgg11", placeholder(224, 224, 3), hidden=8)
    shapes = foreign_shapes(vgg_weights.map_torch_names("vgg11"), get_vars())
    source = translate_for_net(state_dict(shapes), get_net("vgg11"))
    assert isinstance(source, Translated)
    plan = match(tf.global_variables(), source)
    plan.check()
    assert len(plan.matched) == 22


def test_a_state_dict_needs_224_pixels():
    legacy_nets.build("vgg11", placeholder(224, 224, 3), hidden=8)
    shapes = foreign_shapes(vgg_weights.map_torch_names("vgg11"), get_vars())
    with tf.Graph().as_default():
        legacy_nets.build("vgg11", placeholder(96, 96, 3), hidden=8)
        plan = match(tf.global_variables(), translate_for_net(state_dict(shapes), get_net("vgg11")))
        (mismatch,) = plan.mismatched
        assert (mismatch.name, mismatch.shape) == ("dense/kernel", (4608, 8))
        assert mismatch.stored_shape == (25088, 8)


def test_other_nets_of_torchvision_do_not_fit():
    alexnet = state_dict({"features.0.weight": (64, 3, 11, 11), "classifier.1.bias": (4096,)})
    legacy_nets.build("alexnet_v1", placeholder(224, 224, 3))
    with pytest.raises(
        CheckpointError, match=r"a\.pth does not match the graph \(0 variables do\)"
    ):
        match(tf.global_variables(), translate_for_net(alexnet, get_net("alexnet_v1"))).check()
    assert list(
        translate_for_net(alexnet, get_net("alexnet_v2")).tensors
    ) == [  # as ports name them
        *("alex_net_v2/features/0/kernel", "alex_net_v2/classifier/1/beta"),
    ]
    inception = state_dict(
        {"conv1.conv.weight": (64, 3, 7, 7), "inception3a.branch1.bn.bias": (64,)}
    )
    assert not any(
        name.startswith("inception_3a")
        for name in translate_for_net(inception, get_net("googlenet")).tensors
    )


def test_features_take_any_table(graph):
    x = vgg.make_feature([8, "M", 16])(placeholder(10, 12, 3))
    assert x.shape.as_list() == [None, 5, 6, 16]
    assert list(get_vars()) == [
        "feature/conv2d/kernel",
        "feature/conv2d/bias",
        "feature/conv2d_1/kernel",
        "feature/conv2d_1/bias",
    ]


def test_the_names_of_the_document_take_its_parameters():
    logits, points = vgg.VGG(vgg.make_feature([4, "M"]), 32, 64, 5)(placeholder(32, 64, 3))
    assert logits.shape.as_list() == [None, 5]
    assert points["flatten"].shape.as_list() == [None, 16 * 32 * 4]
    with tf.Graph().as_default():
        logits, _ = vgg.vgg("vgg13", 32, 32, 5)(placeholder(32, 32, 3))
        assert logits.shape.as_list() == [None, 5]
        assert len(tf.global_variables()) == 26
    with pytest.raises(BadInputError, match="no VGG is called 'vgg12': choose one of vgg11, vgg13"):
        vgg.vgg("vgg12")


def test_kernels_are_drawn_as_the_document_says():
    legacy_nets.build("vgg11", placeholder(32, 32, 3), hidden=300)
    tf.set_random_seed(3)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        conv, dense, bias = session.run(
            [get_vars()[name] for name in ("feature/conv2d_5/kernel", "dense/kernel", "dense/bias")]
        )
    # fan out: variance 2 / (9 * 512), cut off at two deviations (before the cut 1 / 0.8796 of it)
    deviation = np.sqrt(2 / (9 * 512))
    assert abs(conv.std() / deviation - 1) < 0.01
    assert 0.99 < np.abs(conv).max() / (2 * deviation / 0.87962566) <= 1
    # variance 1 / 3 / 300, uniform
    limit = np.sqrt(1 / 300)
    assert 0.999 < np.abs(dense).max() / limit <= 1
    assert abs(dense.std() / (limit / np.sqrt(3)) - 1) < 0.01
    assert not bias.any()


LIVE = """
import sys, numpy as np, torch, torchvision
name, images, pth, out = sys.argv[1:]
torch.manual_seed(0)
model = getattr(torchvision.models, name)().eval()
torch.save(model.state_dict(), pth)
with torch.no_grad():
    np.save(out, model(torch.from_numpy(np.moveaxis(np.load(images), 3, 1).copy())).numpy())
"""


@pytest.mark.slow
def test_a_pth_of_torchvision_gives_its_logits(torch_python, tmp_path):
    images = fill.images([2, 224, 224, 3], "live")
    images_file, pth, out = (tmp_path / name for name in ("images.npy", "vgg11.pth", "out.npy"))
    np.save(images_file, images)
    command = [torch_python, "-c", LIVE, "vgg11", str(images_file), str(pth), str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    inputs = placeholder(224, 224, 3)
    logits, _ = legacy_nets.build("vgg11", inputs)
    with tf.Session() as session:
        plan = match(tf.global_variables(), translate_for_net(open_weights(pth), get_net("vgg11")))
        plan.check()
        plan.apply(session)
        got = session.run(logits, {inputs: images})
    pth.unlink()  # half a gigabyte
    assert_close(got, np.load(out), TOLERANCE, "logits")


@pytest.mark.slow
def test_golden_file_is_what_torchvision_says(torch_python):
    script = REPOSITORY / "scripts" / "peers" / "torchvision_zoo_a.py"
    done = subprocess.run([torch_python, script, "vgg13"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
