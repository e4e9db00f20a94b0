"""Names for TensorFlow's types in annotations. Importing this imports no TensorFlow.

TensorFlow ships no type stubs: to mypy these are opaque, to a reader they say what is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from numpy import dtype, ndarray
    from tensorflow.compat.v1 import (
        ConfigProto,
        Dimension,
        DType,
        Graph,
        GraphDef,
        MetaGraphDef,
        NodeDef,
        Operation,
        QueueBase,
        ReaderBase,
        Session,
        Tensor,
        TensorArray,
        TensorShape,
        Variable,
        VariableScope,
    )
    from tensorflow.compat.v1.data import Dataset
    from tensorflow.compat.v1.estimator import Estimator, EstimatorSpec, RunConfig
    from tensorflow.compat.v1.estimator.export import ServingInputReceiver
    from tensorflow.compat.v1.feature_column import FeatureColumn
    from tensorflow.compat.v1.keras import Model as KerasModel
    from tensorflow.compat.v1.keras.layers import Layer
    from tensorflow.compat.v1.lite import Interpreter, TFLiteConverter
    from tensorflow.compat.v1.nn.rnn_cell import RNNCell
    from tensorflow.compat.v1.train import (
        Optimizer,
        Saver,
        Server,
        SessionRunArgs,
        SessionRunContext,
        SessionRunHook,
        SessionRunValues,
        SyncReplicasOptimizer,
    )
    from tensorflow.core.framework.op_def_pb2 import OpDef, OpList
    from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

    # Of any shape and dtype. mypy's disallow_any_explicit allows these names where it does not
    # allow a bare np.ndarray or np.dtype.
    Array: TypeAlias = ndarray[Any, dtype[Any]]
    NumpyDtype: TypeAlias = dtype[Any]
else:  # annotations are never evaluated here: see "from __future__ import annotations"
    Array = NumpyDtype = DType = Graph = GraphDef = MetaGraphDef = NodeDef = object
    OpDef = Operation = OpList = Saver = Session = Tensor = TensorShape = Variable = object
    VariableScope = ConfigProto = Estimator = RunConfig = FeatureColumn = Layer = object
    RNNCell = Optimizer = SessionRunArgs = SessionRunContext = object
    SessionRunHook = SessionRunValues = QueueBase = ReaderBase = TensorArray = Dataset = object
    EstimatorSpec = ServingInputReceiver = SignatureDef = Dimension = KerasModel = object
    Interpreter = TFLiteConverter = Server = SyncReplicasOptimizer = object

Shape: TypeAlias = tuple[int, ...]
GraphLevel: TypeAlias = Literal["stages", "layers"]  # what a box of a figure of a graph is
EndPoints: TypeAlias = dict[str, Tensor]
NetOutputs: TypeAlias = "tuple[Tensor, EndPoints]"  # of a net's function: logits first
IsTraining: TypeAlias = "bool | Tensor"  # a scalar bool, or a scalar bool tensor
Reuse: TypeAlias = object  # of variables: True, False, None or tf.AUTO_REUSE
Size: TypeAlias = "int | Sequence[int]"  # of a kernel or stride: for all axes, or for each
Scope: TypeAlias = "str | VariableScope | None"
Initializer: TypeAlias = "Callable[..., Tensor]"  # of (shape, dtype=...)
ArgScope: TypeAlias = "dict[object, dict[str, object]]"  # of slim: operation -> its arguments
GraphVariable: TypeAlias = "Variable | list[Variable]"  # a list: parts of a partitioned one
TensorLike: TypeAlias = Tensor  # a tensor, or what tf.convert_to_tensor makes one of
Structure: TypeAlias = Tensor  # nested tuples, lists and dicts of tensors, arrays, sizes or dtypes
DTypeLike: TypeAlias = DType  # a DType, or what tf.as_dtype makes one of
ShapeLike: TypeAlias = TensorShape  # a TensorShape, a list of sizes, or an int32 tensor of them
InputFn: TypeAlias = (
    "Callable[[], Structure]"  # of estimators: gives features, or (features, labels)
)
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class NodeList(Protocol):
    """The nodes of a GraphDef or of the body of a function."""

    def __iter__(self) -> Iterator[NodeDef]: ...

    def add(self, *, name: str, op: str) -> NodeDef:
        """Appends a new node."""


class NotebookShell(Protocol):
    """What is used of IPython's InteractiveShell."""

    ast_transformers: list[object]

    def register_magic_function(
        self, func: Callable[[str], object], magic_kind: str, magic_name: str
    ) -> None:
        """Adds a magic of lines or cells."""


__all__ = [
    "ArgScope",
    "Array",
    "ConfigProto",
    "DType",
    "DTypeLike",
    "Dataset",
    "Dimension",
    "EndPoints",
    "Estimator",
    "EstimatorSpec",
    "FeatureColumn",
    "Graph",
    "GraphDef",
    "GraphVariable",
    "Initializer",
    "InputFn",
    "Interpreter",
    "IsTraining",
    "Json",
    "Layer",
    "MetaGraphDef",
    "NetOutputs",
    "NodeDef",
    "NodeList",
    "NotebookShell",
    "NumpyDtype",
    "OpDef",
    "OpList",
    "Operation",
    "Optimizer",
    "QueueBase",
    "RNNCell",
    "ReaderBase",
    "Reuse",
    "RunConfig",
    "Saver",
    "Scope",
    "Server",
    "ServingInputReceiver",
    "Session",
    "SessionRunArgs",
    "SessionRunContext",
    "SessionRunHook",
    "SessionRunValues",
    "Shape",
    "ShapeLike",
    "SignatureDef",
    "Size",
    "Structure",
    "SyncReplicasOptimizer",
    "TFLiteConverter",
    "Tensor",
    "TensorArray",
    "TensorLike",
    "TensorShape",
    "Variable",
    "VariableScope",
]
