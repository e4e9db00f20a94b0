"""Tables of a net's record and layers, and of what the documents state, as plain text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from legacy_nets import registry
from legacy_nets.anatomy import Anatomy, Layer, fold_layers
from legacy_nets.documents import Fact
from legacy_nets.documents.judge import explain_once, translate_measured
from legacy_nets.language import translate
from legacy_nets.shapes import format_axes, format_shape, format_window

NOT_STATED = "not stated"


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text under their columns; every row has as many cells as there are columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ids: tuple[str, ...] = ()  # of the rows, for links to them; empty, or one for each row
    numeric: tuple[str, ...] = ()  # columns of numbers


def tabulate_document(number: str) -> Table:
    """Tabulates what a document says of itself. Raises BadInputError for an unknown number."""
    document = registry.get_document(number)
    rows = (
        ("title", document.title or NOT_STATED),
        ("author", document.author or NOT_STATED),
        ("address", document.address or NOT_STATED),
        ("date", document.date or NOT_STATED),
        ("licence", document.licence or NOT_STATED),
        ("based on", document.basis or NOT_STATED),
        ("nets", ", ".join(net.name for net in list_nets_of(number))),
    )
    head = translate("document {number}").format(number=number)
    return Table((head, document.short_title), rows)


def list_nets_of(number: str) -> list[registry.Net]:
    """Lists the records of a document's nets."""
    nets = map(registry.get_net, registry.list_nets())
    return [net for net in nets if net.document == number]


def tabulate_net(name: str) -> Table:
    """Tabulates the record of a net. Raises BadInputError for an unknown name."""
    net = registry.get_net(name)
    document = registry.get_document(net.document)
    sides = [*net.image_size, net.channels]
    rows = (
        ("document", f"{document.number} ({translate(document.short_title)})"),
        ("input", format_shape([None, *sides])),
        ("preprocessing", net.preprocessing),
        ("classes", str(net.num_classes)),
        ("trainable parameters", f"{net.parameters:,}"),
        ("outermost variable scope", net.scope or "none"),
        ("outputs with a score for each class", ", ".join(net.heads)),
        ("weights of other frameworks", ", ".join(net.layouts) or "none"),
        ("source", f"legacy_nets/nets/{net.module}.py"),
    )
    return Table(("net", name), rows)


def tabulate_layers(anatomy: Anatomy, depth: int | None = None) -> Table:
    """Tabulates layers from input to output, with a total.

    Args:
      anatomy: of a net or graph.
      depth: merges neighbouring layers that share that many scopes; None shows every layer.
    """
    layers = anatomy.layers if depth is None else fold_layers(anatomy, depth)
    numeric = ("parameters", "multiply-adds")
    columns = ("layer", "operation", "window", "output", *numeric, "receptive field")
    total = ("total", "", "", "", *map(_format_count, (anatomy.parameters, anatomy.multiply_adds)))
    return Table(columns, (*map(_format_layer, layers), (*total, "")), numeric=numeric)


def tabulate_section(layers: Sequence[Layer]) -> Table:
    """Tabulates the layers of a part of a net, without a total."""
    columns = ("layer", "operation", "window", "output", "parameters", "receptive field")
    rows = [_format_layer(layer) for layer in layers]
    kept = tuple((*row[:5], row[6]) for row in rows)
    return Table(columns, kept, numeric=("parameters",))


def _format_layer(layer: Layer) -> tuple[str, ...]:
    field = layer.receptive_field
    groups = translate(" ({count} groups)").format(count=layer.groups) if layer.groups > 1 else ""
    return (
        layer.name,
        translate(layer.layer_type) + groups,
        format_window(layer.kernel, layer.stride, layer.padding),
        format_shape(layer.output),
        _format_count(layer.parameters),
        _format_count(layer.multiply_adds),
        "all" if field is None else format_axes(field.size),
    )


def _format_count(count: int | None) -> str:
    """Formats a count; nothing for 0, ? where it is not known."""
    return "?" if count is None else f"{count:,}" if count else ""


def tabulate_facts(facts: Sequence[Fact]) -> Table:
    """Tabulates facts with the verdicts that the tests prove."""
    rows = tuple(
        (fact.id, fact.place, fact.quantity, fact.stated, _format_measured(fact, why), fact.verdict)
        for fact, why in zip(facts, explain_once(facts), strict=True)
    )
    columns = ("id", "place", "quantity", "stated", "measured", "verdict")
    return Table(columns, rows, ids=tuple(fact.id for fact in facts))


def _format_measured(fact: Fact, why: str) -> str:
    """Formats the measured value, = where it is the stated one, and the reason of the verdict."""
    measured = translate_measured(fact.measured, fact.stated) if fact.measured else "="
    return measured + (f" ({why})" if why else "")
