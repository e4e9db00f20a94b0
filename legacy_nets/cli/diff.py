"""``legacy-nets diff``: compares a weight file with the variables of a net."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import click

from legacy_nets.checkpoints.open import find_readable_weights
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.describe import parse_size
from legacy_nets.errors import BadInputError, report_build_errors
from legacy_nets.language.lines import say
from legacy_nets.nets.build import build_by_name
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.registry import get_net
from legacy_nets.train.settings import parse_net_options

if TYPE_CHECKING:
    from legacy_nets.checkpoints.plan import Plan
    from legacy_nets.checkpoints.source import Source
    from legacy_nets.nets.weights.find_net import Candidate
    from legacy_nets.types import Json, Tensor

MAX_NAMES = 5  # of each group, without --all


@click.command()
@click.argument("checkpoint", type=click.Path())
@click.argument("net", required=False, shell_complete=complete_net)
@click.option(
    "--find-net", "--fit", "find_net", is_flag=True, help="Find the net that matches best."
)
@click.option("--exclude", multiple=True, metavar="SCOPE", help="Scope to leave out.")
@click.option("--rename", multiple=True, metavar="GRAPH=FILE", help="Scope in graph and file.")
@click.option("--prefix", default="", help="Scope of all names in the file.")
@click.option("--ema", is_flag=True, help="Compare moving averages instead of raw weights.")
@click.option("--label-offset", type=click.IntRange(0), help="Classes to drop; 1 for slim's 1001.")
@click.option("--num-classes", type=click.IntRange(1), help="[default: as ported, or the net's]")
@click.option(
    "--size", "--image-size", "size", metavar="HxW", help="[default: as ported, or document's]"
)
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Net option.")
@click.option("--all", "all_names", is_flag=True, help=f"List all names, not {MAX_NAMES} a group.")
@click.option(
    "--json", "as_json", is_flag=True, help="List every name, or each net found, as JSON."
)
def diff(
    checkpoint: str,
    net: str | None,
    find_net: bool,
    exclude: tuple[str, ...],
    rename: tuple[str, ...],
    prefix: str,
    ema: bool,
    label_offset: int | None,
    num_classes: int | None,
    size: str | None,
    options: tuple[str, ...],
    all_names: bool,
    as_json: bool,
) -> None:
    """Compare CHECKPOINT (any readable weight file) with the variables of NET.

    \b
    legacy-nets diff inception_v3.ckpt inception_v3
    legacy-nets diff inception_v3.ckpt inception_v3 --label-offset 1
    legacy-nets diff unknown.ckpt --find-net

    Exit code 0: they match; 1: they do not.
    """
    if find_net == (net is not None):
        raise BadInputError("diff takes a net, or --find-net to find one: diff CHECKPOINT NET")
    if net is not None:
        get_net(net)
    wanted = _Wanted(
        exclude=exclude,
        rename=tuple(map(_split_rename, rename)),
        prefix=prefix,
        ema=ema,
        label_offset=label_offset,
        num_classes=num_classes,
        size=parse_size(size),
        options=parse_net_options(options),
    )
    path = find_readable_weights(checkpoint)
    quiet_tensorflow()
    from legacy_nets.checkpoints.open import open_weights

    source = open_weights(path)
    if net is None:
        _print_nets(source, as_json)
        return
    plan = _match(source, net, wanted)
    if as_json:
        row = {"net": net, "matches": plan.is_complete, **_as_dict(plan)}
        click.echo(json.dumps(row, indent=1))
    else:
        say(f"{'matches' if plan.is_complete else 'does not match'} {net}\n")
        text = plan.report(None if all_names else MAX_NAMES)
        say(text)
        if text != plan.report():
            say("\nevery name: --all")
    raise SystemExit(0 if plan.is_complete else 1)


class _Wanted(NamedTuple):
    """How the net is built, and how its variables are matched with the file's tensors."""

    exclude: tuple[str, ...]
    rename: tuple[tuple[str, str], ...]  # scope in the graph, scope in the file
    prefix: str
    ema: bool
    label_offset: int | None
    num_classes: int | None
    size: tuple[int | None, ...] | None  # None: as ported, or the document's
    options: dict[str, object]  # of the net


def _match(source: Source, net: str, wanted: _Wanted) -> Plan:
    """Builds the net and matches its variables with the file's tensors."""
    from legacy_nets import tf1 as tf
    from legacy_nets.checkpoints.restore import match
    from legacy_nets.nets.weights.translate_for_net import (
        adapt_to_graph,
        find_head_options,
        translate_for_net,
    )
    from legacy_nets.train.provenance import name_file_in_errors, read_recorded_settings

    record = get_net(net)
    recorded = read_recorded_settings(source, record)
    trained = find_head_options(source, record) if recorded is None else recorded.options
    options = trained | wanted.options
    if wanted.num_classes is not None:
        options["num_classes"] = wanted.num_classes
    elif recorded is not None and wanted.label_offset is None:
        options["num_classes"] = recorded.num_classes + recorded.label_offset
    sides = wanted.size or (recorded or record).image_size
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, *sides, record.channels])
        with name_file_in_errors(source, record):
            _build(net, images, options)
        variables = tf.global_variables()
        return match(
            variables,
            adapt_to_graph(translate_for_net(source, record), record, variables),
            skip=wanted.exclude,
            rename=wanted.rename,
            prefix=wanted.prefix,
            ema=wanted.ema,
            label_offset=wanted.label_offset,
        )


def _build(net: str, images: Tensor, options: dict[str, object]) -> None:
    """Builds the net in the current graph. Raises BadInputError where that fails."""
    with report_build_errors(net, images.shape.as_list()[1:-1], options):
        build_by_name(net, images, **options)


def _print_nets(source: Source, as_json: bool) -> None:
    """Prints the nets that match best. Exits with 0 where the first matches completely."""
    from legacy_nets.nets.weights.find_net import find_nets

    candidates = find_nets(source)
    if as_json:
        rows = [
            {
                "net": candidate.net,
                "share": candidate.share,
                "rename": candidate.rename,
                "num_classes": candidate.num_classes,
            }
            for candidate in candidates
        ]
        click.echo(json.dumps(rows, indent=1))
    else:
        for candidate in candidates:
            say(_format_candidate(candidate))
    best = candidates[0]
    raise SystemExit(0 if best.share == 1.0 and not best.plan.extra else 1)


def _format_candidate(candidate: Candidate) -> str:
    mapping = "".join(f" --rename {graph}={file}" for graph, file in candidate.rename)
    if candidate.num_classes is not None:
        mapping += f" --num-classes {candidate.num_classes}"
    plan = candidate.plan
    return (
        f"{candidate.net:<28} {len(plan.matched)} of {len(plan.variables)} variables"
        f" ({candidate.share:.1%}){mapping}"
    )


def _split_rename(text: str) -> tuple[str, str]:
    graph_scope, equals, file_scope = text.partition("=")
    if not equals:
        raise BadInputError(f"--rename {text!r}: write GRAPH_SCOPE=FILE_SCOPE")
    return graph_scope, file_scope


def _as_dict(plan: Plan) -> dict[str, Json]:
    return {
        "checkpoint": plan.source.prefix,
        "notes": list(plan.source.notes),
        "matched": [item._asdict() for item in plan.matched],
        "missing": [item._asdict() for item in plan.missing],
        "extra": list(plan.extra),
        "mismatched": [item._asdict() for item in plan.mismatched],
        "skipped": list(plan.skipped),
        "offset": [item._asdict() for item in plan.offset],
        "training": list(plan.slots),
        "hints": list(plan.hints),
    }
