"""Cases of ``tf.contrib.seq2seq`` and ``tf.contrib.legacy_seq2seq``."""

# ruff: noqa: D103 (a case is called what it is about)

from __future__ import annotations

import numpy as np
from contrib_rnn import _flat
from contrib_rnn import data

BATCH, TIME, DEPTH, CLASSES = 3, 5, 4, 6
LENGTHS = [5, 2, 3]
BEAMS = 3


def _decode(tf, cell, state=None, maximum=None, impute=False, output_time_major=False):
    seq2seq = tf.contrib.seq2seq
    x = data(tf, "targets", [BATCH, TIME, DEPTH])
    helper = seq2seq.TrainingHelper(x, tf.constant(LENGTHS))
    if state is None:
        state = cell.zero_state(BATCH, tf.float32)
    decoder = seq2seq.BasicDecoder(cell, helper, state, tf.layers.Dense(CLASSES, name="out"))
    outputs, state, lengths = seq2seq.dynamic_decode(
        decoder, impute_finished=impute, maximum_iterations=maximum,
        output_time_major=output_time_major)  # fmt: skip
    results = {"outputs": outputs.rnn_output, "ids": outputs.sample_id, "lengths": lengths}
    return results, state


def training(tf):
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(n) for n in (3, 4)])
    results, state = _decode(tf, cell)
    results.update(_flat(tf, results["outputs"], state))
    return results


def training_imputed(tf):
    results, state = _decode(tf, tf.nn.rnn_cell.LSTMCell(3), maximum=4, impute=True,
                             output_time_major=True)  # fmt: skip
    results.update(_flat(tf, results["outputs"], state))
    return results


def _attended(make, name, **options):
    def case(tf):
        memory = data(tf, "memory", [BATCH, 7, 5])
        mechanism = make(tf.contrib.seq2seq, memory, tf.constant([7, 3, 5]))
        cell = tf.contrib.seq2seq.AttentionWrapper(tf.nn.rnn_cell.GRUCell(3), mechanism, **options)
        results, state = _decode(tf, cell)
        results["attention"] = state.attention
        for i, part in enumerate(tf.contrib.framework.nest.flatten(state.alignments)):
            results[f"alignments{i}"] = part
        if options.get("alignment_history"):
            results["history"] = state.alignment_history.stack()
        return results

    case.__name__ = name
    return case


def _tokens(tf):
    embedding = tf.get_variable("embedding", [CLASSES, DEPTH])
    return embedding, tf.constant([1, 2, 0])


def greedy(tf):
    seq2seq = tf.contrib.seq2seq
    embedding, start = _tokens(tf)
    helper = seq2seq.GreedyEmbeddingHelper(embedding, start, 3)
    cell = tf.nn.rnn_cell.GRUCell(8)
    decoder = seq2seq.BasicDecoder(
        cell, helper, data(tf, "state", [BATCH, 8]) * 3, tf.layers.Dense(CLASSES)
    )
    outputs, state, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=9)
    return {"outputs": outputs.rnn_output, "ids": outputs.sample_id, "state": state,
            "lengths": lengths}  # fmt: skip


def custom(tf):
    seq2seq = tf.contrib.seq2seq
    x = data(tf, "x", [BATCH, DEPTH])
    helper = seq2seq.CustomHelper(
        lambda: (tf.zeros([BATCH], tf.bool), x),
        lambda time, outputs, state: tf.cast(tf.argmax(outputs, -1), tf.int32),
        lambda time, outputs, state, sample_ids: (
            tf.fill([BATCH], time >= 3), tf.one_hot(sample_ids, DEPTH), state),
    )  # fmt: skip
    cell = tf.nn.rnn_cell.GRUCell(5)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32))
    outputs, _state, lengths = seq2seq.dynamic_decode(decoder)
    return {"outputs": outputs.rnn_output, "ids": outputs.sample_id, "lengths": lengths}


def inference(tf):
    seq2seq = tf.contrib.seq2seq
    helper = seq2seq.InferenceHelper(
        lambda outputs: tf.tanh(outputs), [5], tf.float32, data(tf, "x", [BATCH, 5]),
        lambda samples: samples[:, 0] > 0.45)  # fmt: skip
    cell = tf.nn.rnn_cell.GRUCell(5)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32))
    outputs, _state, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=4)
    return {"outputs": outputs.rnn_output, "samples": outputs.sample_id, "lengths": lengths}


