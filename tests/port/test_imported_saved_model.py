"""Ports SavedModels of TensorFlow 1 by their folder and their signature."""

from __future__ import annotations

import imported_models as models
import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.cli import main
from legacy_nets.tf1.functions import meta_graphs

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.arange(12, dtype=np.float32).reshape(2, 6)


@pytest.fixture
def served(tmp_path):
    """A classifier that takes serialized examples; the signature names scores, not the answer."""
    folder = tmp_path / "served"
    with tf.Graph().as_default(), tf.Session() as session:
        examples = tf.placeholder(tf.string, [None], name="examples")
        x = tf.parse_example(examples, {"x": tf.FixedLenFeature([6], tf.float32)})["x"]
        keep = tf.placeholder_with_default(1.0, [], name="keep")
        scores = tf.matmul(
            tf.nn.dropout(x, keep), models.create_weights(6, 3, name="w"), name="scores"
        )
        tf.argmax(scores, 1, name="answer")
        session.run(tf.global_variables_initializer())
        weights = np.random.default_rng(0).random((6, 3), np.float32)
        tf.global_variables()[0].load(weights, session)
        tf.saved_model.simple_save(session, str(folder), {"examples": examples}, {"y": scores})
    return folder, weights


def run_port(source, out, target="frozen"):
    return CliRunner().invoke(main, ["port", str(source), "--to", target, "--out", str(out)])


def get_error(source, out):
    done = run_port(source, out)
    assert done.exit_code == 2 and done.output.count("\n") == 1 and not out.exists()
    return done.output


def test_a_folder_is_ported_with_the_outputs_of_its_signature(tmp_path, served):
    folder, weights = served
    for number, source in enumerate((folder, folder / "saved_model.pb")):
        done = run_port(source, tmp_path / f"{number}.pb")
        assert done.exit_code == 0 and "verified" in done.output
        assert "[?, 6] float32, in place of ParseExample" in done.output
        assert "output scores [?, 3] (from the file's signature)" in done.output
        assert "keep is set to 1.0" in done.output and "answer" not in done.output
    graph = tf.GraphDef.FromString((tmp_path / "0.pb").read_bytes())
    [entry] = [node.name for node in graph.node if node.op == "Placeholder"]
    got = run_frozen(tmp_path / "0.pb", {f"{entry}:0": X}, "scores:0")
    np.testing.assert_allclose(got, X @ weights, rtol=1e-5)
    assert run_port(folder, tmp_path / "x.npz", "npz").exit_code == 0
    assert np.load(tmp_path / "x.npz")["w"].tobytes() == weights.tobytes()


def test_a_saved_model_of_tensorflow_2_is_refused(tmp_path, served):
    path = served[0] / "saved_model.pb"
    [meta] = meta_graphs(path.read_bytes())
    meta.object_graph_def.nodes.add()
    kept = meta.SerializeToString()
    length = bytes([len(kept) & 127 | 128, len(kept) >> 7 & 127 | 128, len(kept) >> 14])
    path.write_bytes(b"\x08\x01\x12" + length + kept)
    message = get_error(served[0], tmp_path / "x.pb")
    assert "exported by TensorFlow 2" in message and "python -m tf2onnx.convert" in message


def test_a_saved_model_without_graph_or_variables_is_refused(tmp_path, served):
    folder, out = served[0], tmp_path / "x.pb"
    (folder / "variables" / "variables.index").unlink()
    assert "is not frozen (w is a variable)" in get_error(folder, out)
    path = folder / "saved_model.pb"
    for content, message in (
        (b"\x08\x01", "holds no graph"),
        (b"\x08\x01\x12\x00", "holds no operations"),
        (path.read_bytes()[:-9], "is damaged or no saved_model.pb"),
    ):
        path.write_bytes(content)
        assert message in get_error(folder, out)


def test_the_served_weights_are_the_reference_unless_ema(tmp_path):
    folder = tmp_path / "served"
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        w = tf.Variable(np.ones((6, 3), np.float32), name="w")
        average = tf.train.ExponentialMovingAverage(0.5)
        with tf.control_dependencies([w.assign(np.full((6, 3), 2.0))]):
            update = average.apply([w])
        y = tf.matmul(x, w, name="y")
        session.run(tf.global_variables_initializer())
        session.run(update)
        tf.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
    for name, more, weight in (("a", [], 2.0), ("b", ["--ema"], 1.5)):
        out = tmp_path / f"{name}.pb"
        arguments = ["port", str(folder), "--to", "frozen", "--out", str(out), *more]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
        np.testing.assert_allclose(run_frozen(out, {"x:0": X}, "y:0"), X @ np.full((6, 3), weight))
