"""Computes the cases of contrib_*.py, parts of ``tf.contrib``, on either side.

  .oracle/bin/python scripts/oracle/contrib.py golden [CASE ...]          compare, change nothing
  .oracle/bin/python scripts/oracle/contrib.py golden --write [CASE ...]  write tests/golden/contrib
  .oracle/bin/python scripts/oracle/contrib.py live OUT.npz [CASE ...]    compute cases

A case is a function of ``tf`` (TensorFlow 1.15.5 or legacy_nets.tf1) that returns its results
by name. Variables are filled by name and shape, so that both sides hold the same weights.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import fill
import measure
import numpy as np

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "contrib")
MODULES = ("contrib_rnn", "contrib_seq2seq", "contrib_more", "contrib_graph", "contrib_opt",
           "contrib_series", "contrib_estimator", "contrib_quantize")  # fmt: skip


def cases():
    """All cases by name: ``rnn.nas`` is the function ``nas`` of contrib_rnn.py."""
    found = {}
    for name in MODULES:
        module = __import__(name)
        for case in module.CASES:
            found["{}.{}".format(name[len("contrib_") :], case.__name__)] = case
    return found


def answer(tf, case):
    """{"variables": [[name, shape], ...], "values": {name: array}} of one case.

    Values hold the results and each variable's gradient norm (of the sum of the squares of
    all real results), 0 where there is none.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        results = case(tf)
        variables = tf.global_variables()
        real = [
            tf.reduce_sum(tf.square(value))
            for value in results.values()
            if tf.is_tensor(value) and value.dtype == tf.float32
        ]
        values = dict(results)
        if real and variables:
            gradients = tf.gradients(tf.add_n(real), variables)
            for variable, gradient in zip(variables, gradients):  # noqa: B905 (Python 3.7)
                if gradient is None:
                    gradient = 0.0
                values["gradient " + variable.op.name] = tf.norm(tf.convert_to_tensor(gradient))
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        for variable in variables:
            if variable.dtype.base_dtype == tf.float32 and variable.shape.dims is not None:
                shape = variable.shape.as_list()
                variable.load(fill.variable(variable.op.name, shape), session)
        tensors = {name: value for name, value in values.items() if tf.is_tensor(value)}
        arrays = {name: np.asarray(value) for name, value in values.items()
                  if name not in tensors}  # fmt: skip
        arrays.update(session.run(tensors))
        named = [[v.op.name, v.shape.dims and v.shape.as_list()] for v in variables]
    return {"variables": named, "values": {key: arrays[key] for key in sorted(arrays)}}


def golden_of(found):
    """An answer with summaries for arrays."""
    values = {name: measure.summary(value) for name, value in found["values"].items()}
    return {"variables": found["variables"], "values": values}


def main():
    """The command line: see the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    one = commands.add_parser("golden")
    one.add_argument("cases", nargs="*", metavar="CASE")
    one.add_argument("--write", action="store_true")
    two = commands.add_parser("live")
    two.add_argument("out")
    two.add_argument("cases", nargs="*", metavar="CASE")
    arguments = parser.parse_args()

    warnings.filterwarnings("ignore")
    import tensorflow as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    known = cases()
    chosen = arguments.cases or sorted(known)
    if arguments.command == "live":
        arrays = {}
        for name in chosen:
            found = answer(tf, known[name])
            arrays[name + "|variables"] = np.array(json.dumps(found["variables"]))
            for key, value in found["values"].items():
                arrays[f"{name}|{key}"] = value
        with open(arguments.out, "wb") as file:
            np.savez(file, **arrays)
        return 0
    different = 0
    for name in chosen:
        path = os.path.join(GOLDEN, name + ".json")
        new = json.dumps(golden_of(answer(tf, known[name])), indent=None) + "\n"
        old = open(path).read() if os.path.exists(path) else None
        if new != old:
            different += 1
            print("{}: {}".format(name, "no golden file yet" if old is None else "differs"))
            if arguments.write:
                os.makedirs(GOLDEN, exist_ok=True)
                with open(path, "w") as file:
                    file.write(new)
    return 0 if arguments.write or not different else 1


if __name__ == "__main__":
    sys.exit(main())
