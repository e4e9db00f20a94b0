"""Reads real checkpoints from public repositories, with our reader and with the original one.

``python scripts/corpus/public_checkpoints.py FOLDER --oracle .oracle/bin/python [--write]``

FOLDER has the checkouts that tests/checkpoints/public_checkpoints.csv lists, each called
OWNER+NAME and at
the commit of its rows. TensorFlow reads the checkpoints, h5py the .h5 files, and every tensor is
compared by name, dtype, shape and SHA-256. Prints what differs from the table, exit code 1 then;
``--write`` writes the table anew (for new rows, give repository, commit and path).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py

from legacy_nets.checkpoints.contents import contents, digest
from legacy_nets.checkpoints.formats.bundle import Bundle, read_bundle
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.errors import CheckpointError

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests" / "public_checkpoints.csv"
COLUMNS = (
    *("repository", "commit", "path", "format", "tensors", "parameters", "digest", "result"),
)
Rows = list[list[Any]]  # [name, dtype, shape, SHA-256]


def main() -> None:
    """Compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--oracle", required=True, help="a Python with TensorFlow, best 1.15.5")
    parser.add_argument("--write", action="store_true")
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
            found = {**row, **measured(path, reader)}
        except CheckpointError as error:
            found = {**row, "result": str(error)}
        if found["result"] != "equal" or found != row:
            different += 1
            print(f"{row['repository']} {row['path']}: {found['format']}, {found['result']}")
        row.update(found)
    if given.write:
        with open(TABLE, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    print(f"{len(table)} checkpoints, {different} differ from the table or the original reader")
    sys.exit(different > 0 and not given.write)


def measured(path: Path, reader: subprocess.Popen[str]) -> dict[str, str]:
    """The columns that are measured. Raises CheckpointError where we cannot read it."""
    source = open_weights(path)
    found = contents(source)
    shown = {**source.tensors, **source.other_tensors}
    ours = listing({name: source.read(name) for name in shown})
    if path.is_file() and h5py.is_hdf5(path):
        form = "h5"
        mine, original = sorted(row[1:] for row in ours), sorted(row[1:] for row in of_h5py(path))
    elif isinstance(source, Bundle) or Path(f"{path}.index").is_file():
        bundle = read_bundle(path)
        form = form_of(bundle, source)
        mine = listing({name: bundle.read(name) for name in bundle.tensors})
        assert sorted(row[1:] for row in ours) == sorted(row[1:] for row in mine), path
        original = of_tensorflow(path, reader)
    else:
        form, mine, original = "V1", ours, of_tensorflow(path, reader)
    text = "\n".join(f"{row[3]}  {row[0]}" for row in sorted(ours))
    return {
        "format": form,
        "tensors": str(len(shown)),
        "parameters": str(found.parameters),
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "result": "equal" if sorted(mine) == original else "differ",
    }


def form_of(bundle: Bundle, source: Any) -> str:
    """The format of a bundle, with what is out of the ordinary in it."""
    said = ["V2"]
    if len(bundle.shards) > 1:
        said.append(f"{len(bundle.shards)} shards")
    if any(info.slices for info in bundle.tensors.values()):
        said.append("slices")
    if not isinstance(source, Bundle):
        said.append("object-based")
    return ", ".join(said)


def listing(tensors: dict[str, Any]) -> Rows:
    """Name, dtype, shape and SHA-256 of each tensor."""
    return [
        [
            name,
            "string" if value.dtype == object else value.dtype.name,
            list(value.shape),
            digest(value),
        ]
        for name, value in tensors.items()
    ]


def of_tensorflow(path: Path, reader: subprocess.Popen[str]) -> Rows:
    """What TensorFlow's reader finds; what it says where it fails is no list, so it differs."""
    assert reader.stdin and reader.stdout
    print(path, file=reader.stdin, flush=True)
    answer: Rows = json.loads(reader.stdout.readline())
    return answer


def of_h5py(path: Path) -> Rows:
    """What h5py finds: every dataset, by its path."""
    tensors = {}

    def look(place: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            tensors[place] = item[()]

    with h5py.File(path, "r") as root:
        root.visititems(look)
    return listing(tensors)


if __name__ == "__main__":
    main()
