"""Puts the operations of a graph into rows, as a person thinks of its layers.

A convolution with its bias, batch norm and activation is one row; so are a dense layer, a
pooling, a loop, a sum of two paths. What only moves values (reshape, pad) goes with the row
that needs it.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from legacy_nets.anatomy import windows
from legacy_nets.anatomy.multiply_adds import BRANCHES, CALLS, COUNTED, LOOPS, PRODUCTS
from legacy_nets.graphdef.live_graph import LiveGraph
from legacy_nets.graphdef.parameters import Parameters
from legacy_nets.graphdef.traverse import walk
from legacy_nets.tf1.functions import body

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
# What only moves values: goes with the next row.
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
# What makes the tensor that a row gives away; a row's other operations are inner workings.
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
}
_NORMS = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx"}
_RECURRENT = re.compile(r"(^|[/_])(lstm|gru|rnn)", re.IGNORECASE)


@dataclasses.dataclass
class Row:
    """One row in the making."""

    kind: str
    anchor: Any
    operations: list[Any]
    output: Any
    notes: list[str] = dataclasses.field(default_factory=list)
    groups: int = 1


class Assembler:
    """Walks the live operations in order and hands each to a row."""

    def __init__(self, alive: LiveGraph, parameters: Parameters) -> None:
        self._alive = alive
        self._names = alive.names
        self._parameters = parameters
        self._row: dict[str, Row] = {}
        self._pending: set[str] = set()  # moves that wait for the row that needs them
        self._frames: dict[str, Row] = {}
        self._norms = _norm_scopes(alive)
        self._norm_rows: dict[str, Row] = {}
        self._order: dict[int, int] = {}
        self.rows: list[Row] = []

    def assemble(self) -> list[Row]:
        """All rows, in order of construction."""
        for op in self._alive.operations:
            self._place(op)
        for row in self.rows:
            row.operations = []
        for op in self._alive.operations:
            self._row[op.name].operations.append(op)
        return self.rows

    def _place(self, op: Any) -> None:
        if op.name in self._alive.sources:
            self._start(op, "input")
            return
        frame = self._alive.frames.get(op.name)
        if frame is not None:
            self._place_in_loop(op, frame)
            return
        sources = self._sources(op)
        if not sources:  # in a loop's condition only
            self._start(op, "other")
            return
        norm = self._norm_scope(op)
        if norm in self._norm_rows:
            self._join_row(op, self._norm_rows[norm])
            return
        same = self._same_layer(op, sources)
        if same is not None:
            self._join_row(op, same, take_pending=True)
            same.output = op.outputs[0]
            return
        kind = self._kind(op, sources, norm)
        if kind is not None:
            row = self._start(op, kind)
            if kind.endswith("norm") and norm:
                self._norm_rows[norm] = row
            return
        row = max(sources, key=lambda source: self._order[id(source)])
        moves = op.type in _MOVES and not (op.type == "Transpose" and row.kind in LOOP_KINDS)
        if moves or (op.type == "Identity" and op.inputs[0].op.name in self._pending):
            self._row[op.name] = row
            self._pending.add(op.name)
            return
        self._join_row(op, row)

    def _start(self, op: Any, kind: str) -> Row:
        row = Row(kind, op, [], op.outputs[0] if op.outputs else None)
        self._order[id(row)] = len(self.rows)
        self.rows.append(row)
        self._join_row(op, row, take_pending=True)
        return row

    def _join_row(self, op: Any, row: Row, *, take_pending: bool = False) -> None:
        """Puts an operation into a row, and the moves that led to it into the same or their own."""
        self._row[op.name] = row
        if op.type in _MAIN or (row.kind in LOOP_KINDS and op.type == "Transpose"):
            wide = [tensor for tensor in op.outputs if tensor.shape.rank != 0]
            row.output = wide[0] if wide else row.output
        for move in self._find_pending_moves(op):
            self._pending.discard(move.name)
            if take_pending:
                self._row[move.name] = row

    def _find_pending_moves(self, op: Any) -> list[Any]:
        """Finds the moves that lead to an operation and wait for a row."""

        def list_pending(reader: Any) -> list[Any]:
            return [tensor.op for tensor in reader.inputs if tensor.op.name in self._pending]

        return list(walk(list_pending(op), list_pending))

    def _place_in_loop(self, op: Any, frame: str) -> None:
        row = self._frames.get(frame)
        if row is None:
            row = self._frames[frame] = self._start(op, loop_kind(frame))
            return
        self._join_row(op, row, take_pending=True)

    def _sources(self, op: Any) -> list[Row]:
        """The rows that an operation takes data from, each once."""
        rows = {
            id(self._row[tensor.op.name]): self._row[tensor.op.name]
            for tensor in op.inputs
            if tensor.op.name in self._row
        }
        return list(rows.values())

    def _norm_scope(self, op: Any) -> str:
        scope = op.name
        while scope:
            scope = scope.rpartition("/")[0]
            if scope in self._norms:
                return scope
        return ""

    def _weights(self, op: Any, index: int = 1) -> tuple[str, ...]:
        if len(op.inputs) <= index or op.inputs[index].op.name in self._names:
            return ()
        return self._parameters.find_names(op.inputs[index])

    def _same_layer(self, op: Any, sources: list[Row]) -> Row | None:
        """The row that an operation continues: grouped and separable convolutions, branches."""
        weights = self._weights(op)
        if op.type in windows.CONVOLUTIONS and weights:
            before = op.inputs[0].op
            row = self._row.get(before.name)
            if row is not None and before is row.anchor and before.type in windows.DEPTHWISE:
                mine, other = weights[0].rpartition("/")[0], self._weights(before)
                if other and other[0].rpartition("/")[0] == mine:
                    row.kind = "separable convolution"
                    return row
            last = self.rows[-1]
            if (
                before.type in ("Split", "SplitV", "StridedSlice", "Slice")
                and last.anchor.type == op.type
                and self._weights(last.anchor) == weights
                and _data_source(last.anchor) is _data_source(op)
            ):
                last.kind = "grouped convolution"
                last.groups += 1
                return last
        if op.type in _NORMS and weights:
            for row in self.rows[-3:]:
                if row.anchor.type in _NORMS and self._weights(row.anchor) == weights:
                    return row
        return None

    def _kind(self, op: Any, sources: list[Row], norm: str) -> str | None:
        """What row an operation starts; None if it goes with another."""
        if op.type in windows.CONVOLUTIONS:
            return self._convolution(op)
        if op.type in windows.DEPTHWISE:
            return "depthwise convolution"
        if op.type in windows.TRANSPOSED:
            return "transposed convolution"
        if op.type in windows.POOLS:
            return "average pool" if op.type.startswith("Avg") else "max pool"
        if op.type in PRODUCTS:
            aside = any(tensor.op.name not in self._names for tensor in op.inputs[:2])
            return "dense" if aside else "matmul"
        if op.type in LOOPS:
            return loop_kind(op.name)
        weighted = len(sources) == 1 and sources[0].kind in WEIGHTED
        if op.type in {*BRANCHES, *CALLS}:
            return self._call(op, weighted)
        if op.type in _NORMS or norm:
            return None if weighted else _norm_kind(op)
        if op.type in ("GatherV2", "ResourceGather", "Gather") and self._weights(op, 0):
            return "embedding"
        if op.type in ("Mean", "Max") and not _is_moment(op):
            return _global_pool(op)
        rank = op.outputs[0].shape.rank if op.outputs else 0
        if op.type == "ConcatV2" and any(self._weights(op, i) for i in range(len(op.inputs))):
            return "concat"  # a class token
        if op.type in _JOINS and len(sources) > 1 and (rank is None or rank > 1):
            return _JOINS[op.type]
        return _OTHERS.get(op.type)

    def _convolution(self, op: Any) -> str:
        look = windows.window(op)
        channels = op.inputs[0].shape.as_list()[-1] if op.inputs[0].shape.rank else None
        inputs = op.inputs[1].shape.as_list()[-2] if op.inputs[1].shape.rank else None
        last = look is not None and look.axes[0] == 1
        if last and channels and inputs and channels != inputs:
            return "grouped convolution"
        return "convolution"

    def _call(self, op: Any, weighted: bool) -> str | None:
        attributes = ("then_branch", "else_branch") if op.type in BRANCHES else (CALLS[op.type],)
        inside = {inner.type for name in attributes for inner in body(op, name).get_operations()}
        if inside & {*COUNTED, *LOOPS, *windows.POOLS}:
            return "branch" if op.type in BRANCHES else "function"
        return "batch norm" if inside & _NORMS and not weighted else None


LOOP_KINDS = {"lstm", "gru", "rnn", "loop"}


def loop_kind(name: str) -> str:
    """What a loop's or its variable's name says that it is."""
    found = [word.lower() for _, word in _RECURRENT.findall(name)]
    return next((word for word in ("lstm", "gru", "rnn") if word in found), "loop")


def _data_source(op: Any) -> Any:
    """What a grouped convolution's part was cut out of."""
    cut = op.inputs[0].op
    return cut.inputs[1].op if cut.type == "Split" else cut.inputs[0].op


