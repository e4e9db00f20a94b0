"""Loads the examples of inputs that the ranges of integers are measured on."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from legacy_nets.data.clips import list_clips, read_clip
from legacy_nets.data.image_files import list_images, load_picture
from legacy_nets.data.preprocessing import IMAGE_FORMATS, scale_pixels
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.registry import Net
from legacy_nets.types import Array, Shape

MAX_EXAMPLES = 100  # that ranges are measured on
MAX_COMPARED = 8  # that both sides of a port run on
_Item = TypeVar("_Item")
Example = Mapping[str, Array]  # input -> value, with the batch axis


def load_pictures(folder: Path | None, net: Net, size: Shape, preprocessing: str) -> Array:
    """Loads pictures or clips of a folder, as a net takes them.

    Returns float32 [N, *size, channels]; N is 0 without a folder, and at most 100: those are
    taken evenly from all that are there.

    Raises BadInputError for a folder without pictures, or a picture that cannot be read.
    """
    if folder is None:
        return np.empty((0, *size, net.channels), np.float32)
    takes_clips = len(size) == 3
    paths = list_clips(folder) if takes_clips else list_images(folder)
    if not paths:
        formats = ", ".join(IMAGE_FORMATS)
        contents = "clips (videos or folders of frames)" if takes_clips else f"pictures ({formats})"
        raise BadInputError(f"--calibrate {folder}: no {contents} in it, which {net.name} takes")
    load = read_clip if takes_clips else load_picture
    pictures = np.stack(
        [load(path, preprocessing, size, net.channels) for path in choose_evenly(paths)]
    )
    return scale_pixels(pictures, preprocessing)


def load_arrays(folder: Path, shapes: Mapping[str, Sequence[int | None]]) -> list[Example]:
    """Loads the inputs of a graph: .npz files with an array for each, or .npy for the only one.

    Args:
      folder: the files; those in sub-folders are left out.
      shapes: input -> shape. Where all have an open first size, each row is an example.

    Raises BadInputError for a folder without arrays, or arrays that the inputs do not take.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".npz", ".npy"))
    if not paths:
        raise BadInputError(
            f"--calibrate {folder}: no .npz or .npy file in it; a graph of your own takes arrays "
            f"({', '.join(shapes)}) that are preprocessed"
        )
    has_rows = all(len(shape) and shape[0] is None for shape in shapes.values())
    examples: list[Example] = []
    for path in choose_evenly(paths):
        arrays = _read_arrays(path, shapes)
        examples += _split_rows(path, arrays) if has_rows else [arrays]
    if not examples:
        raise BadInputError(f"--calibrate {folder}: its arrays have no rows: write some examples")
    return choose_evenly(examples)


def join_examples(examples: Sequence[Example]) -> Example:
    """Joins examples of one row each to a batch; of others takes the first."""
    if any(len(value) != 1 for value in examples[0].values() if np.ndim(value)):
        return examples[0]
    chosen = examples[:MAX_COMPARED]
    return {name: np.concatenate([item[name] for item in chosen]) for name in examples[0]}


def choose_evenly(items: Sequence[_Item]) -> list[_Item]:
    """Chooses at most 100 items, at equal distances."""
    count = min(len(items), MAX_EXAMPLES)
    return [items[index * len(items) // count] for index in range(count)]


def _read_arrays(path: Path, shapes: Mapping[str, Sequence[int | None]]) -> dict[str, Array]:
    """Reads one file. Raises BadInputError where its arrays are not what the inputs take."""
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = dict(loaded) if path.suffix == ".npz" else dict.fromkeys(shapes, loaded)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInputError(
            f"--calibrate: {path} cannot be read ({join_lines(error)[:100]}): remove or replace it"
        ) from error
    if path.suffix == ".npy" and len(shapes) > 1:
        raise BadInputError(
            f"--calibrate: {path} is one array, the graph takes {', '.join(shapes)}: write an .npz"
        )
    for name, shape in shapes.items():
        if name not in arrays:
            raise BadInputError(
                f"--calibrate: {path} has no array {name!r} (it has {', '.join(arrays)}): name its "
                "arrays as the inputs"
            )
        if arrays[name].ndim == len(shape) - 1:
            arrays[name] = arrays[name][None]
        got = arrays[name].shape
        sizes = "x".join(map(str, got))
        if len(got) != len(shape) or any(
            side not in (None, size) for side, size in zip(shape, got, strict=True)
        ):
            wanted = "x".join("?" if side is None else str(side) for side in shape)
            raise BadInputError(f"--calibrate: {path}: {name} is {sizes}, the graph takes {wanted}")
    return {name: arrays[name] for name in shapes}


def _split_rows(path: Path, arrays: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """Yields each row as a batch of one. Raises BadInputError for inputs of different lengths."""
    lengths = {len(value) for value in arrays.values()}
    if len(lengths) > 1:
        raise BadInputError(
            f"--calibrate: {path}: its arrays have {sorted(lengths)} rows: write as many of each"
        )
    for row in range(lengths.pop()):
        yield {name: value[row : row + 1] for name, value in arrays.items()}
