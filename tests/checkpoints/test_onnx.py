"""ONNX models as weight files: tensors of every form, data in other files, inputs, outputs."""

from __future__ import annotations

import json
import os

import damage_originals
import numpy as np
import pytest
from click.testing import CliRunner

from legacy_nets.checkpoints.contents import list_contents
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.cli import main
from legacy_nets.errors import CheckpointError

onnx = pytest.importorskip("onnx")
helper = onnx.helper

DTYPES = [
    *("float32", "float64", "float16", "bfloat16", "complex64", "complex128", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "int4", "uint4"),
    *("float8_e4m3fn", "float8_e5m2"),
]
EXTERNAL = {"location": "model.bin", "offset": "4", "length": "24"}


def run(*arguments, code=0):
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done.output


def save(path, initializers=(), nodes=(), inputs=(), outputs=(), **fields):
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), list(initializers))
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="by hand", **fields)
    path.write_bytes(model.SerializeToString())
    return path


def make_external(entries=EXTERNAL, shape=(2, 3)):
    tensor = onnx.TensorProto(name="w", data_type=1, dims=shape, data_location=1)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def save_external(folder, entries=EXTERNAL):
    values = np.arange(6, dtype=np.float32)
    (folder / "model.bin").write_bytes(b"\1\2\3\4" + values.tobytes())
    return save(folder / "model.onnx", [make_external(entries)])


def refuse(path):
    with pytest.raises(CheckpointError) as caught:
        source = open_weights(path)
        for name in (*source.tensors, *source.other_tensors):
            source.read(name)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


@pytest.mark.parametrize("raw", [False, True], ids=["typed", "raw"])
def test_values_of_every_dtype_are_those_that_onnx_reads(tmp_path, raw):
    codes = {helper.tensor_dtype_to_np_dtype(n).name: n for n in range(1, 23) if n != 8}
    tensors = []
    for dtype in DTYPES:
        code = codes[dtype]
        numpy_dtype = helper.tensor_dtype_to_np_dtype(code)
        values = np.array([0, 1, 2, -3, 1, 7, 5], np.float32)
        values = np.abs(values) if dtype.startswith("u") else values
        values = values.astype(numpy_dtype)
        if raw:
            tensors.append(onnx.numpy_helper.from_array(values, dtype))
        else:
            tensors.append(helper.make_tensor(dtype, code, [7], values.tolist()))
    source = open_weights(save(tmp_path / "x.onnx", tensors))
    assert [spec.dtype for spec in source.tensors.values()] == DTYPES
    for tensor in tensors:
        want, got = onnx.numpy_helper.to_array(tensor), source.read(tensor.name)
        assert tensor.HasField("raw_data") == raw
        assert (got.shape, got.dtype) == ((7,), want.dtype), tensor.name
        assert got.tobytes() == want.tobytes(), tensor.name


def test_texts_scalars_and_empty_tensors(tmp_path):
    path = save(
        tmp_path / "x.onnx",
        [
            helper.make_tensor("words", 8, [2], [b"one", "zwölf".encode()]),
            helper.make_tensor("scale", 1, [], [2.5]),
            helper.make_tensor("none", 1, [0, 3], []),
        ],
    )
    source = open_weights(path)
    assert source.read("words").tolist() == [b"one", "zwölf".encode()]
    assert source.read("scale") == np.float32(2.5) and source.read("scale").shape == ()
    assert source.read("none").shape == (0, 3)


def test_the_model_of_all_forms(tmp_path):
    path = damage_originals.save_onnx(tmp_path / "m")
    contents = list_contents(open_weights(path))
    source = contents.source
    shapes = {name: spec.shape for name, spec in contents.weights.items()}
    assert shapes == {
        "net/conv/weight": (4, 2, 1, 3),
        "net/conv/bias": (4,),
        "large": (6, 100),
        "sparse": (6,),
        "extra": (6,),
        "If/then_branch/extra": (6,),
    }
    assert contents.parameters == 24 + 4 + 600 + 6 + 6 + 6
    assert {*contents.constants} == {"net/shape", "yes"}
    assert contents.training == {}
    assert source.read("sparse").tolist() == [0, 5, 0, 0, 6, 0]
    assert source.read("large").tolist() == np.arange(600).reshape(6, 100).tolist()
    assert source.read("net/shape").tolist() == [-1, 6]


