"""Makes notebooks of the chapters on the documents: ``generate.py`` writes docs/notebooks.

The chapter is the only source of the text. Its cells stay cells; a directive that shows a net or
a document becomes a magic; the answers of exercises are folded.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

from legacy_nets import registry

CHAPTERS = Path(__file__).resolve().parents[2] / "docs" / "documents"
_FENCE = re.compile(
    r"^```\{(?P<name>[\w-]+)\} ?(?P<argument>[^\n]*)\n"
    r"(?P<options>(?::[^\n]*\n)*)(?P<body>.*?)^```$",
    re.M | re.S,
)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
_ROLE = re.compile(r"\{row\}(`[^`]+`)")
_LINK = re.compile(r"\]\((?=\w+\.md)")
NOTE = """\
This notebook is made of the chapter `docs/documents/{number}.md`. Run the cells from top to bottom.
The first one installs the package where it is missing, for example on Colab:
`pip install 'legacy-nets[figures]'`.

`%describe {net}`, `%graph {net}`, `%explain {net}`, `%facts {number}`, `%errata {number}` and
`%nets` work in any cell.

{citation}"""
FIRST_CELL = """\
import importlib.util

if importlib.util.find_spec("legacy_nets") is None:
    %pip install --quiet 'legacy-nets[figures]'

%load_ext legacy_nets"""


def write_notebook(number: str) -> str:
    """Writes the notebook of a document as the text of an .ipynb file, without outputs."""
    chapter = _FRONT_MATTER.sub("", (CHAPTERS / f"{number}.md").read_text("utf-8"))
    net = next(name for name in registry.list_nets() if registry.get_net(name).document == number)
    citation = f"Document {number}: {registry.get_document(number).citation}."
    note = NOTE.format(number=number, net=net, citation=citation)
    title, _, rest = chapter.strip().partition("\n")
    cells = [
        _make_cell("markdown", f"{title}\n\n{note}"),
        _make_cell("code", FIRST_CELL),
        _make_cell("code", f"%graph {net}"),
        *_convert(rest, number),
    ]
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _convert(text: str, number: str) -> Iterator[dict[str, object]]:
    """Converts the Markdown of a chapter after its title."""
    end = 0
    for fence in _FENCE.finditer(text):
        yield from _make_text(text[end : fence.start()])
        yield from _convert_directive(fence, number)
        end = fence.end()
    yield from _make_text(text[end:])


def _make_text(text: str) -> Iterator[dict[str, object]]:
    text = _LINK.sub("](../documents/", _ROLE.sub(r"\1", text)).strip()
    if text:
        yield _make_cell("markdown", text)


def _convert_directive(fence: re.Match[str], number: str) -> Iterator[dict[str, object]]:
    """Converts a directive. Raises ValueError for one that a notebook cannot show."""
    name, argument, options = fence["name"], fence["argument"], fence["options"]
    if name == "code-cell":
        yield _make_cell("code", fence["body"].strip(), is_answer="hide-cell" in options)
    elif name == "blocks":
        at = re.search(r":at: (.+)", options)
        yield _make_cell("code", f"%explain {argument} {at[1] if at else ''}".rstrip())
    elif name == "rows" and not options:
        yield _make_cell("code", f"%facts {argument}")
        yield _make_cell("code", f"%errata {argument}")
    # The facts of lines are in those of the document; the trained weights are the site's alone.
    elif name not in ("rows", "document", "maps", "kernels", "attention-maps"):
        raise ValueError(f"{number}.md: no notebook can show the directive {name}")


def _make_cell(cell_type: str, source: str, is_answer: bool = False) -> dict[str, object]:
    lines = source.split("\n")
    text = [f"{line}\n" for line in itertools.islice(lines, len(lines) - 1)] + lines[-1:]
    cell: dict[str, object] = {"cell_type": cell_type, "metadata": {}, "source": text}
    if cell_type == "code":
        cell |= {"execution_count": None, "outputs": []}
    if is_answer:  # JupyterLab, Colab and Jupyter Book each have a name for it
        cell["metadata"] = {
            "cellView": "form",
            "jupyter": {"source_hidden": True},
            "tags": ["hide-cell"],
        }
    return cell
