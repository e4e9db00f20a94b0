"""``describe`` of ONNX models: rows, windows, parameters, multiply-adds."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from legacy_nets import sandbox
from legacy_nets.anatomy.onnx import analyze_onnx
from legacy_nets.cli import main

onnx = pytest.importorskip("onnx")
helper = onnx.helper


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch):
    """Runs the subprocess's work in this process, so that TensorFlow is imported once."""
    monkeypatch.setattr(sandbox, "run_sandboxed", lambda function, *values, **_: function(*values))


def tensor(name, *shape):
    return helper.make_tensor(name, 1, shape, [0.5] * onnx.numpy_helper.np.prod(shape))


def save(path, nodes, tensors, inputs, outputs):
    values = [
        [helper.make_tensor_value_info(name, 1, shape) for name, shape in sides.items()]
        for sides in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "g", *values, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def net(tmp_path):
    """Convolutions of every kind, a batch norm, a pooling and two dense layers."""
    node = helper.make_node
    nodes = [
        node(
            "Conv",
            ["x", "conv.weight", "conv.bias"],
            ["a"],
            "/conv/Conv",
            pads=[1] * 4,
            strides=[2, 2],
        ),
        node("BatchNormalization", ["a", *(f"bn.{n}" for n in "wbmv")], ["b"], "/bn/BatchNorm"),
        node("Conv", ["b", "dw.weight"], ["c"], group=8, auto_pad="SAME_UPPER", dilations=[2, 2]),
        node("Conv", ["c", "grouped.weight"], ["d"], "grouped", group=2),
        node("ConvTranspose", ["d", "up.weight"], ["e"], "up", strides=[2, 2]),
        node("MaxPool", ["e"], ["f"], "pool", kernel_shape=[4, 4], strides=[4, 4]),
        node("Flatten", ["f"], ["g"]),
        node("Gemm", ["g", "fc1.weight", "fc1.bias"], ["h"], "fc1", transB=1),
        node("Transpose", ["fc2.weight"], ["fc2.turned"]),
        node("MatMul", ["h", "fc2.turned"], ["i"], "fc2"),
        node("Add", ["i", "fc2.bias"], ["y"]),
        node("MatMul", ["y", "h2"], ["z"], "again"),
    ]
    shapes = {
        **{"conv.weight": (8, 3, 3, 3), "conv.bias": (8,), "dw.weight": (8, 1, 3, 3)},
        **{"bn.w": (8,), "bn.b": (8,), "bn.m": (8,), "bn.v": (8,)},
        **{"grouped.weight": (8, 4, 1, 1), "up.weight": (8, 2, 2, 2)},
        **{"fc1.weight": (5, 32), "fc1.bias": (5,), "fc2.weight": (7, 5), "fc2.bias": (7,)},
        "nowhere": (3, 3),
    }
    tensors = [tensor(name, *shape) for name, shape in shapes.items()]
    inputs = {"x": ["N", 3, 16, 16], "h2": [7, 2]}
    return save(tmp_path / "net.onnx", nodes, tensors, inputs, {"z": ["N", 2]})


def test_rows_windows_and_counts(net):
    anatomy = analyze_onnx(net)
    rows = {layer.name: layer for layer in anatomy.layers}
    assert [(name, layer.layer_type, layer.output) for name, layer in rows.items()] == [
        ("x", "input", (None, 3, 16, 16)),
        ("h2", "input", (7, 2)),
        ("conv/Conv", "convolution", (None, 8, 8, 8)),
        ("bn/BatchNorm", "batch norm", (None, 8, 8, 8)),
        ("dw", "depthwise convolution", (None, 8, 8, 8)),
        ("grouped", "grouped convolution", (None, 8, 8, 8)),
        ("up", "transposed convolution", (None, 2, 16, 16)),
        ("pool", "max pool", (None, 2, 4, 4)),
        ("fc1", "dense", (None, 5)),
        ("fc2", "dense", (None, 7)),
        ("again", "matmul", (None, 2)),
    ]
    conv, up, pool = rows["conv/Conv"], rows["up"], rows["pool"]
    assert (conv.kernel, conv.stride, conv.padding) == ((3, 3), (2, 2), "EXPLICIT")
    assert conv.zeros == ((1, 1), (1, 1)) and conv.groups == 1
    assert (rows["dw"].padding, rows["dw"].dilation, rows["dw"].groups) == ("SAME", (2, 2), 8)
    assert (up.kernel, up.stride, up.padding) == ((2, 2), (2, 2), "VALID")
    assert (pool.kernel, pool.stride) == ((4, 4), (4, 4))
    assert {name: layer.parameters for name, layer in rows.items() if layer.parameters} == {
        **{"conv/Conv": 216 + 8, "bn/BatchNorm": 32, "dw": 72, "grouped": 32, "up": 64},
        **{"fc1": 165, "fc2": 35 + 7},
    }
    assert anatomy.parameters == 631 and anatomy.trainable == 631 - 16  # moving statistics
    assert {name: layer.multiply_adds for name, layer in rows.items() if layer.multiply_adds} == {
        **{"conv/Conv": 64 * 8 * 27, "dw": 64 * 8 * 9, "grouped": 64 * 8 * 4},
        **{"up": 64 * 8 * 2 * 4, "fc1": 160, "fc2": 35, "again": 14},
    }
    assert anatomy.unused == (("nowhere", (3, 3)),)


def test_the_table_has_no_receptive_fields_and_states_versions(net):
    done = CliRunner().invoke(main, ["describe", str(net)])
    assert done.exit_code == 0, done.stderr
    assert "padding" in done.stdout and "┃ field" not in done.stdout
    assert "net.onnx: 631 parameters, 615 of them trainable; " in done.stdout
    assert "1 variables belong to no layer: nowhere" in done.stdout
    assert "ONNX, opset 17, IR" in done.stdout
    table = json.loads(CliRunner().invoke(main, ["describe", str(net), "--json"]).stdout)
    assert [layer["name"] for layer in table["layers"]][-2:] == ["fc2", "again"]


def test_without_the_package_shapes_are_those_in_the_file(net, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    anatomy = analyze_onnx(net)
    assert [layer.output for layer in anatomy.layers if layer.layer_type == "convolution"] == [None]
    assert anatomy.parameters == 631 and anatomy.multiply_adds is None
    assert "shapes inside the graph: pip install 'legacy-nets[onnx]'" in anatomy.notes


def test_without_inferred_shapes_the_cause_is_said(net, monkeypatch):
    def fail(model):
        raise RuntimeError("odd\nmodel")

    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", fail)
    anatomy = analyze_onnx(net)
    assert anatomy.parameters == 631 and anatomy.multiply_adds is None
    note = "onnx infers no shapes (RuntimeError: odd model): those in the file are shown"
    assert note in anatomy.notes


def test_shared_and_quantized_weights_count_once(tmp_path):
    node = helper.make_node
    nodes = [
        node("DequantizeLinear", ["q", "scale", "zero"], ["w"]),
        node("MatMul", ["x", "w"], ["a"], "first"),
        node("MatMul", ["a", "w"], ["y"], "second"),
    ]
    tensors = [
        helper.make_tensor("q", 3, [4, 4], [1] * 16),
        helper.make_tensor("scale", 1, [], [0.1]),
        helper.make_tensor("zero", 3, [], [0]),
    ]
    anatomy = analyze_onnx(save(tmp_path / "q.onnx", nodes, tensors, {"x": [2, 4]}, {"y": [2, 4]}))
    assert [(row.name, row.parameters, row.multiply_adds) for row in anatomy.layers[1:]] == [
        ("first", 16, 32),
        ("second", 0, 32),
    ]
    assert anatomy.layers[2].notes == ("shares weights of a layer above",)
    assert anatomy.batch == 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x08\x08\x3a\x05\x0a", "damaged, or no ONNX model"),
        (b"\x08\x08\x3a\x02\x0a\x09", "damaged (a field extends past"),
        (b"", "the file is empty"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ],
)
def test_damaged_models_are_refused_in_one_line(tmp_path, data, reason):
    (tmp_path / "x.onnx").write_bytes(data)
    done = CliRunner().invoke(main, ["describe", str(tmp_path / "x.onnx")])
    assert done.exit_code == 2 and done.stdout == ""
    assert (
        done.stderr.startswith(f"legacy-nets: {tmp_path}/x.onnx") and done.stderr.count("\n") == 1
    )
