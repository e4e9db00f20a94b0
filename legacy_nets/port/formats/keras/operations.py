"""The Keras 3 layer that each TensorFlow operation becomes. See ``conversion`` for the terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.port.formats.keras.conversion import (
    Conversion,
    Recipe,
    has_one_reader,
    is_identity,
)
from legacy_nets.port.formats.keras.layer import get_padding, join_variable, prepare_layer
from legacy_nets.port.formats.keras.patterns import (
    PATTERNS,
    find_momentum,
    match_dense_of_tokens,
)
from legacy_nets.types import Operation

if TYPE_CHECKING:
    from keras import KerasTensor

_ACTIVATIONS = {"Tanh": "tanh", "Sigmoid": "sigmoid", "Elu": "elu", "Selu": "selu"}
_POOLS = {
    "MaxPool": "MaxPooling2D",
    "AvgPool": "AveragePooling2D",
    "MaxPool3D": "MaxPooling3D",
    "AvgPool3D": "AveragePooling3D",
}
_AVERAGES = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D", 5: "GlobalAveragePooling3D"}


def find_recipe(conversion: Conversion, operation: Operation) -> Recipe:
    """Returns the recipe of an operation. Raises BadInputError where there is none."""
    for match in PATTERNS:
        recipe = match(conversion, operation)
        if recipe is not None:
            return recipe
    if operation.type in ("EnsureShape", "Identity", "StopGradient"):
        return Recipe((operation.inputs[0],), list)
    if operation.type not in _RECIPES:
        raise conversion.build_error(operation, "is not one that a plain layer does")
    return _RECIPES[operation.type](conversion, operation)


def _convert_weighted(conversion: Conversion, operation: Operation) -> Recipe:
    recipe = _convert_layer(conversion, operation)
    if recipe is None:
        raise conversion.build_error(operation, "has no plain kernel")
    return recipe


def _convert_bias(conversion: Conversion, operation: Operation) -> Recipe:
    """Converts a layer with its bias; nothing else may read the layer's own output."""
    output, bias = operation.inputs[0], conversion.find_variable(operation.inputs[1])
    if bias is not None and has_one_reader(output):
        recipe = _convert_layer(conversion, output.op, bias)
        if recipe is not None:
            return recipe
    raise conversion.build_error(operation, "adds a bias to what is no layer's output")


def _convert_layer(
    conversion: Conversion, operation: Operation, bias: str | None = None
) -> Recipe | None:
    """Converts a convolution or dense layer, with the bias after it; None for others."""
    if operation.type == "Reshape":
        return match_dense_of_tokens(conversion, operation, bias)
    if operation.type not in ("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul"):
        return None
    kernel = conversion.find_variable(operation.inputs[1])
    if kernel is None:
        raise conversion.build_error(operation, "has no plain kernel")
    weights = [kernel, *([bias] if bias else [])]
    if operation.type == "MatMul":
        layer_type, config = "Dense", _configure_dense(conversion, operation)
    else:
        layer_type, config = _configure_convolution(conversion, operation)
    config["use_bias"] = bias is not None
    make = prepare_layer(conversion, layer_type, "", weights, **config)
    return Recipe((operation.inputs[0],), make)


def _configure_dense(conversion: Conversion, operation: Operation) -> dict[str, object]:
    if operation.get_attr("transpose_a") or operation.get_attr("transpose_b"):
        raise conversion.build_error(operation, "transposes what it multiplies")
    return {"units": operation.inputs[1].shape.as_list()[-1]}


def _configure_convolution(
    conversion: Conversion, operation: Operation
) -> tuple[str, dict[str, object]]:
    """Returns the type and the arguments of a convolution's layer."""
    shape = operation.inputs[1].shape.as_list()
    config: dict[str, object] = {
        "kernel_size": shape[:-2],
        "strides": operation.get_attr("strides")[1:-1],
        "padding": get_padding(conversion, operation),
        "dilation_rate": operation.get_attr("dilations")[1:-1],
    }
    if operation.type == "DepthwiseConv2dNative":
        return "DepthwiseConv2D", {**config, "depth_multiplier": shape[-1]}
    groups = operation.inputs[0].shape.as_list()[-1] // shape[-2]
    return operation.type, {**config, "filters": shape[-1], "groups": groups}


