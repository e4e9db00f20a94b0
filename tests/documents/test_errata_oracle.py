"""Errata of documents 001 and 003: the literal lines, here and in TensorFlow 1.15.5."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from oracle_client import ORACLE, literal_001_003

from legacy_nets import documents
from legacy_nets import tf1 as tf

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
}
HARMS = {  # outcomes that are the measured harm in the table of errata
    "001-E01 share of the gradient",
    "001-E14 moving average after 20 steps",
    "003-E07 variables of a unit",
    "003-E08 an image of 1, alone and beside 3",
}


def assert_outcome(got, want):
    if isinstance(want, tuple):
        assert re.fullmatch(want[0], got["error"]), got
        assert re.search(want[1], got["message"]), got
    else:
        assert got == {"result": want}


def test_every_defect_is_run():
    assert list(DEFECTS) == list(literal_001_003.LITERAL)


@pytest.mark.parametrize("name", DEFECTS)
def test_literal_defect(name):
    assert_outcome(literal_001_003.outcome(tf, name), DEFECTS[name])


@pytest.mark.parametrize("name", sorted(HARMS))
def test_the_table_has_the_outcome(name):
    harm = documents.errata(name.partition(" ")[0])[0].harm
    assert harm == str(DEFECTS[name]).strip("[]")


@pytest.fixture(scope="module")
def outcomes_of_tensorflow_1(oracle, tmp_path_factory):
    out = tmp_path_factory.mktemp("literal") / "outcomes.json"
    script = str(ORACLE / "literal_001_003.py")
    done = subprocess.run([oracle, script, str(out)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(out.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_literal_defect_under_tensorflow_1(outcomes_of_tensorflow_1, name):
    assert_outcome(outcomes_of_tensorflow_1[name], DEFECTS[name])
