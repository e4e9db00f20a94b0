"""ONNX: the weights are apart from the graph while it is converted, and in the file afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from port_cases import SMALL, job, save

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.errors import BadInputError
from legacy_nets.port.formats import frozen, lazy_constants, onnx_weights
from legacy_nets.port.formats import onnx as onnx_format
from legacy_nets.port.pipeline import port
from legacy_nets.wire import encode_varint, read_varint

onnx = pytest.importorskip("onnx")
pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.usefixtures("tiny_nets")
SIZE = (64, 64)


@pytest.fixture
def without_small_constants(monkeypatch):
    monkeypatch.setattr(lazy_constants, "MIN_BYTES", 1)


@pytest.mark.parametrize("is_apart", [False, True], ids=["one file", "two files"])
@pytest.mark.slow
def test_weights_are_read_when_they_are_written(
    is_apart, without_small_constants, tmp_path, monkeypatch
):
    monkeypatch.setattr(onnx_weights, "MAX_INLINE", 1000 if is_apart else 1 << 30)
    prefix, out = save(tmp_path, "tiny", SIZE), tmp_path / "x.onnx"
    report = port(job(prefix, "tiny", "onnx", out, SIZE))
    assert report.passed and report.worst.relative < 1e-5
    assert {path.name for path in tmp_path.glob("x*")} == {
        "x.onnx",
        *(["x.onnx.data"] if is_apart else []),
    }
    assert ("the weights are in x.onnx.data" in report.notes) == is_apart
    model = onnx.load(out)
    onnx.checker.check_model(model)
    assert [value.name for value in model.graph.input] == ["images"]
    values = {item.name: onnx.numpy_helper.to_array(item) for item in model.graph.initializer}
    source = open_weights(prefix)
    dense = [name for name, info in source.tensors.items() if len(info.shape) == 2]
    assert dense
    for name in dense:
        np.testing.assert_array_equal(values[f"{name}:0"], source.read(name))


def test_another_second_file_is_not_replaced(tmp_path):
    (tmp_path / "x.onnx.data").write_text("mine")
    prefix = save(tmp_path, "tiny", SIZE)
    with pytest.raises(BadInputError, match=r"x\.onnx\.data is there without it"):
        port(job(prefix, "tiny", "onnx", tmp_path / "x.onnx", SIZE))


def build_products(images):
    """A product of each kind, one matrix twice, and a matrix that is transposed."""
    rng = np.random.default_rng(1)

    def make(name, *shape):
        return tf.constant(rng.normal(size=shape), tf.float32, name=name)

    y = tf.nn.conv2d(images, make("conv", 3, 3, 4, 6), [1, 2, 2, 1], "SAME")
    y = tf.nn.depthwise_conv2d(y, make("depthwise", 2, 2, 6, 2), [1] * 4, "VALID")
    y = tf.nn.conv2d_transpose(y, make("up", 3, 3, 5, 12), [2, 6, 6, 5], [1, 2, 2, 1], "SAME")
    y = tf.nn.conv3d(y[:, None], make("conv3d", 1, 2, 2, 5, 3), [1] * 5, "SAME")[:, 0]
    y = tf.reshape(y, [2, 108])
    square = make("square", 8, 8)
    y = tf.matmul(tf.matmul(y, make("matrix", 108, 8)) / 100, square)
    y = tf.matmul(tf.matmul(y, square), make("turned", 5, 8), transpose_b=True)
    return tf.identity(y, name="logits")


def test_every_kind_of_product(without_small_constants, tmp_path):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [2, 7, 7, 4], name="images")
        pictures = np.random.default_rng(0).normal(size=(2, 7, 7, 4)).astype(np.float32)
        want = session.run(build_products(images), {images: pictures})
        folded = frozen.Folded(graph.as_graph_def(), 0, 0)
    hidden, weights = onnx_weights.hide_weights(folded.graph, {}, ["logits"])
    names = {"conv", "depthwise", "up", "conv3d", "square", "matrix", "turned"}
    assert set(weights) == names
    assert {node.name for node in hidden.node if node.op == "Placeholder"} == {"images"}
    assert {node.name for node in hidden.node if node.op == "VariableV2"} == names
    onnx_weights.become_placeholders(hidden, weights)
    placeholders = {node.name: node for node in hidden.node if node.op == "Placeholder"}
    assert set(placeholders) == names | {"images"}
    assert tf.TensorShape(placeholders["up"].attr["shape"].shape) == [3, 3, 5, 12]
    assert set(placeholders["up"].attr) == {"dtype", "shape"}
    path = tmp_path / "x.onnx"
    assert onnx_format.convert(path, folded, ["images"], ["logits"], {}, "products") == ()
    for run in onnx_format.run_onnx(path, {"images": pictures}, ["logits"]):
        np.testing.assert_allclose(run.outputs["logits"], want, rtol=1e-4, atol=1e-3)


def test_a_graph_that_is_too_large_for_a_second_try(without_small_constants, tmp_path, monkeypatch):
    """The line says why the first one failed, not to port it to ONNX."""

    def fail(*_):
        raise ValueError("no such\noperation")

    monkeypatch.setattr(onnx_format, "_convert", fail)
    monkeypatch.setattr(frozen, "MAX_BYTES", 1000)
    with tf.Graph().as_default() as graph:
        build_products(tf.placeholder(tf.float32, [2, 7, 7, 4], name="images"))
    folded = frozen.Folded(graph.as_graph_def(), 0, 0)
    with pytest.raises(BadInputError) as refused:
        onnx_format.convert(tmp_path / "x.onnx", folded, ["images"], ["logits"], {}, "products")
    assert str(refused.value) == (
        "tf2onnx cannot convert products: no such operation; try --to saved_model, or --outputs "
        "before it"
    )


@pytest.mark.slow
def test_a_streamed_graph_is_the_graph(without_small_constants, tmp_path, monkeypatch):
    """Constants that are read while the file is written are those that the graph would hold."""
    prefix = save(tmp_path, "tiny", SIZE)
    graphs = []
    for least in (1, 1 << 30):
        monkeypatch.setattr(lazy_constants, "MIN_BYTES", least)
        out = tmp_path / f"{least}.pb"
        assert port(job(prefix, "tiny", "frozen", out, SIZE)).passed
        graphs.append(tf.GraphDef.FromString(out.read_bytes()))
    streamed, held = graphs
    assert [node.name for node in streamed.node] == [node.name for node in held.node]
    for node, other in zip(streamed.node, held.node, strict=True):
        if node.op == "Const" and node.attr["dtype"].type == tf.float32.as_datatype_enum:
            arrays = (tf.make_ndarray(item.attr["value"].tensor) for item in (node, other))
            np.testing.assert_array_equal(*arrays)
        else:
            assert node == other


@pytest.mark.slow
def test_a_net_with_a_loop_takes_any_batch(tmp_path):
    """Its LSTM is a loop in the file, too, and reads the weights that were restored."""
    size, options = SMALL["cnn_lstm"]
    prefix, out = save(tmp_path, "cnn_lstm", size, options), tmp_path / "x.onnx"
    report = port(job(prefix, "cnn_lstm", "onnx", out, size, options))
    assert report.passed and report.worst.relative < 1e-5
    assert {node.op_type for node in onnx.load(out).graph.node} & {"Loop", "Scan", "LSTM"}
    images = np.random.default_rng(2).random((5, 28, 28, 1), np.float32)
    [together], *alone = (
        [run.outputs["logits"] for run in onnx_format.run_onnx(out, {"images": part}, ["logits"])][
            :1
        ]
        for part in (images, *np.split(images, 5))
    )
    np.testing.assert_allclose(
        together, np.concatenate([row for [row] in alone]), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), tf.errors.InvalidArgumentError(None, None, "x"), ZeroDivisionError("x")],
)
def test_what_tf2onnx_raises_is_one_line(error, tmp_path, monkeypatch):
    with pytest.raises(BadInputError, match="^tf2onnx cannot convert products: .*x.*; try --to"):
        convert_with_error(error, tmp_path, monkeypatch)


def test_memory_that_is_not_enough_is_no_matter_of_tf2onnx(tmp_path, monkeypatch):
    with pytest.raises(MemoryError):
        convert_with_error(MemoryError("x"), tmp_path, monkeypatch)


def convert_with_error(error, tmp_path, monkeypatch):
    """Converts a graph by a tf2onnx that raises an error."""

    def fail(*_):
        raise error

    monkeypatch.setattr(onnx_format, "_convert", fail)
    with tf.Graph().as_default() as graph:
        build_products(tf.placeholder(tf.float32, [2, 7, 7, 4], name="images"))
    folded = frozen.Folded(graph.as_graph_def(), 0, 0)
    onnx_format.convert(tmp_path / "x.onnx", folded, ["images"], ["logits"], {}, "products")


@pytest.mark.parametrize("number", [0, 127, 128, 300, (1 << 63) - 1])
def test_numbers_are_encoded_as_they_are_read(number):
    encoded = encode_varint(number)
    assert read_varint(encoded, 0) == (number, len(encoded))
