"""A frozen graph from its file by parts: what a session is fed is what the file holds."""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.open_by_parts import open_by_parts
from legacy_nets.port.formats.lazy_constants import leave_out_values
from legacy_nets.wire import FormatError

LARGE = np.random.default_rng(0).random((600, 600), np.float32)  # 1.4 MB
SMALL = np.random.default_rng(1).random((600, 2), np.float32)


def write(path):
    """Writes a graph with a large constant that is a data and a control input; returns it."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 600], name="x")
        large = tf.constant(LARGE, name="large")
        with tf.control_dependencies([large]):
            y = tf.matmul(x, large, name="y")
        tf.matmul(y + tf.reduce_sum(large), tf.constant(SMALL, name="small"), name="out")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return graph.as_graph_def()


def test_large_constants_are_fed_and_the_graph_is_the_same(tmp_path):
    written = write(tmp_path / "x.pb")
    x = np.random.default_rng(2).random((3, 600), np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        constants = open_by_parts(tmp_path / "x.pb")
        got, small = session.run(["out:0", "small:0"], {"x:0": x, **constants})
    assert list(constants) == ["large:0"]
    np.testing.assert_array_equal(constants["large:0"], LARGE)
    np.testing.assert_array_equal(small, SMALL)
    np.testing.assert_allclose(got, (x @ LARGE + LARGE.sum()) @ SMALL, rtol=1e-4)
    read = graph.as_graph_def()
    assert read.ByteSize() < 100_000 and read.versions == written.versions
    assert {node.name: list(node.input) for node in read.node} == {
        node.name: list(node.input) for node in written.node
    }
    assert graph.get_tensor_by_name("large:0").shape.as_list() == [600, 600]


def test_a_changed_byte_of_a_constant_changes_what_is_fed(tmp_path):
    write(tmp_path / "x.pb")
    data = bytearray((tmp_path / "x.pb").read_bytes())
    data[data.index(LARGE[300].tobytes()) + 3] ^= 0x40
    (tmp_path / "x.pb").write_bytes(data)
    with tf.Graph().as_default():
        constants = open_by_parts(tmp_path / "x.pb")
    assert np.argwhere(constants["large:0"] != LARGE).tolist() == [[300, 0]]


def test_a_file_that_is_no_message_is_refused(tmp_path):
    (tmp_path / "x.pb").write_bytes(b"\x08\x01")
    with tf.Graph().as_default(), pytest.raises(FormatError, match="unknown wire type 0"):
        open_by_parts(tmp_path / "x.pb")


def test_a_graph_without_values_has_the_same_shapes(tmp_path):
    written = write(tmp_path / "x.pb")
    bare = leave_out_values(written)
    assert bare.ByteSize() < 100_000 and bare.versions == written.versions
    nodes = {node.name: node for node in bare.node}
    np.testing.assert_array_equal(tf.make_ndarray(nodes["small"].attr["value"].tensor), SMALL)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(bare, name="")
        assert graph.get_tensor_by_name("out:0").shape.as_list() == [None, 2]
        assert graph.get_tensor_by_name("large:0").shape.as_list() == [600, 600]
