"""ResNeXt: its block's three forms are equal, torchvision's and timm's numbers are ours."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import get_vars, placeholder
from oracle_client import INFERENCE, assert_close, fill
from peer_client import assert_agrees, load_peer

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import resnet, resnext
from legacy_nets.nets.weights.resnet import map_torch_names

NETS = ("resnext50_32x4d", "resnext101_32x4d")


pytestmark = pytest.mark.usefixtures("graph")


def run_block(form, weights, x, strides, is_training):
    """Output, gradients of the weights by name, and moved averages of one form of the block."""
    with tf.Graph().as_default(), tf.Session() as session:
        shortcut = None
        if strides > 1:
            shortcut = lambda inputs, training: inputs[:, ::strides, ::strides]  # noqa: E731
        block = resnext.ResNeXtBlock(8, strides, shortcut, cardinality=4, form=form, name="block")
        y = block(tf.constant(x), is_training)
        made = {name.removeprefix("block/"): v for name, v in get_vars().items()}
        assert {name: tuple(v.shape) for name, v in made.items()} == {
            name: value.shape for name, value in weights.items()
        }
        session.run(
            [v.initializer for v in made.values()],
            {made[name].initializer.inputs[1]: value for name, value in weights.items()},
        )
        trained = {v.op.name.removeprefix("block/"): v for v in tf.trainable_variables()}
        loss = tf.reduce_sum(y * fill.variable("gradient/kernel", y.shape.as_list()))
        gradients = dict(zip(trained, tf.gradients(loss, list(trained.values())), strict=True))
        result = session.run((y, gradients))
        session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        moved = session.run({name: v for name, v in made.items() if "moving" in name})
        return *result, moved


def grouped_weights():
    """By name and shape, of a block of 32 channels in 4 paths of 4."""
    with tf.Graph().as_default():
        resnext.ResNeXtBlock(8, cardinality=4, name="block")(tf.zeros([1, 5, 6, 32]))
        names = {name.removeprefix("block/"): v.shape.as_list() for name, v in get_vars().items()}
    return {name: fill.variable(name, shape) for name, shape in names.items()}


@pytest.mark.parametrize("form", ["concat", "paths"])
@pytest.mark.parametrize(("strides", "is_training"), [(1, False), (2, True)])
def test_three_forms_of_the_block_are_equal(form, strides, is_training):
    """F108, weights carried over: outputs, gradients and moving averages."""
    weights, x = grouped_weights(), fill.images([3, 5, 6, 32])
    want, gradients, moved = run_block("grouped", weights, x, strides, is_training)
    split = resnext.split_weights(weights, form, 4)
    got, split_gradients, split_moved = run_block(form, split, x, strides, is_training)
    tolerance = 1e-4 if is_training else INFERENCE
    assert_close(got, want, tolerance, "output")
    for whole, parts in ((gradients, split_gradients), (moved, split_moved)):
        carried = resnext.split_weights(whole, form, 4)
        assert set(carried) == set(parts)
        largest = max(abs(value).max() for value in whole.values())
        for name, value in carried.items():
            assert_close(parts[name], value, tolerance, name, largest)


def test_parameters_of_the_block():
    """F108: 70,144 weights of convolutions, where the plain bottleneck has 69,632."""
    resnext.ResNeXtBlock(64, name="a")(placeholder(8, 8, 256))
    resnet.Bottleneck(64, name="b")(placeholder(8, 8, 256))

    def kernels(scope):
        named = get_vars().items()
        return sum(int(np.prod(v.shape)) for n, v in named if n[0] == scope and "kernel" in n)

    assert (kernels("a"), kernels("b")) == (70_144, 69_632)
    assert get_vars()["a/conv2/kernel"].shape.as_list() == [3, 3, 4, 128]


def test_grouped_convolution_is_split_and_concatenated():
    x = tf.constant(fill.images([2, 7, 6, 8]))
    for padding in ("same", "torch"):
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            variant = resnet.Variant(padding=padding)
            y = resnext.grouped_conv(x, 12, 4, 2, name="conv", variant=variant)
        kernel = get_vars()["net/conv/kernel"]
        pads = [[0, 0], [1, 1], [1, 1], [0, 0]]
        padded, how = (x, "SAME") if padding == "same" else (tf.pad(x, pads), "VALID")
        parts = zip(tf.split(padded, 4, 3), tf.split(kernel, 4, 3), strict=True)
        want = tf.concat([tf.nn.conv2d(a, k, [1, 2, 2, 1], how) for a, k in parts], 3)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            got, wanted = session.run([y, want])
        assert_close(got, wanted, INFERENCE, padding)


def test_bad_options():
    with pytest.raises(BadInputError, match="conv2: 16 channels and 16 filters do not divide into"):
        resnext.ResNeXtBlock(8)(placeholder(8, 8, 32))
    with pytest.raises(BadInputError, match="takes form 'grouped', 'concat', 'paths', not 'a'"):
        resnext.ResNeXtBlock(8, form="a")
    with pytest.raises(BadInputError, match="takes no option 'stride_in'"):
        legacy_nets.build("resnext50_32x4d", placeholder(32, 32, 3), stride_in=1)


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_same_numbers_and_state_dict_as_torch(net):
    peer = load_peer(net)
    entries = map_torch_names(net)
    assert_agrees(net, entries, peer["cases"][0], padding="torch")
    assert len({entry.stored for entry in entries}) == peer["tensors"]["count"]
    assert peer["parameters"] == legacy_nets.get_net(net).parameters  # of its graph: test_registry
