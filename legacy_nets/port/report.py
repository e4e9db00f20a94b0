"""The report of a port: every comparison and the verdict, as JSON, HTML or Markdown."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets.errors import BadInputError
from legacy_nets.files import replace_on_success
from legacy_nets.language import translate as _
from legacy_nets.language.lines import translate_line
from legacy_nets.port.jobs import Metadata
from legacy_nets.port.page import write_page
from legacy_nets.types import Array, Shape

OPTIMISED = "optimised"  # side: a run with all graph optimisations of the runtime
_TEXT_KINDS = "OSUT"  # NumPy's dtype.kind


class Comparison(NamedTuple):
    """One tensor or output, compared. Infinite where the two sides cannot be compared."""

    name: str
    shape: Shape
    absolute: float  # largest difference
    relative: float  # the same, as a share of the largest value
    side: str = ""  # how the target was run, where there are several ways
    top1: float | None = None  # share of the inputs with the same class on both sides


class Verification(NamedTuple):
    """What was compared after a target was run, and notes for the user."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]


class Outcome(NamedTuple):
    """What became of a port: the target is written but not published."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    averaged: bool  # whether the weights are moving averages
    metadata: Metadata


def compare_arrays(
    name: str, want: Array, got: Array, side: str = "", has_classes: bool = False
) -> Comparison:
    """Compares two arrays of any equal shape, element by element.

    Args:
      name: of the tensor or output.
      want: the original's values.
      got: the target's values.
      side: how the target was run.
      has_classes: whether the last axis holds one score per class.

    Texts that differ, values that are not finite, and shapes that differ are infinitely far apart.
    """
    if want.shape != got.shape:
        return Comparison(name, want.shape, float("inf"), float("inf"), side)
    if {want.dtype.kind, got.dtype.kind} & set(_TEXT_KINDS):
        distance = 0.0 if _list_texts(want) == _list_texts(got) else float("inf")
        return Comparison(name, want.shape, distance, distance, side)
    if want.dtype.kind not in "fc":
        want, got = want.astype(np.float64), got.astype(np.float64)
    if not want.size:
        return Comparison(name, want.shape, 0.0, 0.0, side)
    difference = float(np.abs(want - got).max())
    largest = float(np.abs(want).max())
    relative = difference / largest if largest else difference
    if not (np.isfinite(want).all() and np.isfinite(got).all()):  # a NaN proves nothing
        difference = relative = float("inf")
    top1 = float((want.argmax(-1) == got.argmax(-1)).mean()) if has_classes else None
    return Comparison(name, want.shape, difference, relative, side, top1)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a port wrote, what it compared and how far both sides are apart."""

    net: str
    checkpoint: str
    target: str
    out: str
    tolerance: float
    averaged: bool
    metadata: Metadata
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()
    was_run: bool = False  # whether the target was run; otherwise its tensors alone were compared
    needs_same_classes: bool = True  # numbers that are rounded may exchange classes of equal score

    @property
    def worst(self) -> Comparison:
        """The comparison with the largest relative difference."""
        return max(self.comparisons, key=lambda item: item.relative)

    @property
    def passed(self) -> bool:
        """Whether anything was compared, and all of it is within the tolerance."""
        return bool(self.comparisons) and all(self.is_within(item) for item in self.comparisons)

    def is_within(self, item: Comparison) -> bool:
        """Tells whether a comparison is within the tolerance, with the same classes if needed."""
        has_same_classes = item.top1 in (None, 1.0) or not self.needs_same_classes
        return item.relative <= self.tolerance and has_same_classes

    @property
    def verdict(self) -> str:
        """The result in one line."""
        count = len(self.comparisons)
        if not count:
            return "nothing was compared"
        worst = self.worst
        has_both = len({bool(item.side) for item in self.comparisons}) == 2
        compared = f"{count} outputs" if self.was_run else f"{count} tensors"
        if has_both:
            compared = f"{count} tensors and outputs"
        if self.passed and worst.absolute == 0:
            return f"{compared} equal, bit by bit"
        shares = [item.top1 for item in self.comparisons if item.top1 is not None]
        agreement = f", top-1 agrees on {min(shares):.0%}" if shares else ""
        name = f"{worst.name} ({worst.side})" if worst.side else worst.name
        return (
            f"{compared} compared, largest difference {worst.absolute:.3g}, "
            f"{worst.relative:.2g} of the largest value, in {name}{agreement}"
        )

    def save(self, path: Path) -> None:
        """Writes the report in the format of the ending (see ``check_report_path``).

        HTML and Markdown are in the chosen language; JSON is English.
        """
        text = _RENDERERS[path.suffix](self)
        with replace_on_success(path) as unfinished:
            unfinished.write_text(text + "\n", encoding="utf-8")

    def _render_json(self) -> str:
        fields = {
            **dataclasses.asdict(self),
            "passed": self.passed,
            "verdict": self.verdict,
            "comparisons": [_to_json(item) for item in self.comparisons],
        }
        return json.dumps(fields, indent=1)

    def _write_title(self) -> str:
        return _("{net} as {target}").format(net=self.net, target=self.target)

    def _list_facts(self) -> list[tuple[str, str]]:
        weights = _("moving averages") if self.averaged else _("raw weights")
        source = _("{file} ({details})").format(file=self.checkpoint, details=weights)
        result = _("passed") if self.passed else _("FAILED")
        return [
            (_("from"), source),
            (_("to"), _("{file} ({details})").format(file=self.out, details=self.target)),
            (_("verdict"), f"{result}{_(': ')}{translate_line(self.verdict)}"),
            (_("tolerance"), _("{share} of the largest value").format(share=f"{self.tolerance:g}")),
            *((name, str(value)) for name, value in self.metadata.items()),
            *((_("note"), translate_line(note)) for note in self.notes),
        ]

    def _list_rows(self) -> list[tuple[str, ...]]:
        names = (_("output"), _("side"), _("shape"), _("largest difference"), _("of largest value"))
        rows: list[tuple[str, ...]] = [(*names, "top-1", "")]
        for item in self.comparisons:
            top1 = "" if item.top1 is None else f"{item.top1:.0%}"
            shape = " x ".join(str(size) for size in item.shape)
            differences = (f"{item.absolute:.3g}", f"{item.relative:.2g}")
            mark = "" if self.is_within(item) else _("above the tolerance")
            rows.append((item.name, translate_line(item.side), shape, *differences, top1, mark))
        return rows

    def _render_markdown(self) -> str:
        lines = [f"# {self._write_title()}", ""]
        lines += [f"- {name}{_(': ')}{value}" for name, value in self._list_facts()]
        head, *rows = self._list_rows()
        lines += ["", *map(_join_cells, (head, ("---",) * len(head), *rows))]
        return "\n".join(lines)

    def _render_html(self) -> str:
        head, *rows = self._list_rows()
        facts = "".join(
            f"<dt>{html.escape(name)}<dd>{html.escape(value)}" for name, value in self._list_facts()
        )
        cells = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in row) for row in rows
        )
        names = "".join(f"<th>{html.escape(cell)}" for cell in head)
        table = f'<div class="wide" tabindex="0"><table><tr>{names}{cells}</table></div>'
        return write_page(self._write_title(), f"<dl>{facts}</dl>{table}")


