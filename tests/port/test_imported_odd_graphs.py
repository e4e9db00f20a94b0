"""Graphs with odd names, branches, dtypes and settings: ported unchanged, or refused."""

from __future__ import annotations

import dataclasses

import imported_models as models
import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import create_job, get_port_error, run_frozen, save_frozen

from legacy_nets import tf1 as tf
from legacy_nets.cli import main
from legacy_nets.graphdef.control_flow import use_old_control_flow
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
WEIGHTS = np.arange(16, dtype=np.float32).reshape(4, 4)
X = np.arange(8, dtype=np.float32).reshape(2, 4)


def build_product():
    return tf.matmul(tf.placeholder(tf.float32, [None, 4], name="x"), tf.constant(WEIGHTS))


def build_on_a_gpu():
    with tf.device("/device:GPU:0"):
        z = build_product()
    with tf.device("/job:worker/task:1/gpu:3"):
        tf.nn.relu(z, name="out")


def test_devices_of_the_training_do_not_matter(tmp_path):
    path, out = save_frozen(tmp_path, build_on_a_gpu), tmp_path / "x.pb"
    assert port(create_job(path, out)).passed
    [found] = run_frozen(out, {"x:0": X}, ["out:0"])
    np.testing.assert_allclose(found, X @ WEIGHTS, rtol=1e-6)


def build_splits():
    """split:1 and split_1 are different tensors."""
    z = build_product()
    first, second = tf.split(z, 2, axis=1, name="split")
    third, _ = tf.split(z * 2, 2, axis=1, name="split")
    tf.add(first + second * 3, third, name="out")


def test_outputs_with_similar_names_stay_separate(tmp_path):
    path, out = save_frozen(tmp_path, build_splits), tmp_path / "x.pb"
    report = port(create_job(path, out, outputs=("split:1", "split_1")))
    assert report.passed
    assert [item.name for item in report.comparisons] == ["split_1_", "split_1"]
    assert "output split_1_ (split:1) [?, 2] (as asked)" in report.notes
    z = X @ WEIGHTS
    second, third = run_frozen(out, {"x:0": X}, ["split_1_:0", "split_1:0"])
    np.testing.assert_allclose(second, z[:, 2:], rtol=1e-6)
    np.testing.assert_allclose(third, 2 * z[:, :2], rtol=1e-6)


@pytest.mark.parametrize("inputs", [("split:1", "split_1", "split"), ("split", "x")])
def test_inputs_with_similar_names_stay_separate(tmp_path, inputs):
    path, out = save_frozen(tmp_path, build_splits), tmp_path / "x.pb"
    assert port(create_job(path, out, inputs=inputs, outputs=("out",))).passed
    graph = tf.GraphDef.FromString(out.read_bytes())
    names = [node.name for node in graph.node if node.op == "Placeholder"]
    assert len(names) == len(inputs)
    z = X @ WEIGHTS
    if "x" in inputs:  # split:1 is still computed
        given, want = [np.ones((2, 2)), X], 1 + 3 * z[:, 2:] + 2 * z[:, :2]
    else:
        given, want = [np.full((2, 2), n) for n in (1, 10, 100)], np.full((2, 2), 100 + 3 + 10)
    feeds = {f"{name}:0": value for name, value in zip(names, given, strict=True)}
    np.testing.assert_allclose(run_frozen(out, feeds, "out:0"), want, rtol=1e-6)


def test_a_shape_for_an_unknown_input_is_refused(tmp_path):
    meta, out = models.save_model(tmp_path, models.build_classifier), tmp_path / "x.pb"
    message = get_port_error(meta, out, shapes={"xs": "1,6"})
    assert "--input-shape xs=1,6" in message and "no such input; nearest: x" in message


def scaled_builder(dtype):
    def build():
        factor = tf.placeholder(dtype, [], name="n")
        tf.multiply(build_product(), tf.cast(factor, tf.float32), name="out")

    return build


