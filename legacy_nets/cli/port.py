"""``legacy-nets port``: writes a checkpoint or a graph in another format, verified."""

from __future__ import annotations

import pathlib
from collections.abc import Collection
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from legacy_nets.checkpoints.open import find_readable_weights, open_weights, refuse_exports
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.options import (
    FilePath,
    NumberRange,
    frames_option,
    image_size_option,
    jobs_option,
    net_option,
    num_classes_option,
    preprocessing_option,
    ray_address_option,
    split_names,
)
from legacy_nets.cli.port_folder import (
    PortOptions,
    choose_precision,
    choose_tolerance,
    is_folder_of_models,
    parse_renames,
    port_models,
)
from legacy_nets.data.class_indices import MAX_CLASSES
from legacy_nets.errors import BadInputError
from legacy_nets.language import translate as _
from legacy_nets.language.lines import say
from legacy_nets.nets.weights.translate_for_net import find_head_options
from legacy_nets.port.jobs import (
    SAVED_MODEL,
    TOLERANCES,
    ImportedJob,
    Job,
    WeightsJob,
    find_graph,
    find_graph_checkpoint,
)
from legacy_nets.port.pipeline import port as run_port
from legacy_nets.port.report import OPTIMISED, Report, check_report_path
from legacy_nets.port.targets import TARGETS
from legacy_nets.progress import show_status
from legacy_nets.registry import get_net
from legacy_nets.sigterm import end_on_sigterm
from legacy_nets.train.provenance import read_recorded_settings, read_training_settings
from legacy_nets.train.settings import resize_input

if TYPE_CHECKING:
    from typing import Unpack  # Python 3.11

# Parameters of the command, by what they are for.
_GRAPH_OPTIONS = ("inputs", "outputs", "shapes", "settings", "tags", "inference", "trust")
_IMPORTED_OPTIONS = (*_GRAPH_OPTIONS, "renames")
_FOLDER_OPTIONS = ("jobs", "retry", "ray_address")
_NET_OPTIONS = (
    "label_offset",
    "num_classes",
    "image_size",
    "frames",
    "preprocessing",
    "options",
)


