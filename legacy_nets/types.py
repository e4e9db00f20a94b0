"""Names for TensorFlow's types in annotations. Importing this imports no TensorFlow.

TensorFlow ships no type stubs: to mypy these are opaque, to a reader they say what is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from numpy import ndarray as Array
    from tensorflow.compat.v1 import (
        DType,
        Graph,
        GraphDef,
        MetaGraphDef,
        NodeDef,
        Operation,
        Session,
        Tensor,
        TensorShape,
        Variable,
    )
else:  # annotations are never evaluated here: see "from __future__ import annotations"
    Array = DType = Graph = GraphDef = MetaGraphDef = NodeDef = object
    Operation = Session = Tensor = TensorShape = Variable = object

Shape: TypeAlias = tuple[int, ...]
EndPoints: TypeAlias = dict[str, Tensor]
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

__all__ = [
    "Array",
    "DType",
    "EndPoints",
    "Graph",
    "GraphDef",
    "Json",
    "MetaGraphDef",
    "NodeDef",
    "Operation",
    "Session",
    "Shape",
    "Tensor",
    "TensorShape",
    "Variable",
]
