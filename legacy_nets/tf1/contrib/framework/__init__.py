"""``tf.contrib.framework``: argument scopes, variables (tf_slim), checkpoints (TensorFlow)."""

from __future__ import annotations

import importlib
from typing import Any

from tensorflow.compat.v1 import (
    TensorSpec,
    argsort,
    convert_to_tensor_or_sparse_tensor,
    is_tensor,
    sort,
)
from tensorflow.compat.v1.debugging import assert_same_float_dtype, assert_scalar
from tensorflow.compat.v1.train import (
    create_global_step,
    get_global_step,
    get_or_create_global_step,
    init_from_checkpoint,
    list_variables,
    load_checkpoint,
    load_variable,
)
from tensorflow.python.framework.ops import _get_graph_from_inputs as get_graph_from_inputs
from tensorflow.python.framework.ops import get_name_scope, prepend_name_scope, strip_name_scope
from tensorflow.python.framework.smart_cond import smart_case, smart_cond, smart_constant_value
from tensorflow.python.framework.tensor import BoundedTensorSpec
from tensorflow.python.ops.data_flow_ops import RecordInput
from tensorflow.python.ops.init_ops import (
    ConvolutionDeltaOrthogonal as convolutional_delta_orthogonal,
)
from tensorflow.python.ops.init_ops import ConvolutionOrthogonal1D as convolutional_orthogonal_1d
from tensorflow.python.ops.init_ops import ConvolutionOrthogonal2D as convolutional_orthogonal_2d
from tensorflow.python.ops.init_ops import ConvolutionOrthogonal3D as convolutional_orthogonal_3d
from tensorflow.python.util.deprecation import deprecated, deprecated_arg_values, deprecated_args
from tf_slim.ops.arg_scope import (
    add_arg_scope,
    arg_scope,
    arg_scoped_arguments,
    current_arg_scope,
    has_arg_scope,
)
from tf_slim.ops.variables import (
    VariableDeviceChooser,
    add_model_variable,
    assert_global_step,
    assert_or_get_global_step,
    assign_from_checkpoint,
    assign_from_checkpoint_fn,
    assign_from_values,
    assign_from_values_fn,
    filter_variables,
    get_local_variables,
    get_model_variables,
    get_trainable_variables,
    get_unique_variable,
    get_variable_full_name,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    global_variable,
    local_variable,
    model_variable,
    variable,
)

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.framework.graph_util import get_placeholders
from legacy_nets.tf1.contrib.framework.script_ops import py_func
from legacy_nets.tf1.contrib.framework.tensor_util import (
    assert_scalar_int,
    reduce_sum_n,
    remove_squeezable_dimensions,
    with_same_shape,
    with_shape,
)
from legacy_nets.tf1.contrib.framework.variables import zero_initializer

nest = importlib.import_module("legacy_nets.tf1.python.util.nest")


def __getattr__(name: str) -> Any:
    raise refused.make_error("framework", name)


__all__ = [
    "BoundedTensorSpec",
    "RecordInput",
    "TensorSpec",
    "VariableDeviceChooser",
    "add_arg_scope",
    "add_model_variable",
    "arg_scope",
    "arg_scoped_arguments",
    "argsort",
    "assert_global_step",
    "assert_or_get_global_step",
    "assert_same_float_dtype",
    "assert_scalar",
    "assert_scalar_int",
    "assign_from_checkpoint",
    "assign_from_checkpoint_fn",
    "assign_from_values",
    "assign_from_values_fn",
    "convert_to_tensor_or_sparse_tensor",
    "convolutional_delta_orthogonal",
    "convolutional_orthogonal_1d",
    "convolutional_orthogonal_2d",
    "convolutional_orthogonal_3d",
    "create_global_step",
    "current_arg_scope",
    "deprecated",
    "deprecated_arg_values",
    "deprecated_args",
    "filter_variables",
    "get_global_step",
    "get_graph_from_inputs",
    "get_local_variables",
    "get_model_variables",
    "get_name_scope",
    "get_or_create_global_step",
    "get_placeholders",
    "get_trainable_variables",
    "get_unique_variable",
    "get_variable_full_name",
    "get_variables",
    "get_variables_by_name",
    "get_variables_by_suffix",
    "get_variables_to_restore",
    "global_variable",
    "has_arg_scope",
    "init_from_checkpoint",
    "is_tensor",
    "list_variables",
    "load_checkpoint",
    "load_variable",
    "local_variable",
    "model_variable",
    "nest",
    "prepend_name_scope",
    "py_func",
    "reduce_sum_n",
    "remove_squeezable_dimensions",
    "smart_case",
    "smart_cond",
    "smart_constant_value",
    "sort",
    "strip_name_scope",
    "variable",
    "with_same_shape",
    "with_shape",
    "zero_initializer",
]