def _convert_batch_norm(conversion: Conversion, operation: Operation) -> Recipe:
    gamma, beta, mean, variance = map(conversion.find_variable, operation.inputs[1:5])
    if mean is None or variance is None:
        raise conversion.build_error(operation, "has no moving statistics")
    weights = [weight for weight in (gamma, beta, mean, variance) if weight is not None]
    if gamma is None and not np.all(conversion.get_constant(operation.inputs[1]) == 1):
        raise conversion.build_error(operation, "has a scale that is not trained")
    make = prepare_layer(
        conversion,
        "BatchNormalization",
        "",
        weights,
        epsilon=float(operation.get_attr("epsilon")),
        momentum=find_momentum(conversion, operation),
        scale=gamma is not None,
        center=beta is not None,
    )
    return Recipe((operation.inputs[0],), make)


def _convert_pool(conversion: Conversion, operation: Operation) -> Recipe:
    make = prepare_layer(
        conversion,
        _POOLS[operation.type],
        operation.name,
        pool_size=tuple(operation.get_attr("ksize")[1:-1]),
        strides=tuple(operation.get_attr("strides")[1:-1]),
        padding=get_padding(conversion, operation),
    )
    return Recipe((operation.inputs[0],), make)


def _convert_mean(conversion: Conversion, operation: Operation) -> Recipe:
    rank = operation.inputs[0].shape.rank
    axes = np.ravel(conversion.get_constant(operation.inputs[1]))
    averaged = sorted(int(axis) % rank for axis in axes)
    if rank not in _AVERAGES or averaged != list(range(1, rank - 1)):
        raise conversion.build_error(operation, f"averages the axes {averaged}")
    keepdims = bool(operation.get_attr("keep_dims"))
    make = prepare_layer(conversion, _AVERAGES[rank], operation.name, keepdims=keepdims)
    return Recipe((operation.inputs[0],), make)


def _convert_pad(conversion: Conversion, operation: Operation) -> Recipe:
    pads = conversion.get_constant(operation.inputs[1]).tolist()
    if any(pads[0]) or any(pads[-1]) or len(pads) not in (3, 4, 5):
        raise conversion.build_error(operation, "pads images or channels")
    inner = [tuple(pair) for pair in pads[1:-1]]
    padding = inner[0] if len(inner) == 1 else tuple(inner)
    layer_type = f"ZeroPadding{len(inner)}D"
    make = prepare_layer(conversion, layer_type, operation.name, padding=padding)
    return Recipe((operation.inputs[0],), make)


def _convert_concat(conversion: Conversion, operation: Operation) -> Recipe:
    *inputs, axis_tensor = operation.inputs
    axis = int(conversion.get_constant(axis_tensor))
    make = prepare_layer(conversion, "Concatenate", operation.name, axis=axis)
    return Recipe(tuple(inputs), make)


def _convert_reshape(conversion: Conversion, operation: Operation) -> Recipe:
    """Converts Reshape and Squeeze that leave every image one."""
    recipe = match_dense_of_tokens(conversion, operation, None)
    if recipe is not None:
        return recipe
    before, after = operation.inputs[0].shape, operation.outputs[0].shape
    sizes = [] if after.rank is None else after.as_list()[1:]
    if None in sizes or np.prod(before.as_list()[1:]) != np.prod(sizes):
        raise conversion.build_error(operation, "mixes images")
    if len(sizes) == 1 and before.rank > 2:
        make = prepare_layer(conversion, "Flatten", operation.name)
    else:
        make = prepare_layer(conversion, "Reshape", operation.name, target_shape=tuple(sizes))
    return Recipe((operation.inputs[0],), make)


def _convert_sum_or_product(conversion: Conversion, operation: Operation) -> Recipe:
    """Converts the sum or product of two maps, of a map and a number or of a map and a variable."""
    is_sum = operation.type in ("Add", "AddV2")
    join = prepare_layer(conversion, "Add" if is_sum else "Multiply", operation.name)
    for term, other in (operation.inputs, reversed(operation.inputs)):
        value = conversion.find_constant(term)
        if value is None:
            name = conversion.find_variable(term) if is_sum else None
            if name is not None:
                return Recipe((other,), join_variable(conversion, name, term, join))
            continue
        if value.size != 1:
            raise conversion.build_error(operation, "has an array of constants")
        scale, offset = (1.0, value.item()) if is_sum else (value.item(), 0.0)
        make = prepare_layer(conversion, "Rescaling", operation.name, scale=scale, offset=offset)
        return Recipe((other,), make)
    return Recipe(tuple(operation.inputs), join)


