"""Targets with a graph: both sides agree, and nothing comes to its place that does not."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from port_cases import SMALL, job, save

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.cli import main
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.port import convert_net, targets
from legacy_nets.port.formats import frozen, saved_model
from legacy_nets.port.pipeline import port
from legacy_nets.port.report import check_report_path

pytestmark = pytest.mark.usefixtures("tiny_nets")
SIZE = (64, 64)


def skip_without_packages(target):
    """The target as a parameter of a test that its packages are needed for."""
    packages = targets.TARGETS[target].packages
    lacking = [name for name in packages if importlib.util.find_spec(name) is None]
    reason = f"{', '.join(lacking)} is not installed"
    return pytest.param(target, marks=pytest.mark.skipif(bool(lacking), reason=reason))


WITH_END_POINTS = ["saved_model", "frozen", "keras"]
GRAPHS = [*WITH_END_POINTS, *map(skip_without_packages, ("onnx", "tflite", "openvino"))]


@pytest.fixture(scope="module")
def prefix(tiny_nets, tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"), "tiny", SIZE)


@pytest.mark.parametrize("target", GRAPHS)
@pytest.mark.slow
def test_tiny_agrees_on_both_sides(prefix, tmp_path, target):
    out = tmp_path / f"x{targets.TARGETS[target].ending}"
    report = port(job(prefix, "tiny", target, out, SIZE, label_offset=1, num_classes=4))
    assert report.passed and report.worst.relative < 1e-5
    rows = {(item.name, item.side): item for item in report.comparisons}
    sides = ("as written", "optimised") if target == "onnx" else ("",)
    for side in sides:
        assert rows["logits", side].shape == (2, 5)
        assert rows["probabilities", side].shape == (2, 4)  # without the background
        assert rows["logits", side].top1 == 1.0
        assert (("flat", side) in rows) == (target in WITH_END_POINTS)
    companion = targets.TARGETS[target].companion
    names = {out.name, *([f"x{companion}"] if companion else [])}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_a_saved_model_takes_the_place_of_the_old_one(prefix, tmp_path):
    out = tmp_path / "x"
    out.mkdir()
    (out / "saved_model.pb").write_text("old")
    assert port(job(prefix, "tiny", "saved_model", out, SIZE)).passed
    assert (out / "saved_model.pb").read_bytes() != b"old"
    assert sorted(path.name for path in out.iterdir()) == [
        *("assets.extra", "saved_model.pb", "variables"),
    ]
    metadata = json.loads((out / "assets.extra" / "metadata.json").read_text())
    assert metadata["net"] == "tiny" and metadata["preprocessing"] == "unit"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.slow
def test_above_the_tolerance_nothing_comes_to_its_place(prefix, tmp_path, monkeypatch):
    real = saved_model.run

    def shifted(path, net):
        for run in real(path, net):
            logits = run.outputs["logits"] * 1.001
            yield run._replace(outputs={**run.outputs, "logits": logits})

    def fail(*arguments, **options):
        raise CheckpointError("out of memory")

    monkeypatch.setattr(saved_model, "run", shifted)
    monkeypatch.setattr(convert_net, "run_sandboxed", fail)
    out, page = tmp_path / "x", tmp_path / "r.html"
    out.mkdir()
    (out / "saved_model.pb").write_text("old")
    arguments = ["port", prefix, "--net", "tiny", "--to", "saved_model", "--out", str(out)]
    arguments += ["--num-classes", "5", "--image-size", "64"]
    done = CliRunner().invoke(main, [*arguments, "--report", str(page)])
    assert done.exit_code == 1, done.output
    assert f"NOT verified: above the tolerance of 0.0001; {out} was not written" in done.output
    assert "without oneDNN, it was not run (out of memory)" in done.output
    assert (out / "saved_model.pb").read_text() == "old"
    assert "<td>logits<td><td>2 x 5<td>" in page.read_text() and "FAILED" in page.read_text()
    done = CliRunner().invoke(main, [*arguments, "--tolerance", "0.01"])
    assert done.exit_code == 0, done.output


def test_classes_in_another_order_are_found_whatever_the_tolerance(prefix, tmp_path, monkeypatch):
    real = saved_model.run

    def turned(path, net):
        for run in real(path, net):
            logits = run.outputs["logits"][:, ::-1]
            yield run._replace(outputs={**run.outputs, "logits": logits})

    monkeypatch.setattr(saved_model, "run", turned)
    report = port(job(prefix, "tiny", "saved_model", tmp_path / "x", SIZE, tolerance=100.0))
    assert not report.passed and not (tmp_path / "x").exists()


def test_missing_packages_are_named_with_their_extra(prefix, tmp_path, monkeypatch):
    monkeypatch.setitem(
        targets.TARGETS, "onnx", replace(targets.TARGETS["onnx"], packages=("not_there",))
    )
    with pytest.raises(BadInputError, match=r"--to onnx needs not_there: pip install .*\[onnx\]"):
        port(job(prefix, "tiny", "onnx", tmp_path / "x.onnx", SIZE))


def _norm(x):
    return tf.layers.batch_normalization(x, epsilon=0.01)


def test_batch_norms_are_folded_into_every_kind_of_layer():
    rng = np.random.default_rng(1)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 6, 6, 4], name="images")
        y = _norm(tf.layers.conv2d(x, 4, 3, use_bias=False))
        y = _norm(tf.nn.depthwise_conv2d(y, tf.get_variable("d", [2, 2, 4, 2]), [1] * 4, "VALID"))
        y = _norm(tf.layers.conv3d(y[:, None], 3, (1, 2, 2), use_bias=False))
        y = y + _norm(y)  # no layer before it
        y = tf.identity(tf.layers.flatten(y), name="logits")
        tf.identity(y, name="probabilities")
        for variable in tf.global_variables():
            values = rng.uniform(0.2, 1.0, variable.shape)
            session.run(variable.initializer, {variable.initializer.inputs[1]: values})
        pictures = rng.uniform(size=(2, 6, 6, 4))
        want = session.run("logits:0", {x: pictures})
        constant = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["logits", "probabilities"]
        )
    definition = tf.graph_util.remove_training_nodes(constant, ["logits", "probabilities"])
    definition, folded, left, _ = frozen.fold_batch_norms(definition)
    assert (folded, left) == (3, 1)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(definition, name="")
        got = session.run("logits:0", {"images:0": pictures})
    np.testing.assert_allclose(got, want, rtol=1e-5)


FRESH = """
import sys, zipfile, json, numpy as np, keras
model = keras.models.load_model(sys.argv[1])
given = np.load(sys.argv[2])
print(np.abs(model(given["x"]) - given["y"]).max() <= 1e-4 * np.abs(given["y"]).max())
before = [w.numpy().copy() for w in model.trainable_weights]
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(given["x"], np.array([0, 1]), batch_size=2, verbose=0)
moved = [np.abs(w.numpy() - b).max() > 0 for w, b in zip(model.trainable_weights, before)]
print(np.mean(moved) > 0.5)  # ReLU6 and batch norm on 1x1 maps leave some gradients at zero
print([m for m in sys.modules if m.startswith(("legacy_nets", "tf_keras"))])
print(*sorted({type(layer).__name__ for layer in model.layers}))
"""


MOBILE = {
    *("Add", "BatchNormalization", "Conv2D", "Dense", "DepthwiseConv2D", "Dropout"),
    *("GlobalAveragePooling2D", "InputLayer", "ReLU"),
}
HYBRID = {"Embedding", "GroupNormalization", "LayerNormalization", "Conv2D", "Dense"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "point", "layers", "more"),
    [
        ("mobilenet_v2", "block_1", MOBILE, {}),
        ("vit_hybrid_r50_base_224", "block1", HYBRID, {"units": [1, 1, 1], "depth": 2}),
    ],
)
def test_a_keras_model_loads_and_trains_where_this_package_is_not(
    net, point, layers, more, tmp_path
):
    size, options = SMALL[net]
    options = {**options, **more}
    prefix = save(tmp_path, net, size, options)
    out = tmp_path / "x.keras"
    assert port(job(prefix, net, "keras", out, size, options)).passed
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *size, 3])
        logits, _ = legacy_nets.build(net, images, num_classes=5, **options)
        tf.train.Saver().restore(session, prefix)
        x = np.random.default_rng(0).uniform(-1, 1, (2, *size, 3)).astype(np.float32)
        np.savez(tmp_path / "given.npz", x=x, y=session.run(logits, {images: x}))
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(out), str(tmp_path / "given.npz")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    same, trained, modules, kinds = done.stdout.splitlines()[-4:]
    assert (same, trained, modules) == ("True", "True", "[]")
    kinds = set(kinds.split())
    assert kinds == layers if net == "mobilenet_v2" else kinds > layers
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read("legacy_nets.json"))["end_points"][point]


@pytest.mark.parametrize("target", ["frozen", skip_without_packages("openvino")])
@pytest.mark.slow
def test_weights_beyond_a_graphs_two_gigabytes_are_refused(target, tmp_path, monkeypatch):
    monkeypatch.setattr(frozen, "MAX_BYTES", 1000)
    size, options = SMALL["demo_cnn"]
    prefix = save(tmp_path, "demo_cnn", size, options)
    out = tmp_path / f"x{targets.TARGETS[target].ending}"
    with pytest.raises(BadInputError, match=r"^0\.0 GB of weights do not fit in a graph"):
        port(job(prefix, "demo_cnn", target, out, size, options))
    assert not out.exists()


@pytest.mark.parametrize(
    "name, reason",
    [
        ("report.txt", "end its name in .json, .html, .md"),
        ("absent/report.html", "{folder}/absent is no folder; make it first"),
        ("folder.html", "a folder is there; name another file"),
        ("model.json", "--out goes there; name another file"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_port(name, reason, tmp_path):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(BadInputError) as caught:
        check_report_path(tmp_path / name, tmp_path / "model.json")
    assert str(caught.value) == f"--report {tmp_path / name}: {reason.format(folder=tmp_path)}"
