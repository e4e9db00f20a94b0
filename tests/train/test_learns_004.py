"""Nets of document 004 learn the synthetic data, by the commands of README, made smaller."""

import pytest
from commands import call
from test_learns_000 import RECIPE, accuracy

from legacy_nets.data.synthetic import flowers as synthetic_flowers
from legacy_nets.data.synthetic.digits import make_digits

EVALUATED = RECIPE[2:]  # at the end only
FLOWERS = ("--cosine", "--warmup", "20", "--augment", "--zoom", "0.1", *EVALUATED)


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """Three of the classes, which few steps tell apart."""
    folder = tmp_path_factory.mktemp("flowers") / "set"
    names, synthetic_flowers.NAMES = synthetic_flowers.NAMES, ("daisy", "sunflowers", "tulips")
    try:
        synthetic_flowers.make_flowers(folder, (100, 25))
    finally:
        synthetic_flowers.NAMES = names
    return folder


@pytest.mark.slow
def test_the_demo_learns_digits(tmp_path):
    """Ten classes, chance is 0.1."""
    make_digits(tmp_path / "digits", (2000, 200))
    given = ("--data", tmp_path / "digits", "--model-dir", tmp_path / "run", *EVALUATED)
    given += ("--steps", "150", "--learning-rate", "1e-3")
    assert accuracy(call("train", "demo_cnn", *given)) >= 0.9


@pytest.mark.rare
def test_alexnet_learns_flowers(flowers, tmp_path):
    """Three classes, chance is 0.33; the full recipe reaches 0.94 on five."""
    given = ("--data", flowers, "--model-dir", tmp_path / "run", *FLOWERS, "--image-size", "80")
    given += ("--steps", "150", "--learning-rate", "5e-4")
    assert accuracy(call("train", "alexnet_v1", *given)) >= 0.6


@pytest.mark.rare
def test_mobilenet_learns_flowers(flowers, tmp_path):
    """As AlexNet's, 0.98; batch norm averages over the few steps that there are."""
    given = ("--data", flowers, "--model-dir", tmp_path / "run", *FLOWERS, "--image-size", "64")
    given += ("--option", "width_multiplier=0.5", "--option", "momentum=0.9")
    given += ("--steps", "200", "--learning-rate", "3e-3")
    assert accuracy(call("train", "mobilenet_v1", *given)) >= 0.6
