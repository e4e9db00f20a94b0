"""What the nets of document 004 share: how its Keras models are called here, and Keras' names.

The rule. A model of the document keeps its name and parameters, and returns a function of
``(images, is_training=False, *, reuse=None)`` that builds the net in the current graph and
returns ``(logits, end_points)``:

  logits, end_points = AlexNet_v1(im_height=224, im_width=224, num_classes=5)(images)

A layer or block that is a class there (``Inception``, ``BasicBlock``, ``Attention``) keeps name
and parameters too, and returns a function of its tensor (and of ``is_training``, where that
matters). The softmax that ends a model is the end point "predictions"; what is returned are
logits (004-E29).

Variables bear the full paths that tf.keras of TensorFlow 1.15 gives them in graph mode, in a
fresh process: layers without a name are counted by kind over the whole model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.cnn_lstm import layer_names

Names = Callable[[str], str]


def auto_names() -> Names:
    """Keras' automatic names: ``names("conv2d")`` is conv2d, then conv2d_1, conv2d_2, ..."""
    counts: dict[str, Any] = {}
    return lambda kind: next(counts.setdefault(kind, layer_names(kind)))


def document_net(
    net: Callable[..., Any], num_classes: int, size: tuple[int, int] | None = None, **options: Any
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """A net of the contract as the function that a model of the document returns.

    ``size`` is the (height, width) that the document's ``Input`` demands, of colour images; None
    takes any.
    """

    def build(
        images: Any, is_training: Any = False, *, reuse: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        shape = [None, *size, 3] if size else None
        if size and not images.shape.is_compatible_with(shape):
            raise BadInputError(
                f"the model was made for images of {size[0]}x{size[1]} (im_height, im_width) in "
                f"colour, not {images.shape}: give it the size of the images"
            )
        if size and not images.shape[1:].is_fully_defined():
            images = tf.ensure_shape(images, shape)
        return net(images, num_classes, is_training, reuse=reuse, **options)

    return build


def check_images(images: Any, net: str, smallest: int) -> None:
    """Raises BadInputError for anything but images of known size, and for too small ones."""
    sides = images.shape.as_list()[1:] if images.shape.rank == 4 else [None]
    if None in sides:
        raise BadInputError(
            f"{net} takes images [N, H, W, C] of known height, width and channels, not "
            f"{images.shape}: its dense layer has a weight for each place of the map"
        )
    if min(sides[:2]) < smallest:
        raise BadInputError(
            f"images of {sides[0]}x{sides[1]} are too small for {net}: the smallest is "
            f"{smallest}x{smallest}"
        )