def _scheduled(probability):
    def case(tf):
        seq2seq = tf.contrib.seq2seq
        x = data(tf, "x", [BATCH, TIME, DEPTH])
        more = data(tf, "more", [BATCH, TIME, 2])
        cell = tf.nn.rnn_cell.GRUCell(DEPTH)
        helper = seq2seq.ScheduledOutputTrainingHelper(
            x, tf.constant(LENGTHS), float(probability), auxiliary_inputs=more
        )
        decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32))
        outputs, _state, lengths = seq2seq.dynamic_decode(decoder)
        return {"outputs": outputs.rnn_output, "ids": outputs.sample_id, "lengths": lengths}

    case.__name__ = f"scheduled_{probability}"
    return case


def scheduled_embedding(tf):
    seq2seq = tf.contrib.seq2seq
    embedding, _ = _tokens(tf)
    x = data(tf, "x", [BATCH, TIME, DEPTH])
    cell = tf.nn.rnn_cell.GRUCell(CLASSES)
    helper = seq2seq.ScheduledEmbeddingTrainingHelper(x, tf.constant(LENGTHS), embedding, 0.0)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32))
    outputs, _state, lengths = seq2seq.dynamic_decode(decoder)
    return {"outputs": outputs.rnn_output, "ids": outputs.sample_id, "lengths": lengths}


def _beam(name, attention, **options):
    def case(tf):
        seq2seq = tf.contrib.seq2seq
        embedding, start = _tokens(tf)
        cell = tf.nn.rnn_cell.GRUCell(8)
        state = seq2seq.tile_batch(data(tf, "state", [BATCH, 8]) * 3, BEAMS)
        if attention:
            memory = seq2seq.tile_batch(data(tf, "memory", [BATCH, 7, 5]), BEAMS)
            lengths = seq2seq.tile_batch(tf.constant([7, 3, 5]), BEAMS)
            mechanism = seq2seq.BahdanauAttention(4, memory, lengths)
            cell = seq2seq.AttentionWrapper(cell, mechanism, 8, alignment_history=True)
            state = cell.zero_state(BATCH * BEAMS, tf.float32).clone(cell_state=state)
        decoder = seq2seq.BeamSearchDecoder(
            cell, embedding, start, 3, state, BEAMS, tf.layers.Dense(CLASSES), **options
        )
        outputs, state, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=6)
        steps = outputs.beam_search_decoder_output
        results = {"predicted": outputs.predicted_ids, "scores": steps.scores,
                   "ids": steps.predicted_ids, "parents": steps.parent_ids, "lengths": lengths,
                   "log_probs": state.log_probs, "state_lengths": state.lengths}  # fmt: skip
        if attention:
            history = state.cell_state.alignment_history
            results["stacked"] = np.array(tf.is_tensor(history))
            results["history"] = history if tf.is_tensor(history) else history.stack()
        return results

    case.__name__ = name
    return case


def small(tf):
    seq2seq = tf.contrib.seq2seq
    logits = data(tf, "logits", [BATCH, TIME, CLASSES])
    targets = tf.constant(np.arange(BATCH * TIME).reshape(BATCH, TIME) % CLASSES)
    weights = tf.sequence_mask(LENGTHS, TIME, dtype=tf.float32)
    results = {"hardmax": seq2seq.hardmax(logits[:, 0])}
    for timesteps, batch in ((0, 0), (0, 1), (1, 0), (1, 1)):
        results[f"average{timesteps}{batch}"] = seq2seq.sequence_loss(
            logits, targets, weights, bool(timesteps), bool(batch)
        )
        results[f"sum{timesteps}{batch}"] = seq2seq.sequence_loss(
            logits, targets, weights, False, False, bool(timesteps), bool(batch)
        )
    p = tf.sigmoid(data(tf, "p", [BATCH, TIME]))
    previous = tf.nn.softmax(data(tf, "previous", [BATCH, TIME]))
    for mode in ("recursive", "parallel"):
        results[mode] = seq2seq.monotonic_attention(p, previous, mode)
    results["hard"] = seq2seq.monotonic_attention(tf.round(p), tf.one_hot([1, 0, 2], TIME), "hard")
    steps = np.random.RandomState(0).randint(0, CLASSES, [TIME, BATCH, BEAMS]).astype(np.int32)
    parents = np.random.RandomState(1).randint(0, BEAMS, [TIME, BATCH, BEAMS]).astype(np.int32)
    results["tree"] = seq2seq.gather_tree(
        tf.constant(steps), tf.constant(parents), tf.constant([5, 4, 2]), tf.constant(3)
    )
    results["tiled"] = seq2seq.tile_batch(logits, 2)
    return results


def _ids(tf, name, count):
    values = (np.arange(BATCH * count) * (3 if name == "encoder" else 5)) % CLASSES
    return tf.unstack(tf.constant(values.reshape(count, BATCH), tf.int32))


