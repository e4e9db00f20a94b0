"""Measures ``legacy-nets port --to safetensors`` against ``cp``: speed and resident memory.

``python scripts/bench/port_safetensors.py [--mb 240]``: draws a checkpoint (weights of
hand_signs' size, no
TensorFlow needed to read it), copies and ports it in turns with a hot cache, and prints a line of
JSON. Start-up is taken off: that of a port of a checkpoint with one small tensor.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MB = 1 << 20


def write(prefix: Path, sizes: list[int]) -> None:
    """Writes a checkpoint of float32 tensors in hand_signs' scope; sizes in bytes."""
    from legacy_nets.port.formats import ckpt
    from legacy_nets.port.weights import Weight

    rng = np.random.default_rng(0)
    tensors = []
    for number, size in enumerate(sizes):
        value = rng.standard_normal(size // 4, np.float32)
        name = f"reference/Variable_{number:03d}"
        tensors.append(Weight(name, value.shape, "float32", lambda v=value: v, lambda v=value: v))
    list(ckpt.write(prefix, tensors, {}))


def run(command: list[str]) -> tuple[float, float, float]:
    """Runs a command; returns wall seconds, CPU seconds and the largest memory in MB."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    seconds = time.perf_counter() - start
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def build_command(prefix: Path) -> list[str]:
    """Builds the command that ports a checkpoint."""
    out = prefix.with_suffix(".safetensors")
    code = "from legacy_nets.cli import main; main()"
    rest = ["--net", "hand_signs", "--to", "safetensors", "--out", str(out)]
    return [sys.executable, "-c", code, "port", str(prefix), *rest]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder, "large"), Path(folder, "small")
        largest = given.mb * MB // 4
        sizes = {large: [largest, *[given.mb * MB // 64] * 48], small: [4]}
        for prefix, rows in sizes.items():  # elsewhere: a child inherits our most memory
            maker = multiprocessing.get_context("spawn").Process(target=write, args=(prefix, rows))
            maker.start()
            maker.join()
        data = f"{large}.data-00000-of-00001"
        rounds = []
        for _ in range(given.rounds):
            for old in (Path(folder, "copy"), large.with_suffix(".safetensors")):
                old.unlink(missing_ok=True)  # else each would pay for the old one's end
            rounds.append([*run(["cp", data, f"{folder}/copy"]), *run(build_command(small))])
            rounds[-1] += run(build_command(large))
    copied, copying, _, started, starting, _, ported, porting, memory = (
        float(np.median(column)) for column in zip(*rounds, strict=True)
    )
    results = {
        "MB": given.mb,
        "cp_seconds": round(copied, 3),
        "start_seconds": round(started, 3),
        "port_seconds": round(ported, 3),
        "rate_of_cp": round(copied / max(ported - started, 1e-3), 2),
        "rate_of_cp_by_processor_time": round(copying / max(porting - starting, 1e-3), 2),
        "resident_MB": round(memory),
        "beyond_largest_tensor_MB": round(memory - largest / MB),
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
