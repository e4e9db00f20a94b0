"""``legacy-nets inspect``: shows what is in a weight file."""

from __future__ import annotations

import contextlib
import json
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from legacy_nets.checkpoints.contents import (
    Contents,
    Folded,
    Tree,
    build_tree,
    compute_digest,
    compute_statistics,
    list_contents,
)
from legacy_nets.checkpoints.open import find_readable_weights, open_weights
from legacy_nets.checkpoints.source import GraphSummary, GraphValue, TensorSpecLike
from legacy_nets.cli.options import FilePath, jobs_option, ray_address_option
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say, translate_line
from legacy_nets.progress import show_progress
from legacy_nets.sigterm import end_on_sigterm
from legacy_nets.types import Json

if TYPE_CHECKING:
    from legacy_nets.port.folder.inspect import Row


@click.command("inspect")
@click.argument("path", type=FilePath())
@click.option("--depth", type=click.IntRange(1), help="Fold scopes below this level.")
@click.option("--stats", is_flag=True, help="Show min, max, mean and std of each tensor.")
@click.option("--digest", "digests", is_flag=True, help="Print a SHA-256 for each tensor.")
@click.option("--json", "as_json", is_flag=True, help="List every tensor as JSON.")
@jobs_option
@ray_address_option
@end_on_sigterm()
def inspect_command(
    path: str,
    depth: int | None,
    stats: bool,
    digests: bool,
    as_json: bool,
    jobs: int,
    ray_address: str | None,
) -> None:
    """Show what is in a weight file: PATH is a checkpoint's prefix, folder or any of its files,
    a Keras .h5, .npz, safetensors, a PyTorch state_dict, a frozen .pb, a SavedModel, ONNX or
    .tflite.

    With --jobs or --ray-address, PATH is a folder of models: a row for each model below it. Exit
    code 1: some cannot be read.

    \b
    legacy-nets inspect run                  the newest checkpoint of a folder
    legacy-nets inspect models --jobs 4      every model below a folder
    legacy-nets inspect model.ckpt --depth 2
    legacy-nets inspect weights.h5 --json
    """
    source = click.get_current_context().get_parameter_source("jobs")
    if ray_address is not None or source is ParameterSource.COMMANDLINE:
        _refuse_other_options(path, {"--depth": depth, "--stats": stats, "--digest": digests})
        raise SystemExit(_print_folder(pathlib.Path(path), jobs, ray_address, as_json))
    contents = list_contents(open_weights(find_readable_weights(path)))
    if digests:
        for name in (*contents.source.tensors, *contents.source.other_tensors):
            click.echo(f"{compute_digest(contents.source.read(name))}  {name}")
    elif as_json:
        click.echo(json.dumps(_as_dict(contents, stats), indent=1))
    else:
        _print_contents(contents, depth, stats)


def _refuse_other_options(path: str, given: Mapping[str, object]) -> None:
    """Raises BadInputError where a folder of models is no folder, or an option is for one model."""
    if not os.path.isdir(path):
        raise BadInputError(f"--jobs and --ray-address are for a folder of models, {path} is none")
    for option, value in given.items():
        if value:
            raise BadInputError(
                f"{option} is for one model, and {path} is a folder of models: leave it out, or "
                "name one model"
            )


def _print_folder(folder: pathlib.Path, jobs: int, address: str | None, as_json: bool) -> int:
    """Prints a row for each model below a folder; returns the exit code."""
    from legacy_nets.port.folder.inspect import inspect_models
    from legacy_nets.port.folder.models import find_models
    from legacy_nets.port.folder.table import show
    from legacy_nets.ray_data.run import choose_cluster, open_cluster

    if address is not None:
        choose_cluster(jobs, address)
    with contextlib.nullcontext() if address is None else open_cluster(address, jobs):
        contents = find_models(folder)
        with show_progress("models", len(contents.models)) as advance:
            inventory = inspect_models(contents, jobs, address is not None, lambda row: advance(1))
    if not inventory.rows:
        raise BadInputError(f"{folder}: no model below it ({contents.others} other files)")
    if as_json:
        rows: list[Json] = [row._asdict() for row in inventory.rows]
        click.echo(json.dumps({"models": rows, "other_files": inventory.others}, indent=1))
    else:
        for row in inventory.rows:
            click.echo(show(_format_row(row)))
        say(
            f"{len(inventory.rows)} models, {inventory.unreadable} of them cannot be read; "
            f"{inventory.others} other files"
        )
    return int(inventory.unreadable > 0)


