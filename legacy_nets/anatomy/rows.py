"""Groups the operations of a graph into rows, one for each layer as a reader sees it.

A convolution with its bias, batch norm and activation is one row. So are a dense layer, a
pooling, a loop and a sum of two paths. Operations that only move values (reshape, pad) belong to
the row that needs them.
"""

from __future__ import annotations

import dataclasses
import re

from legacy_nets.anatomy import norms, windows
from legacy_nets.anatomy.multiply_adds import BRANCHES, CALLS, COUNTED, PRODUCTS
from legacy_nets.graphdef.live_graph import LiveGraph
from legacy_nets.graphdef.op_types import LOOPS
from legacy_nets.graphdef.parameters import Parameters
from legacy_nets.graphdef.traverse import walk
from legacy_nets.tf1.functions import body
from legacy_nets.types import Operation, Tensor

WEIGHTED = {
    "convolution",
    "grouped convolution",
    "depthwise convolution",
    "separable convolution",
    "transposed convolution",
    "dense",
}
_JOINS = {
    "Add": "add",
    "AddV2": "add",
    "AddN": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Maximum": "maximum",
    "ConcatV2": "concat",
    "Pack": "stack",
}
_OTHERS = {
    "BlockLSTM": "lstm",
    "BlockLSTMV2": "lstm",
    "LRN": "local response norm",
    "ResizeBilinear": "resize",
    "ResizeBicubic": "resize",
    "ResizeNearestNeighbor": "resize",
    "DepthToSpace": "depth to space",
    "SpaceToDepth": "space to depth",
}
# Operations that only move values: they belong to the next row.
_MOVES = {
    "Reshape",
    "Squeeze",
    "ExpandDims",
    "Transpose",
    "SpaceToBatchND",
    "StridedSlice",
    "Slice",
    "Split",
    "SplitV",
    "Unpack",
    *windows.PADS,
}
# Operations whose output is the output of a row; a row's other operations are internal.
_MAIN = {
    "BiasAdd",
    "Relu",
    "Relu6",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softmax",
    "LogSoftmax",
    "Identity",
    "BatchToSpaceND",
    "RealDiv",
    "Select",
    "SelectV2",
    "Merge",
    "Exit",
    "TensorListStack",
    "TensorArrayGatherV3",
    *_JOINS,
    *BRANCHES,
    *norms.FUSED,
}
_RECURRENT = re.compile(r"(^|[/_])(lstm|gru|rnn)", re.IGNORECASE)


@dataclasses.dataclass
class Row:
    """One row while it is assembled."""

    layer_type: str
    anchor: Operation  # the operation that started the row
    operations: list[Operation]
    output: Tensor | None
    notes: list[str] = dataclasses.field(default_factory=list)
    groups: int = 1
    has_norm: bool = False  # a convolution or dense layer has one norm; the next is a row


