"""Directives of the chapters: what a block is for, beside its source, layers, facts and errata.

    {blocks} hand_signs        what the sections of a net are for, as ``explain`` says it
    :at: res?a                 titles of sections or patterns of them; without, all of the net
    {rows} 001                 the facts and errata of a document that the page has not shown yet
    :lines: 1-30 206-224       only those about these lines of the document

A page shows a text, a source, a fact or an erratum once: where it comes first. The layers are those
of the first section.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from book_directives import ErrataDirective, make_fold, make_name, make_table
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

from legacy_nets import documents
from legacy_nets.book import tables
from legacy_nets.documents import blocks, explain
from legacy_nets.documents.checks import common
from legacy_nets.errors import BadInputError
from legacy_nets.language import translate

ROW_ID = re.compile(r"\d{3}-[EF]\d+")
SHOWN = "book_shown"  # key of the page's data
ROOT = Path(blocks.PACKAGE).parent


class ChapterDirective(ErrataDirective):
    """A directive that shows each row of the documents' tables once on a page."""

    required_arguments, optional_arguments = 1, 0

    @property
    def shown(self) -> set[str]:
        """What the page has shown already: ids, and lines as legacy_nets/nets/vgg.py:93."""
        shown: set[str] = self.env.temp_data.setdefault(SHOWN, set())
        return shown

    def take_new(self, keys: Iterable[str]) -> list[str]:
        """Selects what the page has not shown yet, and counts it as shown."""
        new = [key for key in dict.fromkeys(keys) if key not in self.shown]
        self.shown.update(new)
        return new

    def make_folded_rows(
        self,
        facts: Iterable[documents.Fact],
        errata: Iterable[documents.Erratum],
        place: str | None = None,
    ) -> list[nodes.Node]:
        """Makes two folded lists of the rows that are new on the page; the place is translated."""
        by_id = {row.id: row for row in facts}
        new_facts = [by_id[row_id] for row_id in self.take_new(by_id)]
        defects = {row.id: row for row in errata}
        new_errata = [defects[row_id] for row_id in self.take_new(defects)]
        place = place or translate("here")
        made: list[nodes.Node] = []
        if new_facts:
            title = translate("What the document states {place} ({count})")
            title = title.format(place=place, count=len(new_facts))
            made.append(make_fold(title, [make_table(tables.tabulate_facts(new_facts))]))
        if new_errata:
            title = translate("Where the document errs {place} ({count})")
            title = title.format(place=place, count=len(new_errata))
            made.append(make_fold(title, [self.make_list(new_errata)]))
        return made


