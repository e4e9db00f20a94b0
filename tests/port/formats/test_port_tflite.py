"""``--to tflite``: precisions, calibration, metadata, and what TensorFlow Lite lacks."""

from __future__ import annotations

import imported_models as models
import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import create_job, get_port_error, save_model
from PIL import Image
from port_cases import SMALL, job, save

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.tflite_model import parse_tflite
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.cli import main
from legacy_nets.errors import BadInputError
from legacy_nets.port.formats.rewrites import split_pools
from legacy_nets.port.formats.tflite import run_tflite
from legacy_nets.port.jobs import TOLERANCES, Precision
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("tiny_nets", "in_one_process")
SIZE = (64, 64)


@pytest.fixture(scope="module")
def prefix(tiny_nets, tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"), "tiny", SIZE)


def write_pictures(folder, count):
    for number in range(count):
        values = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), np.uint8)
        Image.fromarray(values).save(folder / f"{number}.png")


def get_ends(path):
    """Name, shape and dtype of every input and output."""
    graph = parse_tflite(path).graphs[0]
    tensors = [graph.tensors[index] for index in (*graph.inputs, *graph.outputs)]
    return [(tensor.name, tensor.shape, tensor.dtype) for tensor in tensors]


@pytest.mark.parametrize("dtype, kernel", [("float32", "float32"), ("float16", "float16")])
@pytest.mark.slow
def test_a_net_keeps_names_and_open_batch_and_says_its_labels(prefix, tmp_path, dtype, kernel):
    out = tmp_path / "x.tflite"
    names = ("a", "b", "c", "d", "é")
    report = port(
        job(
            *(prefix, "tiny", "tflite", out, SIZE),
            precision=Precision(dtype),
            class_names=names,
            tolerance=1e-2,
        )
    )
    assert report.passed and report.worst.relative < {"float32": 1e-5, "float16": 5e-3}[dtype]
    assert get_ends(out) == [
        ("images", (-1, 64, 64, 3), "float32"),
        ("logits", (-1, 5), "float32"),
        ("probabilities", (-1, 5), "float32"),
    ]
    source = open_weights(out)
    assert kernel in {spec.dtype for spec in source.tensors.values()}
    assert source.metadata["preprocessing"] == "unit" and source.metadata["image_size"] == [64, 64]
    assert source.metadata["class_names"] == list(names)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["cnn_lstm", "cnn_lstm_resnet"])
def test_an_lstm_takes_any_batch(tmp_path, net):
    """Its steps are unrolled. The weights are in the file once, not once a step."""
    size, options = SMALL[net]
    out = tmp_path / "x.tflite"
    report = port(job(save(tmp_path, net, size, options), net, "tflite", out, size, options))
    assert report.passed and report.worst.relative < 1e-5
    assert get_ends(out)[:2] == [
        ("images", (-1, 28, 28, 1), "float32"),
        ("logits", (-1, 5), "float32"),
    ]
    assert out.stat().st_size < 4.1 * registry.get_net(net).parameters
    images = np.random.default_rng(3).random((5, 28, 28, 1), np.float32)
    together, alone = (
        [
            run_tflite(out, {"images": part}, ["logits", "probabilities"]).outputs["logits"]
            for part in parts
        ]
        for parts in ([images], np.split(images, 5))
    )
    np.testing.assert_allclose(
        np.concatenate(together), np.concatenate(alone), rtol=1e-5, atol=1e-5
    )


