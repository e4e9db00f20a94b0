"""Reads .tflite files: weights, scales, metadata, old and packed layouts, damaged files."""

from __future__ import annotations

import importlib
import json
import random
import time

import numpy as np
import pytest
from click.testing import CliRunner

from legacy_nets import tf1 as tf
from legacy_nets.anatomy.tflite import analyze_tflite
from legacy_nets.checkpoints.formats.tflite import read_tflite
from legacy_nets.checkpoints.formats.tflite_model import parse_tflite
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.source import report_damage
from legacy_nets.cli import main
from legacy_nets.errors import CheckpointError
from legacy_nets.tf1.lite_schema import add_metadata

SCHEMA = importlib.import_module("tensorflow.lite.python.schema_py_generated")
TOOLS = importlib.import_module("tensorflow.lite.tools.flatbuffer_utils")
CODES = {
    "float32": 0,
    "int32": 2,
    "string": 5,
    "int8": 9,
    "int4": 17,
    "int2": 19,
    "uint4": 20,
    "uint8": 3,
}


def build(tensors, **of_graph):
    """A model of tensors: (name, shape, dtype, bytes or None), then scales, zero points, axis."""
    model, graph = SCHEMA.ModelT(), SCHEMA.SubGraphT()
    model.version, model.buffers, graph.tensors = 3, [SCHEMA.BufferT()], []
    for name, shape, dtype, data, *quantization in tensors:
        tensor = SCHEMA.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), CODES[dtype]
        if data is not None:
            tensor.buffer = len(model.buffers)
            buffer = SCHEMA.BufferT()
            buffer.data = np.frombuffer(data, np.uint8)
            model.buffers.append(buffer)
        if quantization:
            tensor.quantization = SCHEMA.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = quantization[:2]
            tensor.quantization.quantizedDimension = quantization[2]
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs, graph.operators = [], [], []
    for name, value in of_graph.items():
        setattr(graph, name, value)
    model.subgraphs, model.operatorCodes = [graph], []
    return bytes(TOOLS.convert_object_to_bytearray(model))


KERNEL = np.arange(-6, 6, dtype=np.int8).reshape(2, 2, 3)
FLOATS = np.arange(4, dtype=np.float32)
MODEL = (
    ("net/kernel", (2, 2, 3), "int8", KERNEL.tobytes(), [0.5, 0.25], [0, 3], 0),
    ("net/bias", (4,), "float32", FLOATS.tobytes()),
    ("net/bias/Adam", (4,), "float32", FLOATS.tobytes()),
    ("axes", (2,), "int32", np.array([1, 2], np.int32).tobytes()),
    ("out", (1, 4), "float32", None),
)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "x.bin").write_bytes(build(MODEL))  # known by its bytes
    return tmp_path / "x.bin"


def test_weights_scales_and_other_tensors(path):
    source = open_weights(path)
    assert {name: (spec.shape, spec.dtype) for name, spec in source.tensors.items()} == {
        "net/kernel": ((2, 2, 3), "int8"),
        "net/bias": ((4,), "float32"),
        "net/bias/Adam": ((4,), "float32"),
    }
    assert list(source.other_tensors) == ["axes"] and source.read("axes").tolist() == [1, 2]
    assert (source.read("net/kernel") == KERNEL).all() and source.read("net/bias")[3] == 3
    assert source.quantization == {"net/kernel": ((0.5, 0.25), (0, 3), 0)}
    assert "1 of 3 weights are quantized and read as they are stored" in source.notes[0]


def test_inspect_counts_no_optimizer_slots_and_shows_scales(path):
    text = CliRunner().invoke(main, ["inspect", str(path)]).output
    assert "2 tensors, 16 parameters" in text
    assert "12  2 scales 0.25 to 0.5 on axis 0" in text
    done = CliRunner().invoke(main, ["inspect", str(path), "--json"])
    rows = json.loads(done.output)
    assert rows["weights"][0]["quantization"] == {
        **{"scales": [0.5, 0.25], "zero_points": [0, 3], "axis": 0},
    }
    assert [row["name"] for row in rows["training"]] == ["net/bias/Adam"]
    assert [row["name"] for row in rows["constants"]] == ["axes"]


def test_weights_go_on_to_other_formats_with_a_note(path, tmp_path):
    out = tmp_path / "x.npz"
    done = CliRunner().invoke(main, ["port", str(path), "--to", "npz", "--out", str(out)])
    assert done.exit_code == 0 and "read as they are stored" in done.output
    with np.load(out) as arrays:
        assert (arrays["net/kernel"] == KERNEL).all()


