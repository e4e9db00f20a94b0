"""Seconds of commands from their start to their end."""

from __future__ import annotations

import os
import subprocess
import time

from protocol import read_arguments, serve

COMMANDS = {
    "legacy-nets --help": ["-m", "legacy_nets", "--help"],
    "legacy-nets nets": ["-m", "legacy_nets", "nets"],
    "legacy-nets describe inception_v3": ["-m", "legacy_nets", "describe", "inception_v3"],
    "legacy-nets describe resnet_v2_152": ["-m", "legacy_nets", "describe", "resnet_v2_152"],
    "import tensorflow": ["-c", "import tensorflow"],
}
SUBCOMMANDS = ("train", "predict", "evaluate", "port", "inspect", "explain", "facts", "run")
COMMANDS |= {
    f"legacy-nets {name} --help": ["-m", "legacy_nets", name, "--help"] for name in SUBCOMMANDS
}
python = read_arguments()["python"]
environment = os.environ | {"LEGACY_NETS_CACHE": "off"}  # what a first call takes


def make(command):
    """Makes a measure of one command."""

    def measure():
        start = time.perf_counter()
        subprocess.run([python, *command], check=True, capture_output=True, env=environment)
        return time.perf_counter() - start

    return measure


serve({(name, "seconds"): make(command) for name, command in COMMANDS.items()}, {})
