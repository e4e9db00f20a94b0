"""Groups of TensorFlow operations that are one Keras layer. Each function matches one group.

A function gets the group's last operation and returns None where it is another group's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.checkpoints.formats.keras3_names import LSTM_BIAS, LSTM_KERNEL
from legacy_nets.graphdef.op_types import LOOPS
from legacy_nets.port.formats.keras.conversion import Conversion, Recipe, is_identity
from legacy_nets.port.formats.keras.layer import get_padding, make_variable, prepare_layer
from legacy_nets.types import Array, Operation

if TYPE_CHECKING:
    from keras import KerasTensor

MOMENTUM = 0.99  # Keras' default, where the graph does not tell


def match_dropout(conversion: Conversion, operation: Operation) -> Recipe | None:
    """Matches Select(uniform >= rate, x / (1 - rate), 0), as tf.nn.dropout builds it."""
    if operation.type != "SelectV2" or operation.inputs[0].op.type != "GreaterEqual":
        return None
    random, rate = operation.inputs[0].op.inputs
    scaled = operation.inputs[1].op
    if random.op.type != "RandomUniform" or scaled.type != "Mul":
        return None
    # tf.layers calls the operations dropout/dropout/Mul, slim Dropout_1b/dropout/Mul
    name = operation.name.rpartition("/")[0].rpartition("/")[0] or "dropout"
    make = prepare_layer(conversion, "Dropout", name, rate=float(conversion.get_constant(rate)))
    return Recipe((scaled.inputs[0],), make)


def match_layer_norm(conversion: Conversion, operation: Operation) -> Recipe | None:
    """Matches x * (gamma / sqrt(variance + epsilon)) + (beta - mean * ...), over the last axis."""
    terms = _match_inputs(operation, "AddV2", "Mul", "Sub")
    if terms is None:
        return None
    product, shift = terms
    x, factor = product.inputs
    if factor.op.type != "Mul" or factor.op.inputs[0].op.type != "Rsqrt":
        return None
    gamma = conversion.find_variable(factor.op.inputs[1])
    beta = conversion.find_variable(shift.inputs[0])
    padded = factor.op.inputs[0].op.inputs[0].op  # variance + epsilon
    variance = padded.inputs[0].op
    if gamma is None or beta is None or variance.type != "Mean":
        return None
    axes = np.ravel(conversion.get_constant(variance.inputs[1])) % x.shape.rank
    if axes.tolist() != [x.shape.rank - 1]:
        return None
    epsilon = float(conversion.get_constant(padded.inputs[1]))
    make = prepare_layer(conversion, "LayerNormalization", "", (gamma, beta), epsilon=epsilon)
    return Recipe((x,), make)


def match_group_norm(conversion: Conversion, operation: Operation) -> Recipe | None:
    """Matches (x - mean) / sqrt(variance + epsilon) of [N, H * W, groups, C / groups], scaled."""
    scaled = _match_inputs(operation, "AddV2", "Mul", None)
    restored = _match_inputs(scaled and scaled[0], "Mul", "Reshape", None)
    normalized = _match_inputs(restored and restored[0].inputs[0].op, "Mul", "Sub", "Rsqrt")
    if scaled is None or restored is None or normalized is None:
        return None
    gamma = conversion.find_variable(scaled[0].inputs[1])
    beta = conversion.find_variable(operation.inputs[1])
    grouped, padded = normalized[0].inputs[0], normalized[1].inputs[0].op  # variance + epsilon
    variance = padded.inputs[0].op
    if gamma is None or beta is None or grouped.op.type != "Reshape" or variance.type != "Mean":
        return None
    x, axes = grouped.op.inputs[0], np.ravel(conversion.get_constant(variance.inputs[1]))
    if x.shape.rank != 4 or grouped.shape.rank != 4 or axes.tolist() != [1, 3]:
        return None
    make = prepare_layer(
        conversion,
        "GroupNormalization",
        "",
        (gamma, beta),
        groups=grouped.shape.as_list()[2],
        epsilon=float(conversion.get_constant(padded.inputs[1])),
    )
    return Recipe((x,), make)


def match_standardized_conv(conversion: Conversion, operation: Operation) -> Recipe | None:
    """Matches a convolution whose kernel is (kernel - mean) / sqrt(variance + epsilon) per filter.

    Keras has no such layer. The kernel becomes the row of an embedding, and a layer norm without
    weights standardizes it: it trains as it does here.
    """
    if operation.type != "Conv2D":
        return None
    normalized = _match_inputs(operation.inputs[1].op, "Mul", "Sub", "Rsqrt")
    if normalized is None:
        return None
    kernel = conversion.find_variable(normalized[0].inputs[0])
    if kernel is None:
        return None
    padded = normalized[1].inputs[0].op  # variance + epsilon
    variance = padded.inputs[0].op
    if variance.type != "Mean":
        return None
    if conversion.get_constant(variance.inputs[1]).tolist() != [0, 1, 2]:
        return None
    shape = normalized[0].inputs[0].shape.as_list()
    config = {
        "strides": operation.get_attr("strides")[1:-1],
        "padding": get_padding(conversion, operation),
        "dilation_rate": operation.get_attr("dilations")[1:-1],
    }
    epsilon = float(conversion.get_constant(padded.inputs[1]))

    def make(inputs: Sequence[KerasTensor]) -> list[KerasTensor]:
        import keras

        numbers = keras.ops.expand_dims(conversion.get_images()[0, 0, 0, 0], 0)  # one, not N
        rows = make_variable(conversion, kernel, [-1, shape[-1]], numbers)
        standardize = prepare_layer(
            conversion,
            "LayerNormalization",
            f"{kernel}/standard",
            axis=1,
            center=False,
            scale=False,
            epsilon=epsilon,
        )
        [standardized] = standardize([rows])
        return [keras.ops.conv(inputs[0], keras.ops.reshape(standardized, shape), **config)]

    return Recipe((operation.inputs[0],), make)


def _match_inputs(
    operation: Operation | None, op_type: str, *input_types: str | None
) -> tuple[Operation, ...] | None:
    """Returns the operations that an operation reads, where all types are these; None is any."""
    if operation is None or operation.type != op_type:
        return None
    inputs = tuple(tensor.op for tensor in operation.inputs)
    is_match = len(inputs) == len(input_types) and all(
        wanted in (None, source.type) for source, wanted in zip(inputs, input_types, strict=True)
    )
    return inputs if is_match else None


def match_gelu(conversion: Conversion, operation: Operation) -> Recipe | None:
    """Matches 0.5 x (1 + erf(x / sqrt 2))."""
    factors = _match_inputs(operation, "Mul", "Mul", "AddV2")
    if factors is None:
        return None
    half, total = factors
    error = total.inputs[1].op
    if error.type != "Erf":
        return None
    x = half.inputs[1]
    quotient = error.inputs[0].op
    if quotient.type != "RealDiv" or quotient.inputs[0] is not x:
        return None
    numbers = ((half.inputs[0], 0.5), (total.inputs[0], 1.0), (quotient.inputs[1], np.sqrt(2)))
    for tensor, number in numbers:
        value = conversion.find_constant(tensor)
        if value is None or not np.allclose(value, number):
            return None
    make = prepare_layer(conversion, "Activation", operation.name, activation="gelu")
    return Recipe((x,), make)


def match_class_token(conversion: Conversion, operation: Operation) -> Recipe | None:
    """Matches a learned token that is repeated for every image."""
    if operation.type != "Tile":
        return None
    name = conversion.find_variable(operation.inputs[0])
    if name is None or conversion.get_constant(operation.inputs[1]).tolist() != [-1, 1, 1]:
        return None
    shape = operation.inputs[0].shape.as_list()[1:]
    return Recipe(
        (conversion.images,),
        lambda inputs: [make_variable(conversion, name, shape, inputs[0][:, 0, 0, 0])],
    )


def match_lstm(conversion: Conversion, operation: Operation) -> Recipe | None:
    """Matches dynamic_rnn over (a stack of) LSTM cells: the loop's outputs, [T, N, units]."""
    if operation.type != "TensorListStack":
        return None
    loop = operation.inputs[0].op
    loop = loop.inputs[0].op if loop.type == "Identity" else loop
    if loop.type not in LOOPS:
        return None
    sequences = [t.op.inputs[0] for t in loop.inputs if t.op.type == "TensorListFromTensor"]
    names = list(dict.fromkeys(_list_variables(conversion, loop)))
    kernels = [name for name in names if name.endswith("lstm_cell/kernel")]
    biases = [name for name in names if name.endswith("lstm_cell/bias")]
    if len(sequences) != 1 or not kernels or len(kernels) != len(biases):
        return None

    def make(inputs: Sequence[KerasTensor]) -> list[KerasTensor]:
        import keras

        x = keras.ops.transpose(inputs[0], [1, 0, 2])
        for kernel, bias in zip(kernels, biases, strict=True):
            units = len(conversion.get_value(bias)) // 4
            [x] = prepare_layer(
                conversion,
                "LSTM",
                "",
                (kernel, bias),
                _convert_gates,
                units=units,
                return_sequences=True,
            )([x])
        return [keras.ops.transpose(x, [1, 0, 2])]

    return Recipe((sequences[0],), make)


