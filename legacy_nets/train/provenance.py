"""The settings that a checkpoint was trained with.

They come from the metadata that ``port`` wrote into the file, else from its model folder. The file
may be untrusted: everything that is taken from its metadata is checked here, or by the registry
when the net is built. Imports no TensorFlow, except for a net with foreign weight layouts.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from legacy_nets.checkpoints.source import Source
from legacy_nets.data.preprocessing import PREPROCESSINGS
from legacy_nets.errors import BadInputError
from legacy_nets.nets.weights.translate_for_net import find_head_options, get_layout_options
from legacy_nets.registry import Net
from legacy_nets.train.settings import Settings, load_settings, resize_input
from legacy_nets.types import Shape

_WRITER = "legacy_nets "  # how the metadata of ``port`` begin to name their writer
_MAX_NUMBER = 1 << 20  # classes, or pixels of a side


def read_recorded_settings(source: Source, net: Net) -> Settings | None:
    """Reads the settings that ``port`` recorded in a weight file.

    They are ``num_classes``, ``label_offset``, ``image_size``, ``preprocessing``, ``options`` and
    ``class_names`` (() where none are recorded); the other settings have their defaults. Returns
    None where the file records nothing, or another net.

    Raises BadInputError that names the file where the metadata are damaged.
    """
    metadata = source.metadata
    if metadata.get("net") != net.name or not str(metadata.get("writer")).startswith(_WRITER):
        return None
    sides = net.image_size
    # Files of older versions call the preprocessing "pixels".
    key = "preprocessing" if "preprocessing" in metadata else "pixels"
    classes, offset = metadata.get("num_classes"), metadata.get("label_offset")
    size, preprocessing = metadata.get("image_size"), metadata.get(key)
    options, names = metadata.get("options"), metadata.get("class_names", [])

    def make_error(name: str, expected: str) -> BadInputError:
        return BadInputError(
            f"{source.prefix}: its metadata are damaged: {name} is "
            f"{str(metadata.get(name))[:60]!r}, not {expected}; port it again"
        )

    if not _is_whole_number(classes, 1):
        raise make_error("num_classes", "a whole number above 0")
    if not _is_whole_number(offset, 0):
        raise make_error("label_offset", "a whole number")
    if not _is_image_size(size, sides):
        raise make_error("image_size", f"{len(sides)} sides that fit here")
    if not isinstance(preprocessing, str) or preprocessing not in PREPROCESSINGS:
        raise make_error(key, f"one of these: {', '.join(PREPROCESSINGS)}")
    if not isinstance(options, Mapping):
        raise make_error("options", "a table")
    if not _are_class_names(names, classes):
        raise make_error("class_names", f"{classes} texts")
    return Settings(
        net.name,
        classes,
        tuple(size),
        class_names=tuple(names),
        label_offset=offset,
        preprocessing=preprocessing,
        options={**find_head_options(source, net), **options},
    )


def read_training_settings(checkpoint: str, net: Net, recorded: Settings | None) -> Settings | None:
    """Returns the settings recorded in the checkpoint, else those of its model folder, else None.

    Raises BadInputError for a checkpoint of another net.
    """
    if recorded is not None:
        return recorded
    settings = load_settings(pathlib.Path(checkpoint).parent)
    if settings is not None and settings.net != net.name:
        raise BadInputError(
            f"{checkpoint} is a checkpoint of {settings.net}, not of {net.name}: name the net "
            f"{settings.net}"
        )
    return settings


@contextlib.contextmanager
def name_file_in_errors(source: Source, net: Net) -> Iterator[None]:
    """Names the file in an error of building a net, where the file records the settings."""
    try:
        yield
    except BadInputError as error:
        if read_recorded_settings(source, net) is None:
            raise
        raise BadInputError(f"{source.prefix}: {error}") from error


def read_training_options(source: Source, net: Net) -> dict[str, object]:
    """Reads the options of the net's function that the weights were trained with.

    They are those recorded in the file, else those that its layout needs. They include
    "preprocessing", unless it is the net's usual one.
    """
    recorded = read_recorded_settings(source, net)
    if recorded is None:
        options: dict[str, object] = dict(get_layout_options(source, net))
        return options
    if recorded.preprocessing == net.preprocessing:
        return dict(recorded.options)
    return {**recorded.options, "preprocessing": recorded.preprocessing}


def _is_whole_number(number: object, least: int) -> TypeGuard[int]:
    return type(number) is int and least <= number <= _MAX_NUMBER


def _is_image_size(size: object, sides: Shape) -> TypeGuard[list[int]]:
    """Whether it is a list of as many sides as the net's size has, for pictures that fit memory."""
    if not isinstance(size, list) or len(size) != len(sides):
        return False
    try:
        return all(_is_whole_number(side, 1) for side in size) and bool(
            resize_input(tuple(size), None, None)
        )
    except BadInputError:
        return False


def _are_class_names(names: object, classes: int) -> TypeGuard[list[str]]:
    """Whether it is a list of as many texts as there are classes, or an empty one."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return False
    return len(names) in (0, classes)
