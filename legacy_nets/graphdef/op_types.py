"""Operation types by the part that they play in a graph."""

from __future__ import annotations

VARIABLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})
LOOPS = frozenset({"While", "StatelessWhile"})  # of TensorFlow 2
PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
EXAMPLE_PARSERS = ("ParseExample", "ParseExampleV2", "ParseSingleExample")
DATA_SOURCES = frozenset(  # operations that data come out of
    {
        *PLACEHOLDERS,
        "IteratorGetNext",
        "IteratorGetNextSync",
        "QueueDequeue",
        "QueueDequeueV2",
        "QueueDequeueMany",
        "QueueDequeueManyV2",
        "QueueDequeueUpTo",
        "QueueDequeueUpToV2",
        *EXAMPLE_PARSERS,
        "DecodeRaw",
        "DecodeJpeg",
        "DecodePng",
        "DecodeImage",
    }
)
SHAPE_READERS = frozenset({"Shape", "ShapeN", "Size", "Rank"})  # read a shape, not the values
MATRIX_PRODUCTS = frozenset({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"})

# The control flow of TensorFlow 1.
SWITCHES = ("Switch", "RefSwitch")
MERGES = ("Merge", "RefMerge")
ENTERS = ("Enter", "RefEnter")
EXITS = ("Exit", "RefExit")
