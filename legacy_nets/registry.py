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
    image_size: tuple[int, ...]  # (height, width) of the document; clips: (frames, height, width)
    channels: int
    pixels: str
    classes: int
    label_offset: int  # 1 where class 0 of the published weights is "background"
    heads: tuple[str, ...]  # end points that give one score per class
    parameters: int  # trainable parameters at the sizes above
    scope: str  # outermost variable scope, "" where the document opens none
    errata: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ()  # foreign weights: "torch" -> torch_names(name) of the module

    def load(self) -> Any:
        """Imports the net's module (and TensorFlow) and returns its function."""
        module, function = self.builder.split(":")
        return getattr(importlib.import_module(f"legacy_nets.nets.{module}"), function)


_NETS = (
    *(
        Net(
            name=name,
            document="000",
            builder=f"{module}:{name}",
            image_size=size,
            channels=channels,
            pixels="unit",
            classes=10,
            label_offset=0,
            heads=("logits",),
            parameters=parameters,
            scope="",
            errata=tuple(f"000-E{number:02d}" for number in range(1, 19)),
        )
        for name, module, size, channels, parameters in (
            ("cnn_lstm", "cnn_lstm", (28, 28), 1, 5_892_266),
            ("cnn_lstm_resnet", "cnn_lstm", (28, 28), 1, 12_711_082),
            ("resnet_3d", "video_resnet", (16, 112, 112), 3, 41_818_634),
            ("resnet_2plus1d", "video_resnet", (16, 112, 112), 3, 2_620_170),
            ("resnet_3d_2plus1d", "video_resnet", (16, 112, 112), 3, 46_029_898),
        )
    ),
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
    Net(
        name="inception_v3",
        document="002",
        builder="inception_v3:build",
        image_size=(299, 299),
        channels=3,
        pixels="inception",
        classes=1000,  # the document; 1001 in the published checkpoint, which label_offset is for
        label_offset=1,
        heads=("logits", "AuxLogits"),
        parameters=27_143_152,
        scope="InceptionV3",
        errata=tuple(f"002-E{number:02d}" for number in range(1, 30)),
    ),
    *(
        Net(
            name=f"resnet_v2_{depth}",
            document="003",
            builder=f"resnet_v2:build_{depth}",
            image_size=(224, 224),  # the published weights: 299
            channels=3,
            pixels="inception",
            classes=1000,  # the document; 1001 in the published checkpoints (label_offset)
            label_offset=1,
            heads=("logits",),
            parameters=parameters,
            scope=f"resnet_v2_{depth}",
            errata=tuple(f"003-E{number:02d}" for number in range(1, 19)),
        )
        for depth, parameters in (
            (50, 25_568_360),
            (101, 44_577_896),
            (152, 60_236_904),
            (200, 64_726_120),
        )
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


def get_image_net(name: str) -> Net:
    """As ``get_net``, for what takes colour images only. Raises BadInputError for other nets."""
    net = get_net(name)
    if len(net.image_size) != 2 or net.channels != 3:
        kind = "clips" if len(net.image_size) == 3 else "images"
        size = "x".join(str(side) for side in (*net.image_size, net.channels))
        raise BadInputError(
            f"{name} takes {kind} of {size}: train, evaluate and predict take colour images only "
            "so far; build it with legacy_nets.build"
        )
    return net


def build(name: str, images: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Builds a net in the current graph: ``(logits, end_points)``.

    Args:
      name: a name of ``list_nets()``.
      images: float tensor [N, H, W, C], or [N, T, H, W, C] for a net that takes clips;
        preprocessed as ``get_net(name).pixels`` says.
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