def _list_variables(conversion: Conversion, loop: Operation) -> list[str]:
    """Lists the names of the variables that a loop reads."""
    names = [
        tensor.op.name if tensor.op.type == "VarHandleOp" else conversion.find_variable(tensor)
        for tensor in loop.inputs
    ]
    return sorted(name for name in names if name is not None)


def _convert_gates(arrays: list[Array]) -> list[Array]:
    """Converts TensorFlow 1's kernel [inputs + units, i j f o] and bias into Keras' three."""
    kernel, bias = arrays
    return [*LSTM_KERNEL.to_file(kernel), np.asarray(LSTM_BIAS.to_file(bias))]


PATTERNS: tuple[Callable[[Conversion, Operation], Recipe | None], ...] = (
    match_dropout,
    match_layer_norm,
    match_group_norm,
    match_standardized_conv,
    match_gelu,
    match_class_token,
    match_lstm,
)


def match_dense_of_tokens(
    conversion: Conversion, operation: Operation, bias: str | None
) -> Recipe | None:
    """Matches a dense layer on [N, T, C]: tf.tensordot makes rows of all tokens, and back."""
    product = operation.inputs[0].op
    if operation.type != "Reshape" or product.type != "MatMul":
        return None
    rows, kernel = product.inputs[0].op, conversion.find_variable(product.inputs[1])
    if rows.type != "Reshape" or kernel is None:
        return None
    x = rows.inputs[0]
    while x.op.type == "Transpose" and is_identity(conversion.get_constant(x.op.inputs[1])):
        x = x.op.inputs[0]
    units = product.inputs[1].shape.as_list()[-1]
    if operation.outputs[0].shape.as_list()[1:] != [*x.shape.as_list()[1:-1], units]:
        return None
    weights = [kernel, *([bias] if bias else [])]
    make = prepare_layer(conversion, "Dense", "", weights, units=units, use_bias=bias is not None)
    return Recipe((x,), make)


def find_momentum(conversion: Conversion, operation: Operation) -> float:
    """Returns the share of a moving mean that a training step keeps."""
    mean = operation.inputs[3].op.inputs[0]
    for reader in mean.consumers():
        if reader.type == "AssignSubVariableOp" and reader.inputs[1].op.type == "Mul":
            share = conversion.find_constant(reader.inputs[1].op.inputs[1])
            if share is not None and share.size == 1:
                return round(1 - share.item(), 7)
    return MOMENTUM