@click.command()
@click.argument("checkpoint", required=False, type=FilePath())
@click.option(
    "--net", shell_complete=complete_net, help="Name of the checkpoint's net in the registry."
)
@click.option(
    "--meta",
    type=FilePath(path_type=pathlib.Path),
    help="The .meta (or graph .pb, .pbtxt) of your own net, in place of --net.",
)
@click.option(
    "--to", "target", required=True, type=click.Choice(list(TARGETS)), help="Target format."
)
@click.option(
    "--out", required=True, type=FilePath(path_type=pathlib.Path), help="Path of the target."
)
@click.option(
    "--ema/--raw",
    default=None,
    help="Moving averages or raw weights. [default: averages where there are any]",
)
@click.option(
    "--label-offset",
    type=click.IntRange(0, MAX_CLASSES),
    help="Logits before the first class: 1 for slim's published 1001. [default: as trained]",
)
@num_classes_option("as trained")
@image_size_option("as trained")
@frames_option("as trained")
@preprocessing_option("as trained")
@net_option
@click.option(
    "--inputs", metavar="A,B", help="Input tensors of your own net. [default: inferred, printed]"
)
@click.option(
    "--outputs", metavar="A,B", help="Output tensors of your own net. [default: inferred, printed]"
)
@click.option(
    "--input-shape",
    "shapes",
    multiple=True,
    metavar="A=1,224,224,3",
    help="Shape of an input; ? is an unknown size.",
)
@click.option("--set", "settings", multiple=True, metavar="A=VALUE", help="Value of a placeholder.")
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="PATTERN=NEW",
    help="Replaces a regular expression in the names of weights, for targets of weights alone.",
)
@click.option(
    "--tags",
    metavar="A,B",
    help='Tags of a SavedModel\'s graph; "" is none. [default: serve, else without train]',
)
@click.option(
    "--inference",
    is_flag=True,
    help="Moving averages in place of batch statistics, for batch norms built for training.",
)
@click.option("--trust", is_flag=True, help="Run operations that read or write files, too.")
@click.option(
    "--precision",
    type=click.Choice(list(TOLERANCES)),
    help="Numbers that a tflite file computes with. [default: float32; int8 with --calibrate]",
)
@click.option(
    "--calibrate",
    type=FilePath(path_type=pathlib.Path),
    help="Folder of inputs to measure the ranges of int8 on: pictures, clips, .npy or .npz.",
)
@click.option(
    "--tolerance",
    type=NumberRange(0),
    help="Largest difference, as a share of the largest value. [default: 0.0001; float16 0.01; "
    "int8 0.1]",
)
@click.option(
    "--report",
    "report_path",
    type=FilePath(path_type=pathlib.Path),
    help="File for every comparison: .json, .html or .md.",
)
@jobs_option
@ray_address_option
@click.option("--retry", is_flag=True, help="Try again what an earlier run of a folder refused.")
@end_on_sigterm()
def port(
    checkpoint: str | None,
    net: str | None,
    meta: pathlib.Path | None,
    target: str,
    out: pathlib.Path,
    report_path: pathlib.Path | None,
    **given: Unpack[PortOptions],
) -> None:
    """Port CHECKPOINT (any readable weight file) to another format, and verify the result.

    The checkpoint is of a net of the registry (--net) or of your own (--meta; by default the
    .meta next to it). A frozen .pb and a SavedModel of TensorFlow 1 hold their own graph. To
    npz, safetensors, h5, ckpt and torch, weights alone need neither: they keep their names.

    \b
    legacy-nets port run/ --net hand_signs --to onnx --out signs.onnx
    legacy-nets port inception_v3.ckpt --net inception_v3 --label-offset 1 \\
        --to keras --out inception_v3.keras --report report.html
    legacy-nets port --meta run/model.ckpt-300.meta --to onnx --out model.onnx
    legacy-nets port frozen.pb --to saved_model --out served
    legacy-nets port vgg16.npy --to safetensors --out vgg16.safetensors
    legacy-nets port museum --to onnx --out ported --jobs 4

    Original and target run on the same inputs, and their outputs are compared. Formats of weights
    alone (npz, safetensors, h5, ckpt, torch) are compared tensor by tensor; torch is run too where
    PyTorch is installed. Only a verified target is published. Exit code 0: verified; 1: above the
    tolerance, and an older file is unchanged.

    Without --net and --meta, a folder that is no SavedModel is ported model by model into the
    folder --out, with a table (ports.html, ports.json). A second run ports what is new or changed.
    Exit code 0: every model is verified; 1: some are not, the table says why.
    """
    if checkpoint and is_folder_of_models(checkpoint, net, meta, target, out):
        raise SystemExit(port_models(pathlib.Path(checkpoint), target, out, given))
    _refuse(_FOLDER_OPTIONS, "is for a folder of models: leave it out")
    check_report_path(report_path, out)
    if net and meta:
        raise BadInputError("--net and --meta: a net of the registry needs no .meta; leave one out")
    job: Job | ImportedJob | WeightsJob
    if net:
        if checkpoint is None:
            raise BadInputError(f"--net {net}: name a checkpoint of it, too")
        _refuse(_IMPORTED_OPTIONS, "is for nets of your own: leave out --net or this option")
        job = _build_job(find_readable_weights(checkpoint), net, target, out, given)
    else:
        _refuse(_NET_OPTIONS, "is for nets of the registry: add --net")
        job = _build_imported_job(checkpoint, meta, target, out, given)
    checks_fit = isinstance(job, Job) and job.checks_fit
    if (TARGETS[target].uses_tensorflow or checks_fit) and not isinstance(job, ImportedJob):
        from legacy_nets.quiet import quiet_tensorflow

        quiet_tensorflow(uses_onednn=True)
    report = _run_with_status(job)
    if report_path is not None:
        report.save(report_path)
    print_report(report)
    raise SystemExit(0 if report.passed else 1)


def _run_with_status(job: Job | ImportedJob | WeightsJob) -> Report:
    """Runs a port, under a spinner that its steps change."""
    with show_status(f"porting {job.title} to {job.target}"):
        return run_port(job)


