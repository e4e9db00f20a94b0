"""Matching a graph with a checkpoint: strict, complete, with a hint for each known failure."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.checkpoints.plan import Match, Mismatch, Missing, Plan
from legacy_nets.checkpoints.restore import match
from legacy_nets.errors import CheckpointError

NET = {
    "net/conv1/weights": (3, 3, 2, 4),
    "net/conv1/biases": (4,),
    "net/logits/weights": (4, 6),
    "net/logits/biases": (6,),
}


def _values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values that differ from name to name."""
    count = int(np.prod(shape))
    return np.float32(np.arange(count) * 7 % 13 + sum(name.encode()) % 101).reshape(shape)


def _variables(shapes: dict[str, tuple[int, ...]], zero: bool = True) -> list:
    return [
        tf.Variable(np.zeros(shape, np.float32) if zero else _values(name, shape), name=name)
        for name, shape in shapes.items()
    ]


def _checkpoint(folder: Path, shapes: dict[str, tuple[int, ...]]) -> str:
    """Saves variables of these names, each with its ``_values``."""
    with tf.Graph().as_default(), tf.Session() as session:
        _variables(shapes, zero=False)
        session.run(tf.global_variables_initializer())
        return tf.train.Saver().save(session, str(folder / "model.ckpt"), global_step=1)


def _plan(checkpoint: str, shapes: dict[str, tuple[int, ...]], **options) -> Plan:
    with tf.Graph().as_default():
        return match(_variables(shapes), checkpoint, **options)


def _restored(plan: Plan) -> dict[str, np.ndarray]:
    """The values of the plan's variables after ``apply``; they start at zero."""
    graph = next(iter(plan.variables.values())).graph
    with graph.as_default():
        initialize = tf.variables_initializer(list(plan.variables.values()))
    session = tf.Session(graph=graph)  # the graph need not be the default one
    try:
        session.run(initialize)
        plan.apply(session)
        return session.run(dict(plan.variables))
    finally:
        session.close()


