"""Magics of a notebook: ``%load_ext legacy_nets`` shows nets and documents below a cell.

%nets vgg*                       the nets of a pattern
%describe hand_signs             layers of a net, with shapes, parameters and multiply-adds
%graph hand_signs                its graph, whose stages open
%explain hand_signs              what each block is for; after the net, sections: res2a res2b
%facts 001                       claims of a document or net, or one claim
%errata 001                      its errors, and their fixes
"""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
import re
from collections.abc import Callable
from html import unescape

from legacy_nets import documents, registry
from legacy_nets.book import html, tables
from legacy_nets.cli.nets import COLUMNS, make_row
from legacy_nets.errors import BadInputError, LegacyNetsError
from legacy_nets.types import NotebookShell


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a magic returns: HTML for a notebook, and its text for a terminal."""

    html: str

    def _repr_html_(self) -> str:
        """Returns what Jupyter shows."""
        return self.html

    def __repr__(self) -> str:
        text = re.sub(r"<(style|script)\b.*?</\1>|<[^>]+>", " ", self.html, flags=re.DOTALL)
        return unescape(re.sub(r"[ \t]+", " ", text)).strip()


def show_nets(line: str) -> Shown:
    """Shows the records of all nets, or of those whose name fits the line."""
    names = registry.list_nets(line.strip() or "*")
    if not names:
        raise BadInputError(f"no net matches {line.strip()!r}: %nets lists all")
    rows = tuple(make_row(registry.get_net(name)) for name in names)
    return Shown(html.write_table(tables.Table(COLUMNS, rows, numeric=COLUMNS[-2:])))


def describe_net(line: str) -> Shown:
    """Shows the layers of the net that the line names."""
    from legacy_nets import anatomy

    net = _read_net(line, "describe")
    return Shown(html.write_table(tables.tabulate_layers(anatomy.analyze_net(net))))


def draw_net(line: str) -> Shown:
    """Draws the graph of the net that the line names. Raises SetupError without igraph."""
    from legacy_nets.anatomy import graph_drawing

    drawing = graph_drawing.draw_svg(_read_net(line, "graph"))
    return Shown(f'<div style="overflow: auto; max-height: 85vh">{drawing}</div>')


def explain_net(line: str) -> Shown:
    """Shows what the blocks of a net are for, and their layers.

    After the net, the line names sections, or patterns of them.
    """
    from legacy_nets.book.page import Writer
    from legacy_nets.documents import explain

    net, *patterns = line.split() or [""]
    _read_net(net, "explain")
    sections = [
        section
        for section in explain.walk(net)
        if not patterns
        or any(
            fnmatch.fnmatchcase(title, pattern)
            for title in section.title.split(", ")
            for pattern in patterns
        )
    ]
    if not sections:
        raise BadInputError(f"{net} has no section {' '.join(patterns)}: see %explain {net}")
    writer = Writer(set())
    return Shown("".join(text for each in sections for text in writer.write_section(net, each)))


def show_facts(line: str) -> Shown:
    """Shows the claims that the line selects, with the verdicts that the tests prove."""
    return Shown(html.write_table(tables.tabulate_facts(documents.facts(line.strip() or None))))


def show_errata(line: str) -> Shown:
    """Shows the errors that the line selects, and their fixes."""
    return Shown(html.write_errata(documents.errata(line.strip() or None)))


MAGICS: dict[str, Callable[[str], Shown]] = {
    "nets": show_nets,
    "describe": describe_net,
    "graph": draw_net,
    "explain": explain_net,
    "facts": show_facts,
    "errata": show_errata,
}


def register_magics(shell: NotebookShell) -> None:
    """Gives the magics to a notebook; again, it replaces them."""
    for name, function in MAGICS.items():
        shell.register_magic_function(_report_errors_in_one_line(function), "line", name)


def _report_errors_in_one_line(function: Callable[[str], Shown]) -> Callable[[str], Shown]:
    """Makes expected errors IPython's, which it prints without a traceback."""

    @functools.wraps(function)
    def call(line: str) -> Shown:
        try:
            return function(line)
        except LegacyNetsError as error:
            from IPython.core.error import UsageError

            raise UsageError(str(error)) from None

    return call


def _read_net(line: str, magic: str) -> str:
    """Reads the name of a net. Raises BadInputError for none or an unknown one."""
    name = line.strip()
    if not name:
        raise BadInputError(f"%{magic} needs a net: %{magic} hand_signs (%nets lists them)")
    return registry.get_net(name).name
