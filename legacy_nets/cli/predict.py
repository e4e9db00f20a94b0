"""``legacy-nets predict``: classes and probabilities of images, or features of them."""

from __future__ import annotations

import json
import pathlib

import click
import numpy as np

from legacy_nets import registry
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.options import CheckpointOptions, checkpoint_options, print_notes
from legacy_nets.data.clips import count_frames, read_clip
from legacy_nets.data.image_files import detect_colour_mode
from legacy_nets.data.preprocessing import read_picture, resize_picture
from legacy_nets.data.splits import FileSplit, PictureLoader
from legacy_nets.errors import BadInputError
from legacy_nets.files import replace_on_success
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.types import Array, Shape


@click.command()
@click.argument("net", shell_complete=complete_net)
@checkpoint_options
@click.argument("images", nargs=-1, required=True, type=click.Path())
@click.option(
    "--top",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Number of classes to print per image.",
)
@click.option("--json", "as_json", is_flag=True, help="All classes as JSON.")
@click.option(
    "--features", metavar="END_POINT", help="End point to write to --out in place of classes."
)
@click.option(
    "--out", type=click.Path(path_type=pathlib.Path), help="File for --features: an .npz."
)
def predict(
    net: str,
    checkpoint: CheckpointOptions,
    images: tuple[str, ...],
    top: int,
    as_json: bool,
    features: str | None,
    out: pathlib.Path | None,
) -> None:
    """Predict the classes of PNG or JPEG IMAGES; or write an inner layer's features.

    For a net that takes video clips, IMAGES are videos or folders of frames.

    \b
    legacy-nets predict hand_signs --checkpoint run photo.jpg
    legacy-nets predict inception_v3 --checkpoint inception_v3.ckpt --label-offset 1 \\
        --features Mixed_6e --out features.npz photo.jpg
    """
    record = registry.get_net(net)
    if (features is None) != (out is None):
        raise BadInputError("--features and --out go together: which end point, and where to")
    if out is not None and not out.parent.is_dir():
        raise BadInputError(f"--out {out}: {out.parent} is no folder; make it first")
    prefix = checkpoint.find()
    paths = tuple(map(pathlib.Path, images))
    clip_lengths = {}
    colour_pictures: list[pathlib.Path] = []
    if len(record.image_size) == 3:
        clip_lengths = {path: count_frames(path) for path in paths}
        split = _make_split(paths, read_clip)
    else:
        split = _make_image_split(record, paths, colour_pictures)
    quiet_tensorflow(uses_onednn=True)
    from legacy_nets.train import evaluate as evaluation

    print_notes(prefix)
    settings = evaluation.resolve_settings(prefix, net, checkpoint.changes)
    frames = settings.image_size[0]
    for path, count in clip_lengths.items():
        if count < frames:
            click.echo(
                f"{path} has fewer than {frames} frames ({count}): they are repeated evenly",
                err=True,
            )
    preprocessing = settings.preprocessing or record.preprocessing
    split = split.resize(preprocessing, settings.image_size, record.channels)
    with evaluation.restore_net(settings, prefix, checkpoint.ema) as (graph, session, _):
        fetch = None if features is None else evaluation.get_end_point(graph, features)
        values = graph.score(session, split, fetch)
    if colour_pictures:
        click.echo(f"colour pictures are made grey: {net} takes 1 channel", err=True)
    if features is not None and out is not None:
        _write_features(features, values, images, out)
    else:
        _print_classes(images, values, settings.class_names, top, as_json)


def _make_split(paths: tuple[pathlib.Path, ...], load: PictureLoader) -> FileSplit:
    """Makes an exact split of files without labels."""
    return FileSplit(paths, np.zeros(len(paths), np.int64), load, exact=True)


def _make_image_split(
    net: registry.Net, paths: tuple[pathlib.Path, ...], colour_pictures: list[pathlib.Path]
) -> FileSplit:
    """Makes a split of images; they are decoded when the net runs over them.

    Raises BadInputError at once for a file that is no image. For a net with one channel, loading
    adds pictures with colours to ``colour_pictures``.
    """
    for path in paths:
        mode = detect_colour_mode(path, decode=False)
        if mode and net.channels == 3:
            click.echo(f"{path}: {mode} image, converted to 8-bit RGB", err=True)

    def load(path: pathlib.Path, preprocessing: str, size: Shape, channels: int) -> Array:
        picture = read_picture(path)
        if channels == 1 and (picture != picture[..., :1]).any():
            colour_pictures.append(path)
        return resize_picture(picture, preprocessing, size, channels)

    return _make_split(paths, load)


def _write_features(
    end_point: str, values: Array, images: tuple[str, ...], out: pathlib.Path
) -> None:
    """Writes an end point [N, ...] and the paths of the images to an .npz file."""
    arrays = {end_point: values, "images": np.array(images)}
    with replace_on_success(out) as unfinished, open(unfinished, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub takes a flag, too
    click.echo(f"{end_point} {values.shape} {values.dtype} of {len(images)} images in {out}")


def _print_classes(
    images: tuple[str, ...],
    probabilities: Array,
    names: tuple[str, ...],
    top: int,
    as_json: bool,
) -> None:
    """Prints the ``top`` classes of each image, or all of them as JSON; [N, classes]."""
    if as_json:
        rows = [
            {
                "image": path,
                "class": names[int(row.argmax())],
                "probabilities": dict(zip(names, row.tolist(), strict=True)),
            }
            for path, row in zip(images, probabilities, strict=True)
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    for path, row in zip(images, probabilities, strict=True):
        ranked = np.argsort(-row)[:top]
        click.echo(f"{path}: " + "  ".join(f"{names[int(i)]} {row[i]:.4f}" for i in ranked))
