"""Time and memory of each layer: the net runs on the CPU, and TensorFlow's tracer measures it."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy.analyze import pair_rows_with_layers
from legacy_nets.anatomy.layers import Anatomy
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.live_graph import find_live_graph
from legacy_nets.nets.build import build_by_name
from legacy_nets.types import Session, Tensor

_RUNS = 5


def measure_net(
    name: str, size: tuple[int | None, ...] | None = None, **options: object
) -> Anatomy:
    """Analyzes a net, and measures its layers on one image with initial weights.

    Each layer has ``seconds``, the median of five runs, and ``allocated``, the bytes that its
    operations allocate: outputs and buffers, without the weights. One operation runs at a time,
    on all cores.

    Args:
      name: a name of the registry.
      size: as for ``build_net``; every side is known.
      **options: of the net.

    Raises: BadInputError for a side that is not known, and as ``build_net``.
    """
    if size is not None and None in size:
        raise BadInputError(f"{name}: time needs a size without ?: give all sides in --size")
    analyzed = anatomy.analyze_net(name, size, **options)
    net = registry.get_net(name)
    config = tf.ConfigProto(inter_op_parallelism_threads=1, device_count={"GPU": 0})
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        images = tf.placeholder(tf.float32, [1, *(size or net.image_size), net.channels])
        logits, end_points = build_by_name(name, images, **options)
        outputs = [point for point in end_points.values() if isinstance(point, tf.Tensor)]
        outputs.append(logits)
        pairs = pair_rows_with_layers(find_live_graph(images.graph, [images], outputs))
        owners = {op.name: index for index, (row, _) in enumerate(pairs) for op in row.operations}
        session.run(tf.global_variables_initializer())
        traces = list(_trace(session, images, outputs))
    nanoseconds = [_add_by_layer(spent, owners) for spent, _ in traces]
    allocated = _add_by_layer(traces[-1][1], owners)
    layers = tuple(
        dataclasses.replace(
            layer,
            seconds=statistics.median(run[index] for run in nanoseconds) / 1e9,
            allocated=allocated[index],
        )
        for index, layer in enumerate(analyzed.layers)
    )
    return dataclasses.replace(analyzed, layers=layers)


def _trace(
    session: Session, images: Tensor, outputs: Sequence[Tensor]
) -> Iterator[tuple[Counter[str], Counter[str]]]:
    """Runs a net; yields nanoseconds and allocated bytes by operation, of each run but the first.

    The picture is grey: time does not depend on it.
    """
    feed = {images: np.full(images.shape.as_list(), 0.5, np.float32)}
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    for run in range(_RUNS + 1):
        metadata = tf.RunMetadata()
        session.run(list(outputs), feed, options=options, run_metadata=metadata)
        spent: Counter[str] = Counter()
        allocated: Counter[str] = Counter()
        for device in metadata.step_stats.dev_stats:
            for node in device.node_stats:
                spent[node.node_name] += node.op_end_rel_nanos - node.op_start_rel_nanos
                allocated[node.node_name] += sum(memory.total_bytes for memory in node.memory)
        if run:
            yield spent, allocated


def _add_by_layer(numbers: Mapping[str, int], owners: Mapping[str, int]) -> Counter[int]:
    """Adds the numbers of operations by the index of their layer.

    TensorFlow adds operations below those of the graph, such as those in a loop.
    """
    sums: Counter[int] = Counter()
    for name, number in numbers.items():
        operation = name.removeprefix("Func/")
        while operation and operation not in owners:
            operation = operation.rpartition("/")[0]
        if operation:
            sums[owners[operation]] += number
    return sums
