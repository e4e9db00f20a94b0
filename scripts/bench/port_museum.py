"""Ports a museum of old models by one command, kills it on the way, and continues it.

  python scripts/bench/port_museum.py FOLDER [--jobs 2] [--kill-after 60]

FOLDER is one that ``scripts/oracle/museum.py`` wrote. The ONNX files are run, and compared with
what TensorFlow 1.15.5 computed. Prints seconds, counts, the reasons of refusals and the largest
difference.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime


def run_port(folder: Path, jobs: int, seconds: float | None) -> tuple[float, str]:
    """Runs the command, kills it after ``seconds``: seconds, the line that says what is to do."""
    command = [sys.executable, "-m", "legacy_nets", "port", str(folder / "models"), "--to", "onnx"]
    command += ["--out", str(folder / "onnx"), "--jobs", str(jobs)]
    start = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            text, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
    plan = [line for line in text.splitlines() if " to do in " in line]
    return time.monotonic() - start, plan[0] if plan else text[-200:]


def compare(folder: Path, name: str, out: Path) -> float:
    """Runs an ONNX file: the largest difference from 1.15.5, as a share of the largest value."""
    arrays = np.load(folder / "io" / f"{name}.npz")
    wanted = {key[4:]: arrays[key] for key in arrays.files if key.startswith("out:")}
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    [given] = (arrays[key] for key in arrays.files if key.startswith("in:"))
    got = session.run(list(wanted), {session.get_inputs()[0].name: given})
    return max(
        float(np.abs(value - want).max() / np.abs(want).max())
        for value, want in zip(got, wanted.values(), strict=True)
    )


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kill-after", type=float, default=60, metavar="SECONDS")
    given = parser.parse_args()
    for seconds in (given.kill_after, None, None):  # the last finds nothing to do
        took, plan = run_port(given.folder, given.jobs, seconds)
        print(f"{took:.0f} s: {plan}", flush=True)
    table = json.loads((given.folder / "onnx" / "ports.json").read_text())
    models = table["models"]
    print(dict(Counter(model["status"] for model in models)))
    for model in models:
        if model["status"] != "verified":
            print(f"  {model['status']} {model['name']}: {model['text']}")
    differences = {
        model["name"]: compare(
            given.folder, model["name"].partition("/")[0], given.folder / "onnx" / model["out"]
        )
        for model in models
        if model["status"] == "verified"
    }
    worst = max(differences, key=differences.__getitem__)
    print(f"largest difference from 1.15.5: {differences[worst]:.1e} ({worst})")
    seconds = [model["seconds"] for model in models]
    print(f"seconds a model: median {np.median(seconds):.1f}, largest {max(seconds):.1f}")


if __name__ == "__main__":
    main()
