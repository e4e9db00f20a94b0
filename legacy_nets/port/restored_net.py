"""The restored net that a graph is ported from, and its outputs on seeded inputs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import Source
from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.errors import report_build_errors
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph
from legacy_nets.port.jobs import INPUT, OUTPUTS, Job
from legacy_nets.train.provenance import name_file_in_errors
from legacy_nets.types import Array, EndPoints, Graph, Session, Tensor

BATCH = 2


class NetTensors(NamedTuple):
    """The tensors of a net that was built to be ported."""

    images: Tensor  # float32 [N, *image_size, channels], named "images"
    outputs: dict[str, Tensor]  # "logits" [N, offset + classes], "probabilities" [N, classes]
    end_points: EndPoints


@dataclasses.dataclass(frozen=True)
class RestoredNet:
    """A net in inference mode, restored into a session, and its outputs on the test inputs."""

    job: Job
    graph: Graph
    session: Session
    tensors: NetTensors
    inputs: Array  # float32 [2, *image_size, channels]
    reference: Mapping[str, Array]  # the outputs and end points


def build_net(job: Job, is_training: bool = False) -> NetTensors:
    """Builds the net in the current graph.

    Raises BadInputError for options or a size that the net cannot be built with.
    """
    images = tf.placeholder(tf.float32, [None, *job.image_size, job.net.channels], name=INPUT)
    with report_build_errors(job.net.name, list(job.image_size), job.options):
        raw_logits, end_points = build_by_name(
            job.net.name,
            images,
            num_classes=job.num_logits,
            is_training=is_training,
            **job.options,
        )
        if raw_logits.shape.rank != 2:
            raise ValueError(f"the logits are {raw_logits.shape}, not one row per image")
    with tf.name_scope(None):  # the target's outputs have these names
        logits = tf.identity(raw_logits, name=OUTPUTS[0])
        class_logits = logits[:, job.label_offset :] if job.label_offset else logits
        probabilities = tf.nn.softmax(class_logits, name=OUTPUTS[1])
    tensors = {
        name: tensor
        for name, tensor in end_points.items()
        if isinstance(tensor, tf.Tensor) and name not in OUTPUTS
    }
    return NetTensors(images, dict(zip(OUTPUTS, (logits, probabilities), strict=True)), tensors)


def check_fit(job: Job, source: Source, averaged: bool) -> None:
    """Builds the net, and raises CheckpointError where its variables do not match the source."""
    with tf.Graph().as_default():
        with name_file_in_errors(source, job.net.name):
            build_net(job)
        variables = tf.global_variables()
        adapted = adapt_to_graph(source, job.net.name, variables)
        match(variables, adapted, ema=averaged).check()


@contextlib.contextmanager
def restore_net(job: Job, source: Source, averaged: bool) -> Iterator[RestoredNet]:
    """Builds the net, restores it strictly and runs it once on seeded inputs."""
    graph = tf.Graph()
    with contextlib.closing(tf.Session(graph=graph)) as session:
        with graph.as_default():  # not while the block runs: Keras works outside of any graph
            with name_file_in_errors(source, job.net.name):
                tensors = build_net(job)
            variables = tf.global_variables()
            adapted = adapt_to_graph(source, job.net.name, variables)
            match(variables, adapted, ema=averaged).apply(session)
        shape = (BATCH, *tensors.images.shape.as_list()[1:])
        pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        inputs = scale_pixels(pictures, job.preprocessing)
        fetches = {**tensors.end_points, **tensors.outputs}
        reference = session.run(fetches, {tensors.images: inputs})
        yield RestoredNet(job, graph, session, tensors, inputs, reference)


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
