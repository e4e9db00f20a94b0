"""Errata of document 002 that test_inception_v3.py does not cover: small defects and fixes.

scripts/oracle/literal_002.py runs the lines that can run: the outcomes are the same here and in
TensorFlow 1.15.5.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from oracle_client import ask_outcomes, assert_outcome, literal_002

from legacy_nets import documents
from legacy_nets import tf1 as tf
from legacy_nets.documents.checks.common import build_net
from legacy_nets.nets import inception_v3 as module
from legacy_nets.tf1.speed import without_initial_values

slim = tf.contrib.slim
STEM = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_3a_3x3"]
STEM += ["Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_5a_3x3"]
HEADS = ["AuxLogits", "PreLogits", "Logits", "Predictions"]
FIRST = "InceptionV3/Conv2d_1a_3x3/weights"


@pytest.fixture(autouse=True)
def _own_graph():
    with tf.Graph().as_default():
        yield


def pictures(side):
    return tf.placeholder(tf.float32, [None, side, side, 3])


# What the listing does where it runs. An error is its type and a pattern of its message.

DEFECTS = {
    "E04 misspelt argument": ("NameError", "name 'scope' is not defined"),
    "E05 stale branch": {
        "shape": [None, 9, 9, 4],  # as it should be
        "first channels are Mixed_6b's": True,
        "first channels are Mixed_6c's": False,
        "gradients": [False, False],
    },
    "E13 no arg_scope": [196, "InceptionV3/Conv2d_1a_3x3/biases"],
    "E14 dropout at prediction": {"about a fifth": [True, True], "same": False},
    "E15 AUTO_REUSE": [f"InceptionV3/Conv2d_4a_3x3/{leaf}" for leaf in ("weights", "biases")],
    "E16 second call": [FIRST, FIRST.replace("V3/", "V3_1/")],
    "E16 second call in one scope": ("ValueError", f"Variable {FIRST} already exists"),
    "E25 pool of a small map": ("ValueError", "Negative dimension size|negative dimension"),
    "E28 end points": [
        *STEM,
        *(f"Mixed_{m}" for m in "5b 5c 5d 6a 6b 6c 6d 6e 7a 7b 7c".split()),
        *HEADS,
    ],
}


def test_every_defect_is_run():
    assert list(DEFECTS) == list(literal_002.LITERAL)


LARGE = {"E13 no arg_scope", "E28 end points"}  # build the whole net


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in DEFECTS],
)
def test_literal_defect(name):
    assert_outcome(literal_002.outcome(tf, name), DEFECTS[name])


@pytest.fixture(scope="module")
def outcomes_of_tensorflow_1(oracle, tmp_path_factory):
    return ask_outcomes(oracle, literal_002, tmp_path_factory.mktemp("literal"))


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_literal_defect_under_tensorflow_1(outcomes_of_tensorflow_1, name):
    assert_outcome(outcomes_of_tensorflow_1[name], DEFECTS[name])


# What is no Python, and names that are nowhere defined


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("y = conv(x, 32), [3, 3], scope='a')", "y = conv(x, 32, [3, 3], scope='a')"),  # E01
        ("y = pool(x, [3, 3], sco e='a')", "y = pool(x, [3, 3], scope='a')"),  # E02
        ("points['a'] = x)", "points['a'] = x"),  # E03
        ("with scope():\ny = conv(x)", "with scope():\n    y = conv(x)"),  # E29
    ],
)
def test_lines_that_are_no_python(broken, whole):
    """002-E01, E02, E03, E29."""
    with pytest.raises(SyntaxError):
        compile(broken, "listing", "exec")
    compile(whole, "listing", "exec")


UNDEFINED = {  # the name: a line as it uses it
    "depth": "slim.conv2d(x, depth(64), [1, 1])",  # E06
    "end_points": "end_points['Mixed_5b'] = x",  # E07
    # E08
    "_reduced_kernel_size_for_small_input": "_reduced_kernel_size_for_small_input(x, [5, 5])",
    "trunc_nORMal": "trunc_nORMal(0.01)",  # E09
    "trunc_normal": "trunc_normal(0.001)",  # E10
    "num_classes": "slim.conv2d(x, num_classes, [1, 1])",  # E11
    "dropout_keep_prob": "slim.dropout(x, keep_prob=dropout_keep_prob)",  # E11
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_name_that_is_used_and_never_defined(name):
    """002-E06 to E11."""
    with pytest.raises(NameError, match=f"name '{name}' is not defined"):
        exec(UNDEFINED[name], {"tf": tf, "slim": slim, "x": tf.zeros([1, 9, 9, 4])})


@pytest.mark.parametrize("name", ["tf", "slim"])
def test_e12_nothing_is_imported(name):
    with pytest.raises(NameError, match=f"name '{name}' is not defined"):
        exec(f"{name}.zeros([1])", {})
    assert hasattr(module, name)


def test_e08_e10_the_helpers_that_were_missing():
    for sides, kernel in (((9, 9), [5, 5]), ((3, 7), [3, 5]), ((None, 3), [5, 5])):
        x = tf.placeholder(tf.float32, [None, *sides, 4])
        assert module._reduced_kernel_size_for_small_input(x, [5, 5]) == kernel
    with tf.Session() as session:
        drawn = session.run(module.trunc_normal(0.01)([10_000]))
    assert 0.0195 < np.abs(drawn).max() <= 0.02  # cut off at two deviations
    assert abs(drawn.mean()) < 0.001


# Names, arguments and slips


def test_e04_e11_e17_arguments_and_what_is_returned():
    """scope, num_classes and dropout_keep_prob are arguments; the base ends at Mixed_7c."""
    with without_initial_values():
        base, points = module.inception_v3_base(
            pictures(75), final_endpoint="Mixed_5b", scope="Trunk"
        )
    assert base is points["Mixed_5b"]
    ends = inspect.signature(module.inception_v3_base).parameters["final_endpoint"]
    assert ends.default == "Mixed_7c"
    assert {v.op.name.split("/")[0] for v in tf.global_variables()} == {"Trunk"}
    taken = inspect.signature(module.inception_v3).parameters
    assert (taken["num_classes"].default, taken["dropout_keep_prob"].default) == (1000, 0.8)
    _, logits, points = build_net("inception_v3")
    assert logits is points["Logits"]


def test_e07_e28_all_end_points():
    points = build_net("inception_v3")[2]
    assert [point for point in points if point != "AvgPool_1a"] == DEFECTS["E28 end points"]
    assert len(points) == 23


def test_e18_building_prints_nothing(capsys):
    net = tf.zeros([1, 17, 17, 768])
    exec("print(net.shape)", {"net": net})
    assert capsys.readouterr().out == "(1, 17, 17, 768)\n"
    with without_initial_values():
        module.inception_v3_base(pictures(75), final_endpoint="Mixed_6b", depth_multiplier=0.05)
    assert capsys.readouterr().out == ""


def test_e19_a_stray_quote_after_a_comment_says_nothing():
    assert (
        compile("x = 1  # 32'", "listing", "exec").co_code == compile("x = 1", "", "exec").co_code
    )
    (fact,) = documents.facts("002-F05")
    assert documents.measure(fact).value == "147x147x32"


@pytest.mark.parametrize(
    ("fact", "true"),
    [
        ("002-F15", "64+64+96+32=256"),  # E20
        ("002-F24", "Mixed_6a, Mixed_6b, Mixed_6c, Mixed_6d, Mixed_6e"),  # E21
        ("002-F35", "Mixed_7a, Mixed_7b, Mixed_7c"),  # E21
    ],
)
def test_slips_of_the_text_are_wrong_facts(fact, true):
    (row,) = documents.facts(fact)
    found = documents.measure(row)
    assert (found.verdict, found.value) == ("wrong", f"{true}, not {row.stated}")
    assert sum([54, 64, 96, 32]) == 246


@pytest.mark.slow
def test_e26_the_published_checkpoint_has_a_class_more():
    for classes, images in (
        (1000, build_net("inception_v3")[0]),
        (1001, build_net("inception_v3", "75x75", "num_classes=1001 create_aux_logits=False")[0]),
    ):
        trainable = images.graph.get_collection("trainable_variables")
        head = [v for v in trainable if "/Logits/" in v.name]
        assert sum(int(np.prod(v.shape.as_list())) for v in head) == classes * 2049
