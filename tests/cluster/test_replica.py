"""The graph of a trainer: where variables and operations are, for every net of the registry."""

import dataclasses

import numpy as np
import pytest

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.restore import get_full_name
from legacy_nets.cluster import replica
from legacy_nets.cluster.launch import Plan, assign_tasks
from legacy_nets.cluster.replica import build_replica
from legacy_nets.train.graph import build_training
from legacy_nets.train.settings import Settings, build_heads

TASKS = {task.name: task for task in assign_tasks(Plan(1, 2, has_chief=True, has_evaluator=False))}


def make_settings(name):
    net = registry.get_net(name)
    return build_heads(
        Settings(name, num_classes=5, image_size=net.image_size, preprocessing=net.preprocessing)
    )


def build(settings, task, sync):
    with tf.Graph().as_default() as graph:
        build_replica(settings, TASKS[task], sync)
        variables = {v.op.name: (v.device, v.shape.as_list()) for v in tf.global_variables()}
    return graph, variables


def check_devices(graph, variables):
    """Variables are on the ps, about as many bytes on each; what computes is on the trainer."""
    sizes = {"/job:ps/task:0": 0, "/job:ps/task:1": 0}
    for device, shape in variables.values():
        sizes[device] += tf.TensorShape(shape).num_elements()
    largest = max(tf.TensorShape(shape).num_elements() for _, shape in variables.values())
    first, second = sizes.values()
    assert abs(first - second) <= 3 * largest + 1, sizes  # a weight and its slots stay together
    heavy = [op for op in graph.get_operations() if op.type in ("Conv2D", "Conv3D", "MatMul")]
    assert heavy and {op.device for op in heavy} == {"/job:chief/task:0"}


def check_sync(settings):
    """With sync and without, names are those of a training on one machine, in the same places."""
    graph, variables = build(settings, "chief 0", sync=False)
    check_devices(graph, variables)
    for task, sync in (("worker 0", False), ("chief 0", True), ("worker 0", True)):
        _, others = build(settings, task, sync)
        assert others == variables


def test_small_net():
    check_sync(make_settings("demo_cnn"))


@pytest.mark.parametrize(
    ("large", "divided"),
    [
        (12_000_000, []),
        (11_000_000, ["dense/kernel"]),
        (1_000, ["conv2d/kernel", "dense/kernel", "dense_1/kernel"]),
    ],
)
@pytest.mark.parametrize("sync", [False, True])
def test_large_variables_have_a_part_for_each_ps(monkeypatch, large, divided, sync):
    """By their longest axis, with their slots and averages; saved under one name."""
    monkeypatch.setattr(replica, "LARGE", large)
    settings = dataclasses.replace(make_settings("demo_cnn"), ema_decay=0.9)
    parts = {}
    with tf.Graph().as_default():
        replica.build_replica(settings, TASKS["worker 0"], sync)
        for variable in tf.global_variables():
            parts.setdefault(get_full_name(variable), []).append(variable)
    with tf.Graph().as_default():
        build_training(settings)
        shapes = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    assert set(parts) == set(shapes)
    slots = ("", "/Adam", "/Adam_1", "/ExponentialMovingAverage")
    names = {f"my_model/{name}{slot}" for name in divided for slot in slots}
    assert {name for name, each in parts.items() if len(each) == 2} == names
    for name, each in parts.items():
        joined = np.array([part.shape.as_list() for part in each])
        if name in names:
            axis = np.argmax(shapes[name])
            assert (np.delete(joined, axis, 1) == np.delete(shapes[name], axis)).all()
            assert joined[:, axis].sum() == shapes[name][axis] and np.ptp(joined[:, axis]) <= 1
        else:
            assert joined.tolist() == [shapes[name]]
    devices = [part.device for part in parts["my_model/dense/kernel"]]
    assert len(set(devices)) == len(devices)


@pytest.mark.rare
@pytest.mark.parametrize("name", registry.list_nets())
def test_every_net(name):
    graph, variables = build(make_settings(name), "chief 0", sync=False)
    check_devices(graph, variables)
    _, in_sync = build(make_settings(name), "worker 0", sync=True)
    assert in_sync == variables
