"""Convolutions whose map an LSTM reads row by row, for 28x28 grey images.

Papers:  [1] LSTM, doi:10.1162/neco.1997.9.8.1735  [2] residual blocks, arXiv:1512.03385
Source:  tutorial document 000, sections CNN+LSTM and ResNet + one layer of LSTM
Input:   NHWC float32, 28x28, one channel in [0, 1]
Names:   conv2d/kernel, ..., conv2d_15/bias, rnn/multi_rnn_cell/cell_0/lstm_cell/kernel; second
         half: conv2d_16, conv2d_17, lstm_2/rnn/multi_rnn_cell/cell_0/lstm_cell/kernel; dense/kernel
Differs: 000-E01 the third pool is SAME: 28-14-7-4, so that no reshape mixes examples
         000-E02 the LSTM's [N, 4, 512] is read as a 4x1 map (lstm_map="tile": four times, 4x4)
         000-E03 the second LSTM has a scope of its own, lstm_2
         000-E07, E08 a residual block refuses strides, padding and channels that do not fit
         000-E09 kept: ReLU before the sum, nothing after it
         000-E12 loss and optimizer are functions
         000-E18 kept: the last time step is used, the LSTM's state is not
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError

GROUPS = (32, 64, 128, 256)  # filters of the four groups of convolutions
HIDDEN = 512  # units of either LSTM
SMALLEST = 4  # pixels: below, the pools leave nothing
LSTM_MAPS = ("column", "tile")


def layer_names(kind: str) -> Iterator[str]:
    """kind, kind_1, kind_2, ...: TF1's own names of layers, said aloud so that reuse finds them."""
    return (f"{kind}_{number}" if number else kind for number in itertools.count())


def check_residual(inputs: Any, filters: int, strides: Any, padding: str, block: str) -> None:
    """Raises BadInputError where a block's result cannot be added to its input."""
    if inputs.shape[-1] != filters:  # one channel would be broadcast in silence: 000-E08
        raise BadInputError(
            f"{block} adds its input ({inputs.shape[-1]} channels) to {filters} filters: "
            "give it as many filters as channels"
        )
    if np.any(np.not_equal(strides, 1)) or padding.lower() != "same":
        raise BadInputError(
            f"{block} adds its input unchanged, so strides={strides}, padding={padding!r} cannot "
            "fit: use strides 1 and padding 'same', and a convolution ahead of it to shrink"
        )


