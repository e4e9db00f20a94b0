"""The registry: one record per net, and the three functions that everybody walks it with.

Reading the registry imports no TensorFlow; ``build`` does.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import importlib
import inspect
from typing import Any

from legacy_nets.errors import BadInputError, find_nearest


@dataclasses.dataclass(frozen=True)
class Net:
    """What one net is. ``pixels`` names the preprocessing (``legacy_nets.data.preprocessing``)."""

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
    aux_weight: float = 0.4  # of each auxiliary head's loss
    layouts: tuple[str, ...] = ()  # names of nets/weights/layouts.py: WeightLayout

    @property
    def module(self) -> str:
        """The file under legacy_nets.nets that builds the net."""
        return self.builder.split(":")[0]

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
    *(
        Net(
            name=name,
            document="000",
            builder=f"video_resnet_18:{name}",
            image_size=(16, 112, 112),
            channels=3,
            pixels="kinetics",
            classes=400,
            label_offset=0,
            heads=("logits",),
            parameters=parameters,
            scope=name,
            errata=("000-E15", "000-E16"),
            layouts=("torch",),
        )
        for name, parameters in (
            ("r2plus1d_18", 31_505_325),
            ("r3d_18", 33_371_472),
            ("mc3_18", 11_695_440),
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
        builder="inception_v3:inception_v3",
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
            builder=f"resnet_v2:resnet_v2_{depth}",
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
    Net(
        name="demo_cnn",
        document="004",
        builder="demo_cnn:demo_cnn",
        image_size=(28, 28),
        channels=1,
        pixels="unit",
        classes=10,
        label_offset=0,
        heads=("logits",),
        parameters=2_770_634,
        scope="my_model",
        errata=("004-E01", "004-E16", "004-E29"),
    ),
    *(
        Net(
            name=name,
            document="004",
            builder=f"alexnet:{name}",
            image_size=(224, 224),
            channels=3,
            pixels="unit",
            classes=1000,
            label_offset=0,
            heads=("logits",),
            parameters=parameters,
            scope=scope,
            errata=tuple(
                f"004-E{number:02d}"
                for number in sorted((2, 9, *range(11, 17), 29, 39, 40, 43, *more))
            ),
            layouts=layouts,
        )
        for name, scope, parameters, layouts, more in (
            ("alexnet_v1", "", 16_630_440, (), ()),  # Keras' names are the graph's
            ("alexnet_v2", "alex_net_v2", 5_925_672, ("keras",), (8, 10)),
        )
    ),
    *(
        Net(
            name=f"vgg{depth}",
            document="004",
            builder=f"vgg:vgg{depth}",
            image_size=(224, 224),
            channels=3,
            pixels="unit",
            classes=1000,
            label_offset=0,
            heads=("logits",),
            parameters=parameters,
            scope="",
            errata=tuple(f"004-E{number:02d}" for number in (2, 14, 16, 29, 41, 42, 48)),
            layouts=("torch", "keras"),
        )
        for depth, parameters in (
            (11, 132_863_336),
            (13, 133_047_848),
            (16, 138_357_544),
            (19, 143_667_240),
        )
    ),
    Net(
        name="googlenet",
        document="004",
        builder="googlenet:googlenet",
        image_size=(224, 224),
        channels=3,
        pixels="unit",
        classes=1000,
        label_offset=0,
        heads=("logits", "aux_1", "aux_2"),
        aux_weight=0.3,
        parameters=13_378_280,  # without the auxiliary heads: 6,998,552
        scope="",
        errata=tuple(f"004-E{number:02d}" for number in (6, 7, *range(17, 22), 29, 48)),
        layouts=("keras", "keras_tf", "keras_no_aux", "keras_tf_no_aux"),
    ),
    *(
        Net(
            name=f"resnet{depth}",
            document="004",
            builder=f"resnet_sizes:resnet{depth}",
            image_size=(224, 224),
            channels=3,
            pixels="vgg",
            classes=1000,
            label_offset=0,
            heads=("logits",),
            parameters=parameters,
            scope="",
            errata=(
                *("004-E01", "004-E03", "004-E04", "004-E06", "004-E14", "004-E16"),
                *(f"004-E{number:02d}" for number in range(22, 30)),
                *(("004-E47",) if depth == 50 else ()),
            ),
            layouts=(
                *("torch", "keras_h5", "keras_tf", "keras_transfer"),
                *(("slim",) if depth >= 50 else ()),
            ),
        )
        for depth, parameters in (
            (18, 11_689_512),
            (34, 21_797_672),
            (50, 25_557_032),
            (101, 44_549_160),
            (152, 60_192_808),
        )
    ),
    *(
        Net(
            name=name,
            document="004",
            builder=f"{module}:{name}",
            image_size=(224, 224),
            channels=3,
            pixels=pixels,
            classes=1000,
            label_offset=0,
            heads=("logits",),
            parameters=parameters,
            scope="",
            errata=errata,
            layouts=("torch",),
        )
        for name, module, pixels, parameters, errata in (
            *(
                (name, "resnext", "imagenet", parameters, ("004-E24", "004-E46"))
                for name, parameters in (
                    ("resnext50_32x4d", 25_028_904),
                    ("resnext101_32x4d", 44_177_704),
                )
            ),
            *(
                (name, module, "inception", parameters, ("004-E44", "004-E46"))
                for name, module, parameters in (
                    ("mobilenet_v1", "mobilenet", 4_231_976),
                    ("mobilenet_v2", "mobilenet", 3_504_872),
                    ("mobilenet_v3_small", "mobilenet_v3", 2_542_856),
                    ("mobilenet_v3_large", "mobilenet_v3", 5_483_032),
                )
            ),
        )
    ),
    *(
        Net(
            name=name,
            document="004",
            builder=f"vit_sizes:{name}",
            image_size=(224, 224),
            channels=3,
            pixels="inception",  # of the weights; the document has no code that feeds the net
            classes=21843,
            label_offset=0,
            heads=("logits",),
            parameters=parameters,
            scope=scope,
            errata=("004-E05", *(f"004-E{number:02d}" for number in (*range(30, 39), 45))),
            layouts=("npz", "torch"),
        )
        for name, scope, parameters in (
            ("vit_base_patch16_224_in21k", "ViT-B_16", 103_186_515),
            ("vit_base_patch32_224_in21k", "ViT-B_32", 104_843_091),
            ("vit_large_patch16_224_in21k", "ViT-L_16", 326_740_307),
            ("vit_large_patch32_224_in21k", "ViT-L_32", 328_949_075),
            ("vit_huge_patch14_224_in21k", "ViT-H_14", 660_385_363),
        )
    ),
    Net(
        name="vit_hybrid_r50_base_224",
        document="004",
        builder="vit_hybrid:vit_hybrid_r50_base_224",
        image_size=(224, 224),
        channels=3,
        pixels="inception",
        classes=1000,
        label_offset=0,
        heads=("logits",),
        parameters=98_659_112,
        scope="R50_ViT-B_16",
        errata=("004-E30", "004-E31", "004-E45", "004-E46"),
        layouts=("npz", "torch"),
    ),
)


SET_BY_COMMANDS = ("num_classes", "is_training", "reuse")  # no --option; build takes them
_KINDS = {  # of an option, as annotated -> in a user's words
    **{"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text"},
    "None": "null",
}


def list_nets(pattern: str = "*") -> list[str]:
    """Names of the nets that match a shell pattern, in the order of the documents."""
    return [net.name for net in _NETS if fnmatch.fnmatchcase(net.name, pattern)]


def get_net(name: str) -> Net:
    """The record of one net. Raises BadInputError that offers the nearest names."""
    for net in _NETS:
        if net.name == name:
            return net
    near = find_nearest(name, list_nets())
    raise BadInputError(
        f"no net is called {name!r}; nearest: {', '.join(near)} (all: legacy-nets nets)"
    )


def build(name: str, images: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Builds a net in the current graph: ``(logits, end_points)``.

    Args:
      name: a name of ``list_nets()``.
      images: float tensor [N, H, W, C], or [N, T, H, W, C] for a net that takes clips;
        preprocessed as ``get_net(name).pixels`` says.
      **options: what the net's function takes (``num_classes``, ``is_training``, ...).

    slim nets open their own arg_scope, so that batch norm cannot be forgotten.

    Raises BadInputError for an unknown net, an option that its function does not take, or a value
    of another kind than it takes.
    """
    function = get_net(name).load()
    taken = dict(list(inspect.signature(function).parameters.items())[1:])
    for option in options:
        if option not in taken:
            own = [
                known
                for known, parameter in taken.items()
                if known not in SET_BY_COMMANDS and "Callable" not in str(parameter.annotation)
            ]
            raise BadInputError(f"{name} takes no option {option!r}; it takes {', '.join(own)}")
    checked = {option: _of_kind(name, taken[option], value) for option, value in options.items()}
    return function(images, **checked)


def _of_kind(name: str, parameter: inspect.Parameter, value: Any) -> Any:
    """An option's value; a whole number as float, where its function states float.

    Raises BadInputError for a plain value of another kind than is stated.
    """
    kinds = [kind.strip() for kind in str(parameter.annotation).split("|")]
    if not set(kinds) <= _KINDS.keys() or hasattr(value, "dtype"):  # Any; a tensor
        return value
    whole = isinstance(value, int) and not isinstance(value, bool)
    fits = {
        "bool": isinstance(value, int) and value in (0, 1),
        "int": whole,
        "float": whole or isinstance(value, float),
        "str": isinstance(value, str),
        "None": value is None,
    }
    if not any(fits[kind] for kind in kinds):
        raise BadInputError(
            f"{name}: option {parameter.name} takes {' or '.join(_KINDS[kind] for kind in kinds)}, "
            f"not {value!r} (default: {parameter.default!r})"
        )
    return float(value) if whole and "float" in kinds else value
