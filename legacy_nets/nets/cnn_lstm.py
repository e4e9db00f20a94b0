"""Convolutions whose map an LSTM reads row by row, for 28x28 grey images.

Papers:  [1] LSTM, doi:10.1162/neco.1997.9.8.1735  [2] residual blocks, arXiv:1512.03385
Source:  tutorial document 000, sections CNN+LSTM and ResNet + one layer of LSTM
Input:   NHWC float32, 28x28, one channel in [0, 1]
Names:   conv2d/kernel, ..., conv2d_15/bias, rnn/multi_rnn_cell/cell_0/lstm_cell/kernel;
         second listing: conv2d_16, conv2d_17, lstm_2/rnn/multi_rnn_cell/cell_0/lstm_cell/kernel;
         dense/kernel
Differs: 000-E01 the third pool is SAME: 28-14-7-4, so that no reshape mixes examples
         000-E02 the LSTM's [N, 4, 512] is read as a 4x1 map (lstm_map="tile": four times, 4x4)
         000-E03 the second LSTM has a scope of its own, lstm_2
         000-E07, E08 a residual block refuses strides, padding and channels that do not fit
         000-E09 kept: ReLU before the sum, nothing after it
         000-E12 loss and optimizer are functions
         000-E18 kept: the last time step is used, the LSTM's state is not
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.layer_names import layer_names
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Size, Tensor

HIDDEN = 512  # units of either LSTM
SMALLEST = 4  # pixels: below, the pools leave nothing
LSTM_MAPS = ("column", "tile")


def check_residual(inputs: Tensor, filters: int, strides: Size, padding: str, block: str) -> None:
    """Raises BadInputError where a block's result cannot be added to its input."""
    if inputs.shape[-1] != filters:  # one channel would be broadcast, without an error: 000-E08
        raise BadInputError(
            f"{block} adds its input ({inputs.shape[-1]} channels) to {filters} filters: "
            "give it as many filters as channels"
        )
    if np.any(np.not_equal(strides, 1)) or padding.lower() != "same":
        raise BadInputError(
            f"{block} adds its input unchanged, so strides={strides}, padding={padding!r} cannot "
            "fit: use strides 1 and padding 'same', and a convolution before it to shrink"
        )


def conv2d_layer(
    inputs: Tensor,
    filters: int,
    kernel_size: Size,
    strides: Size,
    padding: str,
    *,
    names: Iterator[str] | None = None,
) -> Tensor:
    """Builds convolution, bias, ReLU: float32 [N, H, W, C] -> [N, H', W', filters].

    The layer takes the next of ``names``; without them, TensorFlow numbers it.
    """
    return tf.layers.conv2d(
        inputs=inputs,
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        activation=tf.nn.relu,
        name=next(names) if names else None,
    )


def residual_block(
    inputs: Tensor,
    filters: int,
    kernel_size: Size,
    strides: Size,
    padding: str,
    *,
    names: Iterator[str] | None = None,
) -> Tensor:
    """Adds two ``conv2d_layer`` to the input: float32 [N, H, W, filters] -> the same shape.

    Raises: BadInputError unless the input has ``filters`` channels, ``strides`` is 1 and
    ``padding`` is "same".
    """
    check_residual(inputs, filters, strides, padding, "residual_block")
    conv1 = conv2d_layer(inputs, filters, kernel_size, strides, padding, names=names)
    conv2 = conv2d_layer(conv1, filters, kernel_size, strides, padding, names=names)
    return tf.add(conv2, inputs)  # 000-E09


def lstm_layer(inputs: Tensor, hidden_size: int, num_layers: int) -> Tensor:
    """Builds a stacked LSTM: float32 [N, T, F] -> [N, T, hidden_size], for all time steps.

    Variables are under ``rnn``: a second call needs a variable scope around it (000-E03).
    """
    cells = [tf.nn.rnn_cell.LSTMCell(hidden_size, name="lstm_cell") for _ in range(num_layers)]
    stacked_lstm = tf.nn.rnn_cell.MultiRNNCell(cells)
    outputs, _ = tf.nn.dynamic_rnn(stacked_lstm, inputs, dtype=tf.float32)  # 000-E18
    return outputs


def _check_images(images: Tensor, net: str) -> None:
    sides = images.shape.as_list()[1:3] if images.shape.rank == 4 else []
    if None in (*sides, images.shape.rank) or len(sides) != 2:
        raise BadInputError(
            f"{net} takes images [N, H, W, C] of known height and width (28x28x1 in the "
            f"document), not {images.shape}"
        )
    if min(sides) < SMALLEST:
        raise BadInputError(
            f"images of {sides[0]}x{sides[1]} are too small for {net}: "
            f"the smallest is {SMALLEST}x{SMALLEST}"
        )