class Assembler:
    """Walks the live operations in order and adds each to a row."""

    def __init__(self, alive: LiveGraph, parameters: Parameters) -> None:
        self._alive = alive
        self._names = alive.names
        self._parameters = parameters
        self._row: dict[str, Row] = {}
        self._pending: set[str] = set()  # operations that move values for a later row
        self._frames: dict[str, Row] = {}
        self._norms = norms.find_scopes(alive)
        self._norm_rows: dict[str, Row] = {}
        self._order: dict[int, int] = {}
        self.rows: list[Row] = []

    def assemble(self) -> list[Row]:
        """Returns all rows, in order of construction."""
        for op in self._alive.operations:
            self._assign(op)
        self._return_shared_moves()
        for row in self.rows:
            row.operations = []
        for op in self._alive.operations:
            self._row[op.name].operations.append(op)
        return self.rows

    def _assign(self, op: Operation) -> None:
        if op.name in self._alive.sources:
            self._start(op, "input")
            return
        frame = self._alive.frames.get(op.name)
        if frame is not None:
            self._assign_to_loop(op, frame)
            return
        sources = self._list_sources(op)
        if not sources:  # only a loop's condition reads it
            self._start(op, "other")
            return
        norm = norms.get_scope(op, self._norms)
        if norm in self._norm_rows:
            self._join_row(op, self._norm_rows[norm])
            return
        continued = self._find_continued_row(op)
        if continued is not None:
            self._join_row(op, continued, take_pending=True)
            continued.output = op.outputs[0]
            return
        layer_type = self._get_layer_type(op, sources, norm)
        if layer_type is not None:
            row = self._start(op, layer_type)
            if layer_type.endswith("norm") and norm:
                self._norm_rows[norm] = row
            return
        row = max(sources, key=lambda source: self._order[id(source)])
        moves = op.type in _MOVES and not (op.type == "Transpose" and row.layer_type in LOOP_TYPES)
        if moves or (op.type == "Identity" and op.inputs[0].op.name in self._pending):
            self._row[op.name] = row
            self._pending.add(op.name)
            return
        if op.type in norms.FUSED or norm:
            row.has_norm = True
            if norm:
                self._norm_rows[norm] = row
        self._join_row(op, row)

    def _start(self, op: Operation, layer_type: str) -> Row:
        row = Row(layer_type, op, [], op.outputs[0] if op.outputs else None)
        self._order[id(row)] = len(self.rows)
        self.rows.append(row)
        self._join_row(op, row, take_pending=True)
        return row

    def _join_row(self, op: Operation, row: Row, *, take_pending: bool = False) -> None:
        """Adds an operation to a row. With ``take_pending``, adds the moves that lead to it too."""
        self._row[op.name] = row
        if op.type in _MAIN or (row.layer_type in LOOP_TYPES and op.type == "Transpose"):
            wide = [tensor for tensor in op.outputs if tensor.shape.rank != 0]
            row.output = wide[0] if wide else row.output
        for move in self._find_pending_moves(op):
            self._pending.discard(move.name)
            if take_pending:
                self._row[move.name] = row

    def _find_pending_moves(self, op: Operation) -> list[Operation]:
        """Finds the moves that lead to an operation and wait for a row."""

        def list_pending(reader: Operation) -> list[Operation]:
            return [tensor.op for tensor in reader.inputs if tensor.op.name in self._pending]

        return list(walk(list_pending(op), list_pending))

    def _return_shared_moves(self) -> None:
        """Returns moves that several rows read to the row that their data come out of.

        In the row of one reader they would hide that the others read the same data.
        """
        shared: dict[Operation, None] = {}
        for op in reversed(self._alive.operations):
            if op.type in _MOVES and op.name not in self._alive.sources:
                readers = {reader for tensor in op.outputs for reader in tensor.consumers()}
                rows = {id(self._row[op.name]) for op in readers if op.name in self._names}
                if rows - {id(self._row[op.name])} or not readers.isdisjoint(shared):
                    shared[op] = None
        for op in reversed(shared):
            self._row[op.name] = self._list_sources(op)[0]

    def _assign_to_loop(self, op: Operation, frame: str) -> None:
        row = self._frames.get(frame)
        if row is None:
            row = self._frames[frame] = self._start(op, get_loop_type(frame))
            return
        self._join_row(op, row, take_pending=True)

    def _list_sources(self, op: Operation) -> list[Row]:
        """Lists the rows that an operation takes data from, each once."""
        rows = {
            id(self._row[tensor.op.name]): self._row[tensor.op.name]
            for tensor in op.inputs
            if tensor.op.name in self._row
        }
        return list(rows.values())

    def _list_weights(self, op: Operation, index: int = 1) -> tuple[str, ...]:
        if len(op.inputs) <= index or op.inputs[index].op.name in self._names:
            return ()
        return self._parameters.find_names(op.inputs[index])

    def _find_continued_row(self, op: Operation) -> Row | None:
        """Finds the row that an operation continues: grouped or separable convolution, branch."""
        weights = self._list_weights(op)
        if op.type in windows.CONVOLUTIONS and weights:
            before = op.inputs[0].op
            row = self._row.get(before.name)
            if row is not None and before is row.anchor and before.type in windows.DEPTHWISE:
                scope, depthwise = weights[0].rpartition("/")[0], self._list_weights(before)
                if depthwise and depthwise[0].rpartition("/")[0] == scope:
                    row.layer_type = "separable convolution"
                    return row
            last = self.rows[-1]
            if (
                before.type in ("Split", "SplitV", "StridedSlice", "Slice")
                and last.anchor.type == op.type
                and self._list_weights(last.anchor) == weights
                and _get_uncut_data(last.anchor) is _get_uncut_data(op)
            ):
                last.layer_type = "grouped convolution"
                last.groups += 1
                return last
        if op.type in norms.FUSED and weights:
            for row in self.rows[-3:]:
                if row.anchor.type in norms.FUSED and self._list_weights(row.anchor) == weights:
                    return row
        return None

    def _get_layer_type(self, op: Operation, sources: list[Row], norm: str) -> str | None:
        """Returns the type of the row that an operation starts; None if it joins another row."""
        if op.type in windows.CONVOLUTIONS:
            return _get_convolution_type(op)
        if op.type in windows.DEPTHWISE:
            return "depthwise convolution"
        if op.type in windows.TRANSPOSED:
            return "transposed convolution"
        if op.type in windows.POOLS:
            return "average pool" if op.type.startswith("Avg") else "max pool"
        if op.type in PRODUCTS:
            has_weights = any(tensor.op.name not in self._names for tensor in op.inputs[:2])
            return "dense" if has_weights else "matmul"
        if op.type in LOOPS:
            return get_loop_type(op.name)
        follows_weights = len(sources) == 1 and sources[0].layer_type in WEIGHTED
        if op.type in {*BRANCHES, *CALLS}:
            return _get_call_type(op, follows_weights)
        if op.type in norms.FUSED or norm:
            joins_weights = follows_weights and not sources[0].has_norm
            return None if joins_weights else norms.get_norm_type(op)
        if op.type in ("GatherV2", "ResourceGather", "Gather") and self._list_weights(op, 0):
            return "embedding"
        if op.type in ("Mean", "Max") and not _is_moment(op):
            return _get_global_pool_type(op)
        rank = op.outputs[0].shape.rank if op.outputs else 0
        if op.type == "ConcatV2" and any(self._list_weights(op, i) for i in range(len(op.inputs))):
            return "concat"  # a class token
        if op.type in _JOINS and len(sources) > 1 and (rank is None or rank > 1):
            return _JOINS[op.type]
        return _OTHERS.get(op.type)


