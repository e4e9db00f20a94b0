"""Times graph building: our resnet_v2_152 and tf_slim's, by turns in one process.

``python scripts/bench/build.py [--pairs 5]`` prints the median CPU seconds of both.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.nets.resnet_v2 import resnet_v2_152

slim = tf.contrib.slim


def seconds(build: Callable[[Any], Any]) -> float:
    """CPU seconds that one building takes, in a graph of its own."""
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 224, 224, 3])
        start = time.process_time()
        build(images)
        return time.process_time() - start


def ours(images: Any) -> None:
    """This package's net, which opens its arg_scope itself."""
    resnet_v2_152(images, 1000, is_training=False)


def theirs(images: Any) -> None:
    """tf_slim's net in its arg_scope."""
    with slim.arg_scope(slim.nets.resnet_v2.resnet_arg_scope()):
        slim.nets.resnet_v2.resnet_v2_152(images, 1000, is_training=False)


def main() -> None:
    """Runs the pairs and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    seconds(ours)  # the first building of a process imports and sets things up
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(arguments.pairs)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"resnet_v2_152: ours {mine:.2f} s, tf_slim {other:.2f} s, ratio {mine / other:.3f}")


if __name__ == "__main__":
    main()
