"""The notebooks of the documents, and the magics of ``%load_ext legacy_nets``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import notebooks
import pytest

from legacy_nets import documents, registry
from legacy_nets.cli import notebook
from legacy_nets.errors import BadInputError

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NUMBERS = [document.number for document in registry.list_documents()]


class Shell:
    """What the extension uses of IPython's shell."""

    def __init__(self):
        self.magics = {}

    def register_magic_function(self, function, kind, name):
        assert kind == "line"
        self.magics[name] = function


@pytest.fixture
def magics():
    shell = Shell()
    notebook.register_magics(shell)
    return shell.magics


def read(number):
    return json.loads((FOLDER / f"{number}.ipynb").read_text("utf-8"))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_notebook_has_the_text_and_the_cells_of_its_chapter(number):
    made = read(number)
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    sources = ["".join(cell["source"]) for cell in made["cells"]]
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    chapter = (notebooks.CHAPTERS / f"{number}.md").read_text("utf-8")
    for cell in re.findall(
        r"^```\{code-cell\}[^\n]*\n(?::[^\n]*\n)*(.*?)^```$", chapter, re.M | re.S
    ):
        assert cell.strip() in sources
    answers = [cell for cell in code if cell["metadata"].get("jupyter") == {"source_hidden": True}]
    assert len(answers) == chapter.count(":tags: [hide-cell]") > 0
    for net in re.findall(r"```\{blocks\} (\S+)", chapter):
        assert any(source.startswith(f"%explain {net}") for source in sources)
    text = "\n".join(sources)
    assert "```{" not in text and "{row}" not in text
    assert "%load_ext legacy_nets" in sources[1] and "%pip install" in sources[1]
    assert registry.get_document(number).citation in sources[0]
    for link in re.findall(r"\]\(([^)#]+\.md)", text):
        assert (FOLDER / link).resolve().is_file(), link


def test_a_directive_that_no_notebook_shows_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "CHAPTERS", tmp_path)
    (tmp_path / "001.md").write_text("# Title\n\n```{unknown} a\n```\n", "utf-8")
    with pytest.raises(ValueError, match=r"001\.md: no notebook can show the directive unknown"):
        notebooks.write_notebook("001")


@pytest.mark.rare
@pytest.mark.parametrize("number", NUMBERS)
def test_a_notebook_runs(number, monkeypatch):
    pytest.importorskip("nbclient", reason="needs the extra [docs]: make test-docs")
    pytest.importorskip("ipykernel", reason="needs the extra [docs]: make test-docs")
    pytest.importorskip("sphinx", reason="needs the extra [docs]: make test-docs")
    monkeypatch.syspath_prepend(str(FOLDER.parent / "_ext"))
    import run_notebooks

    run_notebooks.run_notebook(FOLDER / f"{number}.ipynb")


SHOWN = {  # line -> texts of what is shown
    "nets vgg1*": ["vgg11", "132,863,336", "vgg19"],
    "describe demo_cnn": ["my_model/conv2d", "2,770,634"],
    "explain hand_signs res2a res2b": ["Convolution block", "res2a/Add", "res2b/Add"],
    "explain demo_cnn": ["Parameters of my_model/conv2d"],
    "facts 001-F01": ["001-F01"],
    "errata 001-E02": ["001-E02", "Fix"],
}


@pytest.mark.parametrize("line", list(SHOWN))
def test_what_a_magic_shows(magics, line):
    name, _, argument = line.partition(" ")
    shown = magics[name](argument)
    for text in SHOWN[line]:
        assert text in shown._repr_html_()
        assert text in repr(shown)
    assert "<" not in repr(shown)


def test_a_magic_selects(magics):
    facts = magics["facts"]("hand_signs")._repr_html_()
    assert facts.count("<tr") == 1 + len(documents.facts("hand_signs"))
    section = magics["explain"]("hand_signs res2a")._repr_html_()
    assert "res2a/Add" in section and "res3a/Add" not in section


def test_the_graph_is_drawn(magics):
    pytest.importorskip("igraph")
    assert 'aria-label="graph of demo_cnn"' in magics["graph"]("demo_cnn")._repr_html_()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("describe demo_cn", "no net is called 'demo_cn'; nearest: demo_cnn"),
        ("describe ", "%describe needs a net: %describe hand_signs"),
        ("graph ", "%graph needs a net"),
        ("explain ", "%explain needs a net"),
        ("explain demo_cnn conv9", "demo_cnn has no section conv9: see %explain demo_cnn"),
        ("nets zoo*", "no net matches 'zoo*'"),
        ("facts 009", "no document, net or id is called '009'"),
    ],
)
def test_misuse_is_an_error_of_one_line(line, message):
    name, _, argument = line.partition(" ")
    with pytest.raises(BadInputError, match=re.escape(message)) as caught:
        notebook.MAGICS[name](argument)
    assert "\n" not in str(caught.value)


def test_ipython_prints_errors_without_a_traceback(magics, monkeypatch):
    class UsageError(Exception):
        pass

    package = type(sys)("IPython.core.error")
    package.UsageError = UsageError
    monkeypatch.setitem(sys.modules, "IPython", type(sys)("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.core", type(sys)("IPython.core"))
    monkeypatch.setitem(sys.modules, "IPython.core.error", package)
    with pytest.raises(UsageError, match="no net is called 'demo_cn'"):
        magics["describe"]("demo_cn")
