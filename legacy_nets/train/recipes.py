"""Batch size, Adam's learning rate and epochs of document 004's train scripts. No TensorFlow.

GoogLeNet has no script there; its recipe is that of the code which the document links to. A net
that the document does not train has AlexNet's recipe.
"""

from __future__ import annotations

from typing import NamedTuple


class Recipe(NamedTuple):
    """How a net is trained."""

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
    """Gets the recipe of a net of the registry."""
    return next(recipe for prefix, recipe in RECIPES.items() if net.startswith(prefix))
