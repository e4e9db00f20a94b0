"""Checks for document 004 (zoo): self-attention and the Vision Transformer."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.documents.checks.common import (
    Check,
    build_net,
    get_static_shape,
    get_variable_shape,
    get_variable_shapes,
)
from legacy_nets.nets import vit
from legacy_nets.nets.parts import attention
from legacy_nets.types import Array, Tensor


def _run_graph(build: Callable[[], Sequence[Tensor]]) -> list[Array]:
    """Builds tensors in a graph of their own and computes them."""
    with tf.Graph().as_default(), tf.Session() as session:
        tensors = build()
        session.run(tf.global_variables_initializer())
        values: list[Array] = session.run(list(tensors))
    return values


def _draw_tokens() -> tuple[Array, Array, Array]:
    """Draws q, k and v of 7 tokens: [7, 64], [7, 64] and [7, 3]."""
    draw = np.random.RandomState(0).normal
    q, k, v = (draw(size=(7, length)).astype(np.float32) for length in (64, 64, 3))
    return q, k, v


def _build_attention() -> tuple[Tensor, Tensor]:
    q, k, v = map(tf.constant, _draw_tokens())
    return attention.attention_weights(q, k), attention.self_attention(q, k, v)


@functools.cache
def _compute_attention() -> list[Array]:
    """Computes the weights [7, 7] and the result [7, 3] of attention on the drawn tokens."""
    return _run_graph(_build_attention)


def find_attention_divisor() -> str:
    """Finds the d of softmax(q k^T / sqrt(d)): the length of a k, or the number of k."""
    q, k, _ = _draw_tokens()
    weights, _ = _compute_attention()
    for name, d in (("number of k", k.shape[0]), ("length of a k", k.shape[1])):
        powers = np.exp(q @ k.T / math.sqrt(d))
        if np.allclose(weights, powers / powers.sum(-1, keepdims=True), atol=1e-5):
            return name
    return "neither"


def is_weighted_sum() -> bool:
    """Whether the result of token i is the sum over j of weight (i, j) times v(j)."""
    weights, result = _compute_attention()
    v = _draw_tokens()[2]
    sums = [sum(weights[i, j] * v[j] for j in range(7)) for i in range(7)]
    return bool(np.allclose(result, sums, atol=1e-5))


def split_into_heads(number: str, *token: str) -> list[str]:
    """Splits one token into a number of heads."""
    values = [float(word) for word in token]
    [heads] = _run_graph(lambda: [attention.split_heads(tf.constant([values]), int(number))])
    return [f"({','.join(f'{value:g}' for value in part[0])})" for part in heads]


def get_head_merge() -> str:
    """Returns the operation that joins the heads' results into one token."""
    with tf.Graph().as_default():
        merged = attention.merge_heads(tf.zeros([2, 3, 4]))
    return {"ConcatV2": "concatenated", "AddV2": "added"}.get(merged.op.type, merged.op.type)


