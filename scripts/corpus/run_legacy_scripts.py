"""Runs the public TensorFlow 1 scripts of a table under 1.15.5 and under legacy_nets.

    python scripts/corpus/run_legacy_scripts.py --checkouts FOLDER --oracle PYTHON --ours
    LEGACY-NETS
        [--only TEXT] [--side oracle|ours|both] [--write]

The table names each script by repository, commit and path; its code is never kept here. FOLDER
holds a checkout per repository, called OWNER+NAME, at the commit stated. Each run gets a copy of
it, with the data that the column ``setup`` asks for: synthetic pictures and digits. A run passes
if the script ends by itself with exit code 0 within the time limit. --write puts CPU seconds,
results and what was printed last into the table, and draws docs/legacy_scripts.md from it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import pathlib
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator
from typing import Any

import legacy_data

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests/runner/legacy_scripts/scripts.csv"
SAME = ROOT / "tests/runner/legacy_scripts/same_numbers.csv"  # written by same_numbers.py
UPGRADED = ROOT / "tests/runner/legacy_scripts/upgraded.csv"  # written by upgrade_legacy_scripts.py
PAGE = ROOT / "docs/legacy_scripts.md"
KEY = ("repository", "path", "arguments")
GIVEN = ("repository", "commit", "folder", "path", "arguments", "kind", "setup")
SIDES = {"oracle": "1.15.5", "ours": "ours"}
FOUND = tuple(f"{what}_{side}" for side in SIDES.values() for what in ("result", "seconds", "last"))
COLUMNS = (*GIVEN, *FOUND)
UPGRADED_COLUMNS = (*KEY, "result", "seconds", "last")
SAME_COLUMNS = (*KEY, "steps", "numbers", "difference", "variables")
SAME_COLUMNS += ("restored_by_ours", "restored_by_1.15.5", "difference_restored")
LIMIT = float(os.environ.get("LEGACY_LIMIT", 120))  # seconds of the clock


def read_table(
    path: pathlib.Path = TABLE, columns: tuple[str, ...] = COLUMNS
) -> list[dict[str, str]]:
    """The rows of a table, checked for its columns. Raises SystemExit where it has others."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != columns:
            raise SystemExit(f"{path}: columns are {reader.fieldnames}, not {list(columns)}")
        return list(reader)


def read_upgraded() -> dict[tuple[str, ...], dict[str, str]]:
    """The record of upgraded scripts, by repository, path and arguments."""
    rows = read_table(UPGRADED, UPGRADED_COLUMNS)
    return {tuple(row[name] for name in KEY): row for row in rows}


def read_same() -> list[dict[str, str]]:
    """The rows of the table of same numbers."""
    return read_table(SAME, SAME_COLUMNS)


def write_table(rows: list[dict[str, str]], path: pathlib.Path = TABLE) -> None:
    """Writes the rows, ordered by repository and path."""
    rows = sorted(rows, key=lambda row: (row["repository"].lower(), row["path"], row["arguments"]))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def command(row: dict[str, str], side: str, program: str) -> list[str]:
    """What is typed to run a row's script."""
    start = [program, "-u"] if side == "oracle" else [program, "run"]
    path = os.path.relpath(row["path"], row["folder"] or ".")
    if "module" in row["setup"].split():
        start, path = [*start, "-m"], path.removesuffix(".py").replace(os.sep, ".")
    return [*start, path, *shlex.split(row["arguments"])]


def run_row(row: dict[str, str], side: str, program: str, checkouts: pathlib.Path) -> None:
    """Runs one script in a copy of its repository, and writes the result into the row."""
    with prepared(row, side, program, checkouts) as (folder, given):
        result, seconds, output = run_limited(command(row, side, program), folder, given)
    name = SIDES[side]
    row[f"result_{name}"] = result
    row[f"seconds_{name}"] = f"{seconds:.1f}"
    row[f"last_{name}"] = last_line(output)


