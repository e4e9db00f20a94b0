"""``tf.contrib.seq2seq``: attention, helpers, decoders, beam search.

Papers:  Bahdanau arXiv:1409.0473, Luong arXiv:1508.04025, monotonic arXiv:1704.00784,
         weight normalization arXiv:1602.07868, length penalty arXiv:1609.08144.
Names:   {memory_layer/kernel, decoder/attention_wrapper/bahdanau_attention/{query_layer/kernel,
         attention_v}, decoder/attention_wrapper/attention_layer/kernel, ...} as in 1.15.
"""

from __future__ import annotations

from typing import Any

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.seq2seq.attention_mechanisms import (
    AttentionMechanism,
    BahdanauAttention,
    BaseAttentionMechanism,
    LuongAttention,
    hardmax,
    mask_score,
)
from legacy_nets.tf1.contrib.seq2seq.attention_wrapper import (
    AttentionWrapper,
    AttentionWrapperState,
    compute_attention,
)
from legacy_nets.tf1.contrib.seq2seq.basic_decoder import BasicDecoder, BasicDecoderOutput
from legacy_nets.tf1.contrib.seq2seq.beam_search_decoder import (
    BeamSearchDecoder,
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
    FinalBeamSearchDecoderOutput,
    tile_batch,
)
from legacy_nets.tf1.contrib.seq2seq.beam_search_ops import gather_tree
from legacy_nets.tf1.contrib.seq2seq.decoder import (
    Decoder,
    _transpose_batch_time,
    _zero_state_tensors,
    create_zero_outputs,
    dynamic_decode,
)
from legacy_nets.tf1.contrib.seq2seq.helper import (
    CustomHelper,
    GreedyEmbeddingHelper,
    Helper,
    InferenceHelper,
    SampleEmbeddingHelper,
    TrainingHelper,
    unstack_array,
)
from legacy_nets.tf1.contrib.seq2seq.loss import sequence_loss
from legacy_nets.tf1.contrib.seq2seq.monotonic_mechanisms import (
    BahdanauMonotonicAttention,
    LuongMonotonicAttention,
    monotonic_attention,
    safe_cumprod,
)
from legacy_nets.tf1.contrib.seq2seq.scheduled_helper import (
    ScheduledEmbeddingTrainingHelper,
    ScheduledOutputTrainingHelper,
)

# Private names that scripts built their own attention and decoders on.
_BaseAttentionMechanism = BaseAttentionMechanism
_compute_attention = compute_attention
_create_zero_outputs = create_zero_outputs
_maybe_mask_score = mask_score
_unstack_ta = unstack_array

__all__ = [
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BahdanauMonotonicAttention",
    "BasicDecoder",
    "BasicDecoderOutput",
    "BeamSearchDecoder",
    "BeamSearchDecoderOutput",
    "BeamSearchDecoderState",
    "CustomHelper",
    "Decoder",
    "FinalBeamSearchDecoderOutput",
    "GreedyEmbeddingHelper",
    "Helper",
    "InferenceHelper",
    "LuongAttention",
    "LuongMonotonicAttention",
    "SampleEmbeddingHelper",
    "ScheduledEmbeddingTrainingHelper",
    "ScheduledOutputTrainingHelper",
    "TrainingHelper",
    "_transpose_batch_time",
    "_zero_state_tensors",
    "dynamic_decode",
    "gather_tree",
    "hardmax",
    "monotonic_attention",
    "safe_cumprod",
    "sequence_loss",
    "tile_batch",
]


def __getattr__(name: str) -> Any:
    raise refused.make_error("seq2seq", name)