@pytest.mark.parametrize(
    "dtype, text",
    [
        *[("int32", text) for text in ("3.7", "1e30", "2147483648", "nan", "inf", "1,2.5")],
        *[("uint8", "-1"), ("bool", "2"), ("float32", "1e300"), ("float32", "1e-60")],
        *[("float16", "70000"), ("int64", "9223372036854775808")],
    ],
)
def test_a_setting_that_its_dtype_cannot_hold_is_refused(tmp_path, dtype, text):
    path = save_frozen(tmp_path, scaled_builder(dtype))
    message = get_port_error(path, tmp_path / "x.pb", settings={"n": text})
    assert f"--set n={text}: no value of {dtype}" in message


@pytest.mark.parametrize(
    "dtype, text, want",
    [("int32", "3.0", 3), ("bool", "True", 1), ("float32", "0.1", 0.1), ("int64", "-7", -7)],
)
def test_a_setting_that_its_dtype_can_hold(tmp_path, dtype, text, want):
    path, out = save_frozen(tmp_path, scaled_builder(dtype)), tmp_path / "x.pb"
    assert port(create_job(path, out, settings={"n": text})).passed
    np.testing.assert_allclose(run_frozen(out, {"x:0": X}, "out:0"), X @ WEIGHTS * want, rtol=1e-6)


def build_merge_of_three():
    """Two of three inputs depend on an unknown condition; the third is never taken."""
    z = build_product()
    unknown = tf.reduce_sum(z) > 0
    no, yes = (tf.raw_ops.Switch(data=z, pred=unknown)[side] for side in (0, 1))
    never = tf.raw_ops.Switch(data=z, pred=tf.constant(True))[0]
    merged, _ = tf.raw_ops.Merge(inputs=[no + 1.0, never + 9.0, yes + 5.0])
    tf.multiply(merged, 2.0, name="out")


def build_merge_with_index():
    never, taken = tf.raw_ops.Switch(data=build_product(), pred=tf.constant(True))
    merged, index = tf.raw_ops.Merge(inputs=[never, taken + 1.0])
    tf.add(merged, 10.0 * tf.cast(index, tf.float32), name="out")


@pytest.mark.parametrize(
    "build, want",
    [
        (build_merge_of_three, lambda z: 2 * (z + 5)),
        (build_merge_with_index, lambda z: z + 1 + 10),
    ],
)
def test_a_merge_is_kept_or_folded(tmp_path, build, want):
    path, out = save_frozen(tmp_path, build), tmp_path / "x.pb"
    assert port(create_job(path, out, outputs=("out",))).passed
    np.testing.assert_allclose(run_frozen(out, {"x:0": X}, "out:0"), want(X @ WEIGHTS), rtol=1e-6)


def branch_builder(condition):
    """Returns a builder of two branches, with a condition made of constants."""

    def build():
        z = build_product()
        no, yes = (tf.raw_ops.Switch(data=z, pred=condition())[side] for side in (0, 1))
        tf.multiply(tf.raw_ops.Merge(inputs=[no + 1.0, yes + 5.0])[0], 2.0, name="out")

    return build


def cast_builder(number, dtype, to):
    return lambda: tf.raw_ops.Cast(x=tf.constant(number, dtype), DstT=to)


@pytest.mark.parametrize(
    "condition, taken",
    [
        (lambda: tf.equal(cast_builder(0.5, "float32", "int32")(), 0), True),
        (lambda: tf.equal(cast_builder(-1.7, "float32", "int64")(), -1), True),
        (lambda: tf.equal(cast_builder(300, "int32", "uint8")(), tf.constant(44, tf.uint8)), True),
        (
            lambda: tf.less(cast_builder(0.1, "float64", "float16")(), tf.constant(0.1, "float16")),
            False,
        ),
        (lambda: tf.greater(cast_builder(True, "bool", "float32")(), 0.5), True),
        (cast_builder(0.5, "float32", "bool"), True),
        (lambda: tf.equal(tf.raw_ops.Div(x=-7, y=2), -3), True),
        (lambda: tf.equal(tf.raw_ops.Reciprocal(x=tf.constant(2.0)), 0.5), True),
    ],
)
def test_constant_conditions_are_computed_as_tensorflow_does(tmp_path, condition, taken):
    path, out = save_frozen(tmp_path, branch_builder(condition)), tmp_path / "x.pb"
    assert port(create_job(path, out, outputs=("out",))).passed
    want = 2 * (X @ WEIGHTS + (5 if taken else 1))
    np.testing.assert_allclose(run_frozen(out, {"x:0": X}, "out:0"), want, rtol=1e-6)
    graph = tf.GraphDef.FromString(out.read_bytes())
    assert not {"Switch", "Merge"} & {node.op for node in graph.node}


