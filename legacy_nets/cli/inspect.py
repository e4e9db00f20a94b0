"""``legacy-nets inspect``: shows what is in a weight file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import click

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
from legacy_nets.language.lines import say
from legacy_nets.types import Json


@click.command("inspect")
@click.argument("path", type=click.Path())
@click.option("--depth", type=click.IntRange(1), help="Fold scopes below this level.")
@click.option("--stats", is_flag=True, help="Show min, max, mean and std of each tensor.")
@click.option("--digest", "digests", is_flag=True, help="Print a SHA-256 for each tensor.")
@click.option("--json", "as_json", is_flag=True, help="List every tensor as JSON.")
def inspect_command(
    path: str, depth: int | None, stats: bool, digests: bool, as_json: bool
) -> None:
    """Show what is in a weight file: PATH is a checkpoint's prefix, folder or any of its files,
    a Keras .h5, .npz, safetensors, a PyTorch state_dict, a frozen .pb, a SavedModel, ONNX or
    .tflite.

    \b
    legacy-nets inspect run                  the newest checkpoint of a folder
    legacy-nets inspect model.ckpt --depth 2
    legacy-nets inspect weights.h5 --json
    """
    contents = list_contents(open_weights(find_readable_weights(path)))
    if digests:
        for name in (*contents.source.tensors, *contents.source.other_tensors):
            click.echo(f"{compute_digest(contents.source.read(name))}  {name}")
    elif as_json:
        click.echo(json.dumps(_as_dict(contents, stats), indent=1))
    else:
        _print_contents(contents, depth, stats)


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
            click.echo(f"\n{title}" if title else "")
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
            click.echo(f"{padded} {item.tensors} tensors, {item.parameters:,}")
        else:
            shape = "x".join(str(side) for side in item.shape) or "scalar"
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
