"""Runs the public TensorFlow 1 scripts of a table under 1.15.5 and under legacy_nets.

    python scripts/corpus/run_legacy_scripts.py --checkouts FOLDER --oracle PYTHON --ours
    LEGACY-NETS
        [--only TEXT] [--side oracle|ours|both] [--write]

The table names each script by repository, commit and path; its code is never kept here. FOLDER
holds a checkout per repository, called OWNER+NAME, at the table's commit. Each run gets a copy of
it, with the data of the column ``setup``: synthetic pictures and digits. A run passes
if the script ends by itself with exit code 0 within the time limit. --write puts results,
CPU seconds and the last printed line into the table, and writes docs/legacy_scripts.md from it.
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
PROGRAMS = ROOT / "tests/runner/legacy_scripts/programs.csv"  # run with the extra "run"
SAME = ROOT / "tests/runner/legacy_scripts/same_numbers.csv"  # written by same_numbers.py
UPGRADED = ROOT / "tests/runner/legacy_scripts/upgraded.csv"  # written by upgrade_legacy_scripts.py
PAGE = ROOT / "docs/legacy_scripts.md"
KEY = ("repository", "path", "arguments")
GIVEN = ("repository", "commit", "folder", "path", "arguments", "subject", "setup")
SIDES = {"oracle": "tf1", "ours": "legacy_nets"}
RESULTS = ("result", "cpu_seconds", "last_line")
COLUMNS = (*GIVEN, *(f"{result}_{side}" for side in SIDES.values() for result in RESULTS))
UPGRADED_COLUMNS = (*KEY, *RESULTS)
SAME_COLUMNS = (*KEY, "steps", "compared_numbers", "largest_difference", "variables")
SAME_COLUMNS += ("restored_by_legacy_nets", "restored_by_tf1", "largest_difference_restored")
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
    """Builds the command that runs a row's script."""
    start = [program, "-u"] if side == "oracle" else [program, "run"]
    path = os.path.relpath(row["path"], row["folder"] or ".")
    if "module" in row["setup"].split():
        start, path = [*start, "-m"], path.removesuffix(".py").replace(os.sep, ".")
    return [*start, path, *shlex.split(row["arguments"])]


def run_row(row: dict[str, str], side: str, program: str, checkouts: pathlib.Path) -> None:
    """Runs one script in a copy of its repository, and writes the result into the row."""
    with prepare(row, side, program, checkouts) as (folder, given):
        result, seconds, output = run_with_limit(command(row, side, program), folder, given)
    name = SIDES[side]
    row[f"result_{name}"] = result
    row[f"cpu_seconds_{name}"] = f"{seconds:.1f}"
    row[f"last_line_{name}"] = last_line(output)


