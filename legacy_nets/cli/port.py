"""``legacy-nets port``: a checkpoint or a frozen graph into another format, verified."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from legacy_nets import registry
from legacy_nets.checkpoints.open import find_weights, open_weights, refuse_exports
from legacy_nets.cli.options import image_size, net_options
from legacy_nets.data.preprocessing import KINDS
from legacy_nets.errors import BadInputError
from legacy_nets.port.imported.job import port_foreign
from legacy_nets.port.jobs import (
    GRAPH_ENDINGS,
    SAVED_MODEL,
    TOLERANCE,
    ImportedJob,
    Job,
    find_graph_checkpoint,
)
from legacy_nets.port.pipeline import port as run_port
from legacy_nets.port.report import OPTIMISED, Report, check_place
from legacy_nets.port.targets import TARGETS
from legacy_nets.train.provenance import as_trained, stated
from legacy_nets.train.settings import resized

_FOREIGN = {  # options of one kind of net: parameter -> what the user wrote
    "inputs": "--inputs",
    "outputs": "--outputs",
    "shapes": "--input-shape",
    "settings": "--set",
    "trust": "--trust",
}
_REGISTERED = {
    "label_offset": "--label-offset",
    "num_classes": "--num-classes",
    "image_size": "--image-size",
    "frames": "--frames",
    "pixels": "--pixels",
    "options": "--option",
}


@click.command()
@click.argument("checkpoint", required=False)
@click.option("--net", help="The net of the registry that it is a checkpoint of.")
@click.option(
    "--meta",
    type=click.Path(path_type=pathlib.Path),
    help="Your own net instead: the .meta (or graph .pb, .pbtxt) that the checkpoint was saved by.",
)
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
@click.option("--inputs", metavar="A,B", help="Of your own net. [default: found, and said]")
@click.option("--outputs", metavar="A,B", help="Of your own net. [default: found, and said]")
@click.option("--input-shape", "shapes", multiple=True, metavar="A=1,224,224,3", help="? is open.")
@click.option("--set", "settings", multiple=True, metavar="A=VALUE", help="A placeholder's value.")
@click.option("--trust", is_flag=True, help="Run operations that read or write files, too.")
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
    checkpoint: str | None,
    net: str | None,
    meta: pathlib.Path | None,
    target: str,
    out: pathlib.Path,
    report_path: pathlib.Path | None,
    **given: Any,
) -> None:
    """Port CHECKPOINT (any readable weight file) to another format, with proof: of a net of the
    registry (--net), of your own (--meta, by default the one beside it), a frozen .pb, or a
    SavedModel of TensorFlow 1.

    \b
    legacy-nets port run/ --net hand_signs --to onnx --out signs.onnx
    legacy-nets port inception_v3.ckpt --net inception_v3 --label-offset 1 \\
        --to keras --out inception_v3.keras --report report.html
    legacy-nets port --meta run/model.ckpt-300.meta --to onnx --out model.onnx
    legacy-nets port frozen.pb --to saved_model --out served

    Both sides run on the same inputs and are compared; a format of weights alone (npz,
    safetensors, h5, ckpt, torch) is compared tensor by tensor; torch is run, too, where PyTorch is
    installed. Only then does the file come to its place. Exit code 0: verified; 1: above the
    tolerance, and an older file is as it was.
    """
    check_place(report_path, out)
    if net and meta:
        raise BadInputError("--net and --meta: a net of the registry needs no .meta; leave one out")
    if net:
        if checkpoint is None:
            raise BadInputError(f"--net {net}: name a checkpoint of it, too")
        _refuse(given, _FOREIGN, "is for nets of your own: leave out --net, or it")
        job = _job(find_weights(checkpoint), net, target, out, given)
        if TARGETS[target].tensorflow:
            from legacy_nets.quiet import quiet_tensorflow

            quiet_tensorflow()
        found = run_port(job)
    else:
        _refuse(given, _REGISTERED, "is for nets of the registry: add --net")
        found = port_foreign(_foreign_job(checkpoint, meta, target, out, given))
    if report_path is not None:
        found.save(report_path)
    _print(found)
    raise SystemExit(0 if found.passed else 1)


def _job(checkpoint: str, net: str, target: str, out: pathlib.Path, given: dict[str, Any]) -> Job:
    """The options, where they are missing as the checkpoint was trained, else as registered."""
    record = registry.get_net(net)
    trained = as_trained(checkpoint, net, stated(open_weights(checkpoint), net))
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


def _foreign_job(
    checkpoint: str | None,
    meta: pathlib.Path | None,
    target: str,
    out: pathlib.Path,
    given: dict[str, Any],
) -> ImportedJob:
    """A model that brings its own graph: --meta, or the argument where that is a graph."""
    if meta is None and checkpoint is not None:
        if checkpoint.endswith(GRAPH_ENDINGS) or pathlib.Path(checkpoint, SAVED_MODEL).is_file():
            meta, checkpoint = pathlib.Path(checkpoint), None
        else:
            checkpoint = find_weights(checkpoint)
            beside = pathlib.Path(f"{checkpoint}.meta")
            meta = beside if beside.is_file() else None
    if meta is None:
        raise BadInputError(
            "whose weights are they? Add --net NAME (a net of the registry), or --meta FILE "
            "(your own net), or name a frozen .pb or a SavedModel"
        )
    if (meta / SAVED_MODEL).is_file():
        meta /= SAVED_MODEL
    if meta.is_dir():
        refuse_exports(meta)
        raise BadInputError(f"{meta} is a folder: name the .meta, .pb or .pbtxt in it")
    return ImportedJob(
        graph_path=meta,
        target=target,
        out=out,
        inputs=_names(given["inputs"]),
        outputs=_names(given["outputs"]),
        shapes=_pairs("--input-shape", given["shapes"]),
        settings=_pairs("--set", given["settings"]),
        checkpoint=find_weights(checkpoint) if checkpoint else find_graph_checkpoint(meta),
        ema=given["ema"],
        trust=given["trust"],
        tolerance=given["tolerance"],
    )


def _refuse(given: dict[str, Any], options: dict[str, str], why: str) -> None:
    """Raises BadInputError for the first of some options that was given."""
    for name, option in options.items():
        if given[name]:
            raise BadInputError(f"{option} {why}")


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise BadInputError(f"{option} {name}{equals}{value}: write NAME=VALUE")
    return {name.removesuffix(":0"): value for name, _, value in pairs}


def _print(found: Report) -> None:
    weights = "averaged" if found.averaged else "raw"
    click.echo(f"{found.net} from {found.checkpoint} ({weights} weights) to {found.target}")
    for note in found.notes:
        click.echo(f"  {note}")
    click.echo(f"  {found.verdict()}")
    if found.passed:
        ran = any(item.top1 is not None for item in found.comparisons)
        how = "" if ran else ", tensor by tensor"
        click.echo(f"verified{how}: {found.out}")
        return
    too_far = [item.side for item in found.comparisons if not found.within(item)]
    if too_far and set(too_far) == {OPTIMISED}:
        click.echo(
            "  as written it is exact enough: only ONNX Runtime's graph optimisations differ (they "
            "compute fake-quantized layers in integers): a larger --tolerance takes that",
        )
    kept = " (what was there before stays)" if pathlib.Path(found.out).exists() else ""
    click.echo(
        f"NOT verified: above the tolerance of {found.tolerance:g}; {found.out} was not "
        f"written{kept}",
        err=True,
    )
