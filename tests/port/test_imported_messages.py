"""Errors about an imported graph whose files, weights or names do not belong together."""

from __future__ import annotations

import imported_models as models
import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import create_job, get_port_error

from legacy_nets import tf1 as tf
from legacy_nets.cli import main
from legacy_nets.errors import BadInputError, CheckpointError, join_lines
from legacy_nets.port.jobs import ImportedJob, find_graph_checkpoint
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")


def net_builder(units, optimizer=None, name="w"):
    """Returns a builder of one layer, whose variables are called ``name`` and w2."""

    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        out = tf.matmul(x, models.create_weights(6, units, name=name)) + models.create_weights(
            units, name="w2"
        )
        tf.identity(out, name="out")
        if optimizer is not None:
            optimizer.minimize(tf.reduce_sum(out), tf.train.create_global_step())

    return build


def build_with_counter():
    """A net with a training step that returns a counter, as minimize(loss, counter) does."""
    net_builder(2)()
    counter = tf.raw_ops.VariableV2(shape=[], dtype=tf.float32)
    tf.raw_ops.AssignAdd(ref=counter, value=tf.constant(1.0), name="step")


def get_mismatch_error(tmp_path, saved, meta):
    """Returns the error about the checkpoint of one net under the .meta of another."""
    other = find_graph_checkpoint(models.save_model(tmp_path, saved, "other.ckpt"))
    meta = models.save_model(tmp_path, meta)
    with pytest.raises(CheckpointError) as error:
        port(ImportedJob(meta, other, "frozen", tmp_path / "x.pb", outputs=("out",)))
    assert "\n" not in str(error.value)
    assert f"{other} does not fit {meta}: " in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "saved, why",
    [
        (net_builder(2, name="v"), "it has no w ("),
        (net_builder(3, tf.train.AdamOptimizer()), "its w is [6, 3], the graph's [6, 2]"),
        (net_builder(2), "it lacks what the graph's optimizer keeps ("),
    ],
)
def test_a_checkpoint_of_another_net_is_refused_with_a_weight(tmp_path, saved, why):
    message = get_mismatch_error(tmp_path, saved, net_builder(2, tf.train.AdamOptimizer()))
    assert why in message
    assert f"it was saved with {tmp_path / 'other.ckpt.meta'}: name that in --meta" in message


def test_a_checkpoint_whose_own_meta_is_missing(tmp_path):
    other = find_graph_checkpoint(models.save_model(tmp_path, net_builder(3), "other.ckpt"))
    (tmp_path / "other.ckpt.meta").unlink()
    meta = models.save_model(tmp_path, net_builder(2))
    with pytest.raises(CheckpointError, match="name the .meta that was saved with it, or the"):
        port(ImportedJob(meta, other, "frozen", tmp_path / "x.pb"))


def test_a_checkpoint_next_to_the_meta_of_another(tmp_path):
    other = models.save_model(tmp_path, net_builder(3), "other.ckpt")
    models.save_model(tmp_path, net_builder(2)).rename(other)
    message = get_port_error(other, tmp_path / "x.pb", CheckpointError)
    assert (
        "its w is [6, 3], the graph's [6, 2]; though it lies next to it: copy both again" in message
    )


@pytest.mark.parametrize("target", ["frozen", "npz"])
def test_a_frozen_graph_is_no_checkpoint_of_a_meta(tmp_path, target):
    meta = models.save_model(tmp_path, net_builder(2))
    graph = tmp_path / "frozen.pb"
    assert port(create_job(meta, graph)).passed
    with pytest.raises(BadInputError, match=r"its weights are a checkpoint.*leave out --meta"):
        port(ImportedJob(meta, str(graph), target, tmp_path / "made"))
    assert not (tmp_path / "made").exists()


def test_a_training_step_is_no_output(tmp_path):
    out = tmp_path / "x.pb"
    meta = models.save_model(tmp_path, models.build_classifier)
    message = get_port_error(meta, out, outputs=("Adam",))
    assert f"--outputs Adam: this operation of {meta} has no tensor (NoOp), as" in message
    assert "inferred outputs: scores,answer" in message
    meta = models.save_model(tmp_path, build_with_counter, "counted.ckpt")
    message = get_port_error(meta, out, outputs=("step:0",))
    assert "updates variables (AssignAdd)" in message and message.endswith("inferred outputs: out")


def test_a_wrong_shape_is_explained_by_its_cause(tmp_path):
    def build():
        x = tf.placeholder(tf.float32, name="x")
        tf.matmul(tf.reshape(x, [-1, 7]), models.create_weights(7, 2), name="out")

    message = get_port_error(
        models.save_model(tmp_path, build), tmp_path / "x.pb", shapes={"x": "1,6"}
    )
    assert "to out: Input to reshape is a tensor with 6 values" in message
    assert "Detected at" not in message


def test_the_cause_of_a_graph_error_is_kept():
    """The message is that of TensorFlow 2.21 where no node follows the cause."""
    where = "".join(
        f"Detected at node '{name}' defined at (most recent call last):\n"
        f"    File \"net.py\", line {line}, in <module>\nNode: '{name}'\n"
        for line, name in enumerate(("loop/mul", "loop/Enter"))
    )
    cause = "{{node loop/mul}} has inputs from different frames."
    assert join_lines(f"Graph execution error:\n\n{where}{cause}") == cause
    named = f"Graph execution error:\n\n{where}sizes differ\n\t [[{{{{node a}}}}]]\n\nOriginal"
    assert join_lines(named) == "sizes differ"
    assert join_lines("[[{{node a}}]]") == ""  # a node without a cause


def test_the_newest_of_numbered_exports_is_suggested(tmp_path):
    for number in ("999", "1699"):
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.placeholder(tf.float32, [None, 6])
            out = x * tf.constant(np.ones(6, np.float32))
            tf.saved_model.simple_save(
                session, str(tmp_path / "export" / number), {"x": x}, {"y": out}
            )
    (tmp_path / "export" / "temp-2000").mkdir()
    folder = str(tmp_path / "export")
    to = ["--to", "frozen", "--out", str(tmp_path / "x.pb")]
    for command in (["port", folder], ["port", "--meta", folder], ["inspect", folder]):
        done = CliRunner().invoke(main, command + (to if "port" in command else []))
        assert done.exit_code == 2
        assert f"name the newest, {tmp_path / 'export' / '1699'}" in done.output
