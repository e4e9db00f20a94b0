"""Names for TensorFlow's types in annotations. Importing this imports no TensorFlow.

TensorFlow ships no type stubs: to mypy these are opaque, to a reader they say what is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from numpy import dtype, ndarray
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
        VariableScope,
    )
    from tensorflow.compat.v1.train import Saver
    from tensorflow.core.framework.op_def_pb2 import OpDef, OpList

    # Of any shape and dtype. mypy's disallow_any_explicit allows these names where it does not
    # allow a bare np.ndarray or np.dtype.
    Array: TypeAlias = ndarray[Any, dtype[Any]]
    NumpyDtype: TypeAlias = dtype[Any]
else:  # annotations are never evaluated here: see "from __future__ import annotations"
    Array = NumpyDtype = DType = Graph = GraphDef = MetaGraphDef = NodeDef = object
    OpDef = Operation = OpList = Saver = Session = Tensor = TensorShape = Variable = object
    VariableScope = object

Shape: TypeAlias = tuple[int, ...]
EndPoints: TypeAlias = dict[str, Tensor]
Net: TypeAlias = "tuple[Tensor, EndPoints]"  # what the function of a net returns: logits first
IsTraining: TypeAlias = "bool | Tensor"  # a scalar bool, or a scalar bool tensor
Reuse: TypeAlias = object  # of variables: True, False, None or tf.AUTO_REUSE
Scope: TypeAlias = "str | VariableScope | None"
Initializer: TypeAlias = "Callable[..., Tensor]"  # of (shape, dtype=...)
ArgScope: TypeAlias = "dict[object, dict[str, object]]"  # of slim: operation -> its arguments
GraphVariable: TypeAlias = "Variable | list[Variable]"  # a list: parts of a partitioned one
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class NodeList(Protocol):
    """The nodes of a GraphDef or of the body of a function."""

    def __iter__(self) -> Iterator[NodeDef]: ...

    def add(self, *, name: str, op: str) -> NodeDef:
        """Appends a new node."""


__all__ = [
    "ArgScope",
    "Array",
    "DType",
    "EndPoints",
    "Graph",
    "GraphDef",
    "GraphVariable",
    "Initializer",
    "IsTraining",
    "Json",
    "MetaGraphDef",
    "Net",
    "NodeDef",
    "NodeList",
    "NumpyDtype",
    "OpDef",
    "OpList",
    "Operation",
    "Reuse",
    "Saver",
    "Scope",
    "Session",
    "Shape",
    "Tensor",
    "TensorShape",
    "Variable",
    "VariableScope",
]
