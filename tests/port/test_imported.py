"""Ports of imported graphs: what is inferred, switched off, written and refused."""

from __future__ import annotations

import json
from pathlib import Path

import imported_models as models
import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import create_job, get_port_error, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.npz import read_npz
from legacy_nets.cli import main
from legacy_nets.cli.port import print_report
from legacy_nets.errors import CheckpointError
from legacy_nets.port.imported.targets import IMPORTED_FORMATS
from legacy_nets.port.jobs import IMPORTED_TARGETS, ImportedJob, find_graph_checkpoint
from legacy_nets.port.pipeline import port
from legacy_nets.port.report import Comparison, Report
from legacy_nets.port.targets import TARGETS, GraphTarget

pytestmark = pytest.mark.usefixtures("in_one_process")


def read_weights(meta):
    reader = tf.train.load_checkpoint(str(meta).removesuffix(".meta"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_every_target_of_graphs_takes_those_of_users():
    of_graphs = {name for name, target in TARGETS.items() if isinstance(target, GraphTarget)}
    assert set(IMPORTED_FORMATS) == of_graphs
    assert set(IMPORTED_TARGETS) == {*TARGETS} - {"keras"}  # which takes Keras models alone


def test_input_and_scores_of_a_classifier_are_inferred(tmp_path):
    meta = models.save_model(tmp_path, models.build_classifier)
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert report.passed
    assert {item.name for item in report.comparisons} == {"scores", "answer"}
    assert "keep_prob is set to 1.0" in report.notes
    assert "input x [?, 6] float32" in report.notes
    x = np.random.default_rng(1).random((3, 6), np.float32)
    w = read_weights(meta)
    hidden = np.maximum(x @ w["Variable"] + w["Variable_1"], 0)
    want = hidden @ w["Variable_2"] + w["Variable_3"]
    np.testing.assert_allclose(
        run_frozen(tmp_path / "x.pb", {"x:0": x}, "scores:0"), want, rtol=1e-5
    )
    graph = tf.GraphDef.FromString((tmp_path / "x.pb").read_bytes())
    assert not {"RandomUniform", "Placeholder_1", "Floor"} & {node.op for node in graph.node}
    assert [node.name for node in graph.node if node.op == "Placeholder"] == ["x"]


@pytest.mark.parametrize("version", [tf.train.SaverDef.V1, tf.train.SaverDef.V2])
def test_weights_are_ported_without_optimizer_slots(tmp_path, version):
    meta = models.save_model(tmp_path, models.build_classifier, write_version=version)
    report = port(create_job(meta, tmp_path / "x.npz", "npz"))
    assert report.passed and report.worst.absolute == 0
    want = {name: value for name, value in read_weights(meta).items() if name.count("/") == 0}
    want = {name: value for name, value in want.items() if not name.startswith("beta")}
    source = read_npz(tmp_path / "x.npz")
    assert set(source.tensors) == set(want) and len(want) == 4
    for name, value in want.items():
        np.testing.assert_array_equal(source.read(name), value)


def test_a_training_branch_is_removed_and_a_queue_becomes_an_input(tmp_path):
    meta = models.save_model(tmp_path, models.build_branches)
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert report.passed
    assert {item.name for item in report.comparisons} == {"probabilities"}
    assert "mode is set to False" in report.notes
    assert any("in place of QueueDequeueManyV2" in note for note in report.notes)
    graph = tf.GraphDef.FromString((tmp_path / "x.pb").read_bytes())
    op_types = {node.op for node in graph.node}
    assert "BiasAdd" in op_types  # the batch norm, folded
    assert not op_types & {"Switch", "Merge", "FusedBatchNormV3", "QueueDequeueManyV2"}


def test_a_constant_dropout_is_removed_and_noted(tmp_path):
    meta = models.save_model(tmp_path, models.build_constant_dropout)
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert report.passed
    assert any("1 dropouts with a constant probability" in note for note in report.notes)
    x = np.ones((1, 6), np.float32)
    want = x @ read_weights(meta)["Variable"]
    np.testing.assert_allclose(run_frozen(tmp_path / "x.pb", {"x:0": x}, "out:0"), want, rtol=1e-6)


def test_updates_that_an_output_triggers_do_not_change_the_weights(tmp_path):
    meta = models.save_model(tmp_path, models.build_with_updates)
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert report.passed
    x, w = np.ones((1, 6), np.float32), read_weights(meta)
    want = (x - w["mean"]) @ w["Variable"]
    np.testing.assert_allclose(run_frozen(tmp_path / "x.pb", {"x:0": x}, "out:0"), want, rtol=1e-5)


def test_an_unknown_rank_comes_from_the_first_layer_or_from_the_user(tmp_path):
    meta = models.save_model(tmp_path, models.build_unknown_rank)
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert "input images [?, ?, ?, 3] float32" in report.notes
    stated = port(create_job(meta, tmp_path / "x.pb", shapes={"images": "?,9,7,3"}))
    assert "input images [?, 9, 7, 3] float32" in stated.notes
    graph = tf.GraphDef.FromString((tmp_path / "x.pb").read_bytes())
    [node] = [node for node in graph.node if node.op == "Placeholder"]
    assert [side.size for side in node.attr["shape"].shape.dim] == [-1, 9, 7, 3]


def test_half_precision_is_kept(tmp_path):
    report = port(
        create_job(models.save_model(tmp_path, models.build_half_precision), tmp_path / "x.pb")
    )
    assert report.passed and report.worst.absolute == 0


def test_old_operations_are_modernized_and_the_version_is_kept(tmp_path):
    graph = tf.GraphDef()
    graph.versions.producer = 8  # BatchNormWithGlobalNormalization went with version 9
    values = {"w": np.ones([1, 1, 3, 2]), "mean": [1, 2], "variance": [3, 4]}
    values |= {"beta": [50, 60], "gamma": [7, 8]}
    image = graph.node.add(name="image", op="Placeholder")
    image.attr["dtype"].type = tf.float32.as_datatype_enum
    for name, value in values.items():
        node = graph.node.add(name=name, op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.float32))
    convolution = graph.node.add(name="conv", op="Conv2D", input=["image", "w"])
    convolution.attr["strides"].list.i.extend([1, 1, 1, 1])
    convolution.attr["padding"].s = b"SAME"
    norm = graph.node.add(name="norm", op="BatchNormWithGlobalNormalization")
    norm.input.extend(["conv", "mean", "variance", "beta", "gamma"])
    norm.attr["variance_epsilon"].f = 0.5
    norm.attr["scale_after_normalization"].b = True
    inverse = graph.node.add(name="out", op="Inv", input=["norm"])
    for node in (convolution, norm, inverse):
        node.attr["T"].type = tf.float32.as_datatype_enum
    path = tmp_path / "old.pb"
    path.write_bytes(graph.SerializeToString())
    assert port(create_job(path, tmp_path / "new.pb")).passed
    new = tf.GraphDef.FromString((tmp_path / "new.pb").read_bytes())
    assert new.versions.producer == 8
    x = np.full((1, 1, 1, 3), 2, np.float32)
    want = 1 / ((6 - np.array([1, 2])) / np.sqrt(np.array([3.5, 4.5])) * [7, 8] + [50, 60])
    got = run_frozen(tmp_path / "new.pb", {"image:0": x}, "out:0")
    np.testing.assert_allclose(got.ravel(), want, rtol=1e-5)


def test_a_graph_of_tensorflow_1_computes_the_same(tmp_path):
    meta = Path(__file__).parents[1] / "golden" / "imported_graph" / "old.meta"
    golden = json.loads(meta.with_suffix(".json").read_text())
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert report.passed
    assert {"phase_train is set to False", "keep_prob is set to 1.0"} <= set(report.notes)
    assert "input x [?, ?, ?, 1] float32" in report.notes
    assert any("1 batch norms folded" in note for note in report.notes)
    got = run_frozen(tmp_path / "x.pb", {"x:0": golden["x"]}, "out:0")
    np.testing.assert_allclose(got, golden["out"], rtol=1e-5)


def test_errors_say_what_to_do(tmp_path):
    meta, out = models.save_model(tmp_path, models.build_classifier), tmp_path / "x.pb"
    assert "nearest: scores" in get_port_error(meta, out, outputs=("score",))
    assert "no placeholder" in get_port_error(meta, out, settings={"nothing": "1"})
    assert "--set keep_prob=much: no value" in get_port_error(
        meta, out, settings={"keep_prob": "much"}
    )
    assert "in the graph it is (None, 6)" in get_port_error(meta, out, shapes={"x": "1,7"})
    assert "needs --net" in get_port_error(meta, out, target="keras")
    assert "needs x (Placeholder), too" in get_port_error(
        meta, out, inputs=("y",), outputs=("scores",)
    )


def test_random_outputs_are_refused_by_name(tmp_path):
    meta, out = models.save_model(tmp_path, models.build_random), tmp_path / "x.pb"
    message = get_port_error(meta, out)
    assert "noise/RandomStandardNormal" in message and "--inputs" in message
    inputs = ("x", "noise/RandomStandardNormal")
    assert port(create_job(meta, out, inputs=inputs)).passed


def test_a_graph_that_reads_files_needs_trust(tmp_path):
    meta, out = models.save_model(tmp_path, models.build_file_reader), tmp_path / "x.pb"
    message = get_port_error(meta, out, inputs=("path",), outputs=("out",))
    assert "ReadFile" in message and "--trust" in message
    assert port(create_job(meta, out, inputs=("number",), outputs=("out",))).passed


def test_a_checkpoint_of_another_graph_or_none(tmp_path):
    meta = models.save_model(tmp_path, models.build_classifier)
    other = models.save_model(tmp_path, models.build_half_precision, "other.ckpt")
    with pytest.raises(CheckpointError, match="does not fit"):
        port(ImportedJob(meta, find_graph_checkpoint(other), "frozen", tmp_path / "x.pb"))
    (tmp_path / "other.ckpt.index").unlink()
    with pytest.raises(CheckpointError, match="next to it"):
        find_graph_checkpoint(other)


def test_unknown_operations_are_named(tmp_path):
    graph = tf.GraphDef()
    graph.node.add(name="x", op="SomeContribOp")
    path = tmp_path / "odd.pb"
    path.write_bytes(graph.SerializeToString())
    assert "SomeContribOp" in get_port_error(path, tmp_path / "x.pb")


def test_a_frozen_graph_whose_first_length_is_a_less_than_sign(tmp_path):
    graph = tf.GraphDef()
    node = graph.node.add(name="kernel/of/a/layer", op="Const")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.ones(2, np.float32)))
    node.name = "k" * (len(node.name) + 60 - node.ByteSize())
    path = tmp_path / "x.pb"
    path.write_bytes(graph.SerializeToString())
    assert path.read_bytes()[:2] == b"\n<"
    assert port(create_job(path, tmp_path / "x.npz", "npz")).passed


