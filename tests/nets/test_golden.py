"""Every net against the golden files, which real TensorFlow 1.15.5 wrote (scripts/oracle)."""

from __future__ import annotations

import json

import pytest
from oracle_client import (
    CHANGE,
    GRADIENT,
    INFERENCE,
    LOSS,
    MOVING,
    PEERS,
    TRAINING,
    assert_close,
    assert_summary,
    fill,
    golden_cases,
    load_golden,
    ours,
    summary,
)

import legacy_nets

CASES = [
    case if case == "hand_signs" else pytest.param(case, marks=pytest.mark.slow)
    for case in golden_cases()
]


def assert_mode(case, mode, tolerance):
    """Builds and runs one mode; compares variables, logits and end points; returns both sides."""
    golden = load_golden(case)
    got = ours({**golden["request"], "modes": [mode]})
    listed = [{key: row[key] for key in got["variables"][0]} for row in golden["variables"]]
    assert got["variables"] == listed
    got, want = got[mode], golden[mode]
    assert_summary(got["logits"], want["logits"], tolerance, "logits")
    assert list(got["end_points"]) == list(want["end_points"])
    for key, point in want["end_points"].items():
        assert_summary(got["end_points"][key]["value"], point, tolerance, key)
        assert got["end_points"][key]["tensor"] == point["tensor"]
    return got, golden


def peer_alone_may_judge(net):
    """Whether the net is another library's: TensorFlow 1.15.5 need not have run it."""
    return net.document == "004" or net.module == "video_resnet_18"


def test_every_net_has_a_golden_file():
    nets = {name: legacy_nets.get_net(name) for name in legacy_nets.list_nets()}
    judged = {load_golden(case)["request"]["net"] for case in golden_cases()}
    peers = {file.stem for file in PEERS.glob("*.json") if json.loads(file.read_text())["cases"]}
    assert judged <= set(nets)
    assert set(nets) - judged - peers == set()
    alone = {name for name, net in nets.items() if peer_alone_may_judge(net)}
    assert set(nets) - judged - alone == set()


@pytest.mark.parametrize("case", CASES)
def test_inference(case):
    assert_mode(case, "inference", INFERENCE)


def mark_the_deepest(case):
    """``make test`` trains ResNet v2 50 and both halves of the mixed net; these are more of it."""
    more = ("resnet_v2_101", "resnet_v2_152", "resnet_v2_200", "resnet_3d_2plus1d")
    deep = case.startswith(more)
    return pytest.param(case, marks=pytest.mark.rare) if deep else case


@pytest.mark.slow
@pytest.mark.parametrize("case", [mark_the_deepest(case) for case in golden_cases()])
def test_training(case):
    got, golden = assert_mode(case, "training", TRAINING)
    rows = {row["name"]: row for row in golden["variables"]}
    norms = {name: row["gradient_norm"] for name, row in rows.items() if "gradient_norm" in row}
    assert list(got["gradient_norms"]) == list(norms)
    largest = max(norms.values())
    for name, norm in norms.items():
        # A gradient that is zero but for rounding (a bias before a batch norm) has no percent.
        assert_close(got["gradient_norms"][name], norm, GRADIENT, name, max(norm, 1e-5 * largest))
    moved = {name: row for name, row in rows.items() if "after_step" in row}
    assert list(got["moving"]) == list(moved)
    for name, row in moved.items():
        after = summary(got["moving"][name])
        for key in ("mean", "deviation", "largest", "probe"):
            want = row["after_step"]
            assert_close(after[key], want[key], MOVING, f"{name} {key}", want["largest"])
        assert_close(after["first"][:2], want["first"], MOVING, name, want["largest"])
        # With a decay of 0.9997 the values hardly move: how far they moved is a test of its own.
        change = got["moving"][name] - fill.variable(name, row["shape"])
        assert_close(abs(change).max(), row["change"], CHANGE, f"change of {name}")
    want = golden["training"]["losses"]
    assert len(want) == 20
    assert_close(got["losses"], want, LOSS, "losses", min(want))
