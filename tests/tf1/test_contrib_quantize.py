"""tf.contrib.quantize against TensorFlow 1.15.5: node for node, in values and gradients."""

from __future__ import annotations

import contrib_cases
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError

CASES = contrib_cases.names("quantize")
slim = tf.contrib.slim


@pytest.mark.parametrize("name", CASES)
def test_same_as_golden(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
def test_same_as_the_live_oracle(oracle, tmp_path):
    for name, want in contrib_cases.ask(oracle, CASES, tmp_path).items():
        contrib_cases.assert_same(name, want)


def test_moving_ranges_have_the_variables_of_1_15():
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [8, 8, 8, 3])
        norm = {"is_training": True, "fused": True}
        slim.conv2d(images, 4, [3, 3], normalizer_fn=slim.batch_norm, normalizer_params=norm,
                    scope="c1")  # fmt: skip
        tf.contrib.quantize.create_training_graph(graph, quant_delay=0)
        names = [v.op.name for v in tf.global_variables() if "quant" in v.op.name]
    act = "c1/act_quant"
    assert names == [
        "c1/weights_quant/min",
        "c1/weights_quant/max",
        f"{act}/min",
        f"{act}/max",
        f"{act}/{act}/min/biased",
        f"{act}/{act}/min/local_step",
        f"{act}/{act}/max/biased",
        f"{act}/{act}/max/local_step",
    ]


def test_graphs_that_cannot_be_quantized():
    with tf.Graph().as_default():
        net = slim.conv2d(tf.zeros([1, 8, 8, 3]), 4, 3, normalizer_fn=slim.batch_norm,
                          normalizer_params={"fused": False})  # fmt: skip
        with pytest.raises(BadInputError, match="is not fused: build it with fused=True"):
            tf.contrib.quantize.create_eval_graph()
    with tf.Graph().as_default():
        net = tf.layers.dense(tf.zeros([1, 3]), 2)
        tf.train.AdamOptimizer().minimize(tf.reduce_sum(net))
        with pytest.raises(ValueError, match="Training op found in graph, exiting"):
            tf.contrib.quantize.create_training_graph()
