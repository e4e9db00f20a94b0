"""Kills a ``score`` again and again, and compares its output with that of an undisturbed run.

python scripts/bench/score_kills.py [--kills 10] [--workers 2] [--shards 12]

Every second kill is one of a worker of Ray (SIGKILL), the others are of the command itself, which
is started again. With --workers 1 there is no Ray, and every kill is one of the command. Ends with
1 where a byte differs, a half file is left, or the run ended before the last kill.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from legacy_nets.score.run import JOURNAL

WORKER = b"ray::MapWorker"


def find_workers(parent: int) -> list[int]:
    """Finds the processes below one that score shards on Ray (Linux)."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (folder / "stat").read_text()
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
            names[int(folder.name)] = (folder / "cmdline").read_bytes()

    def is_below(process: int) -> bool:
        while process in parents:
            process = parents[process]
            if process == parent:
                return True
        return False

    return [
        number for number, name in names.items() if name.startswith(WORKER) and is_below(number)
    ]


def count_finished(out: Path) -> int:
    """Counts the shards that the journal has."""
    with contextlib.suppress(OSError):
        return max(0, (out / JOURNAL).read_text().count("\n") - 1)
    return 0


def run_with_kills(command: list[str], out: Path, kills: int, on_ray: bool) -> list[str]:
    """Runs a command to its end, and kills a worker or the command after every shard or two.

    Returns what was killed. Raises RuntimeError where the command fails by itself.
    """
    killed: list[str] = []
    while True:
        before = count_finished(out)
        with (
            open("log", "w+", encoding="utf-8") as log,
            subprocess.Popen(command, stderr=log, stdout=log) as run,
        ):
            while run.poll() is None:
                time.sleep(0.1)
                workers = find_workers(run.pid) if on_ray else []
                if len(killed) == kills or (on_ray and not workers):
                    continue
                if on_ray and len(killed) % 2 == 0:
                    os.kill(workers[0], signal.SIGKILL)
                    killed.append("worker")
                elif count_finished(out) > before:
                    run.kill()
                    killed.append("command")
        if run.returncode == 0:
            return killed
        if run.returncode != -signal.SIGKILL:
            raise RuntimeError(f"exit code {run.returncode}: {Path('log').read_text()}")


def read_scores(out: Path) -> dict[str, bytes]:
    """Reads the scores of a folder: name -> content."""
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.csv"))}


def list_left(out: Path) -> list[str]:
    """Lists half files below a folder."""
    return [path.name for path in out.rglob(".*")]


def main() -> int:
    """Makes a net and pictures, runs both, prints what was killed and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("kills", 10), ("workers", 2), ("shards", 12)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    program = [sys.executable, "-m", "legacy_nets"]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        train = ["train", "demo_cnn", "--model-dir", "run", "--steps", "2"]
        subprocess.run([*program, *train], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        data = next((folder / "datasets").iterdir())
        records = ["records", "--data", str(data), "--out", "records"]
        records += ["--shards", str(given.shards)]
        subprocess.run([*program, *records], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        os.chdir(folder)
        score = [*program, "score", "demo_cnn", "--checkpoint", "run", "--input", "records/*"]
        wanted, out = folder / "wanted", folder / "out"
        subprocess.run([*score, "--output", str(wanted)], check=True)
        start = time.monotonic()
        command = [*score, "--output", str(out), "--workers", str(given.workers)]
        killed = run_with_kills(command, out, given.kills, given.workers > 1)
        seconds = time.monotonic() - start
        same = read_scores(out) == read_scores(wanted)
        print(f"killed: {killed.count('worker')} workers, {killed.count('command')} commands")
        print(f"{len(read_scores(out))} shards after {seconds:.0f} s; half files: {list_left(out)}")
        print("equal byte for byte" if same else "DIFFERENT")
        return int(not same or len(killed) < given.kills or bool(list_left(out)))


if __name__ == "__main__":
    sys.exit(main())
