"""Analyzes a graph: makes a layer of each row that ``rows`` puts operations into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from legacy_nets.anatomy import multiply_adds, receptive, windows
from legacy_nets.anatomy.layers import Anatomy, Layer, add_known
from legacy_nets.anatomy.rows import LOOP_TYPES, WEIGHTED, Assembler, Row, get_loop_type
from legacy_nets.anatomy.windows import Window
from legacy_nets.graphdef.live_graph import LiveGraph, find_live_graph
from legacy_nets.graphdef.op_types import LOOPS
from legacy_nets.graphdef.parameters import Parameters, is_trainable, list_trainable_names
from legacy_nets.types import Graph, Operation, Tensor

_VARIABLE_NAMES = {
    *("kernel", "weights", "weight", "w", "W", "depthwise_kernel", "depthwise_weights"),
    *("pointwise_kernel", "pointwise_weights", "gamma", "beta", "bias", "biases"),
}
_BRANCHES = {*multiply_adds.BRANCHES, "Switch", "RefSwitch"}


def analyze_graph(
    graph: Graph,
    inputs: Iterable[Tensor] | None = None,
    outputs: Iterable[Tensor] | None = None,
    *,
    trainable: frozenset[str] | None = None,
    name: str = "graph",
) -> Anatomy:
    """Analyzes the layers of a graph; the graph is not changed and not run.

    Args:
      graph: any graph.
      inputs: tensors; if None, its placeholders, or the operations that read its data.
      outputs: tensors; if None, all that depends on the inputs, without gradients.
      trainable: names of variables; if None, the graph's collection, or all except moving
        averages.
      name: of the result.

    Raises: BadInputError where nothing depends on the inputs.
    """
    if trainable is None:
        trainable = list_trainable_names(graph)
    alive = find_live_graph(graph, inputs, outputs)
    analyzer = _Analyzer(alive, Parameters(graph, alive.names), trainable)
    layers = analyzer.make_layers()
    return Anatomy(name, layers, analyzer.list_unused_variables(), analyzer.write_notes(layers))


def pair_rows_with_layers(
    alive: LiveGraph, trainable: frozenset[str] | None = None
) -> list[tuple[Row, Layer]]:
    """Analyzes the live part of a graph; returns each layer with the row of operations it is."""
    graph = alive.operations[0].graph
    if trainable is None:
        trainable = list_trainable_names(graph)
    analyzer = _Analyzer(alive, Parameters(graph, alive.names), trainable)
    return list(zip(analyzer.rows, analyzer.make_layers(), strict=True))


class _Analyzer:
    """Makes the layers of one graph; remembers which variables a layer above already owns."""

    def __init__(
        self, alive: LiveGraph, parameters: Parameters, trainable: frozenset[str] | None
    ) -> None:
        self._parameters = parameters
        self._trainable = trainable
        self._live_names = alive.names
        self.rows = Assembler(alive, parameters).assemble()
        self._fields = receptive.compute_fields(alive.operations, alive.sources)
        self._counter = multiply_adds.Counter(alive.names)
        self._owned: set[str] = set()

    def make_layers(self) -> tuple[Layer, ...]:
        names = _name_rows(self.rows, self._parameters)
        return tuple(
            self._make_layer(row, name) for row, name in zip(self.rows, names, strict=True)
        )

    def list_unused_variables(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Lists the variables, with shapes, that no layer owns."""
        return tuple(
            (variable, tuple(shape))
            for variable, shape in self._parameters.shapes.items()
            if variable not in self._owned
        )

    def write_notes(self, layers: Sequence[Layer]) -> tuple[str, ...]:
        """Writes what a reader must know about the complete graph."""
        notes = []
        if not any("convolution" in layer.layer_type for layer in layers):
            notes.append("the graph has no convolutions")
        if self._parameters.is_frozen:
            notes.append("the graph has no variables: its constants are counted as parameters")
        shapes = self._parameters.shapes
        unknown = [name for name in shapes if name in self._owned and -1 in shapes[name]]
        if unknown:
            notes.append(
                f"{len(unknown)} variables of unknown shape are counted as 0 parameters (first "
                f"{unknown[0]}): their checkpoint knows them (legacy-nets inspect)"
            )
        if any(note.startswith(("loop", "branch")) for layer in layers for note in layer.notes):
            notes.append("the graph has control flow: see the notes of its layers")
        fields = [layer.receptive_field for layer in layers]
        if any(field is not None and not field.aligned for field in fields):
            notes.append("receptive fields marked ! come from paths that are not aligned")
        return tuple(notes)

    def _make_layer(self, row: Row, name: str) -> Layer:
        variables, averages = self._find_variables(row)
        new = [variable for variable in variables if variable not in self._owned]
        self._owned.update(new)
        sizes = {
            variable: 0 if -1 in shape else windows.count_elements(tuple(shape)) or 0
            for variable, shape in ((name, self._parameters.shapes[name]) for name in new)
        }
        window = windows.get_window(row.anchor)
        return Layer(
            name=name,
            layer_type=_get_layer_type(row, variables),
            output=_get_output_shape(row),
            kernel=window.kernel if window else None,
            stride=window.stride if window else None,
            dilation=_get_dilation(row, window),
            padding=window.padding if window else None,
            zeros=_get_zeros(row, window),
            groups=_count_groups(row, window),
            parameters=sum(sizes.values()),
            trainable=self._count_trainable(sizes, averages),
            multiply_adds=self._count_multiply_adds(row),
            receptive_field=None if row.output is None else self._fields.get(row.output.op.name),
            variables=tuple(variables),
            tensor="" if row.output is None else row.output.name,
            operations=tuple(dict.fromkeys(op.type for op in row.operations)),
            notes=tuple(_write_row_notes(row, len(new) < len(variables))),
        )

    def _find_variables(self, row: Row) -> tuple[list[str], set[str]]:
        """Returns the variables that a row reads, and those that are moving averages.

        Only a frozen graph needs the second: its constants have no collections.
        """
        variables: dict[str, None] = {}
        averages: set[str] = set()
        for op in row.operations:
            for index, tensor in enumerate(op.inputs):
                if tensor.op.name not in self._live_names:
                    names = self._parameters.find_names(tensor)
                    variables.update(dict.fromkeys(names))
                    if op.type.startswith("FusedBatchNorm") and index > 2:
                        averages.update(names)
        return list(variables), averages

    def _count_trainable(self, sizes: dict[str, int], averages: set[str]) -> int:
        return sum(
            count
            for variable, count in sizes.items()
            if variable not in averages
            and (self._parameters.is_frozen or is_trainable(variable, self._trainable))
        )

    def _count_multiply_adds(self, row: Row) -> int | None:
        count = add_known([self._counter.count(op) for op in row.operations])
        if count is None or row.layer_type not in LOOP_TYPES:
            return count
        if row.anchor.type in LOOPS:  # the counter has multiplied by the rounds
            return count
        return count * (count_frame_rounds(row.operations) or 1)


