"""How many ops the public functions of TensorFlow 1.15.5 make: seeds of later ops depend on it.

  op_counts.py discover OUT.tsv         under 1.15.5: finds calls of all functions, counts their ops
  op_counts.py count CALLS.tsv OUT.tsv  either side: counts the ops of the calls of a table

A line of a table is the count, a tab, and the call. A call uses the names of ``NAMES`` below. The
count is the seed that the next random op gets, which 1.15 took from the ops made before.
"""

from __future__ import annotations

import collections
import inspect
import itertools
import signal
import sys
import types

import numpy as np
import tensorflow as tf

from op_count_calls import ARGUMENTS, CALLS, GENERIC, MODULES, UNFIT

tf.logging.set_verbosity(tf.logging.ERROR)
MOST_TRIES = 100


def _placeholder(dtype):
    return lambda *shape: tf.placeholder(dtype, shape)


NAMES = {
    "tf": tf,
    "np": np,
    "f": _placeholder(tf.float32),  # f(None, 8): a placeholder of that shape
    "i": _placeholder(tf.int32),
    "l": _placeholder(tf.int64),
    "b": _placeholder(tf.bool),
    "s": _placeholder(tf.string),
    "u": _placeholder(tf.uint8),
    "c": _placeholder(tf.complex64),
    "fu": tf.placeholder,  # fu(tf.float32): of unknown rank
    "sp": lambda: tf.sparse_placeholder(tf.float32, [4, 8]),
    "si": lambda: tf.sparse_placeholder(tf.int64, [4, 8]),
    "ss": lambda: tf.sparse_placeholder(tf.string, [4, 8]),
    "v": lambda *shape: tf.get_variable("v", shape),
}


def count_ops(call):
    """The op seed after a call in a new graph; raises what the call raises."""
    signal.alarm(5)  # some functions wait for files or for input
    try:
        with tf.Graph().as_default():
            tf.set_random_seed(1)
            eval(call, dict(NAMES))
            return tf.get_seed(None)[1]
    finally:
        signal.alarm(0)


def raise_timeout(*_):
    raise TimeoutError("the call waits")


def list_functions():
    """{path: function} of the public functions, by the first path of each."""
    paths = collections.OrderedDict()
    for module_path in MODULES:
        module = eval(module_path, dict(NAMES))
        for name in sorted(dir(module)):
            function = getattr(module, name, None)
            path = module_path + "." + name
            if name.startswith("_") or isinstance(function, types.ModuleType):
                continue
            if inspect.isfunction(function) and path not in UNFIT:
                paths.setdefault(id(function), (path, function))
    return collections.OrderedDict(paths.values())


def list_candidates(name):
    return ARGUMENTS.get(name, ()) or GENERIC


def find_calls(path, function):
    """Calls that work: with the required arguments, and with one more of the others."""
    parameters = inspect.signature(function).parameters.values()
    required = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    base = None
    tries = itertools.product(*[list_candidates(name) for name in required])
    for arguments in itertools.islice(tries, MOST_TRIES):
        parts = ["%s=%s" % pair for pair in zip(required, arguments)]
        if works(path, parts):
            base = parts
            break
    if base is None:
        return []
    found = [base]
    found += [parts for parts in make_unknown(base) if works(path, parts)]
    for p in parameters:
        if p.default is p.empty or p.name in ("name", "scope", "seed"):
            continue
        options = ARGUMENTS.get(p.name, ())
        if isinstance(p.default, bool):
            options = [repr(not p.default)]
        for option in options:
            if works(path, base + ["%s=%s" % (p.name, option)]):
                found.append(base + ["%s=%s" % (p.name, option)])
                break
    return ["%s(%s)" % (path, ", ".join(parts)) for parts in found]


def make_unknown(parts):
    """The arguments with an unknown batch size, and with unknown shapes."""
    batch = [p.replace("(4, ", "(None, ").replace("(4)", "(None)") for p in parts]
    return [batch] if batch != parts else []


def works(path, parts):
    try:
        count_ops("%s(%s)" % (path, ", ".join(parts)))
        return True
    except Exception:
        return False


def discover(out):
    calls, without = list(CALLS), []
    for path, function in list_functions().items():
        found = find_calls(path, function)
        calls += found
        print(len(calls), path, file=sys.stderr, flush=True)
        if not found:
            without.append(path)
    calls = [call for call in collections.OrderedDict.fromkeys(calls) if is_steady(call)]
    write_counts(calls, out)
    print("%d calls; no call for %d: %s" % (len(calls), len(without), " ".join(without)))


def is_steady(call):
    """Whether a second call in this process gives the same count, above zero."""
    try:
        return count_ops(call) == count_ops(call) > 0
    except Exception as error:
        if call in CALLS:
            print("%s: %s" % (call, str(error)[:200]))
        return False


def write_counts(calls, out):
    with open(out, "w") as file:
        for call in calls:
            try:
                result = count_ops(call)
            except Exception as error:
                result = type(error).__name__ + ": " + " ".join(str(error).split())[:150]
            file.write("%s\t%s\n" % (result, call))


def main():
    signal.signal(signal.SIGALRM, raise_timeout)
    command, *paths = sys.argv[1:]
    if command == "discover":
        discover(*paths)
    else:
        with open(paths[0]) as file:
            calls = [line.rstrip("\n").split("\t")[1] for line in file]
        write_counts(calls, paths[1])


if __name__ == "__main__":
    main()