@pytest.mark.parametrize("number", [3e9, -3e9, np.nan, np.inf])
def test_a_cast_out_of_range_is_not_computed(tmp_path, number):
    build = branch_builder(lambda: tf.greater(cast_builder(number, "float32", "int32")(), 0))
    path, out = save_frozen(tmp_path, build), tmp_path / "x.pb"
    assert port(create_job(path, out, outputs=("out",))).passed
    graph = tf.GraphDef.FromString(out.read_bytes())
    assert {"Switch", "Merge"} <= {node.op for node in graph.node}


def build_labels():
    names = tf.constant(["cat", "dog", "a", "b"])
    tf.gather(names, tf.argmax(build_product(), 1), name="label")


def test_outputs_of_text_are_compared(tmp_path):
    path, out = save_frozen(tmp_path, build_labels), tmp_path / "x.pb"
    report = port(create_job(path, out, outputs=("label",)))
    assert report.passed and report.worst.absolute == 0
    assert run_frozen(out, {"x:0": X}, "label:0").tolist() == [b"b", b"b"]


def test_an_unforeseen_error_is_not_called_damage(tmp_path, monkeypatch):
    from legacy_nets.port.imported import targets

    def write(*_):
        raise KeyError("odd")

    rows = targets.IMPORTED_FORMATS
    monkeypatch.setitem(rows, "frozen", dataclasses.replace(rows["frozen"], write=write))
    message = get_port_error(
        save_frozen(tmp_path, scaled_builder("int32")), tmp_path / "x.pb", settings={"n": "1"}
    )
    assert message.startswith(f"{tmp_path}/model.pb could not be ported (KeyError: 'odd')")


def test_files_that_are_no_graph_are_named(tmp_path):
    pb = save_frozen(tmp_path, build_labels)
    meta = models.save_model(tmp_path, models.build_classifier)
    prefix = str(meta).removesuffix(".meta")
    (tmp_path / "dir.pb").mkdir()
    (tmp_path / "dir.meta").mkdir()
    for arguments, message in (
        ([prefix, "--meta", str(pb)], f"{pb} has its weights in it: leave the checkpoint out"),
        ([str(tmp_path / "dir.pb")], "dir.pb is a folder: name the .meta, .pb or .pbtxt in it"),
        (["--meta", str(tmp_path / "dir.meta")], "dir.meta is a folder: name the .meta, .pb"),
    ):
        out = str(tmp_path / "x.pb")
        done = CliRunner().invoke(main, ["port", *arguments, "--to", "frozen", "--out", out])
        assert done.exit_code == 2 and message in done.output and done.output.count("\n") == 1


def build_without_rank():
    z = build_product()
    tf.squeeze(tf.reshape(z, tf.concat([tf.shape(z), tf.ones_like(tf.shape(z))], 0)), name="out")


def test_an_output_without_a_rank_becomes_onnx(tmp_path):
    path, out = save_frozen(tmp_path, build_without_rank), tmp_path / "x.onnx"
    onnx = pytest.importorskip("onnx")
    assert port(create_job(path, out, "onnx")).passed
    [value] = onnx.load(out).graph.output
    assert len(value.type.tensor_type.shape.dim) == 2


def build_not_finite():
    z = build_product()
    tf.log(z * 0.0, name="log")
    tf.identity(z, name="out")


def test_an_original_that_computes_nan_is_refused(tmp_path):
    path, out = save_frozen(tmp_path, build_not_finite), tmp_path / "x.pb"
    message = get_port_error(path, out)
    assert "itself computes NaN or infinity in log on the test inputs" in message
    assert "use other --outputs" in message
    assert port(create_job(path, out, outputs=("out",))).passed


