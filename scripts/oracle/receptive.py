"""Asks tf.contrib.receptive_field of real TensorFlow 1.15.5 for the end points of slim's nets.

  .oracle/bin/python scripts/oracle/receptive.py           compare with the golden file
  .oracle/bin/python scripts/oracle/receptive.py --write   write tests/golden/receptive_fields.json
  .oracle/bin/python scripts/oracle/receptive.py --live NET SIDE OUT.json   one other request

Runs under Python 3.7; ``make oracle`` sets it up.

contrib knows FusedBatchNorm, but fails at the FusedBatchNormV3 that 1.15.5 itself writes. So the
graph gets the older name, which has the same receptive field.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import tensorflow as tf  # noqa: E402
from tensorflow.contrib import receptive_field  # noqa: E402
from tensorflow.contrib import slim  # noqa: E402
from tensorflow.contrib.slim.nets import inception  # noqa: E402
from tensorflow.contrib.slim.nets import resnet_v2  # noqa: E402

tf.logging.set_verbosity(tf.logging.FATAL)
GOLDEN = os.path.join(
    os.path.dirname(__file__), "..", "..", "tests", "golden", "receptive_fields.json"
)
# net -> sides of the input; None: not known
CASES = collections.OrderedDict(
    [
        ("inception_v3", [299, 224, None]),
        ("resnet_v2_50", [224, 225, None]),
        ("resnet_v2_101", [224]),
        ("resnet_v2_152", [224]),
        ("resnet_v2_200", [224]),
    ]
)


def build(net, images):
    """The end points of contrib.slim's net that still have a map."""
    if net == "inception_v3":
        with slim.arg_scope(inception.inception_v3_arg_scope()):
            _, points = inception.inception_v3_base(images)
        return points
    with slim.arg_scope(resnet_v2.resnet_arg_scope()):
        _, points = getattr(resnet_v2, net)(images, None, is_training=False, global_pool=False)
    return points


def fields(net, side):
    """End point (without the net's scope) -> [size, stride, padding] of (height, width)."""
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [1, side, side, 3], name="images")
        points = build(net, images)
        definition = graph.as_graph_def()
        for node in definition.node:
            if node.op == "FusedBatchNormV3":
                node.op = "FusedBatchNorm"
        answers = collections.OrderedDict()
        for name, point in points.items():
            try:
                field = receptive_field.compute_receptive_field_from_graph_def(
                    definition, "images", point.op.name, input_resolution=side and [side, side]
                )
            except ValueError as error:
                answers[name] = str(error)
                continue
            answers[name] = [
                [None if n is None else int(n) for n in reversed(numbers)]  # contrib: x, y
                for numbers in (field.size.tolist(), field.stride.tolist(), field.padding.tolist())
            ]
        return answers


def kept(answers):
    """What the golden file holds: of a ResNet's units the sums, without their inner layers."""
    return collections.OrderedDict(
        (name, field)
        for name, field in answers.items()
        if "/unit_" not in name or name.endswith("/bottleneck_v2")
    )


def golden():
    return collections.OrderedDict(
        ("%s %s" % (net, side or "unknown"), kept(fields(net, side)))
        for net, sides in CASES.items()
        for side in sides
    )


def _write(path, new):
    text = json.dumps(new, separators=(",", ":")).replace('},"', '},\n"').replace("}}", "}\n}")
    with open(path + ".part", "w") as file:
        file.write(text.replace("{", "{\n", 1) + "\n")
    os.replace(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--live", nargs=3, metavar=("NET", "SIDE", "OUT"))
    arguments = parser.parse_args()
    sys.setrecursionlimit(20000)  # contrib walks by recursion
    if arguments.live:
        net, side, out = arguments.live
        with open(out, "w") as file:
            json.dump(fields(net, None if side == "unknown" else int(side)), file)
        return 0
    new = json.loads(json.dumps(golden()))
    old = {}
    if os.path.exists(GOLDEN):
        with open(GOLDEN) as file:
            old = json.load(file)
    changed = [case for case in new if old.get(case) != new[case]]
    print("changed: %s" % (", ".join(changed) or "nothing"))
    if arguments.write:
        _write(GOLDEN, new)
        return 0
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
