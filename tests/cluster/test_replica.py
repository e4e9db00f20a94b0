"""The graph of a trainer: where variables and operations are, for every net of the registry."""

import pytest

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.cluster.launch import Plan, assign_tasks
from legacy_nets.cluster.replica import build_replica
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


@pytest.mark.rare
@pytest.mark.parametrize("name", registry.list_nets())
def test_every_net(name):
    graph, variables = build(make_settings(name), "chief 0", sync=False)
    check_devices(graph, variables)
    _, in_sync = build(make_settings(name), "worker 0", sync=True)
    assert in_sync == variables