def build_fixed_size():
    images = tf.placeholder(tf.float32, [None, None, None, 1], name="x")
    flat = tf.reshape(tf.nn.max_pool2d(images, 2, 2, "VALID"), [-1, 36 * 36])
    tf.matmul(flat, tf.ones([36 * 36, 2]) + 0.5 * tf.eye(36 * 36, 2), name="out")


def test_a_size_that_is_not_tried_is_asked_for(tmp_path):
    path, out = save_frozen(tmp_path, build_fixed_size), tmp_path / "x.pb"
    message = get_port_error(path, out)
    assert "use --input-shape NAME=SHAPE (x: tried 64, 224, 28, " in message
    assert port(create_job(path, out, shapes={"x": "?,72,72,1"})).passed


def build_gated_loop():
    """Five rounds. Only a NoOp puts a constant into the loop, as in loops of TensorFlow 2."""

    def body(i, z):
        with tf.control_dependencies([tf.no_op()]):
            one = tf.constant(1.0, name="one")
        return i + 1, z + one

    _, z = tf.while_loop(lambda i, z: i < 5, body, [0, build_product()])
    tf.identity(z, name="out")


def test_a_constant_that_a_noop_puts_into_a_loop_stays_there(tmp_path):
    with use_old_control_flow():
        path, out = save_frozen(tmp_path, build_gated_loop), tmp_path / "x.pb"
    nodes = {node.name: node for node in tf.GraphDef.FromString(path.read_bytes()).node}
    assert any(node.op == "Enter" for node in nodes.values())
    assert list(nodes["while/one"].input) == ["^while/NoOp"]
    assert port(create_job(path, out)).passed
    np.testing.assert_allclose(run_frozen(out, {"x:0": X}, "out:0"), X @ WEIGHTS + 5, rtol=1e-6)


def build_wide_branch():
    """The branch of training reads the eleventh output of one operation."""
    z = build_product()
    flag = tf.placeholder(tf.bool, [], name="is_training")

    def train():
        parts = tf.unstack(tf.concat([z] * 3, 1), 12, axis=1)
        return tf.nn.relu(parts[10])

    with use_old_control_flow():
        tf.identity(tf.cond(flag, train, lambda: tf.unstack(z, 4, 1)[2]), name="out")


def test_every_output_of_a_branch_that_is_not_taken_goes(tmp_path):
    path, out = save_frozen(tmp_path, build_wide_branch), tmp_path / "x.pb"
    assert port(create_job(path, out)).passed
    nodes = tf.GraphDef.FromString(out.read_bytes()).node
    assert not {"Relu", "Merge", "Switch"} & {node.op for node in nodes}
    [found] = run_frozen(out, {"x:0": X}, ["out:0"])
    np.testing.assert_allclose(found, (X @ WEIGHTS)[:, 2], rtol=1e-6)


@pytest.mark.parametrize(
    ("op_type", "make_noise"),
    [
        ("RandomUniform", lambda z: tf.random_uniform(tf.shape(z))),
        ("RandomUniformInt", lambda z: tf.random_uniform(tf.shape(z), 0, 9, tf.int32)),
        ("RandomStandardNormal", lambda z: tf.random_normal(tf.shape(z))),
        ("TruncatedNormal", lambda z: tf.truncated_normal(tf.shape(z))),
        ("RandomGamma", lambda z: tf.random_gamma(tf.shape(z), 1.0)),
        ("RandomPoissonV2", lambda z: tf.random_poisson(1.0, tf.shape(z))),
        ("RandomShuffle", lambda z: tf.random_shuffle(z)),
        ("Multinomial", lambda z: tf.multinomial(z, 4)),
    ],
)
def test_random_outputs_are_refused(tmp_path, op_type, make_noise):
    def build():
        z = build_product()
        tf.add(z, tf.cast(make_noise(z), tf.float32), name="out")

    path, out = save_frozen(tmp_path, build), tmp_path / "x.pb"
    message = get_port_error(path, out, outputs=("out",))
    assert "the outputs are random, by " in message and f"({op_type}): choose" in message
