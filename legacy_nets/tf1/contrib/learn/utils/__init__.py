"""``tf.contrib.learn.utils``: what serving takes in, and how models are exported."""

from __future__ import annotations

from legacy_nets.tf1.contrib.learn.export_strategy import ExportStrategy
from legacy_nets.tf1.contrib.learn.utils import input_fn_utils, saved_model_export_utils
from legacy_nets.tf1.contrib.learn.utils.input_fn_utils import (
    InputFnOps,
    build_default_serving_input_fn,
    build_parsing_serving_input_fn,
)
from legacy_nets.tf1.contrib.learn.utils.saved_model_export_utils import make_export_strategy

__all__ = [
    "ExportStrategy",
    "InputFnOps",
    "build_default_serving_input_fn",
    "build_parsing_serving_input_fn",
    "input_fn_utils",
    "make_export_strategy",
    "saved_model_export_utils",
]