def _get_layer_type(row: Row, variables: list[str]) -> str:
    """Returns the type of a row; the names of a loop's variables may tell more than its own."""
    if row.layer_type not in LOOP_TYPES:
        return row.layer_type
    types = map(get_loop_type, variables)
    return next((layer_type for layer_type in types if layer_type != "loop"), row.layer_type)


def _get_output_shape(row: Row) -> tuple[int | None, ...] | None:
    if row.output is None or row.output.shape.rank is None:
        return None
    return tuple(row.output.shape.as_list())


def _get_dilation(row: Row, window: Window | None) -> tuple[int, ...] | None:
    if window is None:
        return None
    blocks = receptive.get_blocks(row.anchor)
    if not blocks:
        return window.dilation
    return tuple(rate * block for rate, block in zip(window.dilation, blocks, strict=True))


def _write_row_notes(row: Row, is_shared: bool) -> list[str]:
    notes = [*row.notes]
    if row.anchor.type in LOOPS:
        notes.append(_write_rounds(multiply_adds.count_rounds(row.anchor)))
    elif row.layer_type in LOOP_TYPES and row.anchor.type not in multiply_adds.BLOCK_CELLS:
        notes.append(_write_rounds(count_frame_rounds(row.operations)))
    if any(op.type in _BRANCHES for op in row.operations) and not notes:
        notes.append("branch: the graph chooses the path when it runs")
    if is_shared:
        notes.append("shares weights with a layer above")
    return notes


