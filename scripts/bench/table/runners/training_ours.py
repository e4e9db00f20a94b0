"""A training step of legacy_nets: loss, gradients, Adam; one batch fed again and again."""

from __future__ import annotations

import numpy as np
from protocol import count_per_second, read_arguments, serve

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow()

from legacy_nets import tf1 as tf
from legacy_nets.packages import find_package
from legacy_nets.registry import get_net
from legacy_nets.train.graph import build_training
from legacy_nets.train.settings import Settings

BATCH = 32
SIZES = {"inception_v3": (149, 149)}  # others: the registry's

name = read_arguments()["net"]
record = get_net(name)
size = SIZES.get(name, record.image_size)
settings = Settings(name, record.num_classes, size, preprocessing=record.preprocessing)
tf.disable_eager_execution()
session = tf.Session()
net = build_training(settings)
session.run(tf.global_variables_initializer())
pictures = np.random.default_rng(0).integers(0, 256, (BATCH, *size, record.channels), np.uint8)
feed = net.make_feed(pictures)
feed |= {net.labels: np.arange(BATCH) % record.num_classes, net.is_training: True}
step = count_per_second(lambda: session.run(net.train_step, feed), BATCH)
serve(
    {(f"batch {BATCH}", "legacy_nets fp32"): step},
    {"TensorFlow": str(find_package("tensorflow").installed)},
)