def test_a_port_above_the_tolerance_keeps_the_older_file(tmp_path):
    meta = models.save_model(tmp_path, models.build_branches)
    out = tmp_path / "x.pb"
    out.write_text("older")
    report = port(create_job(meta, out, tolerance=-1.0))
    assert not report.passed and out.read_text() == "older"


@pytest.mark.slow
@pytest.mark.parametrize("target", ["saved_model", "onnx", "tflite", "openvino"])
@pytest.mark.parametrize(
    "build", [models.build_classifier, models.build_branches, models.build_unknown_rank]
)
def test_other_targets(tmp_path, target, build):
    if target == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    if target == "openvino":
        pytest.importorskip("openvino")
    report = port(create_job(models.save_model(tmp_path, build), tmp_path / "x.xml", target))
    assert report.passed and report.worst.relative < 1e-5


@pytest.mark.slow
def test_the_command_runs_in_a_sandbox_and_reports(tmp_path, monkeypatch):
    monkeypatch.undo()
    meta = models.save_model(tmp_path, models.build_classifier)
    out, page = tmp_path / "x.pb", tmp_path / "report.json"
    arguments = ["port", "--meta", str(meta), "--to", "frozen", "--out", str(out)]
    done = CliRunner().invoke(main, [*arguments, "--outputs", "scores", "--report", str(page)])
    assert done.exit_code == 0 and "verified" in done.output
    assert json.loads(page.read_text())["comparisons"][0]["name"] == "scores"
    meta.write_bytes(meta.read_bytes()[:-100])
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2 and done.output.count("\n") == 1 and str(meta) in done.output


