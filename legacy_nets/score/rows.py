"""The rows of scores: one for each picture, as CSV, lines of JSON or Parquet."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO

import numpy as np

from legacy_nets.errors import BadInputError
from legacy_nets.types import Array

if TYPE_CHECKING:
    import pyarrow

PROBLEM = "problem"  # the column that says why a picture has no classes


class Ranked(NamedTuple):
    """A class and its probability."""

    name: str
    probability: float


class Row(NamedTuple):
    """A picture with its most probable classes, or why it has none."""

    image: str
    classes: Sequence[Ranked]
    problem: str = ""


def rank_classes(probabilities: Array, names: Sequence[str], top: int) -> list[Ranked]:
    """Ranks the ``top`` classes of one picture's probabilities [classes]."""
    order = np.argsort(-probabilities)[:top].tolist()
    return [Ranked(names[index], float(probabilities[index])) for index in order]


def make_header(top: int) -> list[str]:
    """Makes the columns of CSV and Parquet: image, class_1, probability_1, class_2 ..."""
    heads = [f"{head}_{place + 1}" for place in range(top) for head in ("class", "probability")]
    return ["image", *heads]


def list_cells(row: Row) -> list[str]:
    """Lists the cells of a row of CSV, without its problem."""
    cells = [cell for name, value in row.classes for cell in (name, f"{value:.6g}")]
    return [row.image, *cells]


class Writer(Protocol):
    """Writes rows into one file."""

    def write(self, rows: Sequence[Row]) -> None:
        """Writes some rows."""

    def close(self) -> None:
        """Completes the file."""


class _CsvWriter:
    def __init__(self, path: Path, top: int) -> None:
        self._file: TextIO = open(path, "w", encoding="utf-8", errors="replace", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._header = [*make_header(top), PROBLEM]
        self._writer.writerow(self._header)

    def write(self, rows: Sequence[Row]) -> None:
        """See ``Writer``."""
        for row in rows:
            cells = list_cells(row)
            missing = len(self._header) - 1 - len(cells)
            self._writer.writerow([*cells, *[""] * missing, row.problem])

    def close(self) -> None:
        """See ``Writer``."""
        self._file.close()


class _JsonWriter:
    def __init__(self, path: Path, top: int) -> None:
        self._file: TextIO = open(path, "w", encoding="utf-8")

    def write(self, rows: Sequence[Row]) -> None:
        """See ``Writer``."""
        for row in rows:
            classes = [
                {"class": name, "probability": float(f"{value:.6g}")} for name, value in row.classes
            ]
            fields = {"image": row.image, "classes": classes, PROBLEM: row.problem or None}
            self._file.write(json.dumps(fields) + "\n")

    def close(self) -> None:
        """See ``Writer``."""
        self._file.close()


class _ParquetWriter:
    def __init__(self, path: Path, top: int) -> None:
        import pyarrow
        import pyarrow.parquet

        self._columns = [*make_header(top), PROBLEM]
        self._top = top
        types = {"probability": pyarrow.float32()}
        self._schema: pyarrow.Schema = pyarrow.schema(
            [(name, types.get(name.partition("_")[0], pyarrow.string())) for name in self._columns]
        )
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        """See ``Writer``."""
        import pyarrow

        table = []
        for row in rows:
            classes = [cell for ranked in row.classes for cell in ranked]
            missing = [None] * (2 * self._top - len(classes))
            image = row.image.encode("utf-8", "replace").decode()
            cells = [image, *classes, *missing, row.problem or None]
            table.append(dict(zip(self._columns, cells, strict=True)))
        self._writer.write_table(pyarrow.Table.from_pylist(table, self._schema))

    def close(self) -> None:
        """See ``Writer``."""
        self._writer.close()


FORMATS: Mapping[str, Callable[[Path, int], Writer]] = {  # name and ending -> writer
    "csv": _CsvWriter,
    "jsonl": _JsonWriter,
    "parquet": _ParquetWriter,
}


def check_format(name: str) -> None:
    """Raises BadInputError for a format whose package is missing."""
    if name == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise BadInputError(
            "--format parquet needs pyarrow: pip install 'legacy-nets[ray]', or choose csv or jsonl"
        )
