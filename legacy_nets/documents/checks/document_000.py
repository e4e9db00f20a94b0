"""Checks for document 000 (CNN, LSTM and video nets)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import Layer, analyze_graph
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import Check, Sides, get_static_shape
from legacy_nets.nets import cnn_lstm as images_module
from legacy_nets.nets import video_resnet as video
from legacy_nets.nets.build import load_function
from legacy_nets.registry import get_net
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.types import Tensor


@functools.cache
def _build_literal(batch: int | None) -> dict[str, Tensor]:
    """Builds the original listings, except that the second LSTM has a scope (000-E03)."""
    points: dict[str, Tensor] = {}
    with tf.Graph().as_default(), without_initial_values():
        x = tf.placeholder(tf.float32, [batch, 28, 28, 1])
        for group, filters in enumerate((32, 64, 128, 256), 1):
            for _ in range(2):
                x = images_module.conv2d_layer(x, filters, 3, 1, "same")
            x = points[f"residual{group}"] = images_module.residual_block(x, filters, 3, 1, "same")
            if group < 4:
                x = points[f"pool{group}"] = tf.layers.max_pooling2d(x, 2, 2)
        x = points["lstm_input"] = tf.reshape(x, [-1, 4, 4 * 256])
        x = points["lstm_output"] = images_module.lstm_layer(x, 512, 1)
        x = points["resnet_input"] = tf.reshape(x, [-1, 4, 4, 512])
        x = points["residual5"] = images_module.residual_block(x, 512, 3, 1, "same")
        x = points["lstm_input2"] = tf.reshape(x, [-1, 4, 4 * 512])
        try:
            images_module.lstm_layer(x, 512, 1)
        except ValueError as error:
            points["second LSTM"] = error  # instead of a tensor
        with tf.variable_scope("lstm_2"):
            x = points["lstm_output2"] = images_module.lstm_layer(x, 512, 1)
        x = points["flatten"] = tf.reshape(x[:, -1, :], [-1, 512])
        points["logits"] = tf.layers.dense(x, 10)
    return points


def get_literal_shape(point: str, batch: str = "-") -> object:
    """Returns the static shape of a tensor of the original listings, or its error's type."""
    output = _build_literal(None if batch == "-" else int(batch))[point]
    return type(output).__name__ if isinstance(output, ValueError) else get_static_shape(output)


def get_literal_size(point: str) -> tuple[int | None, ...]:
    """Returns height and width of a map of the original listings."""
    return get_static_shape(_build_literal(None)[point])[1:3]


def list_accepting_layers(size: str, *names: str) -> list[str]:
    """Lists the layers of tf.layers that accept a window with that many sides (for clips)."""
    window = tuple(int(number) for number in size.split("x"))
    layers = {
        "conv2d": tf.layers.conv2d,
        "conv3d": tf.layers.conv3d,
        "max_pooling2d": tf.layers.max_pooling2d,
        "max_pooling3d": tf.layers.max_pooling3d,
    }
    accepted = []
    for name in names:
        with tf.Graph().as_default():
            x = tf.placeholder(tf.float32, [None, 4, 8, 8, 3])
            layer = layers[name]
            strides = (1, *(2,) * (len(window) - 1))
            try:
                layer(x, 4, window, strides) if "conv" in name else layer(x, window, strides)
            except ValueError:
                continue
            accepted.append(name)
    return accepted


def get_conv2d_error(size: str) -> str:
    """Returns the type of the error that tf.layers.conv2d raises for a clip and a kernel."""
    with tf.Graph().as_default():
        try:
            x = tf.placeholder(tf.float32, [None, 4, 8, 8, 3])
            tf.layers.conv2d(x, 4, tuple(int(number) for number in size.split("x")))
        except ValueError as error:
            return type(error).__name__
    return "nothing"


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "conv2d_layer": images_module.conv2d_layer,
    "conv3d_layer": video.conv3d_layer,
    "lstm_layer": images_module.lstm_layer,
    "residual_2plus1d_block": video.residual_2plus1d_block,
    "residual_3d_block": video.residual_3d_block,
    "residual_block": images_module.residual_block,
}


def list_parameters(function: str) -> list[str]:
    """Lists the parameters of a function of the document."""
    return common.list_document_parameters(FUNCTIONS[function])


def list_lstm_layers() -> list[str]:
    """Lists the layers that lstm_layer adds to a graph, for one cell."""
    with tf.Graph().as_default() as graph, without_initial_values():
        x = tf.placeholder(tf.float32, [None, 4, 6])
        layers = analyze_graph(graph, [x], [images_module.lstm_layer(x, 5, 1)]).layers
    return [layer.layer_type for layer in layers if layer.layer_type != "input"]


