"""Errata of the listings: lost indentation, and names that are not defined.

A few lines of our own replace each listing.
"""

from __future__ import annotations

import importlib

import pytest

from legacy_nets import tf1 as tf

LISTING = """\
def unit(x):
    y = x + 1
    return y
"""


def test_a_listing_without_its_indentation_is_no_python():
    """000-E13, 003-E18."""
    flat = "\n".join(line.strip() for line in LISTING.splitlines())
    with pytest.raises(IndentationError, match="expected an indented block"):
        compile(flat, "listing", "exec")
    compile(LISTING, "listing", "exec")


@pytest.mark.parametrize("number", ["{}. ", "{} ", "{}\n"])
def test_line_numbers_in_front_are_no_python(number):
    """000-E13, 003-E18: "1. def unit(x):", and a column of numbers, with the indentation lost."""
    lines = [number.format(i) + line.strip() for i, line in enumerate(LISTING.splitlines(), 1)]
    with pytest.raises(SyntaxError):
        compile("\n".join(lines), "listing", "exec")


UNDEFINED = [  # document, a line that uses the name, the name, the module that defines it now
    ("000", "tf.add(1, 2)", "tf", "nets.cnn_lstm"),
    ("001", "random_mini_batches([], [])", "random_mini_batches", "data.signs"),
    ("001", "tf.losses.sparse_softmax_cross_entropy(labels=y_, logits=y_conv)", "y_", None),
    ("003", "subsample(1, 2, 'shortcut')", "subsample", "nets.resnet_v2"),
    ("003", "conv2_same(1, 64, 3, 2)", "conv2_same", None),
    ("003", "Block('block1', None, [])", "Block", "nets.resnet_v2"),
    ("003", "slim.conv2d(1, 64, [1, 1])", "slim", "nets.resnet_v2"),
]


@pytest.mark.parametrize(("document", "line", "name", "module"), UNDEFINED)
def test_a_name_that_is_used_and_never_defined(document, line, name, module):
    """000-E12, 001-E09, 001-E21, 003-E01, E02, E03, E09."""
    names = {} if name == "tf" else {"tf": tf}
    with pytest.raises(NameError, match=f"name '{name}' is not defined"):
        exec(line, names)
    if module:
        assert hasattr(importlib.import_module(f"legacy_nets.{module}"), name)


@pytest.mark.parametrize("name", ["weight_variable", "accuracy", "model_save_path"])
def test_an_attribute_that_the_class_lacks(name):
    """001-E08, E10, E11: methods of a class whose header is missing."""
    from legacy_nets.nets.hand_signs import HandClassifier

    class hand_classifier:
        def method(self):
            return getattr(self, name)

    with pytest.raises(AttributeError, match=f"'hand_classifier' object has no attribute '{name}'"):
        hand_classifier().method()
    assert hasattr(HandClassifier(), name)
    assert HandClassifier().model_save_path == "./model_saving/hand_classifier"
