"""How models of ``tf.contrib.learn`` are exported."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import Any

from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1.contrib.learn.export_strategy import ExportStrategy
from legacy_nets.tf1.contrib.learn.utils.input_fn_utils import InputFnOps
from legacy_nets.types import Estimator, InputFn, ServingInputReceiver


def make_receiver_fn(serving_input_fn: InputFn) -> Callable[[], Any]:
    """The same as a function of tf.estimator, which returns a ServingInputReceiver."""

    def receive() -> ServingInputReceiver:
        inputs = serving_input_fn()
        if not isinstance(inputs, InputFnOps):
            return inputs
        has_names = isinstance(inputs.features, dict)
        class_name = "ServingInputReceiver" if has_names else "TensorServingInputReceiver"
        return getattr(core.export, class_name)(inputs.features, inputs.default_inputs)

    return receive


def make_export_strategy(
    serving_input_fn: InputFn, default_output_alternative_key: object = None,
    assets_extra: object = None, as_text: bool = False, exports_to_keep: int | None = 5,
    strip_default_attrs: object = None,
) -> ExportStrategy:  # fmt: skip
    """Exports into folders named by the time; the oldest beyond ``exports_to_keep`` are removed."""

    def export_fn(
        estimator: Estimator, export_dir_base: str, checkpoint_path: str | None = None
    ) -> bytes:
        path = estimator.export_savedmodel(
            export_dir_base,
            make_receiver_fn(serving_input_fn),
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
