"""Object-based checkpoints (tf.train.Checkpoint, Keras' save_weights): their variables' names.

The keys of such a bundle are paths through Python objects. A string tensor beside them holds a
TrackableObjectGraph, which states the name that each variable had in its graph. Source:
tensorflow/core/protobuf/trackable_object_graph.proto.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from legacy_nets.checkpoints.formats.bundle import Bundle
from legacy_nets.checkpoints.formats.wire import Damaged, Message
from legacy_nets.checkpoints.source import Source, WeightFile, report_damage

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_ATTRIBUTE = "/.ATTRIBUTES/"
_TRAINING = ("optimizer/", "save_counter/", "keras_api/")  # keys that begin so hold no weights


class _Saved(NamedTuple):
    """One attribute of an object: a tensor of the bundle."""

    key: str
    name: str  # of the variable, "" where the graph states none
    training: bool  # a slot or a number of an optimizer


class _Named(WeightFile):
    """A bundle under its variables' names."""

    def __init__(self, bundle: Bundle, keys: dict[str, str], apart: dict[str, str]) -> None:
        self._bundle = bundle
        places = keys | apart
        super().__init__(
            bundle.prefix,
            {name: bundle.tensors[key] for name, key in keys.items()},
            lambda name: bundle.read(places[name]),
            other_tensors={name: bundle.tensors[key] for name, key in apart.items()},
        )

    def check_complete(self) -> None:
        """As the bundle's."""
        self._bundle.check_complete()


def with_variable_names(bundle: Bundle) -> Source:
    """An object-based bundle under its variables' names; any other as it is.

    A variable that has no name, or shares it, goes by its object path. Slots, the optimizer's
    numbers and strings are set apart. Raises CheckpointError for a damaged object graph.
    """
    if GRAPH not in bundle.tensors or bundle.tensors[GRAPH].dtype != "string":
        return bundle
    graph = bundle.read(GRAPH)
    with report_damage(bundle.prefix):
        if graph.shape != ():
            raise Damaged(f"{GRAPH} is no single string")
        saved = [item for item in _saved(Message(graph.item())) if item.key in bundle.tensors]
    count = Counter(item.name for item in saved if not item.training)
    keys: dict[str, str] = {}
    apart: dict[str, str] = {}
    for item in saved:
        path = item.key.split(_ATTRIBUTE)[0]
        if item.training or bundle.tensors[item.key].dtype == "string":
            apart[item.key] = item.key
        else:
            keys[item.name if item.name and count[item.name] == 1 else path] = item.key
    known = {*keys.values(), *apart}
    apart |= {key: key for key in bundle.tensors if key not in known}
    return _Named(bundle, keys, apart)


def _saved(graph: Message) -> list[_Saved]:
    """The tensors that the nodes of the graph state, in the nodes' order."""
    nodes = graph.messages(1)
    training: set[int] = set()
    for node in nodes:
        slots = node.messages(3)
        training |= {slot.number(3) for slot in slots}
        if slots:  # an optimizer: what hangs on it is none of the net's
            training |= {child.number(1) for child in node.messages(1)}
            training -= {slot.number(1) for slot in slots}
    return [
        _Saved(
            key := attribute.text(3),
            attribute.text(2),
            number in training or key.startswith(_TRAINING) or "/.OPTIMIZER_SLOT/" in key,
        )
        for number, node in enumerate(nodes)
        for attribute in node.messages(2)
    ]