@contextlib.contextmanager
def prepare(
    row: dict[str, str], side: str, program: str, checkouts: pathlib.Path
) -> Iterator[tuple[pathlib.Path, dict[str, str]]]:
    """Prepares a copy of the script's repository with the data of the column ``setup``.

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
                    run_with_limit(words, folder, given)
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
    """Parses ``SCRIPT%20ARGUMENTS`` after ``run:`` (run before) or ``start:`` (run in parallel)."""
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


def run_with_limit(
    words: list[str], folder: pathlib.Path, given: dict[str, str]
) -> tuple[str, float, str]:
    """Runs a command: (result, CPU seconds, output). The result is "pass" or the failure."""
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
    """Returns the last line that is not empty, at most 120 characters, without temporary paths."""
    lines = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
    line = lines[-1] if lines else ""
    line = re.sub(r"/tmp/tmp\w+/|/\S*/site-packages/", "", line)
    return "".join(c if c.isprintable() else " " for c in line)[:120]


def format_page(
    rows: list[dict[str, str]],
    same: list[dict[str, str]],
    upgraded: dict[tuple[str, ...], dict[str, str]],
    programs: list[dict[str, str]],
) -> str:
    """docs/legacy_scripts.md: counts, a row per script, the same numbers, and the programs."""
    both = [row for row in rows if row["result_tf1"] == "pass"]
    passed = [row for row in both if row["result_legacy_nets"] == "pass"]
    plain = [row for row in upgraded.values() if row["result"] == "pass"]
    lines = [
        "# Public TensorFlow 1 scripts, unmodified, under `legacy-nets run`",
        "",
        "Written by `scripts/corpus/run_legacy_scripts.py` from "
        "`tests/runner/legacy_scripts/scripts.csv`, which",
        "records runs. The scripts themselves are not kept here. *Setup* is the data of a run",
        "(synthetic digits in the place of MNIST, synthetic pictures), *CPU s* its CPU seconds.",
        "",
        f"- Scripts that pass under TensorFlow 1.15.5: {len(both)}, from "
        f"{len({row['repository'] for row in both})} repositories.",
        f"- Of those, passing under `legacy-nets run`: {len(passed)}.",
        f"- Of those, upgraded: {len(upgraded)}; these passing under plain `python`: {len(plain)}.",
        f"- Of those, compared number by number ([below](#the-same-numbers)): {len(same)}.",
        "",
        "| Repository | Script | Subject | Setup | 1.15.5 | CPU s | legacy-nets | CPU s | Upgraded "
        "| Last line (1.15.5) | Last line (legacy-nets) |",
        "| --- | --- | --- | --- | --- | ---: | --- | ---: | --- | --- | --- |",
    ]
    for row in rows:
        cells = [
            row["repository"],
            _typed(row),
            row["subject"],
            row["setup"],
            row["result_tf1"],
            row["cpu_seconds_tf1"],
            row["result_legacy_nets"],
            row["cpu_seconds_legacy_nets"],
            upgraded.get(tuple(row[name] for name in KEY), {}).get("result", ""),
            *(
                f"`{text}`" if text else ""
                for text in (row["last_line_tf1"], row["last_line_legacy_nets"])
            ),
        ]
        lines.append(_line(cells))
    lines += [
        "",
        "## The same numbers",
        "",
        "`scripts/corpus/same_numbers.py` runs these from the first weights of 1.15.5's run on "
        "both sides",
        "and compares all floats that the first 20 calls of `session.run` with a float returned",
        "(losses, accuracies). *Largest difference* is relative. After the last step each side",
        "writes a checkpoint and restores the other's: so many *variables* are restored bit for",
        "bit. The last column is the largest relative difference of floats that a side computes",
        "from the other's checkpoint, on the last step's feed. It is empty where these floats are",
        "random or need another batch each time.",
        "",
        "| Repository | Script | Compared numbers | Largest difference | Variables "
        "| Restored by legacy-nets | Restored by 1.15.5 | Largest difference, restored |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in same:
        lines.append(_line([row["repository"], _typed(row), *list(row.values())[4:]]))
    return "\n".join([*lines, *_list_programs(programs)]) + "\n"


def _list_programs(rows: list[dict[str, str]]) -> list[str]:
    """The lines about the programs that were chosen before any of them was run."""
    passed = [row for row in rows if row["result_legacy_nets"] == "pass"]
    lines = [
        "",
        "## Programs, with `[run]` installed",
        "",
        "Research code, frameworks and their tests, chosen before any was run under legacy-nets. "
        "All pass under",
        "TensorFlow 1.15.5 with Python 3.7 and the packages of 2019; here they run with "
        "`pip install 'legacy-nets[run]'`",
        "and, where they need more, packages that they name themselves (gin-config, librosa, "
        "sentencepiece, dm-sonnet ...).",
        f"{len(passed)} of {len(rows)} pass, from {len({row['repository'] for row in rows})} "
        "repositories.",
        "",
        "| Repository | Program | Subject | Setup | CPU s (1.15.5) | legacy-nets | CPU s |",
        "| --- | --- | --- | --- | ---: | --- | ---: |",
    ]
    for row in rows:
        cells = [row["repository"], _typed(row), row["subject"], row["setup"]]
        cells += [row["cpu_seconds_tf1"], row["result_legacy_nets"], row["cpu_seconds_legacy_nets"]]
        lines.append(_line(cells))
    return [
        *lines,
        "",
        "What stops the others: gym 0.25 has no Pendulum-v0 (batch-ppo). Today's TensorFlow rounds "
        "powers of floats in",
        "another way, and a test wants equal bits (tensorflow-wavenet). A beam search from random "
        "weights ends after 5",
        "steps, where the test wants 21 as in 1.15.5 (texar; cause not found).",
    ]


def _typed(row: dict[str, str]) -> str:
    return f"`{row['path']} {row['arguments']}`".replace(" `", "`")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("``", "` `") for c in cells) + " |"


def write_page() -> None:
    """Writes the page from the tables."""
    PAGE.parent.mkdir(exist_ok=True)
    page = format_page(read_table(), read_same(), read_upgraded(), read_table(PROGRAMS))
    PAGE.write_text(page, encoding="utf-8")


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
            if given.missing and side == "ours" and row["result_tf1"] != "pass":
                continue
            run_row(row, side, program, given.checkouts)
            found = [row[f"{what}_{SIDES[side]}"] for what in RESULTS]
            print(row["path"], side, *found, sep=" | ", flush=True)
            if given.write:
                write_table(rows, given.table)
    if given.write and given.table in (TABLE, PROGRAMS):
        write_page()


if __name__ == "__main__":
    main()
