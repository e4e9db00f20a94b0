"""The layers of a graph as a table: what each is, gives, holds, costs and sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from legacy_nets.anatomy import multiply_adds, receptive, windows
from legacy_nets.anatomy.receptive import Field
from legacy_nets.anatomy.rows import LOOP_KINDS, WEIGHTED, Assembler, Row, loop_kind
from legacy_nets.graphdef.live_graph import find_live_graph
from legacy_nets.graphdef.parameters import Parameters, is_trainable, list_trainable_names

_LEAVES = {"kernel", "weights", "weight", "w", "W", "depthwise_kernel", "depthwise_weights"}
_LEAVES |= {"pointwise_kernel", "pointwise_weights", "gamma", "beta", "bias", "biases"}
_NOTED = {
    **dict.fromkeys(multiply_adds.BRANCHES, "branch"),
    "Switch": "branch",
    "RefSwitch": "branch",
}


@dataclasses.dataclass(frozen=True)
class Layer:
    """One row. Tuples of kernel, stride, dilation and pads have one entry per spatial axis."""

    name: str  # the variable scope, or the operation without one
    kind: str
    output: tuple[int | None, ...] | None  # shape, None where unknown
    kernel: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    dilation: tuple[int, ...] | None
    padding: str | None  # SAME, VALID or EXPLICIT
    zeros: tuple[tuple[int, int], ...] | None  # (before, after) per axis, where the graph pads
    groups: int
    parameters: int
    trainable: int
    multiply_adds: int | None  # see Anatomy.batch; None where a size is not known
    field: Field | None  # receptive field, None where a value depends on the whole input
    variables: tuple[str, ...]
    tensor: str  # name of the output tensor
    operations: tuple[str, ...]  # types, each once, in order
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """The layers of one graph, in order of construction, and what they add up to."""

    name: str
    layers: tuple[Layer, ...]
    unused: tuple[tuple[str, tuple[int, ...]], ...] = ()  # variables of no layer, with shapes
    notes: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """Numbers in all variables of the layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Those of them that training changes by gradients."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def batch(self) -> int:
        """Images that the multiply-adds are for: 1 unless the graph fixes how many it takes.

        It does where an input and what the first layer makes of it begin with the same number:
        the first side of a lone image is its height.
        """
        inputs = [layer.output for layer in self.layers if layer.kind == "input" and layer.output]
        fixed = {shape[0] for shape in inputs if len(shape) > 1 and None not in shape}
        made = next((layer.output for layer in self.layers if layer.multiply_adds), None)
        side = made[0] if made else None
        return side if side is not None and side in fixed else 1

    @property
    def multiply_adds(self) -> int | None:
        """For ``batch`` images; None if that of a layer is not known."""
        counts = [layer.multiply_adds for layer in self.layers]
        return None if None in counts else sum(count for count in counts if count is not None)

    def layer(self, name: str) -> Layer:
        """The first layer of that name. Raises KeyError."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)


def layers(
    graph: Any,
    inputs: Iterable[Any] | None = None,
    outputs: Iterable[Any] | None = None,
    *,
    trainable: frozenset[str] | None = None,
    name: str = "graph",
) -> Anatomy:
    """Takes a graph apart.

    Args:
      graph: a tf.Graph; it is not changed and not run.
      inputs: tensors; if None, its placeholders, or what reads its data.
      outputs: tensors; if None, all that depends on the inputs, without gradients.
      trainable: names of variables; if None, the graph's collection, or all but moving averages.
      name: of the result.

    Raises: BadInputError where nothing depends on the inputs.
    """
    alive = find_live_graph(graph, inputs, outputs)
    parameters = Parameters(graph, alive.names)
    rows = Assembler(alive, parameters).assemble()
    fields = receptive.fields(alive.operations, alive.sources)
    counter = multiply_adds.Counter(alive.names)
    if trainable is None:
        trainable = list_trainable_names(graph)
    owned: set[str] = set()
    names = _names(rows, parameters)
    found = tuple(
        _layer(row, row_name, parameters, owned, trainable, counter, fields, alive.names)
        for row, row_name in zip(rows, names, strict=True)
    )
    unused = tuple(
        (variable, tuple(shape))
        for variable, shape in parameters.shapes.items()
        if variable not in owned
    )
    return Anatomy(name, found, unused, tuple(_remarks(found, parameters.is_frozen)))


def _remarks(found: tuple[Layer, ...], frozen: bool) -> list[str]:
    remarks = []
    if not any("convolution" in layer.kind for layer in found):
        remarks.append("the graph has no convolutions")
    if frozen:
        remarks.append("the graph has no variables: its constants are counted as parameters")
    if any(note.startswith(("loop", "branch")) for layer in found for note in layer.notes):
        remarks.append("the graph has control flow: see the notes of its layers")
    if any(layer.field is not None and not layer.field.aligned for layer in found):
        remarks.append("receptive fields marked ! come from paths that are not aligned")
    return remarks


def _layer(
    row: Row,
    name: str,
    parameters: Parameters,
    owned: set[str],
    trainable: frozenset[str] | None,
    counter: multiply_adds.Counter,
    fields: dict[str, Field | None],
    live_names: set[str],
) -> Layer:
    variables: dict[str, None] = {}
    averages: set[str] = set()  # constants of a frozen graph that were moving averages
    for op in row.operations:
        for index, tensor in enumerate(op.inputs):
            if tensor.op.name not in live_names:
                names = parameters.find_names(tensor)
                variables.update(dict.fromkeys(names))
                if op.type.startswith("FusedBatchNorm") and index > 2:
                    averages.update(names)
    mine = [variable for variable in variables if variable not in owned]
    owned.update(mine)
    sizes = {variable: windows.size(tuple(parameters.shapes[variable])) or 0 for variable in mine}
    counts = [counter.multiply_adds(op) for op in row.operations]
    notes = _notes(row, len(mine) < len(variables))
    rounds = 1
    if row.kind in LOOP_KINDS and row.anchor.type not in multiply_adds.LOOPS:
        rounds = frame_rounds(row.operations) or 1
    look = windows.window(row.anchor)
    blocks = receptive.blocks_of(row.anchor) if look else None
    dilation = look.dilation if look else None
    if look and blocks:
        dilation = tuple(one * block for one, block in zip(look.dilation, blocks, strict=True))
    kind = row.kind
    if kind in LOOP_KINDS:
        kind = next((found for found in map(loop_kind, variables) if found != "loop"), kind)
    return Layer(
        name=name,
        kind=kind,
        output=None
        if row.output is None or row.output.shape.rank is None
        else tuple(row.output.shape.as_list()),
        kernel=look.kernel if look else None,
        stride=look.stride if look else None,
        dilation=dilation,
        padding=look.padding if look else None,
        zeros=_zeros(row, look),
        groups=_groups(row, look),
        parameters=sum(sizes.values()),
        trainable=sum(
            count
            for variable, count in sizes.items()
            if variable not in averages and is_trainable(variable, trainable)
        )
        if not parameters.is_frozen
        else sum(count for variable, count in sizes.items() if variable not in averages),
        multiply_adds=None
        if None in counts
        else rounds * sum(count for count in counts if count is not None),
        field=None if row.output is None else fields.get(row.output.op.name),
        variables=tuple(variables),
        tensor="" if row.output is None else row.output.name,
        operations=tuple(dict.fromkeys(op.type for op in row.operations)),
        notes=tuple(notes),
    )


def _notes(row: Row, shared: bool) -> list[str]:
    notes = [*row.notes]
    if row.anchor.type in multiply_adds.LOOPS:
        rounds = multiply_adds.trip_count(row.anchor)
        notes.append(_rounds(rounds))
    elif row.kind in LOOP_KINDS and row.anchor.type not in multiply_adds.BLOCK_CELLS:
        notes.append(_rounds(frame_rounds(row.operations)))
    if any(op.type in _NOTED for op in row.operations) and not notes:
        notes.append("branch: which way is decided when the graph runs")
    if shared:
        notes.append("shares weights with a layer above")
    return notes


def _rounds(rounds: int | None) -> str:
    if rounds is None:
        return "loop: how often is known only when it runs, counted once"
    return f"loop: {rounds} rounds"


def frame_rounds(operations: list[Any]) -> int | None:
    """Rounds of a tf.while_loop of v1; None where only running it would tell."""
    rounds = []
    for test in operations:
        if test.type != "Less":
            continue
        values = [multiply_adds.static_number(_entered(tensor)) for tensor in test.inputs]
        if values[0] is not None and values[1] is not None:
            rounds.append(values[1] - values[0])
    return max(min(rounds), 0) if rounds else None


def _entered(tensor: Any) -> Any:
    """What a value of a loop was when the loop was entered."""
    while tensor.op.type in ("Merge", "Enter", "RefEnter", "Switch", "Identity"):
        tensor = tensor.op.inputs[0]
    return tensor


def _zeros(row: Row, look: windows.Window | None) -> tuple[tuple[int, int], ...] | None:
    """Zeros that the graph itself puts around the map of a convolution or pooling."""
    if look is None:
        return None
    if look.padding == "EXPLICIT":
        table = list(row.anchor.get_attr("explicit_paddings"))
        return tuple((table[2 * axis], table[2 * axis + 1]) for axis in look.axes)
    source = row.anchor.inputs[0].op
    if source.type not in windows.PADS:
        return None
    table = windows.constant(source.inputs[1])
    return None if table is None else tuple(tuple(table[axis]) for axis in look.axes)


def _groups(row: Row, look: windows.Window | None) -> int:
    if row.groups > 1 or row.kind != "grouped convolution" or look is None:
        return row.groups
    return row.anchor.inputs[0].shape.as_list()[-1] // row.anchor.inputs[1].shape.as_list()[-2]


def _names(rows: list[Row], parameters: Parameters) -> list[str]:
    """What a person calls each row: its variable scope, else its operation's name."""
    full = [_folded(row.anchor.name) for row in rows]
    counts: dict[str, int] = {}  # how many rows lie in or under a scope
    for name in full:
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            scope = "/".join(parts[:depth])
            counts[scope] = counts.get(scope, 0) + 1
    names = []
    for row, name in zip(rows, full, strict=True):
        scope, _, leaf = name.rpartition("/")
        if row.kind in WEIGHTED or row.kind.endswith("norm"):
            weights = _own_variable(row, parameters)
            if weights:
                names.append(weights)
                continue
        alone = scope and counts[scope] == 1
        names.append(scope if alone and leaf.startswith(row.anchor.type) else name)
    return names


