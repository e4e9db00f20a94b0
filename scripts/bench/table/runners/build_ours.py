"""CPU seconds of building each net's graph of inference; and tf_slim's of the same name."""

from __future__ import annotations

import gc
import time

from protocol import serve

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.nets.build import build_by_name
from legacy_nets.packages import find_package

slim = tf.contrib.slim


def build_slim(name, images):
    """Builds tf_slim's net in its own arg_scope."""
    if name == "inception_v3":
        with slim.arg_scope(slim.nets.inception.inception_v3_arg_scope()):
            return slim.nets.inception.inception_v3(images, 1000, is_training=False)
    with slim.arg_scope(slim.nets.resnet_v2.resnet_arg_scope()):
        return getattr(slim.nets.resnet_v2, name)(images, 1000, is_training=False)


def make(record, build):
    """Makes a measure of one net."""

    def measure():
        gc.collect()  # else one graph pays for collecting the others
        with tf.Graph().as_default():
            images = tf.placeholder(tf.float32, [None, *record.image_size, record.channels])
            start = time.process_time()
            build(images)
            return time.process_time() - start

    return measure


measures = {}
for name in registry.list_nets():
    record = registry.get_net(name)
    build = make(record, lambda images, name=name: build_by_name(name, images))
    build() if not measures else None  # the first building of a process sets things up
    measures[name, "legacy_nets"] = build
    if name == "inception_v3" or name.startswith("resnet_v2_"):
        measures[name, "tf_slim"] = make(record, lambda images, name=name: build_slim(name, images))
serve(measures, {"tf_slim": str(find_package("tf-slim").installed)})
