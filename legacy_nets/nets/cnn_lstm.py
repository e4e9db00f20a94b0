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

from collections.abc import Callable
from typing import TypeAlias

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.residual import check_residual
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Size, Tensor

SMALLEST = 4  # pixels: below, the pools leave nothing
LSTM_MAPS = ("column", "tile")
LstmLayer: TypeAlias = Callable[[Tensor, int, int], Tensor]  # as ``lstm_layer``


def conv2d_layer(
    inputs: Tensor, filters: int, kernel_size: Size, strides: Size, padding: str
) -> Tensor:
    """Builds convolution, bias, ReLU: float32 [N, H, W, C] -> [N, H', W', filters].

    TensorFlow names the layer: conv2d, conv2d_1, ...
    """
    conv = tf.layers.conv2d(
        inputs=inputs,
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        activation=tf.nn.relu,
    )
    return conv


def residual_block(
    inputs: Tensor, filters: int, kernel_size: Size, strides: Size, padding: str
) -> Tensor:
    """Adds two ``conv2d_layer`` to the input: float32 [N, H, W, filters] -> the same shape.

    Raises: BadInputError unless the input has ``filters`` channels, ``strides`` is 1 and
    ``padding`` is "same".
    """
    check_residual(inputs, filters, strides, padding, "residual_block")  # 000-E07, E08
    conv1 = conv2d_layer(inputs, filters, kernel_size, strides, padding)  # (N, H, W, C)
    conv2 = conv2d_layer(conv1, filters, kernel_size, strides, padding)  # (N, H, W, C)
    residual_connection = tf.add(conv2, inputs)  # (N, H, W, C); 000-E09
    return residual_connection


def lstm_layer(inputs: Tensor, hidden_size: int, num_layers: int) -> Tensor:
    """Builds a stacked LSTM: float32 [N, T, F] -> [N, T, hidden_size], for all time steps.

    Variables are under ``rnn``: a second call needs a variable scope around it (000-E03).
    """
    cells = [tf.nn.rnn_cell.LSTMCell(hidden_size) for _ in range(num_layers)]
    stacked_lstm = tf.nn.rnn_cell.MultiRNNCell(cells)
    # (N, T, hidden_size); 000-E18
    outputs, _state = tf.nn.dynamic_rnn(stacked_lstm, inputs, dtype=tf.float32)
    return outputs


def unrolled_lstm_layer(inputs: Tensor, hidden_size: int, num_layers: int) -> Tensor:
    """Builds ``lstm_layer`` without a loop, with the same variables; T is known."""
    cells = [tf.nn.rnn_cell.LSTMCell(hidden_size) for _ in range(num_layers)]
    stacked_lstm = tf.nn.rnn_cell.MultiRNNCell(cells)
    steps, _state = tf.nn.static_rnn(stacked_lstm, tf.unstack(inputs, axis=1), dtype=tf.float32)
    return tf.stack(steps, axis=1)


def _choose_lstm_layer(unroll: bool) -> LstmLayer:
    return unrolled_lstm_layer if unroll else lstm_layer


def _build_first_listing(inputs: Tensor, points: EndPoints, lstm_layer: LstmLayer) -> Tensor:
    """Builds four groups of convolutions and an LSTM over the rows of their map.

    float32 [N, H, W, C] -> [N, H/8, 512]. Adds to the end points.
    """
    # first group
    points["conv1"] = conv1 = conv2d_layer(inputs, 32, 3, 1, "same")  # (N, 28, 28, 32)
    points["conv2"] = conv2 = conv2d_layer(conv1, 32, 3, 1, "same")  # (N, 28, 28, 32)
    points["residual1"] = residual1 = residual_block(conv2, 32, 3, 1, "same")  # (N, 28, 28, 32)
    # (N, 14, 14, 32)
    points["pool1"] = pool1 = tf.layers.max_pooling2d(inputs=residual1, pool_size=2, strides=2)
    # second group
    points["conv3"] = conv3 = conv2d_layer(pool1, 64, 3, 1, "same")  # (N, 14, 14, 64)
    points["conv4"] = conv4 = conv2d_layer(conv3, 64, 3, 1, "same")  # (N, 14, 14, 64)
    points["residual2"] = residual2 = residual_block(conv4, 64, 3, 1, "same")  # (N, 14, 14, 64)
    # (N, 7, 7, 64)
    points["pool2"] = pool2 = tf.layers.max_pooling2d(inputs=residual2, pool_size=2, strides=2)
    # third group
    points["conv5"] = conv5 = conv2d_layer(pool2, 128, 3, 1, "same")  # (N, 7, 7, 128)
    points["conv6"] = conv6 = conv2d_layer(conv5, 128, 3, 1, "same")  # (N, 7, 7, 128)
    points["residual3"] = residual3 = residual_block(conv6, 128, 3, 1, "same")  # (N, 7, 7, 128)
    # (N, 4, 4, 128); 000-E01: padding VALID would leave 3x3
    points["pool3"] = pool3 = tf.layers.max_pooling2d(
        inputs=residual3, pool_size=2, strides=2, padding="same"
    )
    # fourth group
    points["conv7"] = conv7 = conv2d_layer(pool3, 256, 3, 1, "same")  # (N, 4, 4, 256)
    points["conv8"] = conv8 = conv2d_layer(conv7, 256, 3, 1, "same")  # (N, 4, 4, 256)
    points["residual4"] = residual4 = residual_block(conv8, 256, 3, 1, "same")  # (N, 4, 4, 256)
    # a row of the map is a time step
    _, rows, columns, _ = residual4.shape.as_list()
    # (N, 4, 1024)
    points["lstm_input"] = lstm_input = tf.reshape(residual4, [-1, rows, columns * 256])
    points["lstm_output"] = lstm_output = lstm_layer(lstm_input, 512, 1)  # (N, 4, 512)
    return lstm_output


