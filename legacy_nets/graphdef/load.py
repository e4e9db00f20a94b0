"""Graphs to look at: read from files, and cut down to what depends on the input."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
from collections.abc import Iterable
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.files import explain_other_format
from legacy_nets.graphdef.unsafe_ops import unfolded
from legacy_nets.tf1.functions import is_known

VARIABLES = {"VarHandleOp", "VariableV2", "Variable"}
SOURCES = {  # operations that data come out of
    "Placeholder",
    "PlaceholderV2",
    "PlaceholderWithDefault",
    "IteratorGetNext",
    "IteratorGetNextSync",
    "QueueDequeue",
    "QueueDequeueV2",
    "QueueDequeueMany",
    "QueueDequeueManyV2",
    "QueueDequeueUpTo",
    "QueueDequeueUpToV2",
    "ParseExample",
    "ParseExampleV2",
    "ParseSingleExample",
    "DecodeRaw",
    "DecodeJpeg",
    "DecodePng",
    "DecodeImage",
}
BLIND = {"Shape", "ShapeN", "Size", "Rank"}  # look at a tensor, not at its values
_GRADIENTS = re.compile(r"(^|/)gradients(_\d+)?/")
_MOVING = ("moving_mean", "moving_variance")


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A graph from a file. ``trainable``: names of variables; None where the file does not say."""

    graph: Any
    trainable: frozenset[str] | None


def load(path: str | pathlib.Path) -> Loaded:
    """Reads a .meta file or a frozen .pb (or .pbtxt). Nothing of it is ever run.

    Raises: BadInputError for a file that cannot be read, or needs operations that TensorFlow
    does not have (it names them).
    """
    path = pathlib.Path(path)
    definition, meta = read(path)
    check_known(path, definition)
    for node in definition.node:  # some of which TensorFlow 1 said wrongly; gradients are left out
        if _GRADIENTS.search(node.name):
            node.attr.pop("_output_shapes", None)
    producers = meta.meta_info_def.stripped_op_list if meta else None
    return Loaded(imported(path, definition, producers), _trainable(meta) if meta else None)