def _get_convolution_type(op: Operation) -> str:
    window = windows.get_window(op)
    channels = op.inputs[0].shape.as_list()[-1] if op.inputs[0].shape.rank else None
    inputs = op.inputs[1].shape.as_list()[-2] if op.inputs[1].shape.rank else None
    is_channels_last = window is not None and window.axes[0] == 1
    if is_channels_last and channels and inputs and channels != inputs:
        return "grouped convolution"
    return "convolution"


def _get_call_type(op: Operation, follows_weights: bool) -> str | None:
    attributes = ("then_branch", "else_branch") if op.type in BRANCHES else (CALLS[op.type],)
    types = {inner.type for name in attributes for inner in body(op, name).get_operations()}
    if types & {*COUNTED, *LOOPS, *windows.POOLS}:
        return "branch" if op.type in BRANCHES else "function"
    return "batch norm" if types & norms.FUSED and not follows_weights else None


LOOP_TYPES = {"lstm", "gru", "rnn", "loop"}


def get_loop_type(name: str) -> str:
    """Infers the type of a loop from its name or that of its variable."""
    words = [word.lower() for _, word in _RECURRENT.findall(name)]
    return next((word for word in ("lstm", "gru", "rnn") if word in words), "loop")


def _get_uncut_data(op: Operation) -> Operation:
    """Returns the operation whose output a part of a grouped convolution was cut out of."""
    cut = op.inputs[0].op
    return cut.inputs[1].op if cut.type == "Split" else cut.inputs[0].op


def _is_moment(op: Operation) -> bool:
    """Whether a mean belongs to a mean and variance."""
    neighbours = {consumer.type for consumer in op.outputs[0].consumers()}
    return "SquaredDifference" in {*neighbours, op.inputs[0].op.type}


def _get_global_pool_type(op: Operation) -> str | None:
    """Returns the type of a pool over all spatial axes of a map, or all steps of a sequence."""
    axes = windows.get_constant(op.inputs[1])
    rank = op.inputs[0].shape.rank
    if axes is None or rank not in (3, 4, 5):
        return None
    axes = sorted(axis % rank for axis in (axes if isinstance(axes, list) else [axes]))
    spatial = (list(range(1, rank - 1)), list(range(2, rank)) if rank > 3 else None)
    word = "average" if op.type == "Mean" else "max"
    return f"global {word} pool" if axes in spatial else None
