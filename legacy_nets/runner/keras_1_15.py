"""What tf.keras of TensorFlow 1.15 did, and tf_keras does not.

Names of layers and weights; the rotation of kernels that Theano wrote.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from legacy_nets.types import Array

VERSION = "2.2.4-tf"  # tf.keras.__version__ in 1.15.5; h5 files hold it, too

_CONVOLUTIONS = {  # layer -> kernels among its first weights
    **{"Conv1D": 1, "Conv2D": 1, "Conv3D": 1, "Conv2DTranspose": 1},
    "ConvLSTM2D": 2,
}
Build = Callable[[Any, Any], None]  # of a layer, with the shape of its input


def use_tf1_names() -> None:
    """Names layers, and the weights of recurrent layers, in this process as 1.15 did."""
    import_module("tf_keras.src.utils.generic_utils").to_snake_case = to_snake_case
    import_module("tf_keras.src").__version__ = VERSION
    rnn = import_module("tf_keras.src.layers.rnn.base_rnn").RNN
    stacked = import_module("tf_keras.src.layers.rnn.stacked_rnn_cells").StackedRNNCells
    rnn.build = _build_cell_before(rnn.build)
    stacked.build = _build_cells_before(stacked.build)


@functools.cache
def rotate_kernels_of_theano() -> None:
    """Lets load_model and load_weights rotate the kernels of .h5 files that name Theano.

    Theano convolves where TensorFlow correlates. Keras 2.3.1 and tf.keras of 1.15.5 rotated them;
    tf_keras reads the file's backend, and ignores it.
    """
    files = import_module("tf_keras.src.saving.legacy.hdf5_format")
    files.preprocess_weights_for_loading = _rotate_before(files.preprocess_weights_for_loading)


def count_kernels(layer: object) -> int:
    """Counts the kernels that Keras 2 rotated in files of Theano: the first of a layer's weights.

    It left depthwise, separable and locally connected layers as they are.
    """
    return _CONVOLUTIONS.get(type(layer).__name__, 0)


def rotate_kernels(weights: Sequence[Array], count: int) -> list[Array]:
    """Rotates the first kernels of a layer, [*window, inputs, outputs], by 180 degrees."""
    rotated = [np.flip(kernel, tuple(range(kernel.ndim - 2))) for kernel in weights[:count]]
    return [*rotated, *weights[count:]]


def _rotate_before(preprocess: Callable[..., list[Array]]) -> Callable[..., list[Array]]:
    """Rotates the kernels of a convolution; wrappers and models call this for their layers."""

    @functools.wraps(preprocess)
    def preprocess_rotated(
        layer: object,
        weights: list[Array],
        original_keras_version: str | None = None,
        original_backend: str | None = None,
    ) -> list[Array]:
        if original_backend == "theano":
            weights = rotate_kernels(weights, count_kernels(layer))
        return preprocess(layer, weights, original_keras_version, original_backend)

    return preprocess_rotated


def import_module(name: str) -> Any:
    """Imports a module whose attributes are assigned to."""
    return importlib.import_module(name)


def to_snake_case(name: str) -> str:
    """Returns the default name of a layer of this class: ``ConvLSTM2D`` is ``conv_lst_m2d``."""
    words = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    snake = re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
    return "private" + snake if snake.startswith("_") else snake


def _build_cell_before(build: Build) -> Build:
    """Builds the cell in the layer's name scope: ``lstm/kernel``, not ``lstm/lstm_cell/kernel``.

    The layer opens a scope for the cell only where it has to build it.
    """
    nest = import_module("tensorflow").nest

    @functools.wraps(build)
    def build_layer(self: Any, input_shape: Any) -> None:
        time = 0 if self.time_major else 1

        def drop_time(shape: Any) -> tuple[int | None, ...]:
            sizes = tuple(_to_shape(shape).as_list())
            return sizes[:time] + sizes[time + 1 :]

        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        _build(self.cell, nest.map_structure(drop_time, _to_shape(input_shape)))
        build(self, input_shape)

    return build_layer


def _build_cells_before(build: Build) -> Build:
    """Builds stacked cells in the layer's name scope, one after the other."""
    nest = import_module("tensorflow").nest

    @functools.wraps(build)
    def build_cells(self: Any, input_shape: Any) -> None:
        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        shape = input_shape
        for cell in self.cells:
            _build(cell, shape)
            size = getattr(cell, "output_size", None) or nest.flatten(cell.state_size)[0]
            if nest.is_nested(size):
                break
            shape = (nest.flatten(shape)[0], *_to_shape(size).as_list())
        build(self, input_shape)

    return build_cells


def _build(cell: Any, shape: Any) -> None:
    if not getattr(cell, "built", True):
        cell.build(shape)
        cell.built = True


def _to_shape(shape: Any) -> Any:
    """Returns a TensorShape; a structure of several shapes stays."""
    try:
        return import_module("tensorflow").TensorShape(shape)
    except (ValueError, TypeError):
        return shape
