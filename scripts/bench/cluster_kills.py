"""Kills tasks of a training cluster at seeded times, and compares the end with an undisturbed run.

    python scripts/bench/cluster_kills.py

Both train hand_signs on 1080 synthetic pictures of 32x32, and are tested on 600. Worker, chief and
ps are killed in turn (SIGKILL); ``legacy-nets launch`` restarts them. The script fails where a run
does not end at the asked step, a checkpoint is damaged, or the accuracy is more than 0.02 below.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

from legacy_nets.checkpoints.formats.bundle import (
    explain_incomplete_checkpoints,
    list_complete_checkpoints,
    read_bundle,
)
from legacy_nets.data.signs import make_signs
from legacy_nets.train.report import read_log

MAX_LOSS = 0.02  # of accuracy
TURN = ("worker", "chief", "ps")
PICTURES = {"train": 180, "test": 100}  # of each class
DATA = "signs"  # folder
LEARNING = ("--image-size", "32", "--batch-size", "32", "--save-every", "10")
LEARNING += ("--evaluate-every", "1000000")  # at the end alone


def find_processes(launcher: int) -> dict[str, int]:
    """Finds the processes of the tasks that a launcher has started: job -> process."""
    found = {}
    for task in pathlib.Path(f"/proc/{launcher}/task").iterdir():
        for child in (task / "children").read_text().split():
            try:
                environment = pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended
            for entry in environment:
                if entry.startswith(b"TF_CONFIG="):
                    found[json.loads(entry.partition(b"=")[2])["task"]["type"]] = int(child)
    return found


def kill_in_turn(launcher: subprocess.Popen[bytes], kills: int, seed: int, gap: float) -> None:
    """Kills a task every ``gap`` seconds on average, until that number or the end of the run."""
    rng = np.random.default_rng(seed)
    for number in range(kills):
        time.sleep(rng.uniform(0.5, 1.5) * gap)
        job = TURN[number % len(TURN)]
        process = None
        while process is None and launcher.poll() is None:  # it has not been restarted yet
            process = find_processes(launcher.pid).get(job)
            time.sleep(0.2)
        if process is None:
            print(f"the run ended after {number} kills", flush=True)
            return
        os.kill(process, signal.SIGKILL)
        print(f"kill {number + 1} of {kills}: {job}", flush=True)


def run(folder: pathlib.Path, options: argparse.Namespace, kills: int) -> float:
    """Trains on a cluster into a folder, kills tasks meanwhile; returns the last accuracy."""
    command = [sys.executable, "-m", "legacy_nets", "launch", "--chief", "--workers", "1"]
    command += ["--ps", "1", "--restarts", str(kills), "--", "train", "hand_signs"]
    command += ["--model-dir", str(folder), "--steps", str(options.steps), *LEARNING]
    command += ["--data", str(folder.parent / DATA), *options.train]
    started = time.monotonic()
    with subprocess.Popen(command) as launcher:
        killer = threading.Thread(
            target=kill_in_turn, args=(launcher, kills, options.seed, options.gap)
        )
        killer.start()
        code = launcher.wait()
        killer.join()
    assert code == 0, f"exit code {code}"
    complete = list_complete_checkpoints(folder)
    assert complete[-1][0] == options.steps, complete
    assert explain_incomplete_checkpoints(folder) == {}
    for _, prefix in complete:
        bundle = read_bundle(prefix)
        for name in bundle.tensors:  # raises where a checksum is wrong
            bundle.read(name)
    accuracy = read_log(folder / "log.csv")[-1]["test_accuracy"]
    seconds = time.monotonic() - started
    print(f"{kills} kills: step {complete[-1][0]}, accuracy {accuracy:.4f}, {seconds:.0f} s")
    return accuracy


def main() -> None:
    """Runs both trainings, and compares them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--gap", type=float, default=9, help="mean seconds between two kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--undisturbed", type=float, help="its accuracy, where it is known")
    parser.add_argument("train", nargs="*", help="more options of legacy-nets train")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        make_signs(pathlib.Path(work, DATA), per_class=PICTURES)
        undisturbed = options.undisturbed
        if undisturbed is None:
            undisturbed = run(pathlib.Path(work, "undisturbed"), options, 0)
        killed = run(pathlib.Path(work, "killed"), options, options.kills)
    print(f"accuracy {undisturbed:.4f} undisturbed, {killed:.4f} after {options.kills} kills")
    sys.exit(killed < undisturbed - MAX_LOSS)


if __name__ == "__main__":
    main()
