"""SavedModels of several graphs: the one that is served is taken, or that of --tags."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import get_port_error, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.cli import main

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.arange(8, dtype=np.float32).reshape(2, 4)


def export(folder, graphs, signature="serving_default"):
    """Exports graphs that multiply by a number each: (tags, factor) of every one."""
    builder = tf.saved_model.Builder(str(folder))
    for index, (tags, factor) in enumerate(graphs):
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.placeholder(tf.float32, [None, 4], name="x")
            w = tf.get_variable("w", initializer=np.float32(10))
            y = tf.multiply(x, w * factor, name="y")
            tf.multiply(y, 7.0, name="seven")
            session.run(tf.global_variables_initializer())
            signatures = {
                signature: tf.saved_model.predict_signature_def({"x": x}, {"y": y}),
                "other": tf.saved_model.predict_signature_def({"x": x}, {"x": x}),
            }
            if index == 0:
                builder.add_meta_graph_and_variables(session, tags, signatures)
            else:
                builder.add_meta_graph(tags, signatures)
    builder.save()
    return folder


def run_port(source, out, *options):
    return CliRunner().invoke(
        main, ["port", str(source), "--to", "frozen", "--out", str(out), *options]
    )


@pytest.mark.parametrize(
    ("graphs", "options", "factor", "note"),
    [
        (
            [(["train"], 1), ([], 2)],
            [],
            2,
            "the graph with no tags is taken, not that with the tag set t",
        ),
        ([(["train"], 1), (["serve"], 2)], [], 2, "the graph with the tag set serve is taken"),
        (
            [(["serve", "tpu"], 1), (["serve"], 2)],
            [],
            2,
            "the graph with the tag set serve is taken",
        ),
        (
            [(["train"], 1), (["eval", "gpu"], 2)],
            [],
            2,
            "the graph with the tag set eval, gpu is taken",
        ),
        (
            [(["train"], 1), ([], 2)],
            ["--tags", "train"],
            1,
            "the graph with the tag set train is taken",
        ),
        ([(["serve"], 1), ([], 2)], ["--tags", ""], 2, "the graph with no tags is taken"),
        (
            [(["serve"], 1), (["serve", "gpu"], 2)],
            ["--tags", "gpu,serve"],
            2,
            "the graph with the tag set gpu, serve is taken, not that with the tag set serve: "
            "--tags chooses",
        ),
        (
            [(["train"], 1)],
            [],
            1,
            "the only graph has the tag set train: it was exported for training",
        ),
    ],
)
def test_the_served_graph_is_ported_or_that_of_the_tags(tmp_path, graphs, options, factor, note):
    done = run_port(export(tmp_path / "model", graphs), tmp_path / "x.pb", *options)
    assert done.exit_code == 0 and note in done.output, done.output
    got = run_frozen(tmp_path / "x.pb", {"x:0": X}, "y:0")
    np.testing.assert_array_equal(got, X * 10 * factor)


def test_one_served_graph_needs_no_word(tmp_path):
    done = run_port(export(tmp_path / "model", [(["serve"], 3)]), tmp_path / "x.pb")
    assert done.exit_code == 0 and "tag" not in done.output


def test_a_module_of_tf_hub_is_named_and_its_default_signature_taken(tmp_path):
    folder = export(tmp_path / "module", [(["train"], 1), ([], 2)], signature="default")
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
    done = run_port(folder, tmp_path / "x.pb")
    assert done.exit_code == 0 and "a module of TF-Hub's first format" in done.output
    assert "output y [?, 4] (from the file's signature)" in done.output


def test_tags_that_no_graph_has_are_refused(tmp_path):
    folder = export(tmp_path / "model", [(["train"], 1), ([], 2)])
    done = run_port(folder, tmp_path / "x.pb", "--tags", "serve")
    assert done.exit_code == 2 and done.output.count("\n") == 1
    assert (
        "no graph with the tag set serve: it has graphs with the tag set train; no tags; use --tags"
        in (done.output)
    )
    run_port(folder, tmp_path / "x.pb")
    done = run_port(tmp_path / "x.pb", tmp_path / "y.pb", "--tags", "serve")
    assert done.exit_code == 2 and "one graph, no SavedModel: leave it out" in done.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--net", "demo_cnn", "--tags", ""], "--tags is for nets of your own: leave out --net"),
        (["--net", "demo_cnn", "--inputs", ""], "--inputs is for nets of your own: leave out"),
        (["--label-offset", "0"], "--label-offset is for nets of the registry: add --net"),
    ],
)
def test_options_that_do_not_apply_are_refused_also_if_empty(tmp_path, options, message):
    np.savez(tmp_path / "w.npz", w=X)
    done = run_port(tmp_path / "w.npz", tmp_path / "x.pb", *options)
    assert done.exit_code == 2 and message in done.output


def test_tags_of_weights_alone_are_refused_also_if_empty(tmp_path):
    np.savez(tmp_path / "w.npz", w=X)
    out = ["--to", "h5", "--out", str(tmp_path / "w.h5"), "--tags", ""]
    done = CliRunner().invoke(main, ["port", str(tmp_path / "w.npz"), *out])
    assert done.exit_code == 2 and "--tags is for a graph, and" in done.output


def test_a_graph_under_the_name_of_a_saved_model_is_named(tmp_path):
    with tf.Graph().as_default() as graph:
        tf.placeholder(tf.float32, [None, 2], name="x")
    path = tmp_path / "saved_model.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    message = get_port_error(path, tmp_path / "x.pb")
    assert message.endswith(
        "saved_model.pb is a GraphDef under the name of a SavedModel: rename "
        "it, to graph.pb for example, and name that"
    )
    path.write_bytes(b"")
    assert "saved_model.pb holds no graph" in get_port_error(path, tmp_path / "x.pb")
