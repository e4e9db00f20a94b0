"""Graphs with odd names, branches, kinds and settings: ported as they are, or refused."""

from __future__ import annotations

import imported_models as models
import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import frozen, job, refused, run

from legacy_nets import tf1 as tf
from legacy_nets.cli import main
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
WEIGHTS = np.arange(16, dtype=np.float32).reshape(4, 4)
X = np.arange(8, dtype=np.float32).reshape(2, 4)


def product():
    return tf.matmul(tf.placeholder(tf.float32, [None, 4], name="x"), tf.constant(WEIGHTS))


def splits():
    """split:1 and split_1 are two tensors, which differ."""
    z = product()
    first, second = tf.split(z, 2, axis=1, name="split")
    third, _ = tf.split(z * 2, 2, axis=1, name="split")
    tf.add(first + second * 3, third, name="out")


def test_outputs_whose_names_would_be_one_stay_two(tmp_path):
    path, out = frozen(tmp_path, splits), tmp_path / "x.pb"
    report = port(job(path, out, outputs=("split:1", "split_1")))
    assert report.passed
    assert [item.name for item in report.comparisons] == ["split_1_", "split_1"]
    assert "output split_1_ (split:1) [?, 2] (as asked)" in report.notes
    z = X @ WEIGHTS
    second, third = run(out, {"x:0": X}, ["split_1_:0", "split_1:0"])
    np.testing.assert_allclose(second, z[:, 2:], rtol=1e-6)
    np.testing.assert_allclose(third, 2 * z[:, :2], rtol=1e-6)


@pytest.mark.parametrize("inputs", [("split:1", "split_1", "split"), ("split", "x")])
def test_inputs_whose_names_would_be_one_stay_apart(tmp_path, inputs):
    path, out = frozen(tmp_path, splits), tmp_path / "x.pb"
    assert port(job(path, out, inputs=inputs, outputs=("out",))).passed
    graph = tf.GraphDef.FromString(out.read_bytes())
    names = [node.name for node in graph.node if node.op == "Placeholder"]
    assert len(names) == len(inputs)
    z = X @ WEIGHTS
    if "x" in inputs:  # split:1 is still computed
        given, want = [np.ones((2, 2)), X], 1 + 3 * z[:, 2:] + 2 * z[:, :2]
    else:
        given, want = [np.full((2, 2), n) for n in (1, 10, 100)], np.full((2, 2), 100 + 3 + 10)
    feeds = {f"{name}:0": value for name, value in zip(names, given, strict=True)}
    np.testing.assert_allclose(run(out, feeds, "out:0"), want, rtol=1e-6)


def test_a_shape_for_what_is_no_input_is_refused(tmp_path):
    meta, out = models.save(tmp_path, models.classifier), tmp_path / "x.pb"
    said = refused(meta, out, shapes={"xs": "1,6"})
    assert "--input-shape xs=1,6" in said and "no such input; nearest: x" in said


def scaled_by(kind):
    def build():
        factor = tf.placeholder(kind, [], name="n")
        tf.multiply(product(), tf.cast(factor, tf.float32), name="out")

    return build


@pytest.mark.parametrize(
    "kind, text",
    [
        *[("int32", text) for text in ("3.7", "1e30", "2147483648", "nan", "inf", "1,2.5")],
        *[("uint8", "-1"), ("bool", "2"), ("float32", "1e300"), ("float32", "1e-60")],
        *[("float16", "70000"), ("int64", "9223372036854775808")],
    ],
)
def test_a_setting_that_its_kind_does_not_hold_is_refused(tmp_path, kind, text):
    path = frozen(tmp_path, scaled_by(kind))
    said = refused(path, tmp_path / "x.pb", settings={"n": text})
    assert f"--set n={text}: no value of {kind}" in said


@pytest.mark.parametrize(
    "kind, text, want",
    [("int32", "3.0", 3), ("bool", "True", 1), ("float32", "0.1", 0.1), ("int64", "-7", -7)],
)
def test_a_setting_that_its_kind_holds(tmp_path, kind, text, want):
    path, out = frozen(tmp_path, scaled_by(kind)), tmp_path / "x.pb"
    assert port(job(path, out, settings={"n": text})).passed
    np.testing.assert_allclose(run(out, {"x:0": X}, "out:0"), X @ WEIGHTS * want, rtol=1e-6)


