"""Seconds and peak memory of ``inspect``, and of ``port`` to each target."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from protocol import read_arguments, serve

SUFFIXES = {
    "frozen": ".pb",
    "saved_model": "",
    "onnx": ".onnx",
    "tflite": ".tflite",
    "keras": ".keras",
    "openvino": ".xml",
    "npz": ".npz",
    "safetensors": ".safetensors",
}
arguments = read_arguments()
name = arguments["net"]
prefix = str(Path(arguments["folder"], f"{name}.ckpt"))
weights = Path(f"{prefix}.data-00000-of-00001").stat().st_size
kept = tempfile.TemporaryDirectory()
last = {}  # case -> peak bytes of the last run


def run(case, *command):
    """Runs a command; returns its seconds and keeps the peak memory of the process."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [arguments["python"], "-m", "legacy_nets", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    last[case] = usage.ru_maxrss * 1024
    return time.perf_counter() - start


def port(target):
    """Ports the checkpoint to a destination that is empty."""
    out = Path(kept.name, target)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    path = str(out / f"net{SUFFIXES[target]}")
    return run(target, "port", prefix, "--net", name, "--to", target, "--out", path)


def get_peak(case):
    """Returns the peak memory of a case's last run as a multiple of the weights."""
    if case not in last:
        raise LookupError("it was not ported")
    return last[case] / weights


cases = {"inspect": lambda: run("inspect", "inspect", prefix)}
cases |= {target: lambda target=target: port(target) for target in arguments["targets"]}
measures = {}
for case, measure in cases.items():
    measures[case, "seconds"] = measure
    measures[case, "peak memory / weights"] = lambda case=case: get_peak(case)
serve(measures, {})
