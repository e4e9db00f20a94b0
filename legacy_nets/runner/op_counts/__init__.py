"""Ops that TensorFlow 1.15 made and 2.21 does not: seeds of later ops depend on their number.

This file has what layers and the functions below them do, ``functions.py`` and ``products.py``
functions of which the arguments decide, ``differences.tsv`` all others. Where the ops of 1.15
decide which random numbers come, the same ops are made again. Elsewhere they are only counted.
Gradients follow the weights of a net and are not covered: random numbers that are drawn after them
may differ.

Numbers of ops are those of TensorFlow 1.15.5: scripts/oracle/op_counts.py calls all public
functions, scripts/oracle/seeds.py has graphs with several layers.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from legacy_nets import tf1
from legacy_nets.runner.op_counts import differences, functions, products, slices
from legacy_nets.runner.seeds import add_missing_ops, replace_count
from legacy_nets.types import (
    DTypeLike,
    Layer,
    ShapeLike,
    Tensor,
    TensorArray,
    TensorLike,
)

Function = Callable[..., Any]  # of TensorFlow

_PACKAGES = ("tensorflow", "tf_keras", "tf_slim", "legacy_nets.tf1")
_LAYERS = (
    ("tf_keras.src.layers", "convolutional.base_conv", "convolutional.conv2d_transpose")
    + ("reshaping.flatten",),
    ("tensorflow.python.keras.layers", "convolutional", "convolutional", "core"),
)


def install() -> None:
    """Wraps the functions of this process's TensorFlow. Does nothing the second time."""
    array_ops, math_ops, nn_ops, random_ops = (
        _import_module(f"tensorflow.python.ops.{name}")
        for name in ("array_ops", "math_ops", "nn_ops", "random_ops")
    )
    if hasattr(nn_ops._dropout, "__wrapped__"):
        return
    nn_ops._dropout = _wrap_dropout(nn_ops._dropout)
    math_ops._ReductionDims = _wrap_reduction_axes(math_ops._ReductionDims)
    functions.wrap_image_check()
    functions.wrap_empty_lists()
    functions.wrap_reduced_shape()
    slices.wrap_slices()
    _replace_everywhere(products.list_wrappers())
    _replace_everywhere(functions.list_wrappers())
    _replace_everywhere(differences.list_wrappers())
    differences.wrap_layers()
    _replace_everywhere(
        {
            random_ops.random_uniform: _wrap_random_uniform(random_ops.random_uniform),
            array_ops.split: _wrap_split(array_ops.split),
        }
    )
    arrays = _import_module("tensorflow.python.ops.tensor_array_ops")._GraphTensorArray
    arrays.size = _wrap_array_size(arrays.size)
    data = _import_module("tensorflow.python.data.ops.dataset_ops").DatasetV1
    data.make_initializable_iterator = _count_after(data.make_initializable_iterator, 3)
    norm = _import_module(
        "tf_keras.src.layers.normalization.batch_normalization"
    ).BatchNormalizationBase
    norm._fused_batch_norm = _wrap_batch_norm(norm._fused_batch_norm)
    norm.build = _wrap_batch_norm_build(norm.build)
    scopes = _import_module("tensorflow.python.ops.variable_scope")
    scopes._LazyEvalTensor = _make_regularization_loss
    embedding = _import_module("tf_keras.src.layers.core.embedding").Embedding
    embedding.call = _count_after(embedding.call, 1)
    for package, *names in _LAYERS:  # of tf.layers and tf.keras, and of slim
        base, transposed, flatten = (_import_module(f"{package}.{name}") for name in names)
        base.Conv.build = _wrap_conv_build(base.Conv.build)
        transposed.Conv2DTranspose.call = _wrap_conv_transpose(transposed.Conv2DTranspose.call)
        flatten.Flatten.call = _wrap_flatten(flatten.Flatten.call)


def _import_module(name: str) -> Any:  # its attributes are assigned to
    return importlib.import_module(name)


def _replace_everywhere(replacements: dict[Function, Function]) -> None:
    """Replaces functions in all modules of TensorFlow that hold them."""
    by_id = {id(old): new for old, new in replacements.items()}
    for module in [m for name, m in list(sys.modules.items()) if name.startswith(_PACKAGES)]:
        for name, value in list(vars(module).items()):
            if id(value) in by_id:
                setattr(module, name, by_id[id(value)])


def _count_after(function: Function, count: int) -> Function:
    """Counts ops that 1.15 made and 2.21 does not, after each call."""

    @functools.wraps(function)
    def counted(*arguments: object, **options: object) -> object:
        result = function(*arguments, **options)
        add_missing_ops(count)
        return result

    return counted


def _wrap_random_uniform(uniform: Function) -> Function:
    """Makes ops for the bounds of tf.random_uniform also where they are 0 and 1."""

    @functools.wraps(uniform)
    def random_uniform(
        shape: ShapeLike, minval: TensorLike = 0, maxval: TensorLike | None = None,
        dtype: DTypeLike = np.float32, *arguments: object, **options: object,
    ) -> Tensor:  # fmt: skip
        if type(minval) is int and "int" not in str(dtype):
            minval = float(minval)
        return uniform(shape, minval, maxval, dtype, *arguments, **options)

    return random_uniform