def _norm_scopes(alive: LiveGraph) -> set[str]:
    """Scopes of normalizations that are not one operation: those with a root and no weights."""
    if not alive.operations:
        return set()
    found = set()
    for op in alive.operations[0].graph.get_operations():
        if op.type == "Rsqrt":
            scope = op.name.rpartition("/")[0]
            found.add(re.sub(r"/?(batchnorm|moments|normalize)(_\d+)?$", "", scope))
    found.discard("")
    for op in alive.operations:
        if op.type in COUNTED or op.type in windows.POOLS:
            scope = op.name
            while scope:
                scope = scope.rpartition("/")[0]
                found.discard(scope)
    return found


def _norm_kind(op: Any) -> str:
    """A fused operation is batch norm; moments over the last axis alone make layer norm."""
    if op.type in ("Mean", "Max"):
        over = windows.constant(op.inputs[1])
        rank = op.inputs[0].shape.rank
        if over is not None and rank is not None:
            axes = [axis % rank for axis in (over if isinstance(over, list) else [over])]
            if 0 in axes:
                return "batch norm"
            return "layer norm" if axes == [rank - 1] else "group norm"
    return "batch norm"


def _is_moment(op: Any) -> bool:
    """Whether a mean is half of mean and variance."""
    neighbours = {consumer.type for consumer in op.outputs[0].consumers()}
    return "SquaredDifference" in {*neighbours, op.inputs[0].op.type}


def _global_pool(op: Any) -> str | None:
    """A mean or maximum over all spatial axes of a map (or the steps of a sequence)."""
    over = windows.constant(op.inputs[1])
    rank = op.inputs[0].shape.rank
    if over is None or rank not in (3, 4, 5):
        return None
    axes = sorted(axis % rank for axis in (over if isinstance(over, list) else [over]))
    spatial = (list(range(1, rank - 1)), list(range(2, rank)) if rank > 3 else None)
    word = "average" if op.type == "Mean" else "max"
    return f"global {word} pool" if axes in spatial else None
