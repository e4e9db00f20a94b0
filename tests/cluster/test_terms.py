"""What the trainers must agree on: another version, net or option is named on both sides."""

import dataclasses
import json

import pytest

from legacy_nets.cluster.board import Terms, check_terms, parse_terms
from legacy_nets.cluster.task import Task
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.errors import BadInputError
from legacy_nets.train.settings import Settings, WarmStart
from legacy_nets.version import __version__

TASK = Task("worker", 1, {"ps": ("a:1",), "worker": ("b:1", "c:1")})
OWN = Terms(Settings("demo_cnn", 10, (28, 28), preprocessing="unit"), sync=False)


def change(**fields):
    return dataclasses.replace(OWN, settings=dataclasses.replace(OWN.settings, **fields))


@pytest.mark.parametrize(
    "terms",
    [OWN, change(augment=Augmentation(), warm_start=WarmStart("a", rename=(("b", "c"),)))],
)
def test_terms_survive_the_way_through_json(terms):
    assert parse_terms(terms.dump()) == terms
    check_terms(parse_terms(terms.dump()), terms, TASK)


@pytest.mark.parametrize(
    ("chief", "expected"),
    [
        (dataclasses.replace(OWN, version="0.1"), f"legacy_nets 0.1, worker 1 has {__version__}"),
        (dataclasses.replace(OWN, tensorflow="x"), "TensorFlow x, worker 1 has legacy_nets on"),
        (dataclasses.replace(OWN, sync=True), "--sync True, worker 1 has False"),
        (change(net="hand_signs"), "the net hand_signs, worker 1 has demo_cnn"),
        (change(seed=3), "seed 3, worker 1 has 0"),
        (change(options={"a": 1}), "options {'a': 1}, worker 1 has {}"),
    ],
)
def test_other_terms_are_refused(chief, expected):
    with pytest.raises(BadInputError) as error:
        check_terms(chief, OWN, TASK)
    assert f"the chief has {expected}" in str(error.value)


def test_what_a_resumed_run_may_change_is_the_chiefs_alone():
    check_terms(change(steps=5, learning_rate=0.5, data_path="/elsewhere"), OWN, TASK)


def test_terms_of_another_version_with_other_fields():
    values = {**json.loads(OWN.dump()), "version": "9.9", "new": 1}
    with pytest.raises(BadInputError, match=f"legacy_nets 9.9, this task {__version__}"):
        parse_terms(json.dumps(values))
