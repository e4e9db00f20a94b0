"""What the table must show: ratios of one run, and the number that each is to reach."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

Medians: TypeAlias = Mapping[tuple[str, str], float]  # (case, column) -> median
Values: TypeAlias = Mapping[tuple[str, str], Sequence[float]]  # (case, column) -> one a round
NETS = ("inception_v3", "resnet_v2_50")
OUR_PREFIX = "legacy_nets"  # of our columns
ACCURACIES = ("train --bf16", "legacy_nets fp32")


def get_values(row: Mapping) -> dict[tuple[str, str], Sequence[float]]:
    """Returns (case, column) -> a value of each round, of what was measured."""
    return {
        (item["case"], item["column"]): item["values"] for item in row["measured"] if item["values"]
    }


def compute_medians(row: Mapping) -> dict[tuple[str, str], float]:
    """Returns (case, column) -> median, of what was measured."""
    return {key: statistics.median(values) for key, values in get_values(row).items()}


def divide(above: Sequence[float] | None, below: Sequence[float] | None) -> float | None:
    """Divides two measures round by round and returns the median; None where one is missing.

    A machine that is slow for a while slows the whole round, so its ratio says more than that of
    the medians.
    """
    pairs = zip(above or (), below or (), strict=False)  # a child may have ended before the last
    return _take_median([a / b for a, b in pairs if a and b])


def _take_median(values: Sequence[float] | None) -> float | None:
    """Returns the median; None where there is nothing."""
    return statistics.median(values) if values else None


def compare_with_peers(values: Values, case: str, precision: str) -> float | None:
    """Divides the best of ours by the best of the peers (int8: by their bf16); None without."""
    against = "bf16" if precision == "int8" else precision
    columns = {column: rounds for (k, column), rounds in values.items() if k == case}
    ours = [v for c, v in columns.items() if c.startswith(OUR_PREFIX) and c.endswith(precision)]
    peers = [v for c, v in columns.items() if not c.startswith(OUR_PREFIX) and c.endswith(against)]
    best_of_ours = max(ours, key=statistics.median, default=None)
    best_peer = max(peers, key=statistics.median, default=None)
    return divide(best_of_ours, best_peer)


def make_goals(rows: Mapping[str, Mapping]) -> str:
    """Makes the table of the goals; a dash is what was not measured."""
    measured = {name: get_values(row) for name, row in rows.items()}
    inference = {
        name: measured[name]
        for name, row in rows.items()
        if row["measured"] and row["measured"][0]["group"] == "inference"
    }
    lines = ["## What it must show\n", "| | measured | to reach |", "| --- | --- | --- |"]
    for precision, goal in (("fp32", 0.97), ("bf16", 0.95)):
        columns = f"legacy_nets TensorFlow {precision}", f"OpenVINO {precision}"
        values = [
            divide(*(measured.get(net, {}).get(("batch 8", column)) for column in columns))
            for net in NETS
        ]
        title = f"{', '.join(NETS)}, batch 8: TensorFlow engine / OpenVINO, {precision}"
        lines.append(_make_line(title, values, f"≥ {goal}"))
    for precision in ("fp32", "bf16"):
        ratios = [
            compare_with_peers(found, case, precision)
            for found in inference.values()
            for case in dict.fromkeys(case for case, _ in found)
        ]
        least = min((ratio for ratio in ratios if ratio is not None), default=None)
        title = f"the best of ours / the best peer, {precision}, the least of all nets and batches"
        lines.append(_make_line(title, [least], "≥ 1"))
    values = [compare_with_peers(measured.get(net, {}), "batch 8", "int8") for net in NETS]
    lines.append(_make_line("the same nets, int8 / the best peer's bf16", values, "≥ 1.8"))
    names = "trained_hand_signs", "pictures", "train_hand_signs", "loop_hand_signs", "port"
    trained, pictures, train, loop, port = (measured.get(name, {}) for name in names)
    agreement = _take_median(trained.get(("class of fp32", "legacy_nets int8")))
    title = "trained hand_signs, int8: share with the class of fp32"
    lines.append(_make_line(title, [agreement], "≥ 0.99"))
    share = _find(pictures, "predict --fast"), _find(pictures, "bare engine")
    lines.append(_make_line("JPEGs: predict --fast / bare engine", [divide(*share)], "≥ 0.9"))
    old = _find(train, "TensorFlow 1.15.5 fp32")
    steps = [divide(_find(train, f"legacy_nets {p}"), old) for p in ("fp32", "bf16")]
    title = "training step of hand_signs: TensorFlow 1.15.5's time / ours in fp32, bf16"
    lines.append(_make_line(title, steps, "≥ 5.5 (AMX: 7)"))
    seconds = divide(_find(loop, "bare step"), _find(loop, "train"))
    lines.append(_make_line("seconds a step: train / its bare step", [seconds], "≤ 1.02"))
    reached = [_take_median(trained.get(("accuracy", c))) for c in ACCURACIES]
    lost = None if None in reached else reached[1] - reached[0]
    title = "trained hand_signs: accuracy that training with --bf16 loses"
    lines.append(_make_line(title, [lost], "≤ 0.01"))
    for column, goal in (("peak memory / weights", "≤ 3"), ("seconds", "≤ 8")):
        title = f"port of resnet_v2_152 to ONNX, {column}"
        lines.append(_make_line(title, [_take_median(port.get(("onnx", column)))], goal))
    return "\n".join(lines) + "\n"


def _find(values: Values, column: str) -> Sequence[float] | None:
    """Finds the values of a column in a table of one case."""
    return next((rounds for (_, name), rounds in values.items() if name == column), None)


def _make_line(title: str, values: Sequence[float | None], goal: str) -> str:
    texts: Iterable[str] = ("–" if value is None else f"{value:.3g}" for value in values)
    return f"| {title} | {', '.join(texts)} | {goal} |"