def _own_variable(row: Row, parameters: Parameters) -> str:
    """The scope of the first variable that a row reads; the variable where it has no name."""
    for op in row.operations:
        for index, tensor in enumerate(op.inputs):
            if op is not row.anchor and index == 0:
                continue
            found = parameters.find_names(tensor)
            if found:
                scope, _, leaf = found[0].rpartition("/")
                return _folded(scope if scope and leaf in _LEAVES else found[0])
        if row.kind in WEIGHTED and op is row.anchor:
            break
    return ""


def _folded(name: str) -> str:
    """A scope without what TensorFlow doubles: net/net/conv -> net/conv."""
    parts = name.split("/")
    kept = [part for i, part in enumerate(parts) if i == 0 or part != parts[i - 1]]
    return "/".join(kept)


def folded(anatomy: Anatomy, depth: int) -> tuple[Layer, ...]:
    """The layers with all that lies deeper than ``depth`` scopes in one row each."""
    groups: list[tuple[str, list[Layer]]] = []
    for layer in anatomy.layers:
        scope = "/".join(layer.name.split("/")[:depth])
        if groups and groups[-1][0] == scope:
            groups[-1][1].append(layer)
        else:
            groups.append((scope, [layer]))
    return tuple(
        members[0] if len(members) == 1 else _sum(scope, members) for scope, members in groups
    )


def _sum(scope: str, members: list[Layer]) -> Layer:
    last = members[-1]
    counts = [member.multiply_adds for member in members]
    return dataclasses.replace(
        last,
        name=scope,
        kind=f"{len(members)} layers",
        kernel=None,
        stride=None,
        dilation=None,
        padding=None,
        zeros=None,
        groups=1,
        parameters=sum(member.parameters for member in members),
        trainable=sum(member.trainable for member in members),
        multiply_adds=None if None in counts else sum(c for c in counts if c is not None),
        variables=tuple(dict.fromkeys(v for member in members for v in member.variables)),
        operations=tuple(dict.fromkeys(o for member in members for o in member.operations)),
        notes=tuple(dict.fromkeys(note for member in members for note in member.notes)),
    )
