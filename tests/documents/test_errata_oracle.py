"""Errata whose lines run, except most of 000 and 002: here, and in TensorFlow 1.15.5."""

from __future__ import annotations

import pytest
from oracle_client import (
    ask_outcomes,
    assert_outcome,
    literal_001_003,
    literal_second_reading,
)

from legacy_nets import documents
from legacy_nets import tf1 as tf

SCRIPTS = (literal_001_003, literal_second_reading)
DEFECTS = {  # a result, or the type of an error and a pattern of its message
    "001-E01 range of the loss": [1.04359, 2.04359],
    "001-E01 share of the gradient": 0.167,
    "001-E06 61 pixels": [None, 15, 15, 64],
    "001-E06 65 pixels": ("AssertionError", "^$"),
    "001-E06 no size": ("AssertionError|ValueError", ""),
    "001-E12 two calls": ("ValueError", "Variable reference/batch_normalization/gamma already"),
    "001-E14 moving average after 20 steps": 0.182,
    "001-E16 label of 0.9": 0.0,
    "001-E24 nothing fed": ("InvalidArgumentError", "[Yy]ou must feed a value for placeholder"),
    "003-E02 SAME on an even map": [[45, 39], [66, 50]],
    "003-E05 tuples": ("TypeError", r"argument after \*\* must be a mapping, not tuple"),
    "003-E07 variables of a unit": 11,
    "003-E08 an image of 1, alone and beside 3": [0.0, -1.0],
    "000-E19 steps are rows": [True] * 4,
    "000-E21 reshape of the last output": [[3, 6], True],  # the shape before; equal values
    "001-E25 name of keep_prob": "reference/dropout/Placeholder:0",
    "001-E25 nothing fed": (
        "InvalidArgumentError",
        "[Yy]ou must feed a value for placeholder tensor 'reference/dropout/Placeholder'",
    ),
    "001-E26 names in the .meta": ["Placeholder", "Placeholder_1"],
    "002-E30 inside the arg_scope": ("ValueError", "Can ?not squeeze dim.*got 2"),
    "002-E30 outside": [[1, 2, 2, 1], [1, 4]],
    "002-E31 forms of the stem": [
        ["Conv2D", [3, 3], "VALID"],
        ["Conv2D", [3, 3], "VALID"],
        ["Conv2D", [3, 3], "SAME"],
        ["MaxPool", [3, 3], "VALID"],
        ["Conv2D", [1, 1], "VALID"],
        ["Conv2D", [3, 3], "VALID"],
        ["MaxPool", [3, 3], "VALID"],
    ],
    "004-E49 tf.keras": 0,
    "004-E49 tf.layers": [3, ["bn1"]],
    "004-E50 tf.keras": True,
    "004-E50 tf.layers": False,
    "004-E51 as the text": 10_245,
    "004-E51 as the script": 2_103_301,
    "004-E53 head of zeros": 0.0,
    "004-E55 arguments of Conv2D": [
        *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate")
    ],
    "004-E56 resnet50(224, 320)": [None, 320, 224, 3],
    "004-E57 name of the main head": "aux_3/Softmax",
    "004-E58 dropouts of a head": [0.5, 0.5],
    "004-E59 rate of AlexNet's dropout": 0.2,
    "004-E60 premade estimators": True,  # in TensorFlow 2.16 and later they are gone
    # The error of TensorFlow 1.15's Keras, or of tf_keras.
    "004-E61 flip without SciPy": (
        "ImportError|NameError",
        "Image transformations require SciPy|name 'scipy' is not defined",
    ),
}
HARMS = {  # outcomes that are the measured harm in the table of errata
    "001-E01 share of the gradient",
    "001-E14 moving average after 20 steps",
    "003-E07 variables of a unit",
    "003-E08 an image of 1, alone and beside 3",
}


def test_every_defect_is_run():
    assert list(DEFECTS) == [name for script in SCRIPTS for name in script.LITERAL]


def check_outcome(got, name):
    if got == {"result": "SciPy is installed"}:
        pytest.skip("SciPy is installed")
    assert_outcome(got, DEFECTS[name])


@pytest.mark.parametrize("name", DEFECTS)
def test_literal_defect(name):
    script = next(script for script in SCRIPTS if name in script.LITERAL)
    check_outcome(script.outcome(tf, name), name)


@pytest.mark.parametrize("name", sorted(HARMS))
def test_the_table_has_the_outcome(name):
    harm = documents.errata(name.partition(" ")[0])[0].harm
    assert harm == str(DEFECTS[name]).strip("[]")


@pytest.fixture(scope="module")
def outcomes_of_tensorflow_1(oracle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("literal")
    outcomes = [ask_outcomes(oracle, script, folder) for script in SCRIPTS]
    return {name: outcome for script in outcomes for name, outcome in script.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_literal_defect_under_tensorflow_1(outcomes_of_tensorflow_1, name):
    check_outcome(outcomes_of_tensorflow_1[name], name)
