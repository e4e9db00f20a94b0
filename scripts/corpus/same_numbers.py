"""Runs public TensorFlow 1 scripts under 1.15.5 and ours from the same weights, and compares.

    python scripts/corpus/same_numbers.py --checkouts FOLDER --oracle PYTHON --ours LEGACY-NETS
        [--only TEXT] [--write]

The table tests/runner/legacy_scripts/same_numbers.csv names scripts of scripts.csv, mostly with
fewer arguments. Each is run three times, watched by scripts/oracle/same_start: under 1.15.5, which
keeps its first weights and writes a checkpoint after 20 steps; under ours, from those weights,
which writes a checkpoint and restores that of 1.15.5; and under 1.15.5 again, which restores
ours. --write puts the results into the table and writes docs/legacy_scripts.md again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pathlib
import tempfile
from typing import Any

import run_legacy_scripts as scripts

WATCH = scripts.ROOT / "scripts/oracle/same_start"


def run_traced(
    row: dict[str, str], side: str, program: str, checkouts: pathlib.Path, **files: pathlib.Path
) -> dict[str, Any]:
    """Runs a script once, watched, and returns its trace. Raises SystemExit where it wrote nothing.

    Args:
      files: START, SAVE, RESTORE and TRACE, as in scripts/oracle/same_start.
    """
    with scripts.prepare(row, side, program, checkouts) as (folder, given):
        paths = [str(WATCH), *filter(None, [given.get("PYTHONPATH")])]
        given = given | {f"LEGACY_{name}": str(path) for name, path in files.items()}
        given["PYTHONPATH"] = os.pathsep.join(paths)
        result, _, output = scripts.run_with_limit(
            scripts.command(row, side, program), folder, given
        )
    if not files["TRACE"].is_file():
        raise SystemExit(f"{row['path']} under {side}: {result} {scripts.last_line(output)}")
    found: dict[str, Any] = json.loads(files["TRACE"].read_text())
    return found


def relative_difference(numbers: list[float], other: list[float]) -> float:
    """The largest relative difference of two lists of numbers."""
    return max(abs(a - b) / max(abs(a), 1e-6) for a, b in zip(numbers, other, strict=True))


def compare(row: dict[str, str], oracle: str, ours: str, checkouts: pathlib.Path) -> dict[str, str]:
    """Computes the row of a script from three runs of it."""
    with tempfile.TemporaryDirectory() as scratch:
        at = pathlib.Path(scratch)
        first = run_traced(
            row, "oracle", oracle, checkouts,
            START=at / "start.npz", SAVE=at / "a", TRACE=at / "first",
        )  # fmt: skip
        mine = run_traced(
            row, "ours", ours, checkouts,
            START=at / "start.npz", SAVE=at / "b", RESTORE=at / "a", TRACE=at / "mine",
        )  # fmt: skip
        again = run_traced(
            row, "oracle", oracle, checkouts,
            START=at / "start.npz", RESTORE=at / "b", TRACE=at / "again",
        )  # fmt: skip
    names, values = zip(*first["numbers"], strict=True)
    if list(names) != [name for name, _ in mine["numbers"]]:
        raise SystemExit(f"{row['path']}: the two sides returned other tensors")
    repeats = first["repeats"] and mine["repeats"]
    restored = [
        relative_difference(first["loss"], mine["loss_restored"]),
        relative_difference(mine["loss"], again["loss_restored"]),
    ]
    numbers = [value for _, value in mine["numbers"]]
    return {
        "steps": str(first["steps"]),
        "compared_numbers": str(len(values)),
        "largest_difference": f"{relative_difference(list(values), numbers):.1e}",
        "variables": str(first["variables"]),
        "restored_by_legacy_nets": str(mine["restored"]),
        "restored_by_tf1": str(again["restored"]),
        "largest_difference_restored": f"{max(restored):.1e}" if repeats else "",
    }


def main() -> None:
    """Compares what is asked for, prints a line each, and writes the table if told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkouts", type=pathlib.Path, required=True)
    parser.add_argument("--oracle", help="python with TensorFlow 1.15.5", required=True)
    parser.add_argument("--ours", help="the command legacy-nets", required=True)
    parser.add_argument("--only", default="", help="rows whose repository and path hold this text")
    parser.add_argument("--write", action="store_true", help="write table and page")
    given = parser.parse_args()
    known = {(row["repository"], row["path"]): row for row in scripts.read_table()}
    rows = scripts.read_same()
    for row in rows:
        if given.only not in f"{row['repository']}/{row['path']}":
            continue
        script = known[row["repository"], row["path"]] | {"arguments": row["arguments"]}
        try:
            row |= compare(script, given.oracle, given.ours, given.checkouts)
        except SystemExit as error:
            print(error, flush=True)
            continue
        print(*row.values(), sep=" | ", flush=True)
        if given.write:
            with scripts.SAME.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, scripts.SAME_COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    if given.write:
        scripts.write_page()


if __name__ == "__main__":
    main()