@pytest.mark.slow
def test_integers_are_calibrated_on_pictures(prefix, tmp_path):
    write_pictures(tmp_path, 9)
    out = tmp_path / "x.tflite"
    arguments = ["port", prefix, "--net", "tiny", "--num-classes", "5", "--to", "tflite"]
    done = CliRunner().invoke(main, [*arguments, "--out", str(out), "--calibrate", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert f"ranges measured on 9 examples in {tmp_path}" in done.output
    assert "float32:" not in done.output  # every operator computes in integers
    assert get_ends(out) == [
        ("images", (-1, 64, 64, 3), "int8"),
        ("logits", (-1, 5), "int8"),
        ("probabilities", (-1, 5), "int8"),
    ]
    source = open_weights(out)
    kernel = next(name for name, spec in source.tensors.items() if len(spec.shape) == 4)
    assert source.tensors[kernel].dtype == "int8" and source.tensors[kernel].shape == (8, 3, 3, 3)
    quantization = source.quantization[kernel]
    assert len(quantization.scales) == 8 and quantization.axis == 0
    original = open_weights(prefix).read("tiny/conv2d/kernel").transpose(3, 0, 1, 2)
    real = source.read(kernel) * np.array(quantization.scales)[:, None, None, None]
    spread = original / np.abs(original).max((1, 2, 3), keepdims=True)  # free of the folded norm
    assert np.abs(real / np.abs(real).max((1, 2, 3), keepdims=True) - spread).max() < 1 / 127


@pytest.mark.slow
def test_operators_without_an_integer_kernel_are_named(tiny_nets, tmp_path):
    prefix = save(tmp_path, "tiny_clips", (4, 16, 16))
    (tmp_path / "clips" / "one").mkdir(parents=True)
    write_pictures(tmp_path / "clips" / "one", 4)
    precision = Precision("int8", tmp_path / "clips")
    out = tmp_path / "x.tflite"
    given = job(
        prefix, "tiny_clips", "tflite", out, (4, 16, 16), precision=precision, tolerance=0.1
    )
    report = port(given)
    assert report.passed and any("compute in float32: 1 CONV_3D" in note for note in report.notes)


def _project(x):
    """A dense layer whose outputs begin at 0: their zero point in int8 is -128."""
    size = x.shape.as_list()[-1]
    flat = tf.reshape(x, [-1, size])
    return tf.reshape(tf.nn.relu(tf.matmul(flat, models.create_weights(size, 8))), [-1, 6, 8])


def build_attention(x):
    weights = tf.nn.softmax(tf.matmul(_project(x), _project(x), transpose_b=True))
    return tf.matmul(weights, _project(x))


def build_einsum(x):
    return tf.einsum("bij,bkj->bik", _project(x), _project(x))


def build_product_of_matrices(x):
    return tf.matmul(_project(x)[0][:, :6], _project(x)[1])


def build_product_with_a_constant(x):
    return tf.matmul(tf.tile(models.create_weights(1, 5, 6), [8, 1, 1]), _project(x))


@pytest.mark.parametrize(
    "build, cause",
    [
        (build_attention, "only operators with weights are int8"),
        (build_einsum, "only operators with weights are int8"),
        (build_product_of_matrices, "only operators with weights are int8"),
        (build_product_with_a_constant, "1 BATCH_MATMUL (they have no integer kernel that is"),
    ],
)
def test_products_of_computed_tensors_are_right_in_int8(tmp_path, build, cause):
    def build_graph():
        tf.identity(build(tf.placeholder(tf.float32, [8, 6, 8], name="x")), name="out")

    meta = save_model(tmp_path, build_graph)
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.save(folder / "x.npy", np.random.default_rng(0).uniform(-1, 3, (8, 6, 8)))
    precision = Precision("int8", folder)
    report = port(create_job(meta, tmp_path / "x", "tflite", precision=precision, tolerance=0.02))
    assert report.passed, report.verdict
    assert cause in " ".join(report.notes)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--precision", "int8"], "add --calibrate FOLDER"),
        (["--precision", "float16", "--calibrate", "."], "float16 needs no examples"),
        (["--calibrate", "absent"], "--calibrate absent is no folder"),
        (["--calibrate", "empty"], "no pictures (JPEG, PNG, BMP, GIF, PPM, TIFF, WebP"),
        (["--to", "onnx", "--precision", "float16"], "are for --to tflite, not onnx"),
    ],
)
def test_what_a_precision_needs(prefix, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    arguments = ["port", prefix, "--net", "tiny", "--num-classes", "5", "--to", "tflite"]
    done = CliRunner().invoke(main, [*arguments, "--out", "x.tflite", *options])
    assert done.exit_code == 2 and message in done.output and done.output.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def build_two_inputs():
    """A sum of a matrix product and looked-up rows."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    ids = tf.placeholder(tf.int32, [None], name="ids")
    rows = tf.gather(models.create_weights(9, 4), ids)
    tf.add(tf.matmul(x, models.create_weights(6, 4)), rows, name="out")


def test_a_graph_is_calibrated_on_arrays_of_its_inputs(tmp_path):
    meta = save_model(tmp_path, build_two_inputs)
    rng = np.random.default_rng(0)
    folder = tmp_path / "arrays"
    folder.mkdir()
    x, ids = rng.uniform(-1, 1, (20, 6)), rng.integers(0, 9, 20)  # of wider dtypes
    np.savez(folder / "a.npz", x=x, ids=ids)
    out = tmp_path / "x.tflite"
    report = port(
        create_job(meta, out, "tflite", precision=Precision("int8", folder), tolerance=0.1)
    )
    assert report.passed and report.worst.shape == (8, 4)
    assert get_ends(out) == [
        ("x", (-1, 6), "int8"),
        ("ids", (-1,), "int32"),
        ("out", (-1, 4), "int8"),
    ]
    weights = open_weights(str(meta).removesuffix(".meta"))
    kernel, table = weights.read("Variable_1"), weights.read("Variable")
    if kernel.shape == (9, 4):
        kernel, table = table, kernel
    inputs = {"x": x, "ids": ids}
    outputs = run_tflite(out, inputs, ["out"]).outputs["out"]
    want = x @ kernel + table[ids]
    assert np.abs(outputs - want).max() / np.abs(want).max() < 0.03


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"x": np.zeros((2, 5), np.float32), "ids": np.zeros(2, np.int32)}, "x is 2x5, the graph"),
        ({"x": np.zeros((2, 6), np.float32)}, "has no array 'ids' (it has x)"),
        ({"x": np.zeros((2, 6), np.float32), "ids": np.zeros(3, np.int32)}, "have [2, 3] rows"),
        ({"x": np.zeros((0, 6)), "ids": np.zeros(0, np.int32)}, "its arrays have no rows"),
        ({"x": np.array([{}], object), "ids": np.zeros(1, np.int32)}, "cannot be read (Object"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arrays, message):
    meta = save_model(tmp_path, build_two_inputs)
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.savez(folder / "a.npz", **arrays)
    precision = Precision("int8", folder)
    assert message in get_port_error(
        meta, tmp_path / "x", target="tflite", precision=precision, tolerance=0.1
    )


def build_digamma():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    tf.digamma(tf.matmul(x, models.create_weights(6, 2)), name="out")


@pytest.mark.parametrize(
    "build, message",
    [
        (models.build_half_precision, "TensorFlow Lite has no MatMul (float16): try --to onnx"),
        (build_digamma, "TensorFlow Lite has no Digamma: try --to onnx"),
    ],
)
def test_what_tensorflow_lite_lacks_is_named(tmp_path, build, message):
    meta = save_model(tmp_path, build)
    assert message in get_port_error(meta, tmp_path / "x", target="tflite")


@pytest.mark.parametrize("pool", [tf.nn.max_pool3d, tf.nn.avg_pool3d])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_pooling_of_clips_is_split_without_a_difference(pool, padding):
    clips = np.random.default_rng(0).standard_normal((2, 5, 7, 6, 3)).astype(np.float32) - 3
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, *clips.shape[1:]], name="x")
        y = pool(x, [1, 3, 2, 4, 1], [1, 2, 3, 1, 1], padding)
        want = session.run(y, {x: clips})
        split = split_pools(graph.as_graph_def())
    assert not {"MaxPool3D", "AvgPool3D"} & {node.op for node in split.node}
    with tf.Graph().as_default(), tf.Session() as session:
        [got] = tf.import_graph_def(split, return_elements=[y.name], name="")
        values = session.run(got, {"x:0": clips})
    np.testing.assert_allclose(values, want, rtol=1e-5, atol=1e-6)


def test_operations_that_it_lacks_are_rewritten(tmp_path):
    def build():
        x = tf.placeholder(tf.float32, [None, 4, 5, 2], name="x")
        resized = tf.image.resize_area(tf.log1p(x) + tf.expm1(x), [3, 7])
        tf.nn.conv2d(resized, models.create_weights(1, 1, 2, 3), 1, "SAME", name="out")

    report = port(create_job(save_model(tmp_path, build), tmp_path / "x.tflite", "tflite"))
    assert report.passed and report.worst.relative < 1e-5 and report.worst.shape == (2, 3, 7, 3)


def test_a_job_without_examples_is_refused_before_anything_is_written(prefix, tmp_path):
    with pytest.raises(BadInputError, match="add --calibrate FOLDER"):
        port(job(prefix, "tiny", "tflite", tmp_path / "x", SIZE, precision=Precision("int8")))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "int8"])
@pytest.mark.parametrize(
    "net",
    [
        *("inception_v3", "mobilenet_v3_small", "resnet_v2_50", "mc3_18"),
        "vit_base_patch16_224_in21k",
        pytest.param("vit_hybrid_r50_base_224", marks=pytest.mark.rare),
    ],
)
def test_nets_of_every_family_in_fewer_bits(net, dtype, tmp_path):
    size, options = SMALL[net]
    folder = tmp_path / "examples"
    for number in range(5):
        clip = folder / f"clip{number}"
        clip.mkdir(parents=True)
        write_pictures(clip, 2)
    precision = Precision(dtype, folder if dtype == "int8" else None)
    tolerance = TOLERANCES[dtype]
    prefix = save(tmp_path, net, size, options)
    more = {"precision": precision, "tolerance": tolerance}
    report = port(job(prefix, net, "tflite", tmp_path / "x.tflite", size, options, **more))
    assert report.passed and report.worst.relative < {"float16": 3e-3, "int8": 0.06}[dtype]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("odd"), "cannot be converted to TensorFlow Lite (KeyError: 'odd'): try --to"),
        (MemoryError(), None),  # the command says what to do
    ],
)
def test_no_failure_of_the_converter_loses_its_name(prefix, tmp_path, monkeypatch, error, message):
    def fail(converter):
        raise error

    monkeypatch.setattr(tf.lite.TFLiteConverter, "convert", fail)
    with pytest.raises(BadInputError if message else MemoryError) as raised:
        port(job(prefix, "tiny", "tflite", tmp_path / "x.tflite", SIZE))
    assert message is None or message in str(raised.value)
