"""The training graph of one trainer, with its variables on the ps; sessions that run it."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator

from legacy_nets import tf1 as tf
from legacy_nets.cluster.server import make_config
from legacy_nets.cluster.task import Task
from legacy_nets.errors import BadInputError
from legacy_nets.train.graph import SyncReplicas, TrainingGraph, build_training
from legacy_nets.train.settings import Settings
from legacy_nets.types import (
    DTypeLike,
    Operation,
    Saver,
    Session,
    ShapeLike,
    SyncReplicasOptimizer,
    Tensor,
    Variable,
)

LARGE = 16 << 20  # bytes of a variable of the net that is divided among the ps
_TOKENS = "sync_token_q"  # the shared name of SyncReplicasOptimizer's queue


@dataclasses.dataclass(frozen=True)
class Replica:
    """A trainer's graph, and the operations that start it."""

    net: TrainingGraph
    saver: Saver
    initialize: Operation  # every variable but the global step, which says that all are ready
    is_ready: Tensor  # bool: every variable on the ps has a value
    start_step: Operation  # sync: what a trainer runs before its first step


def build_replica(settings: Settings, task: Task, sync: bool) -> Replica:
    """Builds the training graph in the current graph; operations are on the task's device.

    The variables go to the ps with the fewest bytes so far, their optimizer slots next to them.
    Large ones are divided into a part for each ps; checkpoints have them under one name, as those
    of a training on one machine. Raises as ``build_training``.
    """
    setter = tf.train.replica_device_setter(
        worker_device=f"/job:{task.job}/task:{task.index}",
        cluster={job: list(addresses) for job, addresses in task.cluster.items()},
        ps_strategy=tf.contrib.training.GreedyLoadBalancingStrategy(
            len(task.parameter_servers), _count_bytes
        ),
    )
    replicas = SyncReplicas(len(task.trainers), task.is_chief) if sync else None
    with tf.device(setter), _divide_large_variables(len(task.parameter_servers)):
        net = build_training(settings, replicas)
        variables = [v for v in tf.global_variables() if v is not net.global_step]
        with tf.control_dependencies([tf.variables_initializer(variables)]):
            initialize = tf.no_op("initialize")
        start_step = tf.group(tf.local_variables_initializer())
        if net.sync is not None:
            with tf.control_dependencies([start_step]):
                start_step = (
                    _start_queue(net.sync, net.global_step)
                    if task.is_chief
                    else tf.group(net.sync.local_step_init_op)
                )
        missing = tf.size(tf.report_uninitialized_variables(tf.global_variables()))
        if net.sync is not None:  # a part of the same list, which TensorFlow wants to be used
            missing += tf.size(net.sync.ready_for_local_init_op)
        return Replica(
            net,
            tf.train.Saver(max_to_keep=None),
            initialize,
            tf.equal(missing, 0),
            start_step,
        )


@contextlib.contextmanager
def _divide_large_variables(parts: int) -> Iterator[None]:
    """Divides large variables of nets that are built in the block, by their longest axis.

    Not what belongs to a variable: its optimizer slots and average have the same parts.
    """

    def get_variable(
        getter: Callable[..., Variable],
        name: str,
        shape: ShapeLike,
        dtype: DTypeLike,
        trainable: bool | None = None,
        **options: object,
    ) -> Variable:
        sizes = tf.TensorShape(shape)
        if trainable is not False and sizes.rank:
            size = (sizes.num_elements() or 0) * tf.as_dtype(dtype).size
            if parts > 1 and size > LARGE:
                axis = max(range(sizes.rank), key=sizes.as_list().__getitem__)
                options["partitioner"] = tf.fixed_size_partitioner(parts, axis)
        return getter(name=name, shape=shape, dtype=dtype, trainable=trainable, **options)

    with tf.variable_scope(tf.get_variable_scope(), custom_getter=get_variable):
        yield


def _count_bytes(op: Operation) -> int:
    """Counts the bytes of a variable."""
    shape = tf.TensorShape(op.get_attr("shape"))
    size: int = (shape.num_elements() or 0) * op.get_attr("dtype").size
    return size


def _start_queue(sync: SyncReplicasOptimizer, global_step: Variable) -> Operation:
    """Builds what a chief of sync training runs first: it sets the step of every accumulator.

    With tokens at the start, as TensorFlow's hook makes them, a trainer could take steps alone.
    Those that an earlier chief has left are taken out; the workers begin again with a new chief.
    """
    with tf.device(global_step.device):
        tokens = tf.FIFOQueue(-1, global_step.dtype.base_dtype, shapes=(), shared_name=_TOKENS)
        emptied = tokens.dequeue_many(tokens.size())
    return tf.group(sync.chief_init_op, sync.local_step_init_op, emptied)


@contextlib.contextmanager
def open_session(
    replica: Replica,
    task: Task,
    target: str,
    prepare: Callable[[Session], None],
    seconds: float,
) -> Iterator[Session]:
    """Opens a session on the cluster. The chief calls ``prepare`` to give the variables values.

    A worker waits for that. These are the parts of MonitoredTrainingSession, which would open
    another session by itself, and hide that the step went back to that of a checkpoint.

    Raises BadInputError where the variables get no values in time.
    """
    config = make_config(task)
    coordinator = tf.train.Coordinator()
    with contextlib.closing(tf.Session(target, config=config)) as session:
        if task.is_chief:
            prepare(session)
        else:
            _wait_for_chief(replica, task, session, seconds)
        session.run(replica.start_step)
        sync, threads = replica.net.sync, []
        if sync is not None and task.is_chief:
            threads = sync.get_chief_queue_runner().create_threads(
                session, coordinator, daemon=True, start=True
            )
        try:
            yield session
        finally:
            coordinator.request_stop()
            session.close()  # ends what the threads wait for
            coordinator.join(threads, stop_grace_period_secs=5, ignore_live_threads=True)


def _wait_for_chief(replica: Replica, task: Task, session: Session, seconds: float) -> None:
    started = time.monotonic()
    while not session.run(replica.is_ready):
        if time.monotonic() - started > seconds:
            raise BadInputError(
                f"{task.trainers[0]} has not initialized the variables in {seconds:.0f} seconds: "
                "see its log"
            )
        time.sleep(0.2)
