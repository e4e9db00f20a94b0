"""Checkpoints to port: the families of the registry, as narrow as their options allow."""

from __future__ import annotations

import os
from typing import Any

from oracle_client import measure

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.port.job import Job
from legacy_nets.train.settings import resized

TOKENS = {"embed_dim": 32, "depth": 2, "num_heads": 2}
FAMILIES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {  # size, options
    "demo_cnn": ((28, 28), {}),
    "alexnet_v2": ((64, 64), {}),
    "vgg11": ((32, 32), {"hidden": 16}),
    "googlenet": ((193, 193), {}),
    "resnet18": ((33, 33), {}),
    "mobilenet_v1": ((32, 32), {"width_multiplier": 0.25}),
    "mobilenet_v2": ((32, 32), {"width_multiplier": 0.25}),
    "mobilenet_v3_small": ((32, 32), {"width_multiplier": 0.25}),
    "vit_base_patch16_224_in21k": ((32, 32), TOKENS),
    "vit_hybrid_r50_base_224": ((32, 32), {"units": [1, 1, 1], "width": 32, **TOKENS}),
    "cnn_lstm": ((28, 28), {}),
    "cnn_lstm_resnet": ((28, 28), {}),
    "resnet_2plus1d": ((4, 16, 16), {}),
    "r3d_18": ((2, 16, 16), {}),
    "hand_signs": ((32, 32), {}),
    "inception_v3": ((107, 107), {"depth_multiplier": 0.1}),
    "resnet_v2_50": ((33, 33), {}),
    "resnext50_32x4d": ((33, 33), {}),
}
FULL = {"resnet18", "r3d_18", "hand_signs", "resnet_v2_50", "resnext50_32x4d", "googlenet"}
ALL_SIZES = bool(os.environ.get("LEGACY_NETS_FULL"))  # then FULL, too: they have no narrow variant


def save(folder, net, size=None, options=None, num_classes=5):
    """Writes a checkpoint of a net with weights drawn by name; returns its prefix."""
    record = registry.get_net(net)
    prefix = str(folder / net)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *(size or record.image_size), record.channels])
        registry.build(net, images, num_classes=num_classes, **(options or {}))
        measure.assign(session, tf.global_variables())
        tf.train.Saver().save(session, prefix, write_meta_graph=False, write_state=False)
    return prefix


def job(prefix, net, target, out, size=None, options=None, num_classes=5, **more):
    sides = size or resized(registry.get_net(net).image_size, None, None)
    return Job(prefix, net, target, out, num_classes, sides, options=options or {}, **more)
