"""Starts a script equally under TensorFlow 1.15.5 and ours, and records its first steps.

``scripts/corpus/same_numbers.py`` puts this folder on PYTHONPATH. Python imports this file before
the script, on both sides (3.7 and later). Python's and NumPy's random numbers start from 0, and so
do those of graphs without a seed of their own.

LEGACY_START    .npz of the variables after the first initializer: read if it exists, else written
LEGACY_SAVE     prefix of a checkpoint that is written after the last step
LEGACY_RESTORE  prefix of a checkpoint of the other side, restored then
LEGACY_TRACE    .json, written at the end: the results of the script's sessions

A step is a session.run that returns a float. After 20 of them the process ends.
"""

import atexit
import importlib.util
import json
import os
import random
import sys

STEPS = 20
_SESSION = ("tensorflow.python.client.session", "tensorflow_core.python.client.session")
_seen = {"busy": False, "filled": set(), "numbers": [], "steps": 0, "last": None}


class _Watch:
    """Waits for TensorFlow's session module, and patches it."""

    def find_spec(self, name, path=None, target=None):
        if name not in _SESSION:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            sys.modules["numpy"].random.seed(0)  # TensorFlow has imported it
            _patch(module)

        spec.loader.exec_module = exec_module
        return spec


def _patch(module):
    session, graph = module.BaseSession, module.ops.Graph
    run, close, make = session.run, session.close, graph.__init__

    def patched(self, fetches, feed_dict=None, *more, **options):
        result = run(self, fetches, feed_dict, *more, **options)
        if not _seen["busy"]:
            _seen["busy"] = True
            try:
                _after(self, run, fetches, feed_dict, result)
            finally:
                _seen["busy"] = False
        return result

    def closed(self):
        last = _seen["last"]
        if last is not None and last[0] is self:
            _end()
        close(self)

    def made(self, *arguments, **options):
        make(self, *arguments, **options)
        self._seed = 0

    session.run, session.close, graph.__init__ = patched, closed, made


def _after(session, run, fetches, feed, result):
    import numpy as np

    pairs = list(_flat(fetches, result))
    if session.graph not in _seen["filled"] and any(
        _initializes(each, session.graph) for each, _ in pairs
    ):
        _seen["filled"].add(session.graph)
        _fill(session, run)
        random.seed(0)
        np.random.seed(0)
        return
    floats = [(e, v) for e, v in pairs if isinstance(v, (float, np.floating))]
    if floats:
        _seen["numbers"] += [[getattr(each, "name", "?"), float(value)] for each, value in floats]
        _seen["steps"] += 1
        _seen["last"] = session, run, [each for each, _ in floats], feed
        if _seen["steps"] == STEPS:
            _end()
            sys.stdout.flush()
            os._exit(0)


def _flat(fetches, result):
    """Pairs of what was asked for and what came, of nested lists and dictionaries."""
    if isinstance(fetches, dict):
        for key in fetches:
            for pair in _flat(fetches[key], result[key]):
                yield pair
    elif isinstance(fetches, (list, tuple)):
        for each, value in zip(fetches, result):
            for pair in _flat(each, value):
                yield pair
    else:
        yield fetches, result


def _initializes(fetched, graph):
    """Whether a fetch is an op that runs the initializer of a variable."""
    first = {v.initializer.name for v in graph.get_collection("trainable_variables")}
    ops = getattr(fetched, "control_inputs", [])
    below = [inner for op in ops for inner in op.control_inputs]
    return any(op.name in first for op in list(ops) + below)


def _fill(session, run):
    import numpy as np

    start = os.environ["LEGACY_START"]
    variables = session.graph.get_collection("variables")
    if not os.path.exists(start):
        values = run(session, {v.op.name: v for v in variables})
        np.savez(start, **{name.replace("/", "|"): value for name, value in values.items()})
        return
    with np.load(start) as values:
        for variable in variables:
            value = values[variable.op.name.replace("/", "|")]
            run(session, variable.initializer, {variable.initializer.inputs[1]: value})


def _end():
    """Exchanges checkpoints after the last step, and writes the trace."""
    if _seen["last"] is None:
        return
    session, run, fetches, feed = _seen["last"]
    _seen["last"], _seen["busy"] = None, True
    trace = {"numbers": _seen["numbers"], "steps": _seen["steps"]}
    with session.graph.as_default():
        trace.update(_exchange(session, run, fetches, feed))
    with open(os.environ["LEGACY_TRACE"], "w") as file:
        json.dump(trace, file)


def _exchange(session, run, fetches, feed):
    import numpy as np

    session.graph._unsafe_unfinalize()
    train = _now("training.saver")
    variables = session.graph.get_collection("variables")
    saver = train.Saver(variables)
    # The same floats again, on the feed of the last step: twice, since some are drawn by chance.
    own = [[float(v) for v in run(session, fetches, feed)] for _ in range(2)]
    found = {"variables": len(variables), "loss": own[0], "repeats": own[0] == own[1]}
    if os.environ.get("LEGACY_SAVE"):
        saver.save(session, os.environ["LEGACY_SAVE"], write_meta_graph=False)
    if os.environ.get("LEGACY_RESTORE"):
        saver.restore(session, os.environ["LEGACY_RESTORE"])
        reader = _now("training.py_checkpoint_reader", "pywrap_tensorflow").NewCheckpointReader(
            os.environ["LEGACY_RESTORE"]
        )
        values = run(session, {v.op.name: v for v in variables})
        found["restored"] = sum(
            np.array_equal(value, reader.get_tensor(name)) for name, value in values.items()
        )
        found["loss_restored"] = [float(v) for v in run(session, fetches, feed)]
    return found


def _now(*paths):
    """The first of these modules of TensorFlow that has been imported."""
    for path in paths:
        for top in ("tensorflow_core.python.", "tensorflow.python."):
            if top + path in sys.modules:
                return sys.modules[top + path]
    raise ImportError(" ".join(paths))


if os.environ.get("LEGACY_TRACE"):
    random.seed(0)
    sys.meta_path.insert(0, _Watch())
    atexit.register(_end)
