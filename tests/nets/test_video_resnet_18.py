"""R(2+1)D-18, R3D-18 and MC3-18 against torchvision: golden numbers, and live where it is."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from graphs import get_vars, placeholder
from oracle_client import REPOSITORY, assert_close, fill, measure
from peer_client import TOLERANCE, assert_agrees, common, foreign_shapes, load_peer
from safetensors.numpy import save_file

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.translate import translate_back
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets import video_resnet_18 as nets
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.nets.weights.video_resnet_18 import map_torch_names
from legacy_nets.registry import get_net

NETS = tuple(nets.KINDS)
QUICK = ("mc3_18", 0)


pytestmark = pytest.mark.usefixtures("graph")


def shapes(end_points):
    return {key: tuple(point.shape.as_list()[1:]) for key, point in end_points.items()}


@pytest.mark.parametrize(
    ("net", "case"),
    [
        pytest.param(net, case, marks=() if (net, case) == QUICK else pytest.mark.slow)
        for net in NETS
        for case in (0, 1)
    ],
)
def test_same_logits_and_end_points_as_torchvision(net, case):
    assert_agrees(net, map_torch_names(net), load_peer(net)["cases"][case])


def test_golden_cases_are_the_paper_s_size_and_an_odd_one():
    for net in NETS:
        requests = [case["request"] for case in load_peer(net)["cases"]]
        assert requests == [
            {"batch": 2, "frames": 9, "height": 57, "width": 49},
            {"batch": 1, "frames": 16, "height": 112, "width": 112},
        ]


@pytest.mark.parametrize(
    "net", [pytest.param(net, marks=() if net == "mc3_18" else pytest.mark.slow) for net in NETS]
)
def test_state_dict_of_torchvision(net):
    logits, _ = legacy_nets.build(net, placeholder(16, 112, 112, 3))
    assert logits.shape.as_list() == [None, 400]
    peer = load_peer(net)
    entries = map_torch_names(net)
    assert [entry.name for entry in entries] == list(get_vars())  # in one order, too
    assert common.names_and_shapes(foreign_shapes(entries, get_vars())) == peer["tensors"]
    count = sum(int(np.prod(v.shape)) for v in tf.trainable_variables())
    assert count == peer["parameters"] == legacy_nets.get_net(net).parameters


@pytest.mark.parametrize(
    ("inputs", "filters", "middle"),
    [(64, 64, 144), (64, 128, 230), (128, 128, 288), (128, 256, 460), (256, 512, 921)],
)
def test_middle_channels(inputs, filters, middle):
    assert nets.middle_channels(inputs, filters) == middle


def test_r2plus1d_18_in_the_open():
    _, points = legacy_nets.build("r2plus1d_18", placeholder(16, 112, 112, 3), num_classes=7)
    maps = [(16, 56, 56, 64), (8, 28, 28, 128), (4, 14, 14, 256), (2, 7, 7, 512)]
    assert shapes(points) == {
        "stem": (16, 56, 56, 64),
        **{
            f"layer{layer}/block{block}{unit}": size
            for layer, size in enumerate(maps, 1)
            for block in (0, 1)
            for unit in ("/conv1", "/conv2", "")
        },
        "global_pool": (512,),
        "logits": (7,),
    }
    kernels = {name.removesuffix("/kernel"): v.shape.as_list() for name, v in get_vars().items()}
    block = "r2plus1d_18/layer2/block0"
    assert kernels["r2plus1d_18/stem/space"] == [1, 7, 7, 3, 45]
    assert kernels["r2plus1d_18/stem/time"] == [3, 1, 1, 45, 64]
    assert kernels[f"{block}/conv1/space"] == [1, 3, 3, 64, 230]
    assert kernels[f"{block}/conv1/time"] == [3, 1, 1, 230, 128]
    assert kernels[f"{block}/conv2/space"] == [1, 3, 3, 128, 230]  # not 288: counted with 64
    assert kernels[f"{block}/downsample/conv"] == [1, 1, 1, 64, 128]
    assert kernels["r2plus1d_18/fc"] == [512, 7]


def test_mc3_18_keeps_all_frames():
    features, points = legacy_nets.build("mc3_18", placeholder(5, 33, 47, 3), num_classes=None)
    assert features is points["global_pool"]
    assert list(points)[-1] == "global_pool"
    assert shapes(points)["stem"] == (5, 17, 24, 64)
    assert shapes(points)["layer4/block1"] == (5, 3, 3, 512)
    assert "mc3_18/fc/kernel" not in get_vars()
    kernels = {name: v.shape.as_list()[:3] for name, v in get_vars().items() if "kernel" in name}
    assert kernels["mc3_18/layer1/block1/conv2/conv/kernel"] == [3, 3, 3]
    assert kernels["mc3_18/layer2/block0/conv1/conv/kernel"] == [1, 3, 3]


@pytest.mark.slow
def test_unknown_sizes_reuse_and_scope():
    clips = placeholder(None, None, None, 3)
    first, _ = legacy_nets.build("mc3_18", clips, num_classes=3, scope="mine")
    before = list(get_vars())
    assert {name.split("/")[0] for name in before} == {"mine"}
    second, _ = legacy_nets.build("mc3_18", clips, num_classes=3, scope="mine", reuse=True)
    assert list(get_vars()) == before
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        one, two = session.run([first, second], {clips: fill.images([2, 1, 9, 8, 3])})
    assert one.shape == (2, 3)
    np.testing.assert_array_equal(one, two)
    assert np.abs(one[0] - one[1]).max() > 0.01  # the clips are told apart


@pytest.mark.slow
def test_training_by_a_tensor_moves_the_averages_by_a_tenth(graph):
    clips, training = placeholder(3, 12, 10, 3), tf.placeholder(tf.bool, [])
    logits, _ = legacy_nets.build("mc3_18", clips, num_classes=3, is_training=training)
    plain, _ = legacy_nets.build("mc3_18", clips, num_classes=3, reuse=True)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert len(updates) == 2 * 20  # mean and variance of 17 convolutions, 3 projections
    norm = "mc3_18/stem/bn"
    averages = [get_vars()[f"{norm}/moving_{kind}"] for kind in ("mean", "variance")]
    conv = graph.get_tensor_by_name("mc3_18/stem/conv/Conv3D:0")
    images = fill.images([2, 3, 12, 10, 3])
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        before = session.run(averages)
        one, two, _ = session.run([logits, plain, updates], {clips: images, training: False})
        assert_close(one, two, 1e-6, "inference")
        np.testing.assert_array_equal(session.run(averages), before)
        x, in_training, _ = session.run([conv, logits, updates], {clips: images, training: True})
        after = session.run(averages)
    assert np.abs(in_training - one).max() > 0.1  # the batch's own statistics
    x = x.reshape(-1, 64).astype(np.float64)
    assert_close(after[0], 0.9 * before[0] + 0.1 * x.mean(0), 1e-5, "mean")
    assert_close(after[1], 0.9 * before[1] + 0.1 * x.var(0, ddof=1), 1e-5, "variance")


@pytest.mark.parametrize("shape", [(112, 112, 3), (0, 9, 9, 3), (4, 9, 0, 3), (4, 9, 9, None)])
def test_bad_input(shape):
    with pytest.raises(BadInputError) as caught:
        legacy_nets.build("r3d_18", placeholder(*shape))
    assert str(caught.value).startswith("r3d_18 takes clips [N, T, H, W, C] of at least one frame")
    assert "\n" not in str(caught.value)


def state_of(net, values):
    """A state_dict of our graph's weights, which ``values`` (of a shape) gives."""
    with tf.Graph().as_default():
        legacy_nets.build(net, placeholder(1, 8, 8, 3))
        weights = {name: values(v.shape.as_list()) for name, v in get_vars().items()}
    return translate_back(weights, map_torch_names(net))


