"""Upgrades the public scripts of a table and runs them with plain python.

    python scripts/corpus/upgrade_legacy_scripts.py --checkouts FOLDER --upgraded FOLDER --python
    PYTHON
        [--only TEXT] [--missing] [--write]

Each repository is written by ``legacy-nets upgrade`` into a folder of its own below the second
FOLDER, once. PYTHON has legacy_nets installed and what the scripts need; it runs them like
``run_legacy_scripts``. --write records the results in
tests/runner/legacy_scripts/upgraded.csv.
"""

from __future__ import annotations

import argparse
import csv
import pathlib
import subprocess

import run_legacy_scripts as driver


def upgrade(repository: str, checkouts: pathlib.Path, upgraded: pathlib.Path, python: str) -> None:
    """Writes one repository's upgraded folder, if it is not there. Raises SystemExit."""
    name = repository.replace("/", "+")
    if (upgraded / name).exists():
        return
    words = [python, "-m", "legacy_nets", "upgrade", str(checkouts / name)]
    done = subprocess.run(
        [*words, "--out", str(upgraded / name)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{repository}: {driver.last_line(done.stderr)}")


def key(row: dict[str, str]) -> tuple[str, ...]:
    """What names a script in the tables."""
    return tuple(row[name] for name in driver.KEY)


def write_table(rows: dict[tuple[str, ...], dict[str, str]]) -> None:
    """Writes the record in the order of the scripts' own table."""
    with driver.UPGRADED.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, driver.UPGRADED_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in driver.read_table():
            if key(row) in rows:
                writer.writerow(rows[key(row)])


def main() -> None:
    """Upgrades and runs what is asked for, prints a line each, and records it if told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkouts", type=pathlib.Path, required=True)
    parser.add_argument("--upgraded", type=pathlib.Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--only", default="", help="rows whose repository and path hold this text")
    parser.add_argument("--missing", action="store_true", help="rows that have no result yet")
    parser.add_argument("--write", action="store_true", help="write table and page")
    given = parser.parse_args()
    given.upgraded.mkdir(parents=True, exist_ok=True)
    for row in driver.read_table():
        if given.only not in f"{row['repository']}/{row['path']}":
            continue
        if given.missing and key(row) in driver.read_upgraded():
            continue
        upgrade(row["repository"], given.checkouts, given.upgraded, given.python)
        ran = dict(row)
        driver.run_row(ran, "oracle", given.python, given.upgraded)  # as python SCRIPT
        found = [ran[f"{result}_tf1"] for result in driver.RESULTS]
        print(row["path"], *found, sep=" | ", flush=True)
        if given.write:
            rows = driver.read_upgraded()
            values = [*key(row), *found]
            rows[key(row)] = dict(zip(driver.UPGRADED_COLUMNS, values, strict=True))
            write_table(rows)
    if given.write:
        driver.write_page()


if __name__ == "__main__":
    main()