def get_second_factor_shape(net: str, name: str) -> tuple[int | None, ...]:
    """Returns the shape of a matrix product's second factor as it is multiplied."""
    product = build_net(net)[0].graph.get_operation_by_name(name)
    *front, rows, columns = get_static_shape(product.inputs[1])
    return (*front, columns, rows) if product.get_attr("adj_y") else (*front, rows, columns)


ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "ReLU": lambda x: max(x, 0.0),
    "GELU": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "GELU by tanh": lambda x: x / 2 * (1 + math.tanh((2 / math.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "swish": lambda x: x / (1 + math.exp(-x)),
}


def find_mlp_activation() -> str:
    """Finds the activation between the dense layers of an encoder block by its values."""
    x = [-3.0, -1.5, -0.5, 0.5, 1.0, 2.0]
    [values] = _run_graph(lambda: [vit._gelu(tf.constant(x))])
    for name, function in ACTIVATIONS.items():
        if np.allclose(values, [function(value) for value in x], atol=2e-6):
            return name
    return "none of them"


def get_next_end_point(net: str, point: str) -> str:
    """Returns the last word of the name of the end point after a given one."""
    keys = list(build_net(net)[2])
    return keys[keys.index(point) + 1].split("_")[-1]


def list_head_layers(net: str, options: str = "") -> list[str]:
    """Lists the layers between the class token and the scores."""
    graph = build_net(net, "-", options)[0].graph
    types = {"MatMul": "Linear", "Tanh": "tanh"}
    operations = [op for op in graph.get_operations() if "encoder" not in op.name]
    return [types[op.type] for op in operations if op.type in types]


def get_class_token_shape(net: str) -> tuple[int | None, ...]:
    """Returns the shape of the class token in the head for a batch of one image."""
    return (1, *get_static_shape(build_net(net)[2]["pre_logits"])[1:])


def get_vit_size(net: str) -> list[int | None]:
    """Returns [length of a token, blocks, heads]."""
    images, _, points = build_net(net)
    blocks = [key for key in points if key.startswith("encoderblock_")]
    softmax = next(op for op in images.graph.get_operations() if op.type == "Softmax")
    return [points["cls_pos"].shape[-1], len(blocks), softmax.outputs[0].shape[1]]


def get_patch(net: str) -> list[object]:
    """Returns [height, width and channels of a patch; length of its token]."""
    scope = build_net(net)[1].op.name.split("/")[0]
    *sizes, length = get_variable_shape(net, f"{scope}/patch_embed/conv2d/kernel")
    return [tuple(sizes), length]


def count_patches(net: str) -> int | None:
    """Counts the patches of an image."""
    return get_static_shape(build_net(net)[2]["patch_embed"])[1]


def get_scope(net: str, options: str = "") -> str:
    """Returns the outermost variable scope of a net."""
    with build_net(net, "-", options)[0].graph.as_default():
        return "/".join(dict.fromkeys(v.op.name.split("/")[0] for v in tf.global_variables()))


PARTS = {  # beginning of an end point's name: the part of the net that it lies in
    **dict.fromkeys(("patch_embed", "cls_pos"), "Embedding"),
    **dict.fromkeys(("encoderblock_", "encoder_norm"), "Encoder"),
    **dict.fromkeys(("pre_logits", "logits"), "Head"),
}


def list_parts(net: str) -> list[str]:
    """Lists the parts of a net from images to scores; consecutive end points count once."""
    parts: list[str] = []
    for point in build_net(net)[2]:
        part = next((part for name, part in PARTS.items() if point.startswith(name)), point)
        if part not in parts[-1:]:
            parts.append(part)
    return parts


def are_blocks_stacked(net: str) -> bool:
    """Whether a net of L blocks has L of the same shapes, and each reads the block before it."""
    return all(_are_blocks_stacked(net, depth) for depth in (1, 3))


def _are_blocks_stacked(net: str, depth: int) -> bool:
    points = build_net(net, "-", f"depth={depth}").end_points
    blocks = [key for key in points if key.startswith("encoderblock_")]
    shapes: dict[str, list[tuple[int, ...]]] = {}
    for name, shape in get_variable_shapes(net, "-", f"depth={depth}").items():
        if "/encoderblock_" in name:
            shapes.setdefault(name.split("/")[1], []).append(shape)
    before = ["cls_pos", *blocks[:-1]]
    are_chained = [
        any(f"/{block}/" in op.name for op in points[key].consumers())
        for key, block in zip(before, blocks, strict=True)
    ]
    are_alike = [shapes[block] == shapes[blocks[0]] for block in blocks]
    return len(blocks) == depth and all(are_chained) and all(are_alike)


def compute_widening(net: str, options: str = "") -> int:
    """Computes the width of a block's first dense layer relative to a token."""
    name = f"{get_scope(net, options)}/encoderblock_0/MlpBlock/Dense_0/kernel"
    inputs, units = get_variable_shape(net, name, "-", options)
    return units // inputs


def find_norm_axis() -> str:
    """Finds what layer norm normalizes: each token, if each has mean 0."""
    x = np.random.RandomState(0).normal(3, 2, (2, 5, 32)).astype(np.float32)
    [normalized] = _run_graph(lambda: [vit._layer_norm(tf.constant(x), "norm")])
    return "each token" if np.abs(normalized.mean(-1)).max() < 1e-5 else "something else"


def get_norm_epsilon() -> str:
    """Returns what layer norm adds to the variance."""
    with tf.Graph().as_default() as graph:
        vit._layer_norm(tf.zeros([2, 5, 4]), "norm")
        added = graph.get_operation_by_name("norm/batchnorm/add").inputs[1]
    value = tf.get_static_value(added)
    return np.format_float_positional(np.float32(value), trim="-")


TINY = {"img_size": 32, "embed_dim": 64, "depth": 1, "num_heads": 4, "num_classes": 5}


@functools.cache
def _compute_initial_values() -> dict[str, np.ndarray]:
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        net = vit.VisionTransformer(**TINY)  # type: ignore[arg-type]
        logits, _ = net(tf.random_normal([2, 32, 32, 3]))
        session.run(tf.global_variables_initializer())
        variables = {v.op.name: v for v in tf.global_variables()}
        return session.run({**variables, "logits": logits})


def measure_deviation(name: str) -> str:
    """Measures the deviation of a variable's initial values, to one digit."""
    value = next(array for key, array in _compute_initial_values().items() if key.endswith(name))
    return np.format_float_positional(float(f"{value.std():.0e}"), trim="-")


def get_initial_logits() -> float:
    """Returns the largest score before any training."""
    return float(np.abs(_compute_initial_values()["logits"]).max())


def list_drop_path_rates(last: str, blocks: str) -> list[float]:
    """Lists the drop path rate of each block in training; 0 where it has none."""
    options = {**TINY, "depth": int(blocks)}
    with tf.Graph().as_default() as graph:
        net = vit.VisionTransformer(drop_path_ratio=float(last), **options)  # type: ignore[arg-type]
        net(tf.zeros([2, 32, 32, 3]), True)
        rates = []
        for number in range(int(blocks)):
            scope = f"encoderblock_{number}/"
            masks = [
                op
                for op in graph.get_operations()
                if op.type == "GreaterEqual" and scope in op.name
            ]
            rates.append(float(tf.get_static_value(masks[0].inputs[1])) if masks else 0.0)
    return rates


def get_attention_scale(net: str) -> float:
    """Returns the factor of the attention scores."""
    graph = build_net(net)[0].graph
    name = f"{get_scope(net)}/encoderblock_0/MultiHeadAttention/mul"
    return float(tf.get_static_value(graph.get_operation_by_name(name).inputs[1]))


def get_default_patches() -> object:
    """Returns the default of num_patches of ConcatClassTokenAddPosEmbed."""
    return inspect.signature(vit.ConcatClassTokenAddPosEmbed).parameters["num_patches"].default


CHECKS: dict[str, Check] = {
    "are_blocks_stacked": are_blocks_stacked,
    "compute_widening": compute_widening,
    "count_patches": count_patches,
    "find_attention_divisor": find_attention_divisor,
    "find_mlp_activation": find_mlp_activation,
    "find_norm_axis": find_norm_axis,
    "get_attention_scale": get_attention_scale,
    "get_class_token_shape": get_class_token_shape,
    "get_default_patches": get_default_patches,
    "get_head_merge": get_head_merge,
    "get_initial_logits": get_initial_logits,
    "get_next_end_point": get_next_end_point,
    "get_norm_epsilon": get_norm_epsilon,
    "get_patch": get_patch,
    "get_scope": get_scope,
    "get_second_factor_shape": get_second_factor_shape,
    "get_vit_size": get_vit_size,
    "is_weighted_sum": is_weighted_sum,
    "list_drop_path_rates": list_drop_path_rates,
    "list_head_layers": list_head_layers,
    "list_parts": list_parts,
    "measure_deviation": measure_deviation,
    "split_into_heads": split_into_heads,
}
