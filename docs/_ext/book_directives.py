"""Directives that show the live package: no number of a net is typed into a page.

    {document} 002             title, author, address, date and licence of a document
    {net} inception_v3         record of a net
    {layers} inception_v3      its layers; :depth: 2 merges those that share two scopes; :source:
                               adds the lines that build them, with links from each to the other
    {graph} inception_v3       its graph as a drawing
    {facts} 002                facts of a document or net, or one; :fold: puts them under a title
    {errata} 002               defects, in the same way
    {pitfalls}                 pitfalls of TensorFlow 1; with an argument, one
    {transcript} nets vgg*     a command and what it prints

``facts``, ``errata`` and ``pitfalls`` with ``:anchors:`` define the place of each row, which the
role ``row`` links to: {row}`002-F15`. Each row has one such place in the book.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import ClassVar

from click.testing import CliRunner
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx_design.shared import create_component

from legacy_nets import anatomy, documents
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import graph_drawing
from legacy_nets.book import tables
from legacy_nets.book.sources import Sources, make_layer_id
from legacy_nets.cli import main
from legacy_nets.documents import pitfalls
from legacy_nets.errors import BadInputError, LegacyNetsError
from legacy_nets.language import translate


def make_label(row_id: str) -> str:
    """Makes the label of a fact, erratum or pitfall: row-002-f15."""
    return f"row-{row_id.lower()}"


def make_table(table: tables.Table, anchored: bool = False) -> nodes.Element:
    """Makes a table's nodes; anchored rows carry their label."""
    group = nodes.tgroup(cols=len(table.columns))
    group += [nodes.colspec(colwidth=1) for _ in table.columns]
    head, body = nodes.thead(), nodes.tbody()
    head += _make_row(table.columns, table)
    for index, cells in enumerate(table.rows):
        row = _make_row(cells, table)
        if table.ids and not anchored:
            row[0].children = [nodes.paragraph("", "", make_link(table.ids[index]))]
        elif anchored:
            row["ids"].append(make_label(table.ids[index]))
        body += row
    group += [head, body]
    frame = nodes.container(classes=["wide-table"])
    frame += nodes.table("", group, classes=["book-table"])
    return frame


def _make_row(cells: Sequence[str], table: tables.Table) -> nodes.row:
    row = nodes.row()
    for column, cell in zip(table.columns, cells, strict=True):
        entry = nodes.entry()
        if column in table.numeric:
            entry["classes"].append("number")
        if column in ("window", "output"):
            entry["classes"].append("shape")
        if column == "verdict" and cell != column:
            entry["classes"].append(f"verdict-{cell}")
        entry += nodes.paragraph("", "", *_make_text(cell))
        row += entry
    return row


def _make_text(text: str) -> list[nodes.Node]:
    """Makes the nodes of a cell; an address is a link."""
    if text.startswith("https://") and " " not in text:
        return [nodes.reference("", text, refuri=text)]
    return [nodes.Text(translate(text))]


def make_name(name: str) -> list[nodes.Node]:
    """Makes the nodes of the name of a layer or a file, which may break after a slash."""
    *scopes, last = name.split("/")
    parts: list[nodes.Node] = []
    for scope in scopes:
        parts += [nodes.Text(f"{scope}/"), nodes.raw("", "<wbr>", format="html")]
    return [*parts, nodes.Text(last)]


def make_link(row_id: str) -> nodes.Element:
    """Makes a link to the row's place in the book."""
    link = addnodes.pending_xref(
        "",
        nodes.inline("", row_id),
        refdomain="std",
        reftype="ref",
        reftarget=make_label(row_id),
        refexplicit=True,
        refwarn=True,
    )
    return link


def make_fold(title: str, contents: Sequence[nodes.Node]) -> nodes.Element:
    """Puts nodes under a title that opens them."""
    frame = create_component(
        "dropdown",
        opened=False,
        type="dropdown",
        has_title=True,
        icon=None,
        chevron=None,
        container_classes=["sd-mb-3"],
        title_classes=[],
        body_classes=[],
    )
    frame += nodes.rubric(title, "", *make_name(title))
    frame += contents
    return frame


class RowRole(SphinxRole):
    """{row}`002-F15` links to a fact, an erratum or a pitfall."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Makes the link; Sphinx warns where there is no such row."""
        link = make_link(self.text)
        link["refdoc"] = self.env.docname
        return [link], []


