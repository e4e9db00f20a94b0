"""``legacy-nets train``: trains a net, or fine-tunes it from a checkpoint."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING

import click

from legacy_nets import registry
from legacy_nets.checkpoints.open import find_readable_weights
from legacy_nets.cli.cluster.tasks import ClusterTask, cluster_options
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.options import (
    DataOptions,
    FilePath,
    NumberRange,
    data_options,
    device_option,
    frames_option,
    image_size_option,
    net_option,
    num_classes_option,
    open_device,
    preprocessing_option,
)
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.class_indices import MAX_CLASSES
from legacy_nets.data.dataset import ImageData, resize_data, widen_classes
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say, translate_line
from legacy_nets.processor import require_bfloat16, uses_onednn
from legacy_nets.progress import print_line, show_status
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.sigterm import end_on_sigterm
from legacy_nets.train.recipes import (
    count_steps,
    describe_expectation,
    describe_settings,
    make_settings,
)
from legacy_nets.train.resume import describe_changes, refuse_busy, refuse_run
from legacy_nets.train.settings import (
    GRAPH_FIELDS,
    MAX_STEPS,
    GivenSettings,
    Settings,
    WarmStart,
    load_settings,
    refuse_file,
    replace_given,
    resize_input,
)

if TYPE_CHECKING:
    from typing import Unpack  # Python 3.11

    from legacy_nets.train.loop import Result


@click.command()
@click.argument("net", shell_complete=complete_net)
@data_options(
    "Seed of the initial weights, the batches and the held-out choice. [default: 0]",
    "default: synthetic data in datasets/, generated on first use",
)
@click.option(
    "--model-dir",
    "folder",
    required=True,
    type=FilePath(path_type=pathlib.Path),
    help="Folder for checkpoints, log, events and curve.",
)
@click.option("--steps", type=click.IntRange(1, MAX_STEPS), help="Training steps.")
@click.option("--batch-size", type=click.IntRange(1), help="Images or clips per step.")
@click.option(
    "--learning-rate",
    type=NumberRange(0, 1e3, min_open=True),
    help="Learning rate of Adam.",
)
@click.option(
    "--cosine/--no-cosine", default=None, help="Lower the learning rate to zero along a cosine."
)
@click.option(
    "--warmup",
    type=click.IntRange(0, MAX_STEPS),
    metavar="STEPS",
    help="Steps over which the learning rate rises to its value.",
)
@click.option(
    "--ema",
    "ema_decay",
    type=NumberRange(0, 1, max_open=True),
    help="Decay of a moving average of the weights, for instance 0.99; evaluation uses it.",
)
@click.option(
    "--augment/--no-augment",
    default=None,
    help="Random shifts, flips where allowed, and brightness.",
)
@click.option("--zoom", type=NumberRange(0, 0.9), help="With --augment: 0.1 is 0.9 to 1.1 times.")
@click.option("--rotate", type=NumberRange(0, 180), help="With --augment: degrees to either side.")
@click.option(
    "--save-every",
    type=click.IntRange(1, MAX_STEPS),
    help=f"Steps between checkpoints. [default: {Settings.save_every}]",
)
@click.option(
    "--evaluate-every",
    type=click.IntRange(1, MAX_STEPS),
    help=f"Steps between evaluations. [default: {Settings.evaluate_every}]",
)
@frames_option("the net's own")
@image_size_option("the net's own")
@preprocessing_option("the net's own")
@num_classes_option("those of the data")
@click.option("--label-offset", type=click.IntRange(0, MAX_CLASSES), help="Logits before class 0.")
@click.option(
    "--trainable",
    multiple=True,
    metavar="SCOPE",
    help="Scope to train; others stay fixed. May be repeated.",
)
@click.option(
    "--aux-weight",
    type=NumberRange(0),
    help="Weight of an auxiliary head's loss. [default: the net's own]",
)
@click.option(
    "--weight-decay/--no-weight-decay",
    default=None,
    help="Add the regularization losses of slim's nets.",
)
@click.option(
    "--batch-norm-decay",
    type=NumberRange(0, 1, max_open=True),
    help="Decay of the moving averages of slim's batch norm: inception_v3, resnet_v2_*.",
)
@click.option(
    "--bf16/--no-bf16", default=None, help="Compute in bfloat16; the weights stay in float32."
)
@click.option(
    "--force-bf16", is_flag=True, help="--bf16, also where the processor does not multiply it."
)
@click.option("--as-document", is_flag=True, help="Train as the document does.")
@click.option(
    "--resume",
    is_flag=True,
    help="Continue from the newest complete checkpoint, with the run's options.",
)
@click.option("--warm-start", type=FilePath(), help="Checkpoint to take the weights from.")
@click.option("--warm-start-ema", is_flag=True, help="Take its moving averages, not raw weights.")
@click.option(
    "--exclude", multiple=True, help="Scope that --warm-start does not restore. May be repeated."
)
@net_option
@device_option
@cluster_options
@end_on_sigterm()
def train(
    net: str,
    data: DataOptions,
    folder: pathlib.Path,
    augment: bool | None,
    zoom: float | None,
    rotate: float | None,
    frames: int | None,
    image_size: tuple[int, int] | None,
    options: dict[str, object],
    device: str,
    force_bf16: bool,
    as_document: bool,
    resume: bool,
    warm_start: str | None,
    warm_start_ema: bool,
    exclude: tuple[str, ...],
    cluster: ClusterTask | None,
    **given: Unpack[GivenSettings],
) -> None:
    """Train NET and leave checkpoints, log, events and curve in --model-dir.

    What is not given comes from the net's recipe, which is made for about a thousand pictures.

    A resumed run may change --data (a folder that was moved), --strict, --steps, --learning-rate,
    --cosine, --warmup, --weight-decay, --aux-weight, --save-every, --evaluate-every, --augment,
    --zoom, --rotate, --batch-norm-decay and --bf16.

    \b
    legacy-nets train hand_signs --model-dir run
    legacy-nets train resnet18 --data flowers/ --model-dir flowers_run
    legacy-nets train hand_signs --data test_signs.h5 --holdout 0.25 --model-dir run2 \\
        --warm-start run
    """
    record = registry.get_net(net)
    saved = _load_run(folder, resume, as_document, cluster)
    before = saved or make_settings(record, as_document, is_warm=bool(warm_start))
    start = _make_warm_start(before.warm_start, warm_start, exclude, warm_start_ema)
    settings = dataclasses.replace(
        replace_given(before, given),
        net=net,
        image_size=resize_input(before.image_size, frames, image_size),
        options=before.options | options,
        augment=_make_augmentation(before.augment, augment, zoom, rotate),
        warm_start=start,
    )
    settings = _choose_precision(settings, force_bf16, device, cluster)
    data = data.inherit(settings)
    if saved is not None:
        _check_resumed(saved, settings, data, folder)
    if saved is None and start is not None:
        _check_net(dataclasses.replace(settings, num_classes=data.count_classes(record)), start)
    elif any(vars(before)[field] != vars(settings)[field] for field in GRAPH_FIELDS):
        _check_net(settings)
    with show_status("opening the data"):
        images, settings = _open_data(record, data, settings, as_document and not given["steps"])
    lines = [*_describe_run(settings, images, as_document), open_device(device)]
    _train(settings, images, folder, resume, cluster, lines)


def _train(
    settings: Settings,
    images: ImageData,
    folder: pathlib.Path,
    resume: bool,
    cluster: ClusterTask | None,
    lines: list[str],
) -> None:
    """Prints lines, trains in this process or as a task of a cluster, prints the result."""
    from rich.console import Console

    from legacy_nets.train import loop

    console = Console(stderr=True, soft_wrap=True)
    for line in lines:
        print_line(console, line)
    if cluster is not None:
        result = cluster.train(settings, images, folder, console)
    else:
        result = loop.train(settings, images, folder, resume=resume, console=console)
    _print_result(result, folder)


def _load_run(
    folder: pathlib.Path, resume: bool, as_document: bool, cluster: ClusterTask | None
) -> Settings | None:
    """Loads the settings of a run to resume; None for a new run.

    The chief of a cluster resumes what is there; the other tasks agree with it later. Raises
    BadInputError for a folder that cannot be one, that is in use, or that holds a run already.
    """
    refuse_file(folder)
    if cluster is None:
        refuse_busy(folder)
    elif not cluster.task.is_chief:
        return None
    if not resume and cluster is None:
        refuse_run(folder)
        return None
    saved = load_settings(folder)
    if saved is not None and as_document:
        raise BadInputError("--as-document is for a new run: a resumed one keeps its settings")
    return saved


def _choose_precision(
    settings: Settings, force_bf16: bool, device: str, cluster: ClusterTask | None
) -> Settings:
    """Adds --force-bf16. Raises BadInputError where bfloat16 would be slower, or is not done."""
    if force_bf16:
        settings = dataclasses.replace(settings, bf16=True)
    if settings.bf16 and cluster is not None:
        raise BadInputError("a cluster trains in float32: leave --bf16 out, or give --no-bf16")
    if force_bf16:
        require_bfloat16("--force-bf16", "leave it out, or give --no-bf16", is_forced=True)
    elif settings.bf16:
        require_bfloat16("--bf16", "give --no-bf16, or --force-bf16")
    if settings.bf16 and not uses_onednn():
        raise BadInputError("--bf16 needs oneDNN: unset TF_ENABLE_ONEDNN_OPTS, or give --no-bf16")
    if settings.bf16 and device.startswith("gpu"):
        raise BadInputError("--bf16 is for the CPU: leave out --bf16 or --device")
    return settings


def _check_net(settings: Settings, start: WarmStart | None = None) -> None:
    """Builds the net before data are read, and compares it with the weights of a warm start.

    Raises BadInputError where that fails, CheckpointError where the weights do not fit.
    """
    with show_status(f"building {settings.net} to check the options"):
        quiet_tensorflow(uses_onednn=True)
        from legacy_nets.train import graph, warm_start

        if start is None:
            graph.check_net(settings)
        else:
            warm_start.check_warm_start(start, settings)


def _open_data(
    record: registry.Net, data: DataOptions, settings: Settings, has_epochs: bool
) -> tuple[ImageData, Settings]:
    """Opens the data, records them in the settings; ``has_epochs``: takes the document's steps."""
    images = widen_classes(data.open(record), data.num_classes)
    images = resize_data(images, settings.preprocessing, settings.image_size, record.channels)
    settings = dataclasses.replace(
        settings,
        num_classes=len(images.class_names),
        class_names=images.class_names,
        data=images.name,
        data_path=str(data.path.absolute()) if data.path else "",
        strict=data.strict,
        holdout=data.holdout,
        images=(len(images.train.labels), len(images.test.labels)),
        seed=data.seed or 0,
    )
    if has_epochs:
        steps = count_steps(record, len(images.train.labels))
        settings = dataclasses.replace(settings, steps=steps)
    return images, settings


