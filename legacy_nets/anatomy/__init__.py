"""What a graph is made of: layers, parameters, multiply-adds, receptive fields.

    anatomy.of_net("inception_v3", size=(299, 299))    a net of the registry
    anatomy.of_file("model.ckpt.meta")                 a .meta or a frozen .pb, never run
    anatomy.layers(graph)                              any tf.Graph

Each gives an ``Anatomy``: ``.layers``, ``.parameters``, ``.trainable``, ``.multiply_adds``.
``anatomy.receptive_field(tensor)`` answers for one tensor of any graph.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import receptive
from legacy_nets.anatomy.layers import Anatomy, Layer, folded, layers
from legacy_nets.anatomy.receptive import Field
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.live_graph import find_live_graph
from legacy_nets.graphdef.load import load_graph
from legacy_nets.nets.build import build_by_name
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.sandbox import run_in_subprocess
from legacy_nets.tf1.speed import without_initial_values

__all__ = [
    "Anatomy",
    "Field",
    "Layer",
    "built",
    "folded",
    "layers",
    "of_file",
    "of_net",
    "read_file",
    "receptive_field",
]


def built(
    name: str, size: tuple[int | None, ...] | None = None, **options: Any
) -> tuple[Any, Any, dict[str, Any]]:
    """Builds a net to be looked at, not run: (images, logits, end points) in a graph of its own.

    Args:
      name: of the registry.
      size: (height, width) of the images, or (frames, height, width) of clips; None as a side
        leaves it unknown; None takes the document's.
      **options: of the net.
    """
    net = registry.get_net(name)
    sides = tuple(net.image_size if size is None else size)
    if len(sides) != len(net.image_size):
        wanted = "height and width" if len(net.image_size) == 2 else "frames, height and width"
        raise BadInputError(f"{name} takes a size of {wanted}, not {len(sides)} numbers")
    with tf.Graph().as_default(), without_initial_values():
        images = tf.placeholder(tf.float32, [None, *sides, net.channels], name="images")
        try:
            logits, end_points = build_by_name(name, images, **options)
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            if isinstance(error, BadInputError):
                raise
            given = "x".join("?" if side is None else str(side) for side in sides)
            reason = str(error).strip().splitlines()[0]
            raise BadInputError(f"{name} cannot be built at {given}: {reason}") from error
    return images, logits, end_points


def of_net(name: str, size: tuple[int | None, ...] | None = None, **options: Any) -> Anatomy:
    """The anatomy of a net of the registry; arguments and errors as for ``built``."""
    images, logits, end_points = built(name, size, **options)
    wanted = [point for point in end_points.values() if isinstance(point, tf.Tensor)]
    return layers(images.graph, [images], [*wanted, logits], name=name)


def of_file(path: str | pathlib.Path) -> Anatomy:
    """The anatomy of a .meta or frozen .pb file, read in a process of its own.

    Raises BadInputError as ``load_graph``, CheckpointError where the reader dies of the file.
    """
    found: Anatomy = run_in_subprocess(read_file, path)
    return found


def read_file(path: str | pathlib.Path) -> Anatomy:
    """As ``of_file``, in this process, which a damaged or hostile file may crash or fill."""
    quiet_tensorflow()
    loaded = load_graph(path)
    return layers(loaded.graph, trainable=loaded.trainable, name=pathlib.Path(path).name)


def receptive_field(output: Any, images: Any = None, *, known_size: bool = True) -> Field | None:
    """What part of ``images`` a value of ``output`` sees; None if the whole.

    Args:
      output: a tensor, such as an end point.
      images: the input tensor; if None, the placeholder that ``output`` depends on.
      known_size: False computes as if the size of the input were not known, as
        tf.contrib.receptive_field does without ``input_resolution``.

    Raises: BadInputError where ``output`` does not depend on ``images``.
    """
    alive = find_live_graph(output.graph, None if images is None else [images], [output])
    if not alive.sources:
        raise BadInputError(f"{output.name} does not depend on {images.name if images else '?'}")
    return receptive.fields(alive.operations, alive.sources, known_size)[output.op.name]


def receptive_fields(
    outputs: Iterable[Any], images: Any, *, known_size: bool = True
) -> list[Field | None]:
    """As ``receptive_field``, for many tensors of one graph in one walk."""
    wanted = list(outputs)
    if not wanted:
        return []
    alive = find_live_graph(images.graph, [images], wanted)
    found = receptive.fields(alive.operations, alive.sources, known_size)
    return [found.get(output.op.name) for output in wanted]
