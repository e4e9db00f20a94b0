"""Measures the steps and pictures a second of 1 and 2 workers on this machine, async and sync.

    python scripts/bench/cluster_throughput.py [--steps 100] [--workers 2] [--mode sync]

``legacy-nets launch`` trains hand_signs by its recipe: 64x64, batch 32 for each worker, one ps.
Each task computes with one thread, so that two workers have two cores. The first half of the steps
is not counted (the second worker starts later than the first), nor is the last. The numbers go into
docs/benchmarks/cluster_growth.json.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from legacy_nets.data.signs import make_signs
from legacy_nets.processor import examine_processor

BATCH = 32
OUT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "cluster_growth.json"
MODES = ("async", "sync")
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Row(NamedTuple):
    """A row of the chief's log."""

    time: float  # when it was written, in seconds
    step: int


class Throughput(NamedTuple):
    """What a cluster does; with --sync a step is of all workers together."""

    workers: int
    sync: bool
    steps_per_second: float
    images_per_second: float


def compute_rate(rows: Sequence[Row]) -> float:
    """Computes the steps a second without the first half and the last row, which evaluates."""
    steps = rows[-1].step
    counted = [row for row in rows[:-1] if row.step >= steps / 2]
    first, last = counted[0], counted[-1]
    return (last.step - first.step) / (last.time - first.time)


def read_rows(events: pathlib.Path) -> list[Row]:
    """Reads when each row of the log was written, from the events for TensorBoard."""
    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow()
    from legacy_nets import tf1 as tf

    [file] = events.iterdir()
    return [
        Row(event.wall_time, event.step)
        for event in tf.train.summary_iterator(str(file))
        if any(value.tag == "loss" for value in event.summary.value)
    ]


def measure(
    data: pathlib.Path, folder: pathlib.Path, workers: int, sync: bool, steps: int
) -> Throughput:
    """Trains on a cluster for so many steps, and computes its rates."""
    at_once = BATCH * (workers if sync else 1)
    command = [sys.executable, "-m", "legacy_nets", "launch", "--workers", str(workers)]
    command += ["--ps", "1", "--", "train", "hand_signs", "--data", str(data)]
    command += ["--model-dir", str(folder), "--steps", str(steps)]
    command += ["--batch-size", str(BATCH), "--save-every", "1000000"]
    command += ["--evaluate-every", "1000000", *(["--sync"] if sync else [])]
    environment = {**os.environ, **ONE_THREAD}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    rate = compute_rate(read_rows(folder / "events"))
    return Throughput(workers, sync, round(rate, 3), round(rate * at_once, 1))


def main() -> None:
    """Prints a row of Markdown for each cluster, and keeps the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100, help="of a run")
    parser.add_argument("--workers", type=int, choices=(1, 2), help="one alone of both")
    parser.add_argument("--mode", choices=MODES, help="one alone of both")
    parser.add_argument("--out", type=pathlib.Path, default=OUT, help="JSON with the other times")
    options = parser.parse_args()
    fields = json.loads(options.out.read_text()) if options.out.exists() else {}
    processor = examine_processor()
    machine = {"processor": processor.model, "cores": processor.cores, "batch": BATCH}
    runs = {
        (run["workers"], run["sync"]): run for run in fields.get("throughput", {}).get("runs", ())
    }
    print("| workers | | steps/s | pictures/s |\n| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as work:
        data = pathlib.Path(work, "signs")
        make_signs(data, per_class={"train": 180, "test": 5})
        for sync in [mode == "sync" for mode in MODES if options.mode in (None, mode)]:
            for workers in [count for count in (1, 2) if options.workers in (None, count)]:
                folder = pathlib.Path(work, f"{workers}-{sync}")
                result = measure(data, folder, workers, sync, options.steps)
                runs[workers, sync] = result._asdict()
                fields["throughput"] = {**machine, "runs": list(runs.values())}
                options.out.write_text(json.dumps(fields, indent=1) + "\n")
                print(
                    f"| {workers} | {'sync' if sync else 'async'} | "
                    f"{result.steps_per_second:.2f} | {result.images_per_second:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
