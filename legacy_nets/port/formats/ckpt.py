"""TensorFlow's own checkpoint (Saver V2), written by TensorFlow, with metadata next to it.

TensorFlow writes parts of at most 256 MB and joins them: a file need not fit into memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.port.jobs import Metadata
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Weight, compare_file, count_bytes

_PART_BYTES = 1 << 28


def write(path: Path, weights: Sequence[Weight], metadata: Metadata) -> Iterator[Comparison]:
    """Writes ``path.index``, ``path.data-...`` and ``path.json``, then compares every tensor."""
    from legacy_nets import tf1 as tf

    parts = []
    with tf.Graph().as_default(), tf.Session() as session:
        for number, group in enumerate(_split(weights)):
            parts.append(str(path.with_name(f"part-{number}")))
            feed = {tf.placeholder(weight.dtype): np.asarray(weight.load()) for weight in group}
            names = [weight.name for weight in group]
            save = tf.raw_ops.SaveV2(
                prefix=parts[-1],
                tensor_names=names,
                shape_and_slices=[""] * len(names),
                tensors=list(feed),
            )
            session.run(save, feed)
        session.run(
            tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(path))
        )
    Path(f"{path}.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    yield from compare_file(read_bundle(path), weights)


def _split(weights: Sequence[Weight]) -> Iterator[list[Weight]]:
    """Yields the weights in their order, in groups of about 256 MB."""
    group: list[Weight] = []
    size = 0
    for weight in weights:
        if group and size + count_bytes(weight) > _PART_BYTES:
            yield group
            group, size = [], 0
        group.append(weight)
        size += count_bytes(weight)
    if group:
        yield group
