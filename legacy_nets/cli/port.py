"""``legacy-nets port``: a checkpoint of a net into another format, verified."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from legacy_nets import registry
from legacy_nets.checkpoints.read import find_weights
from legacy_nets.cli.options import image_size
from legacy_nets.cli.options import net_options
from legacy_nets.data.pixels import KINDS
from legacy_nets.errors import BadInputError
from legacy_nets.port.job import TOLERANCE
from legacy_nets.port.job import Job
from legacy_nets.port.job import port as run_port
from legacy_nets.port.report import Report
from legacy_nets.port.report import check_ending
from legacy_nets.port.targets import TARGETS
from legacy_nets.train.settings import load_settings
from legacy_nets.train.settings import resized


@click.command()
@click.argument("checkpoint")
@click.option("--net", required=True, help="The net of the registry that it is a checkpoint of.")
@click.option("--to", "target", required=True, type=click.Choice(list(TARGETS)))
@click.option("--out", required=True, type=click.Path(path_type=pathlib.Path))
@click.option(
    "--ema/--raw",
    default=None,
    help="Moving averages or raw weights. [default: averages where there are any]",
)
@click.option(
    "--label-offset",
    type=click.IntRange(0),
    help="Logits before the first class: 1 for slim's published 1001. [default: as trained]",
)
@click.option("--num-classes", type=click.IntRange(1), help="[default: as trained]")
@click.option("--image-size", metavar="HxW", help="[default: as trained]")
@click.option("--frames", type=click.IntRange(1), help="Of a clip. [default: as trained]")
@click.option("--pixels", type=click.Choice(KINDS), help="Preprocessing. [default: as trained]")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the net.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0),
    default=TOLERANCE,
    show_default=True,
    help="Largest difference, as a share of the largest value.",
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=pathlib.Path),
    help="Every comparison: .json, or a page of .html or .md.",
)
def port(
    checkpoint: str,
    net: str,
    target: str,
    out: pathlib.Path,
    report_path: pathlib.Path | None,
    **given: Any,
) -> None:
    """Port CHECKPOINT (any readable weight file) of a net to another format, with proof.

    \b
    legacy-nets port run/ --net hand_signs --to onnx --out signs.onnx
    legacy-nets port inception_v3.ckpt --net inception_v3 --label-offset 1 \\
        --to keras --out inception_v3.keras --report report.html

    Both sides run on the same inputs and are compared; a format of weights alone (npz,
    safetensors, h5, ckpt, torch) is compared tensor by tensor. Only then does the file come to its
    place. Exit code 0: verified; 1: above the tolerance, and an older file is as it was.
    """
    check_ending(report_path)
    job = _job(find_weights(checkpoint), net, target, out, given)
    if not TARGETS[target].weights:
        from legacy_nets.cli.quiet import quiet_tensorflow

        quiet_tensorflow()
    found = run_port(job)
    if report_path is not None:
        found.save(report_path)
    _print(found)
    raise SystemExit(0 if found.passed else 1)


def _job(checkpoint: str, net: str, target: str, out: pathlib.Path, given: dict[str, Any]) -> Job:
    """The options, where they are missing as the checkpoint was trained, else as registered."""
    record = registry.get_net(net)
    trained = load_settings(pathlib.Path(checkpoint).parent)
    if trained is not None and trained.net != net:
        raise BadInputError(f"{checkpoint} is a checkpoint of {trained.net}, not of {net}")
    size = trained.image_size if trained else record.image_size
    classes = given["num_classes"] or (trained.num_classes if trained else record.classes)
    offset = given["label_offset"]
    names = trained.class_names if trained else ()
    return Job(
        checkpoint=checkpoint,
        net=net,
        target=target,
        out=out,
        num_classes=classes,
        image_size=resized(size, given["frames"], image_size(given["image_size"])),
        label_offset=(trained.label_offset if trained else 0) if offset is None else offset,
        pixels=given["pixels"] or (trained.pixels if trained else ""),
        class_names=names if len(names) == classes else (),
        options={**(trained.options if trained else {}), **net_options(given["options"])},
        ema=given["ema"],
        tolerance=given["tolerance"],
    )


def _print(found: Report) -> None:
    weights = "averaged" if found.averaged else "raw"
    click.echo(f"{found.net} from {found.checkpoint} ({weights} weights) to {found.target}")
    for note in found.notes:
        click.echo(f"  {note}")
    click.echo(f"  {found.verdict()}")
    if found.passed:
        click.echo(f"verified: {found.out}")
        return
    kept = " (what was there before stays)" if pathlib.Path(found.out).exists() else ""
    click.echo(
        f"NOT verified: above the tolerance of {found.tolerance:g}; {found.out} was not "
        f"written{kept}",
        err=True,
    )