def conv2d_layer(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any,
    padding: str,
    *,
    names: Iterator[str] | None = None,
) -> Any:
    """Convolution, bias, ReLU: float32 [N, H, W, C] -> [N, H', W', filters].

    The layer takes the next of ``names``; without, TF1 numbers it.
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
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any,
    padding: str,
    *,
    names: Iterator[str] | None = None,
) -> Any:
    """Two ``conv2d_layer`` plus the input: float32 [N, H, W, filters] -> the same shape.

    Raises: BadInputError unless the input has ``filters`` channels, ``strides`` is 1 and
    ``padding`` is "same".
    """
    check_residual(inputs, filters, strides, padding, "residual_block")
    x = conv2d_layer(inputs, filters, kernel_size, strides, padding, names=names)
    x = conv2d_layer(x, filters, kernel_size, strides, padding, names=names)
    return tf.add(x, inputs)  # 000-E09


def lstm_layer(inputs: Any, hidden_size: int, num_layers: int) -> Any:
    """Stacked LSTM: float32 [N, T, F] -> [N, T, hidden_size], the outputs of all time steps.

    Variables lie under ``rnn``: a second call needs a variable scope around it (000-E03).
    """
    cells = [tf.nn.rnn_cell.LSTMCell(hidden_size, name="lstm_cell") for _ in range(num_layers)]
    stacked = tf.nn.rnn_cell.MultiRNNCell(cells)
    outputs, _ = tf.nn.dynamic_rnn(stacked, inputs, dtype=tf.float32)  # 000-E18
    return outputs


def _check_images(images: Any, net: str) -> None:
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


def _first_half(images: Any, names: Iterator[str]) -> dict[str, Any]:
    """The first listing, in the current variable scope; returns the end points."""
    end_points = {}
    x = images
    for group, filters in enumerate(GROUPS, 1):
        # (N, 28, 28, 32), (N, 14, 14, 64), (N, 7, 7, 128), (N, 4, 4, 256)
        for number in (2 * group - 1, 2 * group):
            x = conv2d_layer(x, filters, 3, 1, "same", names=names)
            end_points[f"conv{number}"] = x
        x = residual_block(x, filters, 3, 1, "same", names=names)
        end_points[f"residual{group}"] = x
        if group < len(GROUPS):
            padding = "same" if group == 3 else "valid"  # 000-E01
            x = tf.layers.max_pooling2d(inputs=x, pool_size=2, strides=2, padding=padding)
            end_points[f"pool{group}"] = x
    _, rows, columns, depth = x.shape.as_list()
    x = tf.reshape(x, [-1, rows, columns * depth])  # (N, 4, 1024): a time step is a row
    end_points["lstm_input"] = x
    end_points["lstm_output"] = lstm_layer(x, HIDDEN, 1)  # (N, 4, 512)
    return end_points


def _second_half(end_points: dict[str, Any], names: Iterator[str], lstm_map: str) -> None:
    """The second listing; adds to the end points of the first."""
    x = end_points["lstm_output"]
    steps = x.shape[1]
    columns = steps if lstm_map == "tile" else 1
    x = tf.reshape(x, [-1, steps, 1, HIDDEN])  # (N, 4, 1, 512): 000-E02
    if columns > 1:
        x = tf.tile(x, [1, 1, columns, 1])  # (N, 4, 4, 512)
    end_points["resnet_input"] = x
    x = residual_block(x, HIDDEN, 3, 1, "same", names=names)
    end_points["residual5"] = x
    x = tf.reshape(x, [-1, steps, columns * HIDDEN])  # (N, 4, 512) or (N, 4, 2048)
    end_points["lstm_input2"] = x
    with tf.variable_scope("lstm_2"):  # 000-E03
        end_points["lstm_output2"] = lstm_layer(x, HIDDEN, 1)  # (N, 4, 512)


def _head(end_points: dict[str, Any], num_classes: int | None) -> Any:
    """Last time step and a dense layer; all time steps where there are no classes."""
    x = next(reversed(end_points.values()))
    if num_classes is None:
        return x
    x = tf.reshape(x[:, -1, :], [-1, HIDDEN])  # (N, 512)
    end_points["flatten"] = x
    logits = tf.layers.dense(x, num_classes, name="dense")  # (N, num_classes)
    end_points["logits"] = logits
    return logits


def cnn_lstm(
    images: Any,
    num_classes: int | None = None,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
) -> tuple[Any, dict[str, Any]]:
    """The first listing: four groups of convolutions and an LSTM over the rows of their map.

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
        end_points = _first_half(images, layer_names("conv2d"))
        return _head(end_points, num_classes), end_points


def cnn_lstm_resnet(
    images: Any,
    num_classes: int | None = 10,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "",
    lstm_map: str = "column",
) -> tuple[Any, dict[str, Any]]:
    """Both listings and the output layer: ``cnn_lstm``, a residual block, a second LSTM.

    Args:
      images, num_classes, is_training, reuse, scope: see ``cnn_lstm``.
      lstm_map: how the residual block sees the first LSTM's [N, 4, 512] (000-E02): "column", a
        4x1 map; "tile", that column four times, which keeps the document's shapes.

    Returns, raises: as ``cnn_lstm``; BadInputError for another ``lstm_map`` too.
    """
    _check_images(images, "cnn_lstm_resnet")
    if lstm_map not in LSTM_MAPS:
        raise BadInputError(f"lstm_map={lstm_map!r}: choose one of {', '.join(LSTM_MAPS)}")
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        names = layer_names("conv2d")
        end_points = _first_half(images, names)
        _second_half(end_points, names, lstm_map)
        return _head(end_points, num_classes), end_points


def loss(logits: Any, labels: Any) -> Any:
    """Mean softmax cross-entropy; logits [N, classes], labels int [N]."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def train_step(loss: Any, learning_rate: float = 1e-4) -> Any:
    """The document's optimizer: one step of Adam."""
    return tf.train.AdamOptimizer(learning_rate).minimize(loss)
