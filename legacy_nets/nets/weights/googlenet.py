"""Weights of GoogLeNet that Keras saved in eager mode, with and without auxiliary heads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from legacy_nets.checkpoints.source import Source
from legacy_nets.checkpoints.translate import Entry, Translated
from legacy_nets.nets.googlenet import HEAD_AFTER, MODULES
from legacy_nets.nets.parts.keras_style import auto_names
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout
from legacy_nets.types import Variable


def map_keras_names(name: str) -> tuple[Entry, ...]:
    """Names in an .h5 file that Keras saved in eager mode, of a model with auxiliary heads."""
    return _keras_entries(aux_logits=True, objects=False)


def map_keras_tf_names(name: str) -> tuple[Entry, ...]:
    """Names in Keras' TF format, of a model with auxiliary heads."""
    return _keras_entries(aux_logits=True, objects=True)


def map_keras_no_aux_names(name: str) -> tuple[Entry, ...]:
    """As ``map_keras_names``, without auxiliary heads: for ``aux_logits=False``."""
    return _keras_entries(aux_logits=False, objects=False)


def map_keras_tf_no_aux_names(name: str) -> tuple[Entry, ...]:
    """As ``map_keras_tf_names``, without auxiliary heads: for ``aux_logits=False``."""
    return _keras_entries(aux_logits=False, objects=True)


def renumber_without_heads(source: Source, variables: Sequence[Variable]) -> Source:
    """A source under the graph's names that is of a graph with auxiliary heads, where this one has
    none and numbers its layers otherwise (004-E21): a Keras model that ``port`` wrote."""
    graphs = ([path for path, *_ in _keras_layers(heads)] for heads in (False, True))
    here, there = ([path for path in paths if not path.startswith("aux_")] for paths in graphs)
    entries = [
        Entry(f"{new}/{part}", f"{old}/{part}")
        for new, old in zip(here, there, strict=True)
        for part in ("kernel", "bias")
    ]
    wanted, names = {v.op.name for v in variables}, source.tensors.keys()
    of_heads = names >= {entry.stored for entry in entries}
    without = not any(name.startswith("aux_") for name in wanted)
    return Translated(source, entries) if of_heads and without else source


def _keras_entries(aux_logits: bool, objects: bool) -> tuple[Entry, ...]:
    """Layers that share a name (004-E21) go by their group in .h5, by their object in TF format."""
    layers = list(_keras_layers(aux_logits))
    count = Counter(eager for _, eager, _ in layers)
    entries = []
    for here, there, place in layers:
        if count[there] > 1:
            there = place if objects else f"{here.split('/')[0]}/{there}"
        entries += [Entry(f"{here}/{part}", f"{there}/{part}") for part in ("kernel", "bias")]
    return tuple(entries)


def _keras_layers(aux_logits: bool) -> Iterator[tuple[str, str, str]]:
    """Of each layer: its path here, its name in eager mode (Sequential adds none), its object."""
    names = auto_names()
    for number in (1, 2, 3):
        yield f"conv2d_{number}", f"conv2d_{number}", f"layer_with_weights-{number - 1}"
    for index, module in enumerate(MODULES, 3):
        top, place = f"inception_{module}", f"layer_with_weights-{index}"
        layer = names("conv2d")
        yield f"{top}/{layer}", f"{top}/{layer}", f"{place}/branch1"
        for branch, convolutions in ((2, 2), (3, 2), (4, 1)):
            sequential = names("sequential")
            for number in range(convolutions):
                layer = names("conv2d")
                inside = f"{place}/branch{branch}/layer_with_weights-{number}"
                yield f"{top}/{sequential}/{layer}", layer, inside
        if module in HEAD_AFTER and aux_logits:
            head = HEAD_AFTER[module]
            for kind in ("conv2d", "dense", "dense"):
                layer = f"{head}/{names(kind)}"
                yield layer, layer, ""  # no other has its name
    yield "output_dense", "output_dense", ""


WEIGHTS = FamilyWeights(
    (
        WeightLayout("keras", map_keras_names),
        WeightLayout("keras_tf", map_keras_tf_names),
        WeightLayout("keras_no_aux", map_keras_no_aux_names),
        WeightLayout("keras_tf_no_aux", map_keras_tf_no_aux_names),
    ),
    adapt=renumber_without_heads,
)