class BlocksDirective(ChapterDirective):
    """What the blocks of a net are for."""

    option_spec: ClassVar = {"at": directives.unchanged_required}

    def make(self) -> list[nodes.Node]:
        """Makes the texts, then the sources, the layers, and the facts and errata, folded."""
        net = self.arguments[0]
        sections = self._select_sections(explain.walk(net)[:-1])
        found = {block.id: block for section in sections for block in section.blocks}
        texts = [found[block_id] for block_id in self.take_new(found)]
        return [
            *self._make_texts(texts),
            *self._make_sources({str(s): s for s in (blocks.locate(b, net) for b in texts)}),
            *self._make_layers(net, sections[0]),
            *self.make_folded_rows(
                [fact for section in sections for fact in section.facts],
                [row for section in sections for row in section.errata],
            ),
        ]

    def _select_sections(self, sections: list[explain.Section]) -> list[explain.Section]:
        """Selects sections by the patterns of ``:at:``. Raises BadInputError where none fits."""
        patterns = self.options.get("at", "*").split()
        selected = [
            section
            for section in sections
            if any(
                fnmatch.fnmatchcase(title, pattern)
                for title in section.title.split(", ")
                for pattern in patterns
            )
        ]
        if not selected:
            raise BadInputError(f"{self.arguments[0]} has no section {' '.join(patterns)}")
        return selected

    def _make_texts(self, texts: list[blocks.Block]) -> list[nodes.Node]:
        """Makes a paragraph for each text; ids of facts and errata are links."""
        made: list[nodes.Node] = []
        for block in texts:
            linked = ROW_ID.sub(lambda row_id: f"{{row}}`{row_id[0]}`", translate(block.text))
            title = translate(block.title)
            stop = translate(".")
            text = f"**{title[0].upper()}{title[1:]}{stop}** {linked}"
            children, messages = self.parse_inline(text)
            paragraph = nodes.paragraph(text, "", *children)
            self.set_source_info(paragraph)
            made += [paragraph, *messages]
        return made

    def _make_sources(self, sources: dict[str, blocks.Source]) -> list[nodes.Node]:
        """Makes the folded lines of each function that the page has not shown yet."""
        made: list[nodes.Node] = []
        for key in self.take_new(sources):
            source = sources[key]
            lines = (ROOT / source.path).read_text("utf-8").splitlines()
            code = "\n".join(lines[source.line - 1 : source.last_line])
            block = nodes.literal_block(code, code, language="python", linenos=True)
            block["highlight_args"] = {
                "linenostart": source.line,
                "lineanchors": make_line_prefix(source.path),
                "anchorlinenos": True,
            }
            title = translate("Source: {name}, {place}").format(name=source.name, place=key)
            made.append(make_fold(title, [block]))
            lines_shown = range(source.line, source.last_line + 1)
            self.shown.update(f"{source.path}:{number}" for number in lines_shown)
        return made

    def _make_layers(self, net: str, section: explain.Section) -> list[nodes.Node]:
        """Makes the table of the layers; a layer is linked to the line that builds it."""
        graph = common.build_net(net).images.graph
        table = make_table(tables.tabulate_section(section.layers))
        rows = list(table.findall(nodes.row))[1:]
        for row, layer in zip(rows, section.layers, strict=True):
            source = blocks.locate_layer(layer, graph)
            name = make_name(layer.name)
            if source is not None and str(source) in self.shown:
                place = f"#{make_line_prefix(source.path)}-{source.line}"
                name = [nodes.reference("", "", *name, refuri=place, internal=True)]
            row[0]["classes"].append("name")
            row[0].children = [nodes.paragraph("", "", *name)]
        text = translate("Parameters of {layer}: {formula} ({explanation}).")
        sums = [
            text.format(layer=c.layer, formula=c.formula, explanation=c.explanation)
            for c in section.counts
        ]
        title = translate("Layers of {section} in {net}").format(section=section.title, net=net)
        return [make_fold(title, [table]), *(nodes.paragraph("", text) for text in sums)]


class RowsOfLinesDirective(ChapterDirective):
    """The facts and errata of a document that the page has not shown: of some lines, or all."""

    option_spec: ClassVar = {"lines": directives.unchanged_required}

    def make(self) -> list[nodes.Node]:
        """Makes the folded rows."""
        number, lines = self.arguments[0], self.options.get("lines", "")
        ranges = [parse_range(text) for text in lines.split()]
        facts = [row for row in documents.facts(number) if is_in(row, ranges)]
        errata = [row for row in documents.errata(number) if is_in(row, ranges)]
        place = translate("elsewhere")
        if lines:
            place = translate("in lines {lines}")
            place = place.format(lines=translate(" and ").join(lines.split()))
        made = self.make_folded_rows(facts, errata, place)
        if not made:
            raise BadInputError(f"{number} has nothing more {place}: remove the directive")
        return made


def parse_range(text: str) -> range:
    """Parses "206-224" or "9". Raises BadInputError for another text."""
    first, _, last = text.partition("-")
    if not (first.isdigit() and (last or first).isdigit()):
        raise BadInputError(f":lines: {text}: write a line or a range, as 9 or 206-224")
    return range(int(first), int(last or first) + 1)


def is_in(row: documents.Fact | documents.Erratum, ranges: list[range]) -> bool:
    """Whether the first line of a row's place is in one of the ranges; without ranges, True."""
    line = re.search(r"l\.(\d+)", row.place)
    return not ranges or (line is not None and any(int(line[1]) in lines for lines in ranges))


def make_line_prefix(path: str) -> str:
    """Makes the beginning of the anchors of a file's lines: nets-vgg."""
    return "-".join(Path(path).with_suffix("").parts[1:]).replace("_", "-")


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directives."""
    app.add_directive("blocks", BlocksDirective)
    app.add_directive("rows", RowsOfLinesDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