def read(path: pathlib.Path) -> tuple[Any, Any]:
    """The GraphDef of a file, and its MetaGraphDef (None of a .pb or .pbtxt).

    Raises: BadInputError for a file that cannot be read or holds no operations.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: no such file: give a net's name, a .meta or a frozen .pb")
    meta = tf.MetaGraphDef()
    definition = tf.GraphDef()
    is_meta = path.suffix == ".meta" or path.name.endswith(".meta.txt")
    if path.name in ("saved_model.pb", "saved_model.pbtxt"):
        raise BadInputError(
            f"{path} is a SavedModel, no frozen graph: freeze it (tf.saved_model.loader.load, then "
            "tf.graph_util.convert_variables_to_constants) and describe that"
        )
    _parse(path, meta if is_meta else definition)
    if is_meta:
        definition = meta.graph_def
    if not definition.node:
        raise BadInputError(
            f"{path} holds no operations: it is damaged, or no "
            + ("MetaGraphDef" if is_meta else "GraphDef (a saved_model.pb must be frozen first)")
        )
    return definition, meta if is_meta else None


def check_known(path: pathlib.Path, definition: Any) -> None:
    """Raises BadInputError for operations that TensorFlow does not have; it names them."""
    unknown = sorted({node.op for node in _all_nodes(definition)} - _own_functions(definition))
    unknown = [name for name in unknown if not is_known(name)]
    if unknown:
        raise BadInputError(
            f"{path} needs operations that this TensorFlow does not have: {', '.join(unknown)} "
            "(tf.contrib's or custom ones): export the graph without them"
        )


def imported(
    path: pathlib.Path, definition: Any, producers: Any = None, trust: bool = False
) -> Any:
    """A graph of a definition, to look at; one of a file that is trusted (``trust``) can be run.

    ``producers``: the op list that was saved beside it, if any.
    Raises: BadInputError where it is no graph that can be built.
    """
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.import_graph_def(
                definition if trust else unfolded(definition),
                name="",
                producer_op_list=producers if producers and producers.op else None,
            )
    except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
        raise BadInputError(f"{path} is no graph that can be built: {join_lines(error)}") from error
    return graph


def _parse(path: pathlib.Path, message: Any) -> None:
    is_text = path.suffix in (".pbtxt", ".txt")
    try:
        if is_text:
            text_format.Parse(path.read_text(), message)
        else:
            message.ParseFromString(path.read_bytes())
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        what = explain_other_format(path.read_bytes()[:64])
        if what and not (is_text and "(.pbtxt)" in what):  # which it is, and is read
            raise BadInputError(f"{path}: {what}") from None
        raise BadInputError(
            f"{path} is damaged or no {type(message).__name__} ({join_lines(error)}): export or "
            "copy it again"
        ) from None


def _all_nodes(definition: Any) -> Iterable[Any]:
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def


def _own_functions(definition: Any) -> set[str]:
    return {function.signature.name for function in definition.library.function}


def _trainable(meta: Any) -> frozenset[str] | None:
    """Names in the collection of trainable variables: the first field of each entry."""
    collection = meta.collection_def.get("trainable_variables")
    if collection is None:
        return None
    entries = collection.bytes_list.value
    names = (entry[2 : 2 + entry[1]] for entry in entries if entry[:1] == b"\n")
    return frozenset(name.decode(errors="replace").partition(":")[0] for name in names)


def trainable_names(graph: Any) -> frozenset[str] | None:
    """Names of the trainable variables of a graph built in Python; None if it has none."""
    names = frozenset(v.op.name for v in graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES))
    return names or None


def is_trainable(name: str, trainable: frozenset[str] | None) -> bool:
    """Whether a variable is trained; without a list, all but the moving averages are."""
    if trainable is not None:
        return name in trainable
    return name.rpartition("/")[2] not in _MOVING


@dataclasses.dataclass(frozen=True)
class Live:
    """What of a graph depends on its input: operations in order, sources, and v1 loops."""

    operations: tuple[Any, ...]
    sources: frozenset[str]
    frames: dict[str, str]  # operation -> name of the tf.while_loop (of v1) that it lies in

    @functools.cached_property
    def names(self) -> set[str]:
        """Names of the operations."""
        return {operation.name for operation in self.operations}


def live(graph: Any, inputs: Iterable[Any] | None = None, outputs: Any = None) -> Live:
    """Cuts a graph down to what lies between inputs and outputs; gradients are left out.

    Args:
      inputs: tensors; the placeholders (or what reads data) if None.
      outputs: tensors; all that depends on the inputs if None.

    Raises: BadInputError where nothing depends on the inputs.
    """
    every = [op for op in graph.get_operations() if not _GRADIENTS.search(op.name)]
    starts = frozenset(t.op.name for t in inputs) if inputs is not None else _sources(every)
    frames = _frames(every)
    live_frames: set[str] = set()
    found: dict[str, Any] = {}
    for _ in range(2 if frames else 1):  # what a loop carries is known once it has been seen
        found = {}
        for op in every:
            if op.name in starts:
                found[op.name] = op
            elif op.type not in BLIND and op.outputs:
                if frames.get(op.name) in live_frames or any(
                    tensor.op.name in found for tensor in op.inputs
                ):
                    found[op.name] = op
                    if op.name in frames:
                        live_frames.add(frames[op.name])
            elif op.type.startswith(("Assign", "ResourceScatter")) and any(
                tensor.op.name in found for tensor in op.inputs
            ):
                found[op.name] = op  # moving averages
    if outputs is not None:
        found = _ancestors(outputs, found)
    if not found:
        raise BadInputError(
            "the graph has no input to start from (a placeholder, or an iterator over data): "
            "state the input tensors"
        )
    kept = frozenset(name for name in starts if name in found)
    return Live(tuple(found.values()), kept, frames)


def _sources(operations: list[Any]) -> frozenset[str]:
    """Operations that give data; scalars (is_training, keep_prob) are none."""
    named = [op for op in operations if op.type in SOURCES]
    wide = [op for op in named if op.outputs and op.outputs[0].shape.rank not in (0, None)]
    loose = [op for op in named if op.outputs and op.outputs[0].shape.rank is None]
    return frozenset(op.name for op in wide or loose)


def _ancestors(outputs: Iterable[Any], found: dict[str, Any]) -> dict[str, Any]:
    stack = [tensor.op for tensor in outputs]
    wanted: set[str] = set()
    while stack:
        op = stack.pop()
        if op.name in found and op.name not in wanted:
            wanted.add(op.name)
            stack.extend(tensor.op for tensor in op.inputs)
    return {name: op for name, op in found.items() if name in wanted}


def _frames(operations: list[Any]) -> dict[str, str]:
    """The outermost v1 loop of each operation in one; Exit counts as inside."""
    frames: dict[str, str] = {}
    if not any(op.type in ("Enter", "RefEnter") for op in operations):
        return frames
    for op in operations:
        outer = next(
            (
                frames[tensor.op.name]
                for tensor in op.inputs
                if tensor.op.name in frames and tensor.op.type not in ("Exit", "RefExit")
            ),
            None,
        )
        if outer is not None:
            frames[op.name] = outer
        elif op.type in ("Enter", "RefEnter"):
            frames[op.name] = op.get_attr("frame_name").decode()
    return frames


class Parameters:
    """Which variables (in a frozen graph: constants) feed an operation from aside."""

    def __init__(self, graph: Any, live_names: set[str]) -> None:
        operations = graph.get_operations()
        self.shapes = {op.name: _shape(op) for op in operations if op.type in VARIABLES}
        self.frozen = not self.shapes
        self._live = live_names
        self._found: dict[str, tuple[str, ...]] = {}

    def of(self, tensor: Any) -> tuple[str, ...]:
        """Names of the variables that a tensor aside from the data is made of."""
        name = tensor.op.name
        if name not in self._found:
            found: dict[str, None] = {}
            seen, stack = {name}, [tensor.op]
            while stack:
                op = stack.pop()
                if op.name in self._live:
                    continue
                if op.name in self.shapes:
                    found[op.name] = None
                elif self.frozen and self._is_weight(op):
                    self.shapes[op.name] = op.outputs[0].shape.as_list()
                    found[op.name] = None
                for source in reversed(op.inputs):
                    if source.op.name not in seen:
                        seen.add(source.op.name)
                        stack.append(source.op)
            self._found[name] = tuple(found)
        return self._found[name]

    @staticmethod
    def _is_weight(op: Any) -> bool:
        return (
            op.type == "Const"
            and op.outputs[0].dtype.is_floating
            and op.outputs[0].shape.rank not in (0, None)
        )


def _shape(variable: Any) -> list[int]:
    return [side.size for side in variable.get_attr("shape").dim]
