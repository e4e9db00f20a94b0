"""Elements of HTML, as text. Every text that comes in is escaped here, and nowhere else."""

from __future__ import annotations

import base64
import html
import pathlib
import re
from collections.abc import Collection, Iterable, Mapping
from importlib import resources

from legacy_nets.book.tables import Table
from legacy_nets.documents import Erratum
from legacy_nets.language import translate as _

_ROW_ID = re.compile(r"\d{3}-[EF]\d+")
MAX_BACK_LINKS = 3  # layers that a line of source names; more are counted


def escape(text: str) -> str:
    """Escapes a text for an element or an attribute."""
    return html.escape(text, quote=True)


def make_id(*parts: str) -> str:
    """Makes an id of names: hand_signs and res2a/Variable are hand_signs-res2a-Variable."""
    return re.sub(r"[^\w.-]+", "-", "-".join(parts)).strip("-")


def make_row_id(row_id: str) -> str:
    """Makes the id of the place of a fact or erratum."""
    return f"row-{row_id.lower()}"


def write_link(place: str, text: str) -> str:
    """Writes a link to a place of the same page."""
    return f'<a href="#{escape(place)}">{escape(text)}</a>'


def write_text(text: str, row_ids: Collection[str] = ()) -> str:
    """Writes a text; ids of facts and errata that the page has are links."""

    def replace(match: re.Match[str]) -> str:
        row_id = match[0]
        return write_link(make_row_id(row_id), row_id) if row_id in row_ids else row_id

    return _ROW_ID.sub(replace, escape(text))


def write_fold(title: str, content: str) -> str:
    """Writes a content under a title that opens it."""
    return f"<details><summary>{escape(title)}</summary>\n{content}</details>\n"


def write_table(
    table: Table, *, places: Iterable[str] = (), links: Mapping[str, str] | None = None
) -> str:
    """Writes a table.

    Args:
      table: its rows with ``ids`` are the places of facts.
      places: ids of the rows, in their order.
      links: text of a first cell -> id of the place that it links to.
    """
    ids = [*map(make_row_id, table.ids)] or list(places)
    targets = {} if links is None else links
    parts = ['<div class="wide" tabindex="0"><table><thead><tr>']
    parts += [f"<th{_align(table, name)}>{escape(_(name))}</th>" for name in table.columns]
    parts.append("</tr></thead><tbody>\n")
    for index, cells in enumerate(table.rows):
        place = f' id="{escape(ids[index])}"' if index < len(ids) else ""
        row = [_write_cell(_(cell)) for cell in cells]
        if cells[0] in targets:
            row[0] = write_link(targets[cells[0]], cells[0])
        columns = zip(table.columns, row, strict=True)
        parts.append(f"<tr{place}>")
        parts += [f"<td{_align(table, name)}>{cell}</td>" for name, cell in columns]
        parts.append("</tr>\n")
    return "".join([*parts, "</tbody></table></div>\n"])


def _align(table: Table, column: str) -> str:
    return ' class="number"' if column in table.numeric else ""


def _write_cell(text: str) -> str:
    """Writes a cell; an address is a link."""
    if text.startswith("https://") and " " not in text:
        return f'<a href="{escape(text)}">{escape(text)}</a>'
    return escape(text)


def write_errata(rows: Iterable[Erratum]) -> str:
    """Writes defects of a document: what its code does, and the fix."""
    parts = ["<dl>\n"]
    for row in rows:
        harm = _(". Measured: {value}.").format(value=row.harm) if row.harm else ""
        parts.append(
            f'<dt id="{make_row_id(row.id)}"><b>{row.id}</b> {escape(row.place)} '
            f"({escape(_(row.kind))})</dt>\n"
            f"<dd><p><i>{_('Original code')}</i>: {escape(row.literal + harm)}"
            f"</p><p><i>{_('Fix')}</i>: {escape(row.fix)}</p></dd>\n"
        )
    return "".join([*parts, "</dl>\n"])


def write_source(path: str, lines: Iterable[str], layers: Mapping[int, Mapping[str, str]]) -> str:
    """Writes a source with numbered lines.

    Args:
      path: names the lines' ids (``make_line_id``).
      lines: of the file, from the first.
      layers: line -> id of a layer's row -> the layer's name: what the line builds.
    """
    parts = ['<pre class="source" tabindex="0">']
    for number, line in enumerate(lines, 1):
        place = make_line_id(path, number)
        built = [*layers.get(number, {}).items()]
        links = " ".join(write_link(row, name) for row, name in built[:MAX_BACK_LINKS])
        more = len(built) - MAX_BACK_LINKS
        text = _("builds {layers} and {count} more") if more > 0 else _("builds {layers}")
        back = text.format(layers=links, count=more) if built else ""
        back = f' <span class="built">{back}</span>' if back else ""
        parts.append(
            f'<span class="code-line" id="{place}"><a class="line" href="#{place}">{number:4}</a> '
            f"{escape(line)}{back}\n</span>"
        )
    return "".join([*parts, "</pre>\n"])


def make_line_id(path: str, line: int) -> str:
    """Makes the id of a line of source: source-nets-vgg-93."""
    folder = pathlib.PurePosixPath(path).with_suffix("").parts[1:]
    return make_id("source", *folder, str(line))


def write_picture(path: pathlib.Path, text: str) -> str:
    """Writes a PNG into the page; its text is what a reader hears who does not see it."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    picture = f'<img alt="{escape(text)}" src="data:image/png;base64,{data}">'
    return f'<div class="wide" tabindex="0">{picture}</div>\n'


def write_page(title: str, body: str, language: str = "en") -> str:
    """Writes a page that needs no other file, in a language ("en" or "zh")."""
    style, script = (
        resources.files(__package__).joinpath(name).read_text("utf-8")
        for name in ("page.css", "page.js")
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head>\n"
        f"<body><main>\n{body}</main>\n<script>\n{script}</script></body></html>\n"
    )
