"""What a checkpoint was trained as: by the metadata that ``port`` wrote, or by its model folder.

Imports no TensorFlow, unless a net's module must be asked. Metadata are a stranger's: all that is
taken from them is checked; their options, by the registry as the net is built.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from legacy_nets import registry
from legacy_nets.checkpoints.source import Source
from legacy_nets.data.preprocessing import KINDS
from legacy_nets.errors import BadInputError
from legacy_nets.nets.weights.translate_for_net import layout_options
from legacy_nets.train.settings import Settings, load_settings, resized

_WRITER = "legacy_nets "  # how the metadata of ``port`` begin to say who wrote them
_MOST = 1 << 20  # classes, or pixels of a side


def stated(source: Source, net: str) -> dict[str, Any]:
    """The settings that a weight file states of itself; {} where it does not, or of another net.

    They are ``num_classes``, ``label_offset``, ``image_size``, ``pixels``, ``options`` and
    ``class_names`` (() where it names none) of ``Settings``.

    Raises BadInputError that names the file where they are none.
    """
    said: Mapping[str, Any] = source.metadata
    if said.get("net") != net or not str(said.get("writer")).startswith(_WRITER):
        return {}
    like = registry.get_net(net).image_size
    classes, names = said.get("num_classes"), said.get("class_names", [])
    for name, right, what in (
        ("num_classes", _whole(classes, 1), "a whole number above 0"),
        ("label_offset", _whole(said.get("label_offset"), 0), "a whole number"),
        ("image_size", _is_size(said.get("image_size"), like), f"{len(like)} sides that fit here"),
        ("pixels", said.get("pixels") in KINDS, f"one of {', '.join(KINDS)}"),
        ("options", isinstance(said.get("options"), dict), "a table"),
        ("class_names", _are_names(names, classes), f"{classes} texts"),
    ):
        if not right:
            raise BadInputError(
                f"{source.prefix}: its metadata are damaged: {name} is "
                f"{str(said.get(name))[:60]!r}, not {what}; port it anew"
            )
    keys = ("num_classes", "label_offset", "pixels", "options")
    size = tuple(said["image_size"])
    return {name: said[name] for name in keys} | {"image_size": size, "class_names": tuple(names)}


def as_trained(checkpoint: str, net: str, own: dict[str, Any]) -> Settings | None:
    """What a checkpoint was trained as: as it states itself (``own``), else its model folder.

    None where neither does. Raises BadInputError for a checkpoint of another net.
    """
    if own:
        return Settings(net, **own)
    trained = load_settings(pathlib.Path(checkpoint).parent)
    if trained is not None and trained.net != net:
        raise BadInputError(f"{checkpoint} is a checkpoint of {trained.net}, not of {net}")
    return trained


@contextlib.contextmanager
def built_from(source: Source, net: str) -> Iterator[None]:
    """Where a net is built: an error bears the name of the file that states how."""
    try:
        yield
    except BadInputError as error:
        if not stated(source, net):
            raise
        raise BadInputError(f"{source.prefix}: {error}") from error


def trained_with(source: Source, net: str) -> dict[str, Any]:
    """Options (and "pixels", unless it is the net's usual) that weights were trained with.

    As the file states itself, else what its layout needs.
    """
    own = stated(source, net)
    if not own:
        return layout_options(source, net)
    usual = own["pixels"] == registry.get_net(net).preprocessing
    return {**own["options"], **({} if usual else {"pixels": own["pixels"]})}


def _whole(number: Any, least: int) -> bool:
    return type(number) is int and least <= number <= _MOST


def _is_size(size: Any, like: tuple[int, ...]) -> bool:
    """Whether it is a list of as many sides as the net's own size has, of pictures that fit."""
    if not isinstance(size, list) or len(size) != len(like):
        return False
    try:
        return all(_whole(side, 1) for side in size) and bool(resized(tuple(size), None, None))
    except BadInputError:
        return False


def _are_names(names: Any, classes: Any) -> bool:
    """Whether it is a list of as many texts as there are classes; an empty one names none."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return False
    return len(names) in (0, classes)
