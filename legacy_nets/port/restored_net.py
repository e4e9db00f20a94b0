"""The restored net that a graph is ported from, and its outputs on seeded inputs."""

from __future__ import annotations

import contextlib
import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.plan import Plan
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import Source
from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.graphdef.op_types import LOOPS
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph
from legacy_nets.port.build import NetTensors, build_for_port
from legacy_nets.port.calibration import MAX_COMPARED, load_pictures
from legacy_nets.port.formats.lazy_constants import has_plain_variables
from legacy_nets.port.jobs import INPUT, Job
from legacy_nets.port.memory import release_memory
from legacy_nets.progress import update_status
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.train.provenance import name_file_in_errors
from legacy_nets.types import Array, Graph, Session, Tensor

BATCH = 2
_ALIGNMENT = 64  # bytes


@dataclasses.dataclass
class RestoredNet:
    """A net in inference mode with its weights, and its outputs on the test inputs."""

    job: Job
    graph: Graph
    tensors: NetTensors
    inputs: Array  # float32 [N, *image_size, channels]; N is 2, or some of the examples
    examples: Array  # of the calibration folder: float32 [N, *image_size, channels]; N may be 0
    plan: Plan  # the weights
    session: Session | None = None  # made by ``get_session``
    running: Future[dict[str, Array]] = dataclasses.field(default_factory=Future)

    @property
    def reference(self) -> Mapping[str, Array]:
        """The outputs and end points on the inputs; waits until they are computed."""
        return self.running.result()

    @property
    def has_loops(self) -> bool:
        """Whether it has loops of TensorFlow 2."""
        return any(operation.type in LOOPS for operation in self.graph.get_operations())

    def get_session(self) -> Session:
        """Returns a session of the graph; restores the variables where that was not yet done."""
        if self.session is None:
            self.session = tf.Session(graph=self.graph)
            self.plan.feed(self.session)
        return self.session

    def close_session(self) -> None:
        """Frees the session with its variables, if there is one; their values are in ``plan``."""
        if self.session is not None:
            self.session.close()
            self.session = None
            _free_fed_arrays()
            release_memory()

    def start(self, fetches: Mapping[str, Tensor], pool: ThreadPoolExecutor) -> None:
        """Starts to compute the reference; restores no variable whose value can be fed.

        The values are read here: the readers of weights are used in this thread alone.
        """
        if has_plain_variables(self.graph.as_graph_def()):
            feed = {self.tensors.images: self.inputs, **self._feed_variables()}
            self.running = pool.submit(self._run_fed, fetches, feed)
            pool.submit(_free_fed_arrays)
        else:
            feed = {self.tensors.images: self.inputs}
            self.running.set_result(self.get_session().run(fetches, feed))

    def _run_fed(
        self, fetches: Mapping[str, Tensor], feed: Mapping[Tensor, Array]
    ) -> dict[str, Array]:
        with tf.Session(graph=self.graph) as session:
            values: dict[str, Array] = session.run(fetches, feed)
        return values

    def _feed_variables(self) -> dict[Tensor, Array]:
        """Reads the values of variables, for each place where the graph reads one."""
        readers = self.plan.list_readers()
        values: dict[str, Array] = {}
        feed = {}
        for operation in self.graph.get_operations():
            if operation.type == "ReadVariableOp":
                name = operation.inputs[0].op.name
                if name not in values:
                    values[name] = _align(readers[name]())
                feed[operation.outputs[0]] = values[name]
        return feed


def _align(value: Array) -> Array:
    """Copies an array to where TensorFlow takes it without a copy of its own."""
    memory = np.empty(value.nbytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    aligned = memory[start : start + value.nbytes].view(value.dtype).reshape(value.shape)
    aligned[...] = value
    return aligned


def _free_fed_arrays() -> None:
    """Runs nothing: only then TensorFlow frees the arrays that it was fed."""
    with tf.Graph().as_default(), tf.Session() as session:
        session.run(tf.no_op())


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

    The run goes on in a thread of its own, on a second core, until its outputs are needed.

    Args:
      job: the port.
      source: the weights.
      averaged: whether moving averages are restored.
      keeps_variables: whether the variables get their initial values, too.
      keeps_end_points: whether the reference has the end points, too.
    """
    net = _restore(job, source, averaged, keeps_variables)
    fetches = {**(net.tensors.end_points if keeps_end_points else {}), **net.tensors.outputs}
    update_status(f"running {job.net.name} on {len(net.inputs)} inputs")
    with ThreadPoolExecutor(1) as pool:
        try:
            net.start(fetches, pool)
            if keeps_variables:  # the caller changes the graph
                net.running.result()
            yield net
        finally:
            net.close_session()


def _restore(job: Job, source: Source, averaged: bool, keeps_variables: bool) -> RestoredNet:
    build_mode = contextlib.nullcontext() if keeps_variables else without_initial_values()
    graph = tf.Graph()
    with graph.as_default(), name_file_in_errors(source, job.net), build_mode:
        tensors = build_for_port(job)
    with graph.as_default():
        variables = tf.global_variables()
        plan = match(variables, adapt_to_graph(source, job.net, variables), ema=averaged)
    plan.check()
    folder = job.precision.calibration
    if folder is not None:
        update_status(f"loading examples of {folder}")
    examples = load_pictures(folder, job.net, job.image_size, job.preprocessing)
    inputs = examples[:MAX_COMPARED] if len(examples) else _generate_inputs(job, tensors)
    return RestoredNet(job, graph, tensors, inputs, examples, plan)


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
        rebuilt = dataclasses.replace(net, graph=graph, session=None, tensors=tensors, plan=plan)
        try:
            yield rebuilt
        finally:
            rebuilt.close_session()


def run_graph(
    net: RestoredNet,
    graph: Graph,
    session: Session,
    outputs: Mapping[str, str],
    constants: Mapping[str, Array] = types.MappingProxyType({}),
) -> dict[str, Array]:
    """Runs a graph that was loaded from a target, with the end points that it still has.

    ``outputs``: tensor names of its logits and probabilities.
    ``constants``: tensor name -> value, of constants that have none in the graph.
    """
    names = {operation.name for operation in graph.get_operations()}
    end_points = net.tensors.end_points
    fetches = {name: tensor.name for name, tensor in end_points.items() if tensor.op.name in names}
    return session.run(fetches | dict(outputs), {f"{INPUT}:0": net.inputs, **constants})