class BookDirective(SphinxDirective):
    """A directive that shows the rows that its argument selects."""

    optional_arguments = 1
    final_argument_whitespace = True

    @property
    def selector(self) -> str | None:
        """The argument; None where there is none."""
        return self.arguments[0] if self.arguments else None

    def make(self) -> list[nodes.Node]:
        """Makes the nodes. Raises BadInputError for an argument that selects nothing."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Makes the nodes; an unknown net, document or id is an error at its line."""
        try:
            made = self.make()
        except LegacyNetsError as error:
            raise self.error(str(error)) from error
        for node in made:
            for link in node.findall(addnodes.pending_xref):
                link["refdoc"] = self.env.docname
            for text in node.findall(nodes.TextElement):
                text["translatable"] = False  # the package translates its own texts
        return made


class DocumentDirective(BookDirective):
    """What a document says of itself."""

    required_arguments, optional_arguments = 1, 0

    def make(self) -> list[nodes.Node]:
        """Makes the table of the record."""
        return [make_table(tables.tabulate_document(self.arguments[0]))]


class NetDirective(BookDirective):
    """The record of a net."""

    required_arguments, optional_arguments = 1, 0

    def make(self) -> list[nodes.Node]:
        """Makes the table of the record."""
        return [make_table(tables.tabulate_net(self.arguments[0]))]


class LayersDirective(BookDirective):
    """The layers of a net."""

    required_arguments, optional_arguments = 1, 0
    option_spec: ClassVar = {"depth": directives.positive_int, "source": directives.flag}

    def make(self) -> list[nodes.Node]:
        """Builds the net and makes the table of its layers."""
        net = self.arguments[0]
        if "source" in self.options:
            return self._make_with_source(net)
        layers = anatomy.analyze_net(net)
        return [make_table(tables.tabulate_layers(layers, self.options.get("depth")))]

    def _make_with_source(self, net: str) -> list[nodes.Node]:
        """Makes the table, and the folded files whose lines build the layers."""
        images, logits, end_points = anatomy.build_net(net)
        outputs = [point for point in end_points.values() if isinstance(point, tf.Tensor)]
        layers = anatomy.analyze_graph(images.graph, [images], [*outputs, logits], name=net)
        sources = Sources()
        lines = sources.add(net, layers.layers, images.graph)
        frame = make_table(tables.tabulate_layers(layers))
        rows = list(frame.findall(nodes.row))[1:-1]  # without the columns' names and the total
        for row, layer in zip(rows, layers.layers, strict=True):
            row["ids"].append(make_layer_id(net, layer.name))
            name = make_name(layer.name)
            if layer.name in lines:
                place = f"#{lines[layer.name]}"
                name = [nodes.reference("", "", *name, refuri=place, internal=True)]
            row[0]["classes"].append("name")
            row[0].children = [nodes.paragraph("", "", *name)]
        folds = [
            make_fold(
                translate("Source: {name}, {place}").format(name=net, place=path),
                [nodes.raw("", listing, format="html")],
            )
            for path, listing in sources.list_files()
        ]
        return [frame, *folds]


class GraphDirective(BookDirective):
    """The graph of a net as a drawing whose stages open."""

    required_arguments, optional_arguments = 1, 0

    def make(self) -> list[nodes.Node]:
        """Builds the net and draws it."""
        drawing = graph_drawing.draw_svg(self.arguments[0])
        frame = nodes.container(classes=["wide-graph"])
        frame += nodes.raw("", drawing, format="html")
        return [frame]


class RowsDirective(BookDirective):
    """Rows of the documents' tables; ``:ids:`` selects some, ``:fold:`` gives a title to open."""

    option_spec: ClassVar = {
        "anchors": directives.flag,
        "fold": directives.unchanged_required,
        "ids": directives.unchanged_required,
    }

    def make_rows(self) -> list[nodes.Node]:
        """Makes the nodes of the selected rows."""
        raise NotImplementedError

    @property
    def anchored(self) -> bool:
        """Whether this is the place of its rows in the book."""
        return "anchors" in self.options

    def make(self) -> list[nodes.Node]:
        """Makes the rows, and puts them under the title of ``:fold:``."""
        made = self.make_rows()
        for node in made:
            self._note_labels(node)
        if "fold" not in self.options:
            return made
        return [make_fold(self.options["fold"], made)]

    def _note_labels(self, node: nodes.Node) -> None:
        """Tells Sphinx the labels of the rows, so that any page can link to them."""
        labels = self.env.domains.standard_domain
        for place in node.findall(nodes.Element):
            for label in place.get("ids", []):
                if label.startswith("row-"):
                    labels.anonlabels[label] = self.env.docname, label
                    labels.labels[label] = self.env.docname, label, label

    def select(self, rows: Iterable) -> list:
        """Keeps the rows of ``:ids:``. Raises BadInputError for an id that is not there."""
        rows = list(rows)
        if "ids" not in self.options:
            return rows
        wanted = self.options["ids"].split()
        by_id = {row.id: row for row in rows}
        missing = [row_id for row_id in wanted if row_id not in by_id]
        if missing:
            raise BadInputError(f"{self.selector} has no row {', '.join(missing)}")
        return [by_id[row_id] for row_id in wanted]


