"""The restored net that a graph is ported from, and its outputs on seeded inputs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.plan import Plan
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import Source
from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph
from legacy_nets.port.build import NetTensors, build_for_port
from legacy_nets.port.calibration import MAX_COMPARED, load_pictures
from legacy_nets.port.jobs import INPUT, Job
from legacy_nets.port.memory import release_memory
from legacy_nets.progress import update_status
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.train.provenance import name_file_in_errors
from legacy_nets.types import Array, Graph, Session

BATCH = 2


@dataclasses.dataclass
class RestoredNet:
    """A net in inference mode, restored into a session, and its outputs on the test inputs."""

    job: Job
    graph: Graph
    session: Session | None  # None after ``close_session``
    tensors: NetTensors
    inputs: Array  # float32 [N, *image_size, channels]; N is 2, or some of the examples
    examples: Array  # of the calibration folder: float32 [N, *image_size, channels]; N may be 0
    reference: Mapping[str, Array]  # the outputs and end points
    plan: Plan  # the weights, which the session has, too

    def get_session(self) -> Session:
        """Returns the session. Raises ValueError after ``close_session``."""
        if self.session is None:
            raise ValueError(f"the session of {self.job.net.name} is closed")
        return self.session

    def close_session(self) -> None:
        """Frees the session with its variables; the values are still in ``plan``."""
        if self.session is not None:
            self.session.close()
            self.session = None
            with tf.Graph().as_default(), tf.Session() as session:
                session.run(tf.no_op())  # only then TensorFlow frees the arrays that it was fed
        release_memory()


def check_fit(job: Job, source: Source, averaged: bool) -> None:
    """Builds the net, and raises CheckpointError where its variables do not match the source."""
    with tf.Graph().as_default(), without_initial_values():
        with name_file_in_errors(source, job.net):
            build_for_port(job)
        variables = tf.global_variables()
        adapted = adapt_to_graph(source, job.net, variables)
        match(variables, adapted, ema=averaged).check()


@contextlib.contextmanager
def restore_net(
    job: Job,
    source: Source,
    averaged: bool,
    keeps_variables: bool = False,
    keeps_end_points: bool = True,
) -> Iterator[RestoredNet]:
    """Builds the net, restores it strictly and runs it once on seeded inputs.

    Args:
      job: the port.
      source: the weights.
      averaged: whether moving averages are restored.
      keeps_variables: whether the variables get their initial values, too.
      keeps_end_points: whether the reference has the end points, too.
    """
    net = _restore(job, source, averaged, keeps_variables, keeps_end_points)
    try:
        yield net
    finally:
        net.close_session()


def _restore(
    job: Job, source: Source, averaged: bool, keeps_variables: bool, keeps_end_points: bool
) -> RestoredNet:
    build_mode = contextlib.nullcontext() if keeps_variables else without_initial_values()
    graph = tf.Graph()
    with graph.as_default(), name_file_in_errors(source, job.net), build_mode:
        tensors = build_for_port(job)
    with contextlib.ExitStack() as on_error:
        session = tf.Session(graph=graph)
        on_error.callback(session.close)
        with graph.as_default():
            variables = tf.global_variables()
            plan = match(variables, adapt_to_graph(source, job.net, variables), ema=averaged)
            plan.feed(session)
        if job.precision.calibration is not None:
            update_status(f"loading examples of {job.precision.calibration}")
        examples = load_pictures(job)
        inputs = examples[:MAX_COMPARED] if len(examples) else _generate_inputs(job, tensors)
        fetches = {**(tensors.end_points if keeps_end_points else {}), **tensors.outputs}
        update_status(f"running {job.net.name} on {len(inputs)} inputs")
        reference = session.run(fetches, {tensors.images: inputs})
        on_error.pop_all()  # the caller closes it
    return RestoredNet(job, graph, session, tensors, inputs, examples, reference, plan)


def _generate_inputs(job: Job, tensors: NetTensors) -> Array:
    """Generates seeded pictures: float32 [2, *image_size, channels]."""
    shape = (BATCH, *tensors.images.shape.as_list()[1:])
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return scale_pixels(pictures, job.preprocessing)


@contextlib.contextmanager
def rebuild_net(net: RestoredNet, build: Callable[[Job], NetTensors]) -> Iterator[RestoredNet]:
    """Builds a restored net in another way, with the same values of its variables."""
    graph = tf.Graph()
    with graph.as_default():
        with without_initial_values():
            tensors = build(net.job)
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        plan = dataclasses.replace(net.plan, variables=variables)
        session = tf.Session(graph=graph)
        plan.feed(session)
        rebuilt = dataclasses.replace(net, graph=graph, session=session, tensors=tensors, plan=plan)
        del session  # else ``close_session`` would not free it
        try:
            yield rebuilt
        finally:
            rebuilt.close_session()


def run_graph(
    net: RestoredNet, graph: Graph, session: Session, outputs: Mapping[str, str]
) -> dict[str, Array]:
    """Runs a graph that was loaded from a target, with the end points that it still has.

    ``outputs``: tensor names of its logits and probabilities.
    """
    names = {operation.name for operation in graph.get_operations()}
    end_points = net.tensors.end_points
    fetches = {name: tensor.name for name, tensor in end_points.items() if tensor.op.name in names}
    return session.run(fetches | dict(outputs), {f"{INPUT}:0": net.inputs})
