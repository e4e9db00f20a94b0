"""What the nets of document 004 share: how its Keras models are called here, and Keras' names.

A model of the document keeps its name and parameters. It returns a function of
``(images, is_training=False, *, reuse=None)``, which builds the net in the current graph and
returns ``(logits, end_points)``:

  logits, end_points = AlexNet_v1(im_height=224, im_width=224, num_classes=5)(images)

A layer or block that is a class there (``Inception``, ``BasicBlock``, ``Attention``) keeps its
name and parameters too. It is called with its tensor, and with whether it trains where that
matters. The net returns logits; the softmax that ends a model is the end point "predictions"
(004-E29).

Variables have the full paths that tf.keras of TensorFlow 1.15 gives them in graph mode, in a
fresh process. Layers without a name are numbered by their type over the complete model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.layer_names import layer_names
from legacy_nets.types import IsTraining, NetOutputs, Reuse, Tensor

Names = Callable[[str], str]


def auto_names() -> Names:
    """Starts Keras' automatic names: ``names("conv2d")`` is conv2d, then conv2d_1, ..."""
    names: dict[str, Iterator[str]] = {}
    return lambda layer_type: next(names.setdefault(layer_type, layer_names(layer_type)))


def document_net(
    net: Callable[..., NetOutputs],
    num_classes: int | None,
    size: tuple[int, int] | None = None,
    **options: object,
) -> Callable[..., NetOutputs]:
    """Wraps a net of the contract as the function that a model of the document returns.

    Args:
      net: the net's function.
      num_classes: of its head.
      size: the (height, width) that the document's ``Input`` demands, of colour images; None
        takes any.
      **options: of the net's function.
    """

    def build(
        images: Tensor, is_training: IsTraining = False, *, reuse: Reuse = None
    ) -> NetOutputs:
        shape = [None, *size, 3] if size else None
        if size and not images.shape.is_compatible_with(shape):
            raise BadInputError(
                f"the model was made for images of {size[0]}x{size[1]} (im_height, im_width) in "
                f"colour, not {images.shape}: pass the size of the images"
            )
        if size and not images.shape[1:].is_fully_defined():
            images = tf.ensure_shape(images, shape)
        return net(images, num_classes, is_training, reuse=reuse, **options)

    return build


def check_images(images: Tensor, net: str, smallest: int) -> None:
    """Raises BadInputError unless images [N, H, W, C] have a known size, large enough."""
    sides = images.shape.as_list()[1:] if images.shape.rank == 4 else [None]
    if None in sides:
        raise BadInputError(
            f"{net} takes images [N, H, W, C] of known height, width and channels, not "
            f"{images.shape}: its dense layer has a weight for each pixel of the map"
        )
    if min(sides[:2]) < smallest:
        raise BadInputError(
            f"images of {sides[0]}x{sides[1]} are too small for {net}: the smallest is "
            f"{smallest}x{smallest}"
        )
