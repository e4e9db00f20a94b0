"""The pages that code determines: a page for each net, and every public function of the API."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra [docs]: make test-docs")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def extension(monkeypatch):
    """Imports a module of docs/_ext."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    return importlib.import_module


def test_the_page_of_a_net_shows_its_record_layers_facts_and_errata(extension):
    from legacy_nets import registry

    text = extension("generated_pages").write_net(registry.get_net("vgg16"))
    assert "---\n\n# vgg16\n\n```{net} vgg16\n```\n" in text
    assert re.findall(r"```\{(\w+)\} vgg16", text) == ["net", "graph", "layers", "facts", "errata"]
    assert "[document 004 (zoo of image classifiers)](../documents/004.md)" in text


def test_the_api_has_every_module_with_a_public_function(extension):
    """Those of the command line, of TensorFlow's own names and of PyTorch are elsewhere."""
    pages = extension("generated_pages")
    listed = {module for _, modules in pages.list_packages() for module in modules}
    missing = []
    for path in (ROOT / "legacy_nets").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        nodes = ast.parse(path.read_text("utf-8")).body
        public = [n.name for n in nodes if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
        if public and module not in listed and not module.startswith(pages.NOT_IN_API):
            missing.append(module)
    assert missing == []
    assert {"legacy_nets", "legacy_nets.nets.build", "legacy_nets.port.pipeline"} <= listed
    assert "legacy_nets.cli.port" not in listed and "legacy_nets.__main__" not in listed


@pytest.mark.parametrize(
    ("docstring", "text"),
    [
        ("Reads *args and [N, *].", "Reads \\*args and [N, \\*]."),
        ("Keeps ``**options`` and trailing_ names.", "Keeps ``**options`` and trailing\\_ names."),
        ("Code:\n    a = 1\nand more.", "Code:\n\n::\n\n    a = 1\n\n\nand more."),
        (
            "Does.\n\nArgs:\n  x: a *size*.\n    More.\n\nReturns: a,\n  b.\nRaises: C.",
            "Does.\n\nArgs:\n  x: a \\*size\\*.\n    More.\n\nReturns: a,\nb.\n\nRaises: C.",
        ),
    ],
)
def test_docstrings_become_restructured_text(extension, docstring, text):
    assert extension("docstrings").convert(docstring.splitlines()) == text.splitlines()
