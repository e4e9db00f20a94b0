"""TensorFlow's server of a task, and the loop of a parameter server."""

from __future__ import annotations

import time

from rich.console import Console

from legacy_nets import tf1 as tf
from legacy_nets.cluster.board import build_departures
from legacy_nets.cluster.network import check_port
from legacy_nets.cluster.task import Task
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.progress import print_line
from legacy_nets.types import ConfigProto, Server

GRACE = 30.0  # seconds that a ps stays for the workers after the chief has left
_POLL = 0.5  # seconds


def make_config(task: Task) -> ConfigProto:
    """Makes the config of a session that does not wait for the other trainers."""
    return tf.ConfigProto(device_filters=["/job:ps", f"/job:{task.job}/task:{task.index}"])


def start_server(task: Task) -> Server:
    """Starts the server of a task. Raises BadInputError where it cannot listen at its address."""
    check_port(task.address, task.name)
    spec = tf.train.ClusterSpec({job: list(addresses) for job, addresses in task.cluster.items()})
    try:
        return tf.train.Server(
            spec, job_name=task.job, task_index=task.index, config=make_config(task)
        )
    except tf.errors.OpError as error:
        raise BadInputError(
            f"{task.name} cannot listen at {task.address} ({join_lines(error)[:200]}): give "
            "another port"
        ) from None


def serve(task: Task, console: Console) -> None:
    """Holds variables for the trainers, until the chief and the workers have left."""
    server = start_server(task)
    with tf.Graph().as_default():
        departures = build_departures(task, task.index)
        config = tf.ConfigProto(device_filters=[f"/job:ps/task:{task.index}"])
        with tf.Session(server.target, config=config) as session:
            session.run(departures.initializer)
            departures = departures.read_value()
            print_line(console, f"{task.name} listens at {task.address}")
            chief_left: float | None = None
            while True:
                has_left = session.run(departures)
                if has_left[0] and chief_left is None:
                    chief_left = time.monotonic()
                if has_left.all() or (chief_left and time.monotonic() > chief_left + GRACE):
                    return
                time.sleep(_POLL)
