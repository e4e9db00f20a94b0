"""Names the variables of object-based checkpoints (tf.train.Checkpoint, Keras' save_weights).

The keys of such a bundle are paths through Python objects. A string tensor in it holds a
TrackableObjectGraph, which records the name that each variable had in its graph. Source:
tensorflow/core/protobuf/trackable_object_graph.proto.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from legacy_nets.checkpoints.formats.bundle import Bundle
from legacy_nets.checkpoints.source import Source, WeightFile, report_damage
from legacy_nets.wire import FormatError, Message

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_ATTRIBUTE = "/.ATTRIBUTES/"
_NUMBERS = ("_iterations", "_learning_rate")  # of an optimizer
_TRAINING = ("optimizer/", "save_counter/", "keras_api/")  # prefixes of keys without weights


class _SavedTensor(NamedTuple):
    """One attribute of an object: a tensor of the bundle."""

    key: str
    name: str  # of the variable; "" if the object graph records none
    is_training_state: bool  # an optimizer's slot or number


class _RenamedBundle(WeightFile):
    """A bundle under its variables' names."""

    def __init__(self, bundle: Bundle, keys: dict[str, str], other_keys: dict[str, str]) -> None:
        self._bundle = bundle
        all_keys = keys | other_keys
        super().__init__(
            bundle.prefix,
            {name: bundle.tensors[key] for name, key in keys.items()},
            lambda name: bundle.read(all_keys[name]),
            other_tensors={name: bundle.tensors[key] for name, key in other_keys.items()},
        )

    def check_complete(self) -> None:
        """Checks that the bundle is complete. Raises CheckpointError."""
        self._bundle.check_complete()


def use_variable_names(bundle: Bundle) -> Source:
    """Shows an object-based bundle under its variables' names; returns any other unchanged.

    A variable without a name of its own keeps its object path. Slots, the optimizer's numbers and
    strings are ``other_tensors``. Raises CheckpointError for a damaged object graph.
    """
    if GRAPH not in bundle.tensors or bundle.tensors[GRAPH].dtype != "string":
        return bundle
    graph = bundle.read(GRAPH)
    with report_damage(bundle.prefix):
        if graph.shape != ():
            raise FormatError(f"{GRAPH} is not a single string")
        saved = [
            tensor for tensor in _list_saved(Message(graph.item())) if tensor.key in bundle.tensors
        ]
    counts = Counter(tensor.name for tensor in saved if not tensor.is_training_state)
    keys: dict[str, str] = {}
    other_keys: dict[str, str] = {}
    for tensor in saved:
        path = tensor.key.split(_ATTRIBUTE)[0]
        if tensor.is_training_state or bundle.tensors[tensor.key].dtype == "string":
            other_keys[tensor.key] = tensor.key
        else:
            is_unique = tensor.name and counts[tensor.name] == 1
            keys[tensor.name if is_unique else path] = tensor.key
    known = {*keys.values(), *other_keys}
    other_keys |= {key: key for key in bundle.tensors if key not in known}
    return _RenamedBundle(bundle, keys, other_keys)


def _list_saved(graph: Message) -> list[_SavedTensor]:
    """Lists the tensors of the object graph's nodes, in the nodes' order."""
    nodes = graph.get_messages(1)
    training = _find_optimizer_variables(nodes)
    for node in nodes:
        slots = node.get_messages(3)
        training |= {slot.get_int(3) for slot in slots}
        if slots:  # an optimizer: its children are no weights of the net
            training |= {child.get_int(1) for child in node.get_messages(1)}
            training -= {slot.get_int(1) for slot in slots}
    return [
        _SavedTensor(
            key := attribute.get_text(3),
            attribute.get_text(2),
            number in training or key.startswith(_TRAINING) or "/.OPTIMIZER_SLOT/" in key,
        )
        for number, node in enumerate(nodes)
        for attribute in node.get_messages(2)
    ]


def _find_optimizer_variables(nodes: Sequence[Message]) -> set[int]:
    """Finds the variables of optimizers of Keras 2.11 and later: numbers of nodes.

    Such an optimizer has its slots in a list, and records no slots in the object graph.
    """
    variables: set[int] = set()
    for node in nodes:
        children = {child.get_text(2): child.get_int(1) for child in node.get_messages(1)}
        slots = children.get("_variables")
        if slots is not None and slots < len(nodes) and "_iterations" in children:
            variables |= {children[name] for name in _NUMBERS if name in children}
            variables |= {child.get_int(1) for child in nodes[slots].get_messages(1)}
    return variables
