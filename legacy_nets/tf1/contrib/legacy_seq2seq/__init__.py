"""``tf.contrib.legacy_seq2seq``: sequences as lists of T tensors [N, ...], graphs unrolled.

Names:  {rnn_decoder, embedding_rnn_seq2seq/{rnn, embedding_rnn_decoder}, embedding_attention_
        seq2seq/{rnn, embedding_attention_decoder/attention_decoder}, ...}/... as in 1.15.
"""

from __future__ import annotations

from typing import Any

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.legacy_seq2seq.attention_decoder_ops import (
    attention_decoder,
    embedding_attention_decoder,
    embedding_attention_seq2seq,
)
from legacy_nets.tf1.contrib.legacy_seq2seq.losses import (
    model_with_buckets,
    sequence_loss,
    sequence_loss_by_example,
)
from legacy_nets.tf1.contrib.legacy_seq2seq.seq2seq import (
    basic_rnn_seq2seq,
    embedding_rnn_decoder,
    embedding_rnn_seq2seq,
    embedding_tied_rnn_seq2seq,
    rnn_decoder,
    tied_rnn_seq2seq,
)

__all__ = [
    "attention_decoder",
    "basic_rnn_seq2seq",
    "embedding_attention_decoder",
    "embedding_attention_seq2seq",
    "embedding_rnn_decoder",
    "embedding_rnn_seq2seq",
    "embedding_tied_rnn_seq2seq",
    "model_with_buckets",
    "rnn_decoder",
    "sequence_loss",
    "sequence_loss_by_example",
    "tied_rnn_seq2seq",
]


def __getattr__(name: str) -> Any:
    raise refused.make_error("legacy_seq2seq", name)
