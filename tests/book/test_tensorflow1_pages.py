"""The cells of docs/tensorflow1 run, and what they assert is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "tensorflow1"
CELL = re.compile(r"^```\{code-cell\} python3\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(path for path in FOLDER.glob("*.md") if CELL.search(path.read_text("utf-8")))


def test_every_subject_has_a_page():
    assert [path.stem for path in PAGES] == [
        "arg_scope",
        "collections",
        "graph_and_session",
        "placeholders",
        "queues",
        "saver",
        "seeds",
        "variables_and_scopes",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_cells_run(path):
    text = path.read_text("utf-8")
    assert "## What goes wrong" in text and "## Today" in text
    names: dict[str, object] = {}
    for match in CELL.finditer(text):
        line = text[: match.start(1)].count("\n")  # so that a failure names the page's line
        exec(compile("\n" * line + match[1], str(path), "exec"), names)