def _build_first_listing(inputs: Tensor, names: Iterator[str]) -> EndPoints:
    """Builds the first listing, in the current variable scope; returns the end points."""
    # first group
    conv1 = conv2d_layer(inputs, 32, 3, 1, "same", names=names)  # (N, 28, 28, 32)
    conv2 = conv2d_layer(conv1, 32, 3, 1, "same", names=names)  # (N, 28, 28, 32)
    residual1 = residual_block(conv2, 32, 3, 1, "same", names=names)  # (N, 28, 28, 32)
    # (N, 14, 14, 32)
    pool1 = tf.layers.max_pooling2d(inputs=residual1, pool_size=2, strides=2)
    # second group
    conv3 = conv2d_layer(pool1, 64, 3, 1, "same", names=names)  # (N, 14, 14, 64)
    conv4 = conv2d_layer(conv3, 64, 3, 1, "same", names=names)  # (N, 14, 14, 64)
    residual2 = residual_block(conv4, 64, 3, 1, "same", names=names)  # (N, 14, 14, 64)
    # (N, 7, 7, 64)
    pool2 = tf.layers.max_pooling2d(inputs=residual2, pool_size=2, strides=2)
    # third group
    conv5 = conv2d_layer(pool2, 128, 3, 1, "same", names=names)  # (N, 7, 7, 128)
    conv6 = conv2d_layer(conv5, 128, 3, 1, "same", names=names)  # (N, 7, 7, 128)
    residual3 = residual_block(conv6, 128, 3, 1, "same", names=names)  # (N, 7, 7, 128)
    # (N, 4, 4, 128); 000-E01: padding VALID would leave 3x3
    pool3 = tf.layers.max_pooling2d(inputs=residual3, pool_size=2, strides=2, padding="same")
    # fourth group
    conv7 = conv2d_layer(pool3, 256, 3, 1, "same", names=names)  # (N, 4, 4, 256)
    conv8 = conv2d_layer(conv7, 256, 3, 1, "same", names=names)  # (N, 4, 4, 256)
    residual4 = residual_block(conv8, 256, 3, 1, "same", names=names)  # (N, 4, 4, 256)
    # a row of the map is a time step
    _, rows, columns, depth = residual4.shape.as_list()
    lstm_input = tf.reshape(residual4, [-1, rows, columns * depth])  # (N, 4, 1024)
    lstm_output = lstm_layer(lstm_input, HIDDEN, 1)  # (N, 4, 512)
    return {
        **{"conv1": conv1, "conv2": conv2, "residual1": residual1, "pool1": pool1},
        **{"conv3": conv3, "conv4": conv4, "residual2": residual2, "pool2": pool2},
        **{"conv5": conv5, "conv6": conv6, "residual3": residual3, "pool3": pool3},
        **{"conv7": conv7, "conv8": conv8, "residual4": residual4},
        **{"lstm_input": lstm_input, "lstm_output": lstm_output},
    }


def _build_second_listing(lstm_output: Tensor, names: Iterator[str], lstm_map: str) -> EndPoints:
    """Builds the second listing on the first LSTM's output [N, T, 512]; returns the end points."""
    steps = lstm_output.shape[1]
    columns = steps if lstm_map == "tile" else 1
    resnet_input = tf.reshape(lstm_output, [-1, steps, 1, HIDDEN])  # (N, 4, 1, 512); 000-E02
    if columns > 1:
        resnet_input = tf.tile(resnet_input, [1, 1, columns, 1])  # (N, 4, 4, 512)
    residual5 = residual_block(resnet_input, HIDDEN, 3, 1, "same", names=names)
    # (N, 4, 512) or (N, 4, 2048)
    lstm_input2 = tf.reshape(residual5, [-1, steps, columns * HIDDEN])
    with tf.variable_scope("lstm_2"):  # 000-E03
        lstm_output2 = lstm_layer(lstm_input2, HIDDEN, 1)  # (N, 4, 512)
    return {
        "resnet_input": resnet_input,
        "residual5": residual5,
        "lstm_input2": lstm_input2,
        "lstm_output2": lstm_output2,
    }


def _build_head(end_points: EndPoints, num_classes: int | None) -> Tensor:
    """Builds a dense layer on the last time step; without classes, returns all time steps."""
    x = next(reversed(end_points.values()))
    if num_classes is None:
        return x
    x = tf.reshape(x[:, -1, :], [-1, HIDDEN])  # (N, 512)
    end_points["flatten"] = x
    logits = tf.layers.dense(x, num_classes, name="dense")  # (N, num_classes)
    end_points["logits"] = logits
    return logits


def cnn_lstm(
    images: Tensor,
    num_classes: int | None = None,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
) -> NetOutputs:
    """Builds the first listing: four groups of convolutions and an LSTM over the rows of their map.

    Args:
      images: float32 [N, H, W, C] in [0, 1], height and width known; the document: 28x28x1.
      num_classes: units of a dense layer on the last time step; None leaves it out.
      is_training: nothing here depends on it.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.

    Returns: logits [N, num_classes], or the LSTM's outputs [N, H/8, 512] without classes; and
    the end points in order of construction.
    Raises: BadInputError for images of unknown size or below 4x4 pixels.
    """
    _check_images(images, "cnn_lstm")
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        end_points = _build_first_listing(images, layer_names("conv2d"))
        return _build_head(end_points, num_classes), end_points


def cnn_lstm_resnet(
    images: Tensor,
    num_classes: int | None = 10,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    lstm_map: str = "column",
) -> NetOutputs:
    """Builds both listings and the output layer: ``cnn_lstm``, a residual block, a second LSTM.

    Args:
      images, num_classes, is_training, reuse, scope: see ``cnn_lstm``.
      lstm_map: the shape in which the residual block reads the first LSTM's [N, 4, 512]
        (000-E02): "column", a 4x1 map; "tile", that column four times, which keeps the document's
        shapes.

    Returns, raises: as ``cnn_lstm``; BadInputError for another ``lstm_map`` too.
    """
    _check_images(images, "cnn_lstm_resnet")
    if lstm_map not in LSTM_MAPS:
        raise BadInputError(f"lstm_map={lstm_map!r}: choose one of {', '.join(LSTM_MAPS)}")
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        names = layer_names("conv2d")
        end_points = _build_first_listing(images, names)
        lstm_output = end_points["lstm_output"]
        end_points |= _build_second_listing(lstm_output, names, lstm_map)
        return _build_head(end_points, num_classes), end_points


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Builds the mean softmax cross-entropy; logits [N, classes], labels int [N]."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def train_step(loss: Tensor, learning_rate: float = 1e-4) -> Tensor:
    """Builds the document's optimizer: one step of Adam on a scalar loss."""
    return tf.train.AdamOptimizer(learning_rate).minimize(loss)
