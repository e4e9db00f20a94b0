"""``tf.contrib.estimator``: heads, and what extends estimators, over the package of 2.15."""

from __future__ import annotations

from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.estimator.export import (
    export_all_saved_models,
    export_saved_model_for_mode,
)
from legacy_nets.tf1.contrib.estimator.extenders import clip_gradients_by_norm, forward_features
from legacy_nets.tf1.contrib.estimator.head import (
    binary_classification_head,
    logistic_regression_head,
    multi_class_head,
    poisson_regression_head,
    regression_head,
)
from legacy_nets.tf1.contrib.estimator.multi_head import multi_head
from legacy_nets.tf1.contrib.estimator.multi_label_head import multi_label_head

# What is under other names in tf.estimator.
add_metrics = core.add_metrics
InMemoryEvaluatorHook = core.experimental.InMemoryEvaluatorHook
build_raw_supervised_input_receiver_fn = core.experimental.build_raw_supervised_input_receiver_fn
call_logit_fn = core.experimental.call_logit_fn
dnn_logit_fn_builder = core.experimental.dnn_logit_fn_builder
linear_logit_fn_builder = core.experimental.linear_logit_fn_builder
make_early_stopping_hook = core.experimental.make_early_stopping_hook
make_stop_at_checkpoint_step_hook = core.experimental.make_stop_at_checkpoint_step_hook
read_eval_metrics = core.estimator_modules["early_stopping"].read_eval_metrics
stop_if_higher_hook = core.experimental.stop_if_higher_hook
stop_if_lower_hook = core.experimental.stop_if_lower_hook
stop_if_no_decrease_hook = core.experimental.stop_if_no_decrease_hook
stop_if_no_increase_hook = core.experimental.stop_if_no_increase_hook

__all__ = [
    "InMemoryEvaluatorHook",
    "add_metrics",
    "binary_classification_head",
    "build_raw_supervised_input_receiver_fn",
    "call_logit_fn",
    "clip_gradients_by_norm",
    "dnn_logit_fn_builder",
    "export_all_saved_models",
    "export_saved_model_for_mode",
    "forward_features",
    "linear_logit_fn_builder",
    "logistic_regression_head",
    "make_early_stopping_hook",
    "make_stop_at_checkpoint_step_hook",
    "multi_class_head",
    "multi_head",
    "multi_label_head",
    "poisson_regression_head",
    "read_eval_metrics",
    "regression_head",
    "stop_if_higher_hook",
    "stop_if_lower_hook",
    "stop_if_no_decrease_hook",
    "stop_if_no_increase_hook",
]


def __getattr__(name: str) -> object:
    raise refused.make_error("estimator", name)
