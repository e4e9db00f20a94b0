"""What serving takes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor


class InputFnOps(NamedTuple):
    """What a serving input function returns."""

    features: Any
    labels: Any
    default_inputs: Any


def build_parsing_serving_input_fn(
    feature_spec: dict[str, object], default_batch_size: int | None = None
) -> Callable[[], InputFnOps]:
    """Serving takes serialized ``tf.Example`` (string [N]) and parses them."""

    def input_fn() -> InputFnOps:
        examples = tf.placeholder(tf.string, [default_batch_size], name="input_example_tensor")
        features = tf.parse_example(examples, feature_spec)
        return InputFnOps(features, None, {"examples": examples})

    return input_fn


def build_default_serving_input_fn(
    features: dict[str, Tensor], default_batch_size: int | None = None
) -> Callable[[], InputFnOps]:
    """Serving takes the features themselves."""

    def input_fn() -> InputFnOps:
        fed = {
            name: tf.placeholder(
                tensor.dtype, [default_batch_size, *tensor.shape.as_list()[1:]], tensor.op.name
            )
            for name, tensor in features.items()
        }
        return InputFnOps(fed, None, fed)

    return input_fn
