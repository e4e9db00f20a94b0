"""Builds a registered net as it is ported: with named inputs and outputs."""

from __future__ import annotations

from typing import NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.errors import report_build_errors
from legacy_nets.nets.build import build_net
from legacy_nets.port.jobs import INPUT, OUTPUTS, Job
from legacy_nets.types import EndPoints, Tensor


class NetTensors(NamedTuple):
    """The tensors of a net that was built to be ported."""

    images: Tensor  # float32 [N, *image_size, channels], named "images"
    outputs: dict[str, Tensor]  # "logits" [N, offset + classes], "probabilities" [N, classes]
    end_points: EndPoints


def build_for_port(job: Job, is_training: bool = False) -> NetTensors:
    """Builds the net in the current graph.

    Raises BadInputError for options or a size that the net cannot be built with.
    """
    images = tf.placeholder(tf.float32, [None, *job.image_size, job.net.channels], name=INPUT)
    with report_build_errors(job.net.name, list(job.image_size), job.options):
        raw_logits, end_points = build_net(
            job.net,
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
