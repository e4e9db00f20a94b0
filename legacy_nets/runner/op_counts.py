"""Ops that TensorFlow 1.15 made and 2.21 spares: seeds of later ops depend on how many.

Two ways, for functions that stand between the weights of common nets. Where what 1.15 made
decides which random numbers come, the same ops are made again; elsewhere they are only counted.
Gradients, losses and summaries, which follow the weights of a net, are not in here: what is
drawn after them may differ.

Numbers of ops are those of TensorFlow 1.15.5, found by listing graphs of scripts/oracle/seeds.py.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from legacy_nets.runner.seeds import made_more

_LAYERS = (
    ("tf_keras.src.layers", "convolutional.base_conv", "convolutional.conv2d_transpose")
    + ("reshaping.flatten",),
    ("tensorflow.python.keras.layers", "convolutional", "convolutional", "core"),
)


def install() -> None:
    """Changes this process's TensorFlow. Does nothing the second time."""
    array_ops, math_ops, nn_ops, random_ops = (
        _module(f"tensorflow.python.ops.{name}")
        for name in ("array_ops", "math_ops", "nn_ops", "random_ops")
    )
    if hasattr(nn_ops._dropout, "__wrapped__"):
        return
    nn_ops._dropout = _dropout_of(nn_ops._dropout)
    math_ops._ReductionDims = _axes_of(math_ops._ReductionDims)
    _replace_everywhere(
        {
            random_ops.random_uniform: _uniform_of(random_ops.random_uniform),
            array_ops.split: _split_of(array_ops.split),
            math_ops.tensordot: _tensordot_of(math_ops.tensordot),
        }
    )
    arrays = _module("tensorflow.python.ops.tensor_array_ops")._GraphTensorArray
    arrays.size = _size_of(arrays.size)
    data = _module("tensorflow.python.data.ops.dataset_ops").DatasetV1
    data.make_initializable_iterator = _then(data.make_initializable_iterator, 3)
    norm = _module("tf_keras.src.layers.normalization.batch_normalization").BatchNormalizationBase
    norm._fused_batch_norm = _norm_of(norm._fused_batch_norm)
    for package, *names in _LAYERS:  # of tf.layers and tf.keras, and of slim
        base, transposed, flatten = (_module(f"{package}.{name}") for name in names)
        base.Conv.build = _built(base.Conv.build)
        transposed.Conv2DTranspose.call = _transposed_of(transposed.Conv2DTranspose.call)
        flatten.Flatten.call = _flatten_of(flatten.Flatten.call)


def _module(name: str) -> Any:
    return importlib.import_module(name)


def _replace_everywhere(new: dict[Any, Any]) -> None:
    """Puts functions in the place of others, in all modules of TensorFlow that know them."""
    by_id = {id(old): function for old, function in new.items()}
    for module in [m for name, m in list(sys.modules.items()) if name.startswith("tensorflow")]:
        for name, value in list(vars(module).items()):
            if id(value) in by_id:
                vars(module)[name] = by_id[id(value)]


