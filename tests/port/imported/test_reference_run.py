"""The inputs that the original is run on: each has its own values, and none is tried twice."""

from __future__ import annotations

import numpy as np
import pytest
from imported_models import create_job, save_frozen

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.port.imported.freeze import freeze_graph
from legacy_nets.port.imported.graph import read_imported_graph
from legacy_nets.port.imported.inference_mode import switch_to_inference
from legacy_nets.port.imported.reference_run import run_reference


def build_difference(shape):
    a = tf.placeholder(tf.float32, shape, name="a")
    b = tf.placeholder(tf.float32, shape, name="b")
    tf.subtract(a, b, name="out")


def test_inputs_of_one_shape_differ(tmp_path):
    """Equal ones would hide a target that takes one for the other."""
    path = save_frozen(tmp_path, lambda: build_difference([None, 4]))
    frozen = freeze_graph(create_job(path, tmp_path / "x.pb", outputs=("out",)))
    a, b = frozen.inputs["a"], frozen.inputs["b"]
    np.testing.assert_array_equal(a, np.random.default_rng(0).random((2, 4)).astype(np.float32))
    np.testing.assert_array_equal(b, np.random.default_rng(1).random((2, 4)).astype(np.float32))
    np.testing.assert_allclose(frozen.reference["out"], a - b)


class FailingSession:
    """A session that counts its runs, which fail."""

    def __init__(self):
        self.runs = 0

    def run(self, fetches, feeds):
        self.runs += 1
        raise tf.errors.InvalidArgumentError(None, None, "no such size")


@pytest.mark.parametrize(
    ("shape", "given", "runs"),
    [
        ([2, 4], {}, 1),
        ([3, 4], {}, 1),
        ([None, 4], {}, 1),
        ([None, None], {}, 11),
        ([None, None], {"a": np.ones((1, 3)), "b": np.ones((1, 3))}, 1),
    ],
)
def test_no_inputs_are_tried_twice(tmp_path, shape, given, runs):
    path = save_frozen(tmp_path, lambda: build_difference(shape))
    imported = read_imported_graph(path, False, None)
    inference, session = switch_to_inference(imported, {}), FailingSession()
    shapes = {name: tf.TensorShape(shape) for name in ("a", "b")}
    with pytest.raises(BadInputError, match="from a, b to out: no such size") as caught:
        run_reference(imported, inference, session, shapes, ["out"], given=given)
    assert session.runs == runs
    assert ("tried 64, 224" in str(caught.value)) == (runs > 1)
