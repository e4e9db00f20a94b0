"""``legacy-nets inspect``: what is in a weight file."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import click

from legacy_nets.checkpoints.contents import Contents, contents, digest, statistics, tree
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.source import TensorSpecLike
from legacy_nets.errors import CheckpointError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SECONDS = 120  # that a child may take over a file


@click.command("inspect")
@click.argument("path")
@click.option("--depth", type=click.IntRange(1), help="Fold scopes below this level into one row.")
@click.option("--stats", is_flag=True, help="Least, largest, mean and deviation of each tensor.")
@click.option("--digest", "digests", is_flag=True, help="One SHA-256 a tensor, as sha256sum does.")
@click.option("--json", "as_json", is_flag=True, help="Every tensor, as JSON.")
@click.option("--here", is_flag=True, hidden=True, help="Read HDF5 in this process.")
def inspect_command(
    path: str, depth: int | None, stats: bool, digests: bool, as_json: bool, here: bool
) -> None:
    """Show what is in a weight file: PATH is a checkpoint's prefix, folder or any of its files,
    a Keras .h5, .npz, safetensors, a PyTorch state_dict, a frozen .pb or a SavedModel.

    \b
    legacy-nets inspect run                  the newest checkpoint of a folder
    legacy-nets inspect model.ckpt --depth 2
    legacy-nets inspect weights.h5 --json
    """
    if not here and _is_hdf5(path):
        _in_a_child(path)
        return
    found = contents(open_weights(path))
    if digests:
        for name in found.source.tensors:
            click.echo(f"{digest(found.source.read(name))}  {name}")
    elif as_json:
        click.echo(json.dumps(_as_dict(found, stats), indent=1))
    else:
        _print(found, depth, stats)


def _is_hdf5(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(8) == _HDF5
    except OSError:
        return False


def _in_a_child(path: str) -> None:
    """HDF5's C library can crash on a damaged file: let that happen in another process."""
    command = [sys.executable, "-m", "legacy_nets", *sys.argv[1:], "--here"]
    try:
        done = subprocess.run(command, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise CheckpointError(f"{path}: damaged (HDF5 does not come to an end of it)") from None
    if done.returncode < 0:
        raise CheckpointError(f"{path}: damaged (HDF5 crashed on it); copy or download it again")
    raise SystemExit(done.returncode)


def _as_dict(found: Contents, stats: bool) -> dict[str, Any]:
    def rows(tensors: Mapping[str, TensorSpecLike]) -> list[dict[str, Any]]:
        return [
            {"name": name, "shape": list(info.shape), "dtype": info.dtype}
            | (statistics(found.source.read(name)) if stats else {})
            for name, info in tensors.items()
        ]

    return {
        "path": found.source.prefix,
        "parameters": found.parameters,
        "global_step": found.step,
        "notes": list(found.notes),
        "weights": rows(found.weights),
        "averages": rows(found.averages),
        "training": rows(found.training),
    }


def _print(found: Contents, depth: int | None, stats: bool) -> None:
    click.echo(found.source.prefix)
    step = "" if found.step is None else f", global step {found.step}"
    click.echo(f"{len(found.weights)} tensors, {found.parameters:,} parameters{step}")
    for note in found.notes:
        click.echo(f"note: {note}")
    for title, tensors in (
        ("", found.weights),
        ("moving averages", found.averages),
        ("of training only", found.training),
    ):
        if tensors:
            click.echo(f"\n{title}" if title else "")
            _print_tree(found, tree(tensors, depth), "", "", stats)


def _print_tree(
    found: Contents, branch: dict[str, Any], indent: str, scope: str, stats: bool
) -> None:
    for name, item in branch.items():
        if isinstance(item, dict):
            if len(item) == 1 and isinstance(next(iter(item.values())), dict):  # a/b/c on a line
                (inner,) = item
                _print_tree(found, {name + inner: item[inner]}, indent, scope, stats)
                continue
            click.echo(indent + name)
            _print_tree(found, item, indent + "  ", scope + name, stats)
        elif isinstance(item, tuple) and not hasattr(item, "dtype"):
            click.echo(f"{indent}{name:<{max(1, 48 - len(indent))}} {item[0]} tensors, {item[1]:,}")
        else:
            shape = "x".join(str(side) for side in item.shape) or "scalar"
            line = f"{indent}{name:<{max(1, 48 - len(indent))}} {item.dtype:<9} {shape:<18}"
            line += f" {math.prod(item.shape):>12,}"
            if stats:
                line += "  " + "  ".join(
                    f"{key} {value:.4g}"
                    for key, value in statistics(found.source.read(scope + name)).items()
                    if key != "not_finite" or value
                )
            click.echo(line.rstrip())
