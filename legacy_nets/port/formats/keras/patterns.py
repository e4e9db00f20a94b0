"""Groups of TensorFlow operations that are one Keras layer. Each function knows one group.

A pattern is asked with the group's last operation and answers None where it is another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.keras3_names import LSTM_BIAS, LSTM_KERNEL
from legacy_nets.port.formats.keras.graph import Recipe, Walk

MOMENTUM = 0.99  # Keras' own, where the graph does not say


def dropout(walk: Walk, operation: Any) -> Recipe | None:
    """Select(uniform >= rate, x / (1 - rate), 0), as tf.nn.dropout builds it."""
    if operation.type != "SelectV2" or operation.inputs[0].op.type != "GreaterEqual":
        return None
    chance, rate = operation.inputs[0].op.inputs
    scaled = operation.inputs[1].op
    if chance.op.type != "RandomUniform" or scaled.type != "Mul":
        return None
    from legacy_nets.port.formats.keras.layers import layer

    # tf.layers calls the operations dropout/dropout/Mul, slim Dropout_1b/dropout/Mul
    name = operation.name.rpartition("/")[0].rpartition("/")[0] or "dropout"
    make = layer(walk, "Dropout", name, rate=float(walk.constant(rate)))
    return Recipe((scaled.inputs[0],), make)


def layer_norm(walk: Walk, operation: Any) -> Recipe | None:
    """x * (gamma / sqrt(variance + epsilon)) + (beta - mean * ...), over the last axis."""
    if operation.type != "AddV2" or [tensor.op.type for tensor in operation.inputs] != [
        "Mul",
        "Sub",
    ]:
        return None
    product, rest = (tensor.op for tensor in operation.inputs)
    x, factor = product.inputs
    if factor.op.type != "Mul" or factor.op.inputs[0].op.type != "Rsqrt":
        return None
    gamma, beta = walk.weight(factor.op.inputs[1]), walk.weight(rest.inputs[0])
    shifted = factor.op.inputs[0].op.inputs[0].op  # variance + epsilon
    variance = shifted.inputs[0].op
    if gamma is None or beta is None or variance.type != "Mean":
        return None
    axes = np.ravel(walk.constant(variance.inputs[1])) % x.shape.rank
    if axes.tolist() != [x.shape.rank - 1]:
        return None
    from legacy_nets.port.formats.keras.layers import layer

    epsilon = float(walk.constant(shifted.inputs[1]))
    return Recipe((x,), layer(walk, "LayerNormalization", "", (gamma, beta), epsilon=epsilon))


def group_norm(walk: Walk, operation: Any) -> Recipe | None:
    """(x - mean) / sqrt(variance + epsilon) of x as [N, H * W, groups, C / groups], then scaled."""
    scaled = _operands(operation, "AddV2", "Mul", None)
    restored = _operands(scaled and scaled[0], "Mul", "Reshape", None)
    normal = _operands(restored and restored[0].inputs[0].op, "Mul", "Sub", "Rsqrt")
    if scaled is None or restored is None or normal is None:
        return None
    gamma, beta = walk.weight(scaled[0].inputs[1]), walk.weight(operation.inputs[1])
    grouped, shifted = normal[0].inputs[0], normal[1].inputs[0].op  # variance + epsilon
    variance = shifted.inputs[0].op
    if gamma is None or beta is None or grouped.op.type != "Reshape" or variance.type != "Mean":
        return None
    x, axes = grouped.op.inputs[0], np.ravel(walk.constant(variance.inputs[1]))
    if x.shape.rank != 4 or grouped.shape.rank != 4 or axes.tolist() != [1, 3]:
        return None
    from legacy_nets.port.formats.keras.layers import layer

    config: dict[str, Any] = {
        "groups": grouped.shape.as_list()[2],
        "epsilon": float(walk.constant(shifted.inputs[1])),
    }
    return Recipe((x,), layer(walk, "GroupNormalization", "", (gamma, beta), **config))


def standardised_conv(walk: Walk, operation: Any) -> Recipe | None:
    """A convolution whose kernel is (kernel - mean) / sqrt(variance + epsilon) for each filter.

    Keras has no such layer: the kernel becomes the row of an embedding, and a layer norm without
    weights standardises it, so that it is trained as here.
    """
    if operation.type != "Conv2D":
        return None
    normal = _operands(operation.inputs[1].op, "Mul", "Sub", "Rsqrt")
    if normal is None or (kernel := walk.weight(normal[0].inputs[0])) is None:
        return None
    shifted = normal[1].inputs[0].op  # variance + epsilon
    variance = shifted.inputs[0].op
    if variance.type != "Mean" or walk.constant(variance.inputs[1]).tolist() != [0, 1, 2]:
        return None
    from legacy_nets.port.formats.keras.layers import layer, padding_of

    tensor = normal[0].inputs[0]
    shape = tensor.shape.as_list()
    config = {
        "strides": operation.get_attr("strides")[1:-1],
        "padding": padding_of(walk, operation),
        "dilation_rate": operation.get_attr("dilations")[1:-1],
    }
    epsilon = float(walk.constant(shifted.inputs[1]))
    standard: dict[str, Any] = {"axis": 1, "center": False, "scale": False, "epsilon": epsilon}

    def make(x: Any) -> Any:
        import keras

        once = keras.ops.expand_dims(walk.images_made()[0, 0, 0, 0], 0)  # not for every image
        rows = learned(walk, kernel, [-1, shape[-1]], once)
        rows = layer(walk, "LayerNormalization", f"{kernel}/standard", **standard)(rows)
        return keras.ops.conv(x, keras.ops.reshape(rows, shape), **config)

    return Recipe((operation.inputs[0],), make)


def _operands(operation: Any, kind: str, *kinds: str | None) -> tuple[Any, ...] | None:
    """The operations that one of a kind takes its inputs from, where they are of these kinds."""
    if operation is None or operation.type != kind:
        return None
    found = tuple(tensor.op for tensor in operation.inputs)
    fits = len(found) == len(kinds) and all(
        wanted in (None, one.type) for one, wanted in zip(found, kinds, strict=True)
    )
    return found if fits else None


def gelu(walk: Walk, operation: Any) -> Recipe | None:
    """0.5 x (1 + erf(x / sqrt 2))."""
    if operation.type != "Mul" or [tensor.op.type for tensor in operation.inputs] != [
        "Mul",
        "AddV2",
    ]:
        return None
    half, one = (tensor.op for tensor in operation.inputs)
    error = one.inputs[1].op
    if error.type != "Erf":
        return None
    x = half.inputs[1]
    quotient = error.inputs[0].op
    if quotient.type != "RealDiv" or quotient.inputs[0] is not x:
        return None
    wanted = ((half.inputs[0], 0.5), (one.inputs[0], 1.0), (quotient.inputs[1], np.sqrt(2)))
    for tensor, number in wanted:
        value = walk.known(tensor)
        if value is None or not np.allclose(value, number):
            return None
    from legacy_nets.port.formats.keras.layers import layer

    return Recipe((x,), layer(walk, "Activation", operation.name, activation="gelu"))


def class_token(walk: Walk, operation: Any) -> Recipe | None:
    """A learned token, repeated for every image."""
    if operation.type != "Tile" or (name := walk.weight(operation.inputs[0])) is None:
        return None
    if walk.constant(operation.inputs[1]).tolist() != [-1, 1, 1]:
        return None
    shape = operation.inputs[0].shape.as_list()[1:]
    return Recipe((walk.images,), lambda images: learned(walk, name, shape, images[:, 0, 0, 0]))


def lstm(walk: Walk, operation: Any) -> Recipe | None:
    """dynamic_rnn over (a stack of) LSTM cells: the loop's outputs, [T, N, units]."""
    if operation.type != "TensorListStack":
        return None
    loop = operation.inputs[0].op
    loop = loop.inputs[0].op if loop.type == "Identity" else loop
    if loop.type not in ("While", "StatelessWhile"):
        return None
    sequences = [t.op.inputs[0] for t in loop.inputs if t.op.type == "TensorListFromTensor"]
    names = list(dict.fromkeys(_variables(walk, loop)))
    kernels = [name for name in names if name.endswith("lstm_cell/kernel")]
    biases = [name for name in names if name.endswith("lstm_cell/bias")]
    if len(sequences) != 1 or not kernels or len(kernels) != len(biases):
        return None
    from legacy_nets.port.formats.keras.layers import layer

    def make(x: Any) -> Any:
        import keras

        x = keras.ops.transpose(x, [1, 0, 2])
        for kernel, bias in zip(kernels, biases, strict=True):
            units = len(walk.value(bias)) // 4
            x = layer(
                walk,
                "LSTM",
                "",
                (kernel, bias),
                _gates,
                units=units,
                return_sequences=True,
            )(x)
        return keras.ops.transpose(x, [1, 0, 2])

    return Recipe((sequences[0],), make)


