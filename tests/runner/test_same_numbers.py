"""Scripts that start from the same weights return 1.15.5's numbers, and exchange checkpoints."""

import sys
import textwrap

import pytest

SCRIPT = """
import numpy as np
import tensorflow as tf

features = tf.placeholder(tf.float32, [None, 4])
labels = tf.placeholder(tf.float32, [None, 1])
hidden = tf.layers.dropout(tf.layers.dense(features, 8, tf.nn.relu), 0.5, training=True)
loss = tf.losses.mean_squared_error(labels, tf.layers.dense(hidden, 1))
train = tf.train.MomentumOptimizer(0.01, 0.9).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(25):
        points = np.random.rand(16, 4)
        feed = {features: points, labels: points.sum(1, keepdims=True)}
        session.run([train, loss], feed)
"""


@pytest.fixture(scope="module")
def driver(script):
    return script("same_numbers")


def test_15_scripts_return_the_numbers_of_1_15(driver):
    rows = driver.scripts.read_same()
    assert len(rows) >= 15
    known = {(row["repository"], row["path"]) for row in driver.scripts.read_table()}
    for row in rows:
        assert (row["repository"], row["path"]) in known, row
        assert int(row["steps"]) == 20 <= int(row["compared_numbers"]), row
        assert float(row["largest_difference"]) <= 0.01, row
        assert int(row["variables"]) > 0, row
        assert row["restored_by_legacy_nets"] == row["restored_by_tf1"] == row["variables"], row
        assert float(row["largest_difference_restored"] or 0) <= 1e-4, row
    # Where a loss can be computed again, it was: most are no drawn numbers.
    assert sum(bool(row["largest_difference_restored"]) for row in rows) >= 15


def test_the_difference_is_the_largest_relative_one(driver):
    assert driver.relative_difference([1.0, -4.0], [1.0, -5.0]) == 0.25
    assert driver.relative_difference([0.0], [1e-7]) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="shorter"):
        driver.relative_difference([1.0, 2.0], [1.0])


@pytest.mark.slow
def test_both_sides_live(driver, oracle, tmp_path):
    checkout = tmp_path / "us+ours"
    checkout.mkdir()
    (checkout / "train.py").write_text(textwrap.dedent(SCRIPT))
    ours = tmp_path / "legacy-nets"
    ours.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m legacy_nets "$@"\n')
    ours.chmod(0o755)
    row = {"repository": "us/ours", "folder": "", "path": "train.py", "arguments": "", "setup": ""}
    found = driver.compare(row, oracle, str(ours), tmp_path)
    assert float(found.pop("largest_difference")) < 1e-4
    assert found == {
        "steps": "20",
        "compared_numbers": "20",
        "variables": "8",  # two kernels, two biases, and a momentum of each
        "restored_by_legacy_nets": "8",
        "restored_by_tf1": "8",
        "largest_difference_restored": "",  # each loss draws its own dropout
    }
