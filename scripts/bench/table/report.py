"""Writes the results of the benchmark as Markdown and charts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from goals import (
    OUR_PREFIX,
    Medians,
    Values,
    compare_with_peers,
    compute_medians,
    divide,
    get_values,
    make_goals,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEAD = """---
orphan: true
html_theme.sidebar_secondary.remove: true
---

# Benchmark of one run

`make bench` measures this table: each row's programs side by side, by turns, in the same minutes.
A number is the median of the rounds; ± is half of the span of the rounds, as a share of it. A ratio
is the median of the ratios of the rounds. A dash has its reason below the table. `ROWS=` takes the
names of the tables.

A rate of inference or training is followed by its share of the matrix product's rate in the same
precision (100% is the peak of the machine), then by the engine that was chosen, with its threads.
"""
PROGRAMS = """\
`plain` is `session.run` of the graph as it is built. `TensorFlow` is the frozen graph,
run by TensorFlow. `auto` is the fastest engine that is installed, as `predict --fast` chooses it.\
"""
NOTES = """ONNX Runtime and OpenVINO convert the frozen graph themselves. Keras and PyTorch run
their own net of the same architecture (ResNet v2 and ViT of timm, the rest of torchvision).
TensorFlow 1.15.5 has no fused batch norm of clips: it runs that of images, on inputs that are
reshaped before and after."""
GROWTH = """The slope is the power of the size that seconds or memory grow with, fitted to the
logarithms: 1 is linear, 0 is flat. Imports, and what was in memory before, do not count."""
MAX_COLUMNS = 10  # a table of more cases has a line for each of them
CHARTS = {"inference": "Rates at batch 8", "growth": "Seconds and memory over the size"}


def fit_slope(points: Mapping[str, float]) -> float | None:
    """Fits the power of the size that a value grows with: size -> value; None for fewer than 3."""
    pairs = [(math.log(float(x)), math.log(y)) for x, y in points.items() if y > 0]
    if len(pairs) < 3:
        return None
    return statistics.linear_regression(*zip(*pairs, strict=True)).slope


def describe(item: Mapping) -> str:
    """Returns a cell: the median with the spread, or a dash."""
    values = item["values"]
    if not values:
        return "–"
    median = statistics.median(values)
    spread = (max(values) - min(values)) / 2 / median if median else 0.0
    number = f"{median:,.0f}" if median >= 1000 else f"{median:.3g}"  # no exponent
    return f"{number} ± {spread:.0%}" if len(values) > 1 else number


def make_markdown(results: Mapping, charts: Sequence[str] = (), missing: Sequence[str] = ()) -> str:
    """Makes the page; ``missing``: rows that were not measured.

    Words and numbers have cells of their own: the site translates words.
    """
    rows = results["rows"]
    parts = [HEAD]
    peaks = {}
    if "limits" in rows:
        peaks = {
            column: value
            for (case, column), value in compute_medians(rows["limits"]).items()
            if case.startswith("matrix product")
        }
    parts.append(_make_machine(results, missing))
    parts.append(make_goals(rows))
    groups: dict[str, list[str]] = {}
    for name, row in rows.items():
        if row["measured"]:
            groups.setdefault(row["measured"][0]["group"], []).append(name)
    for group, names in groups.items():
        parts.append(f"## {group.capitalize()}\n")
        found = [chart for chart in charts if Path(chart).stem.endswith(group)]
        parts += [f"![{CHARTS[group]}]({chart})\n" for chart in found]
        if group == "inference":
            parts += [PROGRAMS + "\n", NOTES + "\n"]
        if group == "growth":
            parts.append(GROWTH + "\n")
        parts += [_make_table(name, rows[name], peaks) for name in names]
    return "\n".join(parts)


def _make_machine(results: Mapping, missing: Sequence[str]) -> str:
    """Makes the table of the machine, the versions and the rounds."""
    rows = results["rows"].values()
    if not rows:
        return ""
    machines = [row["machine"] for row in rows]
    machine = machines[-1]
    dates = sorted(str(entry.get("date")) for entry in machines)
    rounds = [len(item["values"]) for row in rows for item in row["measured"] if item["values"]]
    cells = {
        "processor": machine.get("model"),
        "cores": machine.get("cores"),
        "memory, GiB": machine.get("memory_gib"),
        "instructions": ", ".join(machine.get("features") or ()),
        "system": machine.get("system"),
        "dates of the rows": " – ".join(sorted({dates[0], dates[-1]})),
        "least rounds of a row": min(rounds, default=0),
    }
    if missing:
        cells["rows that are missing"] = ", ".join(missing)
    loads = [entry["load"] for entry in machines if "load" in entry]
    if loads:
        cells["processes that waited for a core when rows began"] = (
            f"{min(loads):.1f} – {max(loads):.1f}"
        )
    cells["versions"] = ", ".join(f"{k} {v}" for k, v in sorted(results["versions"].items()))
    lines = ["| machine | |", "| --- | --- |"]
    lines += [f"| {title} | {cell} |" for title, cell in cells.items()]
    return "\n".join(lines) + "\n"


def _make_table(name: str, row: Mapping, peaks: Mapping[str, float]) -> str:
    """Makes the table of a row: a line a column, with ratios to the best peer.

    Where there are more cases than a page is wide, each case has a line.
    """
    measured = row["measured"]
    medians = compute_medians(row)
    unit = measured[0]["unit"]
    cases = list(dict.fromkeys(item["case"] for item in measured))
    columns = list(dict.fromkeys(item["column"] for item in measured))
    texts = _make_cells(measured, medians, peaks)
    is_growth = measured[0]["group"] == "growth"
    if len(cases) > MAX_COLUMNS and not is_growth:
        lines = _make_lines(unit, columns, cases, {(b, a): text for (a, b), text in texts.items()})
    else:
        lines = _make_lines(unit, cases, columns, texts)
    if is_growth:
        lines[0] += " slope |"
        lines[1] += " --- |"
        for number, column in enumerate(columns, 2):
            slope = fit_slope({k: value for (k, c), value in medians.items() if c == column})
            lines[number] += f" {'–' if slope is None else f'{slope:.2f}'} |"
    if measured[0]["group"] == "inference":
        values = get_values(row)
        for precision in ("fp32", "bf16", "int8"):
            lines += _compare_with_peers(values, cases, precision)
        for precision in ("fp32", "bf16"):
            pair = f"legacy_nets TensorFlow {precision}", f"OpenVINO {precision}"
            lines += _divide(values, cases, *pair)
    reasons = dict.fromkeys((item["column"], item["reason"]) for item in measured if item["reason"])
    listed = [f"- {column}: `{reason.replace('`', chr(39))}`" for column, reason in reasons]
    return "\n".join([f"### {name}\n", *lines, "", *listed, *[""] * bool(listed)])


def _make_lines(
    corner: str, heads: Sequence[str], sides: Sequence[str], texts: Mapping[tuple[str, str], str]
) -> list[str]:
    """Makes the lines of a table; ``texts`` has a text for (head, side), else a dash is shown."""
    lines = [f"| {corner} | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for side in sides:
        cells = [texts.get((head, side), "–") for head in heads]
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    return lines


def _make_cells(
    measured: Sequence[Mapping], medians: Medians, peaks: Mapping[str, float]
) -> dict[tuple[str, str], str]:
    """Makes the text of each cell: the median, its share of the peak, the engine."""
    flops = {
        item["case"]: item["details"]["flop"] for item in measured if "flop" in item["details"]
    }
    texts = {}
    for item in measured:
        case, column = item["case"], item["column"]
        parts = [describe(item)]
        peak = peaks.get(column.rsplit(" ", 1)[-1])
        if item["values"] and case in flops and peak:
            parts.append(f"{medians[case, column] * flops[case] / 1e9 / peak:.0%}")
        if "engine" in item["details"]:
            parts.append(item["details"]["engine"])
        texts[case, column] = ", ".join(parts)
    return texts


def _compare_with_peers(values: Values, cases: Sequence[str], precision: str) -> list[str]:
    """Returns the line of the best of ours over the best of the peers (int8: over their bf16)."""
    against = "bf16" if precision == "int8" else precision
    ratios = [compare_with_peers(values, case, precision) for case in cases]
    return _make_ratios(f"ours {precision} / best peer {against}", ratios)


def _divide(values: Values, cases: Sequence[str], above: str, below: str) -> list[str]:
    """Returns the line of one column over another; nothing where no case has both."""
    ratios = [divide(values.get((case, above)), values.get((case, below))) for case in cases]
    return _make_ratios(f"{above} / {below}", ratios)


def _make_ratios(title: str, ratios: Sequence[float | None]) -> list[str]:
    """Makes a line of ratios; no line where there is none."""
    texts = ["–" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
    line = f"| **{title}** | " + " | ".join(texts) + " |"
    return [line] * any(ratio is not None for ratio in ratios)


def draw_charts(results: Mapping, folder: Path, bench: str) -> list[str]:
    """Draws inference as bars and growth as lines; returns the names of the files."""
    charts = []
    for group, draw, columns in (("inference", _draw_bars, 1), ("growth", _draw_lines, 2)):
        rows = {
            name: row
            for name, row in results["rows"].items()
            if row["measured"] and row["measured"][0]["group"] == group
        }
        if not rows:
            continue
        import matplotlib

        matplotlib.use("Agg")
        matplotlib.rcParams["svg.hashsalt"] = bench  # the same file from the same numbers
        from matplotlib import pyplot

        size = (8, 2.6 * len(rows) + 0.6)
        figure, axes = pyplot.subplots(len(rows), columns, figsize=size, squeeze=False)
        for line, (name, row) in zip(axes, rows.items(), strict=True):
            draw(line, name, row["measured"][0]["unit"], compute_medians(row))
        for axis in axes.flat:
            axis.tick_params(labelsize=7)
            axis.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"{bench}_{group}.svg", metadata={"Date": None})
        pyplot.close(figure)
        charts.append(f"{bench}_{group}.svg")
    return charts


def _draw_bars(axes: Sequence[Axes], name: str, unit: str, medians: Medians) -> None:
    """Draws the rates of one net at batch 8."""
    [axis] = axes
    case = "batch 8" if any(k == "batch 8" for k, _ in medians) else next(iter(medians))[0]
    bars = {column: value for (k, column), value in medians.items() if k == case}
    names = sorted(bars, key=lambda column: bars[column])
    colours = ["#1f6fb4" if n.startswith(OUR_PREFIX) else "#b0b0b0" for n in names]
    axis.barh(names, [bars[n] for n in names], color=colours)
    axis.bar_label(axis.containers[0], fmt="%.3g", padding=3, fontsize=7)
    axis.set_title(f"{name}, {case}, {unit}", fontsize=9, loc="left")
    axis.margins(x=0.1)


def _draw_lines(axes: Sequence[Axes], name: str, sizes_of: str, medians: Medians) -> None:
    """Draws seconds over the size, both logarithmic, and next to them memory, from 0 on."""
    sizes = sorted({int(size) for size, _ in medians})
    for axis, unit in zip(axes, ("seconds", "MiB"), strict=True):
        for column in dict.fromkeys(c for _, c in medians if c.endswith(unit)):
            points = [(float(k), v) for (k, c), v in medians.items() if c == column]
            axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=column)
        axis.set_xscale("log")
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
        axis.set_xticks([], minor=True)
        axis.legend(fontsize=6, frameon=False, loc="upper left")
    axes[0].set_yscale("log")
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].yaxis.set_minor_formatter("")
    axes[1].set_ylim(0, 1.5 * max(1.0, axes[1].get_ylim()[1]))  # room for the legend
    axes[0].set_title(f"{name}, {sizes_of}", fontsize=9, loc="left")
