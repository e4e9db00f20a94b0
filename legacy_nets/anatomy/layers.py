"""What an analysis of a graph gives: its layers as a table, and what they add up to."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

from legacy_nets.anatomy.receptive import ReceptiveField

Number = TypeVar("Number", int, float)


@dataclasses.dataclass(frozen=True)
class Layer:
    """One row. Tuples of kernel, stride, dilation and zeros have one entry per spatial axis."""

    name: str  # the variable scope, or the operation where there is none
    layer_type: str
    output: tuple[int | None, ...] | None  # shape, None where unknown
    kernel: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    dilation: tuple[int, ...] | None
    padding: str | None  # SAME, VALID or EXPLICIT
    zeros: tuple[tuple[int, int], ...] | None  # (before, after) per axis, where the graph pads
    groups: int
    parameters: int
    trainable: int
    multiply_adds: int | None  # see Anatomy.batch; None where a size is not known
    receptive_field: ReceptiveField | None  # None where a value depends on the complete input
    variables: tuple[str, ...]
    tensor: str  # name of the output tensor
    operations: tuple[str, ...]  # types, each once, in order
    notes: tuple[str, ...] = ()
    seconds: float | None = None  # for one image; None where it was not measured (timing.py)
    allocated: int | None = None  # bytes, without weights; None where it was not measured


def make_empty_layer(name: str, layer_type: str, output: tuple[int | None, ...] | None) -> Layer:
    """Makes a layer without a window and without weights."""
    return Layer(
        name=name,
        layer_type=layer_type,
        output=output,
        kernel=None,
        stride=None,
        dilation=None,
        padding=None,
        zeros=None,
        groups=1,
        parameters=0,
        trainable=0,
        multiply_adds=0,
        receptive_field=None,
        variables=(),
        tensor=name,
        operations=(),
    )


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """The layers of one graph, in order of construction, and their totals."""

    name: str
    layers: tuple[Layer, ...]
    unused: tuple[tuple[str, tuple[int, ...]], ...] = ()  # variables of no layer, with shapes
    notes: tuple[str, ...] = ()
    has_receptive_fields: bool = True  # False: those of the layers were not computed

    @property
    def parameters(self) -> int:
        """Count of the numbers in all variables of the layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Count of the parameters that gradients change in training."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def batch(self) -> int:
        """Number of images that the multiply-adds are for: 1 unless the graph fixes its batch.

        The graph does so where an input and the output of the first layer begin with the same
        number. The first side of a single image is its height.
        """
        inputs = [
            layer.output for layer in self.layers if layer.layer_type == "input" and layer.output
        ]
        fixed = {shape[0] for shape in inputs if len(shape) > 1 and None not in shape}
        output = next((layer.output for layer in self.layers if layer.multiply_adds), None)
        side = output[0] if output else None
        return side if side is not None and side in fixed else 1

    @property
    def multiply_adds(self) -> int | None:
        """Multiply-adds for ``batch`` images; None if those of a layer are not known."""
        return add_known([layer.multiply_adds for layer in self.layers])

    @property
    def seconds(self) -> float | None:
        """Time of all layers for one image; None where it was not measured."""
        return add_known([layer.seconds for layer in self.layers])

    @property
    def allocated(self) -> int | None:
        """Bytes that all layers allocate, one after the other; None where not measured."""
        return add_known([layer.allocated for layer in self.layers])

    def get_layer(self, name: str) -> Layer:
        """Returns the first layer of that name. Raises KeyError."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)


def add_known(counts: Sequence[Number | None]) -> Number | None:
    """Adds numbers; returns None if one of them is not known."""
    return None if None in counts else sum(count for count in counts if count is not None)


def fold_layers(anatomy: Anatomy, depth: int) -> tuple[Layer, ...]:
    """Merges neighbouring layers that share their first ``depth`` scopes into one row each."""
    groups: list[tuple[str, list[Layer]]] = []
    for layer in anatomy.layers:
        scope = "/".join(layer.name.split("/")[:depth])
        if groups and groups[-1][0] == scope:
            groups[-1][1].append(layer)
        else:
            groups.append((scope, [layer]))
    return tuple(
        members[0] if len(members) == 1 else _merge(scope, members) for scope, members in groups
    )


def _merge(scope: str, members: list[Layer]) -> Layer:
    last = members[-1]
    return dataclasses.replace(
        make_empty_layer(scope, f"{len(members)} layers", last.output),
        receptive_field=last.receptive_field,
        tensor=last.tensor,
        parameters=sum(member.parameters for member in members),
        trainable=sum(member.trainable for member in members),
        multiply_adds=add_known([member.multiply_adds for member in members]),
        variables=tuple(dict.fromkeys(v for member in members for v in member.variables)),
        operations=tuple(dict.fromkeys(o for member in members for o in member.operations)),
        notes=tuple(dict.fromkeys(note for member in members for note in member.notes)),
        seconds=add_known([member.seconds for member in members]),
        allocated=add_known([member.allocated for member in members]),
    )
