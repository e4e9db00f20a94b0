"""``legacy-nets predict``: classes and probabilities of images, or features of them."""

from __future__ import annotations

import csv
import glob
import json
import os
import pathlib
import sys
from collections.abc import Sequence

import click
import numpy as np

from legacy_nets import registry
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.inference.scoring import (
    FastCommand,
    check_options,
    choose_device,
    fast_options,
    print_note,
    score,
)
from legacy_nets.cli.options import (
    CheckpointOptions,
    FilePath,
    checkpoint_options,
    device_option,
    open_checkpoint,
    open_device,
)
from legacy_nets.data.clips import count_frames, read_clip
from legacy_nets.data.image_files import (
    MAX_SHOWN,
    describe_unread,
    detect_colour_mode,
    list_images,
)
from legacy_nets.data.preprocessing import read_picture, resize_picture
from legacy_nets.data.splits import FileSplit, PictureLoader
from legacy_nets.engines.fast import Choice
from legacy_nets.errors import BadInputError
from legacy_nets.files import is_special, replace_on_success
from legacy_nets.language.lines import say
from legacy_nets.score.rows import Row, list_cells, make_header, rank_classes
from legacy_nets.sigterm import end_on_sigterm
from legacy_nets.types import Array, Shape


@click.command(cls=FastCommand)
@click.argument("net", shell_complete=complete_net)
@checkpoint_options
@device_option
@click.argument("images", nargs=-1, required=True, type=FilePath())
@click.option(
    "--top",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Number of classes to print per image.",
)
@click.option("--json", "as_json", is_flag=True, help="All classes as JSON.")
@click.option(
    "--csv",
    "csv_file",
    type=FilePath(path_type=pathlib.Path),
    help="File for the --top classes of each image, in place of printing them.",
)
@click.option(
    "--features", metavar="END_POINT", help="End point to write to --out in place of classes."
)
@click.option("--out", type=FilePath(path_type=pathlib.Path), help="File for --features: an .npz.")
@fast_options
@end_on_sigterm()
def predict(
    net: str,
    checkpoint: CheckpointOptions,
    images: tuple[str, ...],
    top: int,
    as_json: bool,
    device: str,
    csv_file: pathlib.Path | None,
    features: str | None,
    out: pathlib.Path | None,
    choice: Choice | None,
) -> None:
    """Predict the classes of IMAGES; or write an inner layer's features.

    IMAGES are files, folders (with their sub-folders), patterns in quotes, or "-" for a list of
    paths on standard input. A file may be JPEG, PNG, BMP, GIF, PPM, TIFF, WebP, AVIF or another
    format that Pillow reads. Images that cannot be read are passed over and counted. For a net that
    takes video clips, IMAGES are videos (MP4, AVI, MOV, WebM, GIF) or folders of frames.

    \b
    legacy-nets predict hand_signs --checkpoint run photo.jpg
    legacy-nets predict hand_signs --checkpoint run photos/ --csv classes.csv
    legacy-nets predict inception_v3 --checkpoint inception_v3.ckpt --label-offset 1 \\
        --features Mixed_6e --out features.npz photo.jpg
    """
    record = registry.get_net(net)
    _check_outputs(as_json, csv_file, features, out, choice)
    prefix = checkpoint.find()
    takes_clips = len(record.image_size) == 3
    paths = find_images(images, takes_clips)
    device_line = open_device(choose_device(device, choice))
    from legacy_nets.train import evaluate as evaluation

    source = open_checkpoint(prefix)
    settings = evaluation.resolve_settings(source, net, checkpoint.changes)
    check_options(settings, source, checkpoint, features)
    reading = Reading(record.channels)
    if takes_clips:
        _note_short_clips(paths, settings.image_size[0])
    else:
        reading.check_headers(paths)
    split = _make_split(paths, reading.load_clip if takes_clips else reading.load)
    preprocessing = settings.preprocessing or record.preprocessing
    split = split.resize(preprocessing, settings.image_size, record.channels)
    unit = "clips" if takes_clips else "images"
    scores = score(settings, prefix, checkpoint.ema, choice, split, unit, features)
    say(device_line, err=True)
    if reading.colour_pictures:
        say(f"colour pictures are made grey: {net} takes 1 channel", err=True)
    readable = reading.report_unreadable(paths, unit)
    names = tuple(str(path) for path, kept in zip(paths, readable, strict=True) if kept)
    values = scores.values[readable]
    if features is not None and out is not None:
        _write_features(features, values, names, out)
    elif csv_file is not None:
        _write_csv(names, values, settings.class_names, top, csv_file)
    else:
        _print_classes(names, values, settings.class_names, top, as_json)
    print_note(scores)


def _check_outputs(
    as_json: bool,
    csv_file: pathlib.Path | None,
    features: str | None,
    out: pathlib.Path | None,
    choice: Choice | None,
) -> None:
    """Raises BadInputError for options that exclude each other, or a folder that is not there."""
    if choice is not None and features is not None:
        raise BadInputError("--features is an end point of the plain graph: leave out --fast")
    if (features is None) != (out is None):
        raise BadInputError("--features and --out go together: which end point, and where to")
    for option, file in (("--out", out), ("--csv", csv_file)):
        if file is not None and not file.parent.is_dir():
            raise BadInputError(f"{option} {file}: {file.parent} is no folder; make it first")
        if file is not None and file.is_dir():
            raise BadInputError(f"{option} {file} is a folder: name a file")
        if file is not None and not (is_special(file) or os.access(file.parent, os.W_OK)):
            raise BadInputError(
                f"{option} {file}: no permission to write in {file.parent}; name another folder"
            )
    if (features is not None) + (csv_file is not None) + as_json > 1:
        raise BadInputError("--json, --csv and --features exclude each other: choose one")