def _reason(call, *arguments, **options) -> str:
    with pytest.raises(CheckpointError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _under(scope: str, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {scope + name: shape for name, shape in shapes.items()}


# What fits


def test_restores_the_values_of_the_file(tmp_path):
    plan = _plan(_checkpoint(tmp_path, NET), NET)
    assert plan.matched == tuple(Match(name, name) for name in NET)
    got = _restored(plan)
    assert list(got) == list(NET)
    for name, value in got.items():
        assert np.array_equal(value, _values(name, NET[name]))
        assert np.array_equal(value, plan.source.read(name))


def test_reports_everything_at_once(tmp_path):
    prefix = _checkpoint(tmp_path, NET | {"net/old": (2,), "net/logits/weights": (4, 9)})
    plan = _plan(prefix, NET | {f"net/new_{i}": (i, 3) for i in range(1, 6)})
    assert plan.missing == tuple(
        Missing(f"net/new_{i}", f"net/new_{i}", (i, 3)) for i in range(1, 6)
    )
    assert plan.extra == ("net/old",)
    head = "net/logits/weights"
    assert plan.mismatched == (Mismatch(head, head, (4, 6), (4, 9), "float32", "float32"),)
    reason = _reason(plan.check)
    for part in (
        "(3 variables do)",
        "5 not in the checkpoint: net/new_1, net/new_2, net/new_3, and 2 more",
        "1 only in the checkpoint: net/old",
        "net/logits/weights (graph [4, 6], checkpoint [4, 9])",
    ):
        assert part in reason
    report = plan.report()
    for name in [*NET, "net/old", *(f"net/new_{i} [{i}, 3]" for i in range(1, 6))]:
        assert f"\n  {name}" in report
    assert "not in the checkpoint" in _reason(_restored, plan)  # apply is as strict


def test_another_dtype_is_a_mismatch(tmp_path):
    prefix = _checkpoint(tmp_path, {"w": (2,)})
    with tf.Graph().as_default():
        plan = match([tf.Variable(np.zeros(2), name="w")], prefix)
    assert plan.mismatched == (Mismatch("w", "w", (2,), (2,), "float64", "float32"),)
    assert "w (graph float64 [2], checkpoint float32 [2])" in _reason(plan.check)


def test_what_training_needs_is_set_apart(tmp_path):
    slots = {
        "net/conv1/weights/Adam": (3, 3, 2, 4),
        "net/conv1/weights/Adam_1": (3, 3, 2, 4),
        "train/net/conv1/biases/RMSProp_1": (4,),
        "net/conv1/biases/Momentum": (4,),
        "net/conv1/biases/ExponentialMovingAverage": (4,),
        "adam_optimizer/beta1_power": (),
        "beta2_power": (),
        "global_step": (),
    }
    prefix = _checkpoint(tmp_path, NET | slots | {"net/Adam": (4,)})
    plan = _plan(prefix, NET)
    assert plan.slots == tuple(sorted(slots))
    assert plan.extra == ("net/Adam",)  # a layer of that name is no slot: net is no variable
    plan = _plan(prefix, NET | {"net/Adam": (4,)})
    plan.check()
    assert _restored(plan)["net/Adam"][0] == _values("net/Adam", (4,))[0]


# Leniencies, each by name


def test_skip(tmp_path):
    prefix = _checkpoint(tmp_path, NET | {"net/aux/weights": (3,), "net/aux/weights/Adam": (3,)})
    other = NET | {"net/logits/weights": (4, 9), "net/logits/biases": (9,)}
    plan = _plan(prefix, other, skip=("net/logits", "net/aux/*"))
    assert plan.skipped == ("net/logits/weights", "net/logits/biases", "net/aux/weights")
    assert all(f"\n  {name}" in plan.report() for name in plan.skipped)
    got = _restored(plan)
    assert not got["net/logits/weights"].any() and not got["net/logits/biases"].any()
    assert np.array_equal(got["net/conv1/biases"], _values("net/conv1/biases", (4,)))


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("logits", "nearest scopes: net/logits"),
        ("net/logit", "nearest scopes: net/logits"),
        ("net/log", "nearest scopes: net/logits"),
        ("zzzz", "scopes: net, net/conv1, net/conv1/"),
    ],
)
def test_a_skip_that_fits_nothing(tmp_path, pattern, near):
    reason = _reason(_plan, _checkpoint(tmp_path, NET), NET, skip=("net/conv1", pattern))
    assert f"skip pattern '{pattern}' matches no variable; {near}" in reason


def test_rename_and_prefix(tmp_path):
    stored = {"a/w": (2,), "a/b": (2,), "model/rest/w": (3,)}
    prefix = _checkpoint(tmp_path, stored)
    shapes = {"new/deep/w": (2,), "new/deep/b": (2,), "rest/w": (3,)}
    plan = _plan(prefix, shapes, rename=(("new/deep", "a"),), prefix="model/")
    assert plan.matched == (
        Match("new/deep/w", "a/w"),
        Match("new/deep/b", "a/b"),
        Match("rest/w", "model/rest/w"),
    )
    assert "  new/deep/w <- a/w" in plan.report()
    assert np.array_equal(_restored(plan)["rest/w"], _values("model/rest/w", (3,)))
    reason = _reason(_plan, prefix, shapes, rename=(("new/dee", "a"),))
    assert "rename rule ('new/dee', 'a') matches no variable; nearest scopes: new/deep" in reason


def test_two_towers_from_one(tmp_path):
    rules = (("left", "net"), ("right", "net"))
    towers = {f"{side}/w": (2, 2) for side in ("left", "right")}
    plan = _plan(_checkpoint(tmp_path, {"net/w": (2, 2)}), towers, rename=rules)
    for value in _restored(plan).values():
        assert np.array_equal(value, _values("net/w", (2, 2)))


def test_a_dict_names_the_tensors(tmp_path):
    prefix = _checkpoint(tmp_path, NET)
    with tf.Graph().as_default():
        unlike = _variables({f"v{i}": shape for i, shape in enumerate(NET.values())})
        variables = dict(zip(NET, unlike, strict=True))
        got = _restored(match(variables, read_bundle(prefix)))
    assert np.array_equal(got["net/logits/biases"], _values("net/logits/biases", (6,)))