def test_a_meta_next_to_the_checkpoint_is_used(tmp_path):
    prefix = str(models.save_model(tmp_path, models.build_classifier)).removesuffix(".meta")
    arguments = ["port", prefix, "--to", "npz", "--out", str(tmp_path / "x.npz")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0 and "model.ckpt.meta from" in done.output
    Path(f"{prefix}.meta").unlink()
    done = CliRunner().invoke(main, arguments)  # weights alone need none
    assert done.exit_code == 0 and "model.ckpt from" in done.output
    done = CliRunner().invoke(main, [*arguments[:3], "onnx", *arguments[4:]])
    assert done.exit_code == 2 and f"--to onnx needs the net, {prefix} holds its" in done.output


def test_options_for_registered_nets_and_imported_graphs_do_not_mix(tmp_path):
    for arguments, message in (
        (["port", "x.ckpt"], "x.ckpt: no such checkpoint"),
        (["port", "x.ckpt", "--net", "tiny", "--meta", "x.meta"], "leave one out"),
        (["port", "x.ckpt", "--net", "inception_v3", "--inputs", "a"], "nets of your own"),
        (["port", "x.pb", "--label-offset", "1"], "add --net"),
        (["port", "x.pb", "--set", "a"], "NAME=VALUE"),
    ):
        done = CliRunner().invoke(main, [*arguments, "--to", "frozen", "--out", "y"])
        assert done.exit_code == 2 and message in done.output


@pytest.mark.parametrize(
    "target, verdict, last",
    [
        ("saved_model", "outputs equal, bit by bit", "verified: "),
        ("frozen", "outputs equal, bit by bit", "verified: "),
        ("npz", "tensors equal, bit by bit", "verified, tensor by tensor: "),
    ],
)
def test_the_last_lines_say_what_was_compared(tmp_path, target, verdict, last):
    meta = models.save_model(tmp_path, models.build_classifier)
    out = tmp_path / "out"
    arguments = ["port", "--meta", str(meta), "--to", target, "--out", str(out)]
    done = CliRunner().invoke(main, arguments)
    *_, compared, final = done.output.splitlines()
    assert done.exit_code == 0 and verdict in compared and final == f"{last}{out}"


@pytest.mark.parametrize("side, hint", [("optimised", True), ("as written", False)])
def test_a_difference_by_runtime_optimisations_is_explained(tmp_path, capsys, side, hint):
    exact = Comparison("out", (2,), 0.0, 0.0, "as written")
    far = Comparison("out", (2,), 0.1, 0.1, side)
    out = str(tmp_path / "x.onnx")
    print_report(Report("x.pb", "x.pb", "onnx", out, 1e-4, False, {}, (exact, far)))
    printed = capsys.readouterr()
    assert ("only ONNX Runtime's graph optimisations differ" in printed.out) == hint
    assert "NOT verified" in printed.err


def test_json_has_null_where_two_sides_cannot_be_compared(tmp_path):
    """JSON has no Infinity: browsers and jq refuse it."""
    apart = Comparison("out", (2,), float("inf"), float("inf"))
    report = Report("x.pb", "x.pb", "onnx", "x.onnx", 1e-4, False, {}, (apart,))
    report.save(tmp_path / "x.json")
    written = (tmp_path / "x.json").read_text()
    [row] = json.loads(written)["comparisons"]
    assert (row["absolute"], row["relative"], row["shape"]) == (None, None, [2])
    assert "Infinity" not in written