def _list_convolutions(net: str) -> list[Layer]:
    layers = common.analyze_net(net).layers
    return [layer for layer in layers if layer.layer_type == "convolution"]


def count_widths(net: str) -> int:
    """Counts the different widths of the convolutions, one for each group of layers."""
    return len({layer.output[-1] for layer in _list_convolutions(net) if layer.output})


def count_end_points(net: str, prefix: str) -> int:
    """Counts the end points of a net whose name has a prefix."""
    return sum(key.startswith(prefix) for key in common.build_net(net)[2])


def count_between_lstms(layer_type: str) -> int:
    """Counts layers of a type between the two LSTMs of cnn_lstm_resnet."""
    types = [layer.layer_type for layer in common.analyze_net("cnn_lstm_resnet").layers]
    first, last = (i for i, name in enumerate(types) if name == "lstm")
    return types[first:last].count(layer_type)


def count_lstm_units() -> list[int]:
    """Returns the units of both LSTMs: a quarter of a kernel's columns (four gates)."""
    kernels = [f"{scope}rnn/multi_rnn_cell/cell_0/lstm_cell/kernel" for scope in ("", "lstm_2/")]
    return [common.get_variable_shape("cnn_lstm_resnet", name)[1] // 4 for name in kernels]


def list_convolution_windows(net: str) -> list[object]:
    """Lists the different kernels, then strides, of all convolutions of a net."""
    convolutions = _list_convolutions(net)
    return [
        *dict.fromkeys(layer.kernel for layer in convolutions),
        *dict.fromkeys(layer.stride for layer in convolutions),
    ]


def list_pool_windows(net: str, *fields: str) -> list[object]:
    """Lists the different windows, strides (and paddings) of all pools of a net."""
    pools = [layer for layer in common.analyze_net(net).layers if layer.layer_type == "max pool"]
    columns = ("kernel", "stride", *fields)
    return [
        value
        for field in columns
        for value in dict.fromkeys(common.get_field(pool, field) for pool in pools)
    ]


def get_last_step() -> int:
    """Returns the index of the time step that the scores of cnn_lstm_resnet come from."""
    step = common.build_net("cnn_lstm_resnet")[2]["flatten"].op.inputs[0].op
    return int(tf.get_static_value(step.inputs[1])[1])


def count_lstm_cells(net: str) -> int:
    """Counts the cells stacked in the deepest LSTM of a net."""
    with common.build_net(net)[0].graph.as_default():
        cells = [v.op.name.split("/")[-3] for v in tf.global_variables() if "lstm_cell" in v.name]
    return len(set(cells))


@functools.cache
def _analyze_block(name: str) -> tuple[Layer, ...]:
    """Analyzes the layers of a convolution or residual block of the document."""
    is_clip = name not in ("conv2d_layer", "residual_block")
    with tf.Graph().as_default() as graph, without_initial_values():
        x = tf.placeholder(tf.float32, [None, *(4,) * is_clip, 8, 8, 6])
        y = FUNCTIONS[name](x, 6, 3, 1, "same")
        return analyze_graph(graph, [x], [y]).layers


def list_block_kernels(name: str) -> list[object]:
    """Lists the kernels of a residual block of kernel size 3."""
    return [layer.kernel for layer in _analyze_block(name) if layer.layer_type == "convolution"]


def list_block_layers(name: str) -> list[str]:
    """Lists the layers that a convolution or residual block adds to a graph."""
    return [layer.layer_type for layer in _analyze_block(name) if layer.layer_type != "input"]


def count_spanned_convolutions(name: str) -> int:
    """Counts the convolutions that one shortcut of a residual block spans."""
    types = [layer.layer_type for layer in _analyze_block(name)]
    return types.count("convolution") // types.count("add")


def count_relus(name: str) -> int:
    """Counts the convolutions of a residual block that end in a ReLU."""
    return sum("Relu" in layer.operations for layer in _analyze_block(name))


def are_convolutions_paired(net: str) -> bool:
    """Whether a convolution in time follows each convolution in space."""
    kernels = [layer.kernel for layer in _list_convolutions(net) if layer.kernel]
    spatial = [i for i, kernel in enumerate(kernels) if kernel[0] == 1 and kernel[-1] > 1]
    following = [kernels[i + 1] if i + 1 < len(kernels) else (1, 1, 1) for i in spatial]
    return all(kernel[0] > 1 for kernel in following)


def count_weight_layers(net: str) -> int:
    """Counts the layers with weights; a pair in space and time counts once."""
    layers = [
        layer
        for layer in common.analyze_net(net).layers
        if layer.layer_type in ("convolution", "dense") and "downsample" not in layer.name
    ]
    return sum(layer.kernel is None or layer.kernel[0] > 1 for layer in layers)


def can_replace(net: str, other: str) -> bool:
    """Whether the variables of one net could hold those of another, whatever their names."""

    def shapes(name: str) -> list[tuple[int, ...]]:
        with common.build_net(name, "-", "num_classes=10")[0].graph.as_default():
            return sorted(tuple(v.shape.as_list()) for v in tf.global_variables())

    return shapes(net) == shapes(other)


def list_frame_counts(net: str) -> list[int | None]:
    """Lists the different numbers of frames in the maps of a net, for 16 frames."""
    layers = common.analyze_net(net, "16x112x112").layers
    counts = [layer.output[1] for layer in layers if layer.output and len(layer.output) == 5]
    return list(dict.fromkeys(counts))


def get_python_type(net: str) -> str:
    """Returns what a net is in Python: a function or a class."""
    return "function" if inspect.isfunction(load_function(get_net(net))) else "class"


def get_adam_learning_rate() -> float:
    """Returns the learning rate of the document's optimizer step."""
    return common.get_learning_rate(images_module.train_step)


def count_loss_rows(images: str) -> list[int | None]:
    """Returns the rows of scores and of labels that the loss of the listings receives."""
    return [_build_literal(int(images))["logits"].shape[0], int(images)]


# Errata


def list_moved_rows(point: str, images: str, changed: str) -> list[int]:
    """Lists the rows of a reshaped map that one image changes, with the original reshapes."""
    batch, index = int(images), int(changed)
    values = 3 * 3 * 256 if point == "lstm_input" else 4 * 512
    row = 4 * 4 * 256 if point == "lstm_input" else 4 * 4 * 512
    before = np.zeros([batch, values])
    after = before.copy()
    after[index] = 1
    maps = np.stack([before, after]).reshape(2, -1, row)
    return sorted({int(i) for i in np.argwhere(maps[0] != maps[1])[:, 0]})


def get_size_with_valid() -> Sides:
    """Returns the output size of a (2+1)D block with padding "valid" for a 3x9x9 input.

    The layers of the block hard-code "same".
    """
    with tf.Graph().as_default(), without_initial_values():
        y = tf.placeholder(tf.float32, [None, 3, 9, 9, 4])
        for kernel in ((1, 3, 3), (3, 1, 1), (1, 1, 1)):
            y = tf.layers.conv3d(y, 4, kernel, (1, 1, 1), padding="same")
        return get_static_shape(y)[1:4]


def count_broadcast_channels() -> int:
    """Counts the channels of the sum of a 32-channel map and a grey image."""
    with tf.Graph().as_default(), without_initial_values():
        x = tf.placeholder(tf.float32, [None, 28, 28, 1])
        y = images_module.conv2d_layer(x, 32, 3, 1, "same")
        return int(tf.add(images_module.conv2d_layer(y, 32, 3, 1, "same"), x).shape[-1])


CHECKS: dict[str, Check] = {
    "are_convolutions_paired": are_convolutions_paired,
    "can_replace": can_replace,
    "count_between_lstms": count_between_lstms,
    "count_broadcast_channels": count_broadcast_channels,
    "count_end_points": count_end_points,
    "count_loss_rows": count_loss_rows,
    "count_lstm_cells": count_lstm_cells,
    "count_lstm_units": count_lstm_units,
    "count_relus": count_relus,
    "count_spanned_convolutions": count_spanned_convolutions,
    "count_weight_layers": count_weight_layers,
    "count_widths": count_widths,
    "get_adam_learning_rate": get_adam_learning_rate,
    "get_conv2d_error": get_conv2d_error,
    "get_last_step": get_last_step,
    "get_literal_shape": get_literal_shape,
    "get_literal_size": get_literal_size,
    "get_python_type": get_python_type,
    "get_size_with_valid": get_size_with_valid,
    "list_accepting_layers": list_accepting_layers,
    "list_block_kernels": list_block_kernels,
    "list_block_layers": list_block_layers,
    "list_convolution_windows": list_convolution_windows,
    "list_frame_counts": list_frame_counts,
    "list_lstm_layers": list_lstm_layers,
    "list_moved_rows": list_moved_rows,
    "list_parameters": list_parameters,
    "list_pool_windows": list_pool_windows,
}
