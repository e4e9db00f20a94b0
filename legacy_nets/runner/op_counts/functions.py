"""Functions of which the arguments decide how many ops 1.15 made more or fewer than 2.21.

Numbers are differences between the counts of 1.15.5 and of 2.21 (``tests/golden/op_counts.tsv``).
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from legacy_nets import tf1
from legacy_nets.runner.seeds import add_missing_ops
from legacy_nets.types import DTypeLike, ShapeLike, Tensor, TensorLike

Function = Callable[..., Any]  # of TensorFlow


def list_wrappers() -> dict[Function, Function]:
    """{function: the same, which counts the ops that 1.15 would have made more}."""
    return {
        tf1.one_hot: _wrap_one_hot(tf1.one_hot),
        tf1.sparse_placeholder: _wrap_sparse_placeholder(tf1.sparse_placeholder),
        tf1.zeros: _wrap_filled(tf1.zeros),
        tf1.ones: _wrap_filled(tf1.ones),
        tf1.train.polynomial_decay: _count_by(
            tf1.train.polynomial_decay, lambda options: 5 if options.get("cycle") else 1
        ),
        tf1.confusion_matrix: _count_by(
            tf1.confusion_matrix, lambda options: 3 if options.get("num_classes") is None else 2
        ),
        tf1.image.decode_image: _count_by(tf1.image.decode_image, _count_decode_image),
        tf1.nn.embedding_lookup_sparse: _count_by(
            tf1.nn.embedding_lookup_sparse, _count_embedding_lookup_sparse
        ),
    }


def wrap_image_check() -> None:
    """Counts the assertions on an image of which a size is unknown.

    1.15 made 22 ops in each such case; 2.21 makes 26, and none where the inner three are known.
    """
    images: Any = importlib.import_module("tensorflow.python.ops.image_ops_impl")
    check = images._CheckAtLeast3DImage

    @functools.wraps(check)
    def counted(image: Tensor, require_static: bool = True) -> object:
        shape = image.shape
        if not require_static and not shape.is_fully_defined():
            add_missing_ops(22 if shape[-3:].is_fully_defined() else -4)
        return check(image, require_static)

    images._CheckAtLeast3DImage = counted


def wrap_empty_lists() -> None:
    """Counts no op for the first of two conversions of ``[]``, as in ``tf.reshape(x, [])``.

    2.21 converts it to float first, and again where the op takes no float.
    """
    library: Any = importlib.import_module("tensorflow.python.framework.op_def_library")
    op_defs: Any = importlib.import_module("tensorflow.python.framework.op_def_registry")
    apply = library._apply_op_helper

    @functools.wraps(apply)
    def counted(op_type_name: str, name: str | None = None, **keywords: Any) -> object:
        for key, value in keywords.items():
            if isinstance(value, (list, tuple)) and not value:
                add_missing_ops(-_is_converted_twice(op_defs.get(op_type_name), key))
        return apply(op_type_name, name, **keywords)

    library._apply_op_helper = counted


def _is_converted_twice(op_def: Any, key: str) -> bool:
    """Whether an input of an op is one tensor of a type to infer, among some without float."""
    for argument in op_def.input_arg:
        if argument.name == key and argument.type_attr and not argument.number_attr:
            (attribute,) = [a for a in op_def.attr if a.name == argument.type_attr]
            types = attribute.allowed_values.list.type
            shared = [a for a in op_def.input_arg if a.type_attr == argument.type_attr]
            return (
                bool(types) and tf1.float32.as_datatype_enum not in types and shared[0] is argument
            )
    return False


def _count_by(function: Function, count: Callable[[dict[str, Any]], int]) -> Function:
    """Counts ops by the arguments of a call, given by their names."""
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def counted(*arguments: object, **options: object) -> object:
        result = function(*arguments, **options)
        add_missing_ops(count({**dict(zip(names, arguments, strict=False)), **options}))
        return result

    return counted


def _count_decode_image(options: dict[str, Any]) -> int:
    """1.15 chose the decoder in the graph, by nested conditions on the first bytes."""
    is_converted = options.get("dtype", "uint8") not in ("uint8", tf1.uint8)
    return 75 + 8 * is_converted + 3 * (not options.get("expand_animations", True))


def _count_embedding_lookup_sparse(options: dict[str, Any]) -> int:
    if options.get("sp_weights") is not None:
        return 0
    return 5 if options.get("max_norm") is None else 1


def _wrap_one_hot(one_hot: Function) -> Function:
    """Counts the constants of given values, which 1.15 made twice."""

    @functools.wraps(one_hot)
    def counted(
        indices: TensorLike, depth: TensorLike, on_value: TensorLike | None = None,
        off_value: TensorLike | None = None, *arguments: object, **options: object,
    ) -> Tensor:  # fmt: skip
        given = [value for value in (on_value, off_value) if value is not None]
        add_missing_ops(sum(not tf1.is_tensor(value) for value in given))
        return one_hot(indices, depth, on_value, off_value, *arguments, **options)

    return counted


def _wrap_sparse_placeholder(placeholder: Function) -> Function:
    """Counts no op for the shape of a sparse placeholder, which 2.21 lets the user feed."""

    @functools.wraps(placeholder)
    def counted(dtype: DTypeLike, shape: ShapeLike = None, name: str | None = None) -> object:
        result = placeholder(dtype, shape, name)
        if result.dense_shape.op.type == "PlaceholderWithDefault":
            add_missing_ops(-1)
        return result

    return counted


def _wrap_filled(function: Function) -> Function:
    """Counts the ops that multiplied the sizes of a shape with tensors in it."""

    @functools.wraps(function)
    def counted(shape: ShapeLike, *arguments: object, **options: object) -> Tensor:
        if isinstance(shape, (list, tuple)) and any(tf1.is_tensor(size) for size in shape):
            tensors = [tf1.is_tensor(size) for size in shape]
            for end in range(1, len(tensors)):
                add_missing_ops(any(tensors[: end + 1]))  # the multiplication
                add_missing_ops(any(tensors[:end]) != tensors[end])  # the constant in it
            add_missing_ops(2)  # whether the product is small
        return function(shape, *arguments, **options)

    return counted