def _note_short_clips(paths: Sequence[pathlib.Path], frames: int) -> None:
    """Says which clips are shorter than the net's."""
    for path in paths:
        try:
            count = count_frames(path)
        except BadInputError:
            continue  # it is counted when it is read
        if count < frames:
            say(
                f"{path} has fewer than {frames} frames ({count}): they are repeated evenly",
                err=True,
            )


def find_images(given: Sequence[str], takes_clips: bool) -> tuple[pathlib.Path, ...]:
    """Finds the images of files, folders, patterns and "-" (paths on standard input), in order.

    A folder is a clip where the net takes clips. Raises BadInputError where one gives no image,
    or is not there.
    """
    paths: list[pathlib.Path] = []
    for text in given:
        path = pathlib.Path(text)
        found = [path]
        if text == "-":
            lines = sys.stdin.read().splitlines()
            found = [pathlib.Path(line) for line in lines if line.strip()]
        elif path.is_dir() and not takes_clips:
            found = list_images(path)
            for note in describe_unread(path):
                say(note, err=True)
        elif not path.exists() and any(mark in text for mark in "*?["):
            found = sorted(map(pathlib.Path, glob.glob(text, recursive=True)))
        if not found:
            raise BadInputError(f"no image in {'standard input' if text == '-' else text}")
        paths += found
    for path in paths:
        if not path.exists():  # the readers' own error
            count_frames(path) if takes_clips else detect_colour_mode(path)
    return tuple(paths)


class Reading:
    """Reads images or clips as the net runs over them; counts those that cannot be read."""

    def __init__(self, channels: int) -> None:
        self.channels = channels  # of the net
        self.colour_pictures: list[pathlib.Path] = []  # where the net takes grey ones
        self.problems: dict[pathlib.Path, str] = {}

    def check_headers(self, paths: Sequence[pathlib.Path]) -> None:
        """Says which images are converted to RGB."""
        converted = []
        for path in paths:
            try:
                mode = detect_colour_mode(path, decode=False)
            except BadInputError:
                continue  # it is counted when it is read
            if mode and self.channels == 3:
                converted.append(f"{path}: {mode} image, converted to 8-bit RGB")
        for line in converted[:MAX_SHOWN]:
            say(line, err=True)
        if len(converted) > MAX_SHOWN:
            say(f"and {len(converted) - MAX_SHOWN} more images converted", err=True)

    def load(self, path: pathlib.Path, preprocessing: str, size: Shape, channels: int) -> Array:
        """Loads a picture at the net's size; zeros for one that cannot be read."""
        try:
            picture = read_picture(path)
        except BadInputError as error:
            self.problems[path] = str(error)
            return np.zeros((*size, channels), np.float32)
        if channels == 1 and (picture != picture[..., :1]).any():
            self.colour_pictures.append(path)
        return resize_picture(picture, preprocessing, size, channels)

    def load_clip(
        self, path: pathlib.Path, preprocessing: str, size: Shape, channels: int
    ) -> Array:
        """Loads a clip at the net's size; zeros for one that cannot be read."""
        try:
            return read_clip(path, preprocessing, size, channels)
        except BadInputError as error:
            self.problems[path] = str(error)
            return np.zeros((*size, channels), np.float32)

    def report_unreadable(self, paths: Sequence[pathlib.Path], unit: str) -> Array:
        """Says how many images or clips could not be read; returns which could, bool [N].

        Raises BadInputError where none could.
        """
        readable = np.array([path not in self.problems for path in paths])
        if self.problems:
            first = next(self.problems[path] for path in paths if path in self.problems)
            if not readable.any():
                raise BadInputError(first)
            passed_over = int((~readable).sum())
            say(f"passed over {passed_over} of {len(paths)} {unit}; {first}", err=True)
        return readable


def _make_split(paths: tuple[pathlib.Path, ...], load: PictureLoader) -> FileSplit:
    """Makes an exact split of files without labels."""
    return FileSplit(paths, np.zeros(len(paths), np.int64), load, exact=True)


def _write_features(
    end_point: str, values: Array, images: tuple[str, ...], out: pathlib.Path
) -> None:
    """Writes an end point [N, ...] and the paths of the images to an .npz file."""
    arrays = {end_point: values, "images": np.array(images)}
    with replace_on_success(out) as unfinished, open(unfinished, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub takes a flag, too
    line = f"{end_point} {values.shape} {values.dtype} of {len(images)} images in {out}"
    say(line, err=is_special(out))  # it may be the output


def _write_csv(
    images: tuple[str, ...],
    probabilities: Array,
    names: tuple[str, ...],
    top: int,
    file: pathlib.Path,
) -> None:
    """Writes the ``top`` classes of each image: image, class_1, probability_1, class_2 …"""
    top = min(top, len(names))
    with (
        replace_on_success(file) as unfinished,
        open(unfinished, "w", encoding="utf-8", errors="replace", newline="") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(make_header(top))
        for path, row in zip(images, probabilities, strict=True):
            writer.writerow(list_cells(Row(path, rank_classes(row, names, top))))
    say(f"classes of {len(images)} images in {file}", err=is_special(file))


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
        ranked = rank_classes(row, names, top)
        click.echo(f"{path}: " + "  ".join(f"{name} {value:.4f}" for name, value in ranked))
