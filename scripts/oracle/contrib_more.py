"""Cases of ``tf.contrib``: crf, image, layers."""

# ruff: noqa: D103 (a case is called what it is about)

from __future__ import annotations

import numpy as np
from contrib_rnn import data

BATCH, TIME, TAGS = 3, 5, 4


def crf(tf):
    c = tf.contrib.crf
    scores = data(tf, "scores", [BATCH, TIME, TAGS]) * 2
    tags = tf.constant(np.arange(BATCH * TIME).reshape(BATCH, TIME) % TAGS, tf.int32)
    lengths = tf.constant([5, 1, 3])
    likelihood, transitions = c.crf_log_likelihood(scores, tags, lengths)
    decoded, best = c.crf_decode(scores, transitions, lengths)
    bitmap = tf.constant(np.arange(BATCH * TIME * TAGS).reshape(BATCH, TIME, TAGS) % 3 > 0)
    path, score = c.viterbi_decode(
        np.arange(12.0).reshape(3, 4) % 5, np.arange(16.0).reshape(4, 4) % 7
    )
    return {
        "likelihood": likelihood,
        "decoded": decoded,
        "best": best,
        "score": c.crf_sequence_score(scores, tags, lengths, transitions),
        "multitag": c.crf_multitag_sequence_score(scores, bitmap, lengths, transitions),
        "norm": c.crf_log_norm(scores, lengths, transitions),
        "unary": c.crf_unary_score(tags, lengths, scores),
        "binary": c.crf_binary_score(tags, lengths, transitions),
        "path": np.array(path),
        "path_score": np.array(score),
    }


def crf_single(tf):
    c = tf.contrib.crf
    scores = data(tf, "scores", [BATCH, 1, TAGS])
    tags, lengths = tf.constant([[1], [3], [0]]), tf.constant([1, 1, 0])
    likelihood, transitions = c.crf_log_likelihood(scores, tags, lengths)
    decoded, best = c.crf_decode(scores, transitions, lengths)
    return {"likelihood": likelihood, "decoded": decoded, "best": best}


def image(tf):
    c = tf.contrib.image
    images = data(tf, "images", [2, 6, 5, 3])
    angles = tf.constant([0.3, -1.1])
    transforms = c.angles_to_projective_transforms(angles, 6.0, 5.0)
    moves = c.translations_to_projective_transforms([[1.0, 2.0], [-1.5, 0.5]])
    flow = data(tf, "flow", [2, 6, 5, 2]) * 3
    results = {
        "rotate": c.rotate(images, 0.5),
        "rotate_each": c.rotate(images, angles, "BILINEAR"),
        "translate": c.translate(images, [1.0, -2.0]),
        "transform": c.transform(images, [1.1, 0.1, 0.3, -0.2, 0.9, 0.4, 0.01, 0.02], "BILINEAR"),
        "transform_flat": c.transform(images[0, :, :, 0], transforms[0]),
        "angles": transforms,
        "moves": moves,
        "composed": c.compose_transforms(transforms, moves),
        "matrices": c.flat_transforms_to_matrices(transforms),
        "warp": c.dense_image_warp(images, flow),
    }
    distances = np.random.RandomState(0).uniform(size=[5, 4]).astype(np.float32)
    for k in (-1, 2):
        rows, columns = c.bipartite_match(tf.constant(distances), 4.0, top_k=k)
        results[f"rows{k}"], results[f"columns{k}"] = rows, columns
    return results


def layers(tf):
    c = tf.contrib.layers
    ids = tf.constant([[1, 2, 2], [0, 3, 1]])
    sparse = tf.SparseTensor([[0, 0], [0, 1], [2, 0]], tf.constant([1, 3, -1], tf.int64), [3, 2])
    table = tf.get_variable("table", [5, 3])
    return {
        "embed": c.embed_sequence(ids, 5, 3, scope="embed"),
        "embed_unique": c.embed_sequence(ids, 5, 3, unique=True, scope="embed", reuse=True),
        "bow": c.bow_encoder(ids, 5, 3, scope="bow"),
        "safe": c.safe_embedding_lookup_sparse([table], sparse),
        "safe_sum": c.safe_embedding_lookup_sparse([table], sparse, combiner="sum", default_id=2),
        "unique": c.embedding_lookup_unique(table, ids),
    }


CASES = [crf, crf_single, image, layers]
