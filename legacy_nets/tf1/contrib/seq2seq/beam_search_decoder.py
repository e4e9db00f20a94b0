"""Beam search: the best ``beam_width`` sequences of each batch entry go on."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.seq2seq.attention_wrapper import AttentionWrapperState
from legacy_nets.tf1.contrib.seq2seq.beam_search_ops import gather_tree, trace_parents
from legacy_nets.tf1.contrib.seq2seq.decoder import Decoder
from legacy_nets.tf1.contrib.seq2seq.helper import make_lookup
from legacy_nets.types import DTypeLike, Layer, RNNCell, Structure, Tensor, TensorLike

__all__ = [
    "BeamSearchDecoder",
    "BeamSearchDecoderOutput",
    "BeamSearchDecoderState",
    "FinalBeamSearchDecoderOutput",
    "tile_batch",
]


class BeamSearchDecoderState(NamedTuple):
    """Of all beams: [N, beams, ...]; cell states are [N, beams, ...] too."""

    cell_state: Any
    log_probs: Any
    finished: Any
    lengths: Any
    accumulated_attention_probs: Any


class BeamSearchDecoderOutput(NamedTuple):
    """One step: scores float, ids and parents int32, all [N, beams]."""

    scores: Any
    predicted_ids: Any
    parent_ids: Any


class FinalBeamSearchDecoderOutput(NamedTuple):
    """Sequences [N, T, beams], best first, and the steps as they were."""

    predicted_ids: Any
    beam_search_decoder_output: Any


def tile_batch(t: TensorLike, multiplier: int, name: str | None = None) -> Structure:
    """Each entry [N, ...] ``multiplier`` times after itself: [N * multiplier, ...]."""

    def tiled(tensor: TensorLike) -> Tensor:
        tensor = tf.convert_to_tensor(tensor, name="t")
        shape = tf.shape(tensor)
        if not tensor.shape.rank:
            raise ValueError("t must have statically known rank of at least 1")
        count, *rest = tensor.shape.as_list()
        result = tf.tile(tf.expand_dims(tensor, 1), [1, multiplier] + [1] * len(rest))
        result = tf.reshape(result, tf.concat([[shape[0] * multiplier], shape[1:]], 0))
        result.set_shape([None if count is None else count * multiplier, *rest])
        return result

    with tf.name_scope(name, "tile_batch", [*tf.nest.flatten(t), multiplier]):
        return tf.nest.map_structure(tiled, t)


class BeamSearchDecoder(Decoder):
    """A cell whose state was tiled by ``tile_batch``."""

    def __init__(
        self,
        cell: RNNCell,
        embedding: TensorLike,
        start_tokens: TensorLike,
        end_token: TensorLike,
        initial_state: Structure,
        beam_width: int,
        output_layer: Layer | None = None,
        length_penalty_weight: float = 0.0,
        coverage_penalty_weight: float = 0.0,
        reorder_tensor_arrays: bool = True,
    ) -> None:
        self._cell = cell
        self._output_layer = output_layer
        self._reorder_tensor_arrays = reorder_tensor_arrays
        self._embedding_fn = make_lookup(embedding)
        self._start_tokens = tf.convert_to_tensor(start_tokens, tf.int32, name="start_tokens")
        self._end_token = tf.convert_to_tensor(end_token, tf.int32, name="end_token")
        if self._start_tokens.shape.rank != 1:
            raise ValueError("start_tokens must be a vector")
        if self._end_token.shape.rank != 0:
            raise ValueError("end_token must be a scalar")
        self._batch_size = tf.size(self._start_tokens)
        self._beam_width = beam_width
        self._length_penalty_weight = length_penalty_weight
        self._coverage_penalty_weight = coverage_penalty_weight
        self._initial_cell_state = tf.nest.map_structure(self._split_beams, initial_state)
        self._start_inputs = self._embedding_fn(
            tf.tile(self._start_tokens[:, None], [1, beam_width])
        )
        self._finished = tf.one_hot(
            tf.zeros([self._batch_size], tf.int32), beam_width, on_value=False, off_value=True
        )

    @property
    def batch_size(self) -> Tensor:
        """N."""
        return self._batch_size

    @property
    def tracks_own_finished(self) -> bool:
        """Beams change places."""
        return True

    @property
    def output_size(self) -> BeamSearchDecoderOutput:
        """Beams each."""
        return BeamSearchDecoderOutput(*[tf.TensorShape([self._beam_width])] * 3)

    @property
    def output_dtype(self) -> BeamSearchDecoderOutput:
        """Scores of the state's type, ids int32."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        return BeamSearchDecoderOutput(dtype, tf.int32, tf.int32)

    def initialize(self, name: str | None = None) -> tuple[Tensor, ...]:
        """Only the first beam of each entry is alive: all start alike."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        zeros = tf.zeros([self._batch_size], tf.int32)
        log_probs = tf.one_hot(
            zeros, self._beam_width, on_value=0.0, off_value=-float("inf"), dtype=dtype
        )
        state = BeamSearchDecoderState(
            cell_state=self._initial_cell_state,
            log_probs=log_probs,
            finished=self._finished,
            lengths=tf.zeros([self._batch_size, self._beam_width], tf.int64),
            accumulated_attention_probs=self._alignments(self._initial_cell_state),
        )
        return self._finished, self._start_inputs, state

    def step(
        self, time: TensorLike, inputs: TensorLike, state: Structure, name: str | None = None
    ) -> tuple[BeamSearchDecoderOutput, Structure, Structure, Tensor]:
        """(BeamSearchDecoderOutput, next state, next inputs, finished [N, beams])."""
        with tf.name_scope(name, "BeamSearchDecoderStep", [time]):
            inputs = tf.nest.map_structure(self._merge_beams, inputs)
            cell_state = tf.nest.map_structure(self._merge_beams, state.cell_state)
            logits, cell_state = self._cell(inputs, cell_state)
            if self._output_layer is not None:
                logits = self._output_layer(logits)
            cell_state = tf.nest.map_structure(self._split_beams, cell_state)
            output, state = self._search(self._split_beams(logits), cell_state, state)
            ids = output.predicted_ids
            inputs = tf.cond(
                tf.reduce_all(state.finished),
                lambda: self._start_inputs,
                lambda: self._embedding_fn(ids),
            )
        return output, state, inputs, state.finished

    def _search(
        self, logits: TensorLike, cell_state: Structure, state: Structure
    ) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState]:
        """The best beams after one more step; logits [N, beams, C]."""
        classes = logits.shape.as_list()[-1] or tf.shape(logits)[-1]
        step = self._after_end(tf.nn.log_softmax(logits), state.finished, classes)
        total = state.log_probs[:, :, None] + step
        grows = tf.cast(tf.logical_not(state.finished), tf.int64)
        not_end = tf.one_hot(self._end_token, classes, on_value=0, off_value=1, dtype=tf.int64)
        lengths = state.lengths[:, :, None] + grows[:, :, None] * not_end
        scores = total / self._length_penalty(lengths, total.dtype)
        attended = self._alignments(cell_state)
        if tf.is_tensor(attended):
            grows = tf.cast(tf.logical_not(state.finished), attended.dtype)
            attended = state.accumulated_attention_probs + attended * grows[:, :, None]
            scores += self._coverage_penalty(attended, state.finished)[:, :, None]

        def flat(x: TensorLike) -> Tensor:
            return tf.reshape(x, [self._batch_size, -1])

        best, places = tf.nn.top_k(flat(scores), self._beam_width)
        places.set_shape(state.log_probs.shape)
        log_probs = tf.gather(flat(total), places, batch_dims=1)
        ids, parents = places % classes, places // classes

        def parents_of(x: TensorLike) -> Tensor:
            return tf.gather(x, parents, batch_dims=1)

        had_finished = parents_of(state.finished)
        lengths = parents_of(state.lengths) + tf.cast(tf.logical_not(had_finished), tf.int64)
        next_state = BeamSearchDecoderState(
            cell_state=tf.nest.map_structure(
                lambda x: parents_of(x) if self._is_beamed(x) else x, cell_state
            ),
            log_probs=log_probs,
            finished=tf.logical_or(had_finished, tf.equal(ids, self._end_token)),
            lengths=lengths,
            accumulated_attention_probs=parents_of(attended) if tf.is_tensor(attended) else (),
        )
        for new, old in zip(tf.nest.flatten(next_state), tf.nest.flatten(state), strict=True):
            if not isinstance(new, tf.TensorArray):
                new.set_shape(old.shape)
        return BeamSearchDecoderOutput(best, ids, parents), next_state

    def _after_end(
        self, log_probs: TensorLike, finished: TensorLike, classes: TensorLike
    ) -> Tensor:
        """Lets a finished beam repeat the end token, at no cost."""
        only_end = tf.one_hot(
            self._end_token, classes, on_value=0.0, off_value=log_probs.dtype.min,
            dtype=log_probs.dtype,
        )  # fmt: skip
        return tf.where(
            tf.tile(finished[:, :, None], [1, 1, classes]),
            tf.zeros_like(log_probs) + only_end,
            log_probs,
        )

    def _length_penalty(self, lengths: TensorLike, dtype: DTypeLike) -> Tensor:
        weight = tf.get_static_value(tf.convert_to_tensor(self._length_penalty_weight))
        if weight is not None and weight == 0:
            return tf.constant(1.0, dtype)
        return ((5.0 + tf.cast(lengths, dtype)) / 6.0) ** self._length_penalty_weight

    def _alignments(self, cell_state: Structure) -> Structure:
        """What the cells attend to, [N, beams, T], the mean of several; () where nobody asks.

        Raises ValueError where a coverage penalty is asked for and no cell attends.
        """
        if self._coverage_penalty_weight == 0:
            return ()
        single = isinstance(cell_state, AttentionWrapperState)
        states = [cell_state] if single or not isinstance(cell_state, tuple) else cell_state
        means = [
            tf.reduce_mean(tf.stack(tf.nest.flatten(wrapper_state.alignments), -1), -1)
            for wrapper_state in states
            if isinstance(wrapper_state, AttentionWrapperState)
        ]
        if not means:
            raise ValueError("coverage_penalty_weight must be 0.0 if no cell is attentional.")
        return tf.reduce_mean(tf.stack(means, -1), -1)

    def _coverage_penalty(self, attended: TensorLike, finished: TensorLike) -> Tensor:
        """Below 0, [N, beams], for beams that ended and left input unseen (padding is 0)."""
        seen = tf.where(tf.equal(attended, 0.0), tf.ones_like(attended), attended)
        penalty = tf.reduce_sum(tf.log(tf.minimum(seen, 1.0)), 2)
        return penalty * tf.cast(finished, penalty.dtype) * self._coverage_penalty_weight

    def finalize(
        self, outputs: TensorLike, final_state: Structure, sequence_lengths: TensorLike
    ) -> tuple[Structure, Structure]:
        """Sequences read back from their ends; TensorArrays in the state come back stacked."""
        longest = tf.cast(tf.reduce_max(final_state.lengths, 1), tf.int32)
        ids = gather_tree(outputs.predicted_ids, outputs.parent_ids, longest, self._end_token)
        if self._reorder_tensor_arrays:
            beams = trace_parents(outputs.parent_ids, longest)
            cell_state = tf.nest.map_structure(
                lambda x: self._reordered(x, beams) if isinstance(x, tf.TensorArray) else x,
                final_state.cell_state,
            )
            final_state = final_state._replace(cell_state=cell_state)
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

    def _reordered(self, array: TensorLike, beams: TensorLike) -> Tensor:
        """What the final beams saw: [T, N * beams, ...]; zeros after their ends.

        As in 1.15 the TensorArray stays as it is where batch and second size are both known.
        """
        element = array.element_shape
        if tf.get_static_value(self._batch_size) is not None and None not in element.as_list()[:2]:
            return array
        steps = array.stack()
        shape = tf.shape(steps)
        split = tf.reshape(
            steps, tf.concat([shape[:1], [self._batch_size, self._beam_width], shape[2:]], 0)
        )
        picked = tf.gather(split, tf.maximum(beams, 0), batch_dims=2)
        seen = tf.cast(beams >= 0, picked.dtype)
        result = tf.reshape(picked * seen[..., None], shape)
        result.set_shape(steps.shape)
        return result

    @staticmethod
    def _is_beamed(x: TensorLike) -> bool:
        return not isinstance(x, tf.TensorArray) and x.shape.rank != 0

    def _split_beams(self, x: TensorLike) -> Tensor:
        """[N * beams, ...] to [N, beams, ...]; scalars and TensorArrays stay."""
        if isinstance(x, tf.TensorArray) or tf.convert_to_tensor(x).shape.rank == 0:
            return x
        x = tf.convert_to_tensor(x)
        result = tf.reshape(
            x, tf.concat([[self._batch_size, self._beam_width], tf.shape(x)[1:]], 0)
        )
        known = tf.get_static_value(self._batch_size)
        result.set_shape([known, self._beam_width, *x.shape.as_list()[1:]])
        return result

    def _merge_beams(self, x: TensorLike) -> Tensor:
        """[N, beams, ...] to [N * beams, ...]; scalars and TensorArrays stay."""
        if not self._is_beamed(x):
            return x
        result = tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0))
        known = tf.get_static_value(self._batch_size)
        count = None if known is None else known * self._beam_width
        result.set_shape([count, *x.shape.as_list()[2:]])
        return result