def test_what_only_says_where_is_no_weight_through_any_number_of_nodes(tmp_path):
    """As PyTorch writes x.view(x.size(0), -1), x[:, 1:], F.pad and x.clamp(0, 6)."""
    int64 = onnx.TensorProto.INT64
    numbers = {
        "zero": [0],
        "rest": [-1],
        "start": [1],
        "end": [9],
        "axis": [1],
        "pads": [0, 0, 1, 0],
    }
    tensors = [helper.make_tensor(name, int64, [len(row)], row) for name, row in numbers.items()]
    tensors += [
        helper.make_tensor("six", 1, [], [6.0]),
        helper.make_tensor("w", 1, [2, 2], range(4)),
    ]
    tensors += [
        helper.make_tensor("ids", int64, [3], [1, 0, 1]),
        helper.make_tensor("rows", int64, [2], [4, 5]),
    ]
    literal = helper.make_tensor("", 1, [], [0.5])
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("Slice", ["flat", "start", "end", "axis"], ["cut"]),
        helper.make_node("Pad", ["cut", "pads"], ["padded"]),
        helper.make_node("Clip", ["padded", "", "six"], ["clipped"]),
        helper.make_node("Constant", [], ["half"], value=literal),
        helper.make_node("Mul", ["clipped", "half"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "w"], ["y"]),
        helper.make_node("Gather", ["w", "ids"], ["embedded"]),
        helper.make_node("Add", ["rows", "rows"], ["sum"]),
    ]
    values = [
        helper.make_tensor_value_info(name, 1, None) for name in ("x", "y", "embedded", "sum")
    ]
    source = open_weights(save(tmp_path / "x.onnx", tensors, nodes, values[:1], values[1:]))
    assert [*source.tensors] == ["w", "rows"]
    assert {*source.other_tensors} == {*numbers, "six", "half", "ids"}


def test_quantized_weights_count_and_their_scales_do_not(tmp_path):
    tensors = [
        helper.make_tensor("w_q", 3, [2, 2], [1, 2, 3, 4]),
        helper.make_tensor("w_scale", 1, [2], [0.5, 0.25]),
        helper.make_tensor("w_zero", 3, [2], [0, 0]),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["w_q", "w_scale", "w_zero"], ["w"], axis=0),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, 1, [1, 2]) for name in "xy"]
    contents = list_contents(
        open_weights(save(tmp_path / "x.onnx", tensors, nodes, values[:1], values[1:]))
    )
    assert [*contents.weights] == ["w_q"] and contents.parameters == 4


def test_inspect_shows_versions_inputs_and_outputs(tmp_path):
    weight = helper.make_tensor("w", 1, [3, 2], range(6))
    values = [
        helper.make_tensor_value_info("x", 1, ["batch", 3]),
        helper.make_tensor_value_info("w", 1, [3, 2]),  # as IR 3 lists initializers
        helper.make_tensor_value_info("y", 10, [None, 2]),
        helper.make_tensor_value_info("z", 1, None),
    ]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Relu", ["y"], ["z"])]
    path = save(tmp_path / "m.onnx", [weight], nodes, values[:2], values[2:], ir_version=3)
    assert run("inspect", path).splitlines() == [
        str(path),
        "1 tensors, 6 parameters",
        "ONNX, opset 17, IR 3, by by hand",
        "input x float32 [batch, 3]",
        "output y float16 [?, 2]",
        "output z float32 of unknown shape",
        "",
        f"{'w':<48} float32   {'3x2':<18} {6:>12}",
    ]
    assert json.loads(run("inspect", path, "--json"))["graph"] == {
        "format": "ONNX, opset 17, IR 3, by by hand",
        "inputs": [{"name": "x", "shape": ["batch", 3], "dtype": "float32"}],
        "outputs": [
            {"name": "y", "shape": [None, 2], "dtype": "float16"},
            {"name": "z", "shape": None, "dtype": "float32"},
        ],
    }


def test_a_model_is_known_by_its_fields_not_by_its_name(tmp_path):
    weight = helper.make_tensor("w", 1, [2], [1, 2])
    path = save(tmp_path / "model.bin", [weight])
    assert open_weights(path).read("w").tolist() == [1, 2]
    (tmp_path / "saved.pb").write_bytes(b"\x08\x01\x12\x02\x0a\x00")  # a SavedModel's fields
    assert "not a frozen graph" in refuse(tmp_path / "saved.pb")


def test_data_next_to_the_model(tmp_path):
    source = open_weights(save_external(tmp_path))
    assert source.read("w").tolist() == [[0, 1, 2], [3, 4, 5]]
    whole = {"location": "./model.bin", "offset": "4"}  # without a length: up to the end
    assert open_weights(save_external(tmp_path, whole)).read("w").sum() == 15
    (tmp_path / "below").mkdir()
    os.rename(tmp_path / "model.bin", tmp_path / "below" / "model.bin")
    path = save(
        tmp_path / "model.onnx", [make_external({**EXTERNAL, "location": "below/model.bin"})]
    )
    assert open_weights(path).read("w").sum() == 15


