"""Weights of ViTs: the release's .npz files, timm's state_dicts, and other image sizes.

Source:  https://github.com/google-research/vision_transformer (names and shapes of its files)
         timm.models.vision_transformer (names of its modules)
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence

import numpy as np

from legacy_nets import registry
from legacy_nets.checkpoints.source import Source, TensorSpec, WrappedSource
from legacy_nets.checkpoints.translate import CONV, DENSE, SAME, Entry, Transform
from legacy_nets.errors import BadInputError
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout
from legacy_nets.types import Array, Variable

POSITIONS = "cls_pos/pos_embed"  # end of the variable's name
PRE_LOGITS = "/pre_logits/"  # a layer that nets of has_logits=False lack, as timm's from 0.7
DEPTH_AND_HEADS = {  # encoder blocks, heads of attention
    "vit_base_patch16_224_in21k": (12, 12),
    "vit_base_patch32_224_in21k": (12, 12),
    "vit_large_patch16_224_in21k": (24, 16),
    "vit_large_patch32_224_in21k": (24, 16),
    "vit_huge_patch14_224_in21k": (32, 16),
    "vit_hybrid_r50_base_224": (12, 12),
}

_LOG = logging.getLogger(__name__)


def map_npz_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable of a registry ViT to its tensor in the release's .npz files.

    The pre-logits layer is in the table; the fine-tuned files of the release have none.
    """
    return tuple(iterate_npz(registry.get_net(name).scope, *DEPTH_AND_HEADS[name]))


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable of a registry ViT to its tensor in timm's state_dicts.

    The pre-logits layer has the name of timm up to 0.6; later versions have no such layer.
    """
    return tuple(iterate_torch(registry.get_net(name).scope, DEPTH_AND_HEADS[name][0]))


def iterate_npz(scope: str, depth: int, num_heads: int) -> Iterator[Entry]:
    """Iterates over ``map_npz_names`` for a ViT of any size, in the order of its variables."""
    qkv, qkv_bias = _join_kernels(num_heads), _join_biases(num_heads)
    out = _join_heads(num_heads)

    def map_dense(layer: str, stored: str) -> Iterator[Entry]:
        yield Entry(f"{scope}/{layer}/kernel", f"{stored}/kernel")
        yield Entry(f"{scope}/{layer}/bias", f"{stored}/bias")

    def map_norm(layer: str, stored: str) -> Iterator[Entry]:
        yield Entry(f"{scope}/{layer}/gamma", f"{stored}/scale")
        yield Entry(f"{scope}/{layer}/beta", f"{stored}/bias")

    yield from map_dense("patch_embed/conv2d", "embedding")
    yield Entry(f"{scope}/cls_pos/cls", "cls")
    yield Entry(f"{scope}/{POSITIONS}", "Transformer/posembed_input/pos_embedding")
    for i in range(depth):
        block, stored_block = f"encoderblock_{i}", f"Transformer/encoderblock_{i}"
        attention = f"{scope}/{block}/MultiHeadAttention"
        heads = f"{stored_block}/MultiHeadDotProductAttention_1"
        projections = [f"{heads}/{part}" for part in ("query", "key", "value")]
        yield from map_norm(f"{block}/LayerNorm_0", f"{stored_block}/LayerNorm_0")
        kernels = tuple(f"{name}/kernel" for name in projections)
        yield Entry(f"{attention}/qkv/kernel", kernels, qkv)
        biases = tuple(f"{name}/bias" for name in projections)
        yield Entry(f"{attention}/qkv/bias", biases, qkv_bias)
        yield Entry(f"{attention}/out/kernel", f"{heads}/out/kernel", out)
        yield Entry(f"{attention}/out/bias", f"{heads}/out/bias")
        yield from map_norm(f"{block}/LayerNorm_1", f"{stored_block}/LayerNorm_2")
        for dense in ("Dense_0", "Dense_1"):
            yield from map_dense(f"{block}/MlpBlock/{dense}", f"{stored_block}/MlpBlock_3/{dense}")
    yield from map_norm("encoder_norm", "Transformer/encoder_norm")
    yield from map_dense("pre_logits", "pre_logits")
    yield from map_dense("head", "head")


def iterate_torch(scope: str, depth: int) -> Iterator[Entry]:
    """Iterates over ``map_torch_names`` for a ViT of any size, in the order of its variables."""

    def map_dense(layer: str, stored: str, transform: Transform = DENSE) -> Iterator[Entry]:
        yield Entry(f"{scope}/{layer}/kernel", f"{stored}.weight", transform)
        yield Entry(f"{scope}/{layer}/bias", f"{stored}.bias")

    def map_norm(layer: str, stored: str) -> Iterator[Entry]:
        yield Entry(f"{scope}/{layer}/gamma", f"{stored}.weight")
        yield Entry(f"{scope}/{layer}/beta", f"{stored}.bias")

    yield from map_dense("patch_embed/conv2d", "patch_embed.proj", CONV)
    yield Entry(f"{scope}/cls_pos/cls", "cls_token", SAME)
    yield Entry(f"{scope}/{POSITIONS}", "pos_embed", SAME)
    for i in range(depth):
        block, stored_block = f"encoderblock_{i}", f"blocks.{i}"
        yield from map_norm(f"{block}/LayerNorm_0", f"{stored_block}.norm1")
        yield from map_dense(f"{block}/MultiHeadAttention/qkv", f"{stored_block}.attn.qkv")
        yield from map_dense(f"{block}/MultiHeadAttention/out", f"{stored_block}.attn.proj")
        yield from map_norm(f"{block}/LayerNorm_1", f"{stored_block}.norm2")
        yield from map_dense(f"{block}/MlpBlock/Dense_0", f"{stored_block}.mlp.fc1")
        yield from map_dense(f"{block}/MlpBlock/Dense_1", f"{stored_block}.mlp.fc2")
    yield from map_norm("encoder_norm", "norm")
    yield from map_dense("pre_logits", "pre_logits.fc")
    yield from map_dense("head", "head")


def _join_kernels(num_heads: int) -> Transform:
    """Makes the transform of three kernels [D, heads, D / heads] <-> one [D, 3 D]."""
    return Transform(
        "query, key, value",
        lambda *three: np.concatenate([x.reshape(len(x), -1) for x in three], axis=1),
        lambda x: tuple(part.reshape(len(x), num_heads, -1) for part in np.split(x, 3, axis=1)),
    )


def _join_biases(num_heads: int) -> Transform:
    """Makes the transform of three biases [heads, D / heads] <-> one [3 D]."""
    return Transform(
        "query, key, value",
        lambda *three: np.concatenate([x.reshape(-1) for x in three]),
        lambda x: tuple(part.reshape(num_heads, -1) for part in np.split(x, 3)),
    )


def _join_heads(num_heads: int) -> Transform:
    """Makes the transform of a kernel [heads, D / heads, D] <-> [D, D]."""
    return Transform(
        "heads joined",
        lambda x: x.reshape(-1, x.shape[-1]),
        lambda x: x.reshape(num_heads, -1, x.shape[-1]),
    )


def resize_position_embeddings(table: Array, tokens: int) -> Array:
    """Resizes position embeddings: float [1, 1 + g * g, D] -> [1, tokens, D].

    The square grid of patches is resized bilinearly, corners on corners, as the release does it.
    The class token's row is kept. A line in the log reports the sizes.

    Raises BadInputError if either number is not one more than a square.
    """
    old, new = _get_side(table.shape[1]), _get_side(tokens)
    if old == new:
        return table
    _LOG.warning("position embeddings resized from %dx%d to %dx%d patches", old, old, new, new)
    positions = np.linspace(0, old - 1, new)[:, None]  # of the new rows among the old ones
    weights = np.maximum(0.0, 1 - np.abs(positions - np.arange(old)))  # [new, old]
    grid = table[0, 1:].reshape(old, old, -1)
    grid = np.einsum("ri,cj,ijd->rcd", weights, weights, grid, optimize=True)
    return np.concatenate([table[:, :1], grid.reshape(1, tokens - 1, -1)], 1).astype(table.dtype)


def _get_side(tokens: int) -> int:
    """Gives the side of the grid of patches. Raises BadInputError where it is not square."""
    side = math.isqrt(max(tokens - 1, 0))
    if side < 1 or side * side + 1 != tokens:
        raise BadInputError(
            f"{tokens} position embeddings are not a class token and a square grid of patches: "
            "take weights of a ViT for square images"
        )
    return side


def _differ_in_tokens(stored: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether both are [1, tokens, D], with any two numbers of tokens."""
    return len(stored) == len(wanted) and stored[::2] == wanted[::2]


