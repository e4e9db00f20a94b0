"""Weights of ViTs from elsewhere: the release's .npz files, timm's state_dicts, other image sizes.

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
from legacy_nets.checkpoints.translate import CONV, DENSE, SAME, Entry, Layout
from legacy_nets.errors import BadInputError
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout
from legacy_nets.types import Variable

POSITIONS = "cls_pos/pos_embed"  # how the variable's name ends
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
    """The variables of a registry ViT under the names of the release's .npz files.

    The pre-logits layer is in the table; the fine-tuned files of the release have none.
    """
    return tuple(iterate_npz(registry.get_net(name).scope, *DEPTH_AND_HEADS[name]))


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """The variables of a registry ViT under the names of timm's state_dicts.

    The pre-logits layer bears the name it had in timm up to 0.6, which then dropped it.
    """
    return tuple(iterate_torch(registry.get_net(name).scope, DEPTH_AND_HEADS[name][0]))


def iterate_npz(scope: str, depth: int, num_heads: int) -> Iterator[Entry]:
    """The table of ``map_npz_names`` for a ViT of any size, in the order of its variables."""
    qkv, qkv_bias, out = _joined_heads(num_heads), _joined_bias(num_heads), _out(num_heads)

    def pair(here: str, there: str) -> Iterator[Entry]:
        yield Entry(f"{scope}/{here}/kernel", f"{there}/kernel")
        yield Entry(f"{scope}/{here}/bias", f"{there}/bias")

    def norm(here: str, there: str) -> Iterator[Entry]:
        yield Entry(f"{scope}/{here}/gamma", f"{there}/scale")
        yield Entry(f"{scope}/{here}/beta", f"{there}/bias")

    yield from pair("patch_embed/conv2d", "embedding")
    yield Entry(f"{scope}/cls_pos/cls", "cls")
    yield Entry(f"{scope}/{POSITIONS}", "Transformer/posembed_input/pos_embedding")
    for i in range(depth):
        block, there = f"encoderblock_{i}", f"Transformer/encoderblock_{i}"
        here = f"{scope}/{block}/MultiHeadAttention"
        heads = f"{there}/MultiHeadDotProductAttention_1"
        three = [f"{heads}/{part}" for part in ("query", "key", "value")]
        yield from norm(f"{block}/LayerNorm_0", f"{there}/LayerNorm_0")
        yield Entry(f"{here}/qkv/kernel", tuple(f"{part}/kernel" for part in three), qkv)
        yield Entry(f"{here}/qkv/bias", tuple(f"{part}/bias" for part in three), qkv_bias)
        yield Entry(f"{here}/out/kernel", f"{heads}/out/kernel", out)
        yield Entry(f"{here}/out/bias", f"{heads}/out/bias")
        yield from norm(f"{block}/LayerNorm_1", f"{there}/LayerNorm_2")
        for dense in ("Dense_0", "Dense_1"):
            yield from pair(f"{block}/MlpBlock/{dense}", f"{there}/MlpBlock_3/{dense}")
    yield from norm("encoder_norm", "Transformer/encoder_norm")
    yield from pair("pre_logits", "pre_logits")
    yield from pair("head", "head")


def iterate_torch(scope: str, depth: int) -> Iterator[Entry]:
    """The table of ``map_torch_names`` for a ViT of any size, in the order of its variables."""

    def pair(here: str, there: str, layout: Layout = DENSE) -> Iterator[Entry]:
        yield Entry(f"{scope}/{here}/kernel", f"{there}.weight", layout)
        yield Entry(f"{scope}/{here}/bias", f"{there}.bias")

    def norm(here: str, there: str) -> Iterator[Entry]:
        yield Entry(f"{scope}/{here}/gamma", f"{there}.weight")
        yield Entry(f"{scope}/{here}/beta", f"{there}.bias")

    yield from pair("patch_embed/conv2d", "patch_embed.proj", CONV)
    yield Entry(f"{scope}/cls_pos/cls", "cls_token", SAME)
    yield Entry(f"{scope}/{POSITIONS}", "pos_embed", SAME)
    for i in range(depth):
        block, there = f"encoderblock_{i}", f"blocks.{i}"
        yield from norm(f"{block}/LayerNorm_0", f"{there}.norm1")
        yield from pair(f"{block}/MultiHeadAttention/qkv", f"{there}.attn.qkv")
        yield from pair(f"{block}/MultiHeadAttention/out", f"{there}.attn.proj")
        yield from norm(f"{block}/LayerNorm_1", f"{there}.norm2")
        yield from pair(f"{block}/MlpBlock/Dense_0", f"{there}.mlp.fc1")
        yield from pair(f"{block}/MlpBlock/Dense_1", f"{there}.mlp.fc2")
    yield from norm("encoder_norm", "norm")
    yield from pair("pre_logits", "pre_logits.fc")
    yield from pair("head", "head")


def _joined_heads(num_heads: int) -> Layout:
    """Three kernels [D, heads, D / heads] <-> one [D, 3 D]."""
    return Layout(
        "query, key, value",
        lambda *three: np.concatenate([x.reshape(len(x), -1) for x in three], axis=1),
        lambda x: tuple(part.reshape(len(x), num_heads, -1) for part in np.split(x, 3, axis=1)),
    )


def _joined_bias(num_heads: int) -> Layout:
    """Three biases [heads, D / heads] <-> one [3 D]."""
    return Layout(
        "query, key, value",
        lambda *three: np.concatenate([x.reshape(-1) for x in three]),
        lambda x: tuple(part.reshape(num_heads, -1) for part in np.split(x, 3)),
    )


def _out(num_heads: int) -> Layout:
    """A kernel [heads, D / heads, D] <-> [D, D]."""
    return Layout(
        "heads joined",
        lambda x: x.reshape(-1, x.shape[-1]),
        lambda x: x.reshape(num_heads, -1, x.shape[-1]),
    )


def resize_position_embeddings(table: np.ndarray, tokens: int) -> np.ndarray:
    """Position embeddings for another number of patches: [1, 1 + g * g, D] -> [1, tokens, D].

    Bilinear over the square grid of patches, corners on corners as the release does it; the
    class token's row is kept. Says so in the log.

    Raises BadInputError if either number is not one more than a square.
    """
    old, new = _grid(table.shape[1]), _grid(tokens)
    if old == new:
        return table
    _LOG.warning("position embeddings resized from %dx%d to %dx%d patches", old, old, new, new)
    # (new, old): where each new row lies between the old ones
    places = np.linspace(0, old - 1, new)[:, None]
    weights = np.maximum(0.0, 1 - np.abs(places - np.arange(old)))
    grid = table[0, 1:].reshape(old, old, -1)
    grid = np.einsum("ri,cj,ijd->rcd", weights, weights, grid, optimize=True)
    return np.concatenate([table[:, :1], grid.reshape(1, tokens - 1, -1)], 1).astype(table.dtype)


def _grid(tokens: int) -> int:
    side = math.isqrt(max(tokens - 1, 0))
    if side < 1 or side * side + 1 != tokens:
        raise BadInputError(
            f"{tokens} position embeddings are not a class token and a square grid of patches: "
            "take weights of a ViT for square images"
        )
    return side


def _alike(stored: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether both are [1, tokens, D], of any number of tokens."""
    return len(stored) == len(wanted) and stored[::2] == wanted[::2]


class Resized(WrappedSource):
    """A source, its position embeddings resized to those of a graph where they differ."""

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
            if _alike(source.tensors[name].shape, shape)  # else: match says so
        }
        self.tensors = {**source.tensors, **self.sizes}

    def read(self, name: str) -> np.ndarray:
        """One tensor, resized if it is the position embeddings."""
        value = self.source.read(name)
        if name in self.sizes:
            return resize_position_embeddings(value, self.sizes[name].shape[1])
        return value


def resize_positions(source: Source, variables: Sequence[Variable]) -> Source:
    """Fits a source under the graph's names to the graph's image size."""
    return Resized(source, variables)


WEIGHTS = FamilyWeights(
    (WeightLayout("npz", map_npz_names), WeightLayout("torch", map_torch_names)),
    adapt=resize_positions,
    optional_layer=PRE_LOGITS,
)