@pytest.mark.parametrize(
    "location", ["../secret.bin", "/etc/passwd", "a/../../secret.bin", "..\\secret.bin", "link.bin"]
)
def test_no_file_outside_the_folder_of_the_model_is_read(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(40))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    path = save(folder / "m.onnx", [make_external({**EXTERNAL, "location": location})])
    assert "outside its folder, where nothing is read" in refuse(path)
    run("inspect", path, code=2)
    text = run("port", path, "--to", "npz", "--out", tmp_path / "out.npz", code=2)
    assert "outside its folder" in text and not (tmp_path / "out.npz").exists()


def test_a_download_cache_of_links(tmp_path):
    """Names are links to one folder of blobs, as huggingface_hub keeps them."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "main"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    save_external(blobs)
    for name in ("model.onnx", "model.bin"):
        os.rename(blobs / name, blobs / f"blob-{name}")
        (snapshot / name).symlink_to(blobs / f"blob-{name}")
    assert open_weights(snapshot / "model.onnx").read("w").sum() == 15


def test_missing_data_are_noted_and_refused_where_they_are_needed(tmp_path):
    path = save_external(tmp_path)
    (tmp_path / "model.bin").unlink()
    want = f"{path}: its weights are in model.bin, which is missing: copy that file next to it, too"
    assert f"note: incomplete: {want}" in run("inspect", path)
    assert refuse(path) == want


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({**EXTERNAL, "offset": "8"}, "model.bin has 28 bytes, the weights end at 32"),
        ({**EXTERNAL, "length": "20"}, "20 bytes of a tensor float32"),
        ({**EXTERNAL, "offset": "-4"}, "external data at '-4'"),
        ({"location": "model.bin", "offset": "99"}, "model.bin has 28 bytes"),
        ({}, "external data in the file ''"),
        ({**EXTERNAL, "location": "model\0.bin"}, "external data in the file"),
    ],
)
def test_places_of_data_that_cannot_be(tmp_path, entries, reason):
    assert reason in refuse(save_external(tmp_path, entries))


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (onnx.TensorProto(name="w", data_type=1, dims=[2], raw_data=b"123"), "3 bytes of a tensor"),
        (onnx.TensorProto(name="w", data_type=1, dims=[3], float_data=[1, 2]), "2 values of a"),
        (onnx.TensorProto(name="w", data_type=1, dims=[-1], float_data=[1]), "shape [-1]"),
        (onnx.TensorProto(name="w", data_type=1, dims=[1 << 60], float_data=[1]), "1 values of a"),
        (onnx.TensorProto(data_type=1, dims=[1], float_data=[1]), "a tensor without a name"),
        (onnx.TensorProto(name="w", data_type=99, dims=[1], raw_data=b"1"), "type 99"),
    ],
)
def test_damaged_tensors(tmp_path, tensor, reason):
    assert reason in refuse(save(tmp_path / "x.onnx", [tensor]))


def test_a_model_cut_anywhere_is_refused(tmp_path):
    whole = damage_originals.save_onnx(tmp_path / "m").read_bytes()
    path = tmp_path / "cut.onnx"
    for size in range(1, len(whole) - 40, 29):  # what follows the graph may be missing
        path.write_bytes(whole[:size])
        assert "cut.onnx" in refuse(path)


@pytest.mark.parametrize(
    ("target", "ending"),
    [("npz", ".npz"), ("safetensors", ".safetensors"), ("h5", ".h5"), ("torch", ".pth")],
)
def test_weights_go_to_each_format_of_weights(tmp_path, target, ending):
    model = damage_originals.save_onnx(tmp_path / "m")
    out = tmp_path / f"out{ending}"
    text = run("port", model, "--to", target, "--out", out)
    assert "names and axes as they are; left out 2 constants (shapes, axes, bounds)" in text
    want, got = open_weights(model), open_weights(out)
    assert {*got.tensors} == {*want.tensors}
    for name in want.tensors:
        np.testing.assert_array_equal(got.read(name), want.read(name))


@pytest.mark.parametrize("target", ["onnx", "keras", "saved_model", "frozen"])
def test_other_targets_are_refused_in_one_line(tmp_path, target):
    model = damage_originals.save_onnx(tmp_path / "m")
    text = run("port", model, "--to", target, "--out", tmp_path / "out", code=2)
    assert text == (
        f"legacy-nets: --to {target} needs the graph, and of {model} only the weights are read "
        "(ONNX, opset 17, IR 8, by by_hand): port them to npz, safetensors, h5, ckpt, torch, or "
        "port what it was made from\n"
    )


def test_a_net_of_the_registry_is_refused(tmp_path):
    model = damage_originals.save_onnx(tmp_path / "m")
    options = ("--net", "demo_cnn", "--to", "npz", "--out", tmp_path / "x.npz")
    text = run("port", model, *options, code=2)
    assert "has its weights under ONNX's names and axes" in text and text.count("\n") == 1
