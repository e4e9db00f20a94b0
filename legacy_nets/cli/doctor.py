"""``legacy-nets doctor``: what this installation is and lacks; what a report of a fault needs."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
from collections.abc import Sequence

import click
from rich.cells import cell_len, set_cell_size

from legacy_nets import packages, quiet
from legacy_nets.errors import join_lines, list_first
from legacy_nets.language import translate
from legacy_nets.language.lines import say, translate_line
from legacy_nets.processor import FEATURES, Processor, examine_processor
from legacy_nets.version import __version__

# What an extra is for. Each extra has a row, but those for the tests (a test compares).
USES = {
    "clips": "data sets of video files",
    "cuda": "train, evaluate, predict and run on GPUs of NVIDIA",
    "figures": "explain --figure: the graph of a net",
    "onnx": "port --to onnx",
    "openvino": "port --to openvino, fast inference",
    "int8": "fast inference in integers",
    "ray": "score and port of folders on several processes or machines",
    "torch": "port --to torch: runs both sides",
    "upgrade": "upgrade",
    "run": "run: what old scripts import beside TensorFlow",
    "distributions": "run: the rest of tf.contrib.distributions",
}
TENSORFLOW_NEEDS = ("protobuf", "ml-dtypes")  # packages whose versions tell a lot
VARIABLES = (  # environment variables, by how they begin
    "CUDA_VISIBLE_DEVICES",
    "LEGACY_NETS_",
    "OMP_NUM_THREADS",
    "PYTHONPATH",
    "TF_CONFIG",
    "TF_CPP_",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_",
    "TF_FORCE_GPU_",
    "TF_NUM_",
    "TF_USE_LEGACY_KERAS",
    "TF_XLA_FLAGS",
)


@dataclasses.dataclass(frozen=True)
class Report:
    """What ``doctor`` prints; its fields are those of the JSON."""

    legacy_nets: str
    python: str
    system: str
    processor: Processor
    gpu: Gpus
    packages: list[packages.Package]  # that legacy-nets itself needs
    extras: dict[str, Extra]
    environment: dict[str, str]  # variables that change what TensorFlow or legacy-nets does
    problems: list[str]


@dataclasses.dataclass(frozen=True)
class Gpus:
    """The GPUs that TensorFlow finds, or why it finds none, or why it could not look."""

    devices: list[str]
    built_with_cuda: bool | None
    error: str | None = None
    missing: str | None = None


@dataclasses.dataclass(frozen=True)
class Extra:
    """An extra of legacy-nets: what it is for, and its packages on this Python."""

    use: str
    packages: list[packages.Package]
    is_known: bool  # to the installed legacy-nets

    @property
    def faults(self) -> list[str]:
        """What is installed in another version than is wanted, then what is missing."""
        unfit = [package for package in self.packages if not package.fits]
        return [
            *(
                f"{p.name} {p.installed} is installed, {p.wanted} is wanted"
                for p in unfit
                if p.installed
            ),
            *(f"{p.name} is missing" for p in unfit if not p.installed),
        ]

    @property
    def is_complete(self) -> bool:
        """Whether its commands can run."""
        return self.is_known and not self.faults


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def doctor(as_json: bool) -> None:
    """Print the versions, the processor, the GPUs, and what is missing for which command.

    Put its output into a report of a fault. The exit code is 1 where legacy-nets itself
    lacks a package or has one in a version that it is not tested with.
    """
    environment = {n: v for n, v in sorted(os.environ.items()) if n.startswith(VARIABLES)}
    known = packages.list_extras()
    required = packages.list_packages()
    report = Report(
        __version__,
        platform.python_version(),
        platform.platform(),
        examine_processor(),
        examine_gpus(),
        [*required, *map(packages.find_package, TENSORFLOW_NEEDS)],
        {
            name: Extra(use, packages.list_packages(name), name in known)
            for name, use in USES.items()
        },
        environment,
        find_problems(required),
    )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report), indent=1))
    else:
        _print(report)
    sys.exit(1 if report.problems else 0)


def examine_gpus() -> Gpus:
    """Imports TensorFlow, and lists the GPUs that it finds."""
    try:
        quiet.quiet_tensorflow()
        from legacy_nets import devices
        from legacy_nets import tf1 as tf

        names = [devices.describe_gpu(gpu) for gpu in devices.list_gpus()]
        missing = None if names else devices.explain_missing_gpu()
        return Gpus(names, tf.test.is_built_with_cuda(), missing=missing)
    except Exception as error:  # a broken installation is what this command reports
        return Gpus([], None, f"{type(error).__name__}: {join_lines(error)}")


def find_problems(required: Sequence[packages.Package]) -> list[str]:
    """Returns a line for each package of legacy-nets itself that is missing or does not fit."""
    if not required:
        return [f"{packages.DISTRIBUTION} is not installed: pip install {packages.DISTRIBUTION}"]
    return [
        f"{package.name} is {package.installed or 'missing'}: "
        f"pip install '{package.name}{package.wanted}'"
        for package in required
        if not package.fits
    ]


def _print(report: Report) -> None:
    processor, gpu = report.processor, report.gpu
    cores, memory = processor.cores or "unknown", processor.memory_gib or "unknown"
    features = "unknown" if processor.features is None else " ".join(processor.features)
    rows = [
        ("legacy_nets", report.legacy_nets),
        ("Python", report.python),
        ("system", report.system),
        ("processor", f"{processor.model or 'unknown'}; cores {cores}; memory {memory} GiB"),
        ("features", features or "none of " + " ".join(FEATURES)),
        ("GPU", _describe_gpus(gpu)),
        *((package.name, package.installed or "missing") for package in report.packages),
        *((name, value) for name, value in report.environment.items()),
    ]
    rows = [(translate_line(name), translate_line(value)) for name, value in rows]
    width = max(cell_len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{set_cell_size(name, width)}  {value}")
    click.echo()
    for name, extra in report.extras.items():
        use, advice = translate_line(extra.use), translate_line(_advise(name, extra))
        click.echo(f"[{name}] {use}{translate(': ')}{advice}")
    click.echo()
    for problem in report.problems:
        say(f"problem: {problem}")
    if not report.problems:
        incomplete = [name for name, extra in report.extras.items() if not extra.is_complete]
        optional = f"; extras that are not, if you need them: {', '.join(incomplete)}"
        say(f"legacy-nets itself is complete{optional if incomplete else ''}")


def _advise(name: str, extra: Extra) -> str:
    """Says what an extra lacks, and how to install it."""
    if not extra.is_known:
        return (
            "the installed legacy-nets is older than its source and does not know it: install "
            "legacy-nets again from there"
        )
    if extra.is_complete:
        return "complete"
    preview = list_first([translate_line(fault) for fault in extra.faults])
    return f"{preview}: pip install 'legacy-nets[{name}]'"


def _describe_gpus(gpu: Gpus) -> str:
    if gpu.error:
        return f"unknown: {gpu.error}"
    if gpu.devices:
        return ", ".join(gpu.devices)
    return f"none: {gpu.missing}"
