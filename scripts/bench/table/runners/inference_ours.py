"""legacy_nets: the plain graph, the TensorFlow engine, ``auto`` and integers."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import tempfile
from pathlib import Path

os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()  # choices of this run alone

import numpy as np
from protocol import count_per_second, read_arguments, serve, try_each

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow(uses_onednn=True)

from legacy_nets.engines import choose
from legacy_nets.engines.fast import Choice
from legacy_nets.engines.prepare import prepare
from legacy_nets.packages import find_package
from legacy_nets.port.memory import release_memory
from legacy_nets.train.evaluate import resolve_settings, restore_net
from legacy_nets.train.settings import SettingChanges

arguments = read_arguments()
name, folder, batches = arguments["net"], Path(arguments["folder"]), arguments["batches"]
flop = 2.0 * json.loads((folder / f"{name}.json").read_text())["multiply_adds"]
prefix = str(folder / f"{name}.ckpt")
settings = resolve_settings(prefix, name, SettingChanges())
net = prepare(settings, prefix, batch=batches[0])


def load(precision, candidate, batch):
    """Loads a candidate, once for two columns; only OpenVINO's requests depend on the batch."""
    return _load(precision, candidate, min(batch, 2) if candidate.engine == "openvino" else 1)


@functools.cache
def _load(precision, candidate, batch):
    return choose.load(dataclasses.replace(net, batch=batch), precision, candidate)


reference = load("fp32", choose.Candidate("tensorflow", 1), 1)(net.inputs)


def make_images(batch):
    """Generates a batch of the net's inputs."""
    return np.resize(net.inputs, (batch, *net.inputs.shape[1:]))


def time_engine(run, batch, more):
    """Makes a measure that tells the work and how the engine was chosen, too."""
    images = make_images(batch)
    measure = count_per_second(lambda: run(images), batch)
    return lambda: {"value": measure(), "flop": flop, **more}


def make_plain():
    """The graph as it was trained, fed through ``session.run``."""
    context = restore_net(settings, prefix)
    graph, session, _ = context.__enter__()
    kept.append(context)  # open until the process ends
    measures = {}
    for batch in batches:
        feed = graph.make_feed(make_images(batch))
        run = count_per_second(lambda f=feed: session.run(graph.probabilities, f), batch)
        measures[f"batch {batch}", "legacy_nets plain fp32"] = run
    return measures


def make_tensorflow(precision):
    """The TensorFlow engine, with the faster of its thread counts."""
    choice = Choice(precision, "tensorflow")
    candidates = choose.list_candidates(choice.list_engines())
    return make_chosen(precision, candidates, f"legacy_nets TensorFlow {precision}")


def make_auto(precision):
    """What ``fast(..., engine="auto")`` takes for each batch size.

    The precision's other candidates are freed then: those of a large net fill the memory.
    """
    candidates = choose.list_candidates(Choice(precision).list_engines())
    try:
        return make_chosen(precision, candidates, f"legacy_nets auto {precision}")
    finally:
        _load.cache_clear()
        release_memory()


def make_chosen(precision, candidates, column):
    """Measures of the candidate that is chosen for each batch size."""
    measures = {}
    for batch in batches:
        loaded = {c: load(precision, c, batch) for c in candidates}
        sized = dataclasses.replace(net, batch=batch)
        chosen, run = choose.choose(sized, precision, candidates, reference, loaded)
        label = f"{chosen.engine} {chosen.threads}" if chosen.threads else chosen.engine
        measures[f"batch {batch}", column] = time_engine(run, batch, {"engine": label})
    return measures


def make_int8():
    """OpenVINO's integers, with ranges of two images: enough for a time."""
    measures = {}
    loaded = {}
    for batch in batches:
        size = min(batch, 2)
        if size not in loaded:
            sized = dataclasses.replace(net, examples=net.inputs, batch=size)
            loaded[size] = choose.load(sized, "int8", choose.Candidate("openvino", 0))
        run = time_engine(loaded[size], batch, {"engine": "openvino"})
        measures[f"batch {batch}", "legacy_nets int8"] = run
    return measures


kept = []
makers = {  # of each precision auto comes last
    "legacy_nets plain fp32": make_plain,
    "legacy_nets TensorFlow fp32": lambda: make_tensorflow("fp32"),
    "legacy_nets auto fp32": lambda: make_auto("fp32"),
    "legacy_nets TensorFlow bf16": lambda: make_tensorflow("bf16"),
    "legacy_nets auto bf16": lambda: make_auto("bf16"),
    "legacy_nets int8": make_int8,
}
columns = arguments["columns"]
measures, failed = try_each({c: m for c, m in makers.items() if c in columns})
measures = dict(sorted(measures.items(), key=lambda item: columns.index(item[0][1])))
versions = {
    "TensorFlow": find_package("tensorflow").installed,
    "legacy_nets": find_package("legacy-nets").installed,
    "NNCF": find_package("nncf").installed,
}
serve(measures, {k: v for k, v in versions.items() if v}, failed)
