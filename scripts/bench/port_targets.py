"""Measures ``legacy-nets port`` to each target: CPU seconds and peak memory beyond the imports.

``python scripts/bench/port_targets.py [NET ...] [--to onnx]``

Each port, of a checkpoint at full size, is a command of its own. A process that only imports the
target's libraries is measured first, and is subtracted. The script prints a table in Markdown:
CPU seconds of all threads, and the peak memory, also as a multiple of the weights.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from port_graphs import LIBRARIES, run_alone, save

from legacy_nets.port.targets import TARGETS, GraphTarget

NETS = ("inception_v3", "resnet_v2_50", "resnet_v2_152", "mobilenet_v2", "googlenet")
TO = ("frozen", "saved_model", "onnx", "keras", "tflite", "openvino", "npz", "safetensors")
IMPORTS = """
from legacy_nets.port import pipeline
if {uses_tensorflow}:
    from legacy_nets.quiet import quiet_tensorflow
    quiet_tensorflow(uses_onednn=True)
    from legacy_nets import tf1 as tf
    tf.Graph
import {libraries}
"""


class Usage(NamedTuple):
    """What a process used."""

    seconds: float  # of all its threads, and of the processes that it waited for
    peak: int  # bytes of the largest of these processes


def measure(*command: object) -> Usage:
    """Runs a command of Python. Raises RuntimeError where it fails."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {process.returncode}")
    return Usage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def measure_imports(target: str) -> Usage:
    """Measures a process that imports the libraries of a target."""
    record = TARGETS[target]
    libraries = LIBRARIES.get(target, record.packages or ("numpy",))
    uses_tensorflow = isinstance(record, GraphTarget)
    code = IMPORTS.format(uses_tensorflow=uses_tensorflow, libraries=", ".join(libraries))
    return measure("-c", code)


def main() -> None:
    """Prints one row per net and target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=NETS)
    parser.add_argument("--to", choices=TO, action="append")
    given = parser.parse_args()
    print("| net | weights, MB | target | CPU s | of them imports | peak, MB | beyond imports |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    imports = {target: measure_imports(target) for target in given.to or TO}
    for net in given.nets:
        with tempfile.TemporaryDirectory() as folder:
            prefix = Path(folder, net)
            run_alone(save, net, str(prefix))
            weights = Path(f"{prefix}.data-00000-of-00001").stat().st_size
            for target, base in imports.items():
                out = Path(folder, target, f"{net}{TARGETS[target].ending}")
                out.parent.mkdir()
                command = ("port", prefix, "--net", net, "--to", target, "--out", out)
                used = measure("-m", "legacy_nets", *command)
                multiple = (used.peak - base.peak) / weights
                print(
                    f"| {net} | {weights / 1e6:.0f} | {target} | {used.seconds:.1f} | "
                    f"{base.seconds:.1f} | {used.peak / 1e6:.0f} | {multiple:.1f} x |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
