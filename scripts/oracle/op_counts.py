"""How many ops the public functions of TensorFlow 1.15.5 make: seeds of later ops depend on it.

  op_counts.py discover OUT.tsv REST.txt  under 1.15.5: finds calls of all functions, counts their
                                        ops; REST.txt gets the functions without a call
  op_counts.py count CALLS.tsv OUT.tsv  either side: counts the ops of the calls of a table

A line of a table is the count, a tab, and the call. A call uses the names of ``NAMES`` below. The
count is the seed that the next random op gets, which 1.15 took from the ops made before.
"""

from __future__ import annotations

import collections
import inspect
import itertools
import multiprocessing
import pathlib
import re
import signal
import sys
import types

import numpy as np
import tensorflow as tf

from op_count_bases import BASES
from op_count_calls import ARGUMENTS, CALLS, GENERIC, MODULES, UNFIT

tf.logging.set_verbosity(tf.logging.ERROR)
# The forms that scripts used most, among them slices and operators.
FORMS = CALLS + pathlib.Path(__file__).with_name("op_count_forms.txt").read_text().splitlines()
MOST_TRIES = 100
MOST_SECONDS = 20  # for a call; those that take so long are in UNFIT: they wait


def _placeholder(dtype):
    return lambda *shape: tf.placeholder(dtype, shape)


def _call_twice(function):
    """Calls it, and once more in a name scope and a variable scope."""
    function()
    with tf.variable_scope("scope"):
        function()


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
    "twice": _call_twice,
}


def count_ops(call):
    """The op seed after a call in a new graph; raises what the call raises."""
    signal.alarm(MOST_SECONDS)  # some functions wait for files or for input
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
    unfit = [eval(path, dict(NAMES)) for path in UNFIT]
    paths = collections.OrderedDict()
    for module_path in MODULES:
        module = eval(module_path, dict(NAMES))
        for name in sorted(dir(module)):
            function = getattr(module, name, None)
            if name.startswith("_") or isinstance(function, types.ModuleType):
                continue
            if inspect.isfunction(function) and function not in unfit:
                paths.setdefault(id(function), (module_path + "." + name, function))
    return collections.OrderedDict(paths.values())


def list_candidates(name):
    return ARGUMENTS.get(name, ()) or GENERIC


def find_calls(path, function):
    """Calls that work: with the required arguments, in further forms of them, with one more."""
    parameters = inspect.signature(function).parameters.values()
    base, other = find_base(path, function, parameters)
    if base is None:
        return []
    forms = [base] + make_unknown(base) + list(find_options(path, parameters, base))
    forms += [other] + make_unknown(other) if other else []
    calls = [make_call(path, form) for form in forms]
    with_name = base + ", name='n'" if base else "name='n'"
    takes_name = any(p.name == "name" for p in parameters) and works(make_call(path, with_name))
    return calls + ["twice(lambda: %s)" % make_call(path, with_name if takes_name else base)]


def find_base(path, function, parameters):
    """(required arguments, the same with tensors of other ranks or types); None without."""
    for call in BASES:
        name, _, arguments = call.partition("(")
        if eval(name, dict(NAMES)) is function:
            return (arguments[:-1] if works(call) else None), None
    required = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    base = None
    tries = itertools.product(*[list_candidates(name) for name in required])
    for values in itertools.islice(tries, MOST_TRIES):
        arguments = ", ".join("%s=%s" % pair for pair in zip(required, values))
        if base is not None and hide_numbers(arguments) == hide_numbers(base):
            continue
        if works(make_call(path, arguments)):
            if base is not None:
                return base, arguments
            base = arguments
    return base, None


def hide_numbers(arguments):
    """Arguments of the same ranks and types become equal."""
    return re.sub(r"\d+", "", arguments)


def find_options(path, parameters, base):
    """The arguments with one of the optional ones."""
    for p in parameters:
        if p.default is p.empty or p.name in ("name", "scope", "seed") or p.name + "=" in base:
            continue
        options = ARGUMENTS.get(p.name, ())
        if isinstance(p.default, bool):
            options = [repr(not p.default)]
        for option in options:
            arguments = base + ", " * bool(base) + "%s=%s" % (p.name, option)
            if works(make_call(path, arguments)):
                yield arguments
                break


def make_call(path, arguments):
    return "%s(%s)" % (path, arguments)


def make_unknown(arguments):
    """The arguments with an unknown batch size."""
    unknown = arguments.replace("(4, ", "(None, ").replace("(4)", "(None)")
    return [unknown] if unknown != arguments else []


def works(call):
    try:
        count_ops(call)
        return True
    except Exception:
        return False


def discover(out, rest):
    """Each function is tried in a process of its own: some leave settings behind."""
    tasks = [(path, None) for path in list_functions()] + [(None, call) for call in FORMS]
    with multiprocessing.get_context("fork").Pool(2, initialize, maxtasksperchild=1) as pool:
        results = pool.map(find_steady_calls, tasks, chunksize=1)
    calls, without = [], []
    for (path, _), found in zip(tasks, results):
        calls += found
        if path and not found and not any(path + "(" in call for call in FORMS):
            without.append(path)
    write_counts(collections.OrderedDict.fromkeys(calls), out)
    with open(rest, "w") as file:
        file.write("".join(path + "\n" for path in without))
    print("%d calls; no call for %d functions" % (len(calls), len(without)))


def initialize():
    signal.signal(signal.SIGALRM, raise_timeout)


def find_steady_calls(task):
    """The calls of a function, or the one given call, with a count that stays the same."""
    path, call = task
    calls = [call] if call else find_calls(path, eval(path, dict(NAMES)))
    print(path or call, file=sys.stderr, flush=True)
    return [call for call in calls if is_steady(call)]


def is_steady(call):
    """Whether a second call in this process gives the same count."""
    try:
        return count_ops(call) == count_ops(call)
    except TimeoutError:
        print("%s: waits; add it to UNFIT" % call)
    except Exception as error:
        if call in FORMS:
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
    initialize()
    command, *paths = sys.argv[1:]
    if command == "discover":
        discover(*paths)
    else:
        with open(paths[0]) as file:
            calls = [line.rstrip("\n").split("\t")[1] for line in file]
        write_counts(calls, paths[1])


if __name__ == "__main__":
    main()
