"""TensorFlow's own checkpoint (Saver V2), written by TensorFlow; the metadata lie beside it.

Parts of at most 256 MB are written and then joined, so that a file need not fit into memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Tensor, bytes_of, check

_AT_ONCE = 1 << 28


def write(
    path: Path, tensors: Sequence[Tensor], metadata: Mapping[str, Any]
) -> Iterator[Comparison]:
    """Writes ``path.index``, ``path.data-...`` and ``path.json``, then compares every tensor."""
    from legacy_nets import tf1 as tf

    parts = []
    with tf.Graph().as_default(), tf.Session() as session:
        for number, group in enumerate(_groups(tensors)):
            parts.append(str(path.with_name(f"part-{number}")))
            feed = {tf.placeholder(tensor.dtype): np.asarray(tensor.load()) for tensor in group}
            names = [tensor.name for tensor in group]
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
    yield from check(read_bundle(path), tensors)


def _groups(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in their order, in groups of about 256 MB."""
    group: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if group and size + bytes_of(tensor) > _AT_ONCE:
            yield group
            group, size = [], 0
        group.append(tensor)
        size += bytes_of(tensor)
    if group:
        yield group
