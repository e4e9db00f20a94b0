"""The optimizers of tf.contrib.opt against TensorFlow 1.15.5."""

from __future__ import annotations

import contrib_cases
import numpy as np
import pytest

from legacy_nets import tf1 as tf

CASES = contrib_cases.names("opt")


@pytest.mark.parametrize("name", CASES)
def test_same_as_golden(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
def test_same_as_the_live_oracle(oracle, tmp_path):
    for name, want in contrib_cases.ask(oracle, CASES, tmp_path).items():
        contrib_cases.assert_same(name, want)


@pytest.mark.parametrize("use_resource", [False, True])
def test_scipy_minimises_under_a_constraint(use_resource):
    pytest.importorskip("scipy")
    with tf.Graph().as_default(), tf.Session() as session:
        place = tf.get_variable("place", initializer=[3.0, -4.0], use_resource=use_resource)
        loss = tf.reduce_sum(tf.square(place - [1.0, 2.0])) + 0.1 * tf.reduce_sum(place**4)
        minimiser = tf.contrib.opt.ScipyOptimizerInterface(
            loss, equalities=[tf.reduce_sum(place) - 1.5], method="SLSQP", options={"maxiter": 50}
        )
        session.run(tf.global_variables_initializer())
        minimiser.minimize(session)
        found = session.run(place)
    np.testing.assert_allclose(found, [0.384, 1.116], atol=1e-3)  # 1.15.5's
