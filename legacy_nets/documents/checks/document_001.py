"""Checks for document 001 (hand signs): the ResNet-50, its data and its loss.

The photographs are read from the folder that LEGACY_NETS_SIGNS names, or else from datasets/.
Synthetic images are never measured as photographs.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import pathlib
from collections.abc import Callable

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import Layer, analyze_graph, formulas
from legacy_nets.data import signs
from legacy_nets.data.splits import Images
from legacy_nets.documents.catalogue import find_photographs
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import Check, get_static_shape
from legacy_nets.nets import hand_signs as net
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.types import Tensor

# The data


@functools.cache
def _read_split(path: pathlib.Path, split: str) -> Images | None:
    if not path.exists():
        return None
    images, name, _ = signs.read_signs(path, split)
    return None if name == signs.SYNTHETIC else images


def _read_photographs(split: str) -> Images | None:
    return _read_split(signs.make_signs_path(find_photographs(), split), split)


def count_photographs(split: str) -> int | None:
    """Counts the photographs in a split."""
    images = _read_photographs(split)
    return None if images is None else len(images.labels)


def get_photographs_shape(split: str, array: str) -> tuple[int, ...] | None:
    """Returns the shape of X or Y of a split, as the document's loader makes them."""
    images = _read_photographs(split)
    return None if images is None else _get_processed_shape(images.pictures, images.labels, array)


def count_synthetic_images(split: str) -> int:
    """Counts the images in a synthetic split in the document's layout."""
    return signs.SYNTHETIC_PER_CLASS[split] * signs.CLASSES


def get_synthetic_shape(split: str, array: str) -> tuple[int, ...]:
    """Returns the shape of X or Y that the document's loader makes of a synthetic split."""
    count = count_synthetic_images(split)
    labels = np.arange(count) % signs.CLASSES
    return _get_processed_shape(
        np.zeros([count, signs.SIZE, signs.SIZE, 3], np.uint8), labels, array
    )


def _get_processed_shape(pictures: np.ndarray, labels: np.ndarray, array: str) -> tuple[int, ...]:
    test_split = (pictures[:1], labels[None, :1], np.arange(signs.CLASSES))
    x, y, _, _ = signs.process_orig_datasets((pictures, labels[None], *test_split))
    return (x if array == "x" else y).shape


def get_photograph_extreme(split: str, extreme: str) -> float | None:
    """Returns the largest or smallest pixel ("max", "min") of a split, divided by 255."""
    images = _read_photographs(split)
    if images is None:
        return None
    pixel = images.pictures.max() if extreme == "max" else images.pictures.min()
    return float(pixel / 255)


def get_truncated_photograph_extreme(split: str, extreme: str, digits: str) -> float | None:
    """Returns the same pixel truncated after some digits, not rounded."""
    value = get_photograph_extreme(split, extreme)
    return None if value is None else math.floor(value * 10 ** int(digits)) / 10 ** int(digits)


def count_photograph_classes(split: str) -> int | None:
    """Counts the different labels in a split."""
    images = _read_photographs(split)
    return None if images is None else len(np.unique(images.labels))


def get_mini_batch_size() -> int:
    """Returns the size of the first mini-batch of 1080 images, by the default of ``train``."""
    size = inspect.signature(net.HandClassifier.train).parameters["mini_batch_size"].default
    return len(signs.random_mini_batches(np.zeros([1080, 1]), np.zeros([1080, 1]), size, 0)[0][0])


# The net

# Stage: names of its blocks, channels of its output.
STAGES = {2: ("abc", 256), 3: ("abcd", 512), 4: ("abcdef", 1024), 5: ("abc", 2048)}
BLOCKS = {
    "identity_block": net.identity_block,
    "convolutional_block": net.convolutional_block,
}


def norms_keep_shape() -> bool:
    """Whether the output of every batch norm has the shape of its input."""
    operations = common.build_net("hand_signs")[0].graph.get_operations()
    norms = [op for op in operations if op.type.startswith("FusedBatchNorm")]
    return bool(norms) and all(
        get_static_shape(op.inputs[0]) == get_static_shape(op.outputs[0]) for op in norms
    )


def _compute_stem_side(side: int) -> int:
    """Computes the side of the stem's output map for an image side."""
    convolved = formulas.compute_output_size(side, 7, 2, 3)
    return formulas.compute_output_size(convolved, 3, 2, "VALID")


def list_passing_sides() -> list[int]:
    """Lists the image sides below 128 that pass the assert: 15x15 after the stem."""
    passing = common.get_shape("hand_signs", "pool1")[1]
    return [side for side in range(net.SMALLEST, 128) if _compute_stem_side(side) == passing]


def find_largest_passing_side() -> int:
    """Returns the largest of these sides."""
    return max(list_passing_sides())


