"""A V1 and a V2 checkpoint under one prefix: every target has what the graph's saver restores."""

from __future__ import annotations

import numpy as np
import pytest
from imported_models import create_job, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.npz import read_npz
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
V1, V2 = tf.train.SaverDef.V1, tf.train.SaverDef.V2
VALUES = {V1: 10.0, V2: 20.0}
NAMES = {V1: "V1", V2: "V2"}
X = np.ones((1, 4), np.float32)


def restore_tensor(op_type, file_name):
    if op_type == "Restore":
        return tf.raw_ops.Restore(file_pattern=file_name, tensor_name="w", dt=tf.float32)
    if op_type == "RestoreSlice":
        return tf.raw_ops.RestoreSlice(
            file_pattern=file_name, tensor_name="w", shape_and_slice="", dt=tf.float32
        )
    return tf.raw_ops.RestoreV2(
        prefix=file_name, tensor_names=["w"], shape_and_slices=[""], dtypes=[tf.float32]
    )[0]


def save_both(folder, op_type, shards=False):
    """Saves w as 10 in V1 and as 20 in V2; returns the .meta whose saver uses ``op_type``."""
    prefix = f"{folder}/net"
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        w = tf.get_variable("w", [4, 3], use_resource=False)
        tf.matmul(x, w, name="y")
        file_name = tf.constant("model", name="restore/file")
        restored = restore_tensor(op_type, file_name)
        restore = tf.group(tf.raw_ops.Assign(ref=w._ref(), value=restored), name="restore/all")
        saver_def = tf.train.SaverDef(
            filename_tensor_name=file_name.name, restore_op_name=restore.name, version=V1
        )
        meta = tf.train.export_meta_graph(graph=graph, saver_def=saver_def)
        for version, value in VALUES.items():
            w.load(np.full([4, 3], value), session)
            saver = tf.train.Saver(write_version=version, sharded=shards and version == V1)
            saver.save(session, prefix, write_meta_graph=False, write_state=False)
        (folder / "net.meta").write_bytes(meta.SerializeToString())
    return folder / "net.meta"


@pytest.mark.parametrize(
    ("op_type", "shards", "version"),
    [
        ("RestoreSlice", False, V1),
        ("RestoreSlice", True, V1),
        ("Restore", False, V1),
        ("RestoreV2", False, V2),
        ("RestoreV2", True, V2),
    ],
)
def test_the_savers_operations_choose_the_checkpoint(tmp_path, op_type, shards, version):
    """What TensorFlow 1.15.5 reads with both files there: Restore and RestoreSlice V1, else V2."""
    meta = save_both(tmp_path, op_type, shards)
    for target in ("npz", "frozen"):
        report = port(create_job(meta, tmp_path / target, target))
        assert report.passed
        assert report.notes[0].startswith(
            f"net is a V1 and a V2 checkpoint: {NAMES[version]} is ported"
        )
    weights = read_npz(tmp_path / "npz").read("w")
    np.testing.assert_array_equal(weights, np.full([4, 3], VALUES[version]))
    scores = run_frozen(tmp_path / "frozen", {"x:0": X}, "y:0")
    np.testing.assert_array_equal(scores, np.full([1, 3], 4 * VALUES[version]))


def test_averages_are_those_of_the_chosen_checkpoint(tmp_path):
    """V2 has a moving average and V1 has none: the saver restores V1, so none is ported."""
    meta = save_both(tmp_path, "RestoreSlice")
    with tf.Graph().as_default(), tf.Session() as session:
        for name in ("w", "w/ExponentialMovingAverage"):
            tf.Variable(np.full([4, 3], 30, np.float32), name=name)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, f"{tmp_path}/net", write_meta_graph=False, write_state=False)
    for target in ("npz", "frozen"):
        report = port(create_job(meta, tmp_path / target, target))
        assert report.passed and not report.averaged
    np.testing.assert_array_equal(read_npz(tmp_path / "npz").read("w"), np.full([4, 3], 10))
    scores = run_frozen(tmp_path / "frozen", {"x:0": X}, "y:0")
    np.testing.assert_array_equal(scores, np.full([1, 3], 40))
