"""The registry: one record per net, and the three functions that everybody walks it with.

Reading the registry imports no TensorFlow; ``build`` does.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import importlib
import inspect
from typing import Any

from legacy_nets.errors import BadInputError


@dataclasses.dataclass(frozen=True)
class Net:
    """What one net is. ``pixels`` names the preprocessing (``legacy_nets.data.pixels``)."""

    name: str
    document: str  # first three digits of the tutorial document
    builder: str  # "module:function" under legacy_nets.nets
    image_size: tuple[int, ...]  # (height, width) that the document uses
    channels: int
    pixels: str
    classes: int
    label_offset: int  # 1 where class 0 of the published weights is "background"
    heads: tuple[str, ...]  # end points that give one score per class
    parameters: int  # trainable parameters at the sizes above
    scope: str  # outermost variable scope, "" where the document opens none
    errata: tuple[str, ...] = ()

    def load(self) -> Any:
        """Imports the net's module (and TensorFlow) and returns its function."""
        module, function = self.builder.split(":")
        return getattr(importlib.import_module(f"legacy_nets.nets.{module}"), function)


_NETS = (
    Net(
        name="hand_signs",
        document="001",
        builder="hand_signs:hand_signs",
        image_size=(64, 64),
        channels=3,
        pixels="unit",
        classes=6,
        label_offset=0,
        heads=("logits",),
        parameters=23_603_108,
        scope="reference",
        errata=tuple(f"001-E{number:02d}" for number in range(1, 25)),
    ),
)


def list_nets(pattern: str = "*") -> list[str]:
    """Names of the nets that match a shell pattern, in the order of the documents."""
    return [net.name for net in _NETS if fnmatch.fnmatchcase(net.name, pattern)]


def get_net(name: str) -> Net:
    """The record of one net. Raises BadInputError that offers the nearest names."""
    for net in _NETS:
        if net.name == name:
            return net
    near = difflib.get_close_matches(name, list_nets(), n=3, cutoff=0.4) or list_nets()[:3]
    raise BadInputError(
        f"no net is called {name!r}; nearest: {', '.join(near)} (all: legacy-nets nets)"
    )


def build(name: str, images: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Builds a net in the current graph: ``(logits, end_points)``.

    Args:
      name: a name of ``list_nets()``.
      images: float tensor [N, H, W, C], preprocessed as ``get_net(name).pixels`` says.
      **options: what the net's function takes (``num_classes``, ``is_training``, ...).

    slim nets open their own arg_scope, so that batch norm cannot be forgotten.

    Raises BadInputError for an unknown net, or an option that its function does not take.
    """
    function = get_net(name).load()
    taken = list(inspect.signature(function).parameters)[1:]
    for option in options:
        if option not in taken:
            raise BadInputError(f"{name} takes no option {option!r}; it takes {', '.join(taken)}")
    return function(images, **options)