def test_moving_averages(tmp_path):
    average = "net/conv1/weights/ExponentialMovingAverage"
    prefix = _checkpoint(tmp_path, NET | {average: NET["net/conv1/weights"]})
    plan = _plan(prefix, NET, ema=True)
    assert plan.matched[0] == Match("net/conv1/weights", average)
    assert plan.matched[1] == Match("net/conv1/biases", "net/conv1/biases")
    assert plan.slots == ("net/conv1/weights",)  # the raw value is left alone
    assert "1 of the matched are moving averages" in plan.report()
    got = _restored(plan)
    assert np.array_equal(got["net/conv1/weights"], _values(average, (3, 3, 2, 4)))
    with tf.Graph().as_default():  # a moving mean is no weight: its raw value is read
        fixed = tf.Variable(np.zeros(NET["net/conv1/weights"], np.float32), trainable=False)
        plan = match({"net/conv1/weights": fixed}, prefix, ema=True)
    assert plan.matched == (Match("net/conv1/weights", "net/conv1/weights"),)


def test_label_offset(tmp_path):
    stored = {"net/conv/weights": (4, 6), "net/logits/weights": (4, 11), "net/logits/biases": (11,)}
    graph = stored | {"net/logits/weights": (4, 10), "net/logits/biases": (10,)}
    prefix = _checkpoint(tmp_path, stored)
    plan = _plan(prefix, graph, label_offset=1)
    assert [item.name for item in plan.offset] == ["net/logits/weights", "net/logits/biases"]
    wanted = "net/logits/weights (graph [4, 10], checkpoint [4, 11]): first 1 dropped"
    assert wanted in plan.report()
    got = _restored(plan)
    for name in ("net/logits/weights", "net/logits/biases"):
        assert np.array_equal(got[name], _values(name, stored[name])[..., 1:])
    assert "label_offset=1 matches nothing" in _reason(_plan, prefix, stored, label_offset=1)
    assert "label_offset=2 matches nothing" in _reason(_plan, prefix, graph, label_offset=2)
    _plan(prefix, stored, label_offset=0).check()
    two = graph | {"net/conv/weights": (4, 5)}  # not one number of classes: nothing is guessed
    assert "label_offset=1 matches nothing" in _reason(_plan, prefix, two, label_offset=1)


def test_fed_values_are_those_that_savers_restore(tmp_path):
    stored = NET | {"net/logits/weights": (4, 7)}
    plan = _plan(_checkpoint(tmp_path, stored), NET, label_offset=1)
    graph = next(iter(plan.variables.values())).graph
    before = len(graph.get_operations())
    with graph.as_default(), tf.Session() as session:
        plan.feed(session)
        fed = session.run(dict(plan.variables))
    assert len(graph.get_operations()) == before  # no Saver
    restored = _restored(plan)
    read = {name: load() for name, load in plan.list_readers().items()}
    assert sorted(read) == sorted(NET)
    for name, shape in NET.items():
        assert fed[name].shape == shape
        assert np.array_equal(fed[name], restored[name])
        assert np.array_equal(read[name], restored[name])
    missing = _plan(plan.source.prefix, NET | {"net/new": (2,)}, label_offset=1)
    for call in (lambda: missing.feed(session), missing.list_readers):
        assert "1 not in the checkpoint: net/new" in _reason(call)


def _cut(parts: int | None):
    partitioner = tf.fixed_size_partitioner(parts) if parts else None
    return tf.get_variable("net/w", [6, 4], partitioner=partitioner)


@pytest.mark.parametrize(("saved", "built"), [(3, 2), (3, None), (None, 3)])
def test_partitioned_variables(tmp_path, saved, built):
    with tf.Graph().as_default(), tf.Session() as session:
        whole = tf.convert_to_tensor(_cut(saved))
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "model"))
        want = session.run(whole)
    with tf.Graph().as_default(), tf.Session() as session:
        whole = tf.convert_to_tensor(_cut(built))
        plan = match(tf.global_variables(), prefix)
        assert plan.matched == (Match("net/w", "net/w"),)
        session.run(tf.global_variables_initializer())
        plan.apply(session)
        assert np.array_equal(session.run(whole), want)
        assert np.array_equal(plan.source.read("net/w"), want)