def list_stage_blocks() -> list[str]:
    """Lists the blocks of each stage in order: CONV has a projection, ID has none."""
    layers = common.analyze_net("hand_signs").layers
    stages = []
    for stage in (2, 3, 4, 5):
        blocks: dict[str, int] = {}
        for layer in layers:
            block = layer.name.rpartition("/")[0].rpartition("/")[2]
            if block.startswith(f"res{stage}") and layer.layer_type == "convolution":
                blocks[block] = blocks.get(block, 0) + 1
        plain = [count for count in blocks.values() if count == 3]
        assert list(blocks.values()) == [4, *plain]
        stages += ["CONV", f"ID*{len(plain)}"]
    return stages


def count_weight_layers(selection: str) -> int:
    """Counts layers with weights: "one classifier", "both dense" on the main path, or "all"."""
    layers = common.analyze_net("hand_signs").layers
    convolutions = [layer for layer in layers if layer.layer_type == "convolution"]
    main = [layer for layer in convolutions if not layer.name.endswith("Variable_3")]
    dense = sum(layer.layer_type == "dense" for layer in layers)
    counts = {
        "one classifier": len(main) + 1,
        "both dense": len(main) + dense,
        "all": len(convolutions) + dense,
    }
    return counts[selection]


@functools.cache
def _analyze_block(name: str) -> tuple[Tensor, tuple[Layer, ...]]:
    """Builds a single block: returns its output and its layers."""
    with tf.Graph().as_default() as graph, without_initial_values():
        x = tf.placeholder(tf.float32, [None, 8, 8, 16])
        y = BLOCKS[name](x, 3, 16, [4, 4, 16], 2, "a", False)
        return y, analyze_graph(graph, [x], [y]).layers


def get_block_rank(name: str) -> int:
    """Returns the rank of a block's output."""
    return _analyze_block(name)[0].shape.rank


def find_input_rank(name: str) -> int:
    """Finds the rank of a block's input."""
    return common.find_least_rank(lambda x: BLOCKS[name](x, 3, 16, [4, 4, 16], 2, "a", False))


def list_extra_layers(name: str) -> list[str]:
    """Lists the layers of a block besides its three convolutions."""
    kinds = [layer.layer_type for layer in _analyze_block(name)[1] if layer.layer_type != "input"]
    return kinds[3:]


def list_block_kernels(name: str) -> list[object]:
    """Lists the kernels of a block's convolutions."""
    return [layer.kernel for layer in _analyze_block(name)[1] if layer.layer_type == "convolution"]


def list_block_arguments(name: str) -> list[str]:
    """Lists the names of a block's arguments in the document."""
    return common.list_document_parameters(BLOCKS[name])


def list_stage_filters(stage: str) -> list[int | None]:
    """Lists the filters of the three convolutions of a stage's blocks."""
    layers = common.analyze_net("hand_signs").layers
    widths = [
        [
            layer.output[-1]
            for layer in layers
            if layer.name in _name_main_path(stage, block) and layer.output
        ]
        for block in STAGES[int(stage)][0]
    ]
    assert all(width == widths[0] for width in widths)
    return widths[0]


def _name_main_path(stage: str, block: str) -> set[str]:
    scope = f"reference/res{stage}{block}"
    return {f"{scope}/Variable", f"{scope}/Variable_1", f"{scope}/Variable_2"}


def get_default(function: str, argument: str) -> object:
    """Returns the default of an argument of a function or method of the document."""
    functions: dict[str, Callable[..., object]] = {
        "HandClassifier.train": net.HandClassifier.train,
        "convolutional_block": net.convolutional_block,
        "deepnn": net.deepnn,
        "hand_signs": net.hand_signs,
    }
    return inspect.signature(functions[function]).parameters[argument].default


def get_placeholder(name: str, field: str) -> object:
    """Returns shape or dtype of a placeholder of ``train``: "images" or "labels"."""
    with tf.Graph().as_default():
        images, labels = net.create_placeholders([64, 64, 3], 6)
    placeholder = {"images": images, "labels": labels}[name]
    return get_static_shape(placeholder) if field == "shape" else placeholder.dtype.name


def list_evaluation_steps() -> list[str]:
    """Lists what ``evaluate`` does in order, up to the checkpoint, which is missing here."""
    steps = []

    class Recorder(net.HandClassifier):
        @staticmethod
        def deepnn(x_input: Tensor, classes: int = 6, **_: object) -> tuple[Tensor, Tensor, Tensor]:
            steps.append("graph")
            weight = tf.get_variable("weight", [classes])
            return weight, weight, weight

    try:
        Recorder(f"{os.devnull}/checkpoint").evaluate(np.zeros([1, 64, 64, 3]), np.zeros([1, 6]))
    except ValueError as error:
        if "checkpoint" in str(error):
            steps.append("parameters")
    return steps


def count_regularization_losses() -> int:
    """Counts the terms that the graphs of the net and its loss add to the cross-entropy."""
    with common.build_net("hand_signs")[0].graph.as_default():
        terms = tf.losses.get_regularization_losses()
    with tf.Graph().as_default():
        net.cost(tf.placeholder(tf.float32, [None, 6]), tf.placeholder(tf.float32, [None, 6]))
        return len(terms) + len(tf.get_collection(tf.GraphKeys.LOSSES)) - 1