def _convert_quotient(conversion: Conversion, operation: Operation) -> Recipe:
    value = conversion.get_constant(operation.inputs[1])
    if value.size != 1:
        raise conversion.build_error(operation, "divides by an array")
    make = prepare_layer(conversion, "Rescaling", operation.name, scale=1 / value.item())
    return Recipe((operation.inputs[0],), make)


def _convert_activation(conversion: Conversion, operation: Operation) -> Recipe:
    name = _ACTIVATIONS[operation.type]
    make = prepare_layer(conversion, "Activation", operation.name, activation=name)
    return Recipe((operation.inputs[0],), make)


def _convert_relu(conversion: Conversion, operation: Operation) -> Recipe:
    config = {"max_value": 6.0} if operation.type == "Relu6" else {}
    return Recipe(
        (operation.inputs[0],), prepare_layer(conversion, "ReLU", operation.name, **config)
    )


def _convert_softmax(conversion: Conversion, operation: Operation) -> Recipe:
    return Recipe((operation.inputs[0],), prepare_layer(conversion, "Softmax", operation.name))


def _convert_transpose(conversion: Conversion, operation: Operation) -> Recipe:
    order = conversion.get_constant(operation.inputs[1])
    if is_identity(order):
        return Recipe((operation.inputs[0],), list)
    axes = order.tolist()
    if axes[0] == 0:
        permute = prepare_layer(conversion, "Permute", operation.name, dims=tuple(axes[1:]))
        return Recipe((operation.inputs[0],), permute)

    def transpose(inputs: Sequence[KerasTensor]) -> list[KerasTensor]:
        import keras

        return [keras.ops.transpose(inputs[0], axes)]

    return Recipe((operation.inputs[0],), transpose)


def _convert_unpack(conversion: Conversion, operation: Operation) -> Recipe:
    leading = (slice(None),) * operation.get_attr("axis")
    count = operation.get_attr("num")
    return Recipe(
        (operation.inputs[0],),
        lambda inputs: [inputs[0][(*leading, index)] for index in range(count)],
    )


def _convert_slice(conversion: Conversion, operation: Operation) -> Recipe:
    begin, end, step = (conversion.get_constant(t).tolist() for t in operation.inputs[1:])
    begin_mask, end_mask, shrink_mask, ellipsis_mask, new_axis_mask = (
        operation.get_attr(f"{name}_mask")
        for name in ("begin", "end", "shrink_axis", "ellipsis", "new_axis")
    )
    if ellipsis_mask or new_axis_mask:
        raise conversion.build_error(operation, "slices with an ellipsis or a new axis")
    index = tuple(
        begin[axis]
        if shrink_mask >> axis & 1
        else slice(
            None if begin_mask >> axis & 1 else begin[axis],
            None if end_mask >> axis & 1 else end[axis],
            step[axis],
        )
        for axis in range(len(begin))
    )
    return Recipe((operation.inputs[0],), lambda inputs: [inputs[0][index]])


def _convert_matmul(conversion: Conversion, operation: Operation) -> Recipe:
    transposed = [operation.get_attr(name) for name in ("adj_x", "adj_y")]

    def multiply(inputs: Sequence[KerasTensor]) -> list[KerasTensor]:
        import keras

        pairs = zip(inputs, transposed, strict=True)
        factors = (keras.ops.swapaxes(x, -1, -2) if t else x for x, t in pairs)
        return [keras.ops.matmul(*factors)]

    return Recipe(tuple(operation.inputs), multiply)


_RECIPES: dict[str, Callable[[Conversion, Operation], Recipe]] = {
    **dict.fromkeys(("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul"), _convert_weighted),
    **dict.fromkeys(
        ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _convert_batch_norm
    ),
    **dict.fromkeys(_POOLS, _convert_pool),
    **dict.fromkeys(_ACTIVATIONS, _convert_activation),
    **dict.fromkeys(("Add", "AddV2", "Mul"), _convert_sum_or_product),
    **dict.fromkeys(("Relu", "Relu6"), _convert_relu),
    **dict.fromkeys(("Reshape", "Squeeze"), _convert_reshape),
    "BiasAdd": _convert_bias,
    "Softmax": _convert_softmax,
    "Mean": _convert_mean,
    "Pad": _convert_pad,
    "ConcatV2": _convert_concat,
    "RealDiv": _convert_quotient,
    "Transpose": _convert_transpose,
    "Unpack": _convert_unpack,
    "StridedSlice": _convert_slice,
    "BatchMatMulV2": _convert_matmul,
}