def _check_resumed(
    saved: Settings, settings: Settings, data: DataOptions, folder: pathlib.Path
) -> None:
    """Raises BadInputError where the options change what a resumed run may not change."""
    changed = dataclasses.replace(settings, holdout=data.holdout, seed=data.seed or 0)
    describe_changes(saved, changed, folder)
    if data.path is None and "synthetic" not in saved.data:
        raise BadInputError(
            f"{folder} does not record where its data are ({saved.data}): give their folder with "
            "--data"
        )


def _make_warm_start(
    before: WarmStart | None, checkpoint: str | None, exclude: tuple[str, ...], ema: bool
) -> WarmStart | None:
    """Makes the warm start of --warm-start, --exclude and --warm-start-ema.

    ``before`` is that of the run, of which the options that are not given are inherited. Raises
    BadInputError where they do not fit, or CheckpointError where a new run's weights are missing.
    """
    if checkpoint:
        if before is None:
            find_readable_weights(checkpoint)
        path = str(pathlib.Path(checkpoint).absolute())
        before = dataclasses.replace(before or WarmStart(""), checkpoint=path)
    if before is None:
        if exclude or ema:
            raise BadInputError(
                "--exclude and --warm-start-ema belong to --warm-start: give that too"
            )
        return None
    return dataclasses.replace(before, exclude=exclude or before.exclude, ema=ema or before.ema)


