"""Measurements for document 004: self-attention and the Vision Transformer."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.documents.checks.common import built, sides, variable_shape
from legacy_nets.nets import attention, vit


@functools.cache
def _run(build: Callable[[], Any]) -> Any:
    with tf.Graph().as_default(), tf.Session() as session:
        fetches = build()
        session.run(tf.global_variables_initializer())
        return session.run(fetches)


def _tokens() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """q, k and v of 7 tokens: lengths 64, 64 and 3."""
    draw = np.random.RandomState(0).normal
    return tuple(draw(size=(7, n)).astype(np.float32) for n in (64, 64, 3))  # type: ignore[return-value]


def _attended() -> tuple[Any, Any]:
    q, k, v = map(tf.constant, _tokens())
    return attention.attention_weights(q, k), attention.self_attention(q, k, v)


def attention_divisor() -> str:
    """The d of softmax(q k^T / sqrt(d)): the length of a k, or how many there are."""
    q, k, _ = _tokens()
    weights = _run(_attended)[0]
    for told, d in (("number of k", k.shape[0]), ("length of a k", k.shape[1])):
        powers = np.exp(q @ k.T / math.sqrt(d))
        if np.allclose(weights, powers / powers.sum(-1, keepdims=True), atol=1e-5):
            return told
    return "neither"


def sums_weighted_values() -> bool:
    """Whether the result of token i is the sum over j of weight (i, j) times v(j)."""
    weights, result = _run(_attended)
    v = _tokens()[2]
    sums = [sum(weights[i, j] * v[j] for j in range(7)) for i in range(7)]
    return bool(np.allclose(result, sums, atol=1e-5))


def heads(number: str, *token: str) -> list[str]:
    """Parts of one token, split into that many heads."""
    values = [float(one) for one in token]
    found = _run(lambda: attention.split_heads(tf.constant([values]), int(number)))
    return [f"({','.join(f'{value:g}' for value in part[0])})" for part in found]


def joined_by() -> str:
    """The operation that makes one token of the heads' results again."""
    with tf.Graph().as_default():
        merged = attention.merge_heads(tf.zeros([2, 3, 4]))
    return {"ConcatV2": "concatenated", "AddV2": "added"}.get(merged.op.type, merged.op.type)


