"""Ports every net and twelve graphs of users to every target, and opens the results everywhere.

  python scripts/matrix/port_matrix.py small [PATTERN ...]   nets as small as their options allow
  python scripts/matrix/port_matrix.py full [PATTERN ...]    nets at full size, the smallest first
  python scripts/matrix/port_matrix.py user [PATTERN ...]    graphs that TensorFlow 1.15.5 saved
  python scripts/matrix/port_matrix.py render                docs/matrix.md out of docs/matrix.csv

Each cell (model, target, reader) is a row of docs/matrix.csv; rows that are there are not run again
(--again runs them), so the script can be stopped and continued. LEGACY_NETS_ORACLE and
LEGACY_NETS_TORCH are Pythons with TensorFlow 1.15.5 and with PyTorch; readers that are missing are
left out. --seconds limits each process, --until HH:MM starts no model later.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from legacy_nets import registry
from legacy_nets.files import replace_on_success

ROOT = Path(__file__).resolve().parents[2]
TABLE, PAGE = ROOT / "docs" / "matrix.csv", ROOT / "docs" / "matrix.md"
READERS = {  # target -> its readers
    "npz": ("numpy",),
    "safetensors": ("safetensors",),
    "h5": ("h5py",),
    "ckpt": ("tf1", "tf2"),
    "torch": ("torch",),
    "saved_model": ("tf1", "tf2"),
    "frozen": ("tf1", "tf2"),
    "onnx": ("onnxruntime",),
    "tflite": ("litert",),
    "openvino": ("openvino",),
    "keras": ("keras",),
}
TITLES = {
    **{"tf1": "TensorFlow 1", "tf2": "TensorFlow 2", "keras": "Keras 3", "h5py": "h5py"},
    **{"litert": "LiteRT", "openvino": "OpenVINO"},
    **{"onnxruntime": "ONNX Runtime", "torch": "PyTorch", "numpy": "NumPy"},
}
_BATCH = 3  # small models whose ports one process of each reader opens
TOLERANCE = 1e-4  # of the largest value


class Cell(NamedTuple):
    """A target of a model in a reader. ``difference`` or ``reason`` is empty."""

    size: str
    model: str
    target: str
    reader: str
    version: str  # of the reader
    difference: str  # the largest, as a share of the largest value
    reason: str  # why there is no difference

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What the cell is about."""
        return self[:4]


def read_table() -> dict[tuple[str, str, str, str], Cell]:
    """Reads what was run."""
    if not TABLE.is_file():
        return {}
    with open(TABLE, newline="", encoding="utf-8") as file:
        cells = [Cell(**row) for row in csv.DictReader(file)]
    return {cell.key: cell for cell in cells}


def save_table(cells: Iterable[Cell]) -> None:
    """Saves what was run, in the order of the page."""
    models = ["user", *registry.list_nets()]
    targets = list(READERS)

    def place(cell: Cell) -> tuple[object, ...]:
        model = models.index(cell.model) if cell.model in models else 0
        return cell.size, model, cell.model, targets.index(cell.target), cell.reader

    with replace_on_success(TABLE) as unfinished:
        with open(unfinished, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(Cell._fields)
            writer.writerows(sorted(cells, key=place))


def find_pythons() -> dict[str, str]:
    """Finds the Python of each reader that there is."""
    pythons = {"tf1": os.environ.get("LEGACY_NETS_ORACLE", "")}
    pythons["torch"] = os.environ.get("LEGACY_NETS_TORCH", "")
    libraries = {"tf2": "tensorflow", "litert": "tensorflow"}
    for reader in {reader for readers in READERS.values() for reader in readers} - set(pythons):
        found = importlib.util.find_spec(libraries.get(reader, reader)) is not None
        pythons[reader] = sys.executable if found else ""
    return {reader: python for reader, python in pythons.items() if python}


def ask(
    command: list[str], seconds: float, folder: Path, **environment: str
) -> tuple[list[dict], str]:
    """Runs a process that prints lines of JSON: what it printed, and why it died, else ""."""
    variables = {**os.environ, **environment}
    variables.pop("TF2_BEHAVIOR", None)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, cwd=folder, env=variables
        )
        out, cause = done.stdout, f"exit code {done.returncode}: {done.stderr.strip()[-150:]}"
        if done.returncode == 0:
            cause = ""
    except subprocess.TimeoutExpired as expired:
        out, cause = (expired.stdout or b"").decode(), f"not done within {seconds:g} seconds"
    lines = [json.loads(line) for line in out.splitlines() if line.startswith('{"target"')]
    return lines, " ".join(cause.split())


