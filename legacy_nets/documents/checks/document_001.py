"""Measurements for document 001: the ResNet-50 for hand signs, its data and its loss.

The photographs are looked for in the folder that LEGACY_NETS_SIGNS names, otherwise in datasets/;
what this package draws in their stead answers nothing here.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import pathlib
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.data import signs
from legacy_nets.data.splits import Images
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import sides
from legacy_nets.nets import hand_signs as net
from legacy_nets.tf1.speed import without_initial_values

# The data


@functools.cache
def _read(path: pathlib.Path, half: str) -> Images | None:
    if not path.exists():
        return None
    images, name = signs.read_signs(path, half)
    return None if name == signs.SYNTHETIC else images


def _photographs(half: str) -> Images | None:
    folder = pathlib.Path(os.environ.get("LEGACY_NETS_SIGNS", "datasets"))
    return _read(signs.make_signs_path(folder, half), half)


def signs_images(half: str) -> int | None:
    """Photographs in one half of the set."""
    images = _photographs(half)
    return None if images is None else len(images.labels)


def signs_shape(half: str, array: str) -> tuple[int, ...] | None:
    """Shape of X or Y of a half, as the document's loader makes them."""
    images = _photographs(half)
    return None if images is None else _processed(images.pictures, images.labels, array)


def drawn_images(half: str) -> int:
    """Images in a half of the set that this package draws in the document's layout."""
    return signs.SYNTHETIC_PER_CLASS[half] * signs.CLASSES


def drawn_shape(half: str, array: str) -> tuple[int, ...]:
    """Shape of X or Y that the document's loader makes of such a half."""
    count = drawn_images(half)
    labels = np.arange(count) % signs.CLASSES
    return _processed(np.zeros([count, signs.SIZE, signs.SIZE, 3], np.uint8), labels, array)


def _processed(pictures: np.ndarray, labels: np.ndarray, array: str) -> tuple[int, ...]:
    few = (pictures[:1], labels[None, :1], np.arange(signs.CLASSES))
    x, y, _, _ = signs.process_orig_datasets((pictures, labels[None], *few))
    return (x if array == "x" else y).shape


def signs_extreme(half: str, which: str) -> float | None:
    """Largest or smallest pixel ("max", "min") of a half, divided by 255."""
    images = _photographs(half)
    return None if images is None else float(getattr(images.pictures, which)() / 255)


def signs_cut(half: str, which: str, digits: str) -> float | None:
    """The same, cut off after so many digits rather than rounded."""
    value = signs_extreme(half, which)
    return None if value is None else math.floor(value * 10 ** int(digits)) / 10 ** int(digits)


def signs_classes(half: str) -> int | None:
    """Different labels in a half."""
    images = _photographs(half)
    return None if images is None else len(np.unique(images.labels))


def mini_batch() -> int:
    """Images in the first mini-batch of 1080, of the size that ``train`` takes."""
    size = inspect.signature(net.HandClassifier.train).parameters["mini_batch_size"].default
    return len(signs.random_mini_batches(np.zeros([1080, 1]), np.zeros([1080, 1]), size, 0)[0][0])


# The net


def norms_keep_shape() -> bool:
    """Whether every batch norm gives the shape that it takes."""
    found = common.built("hand_signs")[0].graph.get_operations()
    norms = [op for op in found if op.type.startswith("FusedBatchNorm")]
    return bool(norms) and all(sides(op.inputs[0]) == sides(op.outputs[0]) for op in norms)


def _stem_side(side: int) -> int:
    """Side of the map that the stem makes of an image."""
    convolved = formulas.output_size(side, 7, 2, 3)
    return formulas.output_size(convolved, 3, 2, "VALID")


def sides_that_pass() -> list[int]:
    """Image sides below 128 whose map after the stem is the 15x15 that the assert wants."""
    wanted = common.shape("hand_signs", "pool1")[1]
    return [side for side in range(net.SMALLEST, 128) if _stem_side(side) == wanted]


def largest_that_passes() -> int:
    """The largest of them."""
    return max(sides_that_pass())


def stages() -> list[str]:
    """Blocks of each stage in order: CONV has a projection, ID has none."""
    found = common.taken_apart("hand_signs").layers
    told = []
    for stage in (2, 3, 4, 5):
        blocks: dict[str, int] = {}
        for layer in found:
            block = layer.name.rpartition("/")[0].rpartition("/")[2]
            if block.startswith(f"res{stage}") and layer.kind == "convolution":
                blocks[block] = blocks.get(block, 0) + 1
        plain = [count for count in blocks.values() if count == 3]
        assert list(blocks.values()) == [4, *plain]
        told += ["CONV", f"ID*{len(plain)}"]
    return told


def weight_layers(what: str) -> int:
    """Layers with weights: "one classifier", "both dense" on the main path, or "all"."""
    found = common.taken_apart("hand_signs").layers
    convolutions = [one for one in found if one.kind == "convolution"]
    main = [one for one in convolutions if not one.name.endswith("Variable_3")]
    dense = sum(one.kind == "dense" for one in found)
    counts = {
        "one classifier": len(main) + 1,
        "both dense": len(main) + dense,
        "all": len(convolutions) + dense,
    }
    return counts[what]


