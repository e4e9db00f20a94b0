"""Measurements for document 002: Inception V3 in slim."""

from __future__ import annotations

import collections
import functools
import inspect
from typing import Any

import numpy as np

from legacy_nets import anatomy
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.documents.checks import common
from legacy_nets.documents.checks.common import sides
from legacy_nets.nets import inception_v3 as net
from legacy_nets.tf1.speed import without_initial_values

slim = tf.contrib.slim
NAME = "inception_v3"


def _layers(under: str = "") -> list[anatomy.Layer]:
    found = common.taken_apart(NAME).layers
    return [layer for layer in found if layer.name.startswith(f"InceptionV3/{under}")]


def _layer(name: str) -> anatomy.Layer:
    return common.taken_apart(NAME).layer(f"InceptionV3/{name}")


def _convolutions(under: str) -> list[anatomy.Layer]:
    return [layer for layer in _layers(under) if layer.kind == "convolution"]


# Maps


def map_of(name: str) -> tuple[int | None, ...]:
    """Height, width and channels of an end point, else of a layer's tensor before any squeeze."""
    images, _, points = common.built(NAME)
    if name in points:
        return sides(points[name])[1:]
    return sides(images.graph.get_tensor_by_name(f"InceptionV3/{name}:0"))[1:]


def change(*names: str) -> str:
    """The map before and the map after: "17x17x768 to 5x5x768"."""
    return " to ".join("x".join(map(str, map_of(name))) for name in names)


def size_formula(name: str) -> str:
    """(W-F)/S+1 of a VALID layer, with its numbers and what the live graph leaves."""
    operation = common.built(NAME)[0].graph.get_tensor_by_name(_layer(name).tensor).op
    while operation.type in ("Relu", "FusedBatchNormV3"):
        operation = operation.inputs[0].op
    size, left = sides(operation.inputs[0])[1], sides(operation.outputs[0])[1]
    kernel, stride = (_layer(name).kernel or (0,))[0], (_layer(name).stride or (0,))[0]
    assert left == formulas.output_size(size or 0, kernel, stride)
    return f"({size}-{kernel})/{stride}+1={left}"


# Modules


def modules(group: str) -> list[str]:
    """Names of the Inception modules of a group (5, 6 or 7) in the live graph."""
    points = common.built(NAME)[2]
    return [name for name in points if name.startswith(f"Mixed_{group}")]


def groups() -> int:
    """How many groups of modules there are."""
    return len({name[:7] for name in common.built(NAME)[2] if name.startswith("Mixed_")})


def count_of_modules(group: str) -> int:
    """How many modules a group has."""
    return len(modules(group))


def branches(module: str) -> int:
    """Branches of a module: what its last layer puts side by side."""
    tensor = common.built(NAME)[2][module]
    return len(tensor.op.inputs) - 1  # the last input is the axis


def widths(module: str) -> str:
    """Channels of the branches and their sum: "64+64+96+32=256"."""
    parts = [sides(tensor)[-1] for tensor in common.built(NAME)[2][module].op.inputs[:-1]]
    return f"{'+'.join(map(str, parts))}={sides(common.built(NAME)[2][module])[-1]}"


def filters(under: str) -> list[int | None]:
    """Channels that the convolutions under a scope give, in order."""
    return [layer.output[-1] for layer in _convolutions(under) if layer.output]


def kernels(under: str) -> list[Any]:
    """Kernels of the convolutions under a scope, in order."""
    return [layer.kernel for layer in _convolutions(under)]


def factorised(under: str) -> list[Any]:
    """Kernels of a branch's convolutions without those of 1x1."""
    return [kernel for kernel in kernels(under) if kernel != (1, 1)]


def kinds_of_kernels(*scopes: str) -> list[Any]:
    """Kernels of the convolutions under some scopes, each once."""
    return list(dict.fromkeys(kernel for scope in scopes for kernel in kernels(scope)))


def usual_kernel(*scopes: str) -> tuple[int, ...]:
    """The kernel that most convolutions under some scopes have."""
    found = collections.Counter(kernel for scope in scopes for kernel in kernels(scope))
    return found.most_common(1)[0][0]