class Resized(WrappedSource):
    """A source whose position embeddings are resized to those of a graph."""

    def __init__(self, source: Source, variables: Sequence[Variable]) -> None:
        """Takes a source under the graph's names (``translate_for_net``) and the variables."""
        super().__init__(source)
        shapes = {
            variable.op.name: tuple(variable.shape.as_list())
            for variable in variables
            if variable.op.name.endswith(POSITIONS) and variable.op.name in source.tensors
        }
        self.sizes = {
            name: TensorSpec(shape, source.tensors[name].dtype)
            for name, shape in shapes.items()
            if _differ_in_tokens(source.tensors[name].shape, shape)  # else match reports it
        }
        self.tensors = {**source.tensors, **self.sizes}

    def read(self, name: str) -> Array:
        """Reads one tensor; resizes it if it is the position embeddings."""
        value = self.source.read(name)
        if name in self.sizes:
            return resize_position_embeddings(value, self.sizes[name].shape[1])
        return value


def resize_positions(source: Source, variables: Sequence[Variable]) -> Source:
    """Resizes the position embeddings of a source to the graph's image size."""
    return Resized(source, variables)


WEIGHTS = FamilyWeights(
    (WeightLayout("npz", map_npz_names), WeightLayout("torch", map_torch_names)),
    adapt=resize_positions,
    optional_layer=PRE_LOGITS,
)
