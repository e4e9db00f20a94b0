"""How much of what people used of TensorFlow 1.15 is offered."""

from __future__ import annotations

import csv
import importlib
from pathlib import Path

import pytest

from legacy_nets import tf1 as tf

# Names that 1.15 has and compat.v1 of 2.21 lacks, and how many of 62 public repositories use each.
NAMES = Path(__file__).parent.parent / "golden" / "tf1_names.tsv"


def resolves(name: str) -> bool:
    parts = name.split(".")[1:]
    for cut in range(len(parts), -1, -1):
        try:
            found = importlib.import_module(".".join(["legacy_nets.tf1", *parts[:cut]]))
            for part in parts[cut:]:
                found = getattr(found, part)
        except (ImportError, AttributeError):
            continue
        return True
    return False


@pytest.mark.slow
def test_at_least_98_percent_of_what_people_used():
    with NAMES.open() as file:
        weights = {row["name"]: int(row["repos"]) for row in csv.DictReader(file, delimiter="\t")}
    assert len(weights) > 280
    missing = {name: weight for name, weight in weights.items() if not resolves(name)}
    assert sum(missing.values()) <= 0.02 * sum(weights.values()), missing


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("gan", "tensorflow-gan"),
        ("model_pruning", "tensorflow-model-optimization"),
        ("bayesflow", "tensorflow_probability"),
        ("tensorrt", "tf.experimental.tensorrt"),
    ],
)
def test_packages_that_are_not_offered_say_what_to_use(name, instead):
    with pytest.raises(AttributeError, match=rf"tf\.contrib\.{name} is not offered.*{instead}"):
        getattr(tf.contrib, name)


def test_refused_names_are_not_offered():
    """The table of refused names holds none that is there."""
    from legacy_nets.tf1 import refused

    offered = set(tf.contrib.__all__)
    assert offered & set(refused._PACKAGES) == set()
    for package, names in refused._NAMES.items():
        assert package in offered
        for name in names:
            with pytest.raises(AttributeError, match="use instead"):
                getattr(getattr(tf.contrib, package), name)


def test_a_contrib_package_has_the_names_of_the_modules_in_it():
    from legacy_nets.tf1.contrib.framework.python import ops
    from legacy_nets.tf1.contrib.framework.python.ops import variables
    from legacy_nets.tf1.contrib.layers.python import layers
    from legacy_nets.tf1.contrib.layers.python.layers import initializers
    from legacy_nets.tf1.contrib.metrics.python.ops import set_ops

    assert ops.add_arg_scope is tf.contrib.framework.add_arg_scope
    assert ops.arg_scope is tf.contrib.framework.arg_scope  # a module below has that name, too
    assert layers.conv2d is tf.contrib.layers.conv2d
    assert initializers.xavier_initializer is layers.xavier_initializer
    assert callable(variables.model_variable)
    assert set_ops.__name__ == "legacy_nets.tf1.contrib.metrics.python.ops.set_ops"
