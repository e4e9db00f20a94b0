"""Weights of GoogLeNet that Keras saved in eager mode, with and without auxiliary heads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from legacy_nets.checkpoints.source import Source
from legacy_nets.checkpoints.translate import Entry, Translated
from legacy_nets.nets.parts.keras_style import auto_names
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout
from legacy_nets.types import Variable

MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
HEAD_AFTER = {"4a": "aux_1", "4d": "aux_2"}


class _Layer(NamedTuple):
    """A layer and its names in files of Keras."""

    scope: str
    eager_name: str  # in eager mode, where a Sequential adds no name
    object_path: str  # in the TF format; "" where no other layer has the eager name


def map_keras_names(name: str) -> tuple[Entry, ...]:
    """Maps names of an .h5 file that Keras saved in eager mode, with auxiliary heads."""
    return _map_keras(aux_logits=True, by_object=False)


def map_keras_tf_names(name: str) -> tuple[Entry, ...]:
    """Maps names of Keras' TF format, with auxiliary heads."""
    return _map_keras(aux_logits=True, by_object=True)


def map_keras_no_aux_names(name: str) -> tuple[Entry, ...]:
    """Maps names as ``map_keras_names`` does, for ``aux_logits=False``."""
    return _map_keras(aux_logits=False, by_object=False)


def map_keras_tf_no_aux_names(name: str) -> tuple[Entry, ...]:
    """Maps names as ``map_keras_tf_names`` does, for ``aux_logits=False``."""
    return _map_keras(aux_logits=False, by_object=True)


def renumber_without_heads(source: Source, variables: Sequence[Variable]) -> Source:
    """Renumbers the layers of a source with auxiliary heads for a graph without them.

    Such a source is a Keras model that ``port`` wrote. Without the heads the graph numbers its
    layers differently (004-E21).
    """
    new_scopes, old_scopes = (
        [layer.scope for layer in _list_layers(heads) if not layer.scope.startswith("aux_")]
        for heads in (False, True)
    )
    entries = [
        Entry(f"{new}/{part}", f"{old}/{part}")
        for new, old in zip(new_scopes, old_scopes, strict=True)
        for part in ("kernel", "bias")
    ]
    file_has_heads = source.tensors.keys() >= {entry.stored for entry in entries}
    graph_has_heads = any(variable.op.name.startswith("aux_") for variable in variables)
    return Translated(source, entries) if file_has_heads and not graph_has_heads else source


def _map_keras(aux_logits: bool, by_object: bool) -> tuple[Entry, ...]:
    """Maps each layer to its eager name.

    Layers that share one (004-E21) go by their group in .h5, by their object in the TF format.
    """
    layers = list(_list_layers(aux_logits))
    count = Counter(layer.eager_name for layer in layers)
    entries = []
    for scope, eager_name, object_path in layers:
        stored = eager_name
        if count[eager_name] > 1:
            stored = object_path if by_object else f"{scope.split('/')[0]}/{eager_name}"
        entries += [Entry(f"{scope}/{part}", f"{stored}/{part}") for part in ("kernel", "bias")]
    return tuple(entries)


def _list_layers(aux_logits: bool) -> Iterator[_Layer]:
    """Lists the layers that have weights, in the order of the graph."""
    names = auto_names()
    for number in (1, 2, 3):
        yield _Layer(f"conv2d_{number}", f"conv2d_{number}", f"layer_with_weights-{number - 1}")
    for index, module in enumerate(MODULES, 3):
        scope, module_path = f"inception_{module}", f"layer_with_weights-{index}"
        layer = names("conv2d")
        yield _Layer(f"{scope}/{layer}", f"{scope}/{layer}", f"{module_path}/branch1")
        for branch, convolutions in ((2, 2), (3, 2), (4, 1)):
            sequential = names("sequential")
            for number in range(convolutions):
                layer = names("conv2d")
                path = f"{module_path}/branch{branch}/layer_with_weights-{number}"
                yield _Layer(f"{scope}/{sequential}/{layer}", layer, path)
        if module in HEAD_AFTER and aux_logits:
            for layer_type in ("conv2d", "dense", "dense"):
                layer = f"{HEAD_AFTER[module]}/{names(layer_type)}"
                yield _Layer(layer, layer, "")
    yield _Layer("output_dense", "output_dense", "")


WEIGHTS = FamilyWeights(
    (
        WeightLayout("keras", map_keras_names),
        WeightLayout("keras_tf", map_keras_tf_names),
        WeightLayout("keras_no_aux", map_keras_no_aux_names),
        WeightLayout("keras_tf_no_aux", map_keras_tf_no_aux_names),
    ),
    adapt=renumber_without_heads,
)
