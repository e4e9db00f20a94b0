"""Graphs with odd names, branches, kinds and settings: ported as they are, or refused."""

from __future__ import annotations

import foreign_models as models
import numpy as np
import pytest
from click.testing import CliRunner
from foreign_models import frozen
from foreign_models import job
from foreign_models import refused
from foreign_models import run

from legacy_nets import tf1 as tf
from legacy_nets.cli import main
from legacy_nets.port.foreign import port_foreign

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
    report = port_foreign(job(path, out, outputs=("split:1", "split_1")))
    assert report.passed
    assert [item.name for item in report.comparisons] == ["split_1_", "split_1"]
    assert "output split_1_ (split:1) [2, 2] (as asked)" in report.notes
    z = X @ WEIGHTS
    second, third = run(out, {"x:0": X}, ["split_1_:0", "split_1:0"])
    np.testing.assert_allclose(second, z[:, 2:], rtol=1e-6)
    np.testing.assert_allclose(third, 2 * z[:, :2], rtol=1e-6)


@pytest.mark.parametrize("inputs", [("split:1", "split_1", "split"), ("split", "x")])
def test_inputs_whose_names_would_be_one_stay_apart(tmp_path, inputs):
    path, out = frozen(tmp_path, splits), tmp_path / "x.pb"
    assert port_foreign(job(path, out, inputs=inputs, outputs=("out",))).passed
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
    assert port_foreign(job(path, out, settings={"n": text})).passed
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
    assert port_foreign(job(path, out, outputs=("out",))).passed
    np.testing.assert_allclose(run(out, {"x:0": X}, "out:0"), want(X @ WEIGHTS), rtol=1e-6)


def labels():
    names = tf.constant(["cat", "dog", "a", "b"])
    tf.gather(names, tf.argmax(product(), 1), name="label")


def test_outputs_of_text_are_compared(tmp_path):
    path, out = frozen(tmp_path, labels), tmp_path / "x.pb"
    report = port_foreign(job(path, out, outputs=("label",)))
    assert report.passed and report.worst.absolute == 0
    assert run(out, {"x:0": X}, "label:0").tolist() == [b"b", b"b"]


def test_what_nobody_foresaw_is_not_called_damage(tmp_path, monkeypatch):
    from legacy_nets.port import foreign_target

    def write(*_):
        raise KeyError("odd")

    monkeypatch.setattr(foreign_target, "write", write)
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
