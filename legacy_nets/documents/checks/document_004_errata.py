"""The harm of document 004's silent errata, as numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image

from legacy_nets import tf1 as tf
from legacy_nets.data.synthetic import flowers
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import built
from legacy_nets.nets import vit


def resized_apart() -> str:
    """Mean grey levels between a flower resized bicubically and by the nearest pixel."""
    flower = flowers.draw_flower("tulips", np.random.default_rng(0), 320)
    ways = (Image.Resampling.BICUBIC, Image.Resampling.NEAREST)
    predicted, trained = (
        np.asarray(Image.fromarray(flower).resize((224, 224), way), float) for way in ways
    )
    return f"{np.abs(predicted - trained).mean():.0f} of 255"


def scored(images: str, batch: str, epochs: str) -> list[str]:
    """Sizes of the batches that each epoch takes from a Keras generator with ``n // batch``."""
    flow = tf.keras.preprocessing.image.Iterator(int(images), int(batch), False, None)
    return [
        "+".join(str(len(next(flow.index_generator))) for _ in range(int(images) // int(batch)))
        for _ in range(int(epochs))
    ]


def saved(*losses: str) -> str:
    """Epochs that are saved where the best loss is never updated, and where it is."""
    literal, best, mended = math.inf, math.inf, 0
    for loss in map(float, losses):
        if loss < best:
            best, mended = loss, mended + 1
    return f"{sum(float(loss) < literal for loss in losses)}, not {mended}"


def _variables(net: str, options: str = "") -> dict[str, Any]:
    with built(net, "-", options)[0].graph.as_default():
        return {v.op.name: v.shape.as_list() for v in tf.global_variables()}


def renumbered() -> str:
    """Variables of GoogLeNet without auxiliary heads that the net with them lacks by that name."""
    without, whole = _variables("googlenet", "aux_logits=False"), _variables("googlenet")
    return f"{sum(name not in whole for name in without)} of {len(without)}"


def apart_at_first(sharing: str) -> str:
    """Whether two layers begin alike: "shared" is one initialiser of Keras, "own" are ours."""
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


def misplaced(side: str, channels: str) -> float:
    """Share (in %) of a map's values that lie elsewhere where NHWC is read as NCHW."""
    h, c = int(side), int(channels)
    place = np.arange(h * h * c)
    meant = place.reshape(h, h, c).transpose(2, 0, 1).ravel()
    return float(np.mean(meant != place) * 100)


def least_loss(classes: str, softmaxes: str) -> float:
    """Cross-entropy of a perfect score after so many softmaxes, the loss's own among them."""
    with tf.Graph().as_default(), tf.Session() as session:
        right = tf.one_hot([0], int(classes))
        scores = 100 * right
        for _ in range(int(softmaxes) - 1):
            scores = tf.nn.softmax(scores)
        loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=right, logits=scores)
        return float(session.run(loss)[0])


def shifted() -> str:
    """Pixels by which the first convolution of ResNet looks further than with torch's padding."""
    first = []
    for options in ("", "padding=torch"):
        field: Any = common.taken_apart("resnet18", "-", options).layer("conv1").field
        first.append(int(-field.padding[0]))
    return f"{first[0] - first[1]} pixel"


def frozen_mean(training: str) -> float:
    """Mean of a frozen batch norm's output for a batch of mean 3, the averages being 0 and 1."""
    x = np.random.RandomState(0).normal(3, 2, (64, 4, 4, 2)).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        y = tf.layers.batch_normalization(
            tf.constant(x), trainable=False, training=training == "True"
        )
        session.run(tf.global_variables_initializer())
        return abs(float(session.run(y).mean()))


def other_strides() -> int:
    """Convolutions of resnet50 whose stride is another in the net that the weights are of."""
    strides = [
        [layer.stride for layer in common.taken_apart("resnet50", "-", options).layers]
        for options in ("", "stride_in=1 padding=slim")
    ]
    return sum(one != other for one, other in zip(*strides, strict=True))