def merge_of_three():
    """Two of three live, on a condition that nobody knows; the third is never taken."""
    z = product()
    unknown = tf.reduce_sum(z) > 0
    no, yes = (tf.raw_ops.Switch(data=z, pred=unknown)[side] for side in (0, 1))
    never = tf.raw_ops.Switch(data=z, pred=tf.constant(True))[0]
    merged, _ = tf.raw_ops.Merge(inputs=[no + 1.0, never + 9.0, yes + 5.0])
    tf.multiply(merged, 2.0, name="out")


def merge_whose_index_is_read():
    never, taken = tf.raw_ops.Switch(data=product(), pred=tf.constant(True))
    merged, index = tf.raw_ops.Merge(inputs=[never, taken + 1.0])
    tf.add(merged, 10.0 * tf.cast(index, tf.float32), name="out")


@pytest.mark.parametrize(
    "build, want",
    [
        (merge_of_three, lambda z: 2 * (z + 5)),
        (merge_whose_index_is_read, lambda z: z + 1 + 10),
    ],
)
def test_a_merge_of_any_make_is_kept_or_decided(tmp_path, build, want):
    path, out = frozen(tmp_path, build), tmp_path / "x.pb"
    assert port(job(path, out, outputs=("out",))).passed
    np.testing.assert_allclose(run(out, {"x:0": X}, "out:0"), want(X @ WEIGHTS), rtol=1e-6)


def branch(condition):
    """One of two products, by a condition that numbers of the graph decide."""

    def build():
        z = product()
        no, yes = (tf.raw_ops.Switch(data=z, pred=condition())[side] for side in (0, 1))
        tf.multiply(tf.raw_ops.Merge(inputs=[no + 1.0, yes + 5.0])[0], 2.0, name="out")

    return build


def cast(number, kind, to):
    return lambda: tf.raw_ops.Cast(x=tf.constant(number, kind), DstT=to)


@pytest.mark.parametrize(
    "condition, taken",
    [
        (lambda: tf.equal(cast(0.5, "float32", "int32")(), 0), True),
        (lambda: tf.equal(cast(-1.7, "float32", "int64")(), -1), True),
        (lambda: tf.equal(cast(300, "int32", "uint8")(), tf.constant(44, tf.uint8)), True),
        (lambda: tf.less(cast(0.1, "float64", "float16")(), tf.constant(0.1, "float16")), False),
        (lambda: tf.greater(cast(True, "bool", "float32")(), 0.5), True),
        (cast(0.5, "float32", "bool"), True),
        (lambda: tf.equal(tf.raw_ops.Div(x=-7, y=2), -3), True),
        (lambda: tf.equal(tf.raw_ops.Reciprocal(x=tf.constant(2.0)), 0.5), True),
    ],
)
def test_numbers_that_decide_a_branch_are_computed_as_tensorflow_does(tmp_path, condition, taken):
    path, out = frozen(tmp_path, branch(condition)), tmp_path / "x.pb"
    assert port(job(path, out, outputs=("out",))).passed
    want = 2 * (X @ WEIGHTS + (5 if taken else 1))
    np.testing.assert_allclose(run(out, {"x:0": X}, "out:0"), want, rtol=1e-6)
    graph = tf.GraphDef.FromString(out.read_bytes())
    assert not {"Switch", "Merge"} & {node.op for node in graph.node}


@pytest.mark.parametrize("number", [3e9, -3e9, np.nan, np.inf])
def test_a_cast_out_of_range_decides_nothing(tmp_path, number):
    build = branch(lambda: tf.greater(cast(number, "float32", "int32")(), 0))
    path, out = frozen(tmp_path, build), tmp_path / "x.pb"
    assert port(job(path, out, outputs=("out",))).passed
    graph = tf.GraphDef.FromString(out.read_bytes())
    assert {"Switch", "Merge"} <= {node.op for node in graph.node}


def labels():
    names = tf.constant(["cat", "dog", "a", "b"])
    tf.gather(names, tf.argmax(product(), 1), name="label")


def test_outputs_of_text_are_compared(tmp_path):
    path, out = frozen(tmp_path, labels), tmp_path / "x.pb"
    report = port(job(path, out, outputs=("label",)))
    assert report.passed and report.worst.absolute == 0
    assert run(out, {"x:0": X}, "label:0").tolist() == [b"b", b"b"]