@contextlib.contextmanager
def prepared(
    row: dict[str, str], side: str, program: str, checkouts: pathlib.Path
) -> Iterator[tuple[pathlib.Path, dict[str, str]]]:
    """A copy of the script's repository with all that the column ``setup`` asks for.

    Yields the folder to run in, and what to add to the environment. Raises SystemExit where
    there is no checkout.
    """
    checkout = checkouts / row["repository"].replace("/", "+")
    if not (checkout / row["path"]).is_file():
        raise SystemExit(f"{checkout / row['path']}: no checkout of {row['repository']}")
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch) / checkout.name
        shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git"))
        folder = copy / row["folder"]
        wishes = [wish.partition(":") for wish in row["setup"].split()]
        paths = [str(copy / what) for kind, _, what in wishes if kind == "path"]
        given = {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
        started = []
        for kind, colon, what in wishes:
            if kind in ("run", "start"):
                words = command({**row, **_script(what, row["folder"])}, side, program)
                if kind == "run":
                    run_limited(words, folder, given)
                else:
                    started.append(_start(words, folder, given, subprocess.DEVNULL))
            elif kind not in ("module", "path"):
                legacy_data.make(kind + colon + what, folder)
        try:
            yield folder, given
        finally:
            for process in started:
                _kill(process)


def _script(wish: str, folder: str) -> dict[str, str]:
    """``SCRIPT%20ARGUMENTS`` after ``run:`` (has to run before) or ``start:`` (runs beside)."""
    path, _, arguments = urllib.parse.unquote(wish).partition(" ")
    return {"path": os.path.join(folder, path), "arguments": arguments}


def _start(
    words: list[str], folder: pathlib.Path, given: dict[str, str], out: Any, err: Any = None
) -> subprocess.Popen[bytes]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    return subprocess.Popen(
        words,
        cwd=folder,
        env=kept | {"PYTHONUNBUFFERED": "1", "CUDA_VISIBLE_DEVICES": ""} | given,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err if err is not None else out,
        start_new_session=True,
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that was started here, with those that it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _cpu_seconds() -> float:
    """User and system time of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_limited(
    words: list[str], folder: pathlib.Path, given: dict[str, str]
) -> tuple[str, float, str]:
    """Runs a command; (result, CPU seconds, output). The result is "pass" or why it is none."""
    before = _cpu_seconds()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = _start(words, folder, given, out, err)
        try:
            code = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            code = None
        _kill(process)
        out.seek(0)
        err.seek(0)
        output, errors = (file.read().decode(errors="replace") for file in (out, err))
    seconds = _cpu_seconds() - before
    if code == 0:
        return "pass", seconds, output
    if os.environ.get("LEGACY_SHOW"):
        print(output[-1500:], errors[-3500:], file=sys.stderr)
    if code is None:
        return f"not done in {LIMIT:.0f} s", seconds, output
    return f"exit {code}: {last_line(errors)}", seconds, output


def last_line(text: str) -> str:
    """The last line that says something, cut to 120 characters and freed of temporary paths."""
    lines = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
    line = lines[-1] if lines else ""
    line = re.sub(r"/tmp/tmp\w+/|/\S*/site-packages/", "", line)
    return "".join(c if c.isprintable() else " " for c in line)[:120]


def draw_page(
    rows: list[dict[str, str]],
    same: list[dict[str, str]],
    upgraded: dict[tuple[str, ...], dict[str, str]],
) -> str:
    """docs/legacy_scripts.md: counts, a row per script, and the scripts with the same numbers."""
    both = [row for row in rows if row["result_1.15.5"] == "pass"]
    passed = [row for row in both if row["result_ours"] == "pass"]
    plain = [row for row in upgraded.values() if row["result"] == "pass"]
    lines = [
        "# Public TensorFlow 1 scripts, unmodified, under `legacy-nets run`",
        "",
        "Drawn by `scripts/corpus/run_legacy_scripts.py` from "
        "`tests/runner/legacy_scripts/scripts.csv`, which",
        "records runs; the scripts themselves are not kept here. *Setup* is the data that a run",
        "was given (synthetic digits in the place of MNIST, drawn pictures), *s* its CPU seconds.",
        "",
        f"- Scripts that pass under TensorFlow 1.15.5: {len(both)}, from "
        f"{len({row['repository'] for row in both})} repositories.",
        f"- Of those, passing under `legacy-nets run`: {len(passed)}.",
        f"- Of those, upgraded: {len(upgraded)}; these passing under plain `python`: {len(plain)}.",
        f"- Of those, compared number by number ([below](#the-same-numbers)): {len(same)}.",
        "",
        "| Repository | Script | Kind | Setup | 1.15.5 | s | Ours | s | Upgraded "
        "| Printed last (1.15.5) | Printed last (ours) |",
        "| --- | --- | --- | --- | --- | ---: | --- | ---: | --- | --- | --- |",
    ]
    for row in rows:
        cells = [
            row["repository"],
            _typed(row),
            row["kind"],
            row["setup"],
            row["result_1.15.5"],
            row["seconds_1.15.5"],
            row["result_ours"],
            row["seconds_ours"],
            upgraded.get(tuple(row[name] for name in KEY), {}).get("result", ""),
            *(f"`{text}`" if text else "" for text in (row["last_1.15.5"], row["last_ours"])),
        ]
        lines.append(_line(cells))
    lines += [
        "",
        "## The same numbers",
        "",
        "`scripts/corpus/same_numbers.py` runs these from the first weights of 1.15.5's run on "
        "both sides",
        "and compares all floats that the first 20 calls of `session.run` with a float returned",
        "(losses, accuracies); *difference* is the largest, relative. After the last step each",
        "side writes a checkpoint and restores the other's: so many *variables* come back bit for",
        "bit. *Restored* is the largest relative difference of the floats that a side computes",
        "from the other's checkpoint, on the last step's feed; nothing where they are drawn by",
        "chance or take another batch each time.",
        "",
        "| Repository | Script | Numbers | Difference | Variables | Ours restores "
        "| 1.15.5 restores | Restored |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in same:
        lines.append(_line([row["repository"], _typed(row), *list(row.values())[4:]]))
    return "\n".join(lines) + "\n"


def _typed(row: dict[str, str]) -> str:
    return f"`{row['path']} {row['arguments']}`".replace(" `", "`")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("``", "` `") for c in cells) + " |"


def write_page() -> None:
    """Draws the page from both tables."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(draw_page(read_table(), read_same(), read_upgraded()), encoding="utf-8")


def main() -> None:
    """Runs what is asked for, prints a line each, and writes the table if told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkouts", type=pathlib.Path, default=None)
    parser.add_argument("--oracle", help="python with TensorFlow 1.15.5")
    parser.add_argument("--ours", help="the command legacy-nets")
    parser.add_argument("--only", default="", help="rows whose repository and path hold this text")
    parser.add_argument("--missing", action="store_true", help="rows that have no result yet")
    parser.add_argument("--table", type=pathlib.Path, default=TABLE)
    parser.add_argument("--write", action="store_true", help="write table and page")
    given = parser.parse_args()
    rows = read_table(given.table)
    for row in rows:
        if given.only not in f"{row['repository']}/{row['path']}":
            continue
        for side, program in (("oracle", given.oracle), ("ours", given.ours)):
            if not program or (given.missing and row[f"result_{SIDES[side]}"]):
                continue
            if given.missing and side == "ours" and row["result_1.15.5"] != "pass":
                continue
            run_row(row, side, program, given.checkouts)
            found = [row[f"{what}_{SIDES[side]}"] for what in ("result", "seconds", "last")]
            print(row["path"], side, *found, sep=" | ", flush=True)
            if given.write:
                write_table(rows, given.table)
    if given.write and given.table == TABLE:
        write_page()


if __name__ == "__main__":
    main()
