"""Times graph building: our nets and tf_slim's of the same architecture, in one process.

``python scripts/bench/build.py [--pairs 5] [NET ...]`` prints the median CPU seconds of both, and
their ratio. Both take turns at coming first, and garbage is collected before each, since whoever
triggers a collection pays for it.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import legacy_nets
from legacy_nets import tf1 as tf

slim = tf.contrib.slim
THEIRS = {  # net -> tf_slim's function and arg_scope
    "inception_v3": (slim.nets.inception.inception_v3, slim.nets.inception.inception_v3_arg_scope),
    "resnet_v2_50": (slim.nets.resnet_v2.resnet_v2_50, slim.nets.resnet_v2.resnet_arg_scope),
    "resnet_v2_101": (slim.nets.resnet_v2.resnet_v2_101, slim.nets.resnet_v2.resnet_arg_scope),
    "resnet_v2_152": (slim.nets.resnet_v2.resnet_v2_152, slim.nets.resnet_v2.resnet_arg_scope),
    "resnet_v2_200": (slim.nets.resnet_v2.resnet_v2_200, slim.nets.resnet_v2.resnet_arg_scope),
}


def seconds(build: Callable[[Any], Any]) -> float:
    """CPU seconds that one building takes, in a graph of its own."""
    gc.collect()
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 224, 224, 3])
        start = time.process_time()
        build(images)
        return time.process_time() - start


def compare(name: str, pairs: int) -> tuple[float, float]:
    """Returns the median seconds of our net, which opens its arg_scope itself, and of theirs."""
    net, arg_scope = THEIRS[name]

    def ours(images: Any) -> None:
        legacy_nets.build(name, images, num_classes=1000, is_training=False)

    def theirs(images: Any) -> None:
        with slim.arg_scope(arg_scope()):
            net(images, 1000, is_training=False)

    seconds(ours)  # the first building of a process imports and sets things up
    seconds(theirs)
    found: dict[Callable[[Any], None], list[float]] = {ours: [], theirs: []}
    for index in range(pairs):
        for build in (ours, theirs) if index % 2 else (theirs, ours):
            found[build].append(seconds(build))
    return statistics.median(found[ours]), statistics.median(found[theirs])


def main() -> None:
    """Runs the pairs and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*", default=list(THEIRS))
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    for name in arguments.nets:
        mine, other = compare(name, arguments.pairs)
        print(f"{name}: ours {mine:.2f} s, tf_slim {other:.2f} s, ratio {mine / other:.3f}")


if __name__ == "__main__":
    main()
