"""The part of the book on one net or document, as one page of HTML that needs no other file."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence

from legacy_nets import documents, registry
from legacy_nets.anatomy import graph_drawing
from legacy_nets.book import html, tables
from legacy_nets.book.sources import Sources, make_layer_id
from legacy_nets.documents import blocks, explain, figures
from legacy_nets.documents.checks import common
from legacy_nets.errors import BadInputError, SetupError
from legacy_nets.language import get_language, mark
from legacy_nets.language import translate as _
from legacy_nets.language.lines import translate_line
from legacy_nets.progress import show_status

_CAPTIONS = {  # file of a figure -> what it shows
    "feature_maps.png": mark("Feature maps"),
    "attention.png": mark("What the class token attends to"),
    "kernels.png": mark("Kernels of the first layer"),
    "receptive_field.png": mark("The receptive field of one value"),
    "receptive_fields.png": mark("Receptive fields of the middle values"),
}


@dataclasses.dataclass(frozen=True)
class Own:
    """What a reader brings along; None where nothing."""

    image: str | None = None  # a picture, or a clip for nets of clips
    checkpoint: str | None = None  # anything that ``open_weights`` reads


def write_page(selector: str, own: Own | None = None) -> str:
    """Writes the page on a net ("hand_signs") or document ("001").

    Args:
      selector: a name of the registry, or a document's number. A document's page has each of its
        nets that has a block which the nets before it lack.
      own: weights and a picture, for maps and kernels; they belong to one net.

    Raises: BadInputError for an unknown net or document, for an unreadable image, or for a
      document of several nets with ``own``; CheckpointError.
    """
    own = own or Own()
    numbers = [document.number for document in registry.list_documents()]
    if selector in numbers:
        nets = _select_nets(selector)
        names = ", ".join(nets)
        if own != Own() and len(nets) > 1:
            raise BadInputError(
                f"document {selector} has several nets: name the one of your weights or picture "
                f"({names})"
            )
        short = _(registry.get_document(selector).short_title)
        title = _("Document {number}: {title}").format(number=selector, title=short)
        number = selector
    else:
        number, nets = registry.get_net(selector).document, [selector]
        title = _("{net}, a net of document {number}").format(net=selector, number=number)
    selectors = [*nets, selector]
    facts = [row.id for each in selectors for row in documents.facts(each)]
    writer = Writer({*facts, *(row.id for each in selectors for row in documents.errata(each))})
    body = [f"<h1>{html.escape(title)}</h1>\n"]
    body.append(html.write_table(tables.tabulate_document(number)))
    for net in nets:
        with show_status(f"writing {net}"):
            body += writer.write_net(net, own)
    if selector in numbers:
        body += writer.write_rest(documents.facts(selector), documents.errata(selector))
    files = writer.sources.list_files()
    source = _("Source")
    folds = [html.write_fold(f"{source}{_(': ')}{path}", listing) for path, listing in files]
    body += [f"<h2>{source}</h2>\n", *folds]
    return html.write_page(title, "".join(body), get_language())


def _select_nets(number: str) -> list[str]:
    """Selects the nets of a document that have a block which those before them lack."""
    selected: list[str] = []
    seen: set[str] = set()
    for record in tables.list_nets_of(number):
        own_blocks = {row.id for row in blocks.list_blocks(number) if record.name in row.nets}
        if own_blocks - seen:
            selected.append(record.name)
            seen |= own_blocks
    return selected


class Writer:
    """Writes nets; a text, a fact or an erratum comes once, where it is first.

    Args:
      row_ids: of the facts and errata that the page will have.
    """

    def __init__(self, row_ids: set[str]) -> None:
        self.sources = Sources()
        self._row_ids = row_ids
        self._shown: set[str] = set()

    def write_net(self, net: str, own: Own) -> Iterator[str]:
        """Writes the record of a net, its graph, its sections, and what its lines build."""
        sections = explain.walk(net)
        graph = common.build_net(net).images.graph
        layers = [layer for section in sections for layer in section.layers]
        lines = self.sources.add(net, layers, graph)
        yield f"<h2>{html.escape(net)}</h2>\n"
        yield html.write_table(tables.tabulate_net(net))
        yield from _draw(net, own)
        for section in sections:
            yield from self.write_section(net, section, lines)

    def write_section(
        self, net: str, section: explain.Section, lines: Mapping[str, str] | None = None
    ) -> Iterator[str]:
        """Writes a section of a net.

        Args:
          net: name in the ids of the layers' rows.
          section: of ``explain.walk``.
          lines: layer -> id of the line that builds it; without, layers have no links.
        """
        if section.title:
            yield f"<h3>{html.escape(section.title)}</h3>\n"
        yield from self._write_texts(section.blocks)
        if section.layers:
            places = [make_layer_id(net, layer.name) for layer in section.layers]
            table = tables.tabulate_section(section.layers)
            yield html.write_table(table, places=places, links=lines)
        for count in section.counts:
            sums = _("Parameters of {layer}: {formula} ({explanation}).").format(
                layer=count.layer, formula=count.formula, explanation=count.explanation
            )
            yield f"<p>{html.escape(sums)}</p>\n"
        yield from self.write_rest(section.facts, section.errata)

    def _write_texts(self, texts: Sequence[blocks.Block]) -> Iterator[str]:
        for block in texts:
            if block.id not in self._shown:
                self._shown.add(block.id)
                title = block.title[0].upper() + block.title[1:]
                text = html.write_text(block.text, self._row_ids)
                yield f"<p><b>{html.escape(title + _('.'))}</b> {text}</p>\n"

    def write_rest(
        self, facts: Sequence[documents.Fact], errata: Sequence[documents.Erratum]
    ) -> Iterator[str]:
        """Writes the facts and errata that the page has not shown yet, folded."""
        new_facts = [row for row in facts if row.id not in self._shown]
        new_errata = [row for row in errata if row.id not in self._shown]
        self._shown.update(row.id for row in (*new_facts, *new_errata))
        if new_facts:
            table = html.write_table(tables.tabulate_facts(new_facts))
            title = _("What the document states ({count})").format(count=len(new_facts))
            yield html.write_fold(title, table)
        if new_errata:
            defects = html.write_errata(new_errata)
            title = _("Where the document errs ({count})").format(count=len(new_errata))
            yield html.write_fold(title, defects)


def _draw(net: str, own: Own) -> Iterator[str]:
    """Draws the graph, and what the net computes of the reader's picture and weights."""
    try:
        yield f'<div class="wide" tabindex="0">{graph_drawing.draw_svg(net)}</div>\n'
    except SetupError as error:
        yield f'<p class="muted">{html.escape(translate_line(str(error)))}</p>\n'
    if own == Own():
        return
    with _draw_figures(net, own) as drawn:
        for name, source in ((_("image"), own.image), (_("checkpoint"), own.checkpoint)):
            if source is not None:  # without its folders: the page is mailed
                file = html.escape(pathlib.Path(source).name)
                yield f'<p class="muted">{name}{_(": ")}{file}</p>\n'
        for note in drawn.notes:
            yield f'<p class="muted">{html.escape(translate_line(f"note: {note}"))}</p>\n'
        for path in drawn.paths:
            if path.name in _CAPTIONS:
                caption = _(_CAPTIONS[path.name])
                picture = html.write_picture(path, f"{net}{_(': ')}{caption}")
                yield f"<h3>{caption}</h3>\n{picture}"


@contextlib.contextmanager
def _draw_figures(net: str, own: Own) -> Iterator[figures.DrawnFigures]:
    with tempfile.TemporaryDirectory() as folder:
        yield figures.draw(
            net, pathlib.Path(folder), own.image, checkpoint=own.checkpoint, with_graph=False
        )