def _build_second_listing(
    lstm_output: Tensor, lstm_map: str, points: EndPoints, lstm_layer: LstmLayer
) -> Tensor:
    """Builds a residual block on the first LSTM's output, and a second LSTM.

    float32 [N, T, 512] -> the same shape. Adds to the end points.
    """
    steps = lstm_output.shape[1]
    # 000-E02: 4x4 maps from 4 steps would mix four examples
    columns = steps if lstm_map == "tile" else 1
    resnet_input = tf.reshape(lstm_output, [-1, steps, 1, 512])  # (N, 4, 1, 512)
    if columns > 1:
        resnet_input = tf.tile(resnet_input, [1, 1, columns, 1])  # (N, 4, 4, 512)
    points["resnet_input"] = resnet_input
    # (N, 4, 1, 512) or (N, 4, 4, 512)
    points["residual5"] = residual5 = residual_block(resnet_input, 512, 3, 1, "same")
    # (N, 4, 512) or (N, 4, 2048)
    points["lstm_input2"] = lstm_input2 = tf.reshape(residual5, [-1, steps, columns * 512])
    with tf.variable_scope("lstm_2"):  # 000-E03
        points["lstm_output2"] = lstm_output2 = lstm_layer(lstm_input2, 512, 1)  # (N, 4, 512)
    return lstm_output2


def _build_output_layer(lstm_output: Tensor, num_classes: int | None, points: EndPoints) -> Tensor:
    """Builds a dense layer on the last time step; without classes, returns all time steps."""
    if num_classes is None:
        return lstm_output
    points["flatten"] = flatten = tf.reshape(lstm_output[:, -1, :], [-1, 512])  # (N, 512)
    points["logits"] = logits = tf.layers.dense(flatten, num_classes)  # (N, num_classes)
    return logits


def cnn_lstm(
    images: Tensor,
    num_classes: int | None = None,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    unroll: bool = False,
) -> NetOutputs:
    """Builds the first listing: four groups of convolutions and an LSTM over the rows of their map.

    Args:
      images: float32 [N, H, W, C] in [0, 1], height and width known; the document: 28x28x1.
      num_classes: units of a dense layer on the last time step; None leaves it out.
      is_training: nothing here depends on it.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.
      unroll: whether each time step of the LSTM is built, in place of a loop; same variables.

    Returns: logits [N, num_classes], or the LSTM's outputs [N, H/8, 512] without classes; and
    the end points in order of construction.
    Raises: BadInputError for images of unknown size or below 4x4 pixels.
    """
    _check_images(images, "cnn_lstm")
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        lstm_output = _build_first_listing(images, end_points, _choose_lstm_layer(unroll))
        logits = _build_output_layer(lstm_output, num_classes, end_points)
    return logits, end_points


def cnn_lstm_resnet(
    images: Tensor,
    num_classes: int | None = 10,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    lstm_map: str = "column",
    unroll: bool = False,
) -> NetOutputs:
    """Builds both listings and the output layer: ``cnn_lstm``, a residual block, a second LSTM.

    Args:
      images, num_classes, is_training, reuse, scope, unroll: see ``cnn_lstm``.
      lstm_map: the shape in which the residual block reads the first LSTM's [N, 4, 512]
        (000-E02): "column", a 4x1 map; "tile", that column four times, which keeps the document's
        shapes.

    Returns, raises: as ``cnn_lstm``; BadInputError for another ``lstm_map`` too.
    """
    _check_images(images, "cnn_lstm_resnet")
    if lstm_map not in LSTM_MAPS:
        raise BadInputError(f"lstm_map={lstm_map!r}: choose one of {', '.join(LSTM_MAPS)}")
    end_points: EndPoints = {}
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        layer = _choose_lstm_layer(unroll)
        lstm_output = _build_first_listing(images, end_points, layer)
        lstm_output2 = _build_second_listing(lstm_output, lstm_map, end_points, layer)
        logits = _build_output_layer(lstm_output2, num_classes, end_points)
    return logits, end_points


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Builds the mean softmax cross-entropy; logits [N, classes], labels int [N]."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def train_step(loss: Tensor, learning_rate: float = 1e-4) -> Tensor:
    """Builds the document's optimizer: one step of Adam on a scalar loss."""
    return tf.train.AdamOptimizer(learning_rate).minimize(loss)


def _check_images(images: Tensor, net: str) -> None:
    """Raises BadInputError unless images [N, H, W, C] have a known size, large enough."""
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
