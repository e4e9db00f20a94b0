"""What score_growth.py and cluster_growth.py share: their options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"


class Options(NamedTuple):
    """--measure and --out."""

    measure: bool
    out: Path


def parse_options(description: str) -> Options:
    """Parses the options of the command line. ``description``: of the script, in one line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--measure", action="store_true", help="measure the times again")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of times and charts")
    return Options(**vars(parser.parse_args()))
