"""Which Keras 3 layer does what an operation of TensorFlow does. See ``keras_graph``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.keras3_names import layer_names
from legacy_nets.port.formats.keras import patterns as patterns
from legacy_nets.port.formats.keras.graph import Recipe, Walk, in_order, only_reader

_ACTIVATIONS = {"Tanh": "tanh", "Sigmoid": "sigmoid", "Elu": "elu", "Selu": "selu"}
_POOLS = {
    "MaxPool": "MaxPooling2D",
    "AvgPool": "AveragePooling2D",
    "MaxPool3D": "MaxPooling3D",
    "AvgPool3D": "AveragePooling3D",
}
_AVERAGES = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D", 5: "GlobalAveragePooling3D"}


def recipe(walk: Walk, operation: Any) -> Recipe:
    """The recipe of an operation. Raises BadInputError where there is none."""
    for pattern in patterns.ALL:
        found = pattern(walk, operation)
        if found is not None:
            return found
    if operation.type in ("Identity", "StopGradient"):
        return Recipe((operation.inputs[0],), lambda x: x)
    if operation.type not in _RECIPES:
        raise walk.refusal(operation, "is not one that a plain layer does")
    return _RECIPES[operation.type](walk, operation)


def layer(
    walk: Walk, kind: str, name: str, weights: Sequence[str] = (), values: Any = None, **config: Any
) -> Callable[..., Any]:
    """A function that makes a layer, calls it and gives it the values of variables.

    A layer with weights is called after its variables.
    """

    def make(*inputs: Any) -> Any:
        import keras

        shape = walk.value(weights[0]).shape if kind == "Embedding" else ()
        names = layer_names(kind, weights, shape) if weights else (name,)
        made = getattr(keras.layers, kind)(name=walk.unique(*names), **config)
        output = made(inputs[0] if len(inputs) == 1 else list(inputs))
        walk.used.update(weights)
        arrays = [walk.value(weight) for weight in weights]
        if weights:
            made.set_weights(arrays if values is None else values(arrays))
        return output

    return make


def weighted(walk: Walk, operation: Any, bias: str | None = None) -> Recipe | None:
    """Convolution or dense layer, with the bias that is added behind it; None for others."""
    kernel = walk.weight(operation.inputs[1]) if len(operation.inputs) > 1 else None
    if operation.type == "Reshape":
        return patterns.dense_of_tokens(walk, operation, bias)
    if operation.type not in ("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul"):
        return None
    if kernel is None:
        raise walk.refusal(operation, "has no plain kernel")
    shape = operation.inputs[1].shape.as_list()
    weights = [kernel, *([bias] if bias else [])]
    config: dict[str, Any] = {"use_bias": bias is not None}
    if operation.type == "MatMul":
        if operation.get_attr("transpose_a") or operation.get_attr("transpose_b"):
            raise walk.refusal(operation, "transposes what it multiplies")
        config["units"] = shape[-1]
        return Recipe((operation.inputs[0],), layer(walk, "Dense", "", weights, **config))
    strides, dilations = (operation.get_attr(key) for key in ("strides", "dilations"))
    config |= {
        "kernel_size": shape[:-2],
        "strides": strides[1:-1],
        "padding": padding_of(walk, operation),
        "dilation_rate": dilations[1:-1],
    }
    if operation.type == "DepthwiseConv2dNative":
        kind = "DepthwiseConv2D"
        config["depth_multiplier"] = shape[-1]
    else:
        kind = operation.type
        groups = operation.inputs[0].shape.as_list()[-1] // shape[-2]
        config |= {"filters": shape[-1], "groups": groups}
    return Recipe((operation.inputs[0],), layer(walk, kind, "", weights, **config))


def padding_of(walk: Walk, operation: Any) -> str:
    """SAME or VALID as Keras writes it. Raises BadInputError for a padding of its own."""
    padding = operation.get_attr("padding")
    if padding not in (b"SAME", b"VALID"):
        raise walk.refusal(operation, "has a padding of its own")
    return padding.decode().lower()


def _plain(walk: Walk, operation: Any) -> Recipe:
    found = weighted(walk, operation)
    if found is None:
        raise walk.refusal(operation, "has no plain kernel")
    return found


def _bias(walk: Walk, operation: Any) -> Recipe:
    """A layer with its bias; the layer alone must be of no use to anybody else."""
    before, bias = operation.inputs[0], walk.weight(operation.inputs[1])
    if bias is not None and only_reader(before):
        found = weighted(walk, before.op, bias)
        if found is not None:
            return found
    raise walk.refusal(operation, "adds a bias to what is no layer's output")


def _batch_norm(walk: Walk, operation: Any) -> Recipe:
    gamma, beta, mean, variance = (walk.weight(tensor) for tensor in operation.inputs[1:5])
    if mean is None or variance is None:
        raise walk.refusal(operation, "has no moving statistics")
    weights = [weight for weight in (gamma, beta, mean, variance) if weight is not None]
    if gamma is None and not np.all(walk.constant(operation.inputs[1]) == 1):
        raise walk.refusal(operation, "has a scale that is not trained")
    config = {
        "epsilon": float(operation.get_attr("epsilon")),
        "momentum": patterns.momentum(walk, operation, mean),
        "scale": gamma is not None,
        "center": beta is not None,
    }
    make = layer(walk, "BatchNormalization", "", weights, **config)
    return Recipe((operation.inputs[0],), make)


def _pool(walk: Walk, operation: Any) -> Recipe:
    config = {
        "pool_size": tuple(operation.get_attr("ksize")[1:-1]),
        "strides": tuple(operation.get_attr("strides")[1:-1]),
        "padding": padding_of(walk, operation),
    }
    make = layer(walk, _POOLS[operation.type], operation.name, **config)
    return Recipe((operation.inputs[0],), make)


def _mean(walk: Walk, operation: Any) -> Recipe:
    rank = operation.inputs[0].shape.rank
    axes = sorted(int(axis) % rank for axis in np.ravel(walk.constant(operation.inputs[1])))
    if rank not in _AVERAGES or axes != list(range(1, rank - 1)):
        raise walk.refusal(operation, f"averages the axes {axes}")
    keep = bool(operation.get_attr("keep_dims"))
    make = layer(walk, _AVERAGES[rank], operation.name, keepdims=keep)
    return Recipe((operation.inputs[0],), make)


def _pad(walk: Walk, operation: Any) -> Recipe:
    pads = walk.constant(operation.inputs[1]).tolist()
    if any(pads[0]) or any(pads[-1]) or len(pads) not in (3, 4, 5):
        raise walk.refusal(operation, "pads images or channels")
    inner = [tuple(pair) for pair in pads[1:-1]]
    padding = inner[0] if len(inner) == 1 else tuple(inner)
    make = layer(walk, f"ZeroPadding{len(inner)}D", operation.name, padding=padding)
    return Recipe((operation.inputs[0],), make)


def _concat(walk: Walk, operation: Any) -> Recipe:
    *inputs, axis = operation.inputs
    make = layer(walk, "Concatenate", operation.name, axis=int(walk.constant(axis)))
    return Recipe(tuple(inputs), make)


def _reshape(walk: Walk, operation: Any) -> Recipe:
    """Reshape and Squeeze: as long as every image stays one."""
    found = patterns.dense_of_tokens(walk, operation, None)
    if found is not None:
        return found
    before, after = (tensor.shape for tensor in (operation.inputs[0], operation.outputs[0]))
    sides = [] if after.rank is None else after.as_list()[1:]
    if None in sides or np.prod(before.as_list()[1:]) != np.prod(sides):
        raise walk.refusal(operation, "mixes images")
    if len(sides) == 1 and before.rank > 2:
        return Recipe((operation.inputs[0],), layer(walk, "Flatten", operation.name))
    make = layer(walk, "Reshape", operation.name, target_shape=tuple(sides))
    return Recipe((operation.inputs[0],), make)


def _sum_or_product(walk: Walk, operation: Any) -> Recipe:
    """Of two maps; or of one and a number."""
    adds = operation.type in ("Add", "AddV2")
    kind = "Add" if adds else "Multiply"
    for number, other in (operation.inputs, reversed(operation.inputs)):
        value = walk.known(number)
        if value is None:
            if adds and (name := walk.weight(number)) is not None:
                both = patterns.with_learned(walk, name, number, layer(walk, kind, operation.name))
                return Recipe((other,), both)
            continue
        if value.size != 1:
            raise walk.refusal(operation, "has an array of constants")
        scale, offset = (1.0, value.item()) if adds else (value.item(), 0.0)
        make = layer(walk, "Rescaling", operation.name, scale=scale, offset=offset)
        return Recipe((other,), make)
    return Recipe(tuple(operation.inputs), layer(walk, kind, operation.name))


def _quotient(walk: Walk, operation: Any) -> Recipe:
    value = walk.constant(operation.inputs[1])
    if value.size != 1:
        raise walk.refusal(operation, "divides by an array")
    make = layer(walk, "Rescaling", operation.name, scale=1 / value.item())
    return Recipe((operation.inputs[0],), make)


def _activation(walk: Walk, operation: Any) -> Recipe:
    name = _ACTIVATIONS[operation.type]
    make = layer(walk, "Activation", operation.name, activation=name)
    return Recipe((operation.inputs[0],), make)


def _simple(kind: str, **config: Any) -> Callable[[Walk, Any], Recipe]:
    return lambda walk, operation: Recipe(
        (operation.inputs[0],), layer(walk, kind, operation.name, **config)
    )


def _transpose(walk: Walk, operation: Any) -> Recipe:
    order = walk.constant(operation.inputs[1])
    if in_order(order):
        return Recipe((operation.inputs[0],), lambda x: x)
    axes = order.tolist()

    def make(x: Any) -> Any:
        import keras

        return keras.ops.transpose(x, axes)

    if axes[0] == 0:
        make = layer(walk, "Permute", operation.name, dims=tuple(axes[1:]))
    return Recipe((operation.inputs[0],), make)


def _unpack(walk: Walk, operation: Any) -> Recipe:
    before = (slice(None),) * operation.get_attr("axis")
    count = operation.get_attr("num")
    return Recipe(
        (operation.inputs[0],), lambda x: [x[(*before, number)] for number in range(count)]
    )


def _slice(walk: Walk, operation: Any) -> Recipe:
    begin, end, step = (walk.constant(tensor).tolist() for tensor in operation.inputs[1:])
    masks = {
        key: operation.get_attr(f"{key}_mask")
        for key in ("begin", "end", "shrink_axis", "ellipsis", "new_axis")
    }
    if masks["ellipsis"] or masks["new_axis"]:
        raise walk.refusal(operation, "slices in a way that is not known")
    place = tuple(
        begin[axis]
        if masks["shrink_axis"] >> axis & 1
        else slice(
            None if masks["begin"] >> axis & 1 else begin[axis],
            None if masks["end"] >> axis & 1 else end[axis],
            step[axis],
        )
        for axis in range(len(begin))
    )
    return Recipe((operation.inputs[0],), lambda x: x[place])


def _matmul(walk: Walk, operation: Any) -> Recipe:
    turned = [operation.get_attr(key) for key in ("adj_x", "adj_y")]

    def make(*factors: Any) -> Any:
        import keras

        pairs = zip(factors, turned, strict=True)
        return keras.ops.matmul(*(keras.ops.swapaxes(x, -1, -2) if t else x for x, t in pairs))

    return Recipe(tuple(operation.inputs), make)


_RECIPES: dict[str, Callable[[Walk, Any], Recipe]] = {
    **dict.fromkeys(("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul"), _plain),
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _batch_norm),
    **dict.fromkeys(_POOLS, _pool),
    **dict.fromkeys(_ACTIVATIONS, _activation),
    **dict.fromkeys(("Add", "AddV2", "Mul"), _sum_or_product),
    **dict.fromkeys(("Reshape", "Squeeze"), _reshape),
    "BiasAdd": _bias,
    "Relu": _simple("ReLU"),
    "Relu6": _simple("ReLU", max_value=6.0),
    "Softmax": _simple("Softmax"),
    "Mean": _mean,
    "Pad": _pad,
    "ConcatV2": _concat,
    "RealDiv": _quotient,
    "Transpose": _transpose,
    "Unpack": _unpack,
    "StridedSlice": _slice,
    "BatchMatMulV2": _matmul,
}
