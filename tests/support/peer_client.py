"""Our side of a comparison with a PyTorch model: weights by foreign name, golden files.

The golden files of scripts/peers hold {"net", "peer", "parameters", "tensors", "cases":
[{"request", "logits", "end_points"}]}; see scripts/peers/common.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import common
import numpy as np
from oracle_client import PEERS, assert_summary, fill

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.translate import Entry, translate_back

TOLERANCE = 1e-4  # of the largest value of a tensor


def load_peer(net: str) -> dict[str, Any]:
    """Loads the results of the peer for a net."""
    return json.loads((PEERS / f"{net}.json").read_text())


def foreign_shapes(
    entries: Sequence[Entry], variables: Mapping[str, Any]
) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of a state_dict, in its order, from the graph's variables by name."""
    assert {entry.name for entry in entries} == set(variables)
    empty = {name: np.empty(v.shape.as_list(), np.bool_) for name, v in variables.items()}
    return {name: value.shape for name, value in translate_back(empty, entries).items()}


def fill_by_foreign_name(
    session: Any, entries: Sequence[Entry], variables: Mapping[str, Any]
) -> None:
    """Gives the variables the values that scripts/peers give the peer."""
    shapes = foreign_shapes(entries, variables)
    feed = {}
    for entry in entries:
        parts = [common.value(name, shapes[name]) for name in entry.parts]
        feed[variables[entry.name].initializer.inputs[1]] = entry.transform.to_graph(*parts)
    session.run([variable.initializer for variable in variables.values()], feed)


def assert_agrees(
    net: str,
    entries: Sequence[Entry],
    case: dict[str, Any],
    tolerance: float = TOLERANCE,
    **options: Any,
) -> None:
    """Our logits and end points, of weights filled by foreign name, are the golden ones."""
    request = case["request"]
    shape = [request[key] for key in ("batch", "frames", "height", "width") if key in request]
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *shape[1:], 3])
        logits, end_points = legacy_nets.build(net, images, **options)
        variables = {v.op.name: v for v in tf.global_variables()}
        fill_by_foreign_name(session, entries, variables)
        wanted = {key: end_points[key] for key in case["end_points"]}
        feed = {images: fill.images([*shape, 3])}
        got, points = session.run([logits, wanted], feed)
    assert_summary(got, case["logits"], tolerance, "logits")
    for key, want in case["end_points"].items():
        assert_summary(points[key], want, tolerance, key)
