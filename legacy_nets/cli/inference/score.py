"""``legacy-nets score``: the classes of any number of pictures, shard by shard."""

from __future__ import annotations

import functools
import pathlib
import sys

import click

from legacy_nets import registry
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.inference.scoring import FastCommand, choose_device, fast_options
from legacy_nets.cli.options import (
    CheckpointOptions,
    FilePath,
    checkpoint_options,
    device_option,
    open_checkpoint,
    open_device,
)
from legacy_nets.engines.fast import Choice
from legacy_nets.errors import BadInputError, list_first
from legacy_nets.language import translate as _
from legacy_nets.language.lines import say
from legacy_nets.progress import show_status
from legacy_nets.ray_data.run import choose_cluster, open_cluster
from legacy_nets.score.rows import FORMATS, check_format
from legacy_nets.score.shards import Inputs, find_shards
from legacy_nets.sigterm import end_on_sigterm
from legacy_nets.train.settings import refuse_file

PICTURES = 1000  # of a shard


@click.command(cls=FastCommand)
@click.argument("net", shell_complete=complete_net)
@checkpoint_options
@click.option(
    "--input",
    "given",
    multiple=True,
    required=True,
    metavar="PATHS",
    help="TFRecords, pictures, a folder, a pattern in quotes, a .txt file with a path a line, or "
    '"-" for paths on standard input; may be repeated.',
)
@click.option(
    "--output",
    required=True,
    type=FilePath(path_type=pathlib.Path),
    help="Folder for the scores: a new or empty one, or that of an earlier run, which goes on.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Number of classes of each picture.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    default="csv",
    show_default=True,
    help="Format of the scores.",
)
@click.option(
    "--shard-size",
    type=click.IntRange(1),
    default=PICTURES,
    show_default=True,
    help="Pictures of one shard, where they are not in TFRecords.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    help="Pictures that the net takes at a time. [default: by their size, 64 at most]",
)
@device_option
@fast_options
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that score; more than one by Ray (extra [ray]).",
)
@click.option(
    "--ray-address",
    metavar="ADDRESS",
    help='Address of a cluster of Ray; "local" starts one here. [default: here, if --workers asks]',
)
@end_on_sigterm()
def score(
    net: str,
    checkpoint: CheckpointOptions,
    given: tuple[str, ...],
    output: pathlib.Path,
    top: int,
    format_name: str,
    shard_size: int,
    batch_size: int | None,
    device: str,
    choice: Choice | None,
    workers: int,
    ray_address: str | None,
) -> None:
    """Score any number of pictures by NET: for each shard of --input one of classes in --output.

    A TFRecord file (slim's layout) is a shard; other pictures become shards of --shard-size. A
    shard's scores appear when they are complete. Run the command again after an interruption: it
    passes over what is finished. A picture that cannot be read is a row with its problem.

    \b
    legacy-nets score hand_signs --checkpoint run --input 'shards/*' --output scores
    legacy-nets score inception_v3 --checkpoint inception_v3.ckpt --label-offset 1 \\
        --input photos/ --output scores --top 1 --format jsonl --fast
    """
    record = registry.get_net(net)
    if len(record.image_size) == 3:
        raise BadInputError(f"{net} takes video clips, and score reads pictures: use predict")
    check_format(format_name)
    refuse_file(output, "output folder")
    address = choose_cluster(workers, ray_address)
    if address is not None and device not in ("auto", "cpu"):
        raise BadInputError(f"on Ray the net runs on CPUs: leave out --device {device}")
    prefix = checkpoint.find()
    with show_status("looking for the input"):
        inputs = find_shards(given, shard_size, sys.stdin if "-" in given else ())
    _print_notes(inputs, net, record.channels)
    say(open_device(choose_device(device, choice)), err=True)
    from legacy_nets.score.net import ScoreJob
    from legacy_nets.score.run import SUMMARY, score_shards
    from legacy_nets.train.evaluate import resolve_settings

    settings = resolve_settings(open_checkpoint(prefix), net, checkpoint.changes)
    job = ScoreJob(settings, prefix, checkpoint.ema, choice, batch_size, top, format_name, output)
    announce = functools.partial(say, err=True)
    if address is None:
        summary = score_shards(job, inputs.shards, announce=announce)
    else:
        from legacy_nets.score.on_ray import RayShards

        with open_cluster(address, workers):
            summary = score_shards(job, inputs.shards, RayShards(workers), announce)
    for name, reason in list(summary.failures.items())[:5]:
        say(f"failed: {name}: {reason}", err=True)
    agreement = summary.header["agreement"]
    if agreement:
        say(f"{summary.header['precision']} by {summary.header['engine']}: {agreement}")
    click.echo(f"{summary.describe()}{_('; ')}{output / SUMMARY}")
    if summary.failures:
        click.get_current_context().exit(1)


def _print_notes(inputs: Inputs, net: str, channels: int) -> None:
    """Says what is not scored as it is."""
    if inputs.others:
        names = list_first([str(path) for path in inputs.others])
        say(f"neither TFRecords nor pictures, passed over: {names}", err=True)
    if channels == 1:
        say(f"colour pictures, if any, are made grey: {net} takes 1 channel", err=True)
