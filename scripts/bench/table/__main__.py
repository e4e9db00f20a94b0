"""Measures the benchmark's table and writes it as JSON, Markdown and charts: ``make bench``.

``python scripts/bench/table --bench short --rows "inference port" --out docs/benchmarks``
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from driver import run_rows, write_results
from report import draw_charts, make_markdown
from rows import Environments, choose_rows, list_rows

from legacy_nets.processor import examine_processor

ROOT = Path(__file__).resolve().parents[3]


def describe_machine() -> Mapping[str, object]:
    """Tells the processor, the system, the date, and how busy the machine is."""
    return {
        **dataclasses.asdict(examine_processor()),
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.date.today().isoformat(),
        "load": os.getloadavg()[0],
    }


def parse_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", choices=("full", "short"), default="full")
    parser.add_argument("--rows", default="", help="names or groups of rows; all without it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, help="seconds of a row, in place of its own")
    parser.add_argument("--again", action="store_true", help="measure again what was measured")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--ours", default=sys.executable)
    parser.add_argument("--tensorflow1", default=str(ROOT / ".oracle" / "bin" / "python"))
    parser.add_argument("--torch", default=str(ROOT / ".venv-torch" / "bin" / "python"))
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> None:
    """Runs the rows that are asked for; writes all that the file of results has."""
    arguments = parse_arguments(given)
    environments = Environments(arguments.ours, arguments.tensorflow1, arguments.torch)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    known = list_rows(environments, arguments.folder, arguments.bench == "short")
    try:
        rows = choose_rows(known, arguments.rows)
    except ValueError as error:
        sys.exit(f"--rows: {error}")
    if arguments.limit:
        rows = [dataclasses.replace(row, limit=arguments.limit) for row in rows]
    os.environ["PYTHONPATH"] = str(ROOT)  # the children's
    path = arguments.out / f"{arguments.bench}.json"
    results = run_rows(rows, arguments.rounds, path, describe_machine, arguments.again)
    charts = draw_charts(results, arguments.out, arguments.bench)
    write_results(path, results)
    page = arguments.out / f"{arguments.bench}.md"
    missing = [row.name for row in known if row.name not in results["rows"]]
    page.write_text(make_markdown(results, charts, missing), encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
