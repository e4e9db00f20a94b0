"""Compares our readers with the original ones on real checkpoints from public repositories.

``python scripts/corpus/public_checkpoints.py FOLDER --oracle .oracle/bin/python [--write]``

FOLDER has the checkouts that tests/checkpoints/public_checkpoints.csv lists. Each is called
OWNER+NAME and is at the commit of its rows. TensorFlow reads the checkpoints, h5py the .h5 files,
and every tensor is compared by name, dtype, shape and SHA-256. Prints what differs from the
table; the exit code is then 1. ``--write`` writes the table again (a new row needs repository,
commit and path).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import h5py

from legacy_nets.checkpoints.contents import compute_digest, list_contents
from legacy_nets.checkpoints.formats.bundle import Bundle, read_bundle
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array, Json

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests" / "checkpoints" / "public_checkpoints.csv"
COLUMNS = (
    *("repository", "commit", "path", "format", "tensors", "parameters", "digest", "result"),
)
Rows: TypeAlias = "list[list[Json]]"  # [name, dtype, shape, SHA-256]


def main() -> None:
    """Compares all checkpoints of the table, and prints the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder of the checkouts")
    parser.add_argument(
        "--oracle", required=True, help="a Python with TensorFlow, preferably 1.15.5"
    )
    parser.add_argument("--write", action="store_true", help="write the table again")
    given = parser.parse_args()
    with open(TABLE, newline="") as file:
        table = list(csv.DictReader(file))
    reader = subprocess.Popen(
        [given.oracle, str(ROOT / "scripts" / "oracle" / "read_checkpoints.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    different = 0
    for row in table:
        path = given.folder / row["repository"].replace("/", "+", 1) / row["path"]
        try:
            measured = {**row, **measure(path, reader)}
        except CheckpointError as error:
            measured = {**row, "result": str(error)}
        if measured["result"] != "equal" or measured != row:
            different += 1
            name = f"{row['repository']} {row['path']}"
            print(f"{name}: {measured['format']}, {measured['result']}")
        row.update(measured)
    if given.write:
        with open(TABLE, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    print(f"{len(table)} checkpoints, {different} differ from the table or the original reader")
    sys.exit(different > 0 and not given.write)


def measure(path: Path, reader: subprocess.Popen[str]) -> dict[str, str]:
    """Measures the columns of a row. Raises CheckpointError if we cannot read the file."""
    source = open_weights(path)
    tensors = {**source.tensors, **source.other_tensors}
    ours = list_tensors({name: source.read(name) for name in tensors})
    raw = ours  # under the names that the original reader uses
    if path.is_file() and h5py.is_hdf5(path):
        file_format = "h5"
        raw, original = [row[1:] for row in ours], sorted(row[1:] for row in read_with_h5py(path))
    elif isinstance(source, Bundle) or Path(f"{path}.index").is_file():
        bundle = read_bundle(path)
        file_format = describe_bundle(bundle, source)
        raw = list_tensors({name: bundle.read(name) for name in bundle.tensors})
        assert sorted(row[1:] for row in ours) == sorted(row[1:] for row in raw), path
        original = read_with_tensorflow(path, reader)
    else:
        file_format, original = "V1", read_with_tensorflow(path, reader)
    text = "\n".join(f"{row[3]}  {row[0]}" for row in sorted(ours))
    return {
        "format": file_format,
        "tensors": str(len(tensors)),
        "parameters": str(list_contents(source).parameters),
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "result": "equal" if sorted(raw) == original else "differ",
    }


def describe_bundle(bundle: Bundle, source: Source) -> str:
    """Describes the format of a bundle, with what is unusual in it."""
    words = ["V2"]
    if len(bundle.shards) > 1:
        words.append(f"{len(bundle.shards)} shards")
    if any(info.slices for info in bundle.tensors.values()):
        words.append("slices")
    if not isinstance(source, Bundle):
        words.append("object-based")
    return ", ".join(words)


def list_tensors(tensors: dict[str, Array]) -> Rows:
    """Lists name, dtype, shape and SHA-256 of each tensor."""
    return [
        [
            name,
            "string" if value.dtype == object else value.dtype.name,
            list(value.shape),
            compute_digest(value),
        ]
        for name, value in tensors.items()
    ]


def read_with_tensorflow(path: Path, reader: subprocess.Popen[str]) -> Rows:
    """Reads a checkpoint with TensorFlow. Where it fails, its message differs from any list."""
    assert reader.stdin and reader.stdout
    print(path, file=reader.stdin, flush=True)
    rows: Rows = json.loads(reader.stdout.readline())
    return rows


def read_with_h5py(path: Path) -> Rows:
    """Reads every dataset of a file with h5py, by its path."""
    tensors = {}

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            tensors[name] = item[()]

    with h5py.File(path, "r") as root:
        root.visititems(add)
    return list_tensors(tensors)


if __name__ == "__main__":
    main()
