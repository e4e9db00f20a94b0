"""The table of real checkpoints that scripts/corpus/public_checkpoints.py compared."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

TABLE = Path(__file__).with_name("public_checkpoints.csv")


def test_every_public_checkpoint_reads_as_the_original_reader_reads_it():
    with open(TABLE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["result"] for row in rows} == {"equal"}
    assert len({(row["repository"], row["path"]) for row in rows}) == len(rows) >= 100
    assert all(len(row["commit"]) == 40 and len(row["digest"]) == 64 for row in rows)
    formats = Counter(row["format"] for row in rows)
    assert min(formats[form] for form in ("V1", "V2", "V2, object-based", "h5")) >= 5
    assert formats["V2, 2 shards, object-based"] == 3
    assert all(int(row["tensors"]) > 0 and int(row["parameters"]) > 0 for row in rows)
