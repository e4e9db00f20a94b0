"""Self-attention in plain tensors: one head, and several in parallel.

Papers:  [1] Attention Is All You Need, arXiv:1706.03762
Source:  tutorial document 004, section Self-Attention (text and formulas only)
Input:   float32 [..., N, D]: N tokens of length D
Names:   none: the caller has the learned projections to q, k and v
Differs: 004-E45 d is the length of a k, by which the text says "number of k"
"""

from __future__ import annotations

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.types import Tensor


def attention_weights(q: Tensor, k: Tensor, scale: float | None = None) -> Tensor:
    """Computes softmax(q k^T scale): float32 [..., N, d], [..., M, d] -> [..., N, M].

    Each row sums to 1.

    Args:
      q, k: queries and keys of length d.
      scale: None is 1 / sqrt(d), as [1].
    """
    if scale is None:
        scale = q.shape.as_list()[-1] ** -0.5  # 004-E45
    return tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * scale, axis=-1)


def self_attention(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
    """Computes b_i = sum_j a_ij v_j, with ``attention_weights`` a: v [..., M, e] -> [..., N, e]."""
    return tf.matmul(attention_weights(q, k, scale), v)


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Cuts each token into heads: [..., N, D] -> [..., num_heads, N, D / num_heads].

    (1, 1, 0, 1) gives the heads (1, 1) and (0, 1). Raises BadInputError if D does not divide.
    """
    length = x.shape.as_list()[-1]
    check_heads(length, num_heads)
    return tf.stack(tf.split(x, num_heads, axis=-1), axis=-3)


def merge_heads(x: Tensor) -> Tensor:
    """Undoes ``split_heads``: [..., num_heads, N, d] -> [..., N, num_heads * d]."""
    return tf.concat(tf.unstack(x, axis=-3), axis=-1)


def multi_head_self_attention(q: Tensor, k: Tensor, v: Tensor, num_heads: int) -> Tensor:
    """Attends within each head and joins the results: float32 [..., N, D] -> [..., N, D]."""
    heads = (split_heads(x, num_heads) for x in (q, k, v))
    return merge_heads(self_attention(*heads))


def check_heads(dim: int, num_heads: int) -> None:
    """Raises BadInputError unless ``num_heads`` divides ``dim`` (004-E34)."""
    if num_heads < 1 or dim % num_heads:
        raise BadInputError(
            f"{num_heads} heads do not divide a token of length {dim}: "
            "choose a num_heads that divides it"
        )
