"""The built site: links, sizes, nothing from elsewhere, and all that it must have.

``make test-docs`` builds it and runs this: LEGACY_NETS_SITE names its folder.
"""

from __future__ import annotations

import ast
import collections
import html
import os
import re
import zlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from legacy_nets import documents, registry
from legacy_nets.cli import COMMANDS
from legacy_nets.documents import pitfalls

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("LEGACY_NETS_SITE", ""))
LANGUAGES = ("en", "zh")
MAX_PAGE, MAX_FIRST_PAGE = 2_000_000, 400_000
ROWS = [row.id for row in (*documents.facts(), *documents.errata(), *pitfalls.list_pitfalls())]
pytestmark = [
    pytest.mark.rare,
    pytest.mark.skipif(
        "LEGACY_NETS_SITE" not in os.environ, reason="needs the built site: make test-docs"
    ),
]


@pytest.fixture(scope="module", params=LANGUAGES)
def pages(request):
    """Path -> text of every page of a language."""
    folder = SITE / request.param
    paths = [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]
    return {path: path.read_text("utf-8") for path in paths}


@pytest.fixture(scope="module")
def ids(pages):
    """Path -> the ids of its elements."""
    return {path: collections.Counter(re.findall(r'\bid="([^"]+)"', pages[path])) for path in pages}


def test_answers_are_opened_in_the_language_of_the_page(pages):
    shown = {"en": "Show the answer", "zh": "显示答案"}
    for path, text in pages.items():
        if path.parent.name == "documents" and path.stem.isdigit():
            assert text.count(shown[path.parents[1].name]) >= 5
            assert "code cell" not in text


def test_no_link_inside_is_dead(pages, ids):
    dead = []
    for path, text in pages.items():
        for link in re.findall(r'\b(?:href|src)="([^"]*)"', text):
            parts = urlsplit(html.unescape(link))
            if parts.scheme or parts.netloc or (not parts.path and not parts.fragment):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            fragment = unquote(parts.fragment)
            known = ids.get(target)
            if not target.is_file() or (fragment and known is not None and not known[fragment]):
                dead.append((str(path.relative_to(SITE)), link))
    assert dead == []


def test_the_link_to_the_other_language_stays_on_the_page(pages):
    for path, text in pages.items():
        link = re.search(r'class="[^"]*language-switch[^>]*href="([^"]+)"', text, re.DOTALL)
        language, *rest = path.relative_to(SITE).parts
        other = {"en": "zh", "zh": "en"}[language]
        if path.name in ("genindex.html", "search.html", "py-modindex.html") and link is None:
            continue
        assert link is not None, path
        assert (path.parent / link[1]).resolve() == (SITE / other).joinpath(*rest).resolve(), path


def test_nothing_is_loaded_from_elsewhere(pages):
    """Links that a reader follows may go anywhere; scripts, styles, pictures and fonts may not."""
    loaded = re.compile(r"<(?:script|img|iframe|link|source)\b[^>]*?(?:src|href)=\"([^\"]+)\"")
    outside = {
        (path.name, link)
        for path, text in pages.items()
        for link in loaded.findall(text)
        if urlsplit(link).netloc
    }
    assert outside == set()


def test_no_formula_needs_a_script(pages):
    """MathJax would come from the network: formulas are text, as in 7·7·3·64."""
    script = re.compile(r"<script[^>]*mathjax|window\.MathJax", re.IGNORECASE)
    assert [path.name for path, text in pages.items() if script.search(text)] == []


def test_pages_are_small(pages):
    sizes = {str(path.relative_to(SITE)): path.stat().st_size for path in pages}
    assert {name: size for name, size in sizes.items() if size > MAX_PAGE} == {}
    first = [size for name, size in sizes.items() if name in ("en/index.html", "zh/index.html")]
    assert len(first) == 1 and first[0] < MAX_FIRST_PAGE


def test_every_row_has_one_place(ids):
    places = collections.Counter()
    for counts in ids.values():
        places.update({name: n for name, n in counts.items() if re.match(r"row-(\d{3}|t\d)", name)})
    assert places == collections.Counter(f"row-{row_id.lower()}" for row_id in ROWS)


def test_every_net_has_a_page_with_its_graph_and_layers(pages):
    by_name = {path.stem: text for path, text in pages.items() if path.parent.name == "nets"}
    assert set(by_name) == set(registry.list_nets())
    for name, text in by_name.items():
        assert f"{registry.get_net(name).parameters:,}" in text
        assert "net-graph" in text, name


@pytest.mark.parametrize(
    ("language", "usage", "text"),
    [
        ("en", "Usage: ", "List the nets whose names match PATTERN (shell wildcards)."),
        ("zh", "用法：", "列出名称与 PATTERN（shell 通配符）匹配的网络。"),
    ],
)
def test_the_help_of_every_command_is_in_the_language_of_the_page(language, usage, text):
    page = (SITE / language / "commands.html").read_text("utf-8")
    shown = html.unescape(re.sub("<[^>]+>", "", page))
    assert [name for name in COMMANDS if f"{usage}legacy-nets {name} " not in shown] == []
    assert text in shown


def test_every_public_function_is_in_the_reference():
    """Those of the command line, of TensorFlow's own names and of PyTorch are elsewhere."""
    lines = zlib.decompress((SITE / "en" / "objects.inv").read_bytes().split(b"\n", 4)[4])
    names = {line.split(" ")[0] for line in lines.decode("utf-8").splitlines()}
    elsewhere = ("legacy_nets.cli", "legacy_nets.tf1", "legacy_nets.port.formats.torch.modules")
    missing = []
    for path in (ROOT / "legacy_nets").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module.startswith(elsewhere) or path.stem == "__main__":
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name[0] != "_":
                missing += [f"{module}.{node.name}"] * (f"{module}.{node.name}" not in names)
    assert missing == []
