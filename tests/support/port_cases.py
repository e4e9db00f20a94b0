"""Checkpoints to port: every net of the registry, as small as its options allow."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from oracle_client import measure

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.nets.build import build_by_name
from legacy_nets.port.jobs import Job
from legacy_nets.train.settings import resize_input

ALL_SIZES = bool(os.environ.get("LEGACY_NETS_FULL"))  # whether nets at full size are asked for
_NARROW = {"width_multiplier": 0.25}
_TOKENS = {"embed_dim": 32, "num_heads": 2}
_HYBRID = {"width": 32, **_TOKENS}
SMALL: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {  # every net: image size, options
    "cnn_lstm": ((28, 28), {}),
    "cnn_lstm_resnet": ((28, 28), {}),
    **dict.fromkeys(("resnet_3d", "resnet_2plus1d", "resnet_3d_2plus1d"), ((4, 16, 16), {})),
    **dict.fromkeys(("r2plus1d_18", "r3d_18", "mc3_18"), ((2, 16, 16), {})),
    "hand_signs": ((32, 32), {}),
    "inception_v3": ((107, 107), {"depth_multiplier": 0.1}),
    **{f"resnet_v2_{depth}": ((33, 33), {}) for depth in (50, 101, 152, 200)},
    "demo_cnn": ((28, 28), {}),
    "alexnet_v1": ((64, 64), {}),
    "alexnet_v2": ((64, 64), {}),
    **{f"vgg{depth}": ((224, 224), {"hidden": 16}) for depth in (11, 13, 16, 19)},  # 7x7 for torch
    "googlenet": ((193, 193), {"aux_logits": True}),
    **{f"resnet{depth}": ((33, 33), {}) for depth in (18, 34, 50, 101, 152)},
    **{f"resnext{depth}_32x4d": ((33, 33), {}) for depth in (50, 101)},
    **{
        f"mobilenet_{variant}": ((32, 32), _NARROW)
        for variant in ("v1", "v2", "v3_small", "v3_large")
    },
    **{f"vit_{variant}_patch16_224_in21k": ((32, 32), _TOKENS) for variant in ("base", "large")},
    **{f"vit_{variant}_patch32_224_in21k": ((64, 64), _TOKENS) for variant in ("base", "large")},
    "vit_huge_patch14_224_in21k": ((28, 28), _TOKENS),
    "vit_hybrid_r50_base_224": ((32, 32), _HYBRID),
}


def save(folder, net, size=None, options=None, num_classes=5):
    """Writes a checkpoint of a net with weights drawn by name; returns its prefix."""
    record = registry.get_net(net)
    prefix = str(folder / net)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *(size or record.image_size), record.channels])
        build_by_name(net, images, num_classes=num_classes, **(options or {}))
        measure.assign(session, tf.global_variables())
        tf.train.Saver().save(session, prefix, write_meta_graph=False, write_state=False)
    return prefix


def job(prefix, name, target, out, size=None, options=None, num_classes=5, **more):
    """The job of a net of the registry, by its name."""
    net = registry.get_net(name)
    size = size or resize_input(net.image_size, None, None)
    more.setdefault("preprocessing", net.preprocessing)
    return Job(prefix, net, target, out, num_classes, size, options=options or {}, **more)


def write_models(folder):
    """Makes a folder with two weight files, and one that is damaged; returns it."""
    folder.mkdir()
    for name in ("a", "b"):
        np.savez(folder / f"{name}.npz", **{f"{name}/weights": np.ones((2, 3), np.float32)})
    (folder / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n damaged")
    return folder
