"""A training step of legacy_nets: loss, gradients, Adam; one batch fed again and again.

The work of a step is taken for three times that of inference: convolutions and matrix products,
forward, and back to their inputs and to their weights.
"""

from __future__ import annotations

import functools

import numpy as np
from protocol import count_per_second, read_arguments, serve, try_each

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow(uses_onednn=True)  # as the command train does

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import analyze_net
from legacy_nets.packages import find_package
from legacy_nets.processor import require_bfloat16
from legacy_nets.registry import get_net
from legacy_nets.train.graph import build_training
from legacy_nets.train.precision import make_config
from legacy_nets.train.settings import Settings

BATCH = 32
SIZES = {"inception_v3": (149, 149)}  # others: the registry's

name = read_arguments()["net"]
record = get_net(name)
size = SIZES.get(name, record.image_size)
flop = 3 * 2.0 * (analyze_net(name, size).multiply_adds or 0)  # of one image
settings = Settings(name, record.num_classes, size, preprocessing=record.preprocessing)
tf.disable_eager_execution()
net = build_training(settings)
initialize = tf.global_variables_initializer()
pictures = np.random.default_rng(0).integers(0, 256, (BATCH, *size, record.channels), np.uint8)
feed = net.make_feed(pictures)
feed |= {net.labels: np.arange(BATCH) % record.num_classes, net.is_training: True}


def make_step(precision):
    """Makes the measure of a session that trains in "fp32" or "bf16"."""
    if precision == "bf16":
        require_bfloat16("train --bf16", "measure fp32")
    session = tf.Session(config=make_config(precision == "bf16"))
    session.run(initialize)
    count = count_per_second(lambda: session.run(net.train_step, feed), BATCH)
    measure = (lambda: {"value": count(), "flop": flop}) if flop else count
    return {(f"batch {BATCH}", f"legacy_nets {precision}"): measure}


measures, failed = try_each(
    {
        f"legacy_nets {precision}": functools.partial(make_step, precision)
        for precision in ("fp32", "bf16")
    }
)
serve(measures, {"TensorFlow": str(find_package("tensorflow").installed)}, failed)