def _variables(walk: Walk, loop: Any) -> list[str]:
    """Names of the variables that a loop reads."""
    reads = [tensor for tensor in loop.inputs]
    names = [
        tensor.op.name if tensor.op.type == "VarHandleOp" else walk.weight(tensor)
        for tensor in reads
    ]
    return sorted(name for name in names if name is not None)


def _gates(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """TensorFlow 1's kernel [inputs + units, i j f o] and bias as Keras' three."""
    kernel, bias = arrays
    return [*LSTM_KERNEL.back(kernel), np.asarray(LSTM_BIAS.back(bias))]


ALL: tuple[Callable[[Walk, Any], Recipe | None], ...] = (
    *(dropout, layer_norm, group_norm, standardised_conv, gelu, class_token, lstm),
)


def dense_of_tokens(walk: Walk, operation: Any, bias: str | None) -> Recipe | None:
    """A dense layer on [N, T, C]: tf.tensordot makes rows of all tokens, and undoes it."""
    product = operation.inputs[0].op
    if operation.type != "Reshape" or product.type != "MatMul":
        return None
    rows, kernel = product.inputs[0].op, walk.weight(product.inputs[1])
    if rows.type != "Reshape" or kernel is None:
        return None
    x = rows.inputs[0]
    while x.op.type == "Transpose" and walk.constant(x.op.inputs[1]).tolist() == list(
        range(x.shape.rank)
    ):
        x = x.op.inputs[0]
    units = product.inputs[1].shape.as_list()[-1]
    if operation.outputs[0].shape.as_list()[1:] != [*x.shape.as_list()[1:-1], units]:
        return None
    from legacy_nets.port.formats.keras.layers import layer

    weights = [kernel, *([bias] if bias else [])]
    return Recipe((x,), layer(walk, "Dense", "", weights, units=units, use_bias=bias is not None))


def learned(walk: Walk, name: str, shape: Sequence[int], numbers: Any) -> Any:
    """A variable as a Keras tensor [N, *shape], for N numbers: the only row of an embedding."""
    import keras

    from legacy_nets.port.formats.keras.layers import layer

    row = keras.ops.zeros_like(numbers, dtype="int32")
    size = walk.value(name).size
    embed = layer(
        walk,
        "Embedding",
        "",
        (name,),
        lambda arrays: [arrays[0].reshape(1, size)],
        input_dim=1,
        output_dim=size,
    )
    return layer(walk, "Reshape", f"{name}/shape", target_shape=tuple(shape))(embed(row))


def with_learned(
    walk: Walk, name: str, tensor: Any, join: Callable[..., Any]
) -> Callable[..., Any]:
    """A function that joins a Keras tensor with a variable [1, ...]."""
    shape = tensor.shape.as_list()[1:]
    return lambda x: join(x, learned(walk, name, shape, walk.images_made()[:, 0, 0, 0]))


def momentum(walk: Walk, operation: Any, mean: str) -> float:
    """How much of a moving mean a training step keeps, from the operation that moves it."""
    handle = next(t.op.inputs[0] for t in operation.inputs[3:4])
    for reader in handle.consumers():
        if reader.type == "AssignSubVariableOp" and reader.inputs[1].op.type == "Mul":
            share = walk.known(reader.inputs[1].op.inputs[1])
            if share is not None and share.size == 1:
                return round(1 - share.item(), 7)
    return MOMENTUM
