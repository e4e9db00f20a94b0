"""``legacy-nets diff``: a weight file against the variables of a net."""

from __future__ import annotations

import json
from typing import Any

import click

from legacy_nets import registry
from legacy_nets.checkpoints.open import find_weights
from legacy_nets.cli.describe import parse_size
from legacy_nets.errors import BadInputError, report_build_errors
from legacy_nets.nets.build import build_by_name
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import parse_net_options

NAMED = 5  # names of a kind that are shown without --all


@click.command()
@click.argument("checkpoint")
@click.argument("net", required=False)
@click.option("--fit", "fit", is_flag=True, help="Find the net that fits best, and the mapping.")
@click.option("--exclude", multiple=True, metavar="SCOPE", help="Leave this scope out.")
@click.option("--rename", multiple=True, metavar="GRAPH=FILE", help="A scope's name on each side.")
@click.option("--prefix", default="", help="Scope before all names in the file.")
@click.option("--ema", is_flag=True, help="Moving averages in place of raw weights.")
@click.option("--label-offset", type=click.IntRange(0), help="Classes to drop: 1 for slim's 1001.")
@click.option("--num-classes", type=click.IntRange(1), help="[default: as ported, or the net's]")
@click.option(
    "--size", "--image-size", "size", metavar="HxW", help="[default: as ported, or document's]"
)
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the net.")
@click.option("--all", "all_names", is_flag=True, help=f"Every name, not {NAMED} of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Every name, as JSON; of --fit: each net.")
def diff(
    checkpoint: str, net: str | None, fit: bool, all_names: bool, as_json: bool, **given: Any
) -> None:
    """Hold CHECKPOINT (any readable weight file) against NET: whether it fits, names, and hints.

    \b
    legacy-nets diff inception_v3.ckpt inception_v3
    legacy-nets diff inception_v3.ckpt inception_v3 --label-offset 1
    legacy-nets diff unknown.ckpt --fit

    Exit code 0: it fits; 1: it does not.
    """
    if fit == (net is not None):
        raise BadInputError("diff takes a net, or --fit to look for one: diff CHECKPOINT NET")
    if net is not None:
        registry.get_net(net)
    options = parse_net_options(given["options"])
    rename = tuple(_pair(text) for text in given["rename"])
    size = parse_size(given["size"])
    path = find_weights(checkpoint)
    quiet_tensorflow()
    from legacy_nets.checkpoints.open import open_weights

    source = open_weights(path)
    if net is None:
        _print_fits(source, as_json)
        return
    plan = _plan(source, net, size, options, rename, given)
    fits = not (plan.missing or plan.extra or plan.mismatched)
    if as_json:
        click.echo(json.dumps({"net": net, "fits": fits, **_as_dict(plan)}, indent=1))
    else:
        click.echo(f"{'fits' if fits else 'does not fit'} {net}\n")
        text = plan.report(None if all_names else NAMED)
        click.echo(text)
        if text != plan.report():
            click.echo("\nevery name: --all")
    raise SystemExit(0 if fits else 1)


def _plan(
    source: Any,
    net: str,
    size: tuple[int | None, ...] | None,
    options: dict[str, Any],
    rename: tuple[tuple[str, str], ...],
    given: dict[str, Any],
) -> Any:
    from legacy_nets import tf1 as tf
    from legacy_nets.checkpoints.restore import match
    from legacy_nets.nets.weights.translate_for_net import adapt_to_graph, translate_for_net
    from legacy_nets.train.provenance import name_file_in_errors, read_recorded_settings

    record = registry.get_net(net)
    recorded = read_recorded_settings(source, net)
    if recorded is not None:
        options = recorded.options | options
    if given["num_classes"] is not None:
        options["num_classes"] = given["num_classes"]
    elif recorded is not None and given["label_offset"] is None:
        options["num_classes"] = recorded.num_classes + recorded.label_offset
    sides = size or (recorded or record).image_size
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, *sides, record.channels])
        with name_file_in_errors(source, net):
            _build(net, images, options)
        variables = tf.global_variables()
        return match(
            variables,
            adapt_to_graph(translate_for_net(source, net), net, variables),
            skip=given["exclude"],
            rename=rename,
            prefix=given["prefix"],
            ema=given["ema"],
            label_offset=given["label_offset"],
        )


def _build(net: str, images: Any, options: dict[str, Any]) -> None:
    """Builds the net in the current graph. Raises BadInputError where it cannot be."""
    with report_build_errors(net, images.shape.as_list()[1:-1], options):
        build_by_name(net, images, **options)


def _print_fits(source: Any, as_json: bool) -> None:
    from legacy_nets.nets.weights.find_net import best_fits

    fits = best_fits(source)
    if as_json:
        rows = [
            {
                "net": fit.net,
                "share": fit.share,
                "rename": fit.rename,
                "num_classes": fit.num_classes,
            }
            for fit in fits
        ]
        click.echo(json.dumps(rows, indent=1))
    for fit in fits if not as_json else []:
        mapping = "".join(f" --rename {here}={there}" for here, there in fit.rename)
        classes = f" --num-classes {fit.num_classes}" if fit.num_classes is not None else ""
        click.echo(
            f"{fit.net:<28} {len(fit.plan.matched)} of {len(fit.plan.variables)} variables"
            f" ({fit.share:.1%}){mapping}{classes}"
        )
    raise SystemExit(0 if fits[0].share == 1.0 and not fits[0].plan.extra else 1)


def _pair(text: str) -> tuple[str, str]:
    here, equals, there = text.partition("=")
    if not equals:
        raise BadInputError(f"--rename {text!r}: write GRAPH_SCOPE=FILE_SCOPE")
    return here, there


def _as_dict(plan: Any) -> dict[str, Any]:
    return {
        "checkpoint": plan.source.prefix,
        "matched": [item._asdict() for item in plan.matched],
        "missing": [item._asdict() for item in plan.missing],
        "extra": list(plan.extra),
        "mismatched": [item._asdict() for item in plan.mismatched],
        "skipped": list(plan.skipped),
        "offset": [item._asdict() for item in plan.offset],
        "training": list(plan.slots),
        "hints": list(plan.hints),
    }
