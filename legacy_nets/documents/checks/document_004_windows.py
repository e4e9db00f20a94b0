"""Checks for document 004 (zoo): formulas of output sizes and receptive fields."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.documents.checks.common import Check, analyze_net
from legacy_nets.tf1.speed import without_initial_values

# Each formula is compared with TensorFlow's own layers; the checks return the first that fits.

SIZES = {
    "ceil((W-F+1)/S)": lambda w, f, s, p: math.ceil((w - f + 1) / s),
    "ceil(W/S)": lambda w, f, s, p: math.ceil(w / s),
    "(W-F+2P)/S+1": lambda w, f, s, p: (w - f + 2 * p) / s + 1,
    "floor((W-F+2P)/S)+1": lambda w, f, s, p: (w - f + 2 * p) // s + 1,
    "floor((W-F+1)/S)": lambda w, f, s, p: (w - f + 1) // s,
    "floor(W/S)": lambda w, f, s, p: w // s,
}
Case = tuple[int, int, int, int]  # size, filter, stride, zeros


@functools.cache
def _compute_layer_sizes(padding: str) -> dict[Case, int]:
    """Computes output sizes of pools along one axis.

    "zeros": P zeros at either end, then VALID.
    """
    sizes = {}
    with tf.Graph().as_default():
        for width in (*range(5, 29, 3), 33, 39):
            for window in (1, 2, 3, 4, 5, 7, 11):
                for stride in (1, 2, 3, 4):
                    for zeros in (1, 2) if padding == "zeros" else (0,):
                        if width + 2 * zeros < window:
                            continue
                        x = tf.placeholder(tf.float32, [1, width + 2 * zeros, 1, 1])
                        layer_padding = "SAME" if padding == "SAME" else "VALID"
                        y = tf.nn.max_pool(x, [1, window, 1, 1], [1, stride, 1, 1], layer_padding)
                        sizes[width, window, stride, zeros] = int(y.shape[1])
    return sizes


def find_size_formula(padding: str, cases: str = "all") -> str:
    """Finds the first formula that fits TensorFlow's sizes.

    In "whole" cases the stride leaves no remainder.
    """
    sizes = _compute_layer_sizes(padding)
    if cases == "whole":
        sizes = {c: n for c, n in sizes.items() if (c[0] - c[1] + 2 * c[3]) % c[2] == 0}
    for name, formula in SIZES.items():
        if all(formula(*case) == size for case, size in sizes.items()):
            return name
    return "none of them"


FIELDS = {
    "(RF_next-1)*stride+kernel": lambda field, kernel, stride: (field - 1) * stride + kernel,
    "(RF_next-1)*kernel+stride": lambda field, kernel, stride: (field - 1) * kernel + stride,
    "RF_next*stride+kernel": lambda field, kernel, stride: field * stride + kernel,
}


def find_field_formula() -> str:
    """Finds the formula, from the last layer down, that gives the fields of the live graphs."""
    for name, formula in FIELDS.items():
        fits = []
        for net in ("vgg16", "alexnet_v1"):
            windows = _list_windows(net)
            field = windows[-1].kernel
            for window in reversed(windows[:-1]):
                field = formula(field, window.kernel, window.stride)
            fits.append(field == windows[-1].field)
        if all(fits):
            return name
    return "none of them"


class SideWindow(NamedTuple):
    """A convolution or pool along one side."""

    kernel: int
    stride: int
    field: int  # receptive field of its output


def _list_windows(net: str) -> list[SideWindow]:
    return [
        SideWindow(layer.kernel[0], layer.stride[0], layer.receptive_field.size[0])
        for layer in analyze_net(net).layers
        if layer.kernel and layer.stride and layer.receptive_field
    ]


def get_last_field(net: str) -> int:
    """Returns the receptive field of the last convolution or pool along one side."""
    return _list_windows(net)[-1].field


def field_covers_image(net: str) -> bool:
    """Whether the last map's receptive field is at least as large as the image."""
    return get_last_field(net) >= registry.get_net(net).image_size[0]


def field_grows(net: str) -> bool:
    """Whether no layer has a smaller receptive field than the layer before it."""
    fields = [window.field for window in _list_windows(net)]
    return fields == sorted(fields) and fields[-1] > fields[0]


def _build_stack(kernels: tuple[str, ...], padding: str) -> tuple[int, int]:
    """Returns receptive field and parameters of convolutions with 64 channels without biases."""
    with tf.Graph().as_default(), without_initial_values():
        x = y = tf.placeholder(tf.float32, [None, 32, 32, 64])
        for kernel in kernels:
            y = tf.layers.conv2d(y, 64, int(kernel), padding=padding, use_bias=False)
        field = anatomy.compute_receptive_field(y, x)
        count = sum(int(np.prod(v.shape.as_list())) for v in tf.trainable_variables())
    return (int(field.size[0]) if field else 0), count


def get_stack_field(*kernels: str) -> int:
    """Returns the receptive field of consecutive convolutions with these kernels."""
    return _build_stack(kernels, "valid")[0]


def compare_last_field() -> str:
    """Compares the receptive field of a last layer, within this layer, with its kernel."""
    kernels = (1, 3, 5, 7)
    is_kernel = all(get_stack_field(str(kernel)) == kernel for kernel in kernels)
    return "its kernel" if is_kernel else "something else"


def list_field_factors() -> list[str]:
    """Lists what changes the receptive field of a layer on which another layer follows."""
    layer: dict[str, int | str] = {"kernel_size": 3, "strides": 1, "padding": "valid", "filters": 4}
    changes: dict[str, tuple[dict[str, int | str], int]] = {
        "kernel": ({"kernel_size": 5}, 3),
        "stride": ({"strides": 2}, 3),
        "padding": ({"padding": "same"}, 3),
        "filters": ({"filters": 8}, 3),
        "field of the next layer": ({}, 5),
    }
    before = _measure_pair(layer, 3)
    return [
        name
        for name, (change, kernel) in changes.items()
        if _measure_pair({**layer, **change}, kernel) != before
    ]


def _measure_pair(layer: dict[str, int | str], next_kernel: int) -> int:
    """Returns the receptive field of a convolution with these arguments and of one after it."""
    with tf.Graph().as_default(), without_initial_values():
        x = tf.placeholder(tf.float32, [None, 32, 32, 3])
        y = tf.layers.conv2d(tf.layers.conv2d(x, **layer), 4, next_kernel)
        field = anatomy.compute_receptive_field(y, x)
    return int(field.size[0]) if field else 0


def padding_changes_field(*kernels: str) -> bool:
    """Whether SAME instead of VALID changes that field."""
    return _build_stack(kernels, "same")[0] != _build_stack(kernels, "valid")[0]


def stack_is_smaller(kernels: str, kernel: str) -> bool:
    """Whether stacked kernels ("3 3 3") have fewer parameters than one kernel."""
    return _build_stack(tuple(kernels.split()), "valid")[1] < _build_stack((kernel,), "valid")[1]


CHECKS: dict[str, Check] = {
    "compare_last_field": compare_last_field,
    "field_covers_image": field_covers_image,
    "field_grows": field_grows,
    "find_field_formula": find_field_formula,
    "find_size_formula": find_size_formula,
    "get_stack_field": get_stack_field,
    "list_field_factors": list_field_factors,
    "padding_changes_field": padding_changes_field,
    "stack_is_smaller": stack_is_smaller,
}
