"""Writes the results of the benchmark as Markdown and charts."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

HEAD = """---
orphan: true
---

# Benchmark of one run

`make bench` measures this table: each row's programs side by side, by turns, in the same minutes.
A number is the median of {rounds} rounds; ± is half of the span of the rounds, as a share of it.
A dash has its reason below the table.
"""
NOTES = """ONNX Runtime and OpenVINO convert the frozen graph themselves. Keras and PyTorch run
their own net of the same architecture (ResNet v2 and ViT of timm, the rest of torchvision). "Of the
peak" is the share of the matrix product's rate in the same precision."""


def describe(item: Mapping) -> str:
    """Returns a cell: the median with the spread, or a dash."""
    values = item["values"]
    if not values:
        return "–"
    median = statistics.median(values)
    spread = (max(values) - min(values)) / 2 / median if median else 0.0
    return f"{median:.3g} ± {spread:.0%}"


def compute_medians(row: Mapping) -> dict[tuple[str, str], float]:
    """Returns (case, column) -> median, of what was measured."""
    return {
        (item["case"], item["column"]): statistics.median(item["values"])
        for item in row["measured"]
        if item["values"]
    }


def make_markdown(results: Mapping, charts: Sequence[str] = ()) -> str:
    """Makes the page."""
    rows = results["rows"]
    rounds = min((row["rounds"] for row in rows.values()), default=0)
    parts = [HEAD.format(rounds=rounds)]
    peaks = {}
    if "limits" in rows:
        peaks = {
            column: value
            for (case, column), value in compute_medians(rows["limits"]).items()
            if case.startswith("matrix product")
        }
    parts.append(_make_machine(results))
    groups: dict[str, list[str]] = {}
    for name, row in rows.items():
        if row["measured"]:
            groups.setdefault(row["measured"][0]["group"], []).append(name)
    for group, names in groups.items():
        parts.append(f"## {group.capitalize()}\n")
        parts += [f"![{group}]({chart})\n" for chart in charts if Path(chart).stem.endswith(group)]
        if group == "inference":
            parts.append(NOTES + "\n")
        parts += [_make_table(name, rows[name], peaks) for name in names]
    return "\n".join(parts)


def _make_machine(results: Mapping) -> str:
    machines = [row["machine"] for row in results["rows"].values()]
    if not machines:
        return ""
    machine = machines[-1]
    loads = [entry["load"] for entry in machines if "load" in entry]
    lines = [
        f"{machine.get('model')}, {machine.get('cores')} cores, {machine.get('memory_gib')} GiB, "
        f"{', '.join(machine.get('features') or ())}; {machine.get('system')}, "
        f"{machine.get('date')}."
    ]
    if loads:
        lines.append(
            f"Processes that waited for a core when rows began: {min(loads):.1f} to "
            f"{max(loads):.1f}."
        )
    lines.append(", ".join(f"{k} {v}" for k, v in sorted(results["versions"].items())) + ".")
    return "\n".join(lines) + "\n"


def _make_table(name: str, row: Mapping, peaks: Mapping[str, float]) -> str:
    """Makes the table of a row: a line a case and column, with ratios to the best peer."""
    measured = row["measured"]
    medians = compute_medians(row)
    unit = measured[0]["unit"]
    cases = list(dict.fromkeys(item["case"] for item in measured))
    flops = {
        item["case"]: item["details"]["flop"] for item in measured if "flop" in item["details"]
    }
    lines = [f"### {name}{f' ({unit})' if unit else ''}\n"]
    columns = list(dict.fromkeys(item["column"] for item in measured))
    cells = {(item["case"], item["column"]): item for item in measured}
    lines.append("| | " + " | ".join(cases) + " |")
    lines.append("| --- |" + " --- |" * len(cases))
    for column in columns:
        texts = []
        for case in cases:
            item = cells.get((case, column))
            text = describe(item) if item else "–"
            peak = peaks.get(column.rsplit(" ", 1)[-1])
            if item and item["values"] and case in flops and peak:
                share = medians[case, column] * flops[case] / 1e9 / peak
                text += f" ({share:.0%} of the peak)"
            if item and "engine" in item["details"]:
                text += f" {item['details']['engine']}"
            texts.append(text)
        lines.append(f"| {column} | " + " | ".join(texts) + " |")
    if measured[0]["group"] == "inference":
        for precision in ("fp32", "bf16", "int8"):
            lines += _compare_with_peers(medians, cases, precision)
        for precision in ("fp32", "bf16"):
            pair = f"legacy_nets TensorFlow {precision}", f"OpenVINO {precision}"
            lines += _divide(medians, cases, *pair)
    if row["seconds"]:
        lines.append("")
    reasons = dict.fromkeys((item["column"], item["reason"]) for item in measured if item["reason"])
    lines += [f"- {column}: {reason}" for column, reason in reasons]
    return "\n".join(lines) + "\n"


def _compare_with_peers(
    medians: Mapping[tuple[str, str], float], cases: Sequence[str], precision: str
) -> list[str]:
    """Returns the line of the best of ours over the best of the peers (int8: over their bf16)."""
    against = "bf16" if precision == "int8" else precision
    texts = []
    for case in cases:
        here = {c: v for (k, c), v in medians.items() if k == case}
        ours = [v for c, v in here.items() if c.startswith("legacy_nets") and c.endswith(precision)]
        peers = [
            v for c, v in here.items() if not c.startswith("legacy_nets") and c.endswith(against)
        ]
        texts.append(f"{max(ours) / max(peers):.2f}" if ours and peers else "–")
    if all(text == "–" for text in texts):
        return []
    return [f"| **ours {precision} / best peer {against}** | " + " | ".join(texts) + " |"]


def _divide(
    medians: Mapping[tuple[str, str], float], cases: Sequence[str], above: str, below: str
) -> list[str]:
    """Returns the line of one column over another; nothing where no case has both."""
    both = [(medians.get((case, above)), medians.get((case, below))) for case in cases]
    texts = [f"{a / b:.2f}" if a and b else "–" for a, b in both]
    return [f"| **{above} / {below}** | " + " | ".join(texts) + " |"] * any(
        a and b for a, b in both
    )


def draw_charts(results: Mapping, folder: Path, bench: str) -> list[str]:
    """Draws the bars of inference, one panel a net; returns the names of the files."""
    rows = {
        name: row
        for name, row in results["rows"].items()
        if row["measured"] and row["measured"][0]["group"] == "inference"
    }
    if not rows:
        return []
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    height = 2.6 * len(rows) + 0.6
    figure, axes = pyplot.subplots(len(rows), 1, figsize=(8, height), squeeze=False)
    for axis, (name, row) in zip(axes[:, 0], rows.items(), strict=True):
        medians = compute_medians(row)
        case = "batch 8" if any(k == "batch 8" for k, _ in medians) else next(iter(medians))[0]
        bars = {column: value for (k, column), value in medians.items() if k == case}
        names = sorted(bars, key=lambda column: bars[column])
        colours = ["#1f6fb4" if n.startswith("legacy_nets") else "#b0b0b0" for n in names]
        axis.barh(names, [bars[n] for n in names], color=colours)
        axis.bar_label(axis.containers[0], fmt="%.3g", padding=3, fontsize=7)
        axis.set_title(f"{name}, {case}, images/s", fontsize=9, loc="left")
        axis.tick_params(labelsize=7)
        axis.margins(x=0.1)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{bench}_inference.svg", metadata={"Date": None})
    pyplot.close(figure)
    return [f"{bench}_inference.svg"]
