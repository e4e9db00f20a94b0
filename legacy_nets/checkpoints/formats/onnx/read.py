"""Opens an ONNX model as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from legacy_nets.checkpoints.formats.onnx.model import OnnxModel, parse_model
from legacy_nets.checkpoints.formats.onnx.tensors import (
    check_exists,
    find_external,
    read_values,
)
from legacy_nets.checkpoints.source import GraphSummary, TensorSpec, WeightFile

_UNSUPPORTED = (
    "an ONNX graph has its weights under ONNX's names and axes, its batch norms may be folded: use "
    "the checkpoint that it was made from, or port its weights alone, without a net"
)
# Op type -> inputs that say where, how far or how large, and inputs that scale quantized values.
# Numbers that are used nowhere else are no weights.
_SETTINGS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("Reshape", "Expand", "Squeeze", "Unsqueeze", "Split"), (1,)),
    **dict.fromkeys(("SplitToSequence", "Upsample", "TopK", "CumSum", "CenterCropPad"), (1,)),
    **dict.fromkeys(("Gather", "GatherElements", "GatherND", "Trilu"), (1,)),
    **dict.fromkeys(("Scatter", "ScatterElements", "ScatterND"), (1,)),
    **dict.fromkeys(("Tile", "Clip", "Dropout", "MaxUnpool", "OneHot"), (1, 2)),
    **dict.fromkeys(("Pad", "Resize"), (1, 2, 3)),
    **{"Slice": (1, 2, 3, 4), "NonMaxSuppression": (2, 3, 4), "Range": (0, 1, 2)},
    **{"ConstantOfShape": (0,), "Where": (0,), "If": (0,), "Loop": (0, 1)},
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), (1, 2)),
    **dict.fromkeys(("ConvInteger", "MatMulInteger"), (2, 3)),
    **dict.fromkeys(
        ("QLinearConv", "QLinearMatMul", "QLinearAdd", "QLinearMul"), (1, 2, 4, 5, 6, 7)
    ),
}
_REDUCTIONS = "Reduce"  # begins the op types whose input 1 is the axes


def read_onnx(path: Path) -> WeightFile:
    """Opens an ONNX model: initializers and constants under the names of their values.

    Tensors that only say where, how far or how large (shapes, axes, bounds, the scales of
    quantized values) and single numbers of formulas are ``other_tensors``.

    Raises CheckpointError for data in a file outside the model's folder; FormatError.
    """
    model = parse_model(path)
    externals = [tensor.external for tensor in model.tensors.values() if tensor.external]
    files = {find_external(external, path) for external in externals}
    others = list_others(model)
    specs = {name: tensor.spec for name, tensor in model.tensors.items()}
    return _OnnxFile(path, model, specs, others, files)


class _OnnxFile(WeightFile):
    """An open model. ``files``: those of its external data."""

    def __init__(
        self,
        path: Path,
        model: OnnxModel,
        specs: Mapping[str, TensorSpec],
        others: set[str],
        files: set[Path],
    ) -> None:
        super().__init__(
            str(path),
            {name: spec for name, spec in specs.items() if name not in others},
            lambda name: read_values(model.tensors[name], path),
            other_tensors={name: specs[name] for name in specs if name in others},
            others_are_constants=True,
            graph=GraphSummary(describe_format(model), model.inputs, model.outputs),
            unsupported=_UNSUPPORTED,
            metadata=model.metadata,
        )
        self._path, self._files = path, files

    def check_complete(self) -> None:
        """Raises CheckpointError where a file with weights is missing."""
        for file in sorted(self._files):
            check_exists(file, self._path)


def list_others(model: OnnxModel) -> set[str]:
    """Lists the tensors that are no weights: single numbers of formulas, and those that only say
    where, how far or how large, also through further nodes.
    """
    used = {name for node in model.nodes for name in node.inputs}
    numbers = set(model.results)  # values that are computed with
    for node in reversed(model.nodes):  # users come after what they use
        if numbers.isdisjoint(node.outputs) and not used.isdisjoint(node.outputs):
            continue
        settings = _SETTINGS.get(node.op_type, ())
        if node.op_type.startswith(_REDUCTIONS):
            settings = (1,)
        numbers.update(name for at, name in enumerate(node.inputs) if at not in settings)
    return model.literals | (used - numbers)


def describe_format(model: OnnxModel) -> str:
    """Describes versions and origin: "ONNX, opset 17, IR 8, by pytorch 2.1"."""
    domains = dict(model.opsets)
    main = domains.pop("ai.onnx", None)
    texts = [f"opset {main}"] if main is not None else []
    texts += [f"{domain} {version}" for domain, version in domains.items()]
    texts.append(f"IR {model.ir_version}")
    if model.producer:
        texts.append(f"by {model.producer}")
    return ", ".join(["ONNX", *texts])
