"""Puts the state of a cluster on the task that TensorFlow 1.15 chose.

Variables, queues and tables whose device names no task were on the first task of the cluster: on
the first ps, where all workers share them. Today's TensorFlow prefers the task of the session, so
that each worker has its own.
"""

from __future__ import annotations

import collections
import importlib
import weakref
from collections.abc import Iterable, Sequence

from legacy_nets import tf1 as tf
from legacy_nets.types import Graph, Operation, Server, Session

_JOB_AND_TASK = "/job:{}/replica:0/task:{}"

_tasks: dict[bytes, list[str]] = {}  # the target of a server here -> its cluster's tasks, in order
_placed: weakref.WeakKeyDictionary[Graph, int] = weakref.WeakKeyDictionary()  # operations


def install() -> None:
    """Changes the servers and sessions of this process."""
    server = importlib.import_module("tensorflow.python.training.server_lib").Server
    session = importlib.import_module("tensorflow.python.client.session").BaseSession
    make_server, extend_graph = server.__init__, session._extend_graph

    def make_known_server(self: Server, *arguments: object, **options: object) -> None:
        make_server(self, *arguments, **options)
        _tasks[tf.compat.as_bytes(self.target)] = sorted(
            _JOB_AND_TASK.format(job.name, index)
            for job in self.server_def.cluster.job
            for index in job.tasks
        )

    def extend_placed_graph(self: Session) -> None:
        place_state(self.graph, _list_tasks(self))
        extend_graph(self)

    server.__init__, session._extend_graph = make_known_server, extend_placed_graph


def _list_tasks(session: Session) -> list[str]:
    """Lists the tasks that a session may use; none where no server of this process has it."""
    tasks = _tasks.get(session.sess_str, [])
    filters = list(session._config.device_filters) if session._config else []
    return [task for task in tasks if not filters or any(_allows(each, task) for each in filters)]


def place_state(graph: Graph, tasks: Sequence[str]) -> None:
    """Gives state that no session has seen the first of ``tasks`` that its device allows.

    State is what has a ``shared_name``. What is tied to a device with a task stays, and so do
    iterators and data sets: they do not travel between tasks.
    """
    seen = _placed.get(graph, 0)
    if graph.version <= seen:
        return
    operations = graph.get_operations()
    _placed[graph] = len(operations)
    if not tasks:
        return
    for group in _group(operations[seen:]):
        if not any(_stays(operation) for operation in group):
            for operation in group:
                if _is_state(operation):
                    _place(operation, tasks)


def _place(operation: Operation, tasks: Sequence[str]) -> None:
    allowed = [task for task in tasks if _allows(operation.device, task)]
    if allowed:
        given = tf.DeviceSpec.from_string(operation.device)
        task = tf.DeviceSpec.from_string(allowed[0])
        operation._set_device(given.make_merged_spec(task))


def _allows(device: str, task: str) -> bool:
    """Whether a device, which may leave out everything, can be one of a task."""
    given, wanted = tf.DeviceSpec.from_string(device), tf.DeviceSpec.from_string(task)
    pairs = ((given.job, wanted.job), (given.replica, wanted.replica), (given.task, wanted.task))
    return all(part in (None, value) for part, value in pairs)


def _is_state(operation: Operation) -> bool:
    return any(attribute.name == "shared_name" for attribute in operation.op_def.attr)


def _stays(operation: Operation) -> bool:
    """Whether an operation keeps its group where it is."""
    device = tf.DeviceSpec.from_string(operation.device)
    tensors = [*operation.inputs, *operation.outputs]
    return (
        (device.job is not None and device.task is not None)
        or "Iterator" in operation.type
        or any(tensor.dtype.base_dtype == tf.variant for tensor in tensors)
    )


def _group(operations: Iterable[Operation]) -> list[list[Operation]]:
    """Groups operations that share a task: by references, resources and colocation."""
    parents: dict[str, str] = {}

    def find(name: str) -> str:
        while parents.setdefault(name, name) != name:
            parents[name] = name = parents[parents[name]]
        return name

    listed = list(operations)
    for operation in listed:
        tied = [each.decode().removeprefix("loc:@") for each in operation.colocation_groups()]
        for tensor in operation.inputs:
            if tensor.dtype == tf.resource or tensor.dtype._is_ref_dtype:
                tied.append(tensor.op.name)
        for name in tied:
            parents[find(name)] = find(operation.name)
    groups = collections.defaultdict(list)
    for operation in listed:
        groups[find(operation.name)].append(operation)
    return list(groups.values())