def _write_rounds(rounds: int | None) -> str:
    if rounds is None:
        return "loop: the number of rounds is known only when it runs; counted once"
    return f"loop: {rounds} rounds"


def count_frame_rounds(operations: list[Operation]) -> int | None:
    """Counts the rounds of a tf.while_loop of v1; None where only a run would tell."""
    rounds = []
    for test in operations:
        if test.type != "Less":
            continue
        start, end = (
            multiply_adds.get_static_number(_get_entry_value(tensor)) for tensor in test.inputs
        )
        if start is not None and end is not None:
            rounds.append(end - start)
    return max(min(rounds), 0) if rounds else None


def _get_entry_value(tensor: Tensor) -> Tensor:
    """Returns the tensor that a value of a loop was when the loop was entered."""
    while tensor.op.type in ("Merge", "Enter", "RefEnter", "Switch", "Identity"):
        tensor = tensor.op.inputs[0]
    return tensor


def _get_zeros(row: Row, window: Window | None) -> tuple[tuple[int, int], ...] | None:
    """Returns the zeros that the graph itself puts around the input of a window."""
    if window is None:
        return None
    if window.padding == "EXPLICIT":
        table = list(row.anchor.get_attr("explicit_paddings"))
        return tuple((table[2 * axis], table[2 * axis + 1]) for axis in window.axes)
    source = row.anchor.inputs[0].op
    if source.type not in windows.PADS:
        return None
    table = windows.get_constant(source.inputs[1])
    return None if table is None else tuple(tuple(table[axis]) for axis in window.axes)


def _count_groups(row: Row, window: Window | None) -> int:
    if row.groups > 1 or row.layer_type != "grouped convolution" or window is None:
        return row.groups
    channels: int = row.anchor.inputs[0].shape.as_list()[-1]
    inputs: int = row.anchor.inputs[1].shape.as_list()[-2]
    return channels // inputs


def _name_rows(rows: list[Row], parameters: Parameters) -> list[str]:
    """Names each row by its variable scope, or else by its operation."""
    full_names = [_drop_repeated_scopes(row.anchor.name) for row in rows]
    counts: dict[str, int] = {}  # number of rows in or under a scope
    for name in full_names:
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            scope = "/".join(parts[:depth])
            counts[scope] = counts.get(scope, 0) + 1
    names = []
    for row, name in zip(rows, full_names, strict=True):
        scope, _, leaf = name.rpartition("/")
        if row.layer_type in WEIGHTED or row.layer_type.endswith("norm"):
            variable_scope = _find_variable_scope(row, parameters)
            if variable_scope:
                names.append(variable_scope)
                continue
        is_alone = scope and counts[scope] == 1
        names.append(scope if is_alone and leaf.startswith(row.anchor.type) else name)
    return names


def _find_variable_scope(row: Row, parameters: Parameters) -> str:
    """Returns the scope of the first variable that a row reads, or a variable without scope."""
    for op in row.operations:
        for index, tensor in enumerate(op.inputs):
            if op is not row.anchor and index == 0:
                continue
            variables = parameters.find_names(tensor)
            if variables:
                scope, _, leaf = variables[0].rpartition("/")
                return _drop_repeated_scopes(
                    scope if scope and leaf in _VARIABLE_NAMES else variables[0]
                )
        if row.layer_type in WEIGHTED and op is row.anchor:
            break
    return ""


def _drop_repeated_scopes(name: str) -> str:
    """Removes scopes that TensorFlow repeats: net/net/conv -> net/conv."""
    parts = name.split("/")
    return "/".join(part for i, part in enumerate(parts) if i == 0 or part != parts[i - 1])
