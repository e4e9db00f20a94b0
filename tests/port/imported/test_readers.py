"""TensorFlow 1.15.5 and today's read frozen graphs and SavedModels, with equal outputs."""

from __future__ import annotations

import json
import subprocess
import sys

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, run_frozen
from oracle_client import ORACLE
from port_cases import SMALL, job, save

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.graphdef.edit import remove_new_attrs, separate_names
from legacy_nets.port.imported import convert
from legacy_nets.port.pipeline import port

NETS = ("demo_cnn", "vit_base_patch32_224_in21k", "r3d_18")
TOLERANCE = 1e-5


def save_case(folder):
    """A graph with names that differ in case alone, as 1.15.5 lets them; one is an output."""

    def build():
        x = tf.placeholder(tf.float32, [None, 8, 8, 2], name="x")
        first = tf.add(x, 1.0, name="first")
        with tf.control_dependencies([first]):
            second = tf.multiply(x, 3.0, name="second")
        tf.subtract(first, second, name="third")

    path = models.save_frozen(folder, build)
    graph = tf.GraphDef.FromString(path.read_bytes())
    spelling = {"first": "add_1", "^first": "^add_1", "second": "ADD_1", "third": "Add_1"}
    for node in graph.node:
        node.name = spelling.get(node.name, node.name)
        node.input[:] = [spelling.get(edge, edge) for edge in node.input]
    path.write_bytes(graph.SerializeToString())
    return path


def save_norms(folder):
    """A batch norm that is not folded: with attributes that are newer than 1.15.5."""

    def build():
        x = tf.placeholder(tf.float32, [None, 8, 8, 2], name="x")
        hidden = tf.nn.relu(tf.layers.conv2d(x, 3, 3))
        hidden = tf.layers.flatten(tf.layers.batch_normalization(hidden))
        tf.layers.dense(hidden, 2, name="Add_1")

    return models.save_model(folder, build)


def save_video_norms(folder):
    """Batch norms of videos that are not folded: 1.15.5 has no fused ones.

    One is in training mode and gives its statistics, too.
    """

    def build():
        x = tf.placeholder(tf.float32, [None, 3, 8, 8, 2], name="x")
        scale, offset, mean, variance = (tf.constant([n, n + 0.5]) for n in (1.0, 2.0, 0.1, 0.3))
        norm = tf.raw_ops.FusedBatchNormV3
        options = {"scale": scale, "offset": offset, "epsilon": 0.01, "data_format": "NDHWC"}
        y = norm(x=x, mean=mean, variance=variance, is_training=False, **options).y
        batch = norm(x=tf.nn.relu(y), mean=[], variance=[], is_training=True, **options)
        tf.add(batch.y[:, 0], batch.batch_mean * batch.batch_variance, name="out")

    return models.save_frozen(folder, build)


@pytest.fixture(scope="module")
def models_folder(tmp_path_factory):
    """Writes every model as frozen graph and SavedModel, with its inputs and outputs.

    Returns the folder and the names of the models.
    """
    folder = tmp_path_factory.mktemp("models")
    written = {"case": save_case, "norms": save_norms, "video_norms": save_video_norms}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert, "run_sandboxed", lambda function, *given, **_: function(*given))
        for name, write in written.items():
            source = write(tmp_path_factory.mktemp(name))
            more = {"outputs": ("Add_1",)} if name == "case" else {}
            for target, out in (("frozen", f"{name}.pb"), ("saved_model", name)):
                report = port(create_job(source, folder / out, target, **more))
                assert report.passed
            [output] = {item.name for item in report.comparisons}
            shape = (2, 3, 8, 8, 2) if name == "video_norms" else (2, 8, 8, 2)
            write_outputs(folder, name, "x", shape, [output])
    for name in NETS:
        size, options = SMALL[name]
        prefix = save(tmp_path_factory.mktemp(name), name, size, options)
        for target, out in (("frozen", f"{name}.pb"), ("saved_model", name)):
            report = port(job(prefix, name, target, folder / out, size, options))
            assert report.passed
        shape = (2, *size, registry.get_net(name).channels)
        write_outputs(folder, name, "images", shape, ["logits", "probabilities"])
    return folder, [*written, *NETS]


def write_outputs(folder, name, fed, shape, fetches):
    """Runs the frozen graph here, and writes what it was given and what it computed."""
    images = np.random.default_rng(0).random(shape, np.float32)
    fetches = {key: f"{key}:0" for key in fetches}
    outputs = run_frozen(folder / f"{name}.pb", {f"{fed}:0": images}, fetches)
    named = {f"out:{key}": value for key, value in outputs.items()}
    np.savez(folder / f"{name}.npz", **{f"in:{fed}": images}, **named)


def read_by(python, folder):
    """Runs every model of a folder by another Python; returns how far each is off."""
    command = [python, str(ORACLE / "read_ports.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["1.15.5", "today's"])
def test_every_reader_computes_the_same(models_folder, reader, request):
    folder, names = models_folder
    python = request.getfixturevalue("oracle") if reader == "1.15.5" else sys.executable
    differences = read_by(python, folder)
    expected = {file for name in names for file in (name, f"{name}.pb")}
    assert differences.pop("unread") == {}
    assert set(differences) == expected
    assert max(differences.values()) < TOLERANCE, differences


def test_names_that_differ_in_case_alone_are_separated():
    graph = tf.GraphDef()
    for name, inputs in (("a", []), ("A", ["a"]), ("a_", []), ("b", ["A:1", "^A", "a_", "^a"])):
        graph.node.add(name=name, op="Identity", input=inputs)
    assert separate_names(graph, ["A"]) == {"a": "a__"}
    assert [(node.name, list(node.input)) for node in graph.node] == [
        ("a__", []),
        ("A", ["a__"]),
        ("a_", []),
        ("b", ["A:1", "^A", "a_", "^a__"]),
    ]
    assert separate_names(graph, []) == {}


def test_attributes_of_default_value_are_left_out(tmp_path):
    """MatMul's grad_a and a variable's debug_name are newer than 1.15.5; transpose_b is set."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        w = tf.get_variable("w", [3, 4], use_resource=True)
        tf.matmul(x, w, transpose_b=True, name="y")
    definition = graph.as_graph_def()
    nodes = {node.name: node for node in definition.node}
    assert "grad_a" in nodes["y"].attr and "debug_name" in nodes["w"].attr
    remove_new_attrs(definition)
    assert set(nodes["y"].attr) == {"T", "transpose_b"}
    assert set(nodes["w"].attr) >= {"dtype", "shape", "shared_name"}
    assert "debug_name" not in nodes["w"].attr