@pytest.mark.parametrize(
    "dtype, data, values",
    [
        ("int4", b"\x8f\x07\x01", [-1, -8, 7, 0, 1]),
        ("uint4", b"\x8f\x07\x01", [15, 8, 7, 0, 1]),
        ("int2", b"\xe4\x01", [0, 1, -2, -1, 1]),
    ],
)
def test_integers_that_share_bytes(tmp_path, dtype, data, values):
    (tmp_path / "x.tflite").write_bytes(build([("w", (5,), dtype, data, [1.0], [0], 0)]))
    assert read_tflite(tmp_path / "x.tflite").read("w").tolist() == values


def test_strings_equal_names_and_metadata(tmp_path):
    texts = np.array([2, 16, 18, 21, 0], "<i4")[:4].tobytes() + b"abcde"
    model = build([("w", (2,), "string", texts), *[("w", (4,), "float32", FLOATS.tobytes())] * 2])
    path = tmp_path / "x.tflite"
    path.write_bytes(add_metadata(model, "legacy_nets", json.dumps({"net": "é"})))
    source = read_tflite(path)
    assert list(source.tensors) == ["w_1", "w_2"] and source.metadata == {"net": "é"}
    assert source.read("w").tolist() == [b"ab", b"cde"]


def test_a_converted_model_has_the_interpreters_tensors(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        kernel = np.random.default_rng(0).random((3, 2)).astype(np.float32)
        y = tf.nn.softmax(tf.matmul(x, tf.constant(kernel)), name="y")
        model = tf.lite.TFLiteConverter.from_session(session, [x], [y]).convert()
    path = tmp_path / "x.tflite"
    path.write_bytes(model)
    [graph] = parse_tflite(path).graphs
    tensors = [graph.tensors[index] for index in (*graph.inputs, *graph.outputs)]
    assert [(item.name, item.shape) for item in tensors] == [("x", (-1, 3)), ("y", (-1, 2))]
    source = read_tflite(path)
    [name] = source.tensors
    assert (source.read(name) == kernel.T).all()


@pytest.mark.parametrize(
    "model, reason",
    [
        (build(MODEL)[:200], "damaged ("),
        (build([("w", (5,), "float32", FLOATS.tobytes())]), "w: 16 bytes of 20"),
        (build([("w", (-4,), "float32", FLOATS.tobytes())]), "w has bytes and the shape (-4,)"),
        (build(MODEL, outputs=[9]), "a tensor that is none of the 5 is used"),
        (build(MODEL[-1:]), "a TensorFlow Lite model without weights"),
        (b"\x1c\0\0\0TFL3" + b"\0" * 60, "damaged ("),
    ],
)
def test_what_is_wrong_is_said(tmp_path, model, reason):
    (tmp_path / "x.tflite").write_bytes(model)
    with pytest.raises(CheckpointError) as raised:
        open_weights(tmp_path / "x.tflite")
    assert reason in str(raised.value) and "\n" not in str(raised.value)


def test_tensors_without_a_name_get_one(tmp_path):
    ones = np.ones(2, np.float32).tobytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(build([(name, (2,), "float32", ones) for name in ("", "w", "")]))
    out = tmp_path / "out.npz"
    done = CliRunner().invoke(main, ["port", str(path), "--to", "npz", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert sorted(open_weights(out).tensors) == ["unnamed", "unnamed_1", "w"]


def build_loop(tensors, body, code=119):
    """A model whose operator, a loop, takes all tensors; body: inputs and outputs of its graph."""
    loop = SCHEMA.OperatorT()
    loop.opcodeIndex, loop.inputs, loop.outputs = 0, list(range(len(tensors))), []
    loop.builtinOptionsType = SCHEMA.BuiltinOptions.WhileOptions
    loop.builtinOptions = SCHEMA.WhileOptionsT()
    loop.builtinOptions.condSubgraphIndex = loop.builtinOptions.bodySubgraphIndex = 1
    model = SCHEMA.ModelT.InitFromPackedBuf(build(tensors, operators=[loop]))
    inner = SCHEMA.SubGraphT()
    inner.tensors = [SCHEMA.TensorT() for _ in range(4)]
    inner.inputs, inner.outputs = body
    inner.operators = []
    kind = SCHEMA.OperatorCodeT()
    kind.builtinCode, kind.deprecatedBuiltinCode = code, min(code, 127)
    model.subgraphs, model.operatorCodes = [model.subgraphs[0], inner], [kind]
    return bytes(TOOLS.convert_object_to_bytearray(model))


@pytest.mark.parametrize(
    ("values", "outputs", "code", "is_weight"),
    [
        ([0, 0], [2, 1], 119, False),  # the loop changes it: an initial state
        ([0, 3], [2, 1], 119, True),  # learnt, as it is not zero
        ([0, 0], [0, 1], 119, True),  # each round reads it, none changes it
        ([0, 0], [2, 1], 32, True),  # a custom operator, no loop
    ],
    ids=["zeros", "learnt", "unchanged", "no-loop"],
)
def test_zeros_that_a_loop_starts_from_are_no_weights(tmp_path, values, outputs, code, is_weight):
    state = ("state", (1, 2), "float32", np.array(values, np.float32).tobytes())
    kernel = ("kernel", (3,), "float32", np.ones(3, np.float32).tobytes())
    path = tmp_path / "m.tflite"
    path.write_bytes(build_loop([state, kernel], ([0, 1], outputs), code))
    source = read_tflite(path)
    assert list(source.tensors) == (["state", "kernel"] if is_weight else ["kernel"])
    assert list(source.other_tensors) == ([] if is_weight else ["state"])
    assert dict(analyze_tflite(path).unused) == {
        name: source.tensors[name].shape for name in source.tensors
    }


@pytest.mark.slow
def test_weights_inside_a_custom_operator_are_named(tmp_path):
    """As compilers for one device write models: a single operator with all weights."""
    tensors = [("x", (1, 4), "int8", None), ("y", (1, 2), "int8", None)]
    model = TOOLS.convert_bytearray_to_object(bytearray(build(tensors, inputs=[0], outputs=[1])))
    code, operator = SCHEMA.OperatorCodeT(), SCHEMA.OperatorT()
    code.customCode, code.builtinCode = b"edgetpu-custom-op", SCHEMA.BuiltinOperator.CUSTOM
    code.deprecatedBuiltinCode = SCHEMA.BuiltinOperator.CUSTOM
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    model.operatorCodes, model.subgraphs[0].operators = [code], [operator]
    path = tmp_path / "x.tflite"
    path.write_bytes(bytes(TOOLS.convert_object_to_bytearray(model)))
    with pytest.raises(CheckpointError, match="outside of its custom operator edgetpu-custom"):
        open_weights(path)
    done = CliRunner().invoke(main, ["describe", str(path), "--json"])
    [row] = [row for row in json.loads(done.output)["layers"] if row["name"] == "y"]
    assert row["layer_type"] == "edgetpu-custom-op" and row["parameters"] == 0
    assert "a custom operator: what it holds is not counted" in row["notes"]


def test_one_table_named_many_times_takes_no_time(tmp_path):
    """5,000 graphs that are all the same one, with 5,000 tensors: 25 million to read."""
    model = bytearray(build([("w", (4,), "float32", FLOATS.tobytes())]))
    graphs = SCHEMA.Model.GetRootAs(model, 0)
    field = graphs._tab.Pos + graphs._tab.Offset(8)
    start, target = len(model), graphs._tab.Indirect(graphs._tab.Vector(graphs._tab.Offset(8)))
    model += (5000).to_bytes(4, "little")
    for index in range(5000):  # offsets are unsigned: the graph is copied after them
        model += (4 * (5000 - index)).to_bytes(4, "little")
    tensors = len(model)
    model += (12).to_bytes(4, "little", signed=True) + (0).to_bytes(4, "little")
    model += b"\x06\0\x08\0\x04\0\0\0"
    model[tensors : tensors + 4] = (-8).to_bytes(4, "little", signed=True)
    model[tensors + 4 : tensors + 8] = (12).to_bytes(4, "little")
    model += (5000).to_bytes(4, "little") + (4).to_bytes(4, "little") * 5000
    model[field : field + 4] = (start - field).to_bytes(4, "little")
    assert target > 0
    (tmp_path / "x.tflite").write_bytes(model)
    began = time.process_time()
    with pytest.raises(CheckpointError, match="damaged"):
        open_weights(tmp_path / "x.tflite")
    assert time.process_time() - began < 2


def test_200_damaged_files_are_read_right_or_refused_in_a_line(tmp_path):
    intact, path = build(MODEL), tmp_path / "x.tflite"
    chance, refused = random.Random(0), 0
    for number in range(200):
        data = bytearray(intact)
        if number % 4 == 0:
            del data[chance.randrange(8, len(data)) :]
        for _ in range(number % 4 and chance.choice([1, 1, 8])):
            data[chance.randrange(8, len(data))] = chance.choice([0, 1, 127, 128, 255])
        path.write_bytes(data)
        try:
            with report_damage(path):
                source = read_tflite(path)
                arrays = [source.read(name) for name in (*source.tensors, *source.other_tensors)]
        except CheckpointError as error:
            refused += 1
            assert "\n" not in str(error) and str(error).startswith(str(path))
        else:
            specs = {**source.tensors, **source.other_tensors}.values()
            assert [array.shape for array in arrays] == [spec.shape for spec in specs]
    assert refused > 60
