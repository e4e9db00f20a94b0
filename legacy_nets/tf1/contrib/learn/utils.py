"""``tf.contrib.learn.utils``: what serving takes in, and how models are exported."""

from __future__ import annotations

import inspect
import pathlib
import shutil
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core


class InputFnOps(NamedTuple):
    """What a serving input function returns."""

    features: Any
    labels: Any
    default_inputs: Any


def build_parsing_serving_input_fn(
    feature_spec: dict[str, Any], default_batch_size: int | None = None
) -> Callable[[], InputFnOps]:
    """Serving takes serialized ``tf.Example`` (string [N]) and parses them."""

    def input_fn() -> InputFnOps:
        examples = tf.placeholder(tf.string, [default_batch_size], name="input_example_tensor")
        features = tf.parse_example(examples, feature_spec)
        return InputFnOps(features, None, {"examples": examples})

    return input_fn


def build_default_serving_input_fn(
    features: dict[str, Any], default_batch_size: int | None = None
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


def as_receiver(serving_input_fn: Callable[[], Any]) -> Callable[[], Any]:
    """The same as a function of tf.estimator, which returns a ServingInputReceiver."""

    def receive() -> Any:
        found = serving_input_fn()
        if not isinstance(found, InputFnOps):
            return found
        named = isinstance(found.features, dict)
        kind = "ServingInputReceiver" if named else "TensorServingInputReceiver"
        return getattr(core.export, kind)(found.features, found.default_inputs)

    return receive


class ExportStrategy(NamedTuple):
    """A name, and the function ``(estimator, folder, checkpoint_path, eval_result)`` of it."""

    name: str
    export_fn: Callable[..., Any]
    strip_default_attrs: Any = None

    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str | None = None,
        eval_result: Any = None,
    ) -> Any:  # fmt: skip
        """Calls the function with those of the last two that it takes."""
        offered = {"checkpoint_path": checkpoint_path, "eval_result": eval_result,
                   "strip_default_attrs": self.strip_default_attrs}  # fmt: skip
        wanted = inspect.signature(self.export_fn).parameters
        given = {name: value for name, value in offered.items() if name in wanted}
        return self.export_fn(estimator, export_path, **given)


def make_export_strategy(
    serving_input_fn: Callable[[], Any], default_output_alternative_key: Any = None,
    assets_extra: Any = None, as_text: bool = False, exports_to_keep: int | None = 5,
    strip_default_attrs: Any = None,
) -> ExportStrategy:  # fmt: skip
    """Exports into folders named by the time; the oldest beyond ``exports_to_keep`` are removed."""

    def export_fn(
        estimator: Any, export_dir_base: str, checkpoint_path: str | None = None
    ) -> bytes:
        path = estimator.export_savedmodel(
            export_dir_base,
            as_receiver(serving_input_fn),
            assets_extra=assets_extra,
            as_text=as_text,
            checkpoint_path=checkpoint_path,
        )
        if exports_to_keep is not None:
            exports = (p for p in pathlib.Path(export_dir_base).iterdir() if p.name.isdigit())
            for old in sorted(exports, key=lambda p: int(p.name))[:-exports_to_keep]:
                shutil.rmtree(old)
        return path

    return ExportStrategy("Servo", export_fn, strip_default_attrs)


# Modules of 1.15 that scripts imported for the names above.
input_fn_utils = saved_model_export_utils = sys.modules[__name__]