def second_factor(net: str, name: str) -> tuple[int | None, ...]:
    """Shape of a matrix product's second factor as it is multiplied."""
    product = built(net)[0].graph.get_operation_by_name(name)
    *front, rows, columns = sides(product.inputs[1])
    return (*front, columns, rows) if product.get_attr("adj_y") else (*front, rows, columns)


ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "ReLU": lambda x: max(x, 0.0),
    "GELU": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "GELU by tanh": lambda x: x / 2 * (1 + math.tanh((2 / math.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "swish": lambda x: x / (1 + math.exp(-x)),
}


def activation_of_mlp() -> str:
    """The function between the dense layers of an encoder block, by its values."""
    x = [-3.0, -1.5, -0.5, 0.5, 1.0, 2.0]
    found = _run(lambda: vit._gelu(tf.constant(x)))
    for told, function in ACTIVATIONS.items():
        if np.allclose(found, [function(value) for value in x], atol=2e-6):
            return told
    return "none of them"


def after(net: str, point: str) -> str:
    """What the end point behind a given one is: the last word of its name."""
    keys = list(built(net)[2])
    return keys[keys.index(point) + 1].split("_")[-1]


def head_layers(net: str, options: str = "") -> list[str]:
    """What stands between the class token and the scores."""
    graph = built(net, "-", options)[0].graph
    told = {"MatMul": "Linear", "Tanh": "tanh"}
    behind = [op for op in graph.get_operations() if "encoder" not in op.name]
    return [told[op.type] for op in behind if op.type in told]


def class_token_of_one(net: str) -> tuple[int | None, ...]:
    """Shape of what is taken of the tokens, for a batch of one image."""
    return (1, *sides(built(net)[2]["pre_logits"])[1:])


def size_of(net: str) -> list[int | None]:
    """[length of a token, blocks, heads]."""
    images, _, points = built(net)
    blocks = [key for key in points if key.startswith("encoderblock_")]
    softmax = next(op for op in images.graph.get_operations() if op.type == "Softmax")
    return [points["cls_pos"].shape[-1], len(blocks), softmax.outputs[0].shape[1]]


def patch(net: str) -> list[Any]:
    """[Height, width and channels of a patch; length of the token made of it]."""
    scope = built(net)[1].op.name.split("/")[0]
    *sizes, length = variable_shape(net, f"{scope}/patch_embed/conv2d/kernel")
    return [tuple(sizes), length]


def patches(net: str) -> int | None:
    """Patches that an image is cut into."""
    return sides(built(net)[2]["patch_embed"])[1]


def scope(net: str, options: str = "") -> str:
    """Outermost variable scope of a net."""
    with built(net, "-", options)[0].graph.as_default():
        return "/".join(dict.fromkeys(v.op.name.split("/")[0] for v in tf.global_variables()))


def times_wider(net: str, options: str = "") -> int:
    """How many times as wide as a token the first dense layer of a block is."""
    name = f"{scope(net, options)}/encoderblock_0/MlpBlock/Dense_0/kernel"
    inputs, units = variable_shape(net, name, "-", options)
    return units // inputs


def norm_axis() -> str:
    """What layer norm normalises: the tokens, if each has mean 0 whatever the others are."""
    x = np.random.RandomState(0).normal(3, 2, (2, 5, 32)).astype(np.float32)
    found = _run(lambda: vit._layer_norm(tf.constant(x), "norm"))
    return "each token" if np.abs(found.mean(-1)).max() < 1e-5 else "something else"


def norm_epsilon() -> str:
    """What layer norm adds to the variance."""
    with tf.Graph().as_default() as graph:
        vit._layer_norm(tf.zeros([2, 5, 4]), "norm")
        added = graph.get_operation_by_name("norm/batchnorm/add").inputs[1]
    value = tf.get_static_value(added)
    return np.format_float_positional(np.float32(value), trim="-")


TINY = {"img_size": 32, "embed_dim": 64, "depth": 1, "num_heads": 4, "num_classes": 5}


@functools.cache
def _initial() -> dict[str, np.ndarray]:
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        net = vit.VisionTransformer(**TINY)  # type: ignore[arg-type]
        logits, _ = net(tf.random_normal([2, 32, 32, 3]))
        session.run(tf.global_variables_initializer())
        found = {v.op.name: v for v in tf.global_variables()}
        return session.run({**found, "logits": logits})


def deviation(name: str) -> str:
    """Deviation of a variable's first values, to one digit."""
    found = next(value for key, value in _initial().items() if key.endswith(name))
    return np.format_float_positional(float(f"{found.std():.0e}"), trim="-")


def first_logits() -> float:
    """The largest of all scores ahead of any training."""
    return float(np.abs(_initial()["logits"]).max())


def drop_path_rates(last: str, blocks: str) -> list[float]:
    """Share that each block drops in training, from its first dropout; 0 where it has none."""
    options = {**TINY, "depth": int(blocks)}
    with tf.Graph().as_default() as graph:
        net = vit.VisionTransformer(drop_path_ratio=float(last), **options)  # type: ignore[arg-type]
        net(tf.zeros([2, 32, 32, 3]), True)
        rates = []
        for number in range(int(blocks)):
            place = f"encoderblock_{number}/"
            masks = [
                op
                for op in graph.get_operations()
                if op.type == "GreaterEqual" and place in op.name
            ]
            rates.append(float(tf.get_static_value(masks[0].inputs[1])) if masks else 0.0)
    return rates


def head_scale(net: str) -> float:
    """What the scores of attention are multiplied with."""
    graph = built(net)[0].graph
    name = f"{scope(net)}/encoderblock_0/MultiHeadAttention/mul"
    return float(tf.get_static_value(graph.get_operation_by_name(name).inputs[1]))