def _build_job(
    checkpoint: str, name: str, target: str, out: pathlib.Path, given: PortOptions
) -> Job:
    """Builds the job of a registered net.

    Options that are not given come from the checkpoint's training settings, else the registry.
    """
    net = get_net(name)
    source = open_weights(checkpoint)
    recorded = read_recorded_settings(source, net)
    trained = read_training_settings(checkpoint, net, recorded)
    size = trained.image_size if trained else net.image_size
    num_classes = given["num_classes"] or (trained.num_classes if trained else net.num_classes)
    label_offset = given["label_offset"]
    if label_offset is None:
        label_offset = trained.label_offset if trained else 0
    class_names = trained.class_names if trained else ()
    return Job(
        checkpoint=checkpoint,
        net=net,
        target=target,
        out=out,
        num_classes=num_classes,
        image_size=resize_input(size, given["frames"], given["image_size"]),
        preprocessing=given["preprocessing"]
        or (trained and trained.preprocessing)
        or net.preprocessing,
        label_offset=label_offset,
        class_names=class_names if len(class_names) == num_classes else (),
        options={
            **(trained.options if trained else find_head_options(source, net)),
            **given["options"],
        },
        ema=given["ema"],
        tolerance=choose_tolerance(given),
        precision=choose_precision(given),
        checks_fit=bool(given["image_size"] or given["frames"] or given["options"]),
    )


def _build_imported_job(
    checkpoint: str | None,
    meta: pathlib.Path | None,
    target: str,
    out: pathlib.Path,
    given: PortOptions,
) -> ImportedJob | WeightsJob:
    """Builds the job of an imported graph: --meta, or the argument where that is a graph.

    Without a graph, builds the job of weights alone.
    """
    renames = parse_renames(given["renames"], target)
    if meta is None and checkpoint is not None:
        meta, checkpoint = find_graph(checkpoint, target)
    if meta is None:
        if checkpoint is None:
            raise BadInputError("name a weight file, a frozen .pb, a SavedModel, or a --meta FILE")
        _refuse(_GRAPH_OPTIONS, f"is for a graph, and {checkpoint} has none: add --meta FILE")
        return WeightsJob(checkpoint, target, out, renames, given["ema"], choose_tolerance(given))
    if (meta / SAVED_MODEL).is_file():
        meta /= SAVED_MODEL
    if meta.is_dir():
        refuse_exports(meta)
        raise BadInputError(f"{meta} is a folder: name the .meta, .pb or .pbtxt in it")
    return ImportedJob(
        graph_path=meta,
        target=target,
        out=out,
        inputs=split_names(given["inputs"]),
        outputs=split_names(given["outputs"]),
        shapes=_split_pairs("--input-shape", given["shapes"]),
        settings=_split_pairs("--set", given["settings"]),
        checkpoint=find_readable_weights(checkpoint) if checkpoint else find_graph_checkpoint(meta),
        ema=given["ema"],
        tags=None if given["tags"] is None else split_names(given["tags"]),
        trust=given["trust"],
        inference=given["inference"],
        renames=renames,
        tolerance=choose_tolerance(given),
        precision=choose_precision(given),
    )


def _refuse(parameters: Collection[str], reason: str) -> None:
    """Raises BadInputError for the first of some options that was given, be it empty or 0."""
    context = click.get_current_context()
    for option in context.command.params:
        name = str(option.name)
        is_given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if is_given and name in parameters:
            raise BadInputError(f"{option.opts[0]} {reason}")


def _split_pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise BadInputError(f"{option} {name}{equals}{value}: write NAME=VALUE")
    return {name.removesuffix(":0"): value for name, _, value in pairs}


def print_report(report: Report) -> None:
    """Prints what was ported, the notes and the verdict."""
    weights = _("averaged") if report.averaged else _("raw")
    say(f"{report.net} from {report.checkpoint} ({weights} weights) to {report.target}")
    for note in report.notes:
        say(f"  {note}")
    say(f"  {report.verdict}")
    if report.passed:
        say(f"verified{'' if report.was_run else ', tensor by tensor'}: {report.out}")
        return
    failed_sides = {item.side for item in report.comparisons if not report.is_within(item)}
    if failed_sides == {OPTIMISED}:
        say(
            "  as written it is within the tolerance: only ONNX Runtime's graph optimisations "
            "differ (they compute fake-quantized layers in integers); a larger --tolerance "
            "accepts that",
        )
    kept = " (the older one is unchanged)" if pathlib.Path(report.out).exists() else ""
    cause = f"above the tolerance of {report.tolerance:g}"
    if not report.comparisons:
        cause = "nothing was compared"
    say(f"NOT verified: {cause}; {report.out} was not written{kept}", err=True)
