"""``tf.contrib.framework.py_func``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.util import nest

from legacy_nets.types import Array, DTypeLike, ShapeLike, Structure, TensorLike

__all__ = ["py_func"]


def py_func(
    func: Callable[..., TensorLike],
    args: TensorLike = (),
    kwargs: dict[str, object] | None = None,
    output_types: DTypeLike | None = None,
    output_shapes: ShapeLike | None = None,
    stateful: bool = True,
    name: str | None = None,
) -> Structure:
    """``tf.py_func`` with nested arguments, keywords and results."""
    given = {"args": args, "kwargs": kwargs or {}}
    flat = tf.nest.flatten(given)
    types = tf.nest.flatten(output_types)

    def flat_func(*values: TensorLike) -> list[Array]:
        packed = tf.nest.pack_sequence_as(given, values)
        results = func(*packed["args"], **packed["kwargs"])
        return [
            np.asarray(value, dtype.as_numpy_dtype)
            for value, dtype in zip(tf.nest.flatten(results), types, strict=True)
        ]

    results = tf.py_func(flat_func, flat, types, stateful, name)
    if output_shapes is not None:
        for result, shape in zip(
            results, nest.flatten_up_to(output_types, output_shapes), strict=True
        ):
            result.set_shape(shape)
    if not tf.nest.is_nested(output_types):
        return results[0]
    return tf.nest.pack_sequence_as(output_types, results)
