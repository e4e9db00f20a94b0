"""Builds the Keras model of a net by its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from legacy_nets.errors import BadInputError
from legacy_nets.registry import get_net
from legacy_nets.types import KerasModel


def list_models() -> Mapping[str, Callable[..., KerasModel]]:
    """Maps the nets that have a Keras model to the functions that build it."""
    from legacy_nets.nets.keras import googlenet, plain_nets, resnet  # they import TensorFlow

    return {
        "demo_cnn": plain_nets.demo_cnn,
        "alexnet_v1": plain_nets.alexnet_v1,
        "alexnet_v2": plain_nets.alexnet_v2,
        "vgg11": plain_nets.vgg11,
        "vgg13": plain_nets.vgg13,
        "vgg16": plain_nets.vgg16,
        "vgg19": plain_nets.vgg19,
        "googlenet": googlenet.googlenet,
        "resnet34": resnet.resnet34,
        "resnet50": resnet.resnet50,
        "resnet101": resnet.resnet101,
    }


def keras_model(
    name: str,
    num_classes: int | None = None,
    image_size: tuple[int, int] | None = None,
    **options: float,
) -> KerasModel:
    """Builds a net of document 004 as a Keras 2 model, to compile, fit, predict and summarize.

    The weights have the names and shapes of the variables that ``build`` makes, whatever else the
    process has built; and their order, but for the shortcuts of ResNets. The outputs are those of
    the graph net's end point "predictions". Weights that the document's own model saved as ``.h5``
    load with ``load_weights``.

    Args:
      name: one of ``list_models``.
      num_classes: units of the last layer; None: the net's default.
      image_size: (height, width) of the images, float32 [N, H, W, C]; None: the document's.
      **options: ``dropout`` of AlexNet, VGG and GoogLeNet, ``hidden`` of VGG, as in the graph net.

    Raises BadInputError for another net, an unknown option, or images that are too small.
    """
    net = get_net(name)
    models = list_models()
    if name not in models:
        raise BadInputError(
            f"{name} has no Keras model: choose one of {', '.join(models)}, or build the graph net "
            f"with legacy_nets.build({name!r}, images)"
        )
    function = models[name]
    known = list(inspect.signature(function).parameters)[3:]
    for option in options:
        if option not in known:
            raise BadInputError(
                f"the Keras model of {name} takes no option {option!r}; it takes "
                f"{', '.join(known) or 'none'}"
            )
    height, width = image_size or net.image_size
    return function(num_classes or net.num_classes, height, width, **options)