def _then(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """After the function, 1.15 had made so many ops more."""

    @functools.wraps(function)
    def counted(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        made_more(count)
        return result

    return counted


def _uniform_of(uniform: Callable[..., Any]) -> Callable[..., Any]:
    """tf.random_uniform with ops for its bounds, also where they are 0 and 1."""

    @functools.wraps(uniform)
    def random_uniform(
        shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = np.float32, *more: Any,
        **named: Any,
    ) -> Any:  # fmt: skip
        if type(minval) is int and "int" not in str(dtype):
            minval = float(minval)
        return uniform(shape, minval, maxval, dtype, *more, **named)

    return random_uniform


def _dropout_of(dropout: Callable[..., Any]) -> Callable[..., Any]:
    """The one function behind tf.nn.dropout and all layers, with 1.15's ops in graphs."""
    ops = _module("tensorflow.python.framework.ops")
    context = _module("tensorflow.python.eager.context")
    constant_value = _module("tensorflow.python.framework.tensor_util").constant_value
    nn_ops = _module("tensorflow.python.ops.nn_ops")
    cast = _module("tensorflow.python.ops.math_ops").cast

    @functools.wraps(dropout)
    def as_tf1(
        x: Any, rate: Any, noise_shape: Any, uniform_sampler: Any, dummy_rng_step: Any, name: Any,
        default_name: Any,
    ) -> Any:  # fmt: skip
        wrong = isinstance(rate, (int, float)) and not 0 < rate < 1
        if context.executing_eagerly() or wrong:  # 0, or an error that today's words explain
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
            drawn = uniform_sampler(shape=shape, dtype=x.dtype)
            scale = 1 / (1 - rate)
            kept = x * scale * cast(drawn >= rate, x.dtype)
            kept.set_shape(x.shape)
            return kept

    return as_tf1


def _axes_of(axes: Callable[..., Any]) -> Callable[..., Any]:
    """No axes are an empty constant for a scalar, too; today they are computed from its rank."""
    constant = _module("tensorflow.python.framework.constant_op").constant

    @functools.wraps(axes)
    def reduction_axes(x: Any, axis: Any) -> Any:
        if axis is None and getattr(getattr(x, "shape", None), "rank", None) == 0:
            return constant(np.arange(0, dtype=np.int32))
        return axes(x, axis)

    return reduction_axes


def _split_of(split: Callable[..., Any]) -> Callable[..., Any]:
    """A number of parts became an op that nothing used: in each step of an LSTM or a GRU."""

    @functools.wraps(split)
    def counted(value: Any, num_or_size_splits: Any, *more: Any, **named: Any) -> Any:
        if isinstance(num_or_size_splits, int):
            made_more(1)
        return split(value, num_or_size_splits, *more, **named)

    return counted


def _size_of(size: Callable[..., Any]) -> Callable[..., Any]:
    """The size of a TensorArray was asked of it, also where it is known: dynamic_rnn's outputs."""

    @functools.wraps(size)
    def counted(self: Any, name: Any = None) -> Any:
        if not self._dynamic_size and hasattr(self._size, "op"):
            made_more(1)
        return size(self, name)

    return counted


def _tensordot_of(tensordot: Callable[..., Any]) -> Callable[..., Any]:
    """Each factor of known shape was transposed and reshaped, also where that changes nothing."""

    @functools.wraps(tensordot)
    def counted(a: Any, b: Any, axes: Any, name: Any = None) -> Any:
        if isinstance(axes, (list, tuple)) and all(isinstance(each, list) for each in axes):
            for factor, summed, first in ((a, axes[0], False), (b, axes[1], True)):
                made_more(2 * _spared(factor, summed, first))
        return tensordot(a, b, axes, name)

    return counted


def _spared(factor: Any, summed: list[int], first: bool) -> int:
    """How many of transpose and reshape tensordot spares for a factor."""
    shape: Any = getattr(factor, "shape", None)
    if hasattr(shape, "is_fully_defined"):
        sizes = shape.as_list() if shape.is_fully_defined() else []
    else:  # an array or a list
        sizes = list(np.shape(factor))
    if not sizes:
        return 0
    at = [axis % len(sizes) for axis in summed]
    free = [axis for axis in range(len(sizes)) if axis not in at]
    order = at + free if first else free + at
    flat = [int(np.prod([sizes[axis] for axis in part])) for part in (at, free)]
    moved = [sizes[axis] for axis in order]
    return (order == sorted(order)) + (moved == (flat if first else flat[::-1]))


def _built(build: Callable[..., Any]) -> Callable[..., Any]:
    """The dilation of a convolution became an op as its weights were made; a true one does yet."""

    @functools.wraps(build)
    def counted(self: Any, input_shape: Any) -> None:
        build(self, input_shape)
        if all(each == 1 for each in self.dilation_rate):
            made_more(1)

    return counted


def _norm_of(normalize: Callable[..., Any]) -> Callable[..., Any]:
    """In training, mean and variance were two empty constants; else the momentum became one."""

    @functools.wraps(normalize)
    def counted(self: Any, inputs: Any, mask: Any, training: Any) -> Any:
        if isinstance(training, (bool, int)):
            made_more(2 if training else 1)
        return normalize(self, inputs, mask, training)

    return counted


def _flatten_of(call: Callable[..., Any]) -> Callable[..., Any]:
    """The shape was made of the batch's size (six ops) where that is not known."""

    @functools.wraps(call)
    def counted(self: Any, inputs: Any) -> Any:
        shape = inputs.shape
        if shape.rank and shape[1:].is_fully_defined() and shape.as_list()[0] is None:
            made_more(6)
        return call(self, inputs)

    del vars(counted)["__wrapped__"]  # Keras reads the signature
    return counted


def _transposed_of(call: Callable[..., Any]) -> Callable[..., Any]:
    """Height and width were computed, also where they are known: four ops to take one, two for
    the stride, two more for "valid"; today each is a constant."""

    @functools.wraps(call)
    def counted(self: Any, inputs: Any) -> Any:
        sizes = inputs.shape.as_list()
        known = [sizes[axis] for axis in ((2, 3) if self._channels_first else (1, 2))]
        if self.output_padding is None:
            each = 5 + 2 * (self.padding == "valid")
            made_more(each * sum(size is not None for size in known))
        return call(self, inputs)

    del vars(counted)["__wrapped__"]
    return counted
