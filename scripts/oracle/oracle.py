"""Computes the documents' nets under the reference TensorFlow 1.15.5.

  .oracle/bin/python scripts/oracle/oracle.py golden [CASE ...]          compare, change nothing
  .oracle/bin/python scripts/oracle/oracle.py golden --write [CASE ...]  write tests/golden
  .oracle/bin/python scripts/oracle/oracle.py live REQUEST.json OUT.npz  compute one request

Runs under Python 3.7; ``make oracle`` sets it up.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import golden_files  # noqa: E402
import measure  # noqa: E402
import nets  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.logging.set_verbosity(tf.logging.ERROR)
GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden")
# A request is asked of our net too, which squeezes its logits to [N, classes] unless told not to.
RAW = {"spatial_squeeze": False}
NO_DROPOUT = {"dropout_keep_prob": 1.0}  # TensorFlow 1 and 2 draw other random numbers


def _case(net, side, batch, classes, learning_rate, **options):
    return {
        "net": net,
        "height": side,
        "width": side,
        "batch": batch,
        "num_classes": classes,
        "options": options,
        "modes": ["inference", "training"],
        "steps": 20,
        "learning_rate": learning_rate,  # small: the loss falls, and 20 steps stay comparable
    }


def _clips(net, frames, side, learning_rate):
    return dict(_case(net, side, 2, 10, learning_rate), frames=frames)


CASES = {
    "cnn_lstm": dict(_case("cnn_lstm", 28, 3, 10, 3e-3), channels=1),
    "cnn_lstm_resnet": dict(_case("cnn_lstm_resnet", 28, 3, 10, 3e-3), channels=1),
    "cnn_lstm_resnet_tile": dict(
        _case("cnn_lstm_resnet", 28, 3, 10, 3e-3, lstm_map="tile"), channels=1
    ),
    "resnet_3d": _clips("resnet_3d", 4, 16, 1e-3),
    "resnet_2plus1d": _clips("resnet_2plus1d", 4, 16, 1e-3),
    "resnet_3d_2plus1d": _clips("resnet_3d_2plus1d", 8, 32, 1e-3),
    "hand_signs": _case("hand_signs", 64, 4, 6, 1e-5, keep_prob=1.0),
    "inception_v3": _case("inception_v3", 139, 8, 11, 5e-5, **NO_DROPOUT),
    "resnet_v2_50": _case("resnet_v2_50", 65, 4, 11, 1e-3, **RAW),
    "resnet_v2_101": _case("resnet_v2_101", 65, 4, 11, 1e-3, **RAW),
    "resnet_v2_152": _case("resnet_v2_152", 65, 4, 11, 1e-3, **RAW),
    "resnet_v2_200": _case("resnet_v2_200", 65, 4, 11, 1e-3, **RAW),
}


def golden(names, write):
    """Compares golden files with the results of TensorFlow 1.15.5, or writes them."""
    worst = 0.0
    for name in names or CASES:
        request = CASES[name]
        new = measure.golden(measure.measure(tf, nets.NETS[request["net"]], request), request)
        path = os.path.join(GOLDEN, name + ".json")
        worst = max(worst, golden_files.compare_and_write(path, new, write))
    return 0 if write or worst < 1e-3 else 1


def live(request_path, out_path):
    """Answers one request: tensors as arrays of an .npz, all else as its entry "answer"."""
    with open(request_path) as file:
        request = json.load(file)
    answer = measure.measure(tf, nets.NETS[request["net"]], request)
    arrays = {}

    def put(value):
        if isinstance(value, dict):
            return {key: put(item) for key, item in value.items()}
        if isinstance(value, list):
            return [put(item) for item in value]
        if isinstance(value, np.ndarray) and value.ndim:
            arrays["a%d" % len(arrays)] = value
            return {"array": "a%d" % (len(arrays) - 1)}
        return value.item() if isinstance(value, np.generic) else value

    text = json.dumps(put(answer))
    with open(out_path, "wb") as file:
        np.savez(file, answer=np.array(text), **arrays)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    one = commands.add_parser("golden")
    one.add_argument("cases", nargs="*", metavar="CASE")
    one.add_argument("--write", action="store_true")
    two = commands.add_parser("live")
    two.add_argument("request")
    two.add_argument("out")
    arguments = parser.parse_args()
    if arguments.command == "live":
        return live(arguments.request, arguments.out)
    unknown = [case for case in arguments.cases if case not in CASES]
    if unknown:
        parser.error("no such case: %s (cases: %s)" % (", ".join(unknown), ", ".join(CASES)))
    return golden(arguments.cases, arguments.write)


if __name__ == "__main__":
    sys.exit(main())
