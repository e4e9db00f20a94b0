"""Seconds of commands from their start to their end."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time

from protocol import read_arguments, serve

SUBCOMMANDS = (
    *("train", "predict", "evaluate", "score", "port", "inspect", "diff", "explain", "facts"),
    *("errata", "pitfalls", "book", "run", "upgrade", "launch", "records", "doctor"),
)
DESCRIBED = ("inception_v3", "resnet_v2_152")
WITHOUT_CACHE = {"LEGACY_NETS_CACHE": "off"}  # what a first call takes
python = read_arguments()["python"]


def make(arguments, environment=WITHOUT_CACHE):
    """Makes a measure of one command."""

    def measure():
        start = time.perf_counter()
        subprocess.run(
            [python, *arguments], check=True, capture_output=True, env=os.environ | environment
        )
        return time.perf_counter() - start

    return measure


LEGACY_NETS = ("-m", "legacy_nets")
measures = {
    "python -c pass": make(["-c", "pass"]),
    "import tensorflow": make(["-c", "import tensorflow"]),
    "legacy-nets --help": make([*LEGACY_NETS, "--help"]),
    "legacy-nets nets": make([*LEGACY_NETS, "nets"]),
}
with tempfile.TemporaryDirectory() as cache:
    for net in DESCRIBED:
        measures[f"legacy-nets describe {net}"] = make([*LEGACY_NETS, "describe", net])
        with_cache = {"XDG_CACHE_HOME": cache, "LEGACY_NETS_CACHE": "on"}
        measure_cached = make([*LEGACY_NETS, "describe", net], with_cache)
        measure_cached()  # fills it
        measures[f"legacy-nets describe {net}, from the cache"] = measure_cached
    for name in SUBCOMMANDS:
        measures[f"legacy-nets {name} --help"] = make([*LEGACY_NETS, name, "--help"])
    serve({(name, "seconds"): measure for name, measure in measures.items()}, {})
