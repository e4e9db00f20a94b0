"""Checks for document 004 (zoo): the numbers of its errata."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from legacy_nets import tf1 as tf
from legacy_nets.data.synthetic import flowers
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import Check
from legacy_nets.nets import vit


def compare_resizing() -> str:
    """Returns the mean difference of a flower resized bicubically and by the nearest pixel."""
    flower = flowers.draw_flower("tulips", np.random.default_rng(0), 320)
    filter_types = (Image.Resampling.BICUBIC, Image.Resampling.NEAREST)
    predicted, trained = (
        np.asarray(Image.fromarray(flower).resize((224, 224), filter_type), float)
        for filter_type in filter_types
    )
    return f"{np.abs(predicted - trained).mean():.0f} of 255"


def list_scored_batches(images: str, batch: str, epochs: str) -> list[str]:
    """Lists the batch sizes that each epoch takes from a Keras generator with ``n // batch``."""
    flow = tf.keras.preprocessing.image.Iterator(int(images), int(batch), False, None)
    return [
        "+".join(str(len(next(flow.index_generator))) for _ in range(int(images) // int(batch)))
        for _ in range(int(epochs))
    ]


def count_saved_epochs(*losses: str) -> str:
    """Counts the saved epochs if the best loss is never updated, and if it is."""
    literal, best, fixed = math.inf, math.inf, 0
    for loss in map(float, losses):
        if loss < best:
            best, fixed = loss, fixed + 1
    return f"{sum(float(loss) < literal for loss in losses)}, not {fixed}"


def count_renumbered_variables() -> str:
    """Counts GoogLeNet's variables without auxiliary heads that the full net has not."""
    without_heads = common.get_variable_shapes("googlenet")
    with_heads = common.get_variable_shapes("googlenet", "-", "aux_logits=True")
    return f"{sum(name not in with_heads for name in without_heads)} of {len(without_heads)}"


def compare_initial_values(sharing: str) -> str:
    """Compares the first values of two layers: "shared" Keras initializer, or "own" ones."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.zeros([1, 5, 24])
        if sharing == "shared":
            initializer = tf.keras.initializers.get("glorot_uniform")
            for _ in range(2):
                tf.keras.layers.Dense(72, kernel_initializer=initializer)(x)
            names = "kernel"
        else:
            for number in range(2):
                x = vit.Attention(24, 4, name=f"block_{number}")(x)
            names = "qkv/kernel"
        kernels = [v for v in tf.global_variables() if v.op.name.endswith(names)]
        session.run([v.initializer for v in kernels])
        first, second = session.run(kernels)
    return f"{np.mean(first == second) * 100:.0f} % equal"


def compute_misplaced_share(side: str, channels: str) -> float:
    """Computes the share (in %) of values that move where NHWC is read as NCHW."""
    h, c = int(side), int(channels)
    positions = np.arange(h * h * c)
    positions_as_nchw = positions.reshape(h, h, c).transpose(2, 0, 1).ravel()
    return float(np.mean(positions_as_nchw != positions) * 100)


def compute_least_loss(classes: str, softmaxes: str) -> float:
    """Computes the cross-entropy of a perfect score after a number of softmaxes.

    The softmax of the loss itself counts.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        right = tf.one_hot([0], int(classes))
        scores = 100 * right
        for _ in range(int(softmaxes) - 1):
            scores = tf.nn.softmax(scores)
        loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=right, logits=scores)
        return float(session.run(loss)[0])


def compute_shift() -> str:
    """Computes the shift in pixels of ResNet's first convolution against torch's padding."""
    first = []
    for options in ("", "padding=torch"):
        field = common.analyze_net("resnet18", "-", options).get_layer("conv1").receptive_field
        assert field is not None and field.padding[0] is not None
        first.append(int(-field.padding[0]))
    return f"{first[0] - first[1]} pixel"


def compute_frozen_mean(training: str) -> float:
    """Computes the mean of a frozen batch norm's output for a batch of mean 3.

    The moving averages are 0 and 1.
    """
    x = np.random.RandomState(0).normal(3, 2, (64, 4, 4, 2)).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        y = tf.layers.batch_normalization(
            tf.constant(x), trainable=False, training=training == "True"
        )
        session.run(tf.global_variables_initializer())
        return abs(float(session.run(y).mean()))


def count_other_strides() -> int:
    """Counts the convolutions of resnet50 whose stride differs in slim's net."""
    strides = [
        [layer.stride for layer in common.analyze_net("resnet50", "-", options).layers]
        for options in ("", "stride_in=1 padding=slim")
    ]
    return sum(stride != other for stride, other in zip(*strides, strict=True))


CHECKS: dict[str, Check] = {
    "compare_initial_values": compare_initial_values,
    "compare_resizing": compare_resizing,
    "compute_frozen_mean": compute_frozen_mean,
    "compute_least_loss": compute_least_loss,
    "compute_misplaced_share": compute_misplaced_share,
    "compute_shift": compute_shift,
    "count_other_strides": count_other_strides,
    "count_renumbered_variables": count_renumbered_variables,
    "count_saved_epochs": count_saved_epochs,
    "list_scored_batches": list_scored_batches,
}
