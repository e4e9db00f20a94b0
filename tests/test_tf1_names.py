"""How much of what people used of TensorFlow 1.15 is offered."""

from __future__ import annotations

import csv
import importlib
from pathlib import Path

import pytest

from legacy_nets import tf1 as tf

# Names that 1.15 has and compat.v1 of 2.21 lacks, and how many of 62 public repositories use each.
NAMES = Path(__file__).parent / "data" / "tf1_names.tsv"


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


def test_late_packages_import_and_say_what_to_use_when_called():
    from legacy_nets.tf1.contrib.tensor_forest.python import tensor_forest
    from legacy_nets.tf1.contrib.tensor_forest.python.ops import data_ops

    with pytest.raises(NotImplementedError, match=r"python\.tensor_forest\.ForestHParams is not"):
        tensor_forest.ForestHParams(num_classes=2)
    with pytest.raises(NotImplementedError, match="use instead: sklearn.ensemble.RandomForest"):
        data_ops.ParseLabelTensorOrDict(None)
    with pytest.raises(NotImplementedError, match="timeseries.ARModel .*statsmodels"):

        class _Mine(tf.contrib.timeseries.ARModel):
            pass


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("gan", "tensorflow-gan"),
        ("quantize", "tensorflow-model-optimization"),
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
