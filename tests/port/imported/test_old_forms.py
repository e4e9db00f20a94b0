"""Graphs and files as old versions of TensorFlow, and its tools, wrote them."""

from __future__ import annotations

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, run_frozen, save_frozen, save_model

from legacy_nets import anatomy
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.graphdef.load import read_graph_file
from legacy_nets.port.pipeline import port
from legacy_nets.port.targets import TARGETS

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.arange(12, dtype=np.float32).reshape(2, 6) / 6
ONNX = pytest.param("onnx", marks=pytest.mark.slow)
WEIGHTS = np.linspace(-1, 1, 18, dtype=np.float32).reshape(6, 3)


def build_dense():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    tf.nn.softmax(tf.matmul(x, models.create_weights(6, 3, name="w")), name="y")


def compute_dense():
    """What ``build_dense`` gives for X with the weights of ``save_model``."""
    z = X @ np.random.default_rng(0).uniform(0.1, 0.9, (6, 3))
    powers = np.exp(z - z.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def run_onnx(path, x):
    """Runs a model of one input and one output."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def edit_frozen(path, edit):
    """Changes the nodes of a frozen graph; returns its path."""
    graph = tf.GraphDef.FromString(path.read_bytes())
    edit(graph)
    path.write_bytes(graph.SerializeToString())
    return path


@pytest.mark.parametrize("target", ["frozen", "saved_model", ONNX])
def test_an_input_may_be_spelt_with_its_output(tmp_path, target):
    """tf.graph_transforms writes "x:0" where tf.Graph writes "x"."""

    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        first, second = tf.split(tf.matmul(x, tf.constant(WEIGHTS)), [1, 2], axis=1)
        tf.add(first, second, name="out")

    def spell(graph):
        for node in graph.node:
            node.input[:] = [edge if ":" in edge else f"{edge}:0" for edge in node.input]

    path = edit_frozen(save_frozen(tmp_path, build), spell)
    report = port(create_job(path, tmp_path / "out.pb", target))
    assert report.passed
    assert report.notes[:2] == (
        "input x [?, 6] float32",
        "output out [?, 2] (inferred: nothing but training reads it)",
    )
    z = X @ WEIGHTS
    if target == "frozen":
        got = run_frozen(tmp_path / "out.pb", {"x:0": X}, "out:0")
    elif target == "saved_model":
        with tf.Graph().as_default(), tf.Session() as session:
            tf.saved_model.load(session, ["serve"], str(tmp_path / "out.pb"))
            got = session.run("out:0", {"x:0": X})
    else:
        got = run_onnx(tmp_path / "out.pb", X)
    np.testing.assert_allclose(got, z[:, :1] + z[:, 1:], rtol=1e-5)


def quantize(values):
    """8-bit codes and their range, as graph_transforms' quantize_weights makes them."""
    low, high = float(values.min()), float(values.max())
    return np.round((values - low) / (high - low) * 255).astype(np.uint8), low, high


@pytest.mark.parametrize("kind", ["dequantize", "cast"])
@pytest.mark.slow
def test_quantized_weights_are_weights(tmp_path, kind):
    codes, low, high = quantize(WEIGHTS)

    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        if kind == "dequantize":
            weights = tf.dequantize(tf.constant(codes, tf.quint8), low, high, mode="MIN_FIRST")
        else:
            weights = tf.cast(tf.constant(codes), tf.float32) * ((high - low) / 255) + low
        tf.nn.relu(tf.matmul(x, weights), name="y")

    path = save_frozen(tmp_path, build)
    report = port(create_job(path, tmp_path / "out.pb"))
    assert "output y [?, 3] (inferred: nothing but training reads it)" in report.notes
    got = run_frozen(tmp_path / "out.pb", {"x:0": X}, "y:0")
    np.testing.assert_allclose(got, np.maximum(X @ WEIGHTS, 0), atol=0.05)  # 8 bits of 2.0
    [layer] = [layer for layer in anatomy.analyze_file(path).layers if layer.parameters]
    assert layer.parameters == 18


def test_updates_of_a_frozen_variable_are_repaired(tmp_path):
    """convert_variables_to_constants of 1.x left RefSwitch and AssignSub on constants."""

    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        flag = tf.placeholder(tf.bool, [], name="is_training")
        mean = tf.constant(np.full(6, 0.5, np.float32), name="mean")
        old, new = tf.raw_ops.Switch(data=mean, pred=flag, name="switch")
        update = tf.subtract(new, tf.reduce_mean(x, 0), name="update")
        merged, _ = tf.raw_ops.Merge(inputs=[old, update], name="merge")
        tf.matmul(x - merged, tf.constant(WEIGHTS), name="out")

    def freeze_as_then(graph):
        for node in graph.node:
            if node.name == "switch":
                node.op = "RefSwitch"
            if node.name == "update":
                node.op = "AssignSub"
                node.attr["use_locking"].b = False

    path = edit_frozen(save_frozen(tmp_path, build), freeze_as_then)
    report = port(create_job(path, tmp_path / "out.pb"))
    assert report.passed and "is_training is set to False" in report.notes
    got = run_frozen(tmp_path / "out.pb", {"x:0": X}, "out:0")
    np.testing.assert_allclose(got, (X - 0.5) @ WEIGHTS, rtol=1e-5, atol=1e-6)


def build_beside_handles():
    """Handles of before 1.0 are references, too: loops of the gradients have stacks."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    tf.matmul(x, tf.constant(WEIGHTS), name="out")
    stack = tf.raw_ops.Stack(elem_type=tf.float32, stack_name="stack")
    entered = tf.raw_ops.RefEnter(data=stack, frame_name="loop")
    tf.raw_ops.StackPop(handle=entered, elem_type=tf.float32)
    queue = tf.raw_ops.FIFOQueue(component_types=[tf.float32])
    _, chosen = tf.raw_ops.RefSwitch(data=queue, pred=True)
    tf.raw_ops.QueueSize(handle=chosen)
    table = tf.raw_ops.HashTable(key_dtype=tf.string, value_dtype=tf.int64)
    tf.raw_ops.LookupTableSize(table_handle=tf.raw_ops.RefIdentity(input=table))


def test_references_to_stacks_queues_and_tables_stay(tmp_path):
    path = save_frozen(tmp_path, build_beside_handles)
    report = port(create_job(path, tmp_path / "out.pb", outputs=("out",)))
    assert report.passed
    got = run_frozen(tmp_path / "out.pb", {"x:0": X}, "out:0")
    np.testing.assert_allclose(got, X @ WEIGHTS, rtol=1e-5, atol=1e-6)
    definition, _ = read_graph_file(path)
    op_types = {node.op for node in definition.node}
    assert {"RefEnter", "RefSwitch", "RefIdentity"} <= op_types
    assert not {"Enter", "Switch"} & op_types


def test_gradients_that_begin_with_the_shape_of_the_loss(tmp_path):
    """TensorFlow 0.x read the loss in its gradients, so that all before it looked like training."""

    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        target = tf.placeholder(tf.float32, [None, 3], name="t")
        q = tf.matmul(x, models.create_weights(6, 3, name="w"), name="q")
        loss = tf.reduce_sum(tf.square(target - q))
        with tf.name_scope("gradients"):
            ones = tf.fill(tf.shape(loss), 1.0)
            error = -2 * tf.tile(tf.reshape(ones, [1, 1]), tf.shape(q)) * (target - q)
            gradient = tf.matmul(x, error, transpose_a=True)
        tf.train.GradientDescentOptimizer(0.1).apply_gradients(
            [(gradient, tf.trainable_variables()[0])]
        )

    report = port(create_job(save_model(tmp_path, build), tmp_path / "out.pb"))
    assert "output q [?, 3] (inferred: nothing but training reads it)" in report.notes
    got = run_frozen(tmp_path / "out.pb", {"x:0": X}, "q:0")
    stored = np.random.default_rng(0).uniform(0.1, 0.9, (6, 3))
    np.testing.assert_allclose(got, X @ stored, rtol=1e-5)


def test_a_checkpoint_without_a_name(tmp_path):
    """saver.save(session, "folder/") writes .meta, .index and .data-00000-of-00001."""
    meta = save_model(tmp_path, build_dense, name="")
    assert meta.name == ".meta"
    assert port(create_job(meta, tmp_path / "out.pb")).passed
    got = run_frozen(tmp_path / "out.pb", {"x:0": X}, "y:0")
    np.testing.assert_allclose(got, compute_dense(), rtol=1e-5)


@pytest.mark.parametrize("target", ["frozen", "npz", "h5", "safetensors", "ckpt", ONNX])
def test_a_sharded_v1_checkpoint(tmp_path, target):
    version = tf.train.SaverDef.V1
    meta = save_model(tmp_path, build_dense, name="net", write_version=version, sharded=True)
    assert (tmp_path / "net-00000-of-00001").is_file()
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / f"net{TARGETS[target].ending}"
    assert port(create_job(meta, out, target)).passed
    if target == "frozen":
        got = run_frozen(out, {"x:0": X}, "y:0")
        np.testing.assert_allclose(got, compute_dense(), rtol=1e-5)
    elif target == "onnx":
        np.testing.assert_allclose(run_onnx(out, X), compute_dense(), rtol=1e-5)
    else:
        stored = np.random.default_rng(0).uniform(0.1, 0.9, (6, 3)).astype(np.float32)
        np.testing.assert_array_equal(open_weights(out).read("w"), stored)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "net-?????-of-00001"\n')
    assert list(open_weights(tmp_path).tensors) == ["w"]  # by the folder's state file


def test_a_training_graph_of_contrib_quantize(tmp_path):
    """Its ranges are moving averages that each run updates; the saved ones are taken."""

    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        zeros = tf.zeros_initializer()
        step = tf.get_variable("step", [], tf.int64, zeros, trainable=False, use_resource=False)
        high = tf.get_variable("high", [], initializer=zeros, use_resource=False)
        net = tf.matmul(x, models.create_weights(6, 3, name="w"))
        updated = tf.assign_sub(high, (high - tf.reduce_max(net)) * 0.5)
        started = tf.greater_equal(tf.assign_add(step, 1), 0)
        quantized = tf.quantization.fake_quant_with_min_max_vars(net, 0.0, updated)
        tf.where(started, quantized, net, name="out")

    meta = save_model(tmp_path, build)
    report = port(create_job(meta, tmp_path / "out.pb"))
    assert report.passed
    [note] = [note for note in report.notes if "updates of 2 variables" in note]
    assert note.endswith("as a training graph does: their saved values are used")
    high = np.float32(np.random.default_rng(1).uniform(0.1, 0.9, []))  # the weights by index
    got = run_frozen(tmp_path / "out.pb", {"x:0": X}, "out:0")
    assert got.max() == pytest.approx(high, rel=0.01)  # one of 255 steps


@pytest.mark.parametrize(
    "compute",
    [
        tf.log1p,
        tf.expm1,
        lambda x: tf.image.resize_area(x, [3, 7]),
        lambda x: tf.image.resize_bicubic(x, [9, 6]),
        lambda x: tf.image.resize_bicubic(x, [9, 6], align_corners=True),
    ],
    ids=["log1p", "expm1", "area", "bicubic", "bicubic, aligned corners"],
)
@pytest.mark.slow
def test_what_onnx_computes_otherwise_is_written_as_tensorflow_computes_it(tmp_path, compute):
    def build():
        x = tf.placeholder(tf.float32, [None, 4, 5, 2], name="x")
        tf.nn.conv2d(compute(x), models.create_weights(1, 1, 2, 3), 1, "SAME", name="out")

    x = np.random.default_rng(0).random((2, 4, 5, 2)).astype(np.float32)
    meta = save_model(tmp_path, build)
    assert port(create_job(meta, tmp_path / "x.onnx", "onnx")).passed
    got = run_onnx(tmp_path / "x.onnx", x)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(str(meta)).restore(session, str(meta)[: -len(".meta")])
        want = session.run("out:0", {"x:0": x})
    assert got.shape == want.shape and abs(got - want).max() < 1e-5 * abs(want).max()