def _format_row(row: Row) -> str:
    if row.problem:
        return f"{row.name}: {row.problem}"
    step = "" if row.step is None else f", global step {row.step}"
    return f"{row.name}: {row.tensors} tensors, {row.parameters:,} parameters{step}"


def _as_dict(contents: Contents, stats: bool) -> dict[str, Json]:
    def list_rows(tensors: Mapping[str, TensorSpecLike]) -> list[dict[str, Json]]:
        rows: list[dict[str, Json]] = []
        for name, info in tensors.items():
            row: dict[str, Json] = {"name": name, "shape": info.shape, "dtype": info.dtype}
            if name in contents.source.quantization:
                row["quantization"] = contents.source.quantization[name]._asdict()
            if stats:
                row.update(compute_statistics(contents.source.read(name)))
            rows.append(row)
        return rows

    graph = contents.source.graph
    return {
        "path": contents.source.prefix,
        **({} if graph is None else {"graph": _graph_as_dict(graph)}),
        "parameters": contents.parameters,
        "global_step": contents.step,
        "notes": list(contents.notes),
        "weights": list_rows(contents.weights),
        "averages": list_rows(contents.averages),
        "training": list_rows(contents.training),
        "constants": list_rows(contents.constants),
    }


def _graph_as_dict(graph: GraphSummary) -> dict[str, Json]:
    def list_rows(values: Sequence[GraphValue]) -> list[Json]:
        return [
            {
                **{"name": value.name, "shape": value.shape, "dtype": value.dtype},
                **({"quantization": value.quantization._asdict()} if value.quantization else {}),
            }
            for value in values
        ]

    return {
        "format": graph.format,
        "inputs": list_rows(graph.inputs),
        "outputs": list_rows(graph.outputs),
    }


def _print_contents(contents: Contents, depth: int | None, stats: bool) -> None:
    click.echo(contents.source.prefix)
    step = "" if contents.step is None else f", global step {contents.step}"
    say(f"{len(contents.weights)} tensors, {contents.parameters:,} parameters{step}")
    if contents.source.graph is not None:
        _print_graph(contents.source.graph)
    for note in contents.notes:
        say(f"note: {note}")
    for title, tensors in (
        ("", contents.weights),
        ("moving averages", contents.averages),
        ("only for training", contents.training),
        ("shapes, axes and other constants", contents.constants),
    ):
        if tensors:
            click.echo(f"\n{translate_line(title)}" if title else "")
            _print_tree(contents, build_tree(tensors, depth), "", "", stats)


def _print_graph(graph: GraphSummary) -> None:
    say(graph.format)
    for title, values in (("input", graph.inputs), ("output", graph.outputs)):
        for value in values:
            sides = ", ".join("?" if side is None else str(side) for side in value.shape or ())
            shape = "of unknown shape" if value.shape is None else f"[{sides}]"
            scale = f", {value.quantization}" if value.quantization else ""
            say(f"{title} {value.name} {value.dtype} {shape}{scale}")


def _print_tree(contents: Contents, branch: Tree, indent: str, scope: str, stats: bool) -> None:
    for name, item in branch.items():
        if isinstance(item, dict):
            if len(item) == 1 and isinstance(next(iter(item.values())), dict):  # a/b/c on a line
                (inner,) = item
                _print_tree(contents, {name + inner: item[inner]}, indent, scope, stats)
                continue
            click.echo(indent + name)
            _print_tree(contents, item, indent + "  ", scope + name, stats)
        elif isinstance(item, Folded):
            padded = f"{indent}{name:<{max(1, 48 - len(indent))}}"
            count = translate_line(f"{item.tensors} tensors, {item.parameters:,}")
            click.echo(f"{padded} {count}")
        else:
            shape = "x".join(str(side) for side in item.shape) or translate_line("scalar")
            line = f"{indent}{name:<{max(1, 48 - len(indent))}} {item.dtype:<9} {shape:<18}"
            line += f" {math.prod(item.shape):>12,}"
            if scope + name in contents.source.quantization:
                line += f"  {contents.source.quantization[scope + name]}"
            if stats:
                line += "  " + "  ".join(
                    f"{key} {value:.4g}"
                    for key, value in compute_statistics(contents.source.read(scope + name)).items()
                    if key != "not_finite" or value
                )
            click.echo(line.rstrip())