def zeros(shape):
    return np.zeros(shape, np.float32)


@pytest.fixture(scope="module")
def mc3_weights(tmp_path_factory):
    """A state_dict of mc3_18, with the counters that PyTorch keeps."""
    path = tmp_path_factory.mktemp("weights") / "mc3_18.safetensors"
    state = state_of("mc3_18", zeros)
    counters = [name.replace("running_var", "num_batches_tracked") for name in state]
    save_file(state | {n: np.array(7) for n in counters if n.endswith("tracked")}, path)
    return path


@pytest.mark.slow
def test_safetensors_restore_strictly(mc3_weights):
    source = translate_for_net(open_weights(mc3_weights), get_net("mc3_18"))
    legacy_nets.build("mc3_18", placeholder(1, 8, 8, 3))
    plan = match(tf.global_variables(), source)
    plan.check()
    assert (len(plan.matched), plan.extra, plan.skipped) == (102, (), ())
    with tf.Session() as session:
        plan.apply(session)
        assert session.run(get_vars()["mc3_18/stem/bn/moving_variance"]).tolist() == [0] * 64


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "words"),
    [
        ("r2plus1d_18", "r2plus1d_18/stem/space/kernel"),  # missing
        ("r3d_18", "of another shape or dtype: r3d_18/layer2/block0/conv1/conv/kernel (graph [3, "),
    ],
)
def test_state_dict_of_another_net_is_refused(mc3_weights, net, words):
    source = translate_for_net(open_weights(mc3_weights), get_net(net))
    legacy_nets.build(net, placeholder(1, 8, 8, 3))
    with pytest.raises(CheckpointError) as caught:
        match(tf.global_variables(), source).check()
    assert "does not match the graph" in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


LIVE = """
import sys, numpy as np, torch, torchvision
net, state, clips, pth, out = sys.argv[1:]
model = getattr(torchvision.models.video, net)()
with np.load(state) as file:
    model.load_state_dict({key: torch.from_numpy(file[key]) for key in file}, strict=True)
model.eval()
torch.save(model.state_dict(), pth)
with torch.no_grad():
    logits = model(torch.from_numpy(np.moveaxis(np.load(clips), -1, 1).copy()))
np.save(out, logits.numpy())
"""


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_weights_go_to_torchvision_and_come_back_as_pth(torch_python, net, tmp_path):
    images = fill.images([2, 6, 43, 38, 3], "live")
    clips = placeholder(None, None, None, 3)
    logits, _ = legacy_nets.build(net, clips)
    state, images_file, pth, out = (
        tmp_path / name for name in ("state.npz", "clips.npy", f"{net}.pth", "logits.npy")
    )
    np.save(images_file, images)
    with tf.Session() as session:
        measure.assign(session, tf.global_variables(), "live")
        weights, ours = session.run([get_vars(), logits], {clips: images})
    np.savez(state, **translate_back(weights, map_torch_names(net)))
    files = [str(file) for file in (state, images_file, pth, out)]
    done = subprocess.run([torch_python, "-c", LIVE, net, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = np.load(out)
    assert_close(ours, theirs, TOLERANCE, "logits")
    with tf.Session() as session:
        plan = match(tf.global_variables(), translate_for_net(open_weights(pth), get_net(net)))
        plan.check()
        plan.apply(session)
        again = session.run(logits, {clips: images})
    assert_close(again, theirs, TOLERANCE, "logits of the .pth")


@pytest.mark.slow
def test_golden_file_is_what_torchvision_says(torch_python):
    script = REPOSITORY / "scripts" / "peers" / "torchvision_video.py"
    done = subprocess.run([torch_python, script, "mc3_18"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
