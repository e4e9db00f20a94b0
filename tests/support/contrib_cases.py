"""Compares our results for the cases of scripts/oracle/contrib_*.py with TensorFlow 1.15.5's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import contrib
import numpy as np
from oracle_client import GOLDEN, ORACLE, assert_close, assert_summary

from legacy_nets import tf1 as tf

VALUE = 1e-5  # of the largest value of a result
GRADIENT = 1e-4  # of a gradient's norm


def names(module: str) -> list[str]:
    """The cases of one module: "rnn", "seq2seq" or "more"."""
    return [name for name in contrib.cases() if name.startswith(f"{module}.")]


def ours(name: str) -> dict[str, Any]:
    """{"variables": ..., "values": ...} of one case."""
    return contrib.answer(tf, contrib.cases()[name])


def tolerance(key: str) -> float:
    return GRADIENT if key.startswith("gradient ") else VALUE


def assert_golden(name: str) -> None:
    """Names, shapes, results and gradient norms equal the golden file's."""
    want = json.loads((GOLDEN / "contrib" / f"{name}.json").read_text())
    got = ours(name)
    assert got["variables"] == want["variables"]
    assert sorted(got["values"]) == sorted(want["values"])
    for key, value in want["values"].items():
        assert_summary(got["values"][key], value, tolerance(key), key)


def ask(python: str, cases: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Runs the cases under the reference TensorFlow 1.15.5."""
    out = folder / "answers.npz"
    command = [python, str(ORACLE / "contrib.py"), "live", str(out), *cases]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    answers: dict[str, dict[str, Any]] = {name: {"values": {}} for name in cases}
    with np.load(out) as arrays:
        for entry in arrays.files:
            name, key = entry.split("|", 1)
            if key == "variables":
                answers[name]["variables"] = json.loads(str(arrays[entry]))
            else:
                answers[name]["values"][key] = arrays[entry]
    return answers


def assert_same(name: str, want: dict[str, Any]) -> None:
    """Every number of every result equals that of the reference TensorFlow 1.15.5."""
    got = ours(name)
    assert got["variables"] == want["variables"], name
    assert sorted(got["values"]) == sorted(want["values"]), name
    for key, value in want["values"].items():
        if value.size:
            largest = max(np.abs(value).max(), 1e-6)
            assert_close(got["values"][key], value, tolerance(key), f"{name} {key}", largest)