def test_what_nobody_foresaw_is_not_called_damage(tmp_path, monkeypatch):
    from legacy_nets.port.imported import targets

    def write(*_):
        raise KeyError("odd")

    monkeypatch.setattr(targets, "write_target", write)
    said = refused(frozen(tmp_path, scaled_by("int32")), tmp_path / "x.pb", settings={"n": "1"})
    assert said.startswith(f"{tmp_path}/model.pb could not be ported (KeyError: 'odd')")


def test_what_takes_the_place_of_a_graph_is_named(tmp_path):
    pb = frozen(tmp_path, labels)
    meta = models.save(tmp_path, models.classifier)
    prefix = str(meta).removesuffix(".meta")
    (tmp_path / "dir.pb").mkdir()
    (tmp_path / "dir.meta").mkdir()
    for arguments, said in (
        ([prefix, "--meta", str(pb)], f"{pb} has its weights in it: leave the checkpoint out"),
        ([str(tmp_path / "dir.pb")], "dir.pb is a folder: name the .meta, .pb or .pbtxt in it"),
        (["--meta", str(tmp_path / "dir.meta")], "dir.meta is a folder: name the .meta, .pb"),
    ):
        out = str(tmp_path / "x.pb")
        done = CliRunner().invoke(main, ["port", *arguments, "--to", "frozen", "--out", out])
        assert done.exit_code == 2 and said in done.output and done.output.count("\n") == 1


def without_a_rank():
    z = product()
    tf.squeeze(tf.reshape(z, tf.concat([tf.shape(z), tf.ones_like(tf.shape(z))], 0)), name="out")


def test_an_output_without_a_rank_becomes_onnx(tmp_path):
    path, out = frozen(tmp_path, without_a_rank), tmp_path / "x.onnx"
    onnx = pytest.importorskip("onnx")
    assert port(job(path, out, "onnx")).passed
    [value] = onnx.load(out).graph.output
    assert len(value.type.tensor_type.shape.dim) == 2


def not_finite():
    z = product()
    tf.log(z * 0.0, name="log")
    tf.identity(z, name="out")


def test_an_original_without_numbers_says_so(tmp_path):
    path, out = frozen(tmp_path, not_finite), tmp_path / "x.pb"
    said = refused(path, out)
    assert "itself computes NaN or infinity in log on the test inputs" in said
    assert "use other --outputs" in said
    assert port(job(path, out, outputs=("out",))).passed


def of_one_side():
    images = tf.placeholder(tf.float32, [None, None, None, 1], name="x")
    flat = tf.reshape(tf.nn.max_pool2d(images, 2, 2, "VALID"), [-1, 36 * 36])
    tf.matmul(flat, tf.ones([36 * 36, 2]) + 0.5 * tf.eye(36 * 36, 2), name="out")


def test_a_side_that_is_not_guessed_is_asked_for(tmp_path):
    path, out = frozen(tmp_path, of_one_side), tmp_path / "x.pb"
    said = refused(path, out)
    assert "use --input-shape NAME=SHAPE (x: tried 64, 224, 28, " in said
    assert port(job(path, out, shapes={"x": "?,72,72,1"})).passed


def gated_loop():
    """Five rounds; a constant of the body is in the loop by a NoOp alone, as TensorFlow 2's are."""

    def body(i, z):
        with tf.control_dependencies([tf.no_op()]):
            one = tf.constant(1.0, name="one")
        return i + 1, z + one

    _, z = tf.while_loop(lambda i, z: i < 5, body, [0, product()])
    tf.identity(z, name="out")


def test_a_constant_that_a_noop_holds_in_a_loop_stays_there(tmp_path):
    today = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        path, out = frozen(tmp_path, gated_loop), tmp_path / "x.pb"
    finally:
        if today:
            tf.enable_control_flow_v2()
    nodes = {node.name: node for node in tf.GraphDef.FromString(path.read_bytes()).node}
    assert any(node.op == "Enter" for node in nodes.values())
    assert list(nodes["while/one"].input) == ["^while/NoOp"]
    assert port(job(path, out)).passed
    np.testing.assert_allclose(run(out, {"x:0": X}, "out:0"), X @ WEIGHTS + 5, rtol=1e-6)
