"""Recipes: what ``train`` uses from scratch, and what the documents use. No TensorFlow.

DEFAULTS is what a net learns with on about a thousand pictures. RECIPES is batch size, Adam's
learning rate and epochs of document 004's train scripts. GoogLeNet has no script there; its recipe
is that of the code which the document links to. A net that the document does not train has
AlexNet's recipe.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import json
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from legacy_nets.data.augmentation import Augmentation
from legacy_nets.language import translate
from legacy_nets.language.lines import translate_line
from legacy_nets.registry import Net
from legacy_nets.train.settings import Settings


class Recipe(NamedTuple):
    """How a document trains a net."""

    batch_size: int
    learning_rate: float
    epochs: int


RECIPES = {  # by the beginning of a net's name
    "demo_cnn": Recipe(32, 1e-3, 5),
    "vgg": Recipe(32, 1e-4, 10),
    "googlenet": Recipe(32, 3e-4, 30),
    "resnet": Recipe(16, 2e-4, 20),
    "": Recipe(32, 5e-4, 10),
}


def get_recipe(net: str) -> Recipe:
    """Gets the recipe of a net of the registry, in its document."""
    return next(recipe for prefix, recipe in RECIPES.items() if net.startswith(prefix))


@dataclasses.dataclass(frozen=True)
class Defaults:
    """Settings that a net learns with from its initial weights: fields of Settings."""

    learning_rate: float
    steps: int = 1000
    batch_size: int = 32
    warmup: int = 30
    cosine: bool = True
    ema_decay: float | None = None
    augments: bool = True
    batch_norm_decay: float | None = None
    options: Mapping[str, object] = dataclasses.field(default_factory=dict)
    preprocessing: str = ""  # "" is the registry's


_MOMENTUM = {"momentum": 0.9}  # batch norm averages over the steps that there are
DEFAULTS = {  # by a pattern of net names; the first that matches
    # without normalisation, "unit" pictures keep these at chance
    "cnn_lstm*": Defaults(
        5e-4, warmup=0, ema_decay=0.98, preprocessing="inception", augments=False
    ),
    "resnet_3d": Defaults(5e-4, batch_size=8, preprocessing="inception", augments=False),
    # at 5e-4 it stays at chance: its maps end as one pixel, and the logits of clips differ by 1e-5
    "resnet_3d_2plus1d": Defaults(
        2e-4, batch_size=8, warmup=0, cosine=False, preprocessing="inception", augments=False
    ),
    "resnet_2plus1d": Defaults(
        5e-4, batch_size=8, warmup=0, cosine=False, preprocessing="inception", augments=False
    ),
    "*_18": Defaults(5e-4, batch_size=8, augments=False),
    # dropout before the layer of 50 units, and kernels of deviation 0.1, keep it at chance
    "hand_signs": Defaults(
        2e-4,
        steps=500,
        ema_decay=0.98,
        options={"keep_prob": 1.0, "initial_std": None, **_MOMENTUM},
    ),
    "inception_v3": Defaults(1e-3, batch_norm_decay=0.9),
    "resnet_v2_*": Defaults(5e-4, batch_norm_decay=0.9),
    "demo_cnn": Defaults(1e-3, augments=False),
    "alexnet_*": Defaults(5e-4),
    "vgg*": Defaults(1e-4),
    "googlenet": Defaults(3e-4),
    "resnet*": Defaults(5e-4),
    "resnext*": Defaults(5e-4),
    "mobilenet_*": Defaults(3e-3, options=_MOMENTUM),
    "vit_*": Defaults(3e-4),
}

_EXPECTATIONS = {  # of the document's settings; the first pattern that matches
    "hand_signs": "from scratch the loss stays at ln 6: accuracy is near 1/6, that of chance",
    "cnn_lstm*": "from scratch it stays near chance: it has no normalisation",
    "resnet_*d": "from scratch it stays near chance: it has no normalisation",
    "inception_v3": "evaluated it stays near chance for the first ten thousand steps, until the "
    "moving averages of batch norm (decay 0.9997) have left their initial values",
    "resnet_v2_*": "evaluated it stays near chance for the first thousand steps, until the moving "
    "averages of batch norm (decay 0.997) have left their initial values",
    "mobilenet_*": "evaluated it stays near chance for the first hundreds of steps, until the "
    "moving averages of batch norm (momentum 0.99) have left their initial values",
    "*": "made for thousands of photographs: on few pictures expect less than by default",
}


def make_settings(net: Net, as_document: bool = False, is_warm: bool = False) -> Settings:
    """Makes the settings of a new run: those that the net learns with, or its document's.

    A run that starts from other weights (``is_warm``) keeps the low learning rate of Settings. The
    number of classes is that of the data, and 0 here.
    """
    settings = Settings(
        net.name,
        num_classes=0,
        image_size=net.image_size,
        preprocessing=net.preprocessing,
        aux_weight=net.aux_weight,
    )
    if as_document:
        if net.document != "004":
            return settings  # the defaults of Settings are those of document 001
        recipe = get_recipe(net.name)
        return dataclasses.replace(
            settings, batch_size=recipe.batch_size, learning_rate=recipe.learning_rate
        )
    defaults = _find(DEFAULTS, net.name)
    if defaults is None:  # a net that a user has added
        return settings
    values = {**vars(defaults), "options": dict(defaults.options)}
    values["augment"] = Augmentation() if values.pop("augments") else None
    if is_warm:
        values["learning_rate"] = settings.learning_rate
    values["preprocessing"] = defaults.preprocessing or net.preprocessing
    return dataclasses.replace(settings, **values)


def count_steps(net: Net, images: int) -> int:
    """Counts the steps of the document's epochs on so many images; Settings' own without them."""
    if net.document != "004":
        return Settings.steps
    recipe = get_recipe(net.name)
    return recipe.epochs * -(-images // recipe.batch_size)


def describe_expectation(net: str) -> str:
    """Says what to expect of the document's settings."""
    return f"the document's settings: {_find(_EXPECTATIONS, net)}"


def describe_settings(settings: Settings) -> str:
    """Describes in one line how a net is trained."""
    parts = [f"{settings.steps} steps of {settings.batch_size}"]
    parts.append(f"learning rate {settings.learning_rate:g}")
    if settings.warmup:
        parts.append(f"warm-up of {settings.warmup} steps")
    if settings.cosine:
        parts.append("cosine")
    if settings.ema_decay is not None:
        parts.append(f"averages (ema {settings.ema_decay:g})")
    if settings.augment is not None:
        parts.append("augmentation")
    if settings.batch_norm_decay is not None:
        parts.append(f"batch norm decay {settings.batch_norm_decay:g}")
    if settings.bf16:
        parts.append("bfloat16 with weights in float32")
    parts += [
        f"{name}={json.dumps(value, default=str)}" for name, value in settings.options.items()
    ]
    shown = translate(", ").join(map(translate_line, parts))
    return f"{shown}, {settings.preprocessing} preprocessing"


_Row = TypeVar("_Row")


def _find(rows: Mapping[str, _Row], net: str) -> _Row | None:
    """Finds the first row whose pattern matches a net's name."""
    return next((row for pattern, row in rows.items() if fnmatch.fnmatchcase(net, pattern)), None)
