"""Nets of document 000 learn the drawn data, by the commands that README shows, made smaller."""

import re

import pytest
from test_cli import call

from legacy_nets.data import draw_clips
from legacy_nets.data.draw_digits import make_digits

RECIPE = ("--pixels", "inception", "--evaluate-every", "1000", "--save-every", "1000")


def accuracy(done):
    assert done.exit_code == 0, done.output
    return float(re.search(r"^test accuracy ([\d.]+)", done.stdout, re.MULTILINE)[1])


@pytest.mark.slow
def test_a_2plus1d_net_learns_motion(tmp_path, monkeypatch):
    """0.99 on two occasions; six classes that no single frame tells apart, chance is 0.17."""
    monkeypatch.setattr(draw_clips, "DRAWN", {"train": 50, "test": 8})
    draw_clips.make_clips(tmp_path / "clips")
    given = ("--data", tmp_path / "clips", "--model-dir", tmp_path / "run", *RECIPE)
    given += ("--frames", "6", "--image-size", "24", "--batch-size", "8", "--steps", "280")
    assert accuracy(call("train", "resnet_2plus1d", *given, "--learning-rate", "5e-4")) >= 0.7


@pytest.mark.slow
def test_a_cnn_with_lstm_learns_digits(tmp_path):
    """Ten classes, chance is 0.1."""
    make_digits(tmp_path / "digits", count=(2000, 200))
    given = ("--data", tmp_path / "digits", "--model-dir", tmp_path / "run", *RECIPE)
    given += ("--batch-size", "32", "--steps", "200", "--learning-rate", "5e-4")
    assert accuracy(call("train", "cnn_lstm", *given)) >= 0.7