def strides(under: str) -> int:
    """By how much a module makes the map smaller: 1 or 2."""
    found = {(layer.stride or (1,))[0] for layer in _layers(under)}
    return max(found)


def same_modules(one: str, *others: str) -> bool:
    """Whether modules have the same kernels in the same branches; their names may differ."""
    kernels_of = [_topology(name) for name in (one, *others)]
    return all(found == kernels_of[0] for found in kernels_of)


def _topology(module: str) -> list[Any]:
    return [
        (layer.name.split("/")[2], layer.kind, layer.kernel, layer.stride)
        for layer in _layers(f"{module}/")
    ]


def same_widths(one: str, other: str) -> bool:
    """Whether two modules have the same kernels and the same channels throughout."""
    return same_modules(one, other) and filters(f"{one}/") == filters(f"{other}/")


def of_layer(name: str, what: str) -> Any:
    """kind, kernel, stride or padding of one layer, as ``describe`` tells it."""
    value = getattr(_layer(name), what)
    return value[0] if what == "stride" else value


def default_padding() -> Any:
    """What slim.conv2d pads with where no arg_scope says otherwise."""
    return inspect.signature(slim.conv2d).parameters["padding"].default


def after(name: str) -> str:
    """Type of the first operation behind a layer: what follows it."""
    tensor = common.built(NAME)[0].graph.get_tensor_by_name(f"InceptionV3/{name}:0")
    return tensor.consumers()[0].name.split("/")[2].partition("_")[0]


def last_activation() -> str:
    """Type of the operation that makes the end point Predictions."""
    operation = common.built(NAME)[2]["Predictions"].op
    return operation.type if operation.type != "Reshape" else operation.inputs[0].op.type


def every_convolution_is_an_end_point() -> bool:
    """Whether the returned dictionary has the output of each convolution."""
    points = common.built(NAME)[2].values()
    outputs = {point.name for point in points}
    return all(layer.tensor in outputs for layer in _convolutions(""))


# Silent harms of the code as it stands


def weights_that_never_train() -> int:
    """Weights of Mixed_6c that get no gradient where its first branch is called ranch_0."""
    with (
        tf.Graph().as_default(),
        without_initial_values(),
        slim.arg_scope(net.inception_v3_arg_scope()),
    ):
        x = tf.placeholder(tf.float32, [1, 17, 17, 768])
        branch_0 = slim.conv2d(x, 192, [1, 1], scope="Mixed_6b")
        before = tf.concat([branch_0] * 4, 3)
        slim.conv2d(before, 192, [1, 1], scope="Mixed_6c")  # ranch_0: nothing reads it
        y = tf.concat([branch_0, before], 3)
        trainable = tf.trainable_variables()
        missed = zip(trainable, tf.gradients(y, trainable), strict=True)
        return sum(int(np.prod(v.shape.as_list())) for v, gradient in missed if gradient is None)


@functools.cache
def variables_without_arg_scope() -> int:
    """Variables of the whole net where nobody opens inception_v3_arg_scope."""
    with tf.Graph().as_default(), without_initial_values():
        slim.nets.inception.inception_v3(tf.placeholder(tf.float32, [None, 299, 299, 3]), 1000)
        return len(tf.global_variables())


def zeroed_at_prediction() -> float:
    """Share of the features that slim.dropout zeroes where nobody says is_training."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        features = tf.ones([1, 1, 1, 100_000])
        kept = session.run(slim.dropout(features, keep_prob=0.8))
        return float(np.mean(kept == 0))


def made_under_reuse() -> int:
    """Variables that AUTO_REUSE makes in a scope that may only share."""
    with tf.Graph().as_default(), tf.variable_scope("InceptionV3", reuse=True):
        x = tf.placeholder(tf.float32, [1, 9, 9, 4])
        slim.conv2d(x, 4, [3, 3], scope="Conv2d_4a_3x3", reuse=tf.AUTO_REUSE)
        return len(tf.global_variables())
