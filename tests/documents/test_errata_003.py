"""Errata of document 003 that test_resnet_v2.py does not cover: small defects and fixes."""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.nets import resnet_v2 as module

slim = tf.contrib.slim


def test_e04_lines_that_end_in_commas_assign_nothing():
    space = {"Block": module.Block, "unit": None}
    before = set(space)
    exec('Block("block1", unit, [(8, 2, 1)]),\nBlock("block2", unit, [(16, 4, 1)]),', space)
    assert set(space) - before == {"__builtins__"}
    exec('blocks = [Block("block1", unit, [(8, 2, 1)]), Block("block2", unit, [])]', space)
    assert [block.scope for block in space["blocks"]] == ["block1", "block2"]


def test_e08_predictions_do_not_depend_on_the_batch():
    image = np.random.default_rng(0).uniform(-1, 1, [2, 33, 33, 3]).astype(np.float32)
    image[1] *= 3
    blocks = [module.Block("block1", module.bottleneck, [(8, 2, 1)])]
    for options, depends in (({}, True), ({"is_training": False}, False)):  # slim's default; ours
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(0)
            x = tf.placeholder(tf.float32, [None, 33, 33, 3])
            net, _ = module.resnet_v2(x, blocks, 3, **options)
            session.run(tf.global_variables_initializer())
            alone, beside = (session.run(net, {x: batch})[0] for batch in (image[:1], image))
        assert (np.abs(alone - beside).max() > 1e-2 * np.abs(alone).max()) == depends


def test_e10_a_note_at_another_depth_is_no_python():
    listing = 'def unit(x):\n    y = x + 1\n{}"""A note."""\n    return y\n'
    with pytest.raises(IndentationError):
        compile(listing.format(""), "listing", "exec")
    compile(listing.format("    "), "listing", "exec")
