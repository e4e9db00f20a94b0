"""Ports one net or one graph of a user to several targets, for ``port_matrix.py``, which calls it.

  python write_targets.py SIZE MODEL FOLDER TARGET ...

SIZE: "small" or "full" (a net of the registry with generated weights), or "user" (MODEL is a folder
that ``scripts/oracle/user_graphs.py`` wrote). FOLDER gets what ``readers.py`` reads. One line of
JSON is printed for each target: {"target", "file"} or {"target", "refused"}.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "oracle"), str(ROOT / "tests" / "support")]

from legacy_nets.quiet import quiet_tensorflow  # noqa: E402

quiet_tensorflow(uses_onednn=True)

from port_cases import SMALL, job, save  # noqa: E402

from legacy_nets import registry  # noqa: E402
from legacy_nets.checkpoints.open import open_weights  # noqa: E402
from legacy_nets.errors import LegacyNetsError  # noqa: E402
from legacy_nets.port.formats.torch import module  # noqa: E402
from legacy_nets.port.formats.torch import target as torch_target  # noqa: E402
from legacy_nets.port.jobs import (  # noqa: E402
    OUTPUTS,
    SAVED_MODEL,
    WEIGHTS_TARGETS,
    ImportedJob,
    Job,
    find_graph,
    find_graph_checkpoint,
)
from legacy_nets.port.pipeline import port  # noqa: E402
from legacy_nets.port.report import Report  # noqa: E402
from legacy_nets.port.restored_net import restore_net  # noqa: E402
from legacy_nets.port.targets import TARGETS  # noqa: E402

_INITIALIZER = re.compile(r"run (\S+) once before: it fills the tables")


def make_net_jobs(size: str, name: str, folder: Path, targets: list[str]) -> list[Job]:
    """Saves a checkpoint of a net and what the net computes; returns a job for each target."""
    sides, options = SMALL[name] if size == "small" else (None, {})
    classes = 5 if size == "small" else registry.get_net(name).num_classes
    prefix = save(folder, name, sides, options, classes)
    jobs = []
    for to in targets:
        out = folder / f"x_{to}{TARGETS[to].ending}"
        jobs.append(job(prefix, name, to, out, sides, options, classes))
    save_outputs(jobs[0], folder / "io.npz")
    if "torch" in targets and torch_target.has_table(jobs[0].net):  # torchvision's padding
        required = torch_target.get_torch_options(jobs[0].net)
        place = targets.index("torch")
        jobs[place] = dataclasses.replace(jobs[place], options={**options, **required})
        save_outputs(jobs[place], folder / "io_torch.npz")
    return jobs


def save_outputs(net_job: Job, path: Path) -> None:
    """Saves what a net computes of seeded inputs."""
    with restore_net(net_job, open_weights(net_job.checkpoint), False) as net:
        arrays = {f"out:{key}": net.reference[key] for key in OUTPUTS}
        np.savez(path, **{"in:images": net.inputs}, **arrays)


def make_user_jobs(model: Path, folder: Path, targets: list[str]) -> list[ImportedJob]:
    """Returns the job of a user's graph for each target."""
    record = json.loads((model / "model.json").read_text())
    shutil.copy(model / "io.npz", folder)
    jobs = []
    for to in targets:
        graph, _ = find_graph(str(model / record["model"]), to)
        if graph is None:  # a complete Keras model, to a target of weights
            graph = model / record["model"]
        graph = graph / SAVED_MODEL if graph.is_dir() else graph
        out = folder / f"x_{to}{TARGETS[to].ending}"
        jobs.append(ImportedJob(graph, find_graph_checkpoint(graph), to, out))
    return jobs


def save_weights(item: Job | ImportedJob, report: Report, folder: Path) -> None:
    """Saves the original's tensors that a target of weights has."""
    source = open_weights(item.weights_path)
    averaged = "{}/ExponentialMovingAverage"
    weights = {}
    for tensor in report.comparisons:
        name = averaged.format(tensor.name) if report.averaged else tensor.name
        if tensor.name in source.tensors:
            weights[tensor.name] = source.read(name if name in source.tensors else tensor.name)
    np.savez(folder / "weights.npz", **weights)


def save_torch_net(item: Job, folder: Path) -> None:
    """Notes how PyTorch runs the net, where it has one that computes the same."""
    has_code = module.find_family(item.net) is not None
    if has_code or torch_target.computes_as_torchvision(item):
        net = str(module.get_code_path(item.out)) if has_code else item.net.name
        command = f"{module.MODULES} {net} {item.num_logits}"
        (folder / "torch_net").write_text(command)


def main(size: str, model: str, directory: str, *targets: str) -> None:
    """Ports to each target; prints a line for each."""
    folder = Path(directory)
    jobs: list[Job] | list[ImportedJob]
    if size == "user":
        jobs = make_user_jobs(Path(model), folder, list(targets))
    else:
        jobs = make_net_jobs(size, model, folder, list(targets))
    for item in jobs:
        answer = {"target": item.target}
        try:
            report = port(item)
            answer |= {"file": str(item.out)} if report.passed else {"refused": report.verdict}
            if item.target in WEIGHTS_TARGETS and not (folder / "weights.npz").exists():
                save_weights(item, report, folder)
            if item.target == "torch" and isinstance(item, Job):
                save_torch_net(item, folder)
            for initializer in filter(None, map(_INITIALIZER.search, report.notes)):
                (folder / "initializer").write_text(initializer[1])
        except LegacyNetsError as error:
            answer["refused"] = str(error)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