class Task(NamedTuple):
    """A model, the cells (target, reader) that are asked for, and a folder for its ports."""

    model: str
    source: str  # what ``write_targets.py`` takes
    cells: set[tuple[str, str]]
    folder: Path


def run_tasks(size: str, tasks: list[Task], seconds: float) -> list[Cell]:
    """Ports each model in a process, then opens the ports, all of a reader in one process."""
    ported = {task.model: write_targets(size, task, seconds) for task in tasks}
    made: list[Cell] = []
    for reader in sorted({reader for task in tasks for _, reader in task.cells}):
        users = [task for task in tasks if reader in {name for _, name in task.cells}]
        answers, cause = open_ports(reader, users, seconds)
        for task in users:
            for target in [target for target, name in task.cells if name == reader]:
                answer = answers.get((str(task.folder), target), {"error": cause})
                refusal = ported[task.model].get(target, "")
                difference = "" if refusal or "error" in answer else f"{answer['difference']:.1e}"
                version = "" if refusal else str(answer.get("version", ""))
                reason = refusal or str(answer.get("error", ""))
                made.append(Cell(size, task.model, target, reader, version, difference, reason))
    return made


def write_targets(size: str, task: Task, seconds: float) -> dict[str, str]:
    """Ports a model to its targets; returns why there is no port: target -> reason."""
    targets = [target for target in READERS if target in {target for target, _ in task.cells}]
    script = ROOT / "scripts" / "matrix" / "write_targets.py"
    command = [sys.executable, str(script), size, task.source, str(task.folder), *targets]
    lines, cause = ask(command, seconds, task.folder, PYTHONPATH=str(ROOT))
    files = {line["target"]: line["file"] for line in lines if "file" in line}
    (task.folder / "files.json").write_text(json.dumps(files))
    refusals = {line["target"]: line["refused"] for line in lines if "refused" in line}
    reasons = {name: refusals.get(name, cause) for name in targets if name not in files}
    for private in (str(task.folder), task.source):
        reasons = {name: text.replace(private, task.model) for name, text in reasons.items()}
    return {name: f"port: {text}" for name, text in reasons.items()}


def open_ports(
    reader: str, tasks: list[Task], seconds: float
) -> tuple[dict[tuple[str, str], dict], str]:
    """Opens the ports of models with one reader: (folder, target) -> answer; and how it ended.

    Where the process dies, each model gets one of its own.
    """
    script = ROOT / "scripts" / "matrix" / "readers.py"
    command = [find_pythons()[reader], str(script), reader, *(str(task.folder) for task in tasks)]
    lines, cause = ask(command, seconds, tasks[0].folder, PYTHONPATH="")
    answers = {(line["folder"], line["target"]): line for line in lines}
    if cause and len(tasks) > 1:
        for task in tasks:
            answers |= open_ports(reader, [task], seconds)[0]
    return answers, cause


