"""Functions of which the arguments decide how many ops 1.15 made more or fewer than 2.21.

Numbers are differences between the counts of 1.15.5 and of 2.21 (``tests/golden/op_counts.tsv``).
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from legacy_nets import tf1
from legacy_nets.runner.seeds import add_missing_ops, replace_count
from legacy_nets.types import DTypeLike, ShapeLike, Tensor, TensorLike

Function = Callable[..., Any]  # of TensorFlow

_RFFT = tf1.signal.rfft, tf1.signal.rfft2d, tf1.signal.rfft3d
_IRFFT = tf1.signal.irfft, tf1.signal.irfft2d, tf1.signal.irfft3d


def list_wrappers() -> dict[Function, Function]:
    """{function: the same, which counts the ops that 1.15 would have made more}."""
    images: Any = importlib.import_module("tensorflow.python.ops.image_ops_impl")
    matrices: Any = importlib.import_module("tensorflow.python.ops.confusion_matrix")
    return {
        tf1.one_hot: _wrap_one_hot(tf1.one_hot),
        tf1.sparse_placeholder: _wrap_sparse_placeholder(tf1.sparse_placeholder),
        tf1.zeros: _wrap_filled(tf1.zeros),
        tf1.ones: _wrap_filled(tf1.ones),
        tf1.train.polynomial_decay: _count_by(
            tf1.train.polynomial_decay, lambda options: 5 if options.get("cycle") else 1
        ),
        matrices.confusion_matrix: _count_by(
            matrices.confusion_matrix,
            lambda options: 3 if options.get("num_classes") is None else 2,
        ),
        tf1.image.decode_image: _count_by(tf1.image.decode_image, _count_decode_image),
        tf1.nn.embedding_lookup_sparse: _count_by(
            tf1.nn.embedding_lookup_sparse, _count_embedding_lookup_sparse
        ),
        tf1.bincount: _count_by(
            tf1.bincount, lambda options: 0 if options.get("weights") is None else -2
        ),
        tf1.image.resize_images: _count_by(
            tf1.image.resize_images,
            lambda options: -6 if options.get("preserve_aspect_ratio") else 0,
        ),
        tf1.saturate_cast: _count_exactly(tf1.saturate_cast, _count_saturate_cast),
        tf1.linspace: _count_exactly(
            tf1.linspace,
            lambda options: 1 + sum(
                not tf1.is_tensor(options[name]) for name in ("start", "stop", "num")
            ),
        ),
        tf1.image.crop_to_bounding_box: _count_by(
            tf1.image.crop_to_bounding_box,
            lambda options: -8 if tf1.is_tensor(options["target_height"])
            or tf1.is_tensor(options["target_width"]) else -12,
        ),
        tf1.sparse_transpose: _count_by(tf1.sparse_transpose, _count_sparse_transpose),
        tf1.sparse_concat: _count_by(tf1.sparse_concat, _count_sparse_concat),
        tf1.keras.backend.repeat_elements: _count_by(
            tf1.keras.backend.repeat_elements,
            lambda options: -1 if options["x"].shape.as_list()[options["axis"]] is None else 0,
        ),
        tf1.keras.activations.softmax: _count_exactly(
            tf1.keras.activations.softmax, lambda options: 1 if len(options["x"].shape) == 2 else 7
        ),
        tf1.image.adjust_jpeg_quality: _count_by(
            tf1.image.adjust_jpeg_quality,
            lambda options: -4 if tf1.as_dtype(options["image"].dtype).is_floating else 0,
        ),
        tf1.image.non_max_suppression_padded: images.non_max_suppression_padded_v1,
        **_list_signal_wrappers(),
    }  # fmt: skip


def _list_signal_wrappers() -> dict[Function, Function]:
    return {
        tf1.signal.frame: _count_exactly(tf1.signal.frame, _count_frame),
        **{function: _count_exactly(function, lambda options: 3 + (not tf1.is_tensor(options["x"])))
           for function in (tf1.signal.fftshift, tf1.signal.ifftshift)},
        **{function: _count_by(function, functools.partial(_count_rfft, rank)) for rank, both
           in enumerate(zip(_RFFT, _IRFFT, strict=True), 1) for function in both},
        tf1.signal.dct: _count_by(tf1.signal.dct, lambda options: options.get("type", 2) == 3),
        tf1.signal.idct: _count_by(tf1.signal.idct, lambda options: options.get("type", 2) == 2),
    }  # fmt: skip


def _count_exactly(function: Function, count: Callable[[dict[str, Any]], int | None]) -> Function:
    """Counts the ops that 1.15 made in a call, whatever 2.21 makes; all of them for None."""
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def counted(*arguments: object, **options: object) -> object:
        with replace_count(count({**dict(zip(names, arguments, strict=False)), **options})):
            return function(*arguments, **options)

    return counted


def _count_saturate_cast(options: dict[str, Any]) -> int:
    """A constant and an op for each bound that is smaller, and the cast."""
    value, dtype = options["value"], tf1.as_dtype(options["dtype"]).base_dtype
    before = tf1.as_dtype(value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype)
    bounds = int(before.min < dtype.min) + int(before.max > dtype.max)
    return (not tf1.is_tensor(value)) + 2 * bounds + (before.base_dtype != dtype)


def _count_sparse_transpose(options: dict[str, Any]) -> int:
    """The order of the axes was computed in the graph."""
    given = options["sp_input"]
    is_known = isinstance(given, tf1.SparseTensor) and given.shape.rank is not None
    return 6 if options.get("perm") is None and is_known else 0


def _count_sparse_concat(options: dict[str, Any]) -> int:
    """2.21 makes a constant of a shape that it knows, 1.15 did not where it was computed."""
    is_expanded = options.get("expand_nonconcat_dim") or options.get("expand_nonconcat_dims")
    inputs = options.get("sp_inputs")
    is_known = isinstance(inputs, (list, tuple)) and len(inputs) > 1 and all(
        isinstance(part, tf1.SparseTensor) and part.shape.is_fully_defined() for part in inputs
    )  # fmt: skip
    return -1 if is_expanded and is_known else 0


def _count_frame(options: dict[str, Any]) -> int | None:
    """All sizes were computed in the graph, with 34 ops for padding."""
    length, step = options["frame_length"], options["frame_step"]
    if tf1.get_static_value(length) is None or tf1.get_static_value(step) is None:
        return None  # 1.15 computed their greatest common divisor by a loop
    given = [options["signal"], length, step, options.get("axis", -1)]
    if options.get("pad_end"):
        given.append(options.get("pad_value", 0))
    count = 67 - 3 + (34 - 1 if options.get("pad_end") else 0)
    return count + sum(not tf1.is_tensor(value) for value in given)


def _count_rfft(rank: int, options: dict[str, Any]) -> int:
    """2.21 makes a known length a constant once more."""
    length = options.get("fft_length")
    if length is None:
        given = options["input_tensor"]
        shape = tf1.TensorShape(given.shape if hasattr(given, "shape") else np.shape(given))
        return -bool(shape[-rank:].is_fully_defined())
    return -(tf1.get_static_value(length) is not None)


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


def wrap_reduced_shape() -> None:
    """Counts the cast of a shape of int64, where the graph computes a reduced shape."""
    operations: Any = importlib.import_module("tensorflow.python.ops.math_ops")
    reduced_shape = operations.reduced_shape

    @functools.wraps(reduced_shape)
    def counted(input_shape: TensorLike, axes: TensorLike) -> TensorLike:
        is_known = all(tf1.get_static_value(value) is not None for value in (input_shape, axes))
        if tf1.is_tensor(input_shape) and input_shape.dtype == tf1.int64:
            add_missing_ops(not is_known)
        return reduced_shape(input_shape, axes)

    operations.reduced_shape = counted


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
