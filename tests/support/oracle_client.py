"""Both sides of a comparison with TensorFlow 1.15.5: golden files, the live oracle, our nets."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import fill
import literal_000
import literal_001_003
import literal_002
import literal_second_reading
import measure
import numpy as np

import legacy_nets
from legacy_nets import tf1 as tf

REPOSITORY = Path(__file__).parent.parent.parent
GOLDEN = REPOSITORY / "tests" / "golden"
PEERS = GOLDEN / "peers"  # results of other libraries (scripts/peers)
ORACLE = REPOSITORY / "scripts" / "oracle"

__all__ = [
    "ask",
    "ask_outcomes",
    "assert_close",
    "assert_outcome",
    "assert_same",
    "assert_summary",
    "fill",
    "golden_cases",
    "literal_000",
    "literal_001_003",
    "literal_002",
    "literal_second_reading",
    "load_golden",
    "ours",
    "summary",
]
summary = measure.summary
INFERENCE = 1e-5  # of the largest value of a tensor
TRAINING = 1e-3  # of the largest value of a tensor
GRADIENT = 1e-2  # of each gradient norm
MOVING = 1e-4  # of the largest value of a moving average
CHANGE = 1e-2  # of the largest change of a moving average in one step
LOSS = 1e-2  # of each loss


def golden_cases() -> list[str]:
    """Names of the golden files of ``scripts/oracle``: those that hold a request."""
    files = sorted(GOLDEN.glob("*.json"))
    return [file.stem for file in files if file.read_text().startswith('{"request"')]


def load_golden(case: str) -> dict[str, Any]:
    """Loads the results of TensorFlow 1.15.5, with tensors as summaries."""
    return json.loads((GOLDEN / f"{case}.json").read_text())


def ours(request: dict[str, Any]) -> dict[str, Any]:
    """Measures our net for a request (see scripts/oracle/measure.py)."""
    return measure.measure(tf, functools.partial(legacy_nets.build, request["net"]), request)


def ask(python: str, request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Runs the reference TensorFlow 1.15.5 on a request; the result has the form of ``ours``."""
    question, out = folder / "request.json", folder / "answer.npz"
    question.write_text(json.dumps(request))
    command = [python, str(ORACLE / "oracle.py"), "live", str(question), str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as arrays:

        def get(value: Any) -> Any:
            if isinstance(value, dict):
                if list(value) == ["array"]:
                    return arrays[value["array"]]
                return {key: get(item) for key, item in value.items()}
            return [get(item) for item in value] if isinstance(value, list) else value

        return get(json.loads(str(arrays["answer"])))


def ask_outcomes(python: str, script: ModuleType, folder: Path) -> dict[str, Any]:
    """Runs the literal lines of a script (scripts/oracle/literal_*.py) with TensorFlow 1.15.5."""
    out = folder / "outcomes.json"
    command = [python, str(script.__file__), str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(out.read_text())


def assert_outcome(got: dict[str, Any], want: Any) -> None:
    """``want`` is a result, or patterns of an error's type and of its message."""
    if isinstance(want, tuple):
        assert re.fullmatch(want[0], got["error"]), got
        assert re.search(want[1], got["message"]), got
    else:
        assert got == {"result": want}


def assert_close(got: Any, want: Any, tolerance: float, what: str, largest: Any = None) -> None:
    """Same shape, and no value off by more than ``tolerance`` times the largest wanted one."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, wanted {want.shape}"
    scale = np.abs(want).max() if largest is None else largest
    off = np.abs(got - want)
    worst = np.unravel_index(off.argmax(), off.shape)
    assert off[worst] <= tolerance * scale, (
        f"{what}{[int(i) for i in worst]}: got {got[worst]}, wanted {want[worst]}; off by "
        f"{off[worst] / scale:.2g} of the largest value, {tolerance:g} allowed"
    )


def assert_summary(got: Any, want: dict[str, Any], tolerance: float, what: str) -> None:
    """Mean, deviation, largest, probe and first values, all within ``tolerance`` of the largest."""
    got = summary(got)
    assert got["shape"] == want["shape"], what
    for key in ("mean", "deviation", "largest", "probe", "first"):
        assert_close(got[key], want[key], tolerance, f"{what} {key}", want["largest"])


def assert_same(got: dict[str, Any], want: dict[str, Any], mode: str) -> None:
    """Compares two live results in one mode."""
    tolerance = INFERENCE if mode == "inference" else TRAINING
    assert got["variables"] == want["variables"]
    got, want = got[mode], want[mode]
    assert_close(got["logits"], want["logits"], tolerance, "logits")
    assert list(got["end_points"]) == list(want["end_points"])
    for key, point in want["end_points"].items():
        assert_close(got["end_points"][key]["value"], point["value"], tolerance, key)
    if mode == "inference":
        return
    assert list(got["gradient_norms"]) == list(want["gradient_norms"])
    largest = max(want["gradient_norms"].values())
    for name, norm in want["gradient_norms"].items():
        # A gradient that is zero but for rounding (a bias before a batch norm) has no percent.
        assert_close(got["gradient_norms"][name], norm, GRADIENT, name, max(norm, 1e-5 * largest))
    assert_close(got["losses"], want["losses"], LOSS, "losses", min(want["losses"]))
    assert list(got["moving"]) == list(want["moving"])
    for name, value in want["moving"].items():
        assert_close(got["moving"][name], value, MOVING, name)
