"""Exports of Estimators: features of text and of any length are parsed in the graph."""

from __future__ import annotations

import numpy as np
import pytest
from imported_models import create_job, get_port_error, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
WORDS = ["red", "green", "blue"]
SPEC = {
    "age": tf.FixedLenFeature([2], tf.float32),
    "color": tf.VarLenFeature(tf.string),
    "ids": tf.VarLenFeature(tf.int64),
}
WEIGHTS = np.arange(8, dtype=np.float32).reshape(4, 2)


def parse(serialized, op_type):
    """Parses examples by an operation; returns age [N, 2], and sparse colors and ids."""
    if op_type == "ParseExampleV2":
        parsed = tf.parse_example(serialized, SPEC)
        return parsed["age"], parsed["color"], parsed["ids"]
    options = {
        "sparse_keys": ["color", "ids"],
        "dense_keys": ["age"],
        "dense_defaults": [np.array([], np.float32)],
        "sparse_types": [tf.string, tf.int64],
        "dense_shapes": [[2]],
    }
    if op_type == "ParseExample":
        outputs = tf.raw_ops.ParseExample(serialized=serialized, names=[], **options)
    else:
        serialized = tf.reshape(serialized, [])
        outputs = tf.raw_ops.ParseSingleExample(serialized=serialized, num_sparse=2, **options)
    parts = (outputs.sparse_indices, outputs.sparse_values, outputs.sparse_shapes)
    color, ids = (tf.SparseTensor(*part) for part in zip(*parts, strict=True))
    age = outputs.dense_values[0]
    if op_type == "ParseExample":
        return age, color, ids
    return age[None], tf.sparse_reshape(color, [1, -1]), tf.sparse_reshape(ids, [1, -1])


def export(folder, op_type):
    """Exports age times weights, plus the last color's number and the sum of the ids."""
    with tf.Graph().as_default(), tf.Session() as session:
        shape = [1] if op_type == "ParseSingleExample" else [None]
        serialized = tf.placeholder(tf.string, shape, name="examples")
        age, color, ids = parse(serialized, op_type)
        assert op_type in {node.op for node in session.graph.as_graph_def().node}
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(WORDS, tf.range(3, dtype=tf.int64)), 3
        )
        numbers = tf.sparse_tensor_to_dense(table.lookup(color), default_value=0)
        numbers = tf.reduce_max(numbers, 1) + tf.sparse_reduce_sum(ids, 1)
        w = tf.get_variable("w", initializer=WEIGHTS[:2])
        y = tf.matmul(age, w) + tf.cast(numbers, tf.float32)[:, None]
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        tf.saved_model.simple_save(
            session,
            str(folder),
            {"examples": serialized},
            {"y": tf.reshape(y, [-1, 2], name="y")},
            legacy_init_op=tf.tables_initializer(),
        )
    return folder / "saved_model.pb"


def serialize(age, colors, ids):
    example = tf.train.Example()
    features = example.features.feature
    features["age"].float_list.value.extend(age)
    features["color"].bytes_list.value.extend(color.encode() for color in colors)
    features["ids"].int64_list.value.extend(ids)
    return example.SerializeToString()


@pytest.mark.parametrize("op_type", ["ParseExample", "ParseExampleV2", "ParseSingleExample"])
@pytest.mark.parametrize("target", ["saved_model", "frozen"])
def test_sparse_features_are_parsed_in_the_port(tmp_path, op_type, target):
    source = export(tmp_path / "served", op_type)
    out = tmp_path / "out"
    report = port(create_job(source, out, target))
    assert report.passed
    assert any(note.startswith("input examples [") for note in report.notes)
    examples = [serialize([1, 2], ["green"], [5]), serialize([0, 1], ["red", "?"], [])]
    want = [np.array([1, 2]) @ WEIGHTS[:2] + 1 + 5, np.array([0, 1]) @ WEIGHTS[:2] + 3]
    if op_type == "ParseSingleExample":
        examples, want = examples[:1], want[:1]
    if target == "frozen":
        with tf.Graph().as_default() as graph, tf.Session() as session:
            tf.import_graph_def(tf.GraphDef.FromString(out.read_bytes()), name="")
            session.run("init_all_tables")
            got = session.run("y:0", {"examples:0": examples})
            assert op_type in {node.op for node in graph.as_graph_def().node}
    else:
        with tf.Graph().as_default(), tf.Session() as session:
            tf.saved_model.load(session, ["serve"], str(out))
            got = session.run("y:0", {"examples:0": examples})
    np.testing.assert_allclose(got, want)


def test_other_targets_refuse_sparse_features_by_name(tmp_path):
    source = export(tmp_path / "served", "ParseExample")
    message = get_port_error(source, tmp_path / "x.onnx", target="onnx")
    assert "ParseExample" in message and "is a sparse feature of tf.train.Example" in message
    assert "which onnx does not have: use --to saved_model" in message


def test_dense_features_alone_come_in_as_tensors(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        serialized = tf.placeholder(tf.string, [None], name="examples")
        parsed = tf.parse_example(serialized, {"age": SPEC["age"], "color": SPEC["color"]})
        y = tf.multiply(parsed["age"], 3.0, name="y")
        tf.saved_model.simple_save(session, str(tmp_path / "served"), {"x": serialized}, {"y": y})
    report = port(create_job(tmp_path / "served" / "saved_model.pb", tmp_path / "x.pb"))
    assert report.passed and any("in place of ParseExample" in note for note in report.notes)
    graph = tf.GraphDef.FromString((tmp_path / "x.pb").read_bytes())
    [entry] = [node.name for node in graph.node if node.op == "Placeholder"]
    age = np.ones((2, 2), np.float32)
    assert run_frozen(tmp_path / "x.pb", {f"{entry}:0": age}, "y:0").tolist() == [[3, 3]] * 2


@pytest.mark.parametrize("given", [("examples",), ()])
def test_the_examples_can_be_named_as_input(tmp_path, given):
    source = export(tmp_path / "served", "ParseExample")
    report = port(create_job(source, tmp_path / "out", "saved_model", inputs=given))
    assert report.passed
