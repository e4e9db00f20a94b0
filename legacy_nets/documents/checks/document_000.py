"""Measurements for document 000: CNN + LSTM on images, 3D and (2+1)D ResNets on clips."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import sides
from legacy_nets.nets import cnn_lstm as images_module
from legacy_nets.nets import video_resnet as video
from legacy_nets.nets import video_resnet_18
from legacy_nets.tf1.speed import without_initial_values


@functools.cache
def _literal(batch: int | None) -> dict[str, Any]:
    """The listings as they stand, but that the second LSTM has a scope (000-E03)."""
    points = {}
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
            points["second LSTM"] = error
        with tf.variable_scope("lstm_2"):
            x = points["lstm_output2"] = images_module.lstm_layer(x, 512, 1)
        x = points["flatten"] = tf.reshape(x[:, -1, :], [-1, 512])
        points["logits"] = tf.layers.dense(x, 10)
    return points


def literal(point: str, batch: str = "-") -> Any:
    """Static shape of a tensor of the listings as they stand, for a batch known or not."""
    found = _literal(None if batch == "-" else int(batch))[point]
    return type(found).__name__ if isinstance(found, ValueError) else sides(found)


def side(point: str) -> tuple[int | None, ...]:
    """Height and width of a map of the listings as they stand."""
    return sides(_literal(None)[point])[1:3]


def takes(size: str, *names: str) -> list[str]:
    """Which of these layers of tf.layers take a window of that many sides (of a clip)."""
    window = tuple(int(number) for number in size.split("x"))
    taken = []
    for name in names:
        with tf.Graph().as_default():
            x = tf.placeholder(tf.float32, [None, 4, 8, 8, 3])
            layer = getattr(tf.layers, name)
            strides = (1, *(2,) * (len(window) - 1))
            try:
                layer(x, 4, window, strides) if "conv" in name else layer(x, window, strides)
            except ValueError:
                continue
            taken.append(name)
    return taken


def raises_conv2d(size: str) -> str:
    """What tf.layers.conv2d says of a clip and such a kernel: the type of its error."""
    with tf.Graph().as_default():
        try:
            x = tf.placeholder(tf.float32, [None, 4, 8, 8, 3])
            tf.layers.conv2d(x, 4, tuple(int(number) for number in size.split("x")))
        except ValueError as error:
            return type(error).__name__
    return "nothing"


def widths(net: str) -> int:
    """How many widths the convolutions up to the first LSTM have: groups of layers."""
    found = common.taken_apart(net).layers
    return len({one.output[-1] for one in found if one.kind == "convolution" and one.output})


def end_points(net: str, prefix: str) -> int:
    """How many end points of a net begin with a word."""
    return sum(key.startswith(prefix) for key in common.built(net)[2])


def between_lstms(kind: str) -> int:
    """Layers of a kind between the two LSTMs of cnn_lstm_resnet."""
    kinds = [one.kind for one in common.taken_apart("cnn_lstm_resnet").layers]
    first, last = (i for i, found in enumerate(kinds) if found == "lstm")
    return kinds[first:last].count(kind)


def lstm_units() -> list[int]:
    """Units of the first and the second LSTM: a quarter of a kernel's columns (four gates)."""
    kernels = [f"{scope}rnn/multi_rnn_cell/cell_0/lstm_cell/kernel" for scope in ("", "lstm_2/")]
    return [common.variable_shape("cnn_lstm_resnet", name)[1] // 4 for name in kernels]


def same_everywhere(net: str) -> list[Any]:
    """Kernels and strides of all convolutions of a net, each once."""
    found = [one for one in common.taken_apart(net).layers if one.kind == "convolution"]
    return [
        *dict.fromkeys(one.kernel for one in found),
        *dict.fromkeys(one.stride for one in found),
    ]


def pools(net: str, *more: str) -> list[Any]:
    """Windows and strides of all pools of a net, each once."""
    found = [one for one in common.taken_apart(net).layers if one.kind == "max pool"]
    columns = ("kernel", "stride", *more)
    return [value for what in columns for value in dict.fromkeys(getattr(p, what) for p in found)]


def last_step() -> int:
    """Index of the time step that the scores of cnn_lstm_resnet are read from."""
    step = common.built("cnn_lstm_resnet")[2]["flatten"].op.inputs[0].op
    return int(tf.get_static_value(step.inputs[1])[1])


def lstm_cells(net: str) -> int:
    """Cells stacked in the deepest LSTM of a net."""
    with common.built(net)[0].graph.as_default():
        cells = [v.op.name.split("/")[-3] for v in tf.global_variables() if "lstm_cell" in v.name]
    return len(set(cells))


@functools.cache
def _block(name: str) -> list[Any]:
    """Layers of a residual block alone, as the anatomy shows them."""
    clip = name != "residual_block"
    function = getattr(video if clip else images_module, name)
    with tf.Graph().as_default() as graph, without_initial_values():
        x = tf.placeholder(tf.float32, [None, *(4,) * clip, 8, 8, 6])
        y = function(x, 6, 3, 1, "same")
        return list(common.anatomy.layers(graph, [x], [y]).layers)


def block_kernels(name: str) -> list[Any]:
    """Kernels of a residual block told to take 3."""
    return [one.kernel for one in _block(name) if one.kind == "convolution"]


def spanned(name: str) -> int:
    """Convolutions that one shortcut of a residual block spans."""
    kinds = [one.kind for one in _block(name)]
    return kinds.count("convolution") // kinds.count("add")


def after_sum(name: str) -> str:
    """The operation that a residual block ends with."""
    return _block(name)[-1].operations[-1]


def relus(name: str) -> int:
    """Convolutions of a residual block that end in a ReLU."""
    return sum("Relu" in one.operations for one in _block(name))


def paired(net: str) -> bool:
    """Whether each convolution in space is followed by one in time."""
    layers = common.taken_apart(net).layers
    found = [one.kernel for one in layers if one.kind == "convolution" and one.kernel]
    spatial = [i for i, kernel in enumerate(found) if kernel[0] == 1 and kernel[-1] > 1]
    following = [found[i + 1] if i + 1 < len(found) else (1, 1, 1) for i in spatial]
    return all(kernel[0] > 1 for kernel in following)


def weight_layers(net: str) -> int:
    """Layers with weights from input to output; a pair in space and time counts once."""
    found = [
        one
        for one in common.taken_apart(net).layers
        if one.kind in ("convolution", "dense") and "downsample" not in one.name
    ]
    return sum(one.kernel is None or one.kernel[0] > 1 for one in found)


def stands_in(net: str, other: str) -> bool:
    """Whether the variables of one net could hold those of another, whatever their names."""

    def shapes(name: str) -> list[tuple[int, ...]]:
        with common.built(name, "-", "num_classes=10")[0].graph.as_default():
            return sorted(tuple(v.shape.as_list()) for v in tf.global_variables())

    return shapes(net) == shapes(other)


def frames(net: str) -> list[int | None]:
    """Frames of each map of a net, for 16 frames, each number once."""
    found = common.taken_apart(net, "16x112x112").layers
    counts = [one.output[1] for one in found if one.output and len(one.output) == 5]
    return list(dict.fromkeys(counts))


def kind_of(net: str) -> str:
    """What a net is in Python."""
    return "function" if inspect.isfunction(getattr(video_resnet_18, net)) else "class"


def adam() -> float:
    """Learning rate of the step that the document's optimizer takes."""
    return common.learning_rate(images_module.train_step)


def rows_of_loss(images: str) -> list[int | None]:
    """Rows of scores and of labels that the loss of the listings gets."""
    return [_literal(int(images))["logits"].shape[0], int(images)]


# The harm of errata


def moved(point: str, images: str, changed: str) -> list[int]:
    """Rows of a reshaped map that change with one image (the reshapes alone, as they stand)."""
    batch, one = int(images), int(changed)
    values = 3 * 3 * 256 if point == "lstm_input" else 4 * 512
    row = 4 * 4 * 256 if point == "lstm_input" else 4 * 4 * 512
    before = np.zeros([batch, values])
    after = before.copy()
    after[one] = 1
    both = np.stack([before, after]).reshape(2, -1, row)
    return sorted({int(i) for i in np.argwhere(both[0] != both[1])[:, 0]})


def padding_ignored() -> tuple[Any, ...]:
    """Size that a (2+1)D block told "valid" leaves of 3x9x9: its layers say "same" themselves."""
    with tf.Graph().as_default(), without_initial_values():
        y = tf.placeholder(tf.float32, [None, 3, 9, 9, 4])
        for kernel in ((1, 3, 3), (3, 1, 1), (1, 1, 1)):
            y = tf.layers.conv3d(y, 4, kernel, (1, 1, 1), padding="same")
        return sides(y)[1:4]


def broadcast_channels() -> int:
    """Channels of a sum of a 32-channel map and a grey image."""
    with tf.Graph().as_default(), without_initial_values():
        x = tf.placeholder(tf.float32, [None, 28, 28, 1])
        y = images_module.conv2d_layer(x, 32, 3, 1, "same")
        return int(tf.add(images_module.conv2d_layer(y, 32, 3, 1, "same"), x).shape[-1])
