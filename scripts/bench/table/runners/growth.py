"""Seconds and peak memory of one kind of work at growing sizes; each size in a process of its own.

``python growth.py '{"tasks": ["predict"], "sizes": [1000], "folder": "/tmp"}'``
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from protocol import read_arguments, serve

arguments = read_arguments()
last = {}  # (case, task) -> MiB of the last run


def measure(task, size):
    """Runs the work in a process; returns its seconds and keeps its peak memory."""
    given = json.dumps({"task": task, "size": size, "folder": arguments["folder"]})
    script = Path(__file__).parents[1] / "growing_work.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), given], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or "it ended").splitlines()[-1])
    answer = json.loads(done.stdout.splitlines()[-1])
    last[task, size] = answer["MiB"]
    return answer["seconds"]


def get_memory(task, size):
    """Returns the peak memory of the last run."""
    if (task, size) not in last:
        raise LookupError("it did not run")
    return last[task, size]


measures = {}
for size in arguments["sizes"]:
    for task in arguments["tasks"]:
        measures[str(size), f"{task}, seconds"] = lambda t=task, s=size: measure(t, s)
        measures[str(size), f"{task}, MiB"] = lambda t=task, s=size: get_memory(t, s)
serve(measures, {})
