"""``legacy-nets train``: train a net, or fine-tune it from a checkpoint."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from legacy_nets import registry
from legacy_nets.cli.options import data_options, image_size, net_options, open_data
from legacy_nets.data.preprocessing import KINDS
from legacy_nets.errors import BadInputError
from legacy_nets.train.settings import load_settings, refuse_file, resized


@click.command()
@click.argument("net")
@data_options
@click.option("--model-dir", required=True, type=click.Path(path_type=pathlib.Path))
@click.option("--steps", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option(
    "--learning-rate", type=click.FloatRange(0, 1e3, min_open=True), default=1e-4, show_default=True
)
@click.option("--cosine", is_flag=True, help="Let the learning rate fall to zero.")
@click.option(
    "--warmup",
    type=click.IntRange(0),
    default=0,
    metavar="STEPS",
    help="Let the learning rate rise to its value over so many steps.",
)
@click.option(
    "--ema",
    "ema_decay",
    type=click.FloatRange(0, 1, max_open=True),
    help=("Decay of a moving average of the weights, for instance 0.99; evaluated with it."),
)
@click.option("--augment", is_flag=True, help="Shift, flip where allowed, change brightness.")
@click.option(
    "--zoom",
    type=click.FloatRange(0, 0.9),
    default=0.0,
    help="With --augment: 0.1 is 0.9 to 1.1 times.",
)
@click.option(
    "--rotate",
    type=click.FloatRange(0, 180),
    default=0.0,
    help="With --augment: degrees to either side.",
)
@click.option("--save-every", type=click.IntRange(1), default=100, show_default=True)
@click.option("--evaluate-every", type=click.IntRange(1), default=100, show_default=True)
@click.option("--frames", type=click.IntRange(1), help="Of a clip. [default: the net's own]")
@click.option("--image-size", metavar="HxW", help="[default: the net's own]")
@click.option("--pixels", type=click.Choice(KINDS), help="Preprocessing. [default: the net's own]")
@click.option("--label-offset", type=click.IntRange(0), default=0, help="Logits before class 0.")
@click.option("--trainable", multiple=True, metavar="SCOPE", help="Train these scopes only.")
@click.option(
    "--aux-weight",
    type=click.FloatRange(0),
    help="Of an auxiliary head's loss. [default: the net's own]",
)
@click.option("--weight-decay/--no-weight-decay", default=True, help="As slim's nets collect it.")
@click.option("--resume", is_flag=True, help="Go on from the newest complete checkpoint.")
@click.option("--warm-start", metavar="CHECKPOINT", help="Take the weights from here.")
@click.option("--warm-start-ema", is_flag=True, help="Its moving averages, not its raw weights.")
@click.option("--exclude", multiple=True, help="Scope that --warm-start leaves fresh.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the net.")
def train(net: str, **given: Any) -> None:
    """Train NET and leave checkpoints, log, events and curve in --model-dir.

    \b
    legacy-nets train hand_signs --model-dir run --steps 600 --ema 0.99
    legacy-nets train hand_signs --data test_signs.h5 --holdout 0.25 --model-dir run2 \\
        --warm-start run --augment
    """
    record = registry.get_net(net)
    _check(given)
    refuse_file(given["model_dir"])
    saved = load_settings(given["model_dir"]) if given["resume"] else None
    if saved is not None:  # what is not said goes on as it was
        given["holdout"] = saved.holdout if given["holdout"] is None else given["holdout"]
        given["seed"] = saved.seed if given["seed"] is None else given["seed"]
    given["seed"] = given["seed"] or 0
    augmentation = _augment(given)
    size = resized(record.image_size, given["frames"], image_size(given["image_size"]))
    data = open_data(record, given["data"], given["holdout"], given["seed"], given["strict"])
    warm_start = None
    if given["warm_start"]:
        from legacy_nets.checkpoints.open import find_weights

        warm_start = find_weights(given["warm_start"])

    from rich.console import Console

    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow()
    from legacy_nets.data.dataset import framed
    from legacy_nets.train import loop
    from legacy_nets.train.settings import Settings

    pixels = given["pixels"] or record.preprocessing
    data = framed(data, pixels, size, record.channels)
    settings = Settings(
        net=net,
        num_classes=len(data.class_names),
        image_size=size,
        class_names=data.class_names,
        data=data.name,
        holdout=given["holdout"],
        label_offset=given["label_offset"],
        pixels=pixels,
        options=net_options(given["options"]),
        steps=given["steps"],
        batch_size=given["batch_size"],
        learning_rate=given["learning_rate"],
        cosine=given["cosine"],
        warmup=given["warmup"],
        ema_decay=given["ema_decay"],
        weight_decay=given["weight_decay"],
        aux_weight=record.aux_weight if given["aux_weight"] is None else given["aux_weight"],
        trainable=given["trainable"],
        seed=given["seed"],
        save_every=given["save_every"],
        evaluate_every=given["evaluate_every"],
        augment=augmentation,
    )
    console = Console(stderr=True, soft_wrap=True)
    for note in data.notes:
        console.print(note, highlight=False)
    what = "clips" if data.frames else "images"
    console.print(
        f"{net} on {data.name}: {len(data.train.labels)} {what} to train on, "
        f"{len(data.test.labels)} held out",
        highlight=False,
    )
    folder = given["model_dir"]
    start = None
    if warm_start:
        start = loop.WarmStart(warm_start, given["exclude"], given["warm_start_ema"])
    result = loop.train(
        settings,
        data,
        folder,
        resume=given["resume"],
        warm_start=start,
        console=console,
    )
    if result.test_accuracy is not None:
        click.echo(f"test accuracy {result.test_accuracy:.4f} at step {result.step}")
    if result.best_step is not None:
        click.echo(f"best {result.best_accuracy:.4f} at step {result.best_step}")
    click.echo(f"checkpoint {result.checkpoint}")
    click.echo(f"events     {folder / 'events'}  (tensorboard --logdir {folder})")
    click.echo(f"log        {folder / 'log.csv'}")
    click.echo(f"curve      {folder / 'curve.png'}")
    if result.stopped_by:
        click.echo(f"stopped by {result.stopped_by}: go on with --resume")
        raise SystemExit(130 if result.stopped_by == "SIGINT" else 143)


def _check(given: dict[str, Any]) -> None:
    if not given["warm_start"] and (given["exclude"] or given["warm_start_ema"]):
        raise BadInputError("--exclude and --warm-start-ema belong to --warm-start: give that too")
    if not given["augment"] and (given["zoom"] or given["rotate"]):
        raise BadInputError("--zoom and --rotate belong to --augment: give that too")


def _augment(given: dict[str, Any]) -> Any:
    from legacy_nets.data.dataset import Augment

    if not given["augment"]:
        return None
    return Augment(zoom=given["zoom"], rotate=given["rotate"])
