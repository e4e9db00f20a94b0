"""What a port compared and found: as JSON, as a page of HTML or Markdown."""

from __future__ import annotations

import dataclasses
import html
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from legacy_nets.errors import BadInputError
from legacy_nets.files import replace_on_success

ENDINGS = (".json", ".html", ".md")
OPTIMISED = "optimised"  # the side of a run with all of a runtime's graph optimisations
_TEXT = "OSUT"  # kinds of dtype


class Comparison(NamedTuple):
    """One tensor or output on both sides. NaN where one side has it and the other has not."""

    name: str
    shape: tuple[int, ...]
    absolute: float  # largest difference
    relative: float  # the same, as a share of the largest value
    side: str = ""  # how the target was run, where that makes a difference
    top1: float | None = None  # share of the inputs of one mind about the class

    @classmethod
    def of(
        cls, name: str, want: np.ndarray, got: np.ndarray, side: str = "", classes: bool = False
    ) -> Comparison:
        """Compares two arrays of one shape, place by place; ``classes``: the last axis is one.

        Texts that differ anywhere are infinitely far apart.
        """
        if want.shape != got.shape:
            return cls(name, want.shape, float("inf"), float("inf"), side)
        if {want.dtype.kind, got.dtype.kind} & set(_TEXT):
            far = 0.0 if _texts(want) == _texts(got) else float("inf")
            return cls(name, want.shape, far, far, side)
        if want.dtype.kind not in "fc":
            want, got = want.astype(np.float64), got.astype(np.float64)
        if not want.size:
            return cls(name, want.shape, 0.0, 0.0, side)
        difference = float(np.abs(want - got).max())
        largest = float(np.abs(want).max())
        relative = difference / largest if largest else difference
        if not (np.isfinite(want).all() and np.isfinite(got).all()):  # a NaN proves nothing
            difference = relative = float("inf")
        same = float((want.argmax(-1) == got.argmax(-1)).mean()) if classes else None
        return cls(name, want.shape, difference, relative, side, same)


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything that a port has to say."""

    net: str
    checkpoint: str
    target: str
    out: str
    tolerance: float
    averaged: bool
    metadata: dict[str, Any]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()

    @property
    def worst(self) -> Comparison:
        """The comparison with the largest share."""
        return max(self.comparisons, key=lambda item: item.relative)

    @property
    def passed(self) -> bool:
        """Whether something was compared, all within the tolerance, every class as before."""
        return bool(self.comparisons) and all(self.within(item) for item in self.comparisons)

    def within(self, item: Comparison) -> bool:
        """Whether one comparison is good enough."""
        return item.relative <= self.tolerance and item.top1 in (None, 1.0)

    def verdict(self) -> str:
        """One line."""
        count = len(self.comparisons)
        if not count:
            return "nothing was compared"
        worst, kind = self.worst, "tensors" if self.worst.top1 is None else "outputs"
        if self.passed and worst.absolute == 0:
            return f"{count} {kind} equal, bit by bit"
        classes = [item.top1 for item in self.comparisons if item.top1 is not None]
        agree = f", top-1 agrees on {min(classes):.0%}" if classes else ""
        where = f"{worst.name} ({worst.side})" if worst.side else worst.name
        both = len({bool(item.side) for item in self.comparisons}) == 2
        kinds = "tensors and outputs" if both else "outputs"
        return (
            f"{count} {kinds} compared, largest difference {worst.absolute:.3g}, "
            f"{worst.relative:.2g} of the largest value, in {where}{agree}"
        )

    def save(self, path: Path) -> None:
        """Writes it in the format that the ending names (``check_place`` says which)."""
        kinds = {".json": self._json, ".html": self._html, ".md": self._markdown}
        with replace_on_success(path) as unfinished:
            unfinished.write_text(kinds[path.suffix]() + "\n", encoding="utf-8")

    def _json(self) -> str:
        rows = [item._asdict() for item in self.comparisons]
        found = {**dataclasses.asdict(self), "passed": self.passed, "verdict": self.verdict()}
        return json.dumps({**found, "comparisons": rows}, indent=1)

    def _head(self) -> list[tuple[str, str]]:
        weights = "moving averages" if self.averaged else "raw"
        return [
            ("from", f"{self.checkpoint} ({weights})"),
            ("to", f"{self.out} ({self.target})"),
            ("verdict", f"{'passed' if self.passed else 'FAILED'}: {self.verdict()}"),
            ("tolerance", f"{self.tolerance:g} of the largest value"),
            *((name, str(value)) for name, value in self.metadata.items()),
            *(("note", note) for note in self.notes),
        ]

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [
            ("output", "side", "shape", "largest difference", "of largest value", "top-1", "")
        ]
        for item in self.comparisons:
            top1 = "" if item.top1 is None else f"{item.top1:.0%}"
            shape = " x ".join(str(side) for side in item.shape)
            differences = (f"{item.absolute:.3g}", f"{item.relative:.2g}")
            mark = "" if self.within(item) else "too far"
            rows.append((item.name, item.side, shape, *differences, top1, mark))
        return rows

    def _markdown(self) -> str:
        lines = [f"# {self.net} as {self.target}", ""]
        lines += [f"- {name}: {value}" for name, value in self._head()]
        head, *rows = self._rows()
        lines += ["", _line(head), _line(("---",) * len(head)), *map(_line, rows)]
        return "\n".join(lines)

    def _html(self) -> str:
        head, *rows = self._rows()
        facts = "".join(
            f"<dt>{html.escape(name)}<dd>{html.escape(value)}" for name, value in self._head()
        )
        cells = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in row) for row in rows
        )
        names = "".join(f"<th>{html.escape(cell)}" for cell in head)
        title = html.escape(f"{self.net} as {self.target}")
        style = (
            "body{font:15px sans-serif;margin:2em}td,th{padding:.2em 1em .2em 0;text-align:left}"
            "dt{font-weight:bold}"
        )
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            f"<style>{style}</style><h1>{title}</h1><dl>{facts}</dl>"
            f"<table><tr>{names}{cells}</table></html>"
        )


def check_place(path: Path | None, out: Path) -> None:
    """Raises BadInputError for a report that is neither JSON, HTML nor Markdown.

    Or that has no folder to lie in, or would take the place of what is ported (``out``).
    """
    if path is None:
        return
    if path.suffix not in ENDINGS:
        raise BadInputError(f"--report {path}: end its name in {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise BadInputError(f"--report {path}: {path.parent} is no folder; make it first")
    if path.resolve() == out.resolve():
        raise BadInputError(f"--report {path}: --out goes there; name another file")


def _texts(array: np.ndarray) -> list[bytes]:
    """What an array of text holds: TensorFlow has bytes, ONNX Runtime str."""
    return [
        text if isinstance(text, bytes) else str(text).encode() for text in array.ravel().tolist()
    ]


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
