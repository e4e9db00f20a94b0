"""What only training needs is told apart from parameters: by names, and by what the graph does."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.contents import list_contents
from legacy_nets.checkpoints.formats.training_graph import Node, find_optimizer_variables
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import is_slot
from legacy_nets.cli import main

WEIGHTS = {"dense/kernel", "dense/bias", "act_quant/max", "training/dense/kernel", "Adam/kernel"}


@pytest.mark.parametrize(
    "name",
    [
        "training/Adam/Variable_12",  # tf.keras of 1.13, Keras 2.2
        "training_1/SGD/Variable",
        "training/RMSprop/accumulator_0",  # Keras 2.3
        "training/Adam/dense/kernel/m",  # tf.keras of 1.15
        "Adam/dense/kernel/vhat",
        "SGD/dense/bias/momentum",
        "Adam_1/beta_2",
        "Nadam/schedule_decay",
        "Adam/iterations",
        "dense/kernel/adam_m",  # BERT
        "act_quant/act_quant/max/biased",  # zero_debias
        "act_quant/act_quant/max/local_step_1",
        "fake_quantization_step",
    ],
)
def test_names_that_only_training_needs(name):
    assert is_slot(name, {*WEIGHTS, name})


@pytest.mark.parametrize(
    "name",
    [
        *sorted(WEIGHTS),
        "training/other/Variable",  # no optimizer's scope
        "Adam/other/m",  # no variable of that name
        "SGD/kernel",
        "other/kernel/adam_m",
        "other/biased",
        "model/Adam/beta_1",
        "iterations",
    ],
)
def test_names_that_may_be_weights(name):
    assert not is_slot(name, WEIGHTS)


def save_training(prefix, is_resource):
    """Saves a net with a hand-written Adam; its slots are called w1 and w2, like weights."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3])
        with tf.variable_scope("net"):
            w = tf.get_variable("w", [3, 2], use_resource=is_resource)
            scale = tf.get_variable("scale", [2], use_resource=is_resource)
            mean = tf.get_variable("mean", [2], trainable=False, use_resource=is_resource)
            w1 = tf.get_variable("w1", [3, 2], trainable=False, use_resource=is_resource)
            w2 = tf.get_variable("w2", [3, 2], trainable=False, use_resource=is_resource)
        y = tf.matmul(x, w) * scale
        tf.assign_sub(mean, (mean - tf.reduce_mean(y, 0)) * 0.1)
        [gradient] = tf.gradients(tf.reduce_sum(y), [w])
        first = tf.assign(w1, w1 * 0.9 + gradient * 0.1)
        second = tf.assign(w2, w2 * 0.999 + tf.square(gradient) * 0.001)
        tf.assign_sub(w, first / (tf.sqrt(second) + 1e-8))
        tf.train.MomentumOptimizer(0.1, 0.9, name="speed").minimize(
            tf.reduce_sum(y), var_list=[scale]
        )
        tf.summary.histogram("w1", w1)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(prefix), write_state=False)


@pytest.mark.parametrize("is_resource", [False, True])
def test_a_meta_tells_slots_of_any_name(tmp_path, is_resource):
    save_training(tmp_path / "model", is_resource)
    contents = list_contents(open_weights(tmp_path / "model"))
    assert set(contents.weights) == {"net/w", "net/scale", "net/mean"}
    assert set(contents.training) == {"net/w1", "net/w2", "net/scale/speed"}
    assert contents.parameters == 6 + 2 + 2
    out = tmp_path / "w.npz"
    done = CliRunner().invoke(
        main, ["port", str(tmp_path / "model"), "--to", "npz", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    with np.load(out) as arrays:
        assert {name for name in arrays if name != "metadata.json"} == set(contents.weights)


@pytest.mark.parametrize("meta", [b"", b"\x12\x05\x0a", b"no graph at all"])
def test_a_meta_that_cannot_be_read_tells_nothing(tmp_path, meta):
    save_training(tmp_path / "model", is_resource=False)
    (tmp_path / "model.meta").write_bytes(meta)
    contents = list_contents(open_weights(tmp_path / "model"))
    assert len(contents.weights) == 6 and not contents.training


def test_a_frozen_training_graph_has_its_slots_among_the_constants(tmp_path):
    """As convert_variables_to_constants makes it, where the training operation is an output."""
    save_training(tmp_path / "model", is_resource=False)
    graph = tf.MetaGraphDef.FromString((tmp_path / "model.meta").read_bytes()).graph_def
    source = open_weights(tmp_path / "model")
    for node in graph.node:
        if node.op == "VariableV2":
            node.op = "Const"
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(source.read(node.name)))
    (tmp_path / "frozen.pb").write_bytes(graph.SerializeToString())
    contents = list_contents(open_weights(tmp_path / "frozen.pb"))
    assert set(contents.weights) == {"net/w", "net/scale", "net/mean"}
    assert contents.parameters == 6 + 2 + 2
    assert {"net/w1", "net/w2", "net/scale/speed"} <= set(contents.constants)


def test_a_graph_that_reads_in_circles_ends():
    nodes = {
        "a": Node("Identity", ("b",)),
        "b": Node("Identity", ("a",)),
        "apply": Node("ApplyAdam", ("w", "a", "missing")),
    }
    assert find_optimizer_variables(nodes) == frozenset()


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_slots_in_a_list_are_no_weights(tmp_path, package, optimizer):
    """Optimizers of Keras 2.11 and later, below an object of any name."""
    keras = pytest.importorskip(package)
    model = keras.Sequential([keras.layers.Dense(3, name="dense")])
    model.build([None, 2])
    options = {"momentum": 0.9} if optimizer == "SGD" else {}
    model.optimizer = getattr(keras.optimizers, optimizer)(0.5, **options)
    model.optimizer.build(model.trainable_variables)
    tf.compat.v2.train.Checkpoint(trained=model).write(str(tmp_path / "c"))
    source = open_weights(tmp_path / "c")
    assert [name.rpartition("/")[2] for name in source.tensors] == ["kernel", "bias"]
    assert [source.tensors[name].shape for name in source.tensors] == [(2, 3), (3,)]
    shapes = Counter(spec.shape for spec in source.other_tensors.values())
    slots = 1 if optimizer == "SGD" else 2
    assert shapes[2, 3] == shapes[3,] == slots