def test_a_finalized_graph(tmp_path):
    prefix = _checkpoint(tmp_path, NET)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        plan = match(_variables(NET), prefix)
        assert len(plan.savers) == 1
        graph.finalize()
        plan.apply(session)
        got = session.run(plan.variables["net/conv1/biases"])
    assert np.array_equal(got, _values("net/conv1/biases", (4,)))


def test_damaged_values_are_never_loaded(tmp_path):
    prefix = _checkpoint(tmp_path, NET)
    data = Path(f"{prefix}.data-00000-of-00001")
    whole = data.read_bytes()
    data.write_bytes(whole[:20] + bytes([whole[20] ^ 1]) + whole[21:])
    assert "not restored" in _reason(_restored, _plan(prefix, NET))
    readers = _plan(prefix, NET).list_readers()
    assert "checksum" in _reason(lambda: [read() for read in readers.values()])
    data.write_bytes(whole[:-4])
    assert f"has {len(whole) - 4} bytes and needs {len(whole)}" in _reason(
        _restored, _plan(prefix, NET)
    )
    os.unlink(data)
    assert "shard 1 of 1 is missing" in _reason(_restored, _plan(prefix, NET))


# Hints

HEADS = {"net/logits/weights": (4, 5), "net/logits/biases": (5,)}
MORE = {"net/logits/weights": (4, 7), "net/logits/biases": (7,)}
FAR = {"net/logits/weights": (4, 60), "net/logits/biases": (60,)}
NORM = {f"net/conv1/BatchNorm/{name}": (4,) for name in ("beta", "moving_mean")}
PLAIN = {name: shape for name, shape in NET.items() if name != "net/conv1/biases"}
NEW_CELL = {"rnn/lstm_cell/kernel": (5, 8), "rnn/lstm_cell/bias": (8,)}
OLD_CELL = {"rnn/lstm_cell/weights": (5, 8), "rnn/lstm_cell/biases": (8,)}
FEATURES = {"conv1/kernel": (1, 1, 3, 8), "logits/bias": (5,)}
PLAIN_HEAD = FEATURES | {"logits/kernel": (8, 5)}
DENSE_HEAD = FEATURES | {"dense/kernel": (8, 12), "dense/bias": (12,), "logits/kernel": (12, 5)}
PRE_LOGITS = PLAIN_HEAD | {"pre_logits/kernel": (8, 8), "pre_logits/bias": (8,)}
OTHER = {f"vgg_16/conv{i}/weights": (3, 3, 2, i) for i in range(1, 20)}
AVERAGES = {f"{name}/ExponentialMovingAverage": shape for name, shape in NET.items()}
ADAM = {f"{name}/Adam": shape for name, shape in NET.items()} | {"train/beta1_power": ()}


@pytest.mark.parametrize(
    ("stored", "graph", "hint"),
    [
        (NET | MORE, NET, "num_classes=7, or drop it with label_offset=1"),
        (NET | HEADS, NET, "has one class less: build with num_classes=5"),
        (
            NET | FAR,
            NET,
            "(--num-classes 60), or leave it out with skip=('net/logits',)",
        ),
        (PLAIN | NORM, NET, "biases where the checkpoint has BatchNorm (1 layers)"),
        (NET, PLAIN | NORM, "BatchNorm where the checkpoint has biases (1 layers)"),
        (_under("model/", NET), NET, "4 of the 4 missing are in scope 'model'"),
        (_under("model/", NET), NET, "rename=(('', 'model'),)"),
        (NET, _under("tower/a/", NET), "rename=(('tower/a', ''),)"),
        (_under("old/", NET), _under("new/", NET), "rename=(('new', 'old'),)"),
        (AVERAGES, NET, "4 of the missing exist as moving averages only: ema=True"),
        (OLD_CELL, NEW_CELL, "{'rnn/lstm_cell/weights': variable, ...}"),
        (NEW_CELL, OLD_CELL, "{'rnn/lstm_cell/kernel': variable, ...}"),
        (OTHER, NET, "only 0 of 4 names in common"),
        (OTHER, NET, "another net (its outermost scopes: vgg_16)"),
        (OTHER, NET | {"AuxLogits/w": (2,)}, "only 0 of 5 names in common"),
        (
            DENSE_HEAD,
            PLAIN_HEAD,
            "of 12 units before the logits: build with dense=12 (--option dense",
        ),
        (PLAIN_HEAD, DENSE_HEAD, "no dense layer before the logits: build with dense=0 (--option"),
        (PRE_LOGITS, PLAIN_HEAD, "has pre_logits: build with has_logits=True (--option has_logits"),
        (PLAIN_HEAD, PRE_LOGITS, "has no pre_logits: build with has_logits=False (--option has_l"),
        (NET, NET | ADAM, "5 of the missing belong to training"),
    ],
)
def test_hints(tmp_path, stored, graph, hint):
    plan = _plan(_checkpoint(tmp_path, stored), graph)
    assert len(plan.hints) == 1, plan.hints
    assert hint in plan.hints[0]
    assert f"hint: {plan.hints[0]}" in _reason(plan.check)
    assert plan.hints[0] in plan.report()