def list_models(size: str, patterns: list[str], folder: Path) -> dict[str, str]:
    """Lists the models: name -> what ``write_targets.py`` takes. Saves the graphs of users."""
    if size == "user":
        script = ROOT / "scripts" / "oracle" / "user_graphs.py"
        variables = {key: value for key, value in os.environ.items() if key != "TF2_BEHAVIOR"}
        command = [os.environ["LEGACY_NETS_ORACLE"], str(script), str(folder)]
        subprocess.run(command, check=True, capture_output=True, env=variables)
        models = {path.name: str(path) for path in sorted(folder.iterdir())}
    else:
        nets = [registry.get_net(name) for name in registry.list_nets()]
        if size == "full":
            nets.sort(key=lambda net: net.parameters)
        models = {net.name: net.name for net in nets}
    return {
        name: source
        for name, source in models.items()
        if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


def run(size: str, patterns: list[str], again: bool, seconds: float, until: str) -> None:
    """Runs the cells that are missing, and saves the table after some models."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "models").mkdir()
        models = list_models(size, patterns, folder / "models")
        tasks = []
        for model, source in models.items():
            cells = list_cells(size, model, again)
            if cells:
                tasks.append(Task(model, source, cells, folder / model))
        count = 1 if size == "full" else _BATCH
        for first in range(0, len(tasks), count):
            if until and time.strftime("%H:%M") >= until:
                print(f"{until}: {len(tasks) - first} models are not run")
                return
            batch = tasks[first : first + count]
            names = ", ".join(task.model for task in batch)
            print(f"[{first + 1}/{len(tasks)}] {size}: {names}", flush=True)
            start = time.monotonic()
            for task in batch:
                task.folder.mkdir()
            made = run_tasks(size, batch, seconds)
            save_table((read_table() | {cell.key: cell for cell in made}).values())
            for task in batch:
                shutil.rmtree(task.folder)
            failed = [cell for cell in made if not is_good(cell)]
            took = f"{time.monotonic() - start:.0f} s"
            print(f"  {took}, {len(failed)} of {len(made)} without agreement", flush=True)
            for cell in failed:
                print(f"  {cell.model} {cell.target} {cell.reader}: {cell.reason}", flush=True)


def list_cells(size: str, model: str, again: bool) -> set[tuple[str, str]]:
    """Lists the cells (target, reader) to run: the missing ones with a reader, or all."""
    pythons, table = find_pythons(), read_table()
    return {
        (target, reader)
        for target, readers in READERS.items()
        for reader in readers
        if reader in pythons and (again or (size, model, target, reader) not in table)
    }


def is_good(cell: Cell) -> bool:
    """Whether the reader computes what the original does."""
    return bool(cell.difference) and float(cell.difference) <= TOLERANCE


def render() -> str:
    """Renders the page: a table for each size, then the reasons of what has no number."""
    cells = read_table()
    used = {cell.target for cell in cells.values()}
    columns = [(target, reader) for target in READERS for reader in READERS[target]]
    columns = [column for column in columns if column[0] in used]
    parts = [_HEAD.format(versions=_list_versions(cells.values()))]
    reasons: dict[str, int] = {}
    for size, title in _SIZES.items():
        tried = {cell.model for cell in cells.values() if cell.size == size}
        models = sorted(tried) if size == "user" else registry.list_nets()
        parts += [f"## {title}\n", _render_row(["", *(_title(*column) for column in columns)])]
        parts.append(_render_row(["---"] * (len(columns) + 1)))
        for model in (name for name in models if name in tried):
            row = [cells.get((size, model, *column)) for column in columns]
            parts.append(_render_row([model, *(render_cell(cell, reasons) for cell in row)]))
        untried = ", ".join(name for name in models if name not in tried)
        parts += ["", f"Not run: {untried}.\n"] if untried else [""]
    parts += ["## Reasons\n", *(f"{number}. {reason}" for reason, number in reasons.items())]
    return "\n".join(parts) + "\n"


_SIZES = {
    "small": "Every net, small",
    "full": "Every net, at full size",
    "user": "Graphs of users",
}
_HEAD = """# Matrix of ports

Written by `scripts/matrix/port_matrix.py`, which ports each model to each target, and opens the
result with the target's own library in a process without legacy_nets. A number is the largest
difference from the original, as a share of the largest value: of the outputs for graphs, of the
tensors for weights (0: bit by bit). Small nets have fewer channels or smaller images. The outputs
of the graphs of users are those of TensorFlow 1.15.5 (`scripts/oracle/user_graphs.py`). "-": not
run. Numbers in brackets are the reasons below. Bold: above 1e-4. The generated weights of resnet18
give logits of 964, equal to 1e-6; softmax makes 1e-4 of their last bits.

{versions}
"""


def _list_versions(cells: Iterable[Cell]) -> str:
    versions = {(_reader_title(cell.reader), cell.version) for cell in cells if cell.version}
    return "Versions: " + ", ".join(" ".join(pair) for pair in sorted(versions)) + "."


def _reader_title(reader: str) -> str:
    return TITLES.get(reader, reader)


def _title(target: str, reader: str) -> str:
    title = _reader_title(reader)
    return target if title == target else f"{target}, {title}"


def _render_row(texts: Iterable[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def render_cell(cell: Cell | None, reasons: dict[str, int]) -> str:
    """A number, a mark for a reason (which is numbered), or "-"."""
    if cell is None:
        return "-"
    if cell.difference:
        number = "0" if float(cell.difference) == 0 else cell.difference
        return number if is_good(cell) else f"**{number}**"
    return f"({reasons.setdefault(cell.reason, len(reasons) + 1)})"


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("size", choices=["small", "full", "user", "render"])
    parser.add_argument("patterns", nargs="*", help="names of models [default: all]")
    parser.add_argument("--again", action="store_true", help="run what is in the table, too")
    parser.add_argument("--seconds", type=float, default=900, help="limit of each process")
    parser.add_argument("--until", default="", metavar="HH:MM", help="start no model later")
    given = parser.parse_args()
    if given.size != "render":
        run(given.size, given.patterns, given.again, given.seconds, given.until)
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