def _wrap_dropout(dropout: Function) -> Function:
    """Makes 1.15's ops in the one function behind tf.nn.dropout and all layers, in graphs."""
    ops = _import_module("tensorflow.python.framework.ops")
    context = _import_module("tensorflow.python.eager.context")
    constant_value = _import_module("tensorflow.python.framework.tensor_util").constant_value
    nn_ops = _import_module("tensorflow.python.ops.nn_ops")
    cast = _import_module("tensorflow.python.ops.math_ops").cast

    @functools.wraps(dropout)
    def dropout_as_tf1(
        x: TensorLike, rate: TensorLike, noise_shape: ShapeLike | None, uniform_sampler: Function,
        dummy_rng_step: object, name: str | None, default_name: str,
    ) -> Tensor:  # fmt: skip
        is_outside = isinstance(rate, (int, float)) and not 0 < rate < 1
        if context.executing_eagerly() or is_outside:  # 2.21 handles 0 and explains errors
            return dropout(
                x, rate, noise_shape, uniform_sampler, dummy_rng_step, name, default_name
            )
        with ops.name_scope(name, default_name, [x]):
            x = ops.convert_to_tensor(x, name="x")
            if not x.dtype.is_floating:
                raise ValueError(
                    "x has to be a floating point tensor since it's going to be scaled. "
                    f"Got a {x.dtype} tensor instead."
                )
            rate = ops.convert_to_tensor(rate, dtype=x.dtype, name="rate")
            rate.shape.assert_has_rank(0)
            if constant_value(rate) == 0:
                return x
            shape = nn_ops._get_noise_shape(x, noise_shape)
            random = uniform_sampler(shape=shape, dtype=x.dtype)
            scale = 1 / (1 - rate)
            kept = x * scale * cast(random >= rate, x.dtype)
            kept.set_shape(x.shape)
            return kept

    return dropout_as_tf1


def _wrap_reduction_axes(axes: Function) -> Function:
    """Makes "no axes" of a scalar an empty constant; 2.21 computes it from the rank.

    Those of a variable are computed from its rank, as 1.15 did; 2.21 makes a constant.
    """
    constant = _import_module("tensorflow.python.framework.constant_op").constant

    @functools.wraps(axes)
    def reduction_axes(x: TensorLike, axis: TensorLike | None) -> TensorLike:
        if axis is None and isinstance(x, tf1.Variable):
            return tf1.range(0, tf1.rank(x))
        if axis is None and getattr(getattr(x, "shape", None), "rank", None) == 0:
            return constant(np.arange(0, dtype=np.int32))
        return axes(x, axis)

    return reduction_axes


def _wrap_split(split: Function) -> Function:
    """Counts the op of the number of parts, which nothing used: one a step of an LSTM or GRU."""

    @functools.wraps(split)
    def counted(
        value: TensorLike, num_or_size_splits: TensorLike, *arguments: object, **options: object
    ) -> list[Tensor]:
        if isinstance(num_or_size_splits, int):
            add_missing_ops(1)
        return split(value, num_or_size_splits, *arguments, **options)

    return counted


def _wrap_array_size(size: Function) -> Function:
    """Counts the op of a known size of a TensorArray, as in the outputs of dynamic_rnn."""

    @functools.wraps(size)
    def counted(self: TensorArray, name: str | None = None) -> Tensor:
        if not self._dynamic_size and hasattr(self._size, "op"):
            add_missing_ops(1)
        return size(self, name)

    return counted


def _wrap_conv_build(build: Function) -> Function:
    """Counts the op of a convolution's dilation of 1; 2.21 makes one for larger dilations only."""

    @functools.wraps(build)
    def counted(self: Layer, input_shape: ShapeLike) -> None:
        build(self, input_shape)
        if all(rate == 1 for rate in self.dilation_rate):
            add_missing_ops(1)

    return counted


def _wrap_batch_norm(normalize: Function) -> Function:
    """Counts two empty constants (mean, variance) in training; else one, the momentum.

    In training 2.21 reads the moving averages too, which takes an op each where they are resources.
    """

    @functools.wraps(normalize)
    def counted(
        self: Layer, inputs: Tensor, mask: Tensor | None, training: bool | Tensor
    ) -> Tensor:
        if isinstance(training, (bool, int)):
            add_missing_ops(2 if training else 1)
        if hasattr(self.moving_mean, "handle") and (tf1.is_tensor(training) or training):
            add_missing_ops(-2)
        return normalize(self, inputs, mask, training)

    return counted


def _wrap_batch_norm_build(build: Function) -> Function:
    """Fuses images only, as 1.15 did; 2.21 fuses volumes too."""

    @functools.wraps(build)
    def built(self: Layer, input_shape: ShapeLike) -> None:
        if self.fused is not False and tf1.TensorShape(input_shape).rank == 5:
            self.fused = False
        build(self, input_shape)

    return built


def _make_regularization_loss(make: Callable[[], Tensor]) -> Tensor:
    """Makes the loss of a variable of ``tf.get_variable``, once.

    2.21 called the regularizer before to see whether it makes a loss, and makes one at each use.
    """
    with replace_count(0):
        return make()


def _wrap_flatten(call: Function) -> Function:
    """Counts the six ops that made the shape of an unknown batch size."""

    @functools.wraps(call)
    def counted(self: Layer, inputs: Tensor) -> Tensor:
        shape = inputs.shape
        if shape.rank and shape[1:].is_fully_defined() and shape.as_list()[0] is None:
            add_missing_ops(6)
        return call(self, inputs)

    del vars(counted)["__wrapped__"]  # Keras reads the signature
    return counted


def _wrap_conv_transpose(call: Function) -> Function:
    """Counts the ops that computed a known height and width, where 2.21 makes a constant each.

    Four ops take a size, two multiply it by the stride, and two more handle "valid".
    """

    @functools.wraps(call)
    def counted(self: Layer, inputs: Tensor) -> Tensor:
        sizes = inputs.shape.as_list()
        known = [sizes[axis] for axis in ((2, 3) if self._channels_first else (1, 2))]
        if self.output_padding is None:
            per_size = 5 + 2 * (self.padding == "valid")
            add_missing_ops(per_size * sum(size is not None for size in known))
        return call(self, inputs)

    del vars(counted)["__wrapped__"]
    return counted