def _make_augmentation(
    before: Augmentation | None, augment: bool | None, zoom: float | None, rotate: float | None
) -> Augmentation | None:
    """Makes the augmentation of --augment, --zoom and --rotate.

    ``before`` is that of the run, of which the options that are not given are inherited.
    """
    if augment is False or (before is None and not augment):
        if zoom or rotate:
            raise BadInputError("--zoom and --rotate belong to --augment: give that too")
        return None
    before = before or Augmentation()
    return dataclasses.replace(
        before,
        zoom=before.zoom if zoom is None else zoom,
        rotate=before.rotate if rotate is None else rotate,
    )


def _describe_run(settings: Settings, images: ImageData, as_document: bool) -> list[str]:
    """Describes in lines what a net is trained on, and how."""
    return [
        *images.notes,
        f"{settings.net} on {images.name}: {len(images.train.labels)} "
        f"{translate_line(images.unit)} to train on, {len(images.test.labels)} held out",
        describe_settings(settings),
        *([describe_expectation(settings.net)] if as_document else []),
    ]


def _print_result(result: Result, folder: pathlib.Path) -> None:
    """Prints the result; exits with 130 or 143 if a signal stopped the run."""
    if result.test_accuracy is not None:
        say(f"test accuracy {result.test_accuracy:.4f} at step {result.step}")
    if result.best_step is not None:
        say(f"best {result.best_accuracy:.4f} at step {result.best_step}")
    say(f"checkpoint {result.checkpoint}")
    say(f"events     {folder / 'events'}  (tensorboard --logdir {folder})")
    say(f"log        {folder / 'log.csv'}")
    say(f"curve      {folder / 'curve.png'}")
    if result.stopped_by:
        say(f"stopped by {result.stopped_by}: continue with --resume")
        raise SystemExit(130 if result.stopped_by == "SIGINT" else 143)
