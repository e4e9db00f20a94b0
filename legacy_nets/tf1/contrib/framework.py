"""``tf.contrib.framework``: argument scopes, variables (tf_slim), checkpoints (TensorFlow)."""

from __future__ import annotations

from tensorflow.compat.v1 import is_tensor
from tensorflow.compat.v1.train import create_global_step
from tensorflow.compat.v1.train import get_global_step
from tensorflow.compat.v1.train import get_or_create_global_step
from tensorflow.compat.v1.train import init_from_checkpoint
from tensorflow.compat.v1.train import list_variables
from tensorflow.compat.v1.train import load_checkpoint
from tensorflow.compat.v1.train import load_variable
from tf_slim.ops.arg_scope import add_arg_scope
from tf_slim.ops.arg_scope import arg_scope
from tf_slim.ops.arg_scope import arg_scoped_arguments
from tf_slim.ops.arg_scope import current_arg_scope
from tf_slim.ops.arg_scope import has_arg_scope
from tf_slim.ops.variables import add_model_variable
from tf_slim.ops.variables import assign_from_checkpoint
from tf_slim.ops.variables import assign_from_checkpoint_fn
from tf_slim.ops.variables import assign_from_values
from tf_slim.ops.variables import assign_from_values_fn
from tf_slim.ops.variables import filter_variables
from tf_slim.ops.variables import get_local_variables
from tf_slim.ops.variables import get_model_variables
from tf_slim.ops.variables import get_trainable_variables
from tf_slim.ops.variables import get_unique_variable
from tf_slim.ops.variables import get_variable_full_name
from tf_slim.ops.variables import get_variables
from tf_slim.ops.variables import get_variables_by_name
from tf_slim.ops.variables import get_variables_by_suffix
from tf_slim.ops.variables import get_variables_to_restore
from tf_slim.ops.variables import local_variable
from tf_slim.ops.variables import model_variable
from tf_slim.ops.variables import variable

__all__ = [
    "add_arg_scope",
    "add_model_variable",
    "arg_scope",
    "arg_scoped_arguments",
    "assign_from_checkpoint",
    "assign_from_checkpoint_fn",
    "assign_from_values",
    "assign_from_values_fn",
    "create_global_step",
    "current_arg_scope",
    "filter_variables",
    "get_global_step",
    "get_local_variables",
    "get_model_variables",
    "get_or_create_global_step",
    "get_trainable_variables",
    "get_unique_variable",
    "get_variable_full_name",
    "get_variables",
    "get_variables_by_name",
    "get_variables_by_suffix",
    "get_variables_to_restore",
    "has_arg_scope",
    "init_from_checkpoint",
    "is_tensor",
    "list_variables",
    "load_checkpoint",
    "load_variable",
    "local_variable",
    "model_variable",
    "variable",
]
