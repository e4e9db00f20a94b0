"""tf.contrib.seq2seq and legacy_seq2seq against TensorFlow 1.15.5, and their errors."""

from __future__ import annotations

import contrib_cases
import numpy as np
import pytest

from legacy_nets import tf1 as tf

CASES = contrib_cases.names("seq2seq")
QUICK = ["seq2seq.bahdanau", "seq2seq.small"]


@pytest.mark.parametrize("name", QUICK)
def test_same_as_golden(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in QUICK])
def test_same_as_golden_too(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
def test_same_as_the_live_oracle(oracle, tmp_path):
    for name, want in contrib_cases.ask(oracle, CASES, tmp_path).items():
        contrib_cases.assert_same(name, want)


def test_sampling_follows_the_logits():
    """Drawn ids cannot equal 1.15.5's numbers: one class has all the weight."""
    seq2seq = tf.contrib.seq2seq
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.one_hot([2, 0], 4) * 1e4
        embedding = tf.eye(4)
        sampling = seq2seq.SampleEmbeddingHelper(embedding, [1, 1], 2, softmax_temperature=0.5)
        ids = sampling.sample(0, logits, None)
        finished, inputs, _ = sampling.next_inputs(0, logits, None, ids)
        scheduled = seq2seq.ScheduledEmbeddingTrainingHelper(
            tf.zeros([2, 3, 4]), [3, 3], embedding, 1.0
        )
        chosen = scheduled.sample(0, logits, None)
        fed = scheduled.next_inputs(0, logits, None, chosen)[1]
        found = session.run([ids, finished, inputs, chosen, fed])
    np.testing.assert_array_equal(found[0], [2, 0])
    np.testing.assert_array_equal(found[1], [True, False])
    np.testing.assert_array_equal(found[2], np.eye(4)[[2, 0]])
    np.testing.assert_array_equal(found[3], [2, 0])
    np.testing.assert_array_equal(found[4], np.eye(4)[[2, 0]])


def test_a_mechanism_of_ones_own():
    """Scripts derive from BahdanauAttention and call the private names."""
    from legacy_nets.tf1.contrib.seq2seq.python.ops import attention_wrapper

    class First(attention_wrapper.BahdanauAttention):
        def __call__(self, query, state):
            score = tf.zeros_like(state) + tf.range(tf.cast(self._alignments_size, tf.float32))
            alignments = self._probability_fn(-1e3 * score, state)
            return alignments, alignments

    with tf.Graph().as_default(), tf.Session() as session:
        memory = tf.constant(np.arange(24, dtype=np.float32).reshape(2, 4, 3))
        mechanism = First(5, memory, memory_sequence_length=tf.constant([4, 2]))
        zeros = mechanism.initial_alignments(2, tf.float32)
        attention, alignments, _ = attention_wrapper._compute_attention(
            mechanism, tf.zeros([2, 3]), zeros, None
        )
        assert issubclass(First, attention_wrapper._BaseAttentionMechanism)
        session.run(tf.global_variables_initializer())
        found = session.run([attention, alignments])
    np.testing.assert_array_equal(found[0], [[0, 1, 2], [12, 13, 14]])
    np.testing.assert_array_equal(found[1], [[1, 0, 0, 0], [1, 0, 0, 0]])


def test_wrong_arguments():
    seq2seq = tf.contrib.seq2seq
    with tf.Graph().as_default():
        with pytest.raises(ValueError, match="sequence_length to be a vector"):
            seq2seq.TrainingHelper(tf.zeros([2, 3, 4]), 3)
        with pytest.raises(ValueError, match="end_token must be a scalar"):
            seq2seq.GreedyEmbeddingHelper(tf.eye(4), [1], [2])
        with pytest.raises(ValueError, match="mode must be 'recursive', 'parallel', or 'hard'"):
            seq2seq.monotonic_attention(tf.zeros([1, 2]), tf.zeros([1, 2]), "soft")
        with pytest.raises(ValueError, match="average_across_batch and sum_over_batch cannot"):
            zeros = tf.zeros([2, 3])
            seq2seq.sequence_loss(tf.zeros([2, 3, 4]), zeros, zeros, sum_over_batch=True)
        with pytest.raises(ValueError, match=r"attention_layer_size has 2 entries for 1"):
            mechanism = seq2seq.LuongAttention(3, tf.zeros([2, 3, 4]))
            seq2seq.AttentionWrapper(tf.nn.rnn_cell.GRUCell(3), mechanism, [1, 2])
        table = tf.zeros([4, 2])
        decoder = seq2seq.BeamSearchDecoder(
            None, table, [1], 2, tf.zeros([3, 2]), 3, coverage_penalty_weight=0.5
        )
        with pytest.raises(ValueError, match="must be 0.0 if no cell is attentional"):
            decoder.initialize()
        with pytest.raises(ValueError, match="must be the same 1, 2, 1"):
            tf.contrib.legacy_seq2seq.sequence_loss_by_example([zeros], [zeros], [zeros, zeros])
        with pytest.raises(ValueError, match=r"Length of encoder_inputs \(1\) must be at least"):
            tf.contrib.legacy_seq2seq.model_with_buckets([zeros], [], [], [], [(2, 1)], None)
    with pytest.raises(AttributeError, match=r"seq2seq\.NoSuch is not offered"):
        _ = seq2seq.NoSuch
