"""factorization and graph_editor of tf.contrib against TensorFlow 1.15.5."""

from __future__ import annotations

import contrib_cases
import contrib_graph
import numpy as np
import pytest

from legacy_nets import tf1 as tf

CASES = contrib_cases.names("graph")


@pytest.mark.parametrize("name", CASES)
def test_same_as_golden(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
def test_same_as_the_live_oracle(oracle, tmp_path):
    for name, want in contrib_cases.ask(oracle, CASES, tmp_path).items():
        contrib_cases.assert_same(name, want)


@pytest.mark.parametrize("mini", [False, True])
def test_centers_move_to_the_middle_of_their_points(mini, tmp_path):
    points = contrib_graph.points()
    model = tf.contrib.factorization.KMeansClustering(
        3,
        initial_clusters=contrib_graph.CENTERS.astype(np.float32) + 0.6,
        use_mini_batch=mini,
        config=tf.estimator.RunConfig(str(tmp_path), tf_random_seed=1),
    )
    model.train(lambda: tf.constant(points), steps=20)
    want = [points[k::3].mean(0) for k in range(3)]
    np.testing.assert_allclose(model.cluster_centers(), want, atol=0.1)  # from 0.6; steps race


def test_factorization_by_its_older_path_and_what_it_refuses():
    from legacy_nets.tf1.contrib.factorization.python.ops import clustering_ops

    assert clustering_ops.KMeans is tf.contrib.factorization.KMeans
    assert clustering_ops.clustering_ops.COSINE_DISTANCE == "cosine"
    with pytest.raises(ValueError, match="Unsupported distance metric 'near'"):
        tf.contrib.factorization.KMeansClustering(2, distance_metric="near")
    with pytest.raises(AttributeError, match=r"GMM is not offered .*GaussianMixture"):
        _ = tf.contrib.factorization.GMM


def test_a_loop_of_many_operations_is_copied_whole():
    enabled = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()  # as under the launcher
    try:
        contrib_cases.assert_golden("graph.editor_loop")
    finally:
        if enabled:
            tf.enable_control_flow_v2()


def test_graph_editor_says_what_is_wrong():
    ge = tf.contrib.graph_editor
    with tf.Graph().as_default() as graph:
        a, b = tf.constant([1.0], name="a"), tf.constant([2.0, 3.0], name="b")
        with pytest.raises(ValueError, match=r"Shapes \(1,\) and \(2,\) are not compatible"):
            ge.swap_ts(a, b)
        with pytest.raises(ValueError, match="'graph' to use regex"):
            ge.select_ops("a")
        with pytest.raises(ValueError, match="b is not a control_input of a"):
            ge.remove_control_inputs(a.op, b.op)
        with pytest.raises(ValueError, match="not connected"):
            ge.graph_replace([b], {a: b})
        with pytest.raises(ValueError, match="Graph mismatch"):
            ge.sgv(a.op, graph=tf.Graph())
        with pytest.raises(ValueError, match="Found repetition"):
            ge.sgv(a, b).remap_inputs([0, 0])
        with pytest.raises(ValueError, match="does not belong to source scope"):
            ge.copy(ge.sgv(graph), src_scope="c")
    assert str(ge.sgv()) == "SubGraphView: empty"


def test_the_log_of_ops_by_the_profilers_older_name(tmp_path):
    with tf.Graph().as_default() as graph:
        tf.get_variable("w", [3, 4])
        tf.contrib.tfprof.tfprof_logger.write_op_log(graph, str(tmp_path))
    log = tf.profiler.OpLogProto.FromString((tmp_path / "tfprof_log").read_bytes())
    kinds = {entry.name: list(entry.types) for entry in log.log_entries}
    assert "_trainable_variables" in kinds["w"]
