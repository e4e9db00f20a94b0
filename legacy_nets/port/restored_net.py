"""The restored net that a graph is ported from, and running both sides on the same inputs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.plan import Plan
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import Source
from legacy_nets.data.preprocessing import to_pixels
from legacy_nets.errors import report_build_errors
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph
from legacy_nets.port.report import Comparison
from legacy_nets.train.provenance import built_from

if TYPE_CHECKING:
    from legacy_nets.port.jobs import Job

BATCH = 2
INPUT, OUTPUTS = "images", ("logits", "probabilities")


@dataclasses.dataclass(frozen=True)
class Restored:
    """A net as it infers, its weights in a session, and what it says to the test inputs."""

    job: Job
    graph: Any
    session: Any
    images: Any  # float32 [N, *image_size, channels], called "images"
    outputs: Mapping[str, Any]  # "logits" [N, offset + classes], "probabilities" [N, classes]
    end_points: Mapping[str, Any]
    inputs: np.ndarray  # float32 [2, *image_size, channels]
    reference: Mapping[str, np.ndarray]  # of the outputs and of each end point


def build(job: Job, is_training: bool = False) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Builds the net in the current graph: images, logits, probabilities, end points.

    Raises BadInputError for options or a size that the net cannot be built with.
    """
    record = registry.get_net(job.net)
    images = tf.placeholder(tf.float32, [None, *job.image_size, record.channels], name=INPUT)
    with report_build_errors(job.net, list(job.image_size), job.options):
        built, end_points = registry.build(
            job.net,
            images,
            num_classes=job.label_offset + job.num_classes,
            is_training=is_training,
            **job.options,
        )
        if built.shape.rank != 2:
            raise ValueError(f"the logits are {built.shape}, not one row an image")
    with tf.name_scope(None):  # the names that the target's outputs bear
        logits = tf.identity(built, name=OUTPUTS[0])
        known = logits[:, job.label_offset :] if job.label_offset else logits
        probabilities = tf.nn.softmax(known, name=OUTPUTS[1])
    tensors = {
        name: tensor
        for name, tensor in end_points.items()
        if isinstance(tensor, tf.Tensor) and name not in OUTPUTS
    }
    return images, logits, probabilities, tensors


def check_fit(job: Job, source: Source, averaged: bool) -> None:
    """Builds the net, no more. Raises CheckpointError where it and the source do not pair."""
    with tf.Graph().as_default():
        with built_from(source, job.net):
            build(job)
        _matched(job, source, averaged).check()


def _matched(job: Job, source: Source, averaged: bool) -> Plan:
    """The source against the variables of the current graph."""
    variables = tf.global_variables()
    return match(variables, adapt_to_graph(source, job.net, variables), ema=averaged)


@contextlib.contextmanager
def restored(job: Job, source: Source, averaged: bool) -> Iterator[Restored]:
    """Builds the net, restores it strictly and runs it once on seeded inputs."""
    graph = tf.Graph()
    with contextlib.closing(tf.Session(graph=graph)) as session:
        with graph.as_default():  # not while the block runs: Keras works outside of any graph
            with built_from(source, job.net):
                images, logits, probabilities, end_points = build(job)
            _matched(job, source, averaged).apply(session)
        pictures = np.random.default_rng(0).integers(
            0, 256, (BATCH, *images.shape.as_list()[1:]), np.uint8
        )
        inputs = to_pixels(pictures, job.pixels or registry.get_net(job.net).pixels)
        outputs = dict(zip(OUTPUTS, (logits, probabilities), strict=True))
        reference = session.run({**end_points, **outputs}, {images: inputs})
        yield Restored(job, graph, session, images, outputs, end_points, inputs, reference)


def verify(net: Restored, runs: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Comparison]:
    """Holds each run of the target, (side, name -> value), against the reference."""
    for side, found in runs:
        for name in (*OUTPUTS, *(name for name in net.reference if name not in OUTPUTS)):
            if name in found:
                classes = name in OUTPUTS
                want = net.reference[name]
                yield Comparison.of(name, want, np.asarray(found[name]), side, classes)


def answers(net: Restored, logits: np.ndarray) -> dict[str, np.ndarray]:
    """What a target says that gives logits alone, with the probabilities that they mean."""
    known = logits[:, net.job.label_offset :]
    powers = np.exp(known - known.max(-1, keepdims=True))
    return dict(zip(OUTPUTS, (logits, powers / powers.sum(-1, keepdims=True)), strict=True))


def run_graph(
    net: Restored, graph: Any, session: Any, outputs: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Runs a graph that was loaded from a file; of the end points those that it still has.

    ``outputs``: what its logits and probabilities are called.
    """
    there = {operation.name for operation in graph.get_operations()}
    fetch = {
        name: tensor.name for name, tensor in net.end_points.items() if tensor.op.name in there
    } | dict(outputs)
    return session.run(fetch, {f"{INPUT}:0": net.inputs})
