"""Makes single Keras 3 layers, with the values of the graph's variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from legacy_nets.checkpoints.formats.keras3_names import make_layer_names
from legacy_nets.port.formats.keras.conversion import Conversion, Make
from legacy_nets.types import Array, Operation, Tensor

if TYPE_CHECKING:
    from keras import KerasTensor


def prepare_layer(
    conversion: Conversion,
    layer_type: str,
    name: str,
    weights: Sequence[str] = (),
    convert: Callable[[list[Array]], list[Array]] | None = None,
    /,  # the layer's own arguments may have these names
    **config: object,
) -> Make:
    """Returns a function that makes a layer, calls it and sets its weights.

    Args:
      conversion: the conversion that the layer is part of.
      layer_type: a class of keras.layers.
      name: of a layer without weights; others are named after their variables.
      weights: names of the variables, in the layer's order.
      convert: changes their arrays into the layer's.
      config: the layer's own arguments.
    """

    def make(inputs: Sequence[KerasTensor]) -> list[KerasTensor]:
        import keras

        shape = conversion.get_value(weights[0]).shape if layer_type == "Embedding" else ()
        names = make_layer_names(layer_type, weights, shape) if weights else (name,)
        layer_class = getattr(keras.layers, layer_type)
        layer = layer_class(name=conversion.choose_name(*names), **config)
        output = layer(inputs[0] if len(inputs) == 1 else list(inputs))
        conversion.used.update(weights)
        if weights:
            arrays = [conversion.get_value(weight) for weight in weights]
            layer.set_weights(arrays if convert is None else convert(arrays))
        return [output]

    return make


def make_variable(
    conversion: Conversion, name: str, shape: Sequence[int], numbers: KerasTensor
) -> KerasTensor:
    """Makes a variable a Keras tensor [N, *shape]: the only row of an embedding.

    ``numbers``: any tensor [N].
    """
    import keras

    row = keras.ops.zeros_like(numbers, dtype="int32")
    size = conversion.get_value(name).size
    embed = prepare_layer(
        conversion,
        "Embedding",
        "",
        (name,),
        lambda arrays: [arrays[0].reshape(1, size)],
        input_dim=1,
        output_dim=size,
    )
    reshape = prepare_layer(conversion, "Reshape", f"{name}/shape", target_shape=tuple(shape))
    [variable] = reshape(embed([row]))
    return variable


def join_variable(conversion: Conversion, name: str, tensor: Tensor, join: Make) -> Make:
    """Returns a function that joins a Keras tensor with a variable [1, ...]."""
    shape = tensor.shape.as_list()[1:]

    def make(inputs: Sequence[KerasTensor]) -> list[KerasTensor]:
        numbers = conversion.get_images()[:, 0, 0, 0]
        return join([*inputs, make_variable(conversion, name, shape, numbers)])

    return make


def get_padding(conversion: Conversion, operation: Operation) -> str:
    """Returns "same" or "valid". Raises BadInputError for explicit padding."""
    padding = operation.get_attr("padding")
    if padding not in (b"SAME", b"VALID"):
        raise conversion.build_error(operation, "has explicit padding")
    return padding.decode().lower()