@pytest.mark.parametrize("graph", [_under("tower/a/", NET), _under("new/", NET), NET])
def test_the_rename_that_a_hint_offers_is_right(tmp_path, graph):
    prefix = _checkpoint(tmp_path, _under("old/", NET))
    rule = eval(_plan(prefix, graph).hints[0].rpartition("rename=")[2])
    plan = _plan(prefix, graph, rename=rule)
    plan.check()
    assert len(plan.matched) == len(NET)


def test_no_hint_where_all_fits(tmp_path):
    assert _plan(_checkpoint(tmp_path, NET | AVERAGES | ADAM), NET).hints == ()


def test_object_based_checkpoints_restore_by_name(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        (variable,) = _variables({"w": (2,)})
        checkpoint = tf.train.Checkpoint(layer=variable)
        session.run(tf.global_variables_initializer())
        prefix = checkpoint.save(str(tmp_path / "keras"), session=session)
        assert "object-based" in match([variable], read_bundle(prefix)).hints[0]
        plan = match([variable], prefix)
        plan.check()
        session.run(variable.assign([7.0, 7.0]))
        plan.apply(session)
        assert not session.run(variable).any()


def test_a_path_that_people_have(tmp_path):
    prefix = _checkpoint(tmp_path, NET)
    for path in (*(prefix + end for end in (".index", ".meta", ".data-00000-of-00001")), tmp_path):
        assert _plan(path, NET).source.prefix == prefix
    assert "no such checkpoint" in _reason(_plan, prefix + "0", NET)


# Files of TensorFlow 1.15.5

ORACLE = """
import sys
import tensorflow as tf
slim = tf.contrib.slim
with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm):
    net = slim.conv2d(tf.ones([1, 8, 8, 3]), 4, 3, scope="net/conv1")
step = tf.train.get_or_create_global_step()
average = tf.train.ExponentialMovingAverage(0.9, step)
update = tf.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(net), step)
with tf.control_dependencies([update]):
    train = average.apply(tf.trainable_variables())
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(train)
    tf.train.Saver().save(session, sys.argv[1], global_step=step)
"""


@pytest.mark.slow
def test_a_slim_checkpoint_of_tensorflow_1_15_5(oracle, tmp_path):
    subprocess.run(
        [oracle, "-c", ORACLE, str(tmp_path / "model")],
        check=True,
        capture_output=True,
        timeout=300,
    )
    prefix = str(tmp_path / "model-1")
    slim = tf.contrib.slim
    with tf.Graph().as_default():
        slim.conv2d(tf.ones([1, 8, 8, 3]), 4, 3, scope="net/conv1")
        plan = match(tf.global_variables(), prefix)
    assert "BatchNorm (1 layers)" in plan.hints[0]
    assert len(plan.slots) == 5  # step, two averages, two momenta
    with tf.Graph().as_default():
        with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm):
            slim.conv2d(tf.ones([1, 8, 8, 3]), 4, 3, scope="net/conv1")
        plan = match(tf.global_variables(), prefix, ema=True)
    assert [item.stored.rpartition("/")[2] for item in plan.matched] == [
        *("ExponentialMovingAverage", "ExponentialMovingAverage", "moving_mean", "moving_variance")
    ]
    for name, value in _restored(plan).items():
        assert np.array_equal(value, plan.source.read(dict(plan.matched)[name]))