def _legacy(name, function, *arguments, **options):
    def case(tf):
        legacy = tf.contrib.legacy_seq2seq
        cell = tf.nn.rnn_cell.GRUCell(4)
        encoder, decoder = _ids(tf, "encoder", 4), _ids(tf, "decoder", 3)
        if not function.startswith("embedding"):
            encoder = tf.unstack(data(tf, "encoder", [4, BATCH, 4]))
            decoder = tf.unstack(data(tf, "decoder", [3, BATCH, 4]))
        more = dict(options)
        if more.pop("projected", False):
            more["output_projection"] = (
                tf.get_variable("w", [4, CLASSES]),
                tf.get_variable("b", [CLASSES]),
            )
        outputs, state = getattr(legacy, function)(encoder, decoder, cell, *arguments, **more)
        return _flat(tf, tf.stack(outputs), state)

    case.__name__ = name
    return case


def legacy_losses(tf):
    legacy = tf.contrib.legacy_seq2seq
    logits = tf.unstack(data(tf, "logits", [TIME, BATCH, CLASSES]))
    targets = tf.unstack(tf.constant(np.arange(TIME * BATCH).reshape(TIME, BATCH) % CLASSES))
    weights = tf.unstack(tf.transpose(tf.sequence_mask(LENGTHS, TIME, dtype=tf.float32)))
    return {
        "example": legacy.sequence_loss_by_example(logits, targets, weights),
        "example_sum": legacy.sequence_loss_by_example(logits, targets, weights, False),
        "loss": legacy.sequence_loss(logits, targets, weights),
        "loss_sum": legacy.sequence_loss(logits, targets, weights, False, False),
    }


def buckets(tf):
    legacy = tf.contrib.legacy_seq2seq
    encoder, decoder = _ids(tf, "encoder", 4), _ids(tf, "decoder", 4)
    weights = [tf.ones([BATCH]) for _ in decoder]

    def net(x, y):
        return legacy.embedding_attention_seq2seq(
            x, y, tf.nn.rnn_cell.BasicLSTMCell(4), CLASSES, CLASSES, 3
        )

    outputs, losses = legacy.model_with_buckets(
        encoder, decoder, decoder[1:], weights, [(2, 2), (4, 3)], net
    )
    return {"outputs": tf.stack(outputs[1]), "loss0": losses[0], "loss1": losses[1]}


def legacy_attention(tf):
    cell = tf.nn.rnn_cell.GRUCell(4)
    outputs, state = tf.contrib.legacy_seq2seq.attention_decoder(
        tf.unstack(data(tf, "decoder", [3, BATCH, 4])), data(tf, "state", [BATCH, 4]),
        data(tf, "memory", [BATCH, 5, 6]), cell, output_size=3, num_heads=2,
        initial_state_attention=True)  # fmt: skip
    return _flat(tf, tf.stack(outputs), state)


CASES = [
    training,
    training_imputed,
    _attended(lambda s, m, n: s.BahdanauAttention(4, m, n), "bahdanau", attention_layer_size=3,
              alignment_history=True),
    _attended(lambda s, m, n: s.BahdanauAttention(4, m, n, normalize=True), "bahdanau_norm"),
    _attended(lambda s, m, n: s.LuongAttention(3, m, n), "luong", output_attention=False),
    _attended(lambda s, m, n: s.LuongAttention(3, m, n, scale=True), "luong_scale"),
    _attended(lambda s, m, n: s.BahdanauMonotonicAttention(4, m, n, normalize=True),
              "bahdanau_mono"),
    _attended(lambda s, m, n: s.LuongMonotonicAttention(3, m, n, scale=True), "luong_mono"),
    _attended(lambda s, m, n: [s.BahdanauAttention(4, m, n), s.LuongAttention(3, m)], "two",
              attention_layer_size=[3, 4]),
    greedy,
    custom,
    inference,
    _scheduled(0),
    _scheduled(1),
    scheduled_embedding,
    _beam("beam", False),
    _beam("beam_length", False, length_penalty_weight=0.7),
    _beam("beam_attention", True),
    _beam("beam_coverage", True, coverage_penalty_weight=0.7, length_penalty_weight=0.5),
    small,
    _legacy("legacy_basic", "basic_rnn_seq2seq"),
    _legacy("legacy_tied", "tied_rnn_seq2seq"),
    _legacy("legacy_embedding", "embedding_rnn_seq2seq", CLASSES, CLASSES, 3),
    _legacy("legacy_embedding_fed", "embedding_rnn_seq2seq", CLASSES, CLASSES, 3,
            projected=True, feed_previous=True),
    _legacy("legacy_embedding_tied", "embedding_tied_rnn_seq2seq", CLASSES, 3),
    _legacy("legacy_embedding_attention", "embedding_attention_seq2seq", CLASSES, CLASSES, 3,
            num_heads=2, feed_previous=True),
    legacy_losses,
    legacy_attention,
    buckets,
]  # fmt: skip
