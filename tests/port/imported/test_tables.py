"""Lookup tables of user-supplied graphs: filled as the export says, and kept in what is written."""

from __future__ import annotations

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, get_port_error, run_frozen, save_model

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
WORDS = [b"cat", b"dog", b"owl"]
LABELS = [[b"owl", b"dog"], [b"cat", b"owl"]]  # of the scores below
SCORES = np.array([[0.1, 0.3, 0.6], [0.5, 0.1, 0.4]], np.float32)


def build_text_classifier():
    """Words get ids by a table that the checkpoint holds, then rows of an embedding."""
    words = tf.placeholder(tf.string, [None, 2], name="words")
    table = tf.contrib.lookup.MutableHashTable(tf.string, tf.int64, 0, name="ids")
    ids = tf.identity(table.lookup(words), name="found_ids")
    embedded = tf.gather(models.create_weights(4, 3, name="embedding"), ids)
    tf.nn.softmax(tf.matmul(tf.reduce_mean(embedded, 1), models.create_weights(3, 2)), name="prob")
    return table.insert(WORDS, [1, 2, 3])


def build_labels(table):
    """The two best classes by their names, which ``table`` gives."""
    scores = tf.placeholder(tf.float32, [None, 3], name="scores")
    best = tf.nn.top_k(scores * tf.constant([1.0, 1.0, 1.0]), 2, name="best")
    return scores, tf.identity(table.lookup(tf.cast(best.indices, tf.int64)), name="labels")


def export_labels(folder, make_table):
    """Exports a SavedModel that fills its table when it is loaded."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        scores, labels = build_labels(make_table())
        signature = tf.saved_model.predict_signature_def({"scores": scores}, {"labels": labels})
        builder = tf.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=graph.get_collection(tf.GraphKeys.ASSET_FILEPATHS),
            main_op=tf.group(graph.get_collection(tf.GraphKeys.TABLE_INITIALIZERS)),
        )
        builder.save()
    return folder / "saved_model.pb"


def run_saved_model(folder, feeds, fetch):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.saved_model.load(session, ["serve"], str(folder))
        return session.run(fetch, feeds)


def test_a_table_in_the_checkpoint_goes_into_the_port(tmp_path):
    meta = save_model(tmp_path, build_text_classifier)
    report = port(create_job(meta, tmp_path / "out", "saved_model"))
    assert report.passed
    assert "input words [?, 2] string" in report.notes
    given = np.array([[b"cat", b"owl"], [b"dog", b"ape"]], object)
    ids = [[1, 3], [2, 0]]
    rows, weights = (
        np.random.default_rng(index).uniform(0.1, 0.9, size)
        for index, size in enumerate([(4, 3), (3, 2)])
    )
    logits = rows.astype(np.float32)[ids].mean(1) @ weights.astype(np.float32)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    served = run_saved_model(tmp_path / "out", {"words:0": given}, "prob:0")
    np.testing.assert_allclose(served, expected, rtol=1e-5)


def test_the_weights_beside_a_table_are_ported_alone(tmp_path):
    """The table's keys are texts, which formats of weights do not have."""
    meta, out = save_model(tmp_path, build_text_classifier), tmp_path / "out.npz"
    report = port(create_job(meta, out, "npz"))
    assert report.passed
    [note] = [note for note in report.notes if "no arrays of numbers" in note]
    assert note.startswith("1 tensors are no arrays of numbers and are left out (first ")
    assert note.endswith("-keys, string)")
    saved, ported = (open_weights(path) for path in (meta.with_suffix(""), out))
    assert {name: tuple(info.shape) for name, info in ported.tensors.items()} == {
        "embedding": (4, 3),
        "ids-values": (3,),
        "Variable": (3, 2),
    }
    for name in ported.tensors:
        np.testing.assert_array_equal(ported.read(name), saved.read(name))


def test_a_frozen_graph_names_the_operation_that_fills_its_tables(tmp_path):
    meta, out = save_model(tmp_path, build_text_classifier), tmp_path / "out.pb"
    report = port(create_job(meta, out, outputs=("found_ids",)))
    assert "run init_all_tables once before: it fills the tables" in report.notes
    given = np.array([[b"owl", b"ape"]], object)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(tf.GraphDef.FromString(out.read_bytes()), name="")
        session.run("init_all_tables")
        assert session.run("found_ids:0", {"words:0": given}).tolist() == [[3, 0]]


def test_a_table_that_no_output_needs_is_left_alone(tmp_path):
    """The saver's import into the table was taken for an operation that needs trust."""
    meta, out = save_model(tmp_path, build_text_classifier), tmp_path / "out.pb"
    report = port(create_job(meta, out, inputs=("found_ids",)))
    assert report.passed
    assert not any("init_all_tables" in note for note in report.notes)
    scores = run_frozen(out, {"found_ids:0": [[1, 3]]}, "prob:0")
    assert scores.shape == (1, 2)


def test_onnx_has_no_tables(tmp_path):
    meta = save_model(tmp_path, build_text_classifier)
    message = get_port_error(meta, tmp_path / "out.onnx", target="onnx")
    assert message == (
        f"{meta}: ONNX has no lookup tables: use --to saved_model, or --inputs after the table, "
        "or --outputs before it"
    )


def make_table_of_constants():
    return tf.contrib.lookup.index_to_string_table_from_tensor(WORDS)


def test_the_tables_of_a_checkpoint_are_filled_by_its_graph(tmp_path):
    def build():
        build_labels(make_table_of_constants())
        models.create_weights(1, name="unused")

    meta = save_model(tmp_path, build)
    report = port(create_job(meta, tmp_path / "out", "saved_model", outputs=("labels",)))
    assert report.passed
    served = run_saved_model(tmp_path / "out", {"scores:0": SCORES}, "labels:0")
    assert served.tolist() == LABELS


@pytest.mark.parametrize("source", ["constants", "file"])
def test_the_export_fills_its_tables(tmp_path, source):
    def make_table_of_file():
        (tmp_path / "names.txt").write_bytes(b"\n".join(WORDS))
        return tf.contrib.lookup.index_to_string_table_from_file(str(tmp_path / "names.txt"))

    make_table = make_table_of_file if source == "file" else make_table_of_constants
    path = export_labels(tmp_path / "export", make_table)
    if source == "file":  # the export has a copy of its own
        assert (tmp_path / "export/assets/names.txt").is_file()
        (tmp_path / "names.txt").unlink()
    report = port(create_job(path, tmp_path / "out", "saved_model"))
    assert report.passed
    served = run_saved_model(tmp_path / "out", {"scores:0": SCORES}, "labels:0")
    assert served.tolist() == LABELS


def test_a_table_of_a_file_outside_the_export_needs_trust(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"\n".join(WORDS))

    def build():
        build_labels(tf.contrib.lookup.index_to_string_table_from_file(str(tmp_path / "names.txt")))
        models.create_weights(1, name="unused")

    meta = save_model(tmp_path, build)
    job = {"outputs": ("labels",), "target": "saved_model"}
    message = get_port_error(meta, tmp_path / "out", **job)
    assert "could do more than compute, the first InitializeTableFromTextFileV2" in message
    assert port(create_job(meta, tmp_path / "out", trust=True, **job)).passed
    served = run_saved_model(tmp_path / "out", {"scores:0": SCORES}, "labels:0")
    assert served.tolist() == LABELS