_RENDERERS: dict[str, Callable[[Report], str]] = {  # ending of a report's file -> its format
    ".json": Report._render_json,
    ".html": Report._render_html,
    ".md": Report._render_markdown,
}


def check_report_path(path: Path | None, out: Path) -> None:
    """Raises BadInputError for a report that cannot be written.

    Its ending must name a format, its folder must exist, and it must not be the port's own
    destination (``out``).
    """
    if path is None:
        return
    if path.suffix not in _RENDERERS:
        raise BadInputError(f"--report {path}: end its name in {', '.join(_RENDERERS)}")
    if not path.parent.is_dir():
        raise BadInputError(f"--report {path}: {path.parent} is no folder; make it first")
    if path.is_dir():
        raise BadInputError(f"--report {path}: a folder is there; name another file")
    if path.resolve() == out.resolve():
        raise BadInputError(f"--report {path}: --out goes there; name another file")


def _list_texts(array: Array) -> list[bytes]:
    """The texts of an array of any shape. TensorFlow has bytes, ONNX Runtime str."""
    return [
        text if isinstance(text, bytes) else str(text).encode() for text in array.ravel().tolist()
    ]


def _to_json(item: Comparison) -> dict[str, object]:
    """Converts a comparison to values for JSON, which has no infinite number: None."""
    fields = item._asdict()
    return {name: None if value == float("inf") else value for name, value in fields.items()}


def _join_cells(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
