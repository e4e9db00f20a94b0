"""A state_dict for PyTorch, written without PyTorch: a .pth, or safetensors by its ending.

Where neither torchvision nor timm has the net, its code is written next to the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from legacy_nets.checkpoints.formats.safetensors import read_safetensors
from legacy_nets.checkpoints.formats.torch import read_torch
from legacy_nets.checkpoints.source import Source
from legacy_nets.checkpoints.translate import Translated
from legacy_nets.errors import BadInputError
from legacy_nets.nets.weights.families import get_family
from legacy_nets.port.formats import safetensors
from legacy_nets.port.formats.torch import module, run_pytorch
from legacy_nets.port.formats.torch.names import (
    get_torch_options,
    has_table,
    map_names,
    rename_weights,
)
from legacy_nets.port.formats.torch.state_dict import write_state_dict
from legacy_nets.port.jobs import Job, Metadata, get_scope
from legacy_nets.port.report import Comparison, Verification
from legacy_nets.port.weights import NOT_BUILT, Weight, compare_file
from legacy_nets.registry import Net, get_net

_ENDINGS = (".pth", ".pt", ".bin", ".safetensors")
_NOT_RUN = (
    "the outputs were not compared: {missing} missing; pip install 'legacy-nets[torch]' and port "
    "again"
)


def write(path: Path, weights: Sequence[Weight], metadata: Metadata) -> Iterator[Comparison]:
    """Writes the file, reads it back under the net's names and compares every tensor.

    Raises BadInputError for another ending, and CheckpointError where the table of names and the
    checkpoint do not cover each other.
    """
    if path.suffix not in _ENDINGS:
        raise BadInputError(f"--out {path.name}: end its name in {', '.join(_ENDINGS)}")
    stored: dict[str, object] = {**metadata}
    renamed, entries = weights, None
    if "net" in metadata:  # weights of an unknown net keep their names and axes
        net = get_net(metadata["net"])
        entries = map_names(net, weights, get_scope(net, metadata["options"]))
        renamed = rename_weights(weights, entries)
        if module.find_family(net):
            code = module.get_code_path(path)
            text = module.render_module(net, path, metadata)
            code.write_text(text, encoding="utf-8", errors="replace")
            stored["module"] = code.name
    if path.suffix == ".safetensors":
        for _ in safetensors.write(path, renamed, {"format": "pt", **stored}):
            pass
        written = read_safetensors(path)
    else:
        write_state_dict(path, renamed, stored)
        written = read_torch(path)
    yield from compare_file(written if entries is None else Translated(written, entries), weights)


def run(job: Job, source: Source, averaged: bool, path: Path) -> Verification:
    """Compares the net's outputs in PyTorch with the graph's.

    Nothing is compared where PyTorch is not installed, lacks the net, or has one that computes
    something else by design. Raises CheckpointError for weights that are not the net's.
    """
    notes = describe_target(job.net, job.options, path)
    not_built = NOT_BUILT.format(net=job.net.name)
    has_code = module.find_family(job.net) is not None
    if not has_code and not computes_as_torchvision(job):
        return Verification((), (*notes, not_built))
    missing = run_pytorch.list_missing_packages(job.net, path)
    if missing:
        notes += (_NOT_RUN.format(missing=", ".join(missing)),)
    if not has_code and (missing or not run_pytorch.has_torchvision_net(job.net)):
        return Verification((), (*notes, not_built))
    if missing:
        run_pytorch.check_weights(job, source, averaged)
        return Verification((), notes)
    return Verification(run_pytorch.compare_outputs(job, source, averaged, path), notes)


def describe_target(
    net: Net, options: Mapping[str, object], path: Path = Path("x.pth")
) -> tuple[str, ...]:
    """Returns notes on the state_dict of a net that was built with these options."""
    if not has_table(net):
        if not module.find_family(net):
            return ("no PyTorch net is known for it: the names are TensorFlow's, with dots",)
        return _describe_code(net, options, module.get_code_path(path), path)
    notes = ["names and axes are torchvision's or timm's; load it with strict=True"]
    required = get_torch_options(net)
    lacking = {name: value for name, value in required.items() if options.get(name) != value}
    if lacking:
        settings = ", ".join(f"{name}={value}" for name, value in lacking.items())
        notes.append(
            f"PyTorch's net computes what this one does with {settings}, and these weights were "
            "trained without: its outputs will differ until it is trained on"
        )
    if get_family(net).optional_layer:
        notes.append("timm has no pre_logits from 0.7 on: it takes nets of has_logits=False")
    return tuple(notes)


def _describe_code(
    net: Net, options: Mapping[str, object], code: Path, path: Path
) -> tuple[str, ...]:
    notes = [f'its code is {code.name}: from {code.stem} import load; net = load("{path.name}")']
    unknown = module.list_unknown_options(net, options)
    if unknown:
        names = ", ".join(unknown)
        notes.append(
            f"{code.name} has no option {names}: it differs where that changes the outputs"
        )
    return tuple(notes)


def computes_as_torchvision(job: Job) -> bool:
    """Tells whether torchvision's net of this name should give the same outputs."""
    if not has_table(job.net) or "npz" in job.net.layouts:  # ViTs are timm's, and differ
        return False
    return get_torch_options(job.net) == job.options