class FactsDirective(RowsDirective):
    """Claims of a document, with what the live graph has."""

    def make_rows(self) -> list[nodes.Node]:
        """Makes one table."""
        facts = self.select(documents.facts(self.selector))
        return [make_table(tables.tabulate_facts(facts), self.anchored)] if facts else []


class ErrataDirective(RowsDirective):
    """Defects of a document: what its code does, and the fix."""

    def make_rows(self) -> list[nodes.Node]:
        """Makes a list of definitions."""
        rows = self.select(documents.errata(self.selector))
        return [self.make_list(rows)] if rows else []

    def make_list(self, rows: Sequence[documents.Erratum]) -> nodes.definition_list:
        """Makes a list of definitions of some errata."""
        places = nodes.definition_list(classes=["errata"])
        for row in rows:
            term = self.make_term(row.id, f"{row.place} ({translate(row.kind)})")
            measured = translate(". Measured: {harm}.").format(harm=translate(row.harm))
            literal = translate(row.literal) + (measured if row.harm else "")
            places += self.make_item(term, [("Original code", literal), ("Fix", row.fix)])
        return places

    def make_term(self, row_id: str, text: str) -> nodes.term:
        """Makes the head of a row: its id, which is a place or a link to it, and a text."""
        head = nodes.strong("", row_id) if self.anchored else make_link(row_id)
        term = nodes.term("", "", head, nodes.Text(" " + text))
        if self.anchored:
            term["ids"].append(make_label(row_id))
        return term

    def make_item(
        self, term: nodes.term, texts: Sequence[tuple[str, str]], *more: nodes.Node
    ) -> nodes.definition_list_item:
        """Makes a row: its head, then paragraphs that begin with a word in italics."""
        body = nodes.definition()
        for word, text in texts:
            mark = [nodes.emphasis("", translate(word)), nodes.Text(translate(": "))]
            body += nodes.paragraph("", "", *(mark if word else []), *_make_text(text))
        body += more
        return nodes.definition_list_item("", term, body)


class PitfallsDirective(ErrataDirective):
    """Pitfalls of TensorFlow 1: the effect, the fix, and both measured."""

    def make_rows(self) -> list[nodes.Node]:
        """Makes a list of definitions with the code of each pitfall."""
        rows = self.select(pitfalls.list_pitfalls(self.selector))
        places = nodes.definition_list(classes=["pitfalls"])
        measured = translate("{without}; with the fix: {fixed}")
        for row in rows:
            code = pitfalls.get_code(row)
            texts = [
                ("", row.effect),
                ("Fix", row.fix),
                ("Measured", measured.format(without=row.without_fix, fixed=row.with_fix)),
                ("Where users ask", row.issue),
            ]
            block = nodes.literal_block(code, code, language="python")
            places += self.make_item(self.make_term(row.id, translate(row.title)), texts, block)
        return [places]


class TranscriptDirective(SphinxDirective):
    """A command of ``legacy-nets`` and what it prints; ``:lines:`` cuts it after so many."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"lines": directives.positive_int}

    def run(self) -> list[nodes.Node]:
        """Runs the command in this process. An exit code other than 0 is an error at its line."""
        command = self.arguments[0]
        os.environ["COLUMNS"] = "100"
        done = CliRunner().invoke(main, command.split())
        if done.exit_code:
            raise self.error(f"legacy-nets {command}: {done.output or done.exception}")
        lines = done.stdout.splitlines()
        shown = self.options.get("lines", len(lines))
        more = [] if shown >= len(lines) else ["..."]
        text = "\n".join([f"$ legacy-nets {command}", *lines[:shown], *more])
        return [nodes.literal_block(text, text, language="console")]


DIRECTIVES = {
    "document": DocumentDirective,
    "net": NetDirective,
    "layers": LayersDirective,
    "graph": GraphDirective,
    "facts": FactsDirective,
    "errata": ErrataDirective,
    "pitfalls": PitfallsDirective,
    "transcript": TranscriptDirective,
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directives and the role."""
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    app.add_role("row", RowRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