# The loss


@functools.cache
def _compute_losses(twice: bool, gap: float) -> tuple[float, float, float]:
    """Computes the loss of a right and a wrong answer, and the wrong one's largest gradient.

    The score of class 0 is ``gap`` above those of the five others.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        scores = tf.placeholder(tf.float32, [1, 6])
        labels = tf.placeholder(tf.float32, [1, 6])
        loss = net.cost(tf.nn.softmax(scores) if twice else scores, labels)
        slope = tf.gradients(loss, scores)[0]
        feed = {scores: gap * np.eye(6)[:1]}
        right = session.run(loss, {**feed, labels: np.eye(6)[:1]})
        wrong, gradient = session.run([loss, slope], {**feed, labels: np.eye(6)[1:2]})
    return float(right), float(wrong), float(np.abs(gradient).max())


def get_loss_range() -> str:
    """Returns the least and largest loss of the original code: the softmax of a softmax."""
    right, wrong, _ = _compute_losses(True, 100.0)
    return f"{right:.5f} to {wrong:.5f}"


# Errata


def compute_gradient_share() -> float:
    """Computes the original gradient relative to that of linear logits, for equal scores."""
    return _compute_losses(True, 0.0)[2] / _compute_losses(False, 0.0)[2]


def compute_projection_gain(stage: str) -> float:
    """Computes the factor by which a stage's projection widens the spread of its input."""
    fan_in, filters = STAGES[int(stage) - 1][1], STAGES[int(stage)][1]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        kernel = session.run(
            tf.truncated_normal([fan_in, filters], stddev=net.DOCUMENT.initial_std)
        )
    return float(kernel.std() * math.sqrt(fan_in))


def compute_left_out_share() -> float:
    """Computes the mean share of mini-batches that as many draws with replacement leave out."""
    batches = len(signs.random_mini_batches(np.zeros([1080, 1]), np.zeros([1080, 1]), 32, 0))
    return (1 - 1 / batches) ** batches


def count_units(classes: str) -> int:
    """Counts the units of the original last layer for a number of classes."""

    def top(x: Tensor, classes: int) -> Tensor:
        return tf.layers.dense(x, units=6)

    with tf.Graph().as_default(), without_initial_values():
        return int(top(tf.placeholder(tf.float32, [None, 50]), int(classes)).shape[-1])


def compute_average_share(steps: str) -> float:
    """Computes how far a moving average has moved from its start to the mean after some steps."""
    with tf.Graph().as_default(), tf.Session() as session:
        ones = tf.ones([2, 1, 1, 1])
        tf.layers.batch_normalization(ones, momentum=net.DOCUMENT.momentum, training=True)
        moving = next(v for v in tf.global_variables() if "moving_mean" in v.name)
        session.run(tf.global_variables_initializer())
        for _ in range(int(steps)):
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        return float(session.run(moving)[0])


def compute_soft_label_loss() -> float:
    """Computes the loss of a wrong answer with the label 0.9, through the int64 placeholder."""
    with tf.Graph().as_default(), tf.Session() as session:
        labels = tf.placeholder(tf.int64, [None, 3])
        loss = net.cost(tf.constant([[0.0, 5, 0]]), labels)
        return float(session.run(loss, {labels: np.array([[0.9, 0.1, 0]]).astype(np.int64)}))


CHECKS: dict[str, Check] = {
    "compute_average_share": compute_average_share,
    "compute_gradient_share": compute_gradient_share,
    "compute_left_out_share": compute_left_out_share,
    "compute_projection_gain": compute_projection_gain,
    "compute_soft_label_loss": compute_soft_label_loss,
    "count_photograph_classes": count_photograph_classes,
    "count_photographs": count_photographs,
    "count_regularization_losses": count_regularization_losses,
    "count_synthetic_images": count_synthetic_images,
    "count_units": count_units,
    "count_weight_layers": count_weight_layers,
    "find_input_rank": find_input_rank,
    "find_largest_passing_side": find_largest_passing_side,
    "get_block_rank": get_block_rank,
    "get_default": get_default,
    "get_loss_range": get_loss_range,
    "get_mini_batch_size": get_mini_batch_size,
    "get_placeholder": get_placeholder,
    "get_photograph_extreme": get_photograph_extreme,
    "get_photographs_shape": get_photographs_shape,
    "get_synthetic_shape": get_synthetic_shape,
    "get_truncated_photograph_extreme": get_truncated_photograph_extreme,
    "list_block_arguments": list_block_arguments,
    "list_block_kernels": list_block_kernels,
    "list_evaluation_steps": list_evaluation_steps,
    "list_extra_layers": list_extra_layers,
    "list_passing_sides": list_passing_sides,
    "list_stage_blocks": list_stage_blocks,
    "list_stage_filters": list_stage_filters,
    "norms_keep_shape": norms_keep_shape,
}