@functools.cache
def _block(name: str) -> tuple[Any, list[Any]]:
    """Output and layers of a block alone."""
    with tf.Graph().as_default() as graph, without_initial_values():
        x = tf.placeholder(tf.float32, [None, 8, 8, 16])
        y = getattr(net, name)(x, 3, 16, [4, 4, 16], 2, "a", False)
        return y, list(common.anatomy.layers(graph, [x], [y]).layers)


def rank(name: str) -> int:
    """Rank of what a block gives."""
    return _block(name)[0].shape.rank


def more_than_plain(name: str) -> list[str]:
    """Layers of a block beyond its three convolutions."""
    kinds = [layer.kind for layer in _block(name)[1] if layer.kind != "input"]
    return kinds[3:]


def block_kernels(name: str) -> list[Any]:
    """Kernels of a block's convolutions."""
    return [layer.kernel for layer in _block(name)[1] if layer.kind == "convolution"]


def parameters_of(name: str) -> list[str]:
    """Names of a block's arguments, those of the document."""
    found = inspect.signature(getattr(net, name)).parameters.values()
    return [one.name for one in found if one.kind is one.POSITIONAL_OR_KEYWORD]


def stage_filters(stage: str) -> list[int | None]:
    """Filters of the three convolutions of a stage's blocks."""
    found = common.taken_apart("hand_signs").layers
    widths = [
        [one.output[-1] for one in found if one.name in _main(stage, letter) and one.output]
        for letter in net.STAGES[int(stage)][2]
    ]
    assert all(width == widths[0] for width in widths)
    return widths[0]


def _main(stage: str, letter: str) -> set[str]:
    scope = f"reference/res{stage}{letter}"
    return {f"{scope}/Variable", f"{scope}/Variable_1", f"{scope}/Variable_2"}


def default(function: str, argument: str) -> Any:
    """Default of an argument of a function or method of the document."""
    found = net
    for name in function.split("."):
        found = getattr(found, name)
    return inspect.signature(found).parameters[argument].default  # type: ignore[arg-type]


def regularisation_losses() -> int:
    """Terms that the net's graph, and that of its loss, add to the cross-entropy."""
    with common.built("hand_signs")[0].graph.as_default():
        terms = tf.losses.get_regularization_losses()
    with tf.Graph().as_default():
        net.cost(tf.placeholder(tf.float32, [None, 6]), tf.placeholder(tf.float32, [None, 6]))
        return len(terms) + len(tf.get_collection(tf.GraphKeys.LOSSES)) - 1


# The loss


@functools.cache
def _losses(twice: bool, gap: float) -> tuple[float, float, float]:
    """Loss of a right and of a wrong answer, and the largest gradient of the wrong one.

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


def range_of_loss() -> str:
    """Least and largest loss of the code as it stands: the softmax of a softmax."""
    right, wrong, _ = _losses(True, 100.0)
    return f"{right:.5f} to {wrong:.5f}"


# The harm of errata


def gradient_share() -> float:
    """Gradient of the code as it stands over that of linear logits, where all scores are equal."""
    return _losses(True, 0.0)[2] / _losses(False, 0.0)[2]


def projection_gain(stage: str) -> float:
    """How much wider a stage's projection makes what it reads, with the document's kernels."""
    fan_in, filters = net.STAGES[int(stage) - 1][0][2], net.STAGES[int(stage)][0][2]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        kernel = session.run(
            tf.truncated_normal([fan_in, filters], stddev=net.DOCUMENT.initial_std)
        )
    return float(kernel.std() * math.sqrt(fan_in))


def left_out() -> float:
    """Share of the mini-batches that as many draws with replacement leave out, on average."""
    batches = len(signs.random_mini_batches(np.zeros([1080, 1]), np.zeros([1080, 1]), 32, 0))
    return (1 - 1 / batches) ** batches


def units_for(classes: str) -> int:
    """Units of the last layer as it stands, for so many classes."""

    def top(x: Any, classes: int) -> Any:
        return tf.layers.dense(x, units=6)

    with tf.Graph().as_default(), without_initial_values():
        return int(top(tf.placeholder(tf.float32, [None, 50]), int(classes)).shape[-1])


def share_after(steps: str) -> float:
    """How far a moving average has come from its start to the mean, after so many steps."""
    with tf.Graph().as_default(), tf.Session() as session:
        ones = tf.ones([2, 1, 1, 1])
        tf.layers.batch_normalization(ones, momentum=net.DOCUMENT.momentum, training=True)
        moving = next(v for v in tf.global_variables() if "moving_mean" in v.name)
        session.run(tf.global_variables_initializer())
        for _ in range(int(steps)):
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        return float(session.run(moving)[0])


def soft_label_loss() -> float:
    """The loss of a wrong answer whose label is 0.9, through the int64 placeholder."""
    with tf.Graph().as_default(), tf.Session() as session:
        labels = tf.placeholder(tf.int64, [None, 3])
        loss = net.cost(tf.constant([[0.0, 5, 0]]), labels)
        return float(session.run(loss, {labels: np.array([[0.9, 0.1, 0]]).astype(np.int64)}))
