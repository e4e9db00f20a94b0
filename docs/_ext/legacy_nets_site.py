"""Sphinx extension of the site: pages at the root, links, the theme's Chinese words."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from legacy_nets.cli import main
from legacy_nets.language import choose_language, get_language
from legacy_nets.language.help import HelpContext

ROOT = Path(__file__).resolve().parents[2]
# page of the site -> the file at the root of the repository that it shows
ROOT_PAGES = {
    "project/architecture": "ARCHITECTURE.md",
    "project/contributing": "CONTRIBUTING.md",
    "project/security": "SECURITY.md",
    "project/changelog": "CHANGELOG.md",
}
BENCHMARK_TEXTS = Path(__file__).with_name("benchmark_texts.md")
# Pages whose tables hold names and numbers, or both languages
TABLE_PAGES = (
    "benchmarks",
    "benchmarks/growth",
    "legacy_scripts",
    "matrix",
    "nets",
    "public_artefacts",
    "terms",
)
FIRST_COLUMN_PAGES = ("benchmarks",)  # its words are translated
_NAME = re.compile(r"[\w/.-]*[\d_][\w/.-]*", re.ASCII)  # of a net, a precision
_COMMAND = re.compile(r"^## (?P<name>\w+)\n\n```\n.*?^```$", re.MULTILINE | re.DOTALL)
_HELP_WIDTH = 84  # columns, as scripts/docs/generate.py has it
_LINK = re.compile(r"\[(?P<text>[^]]*)\]\((?P<file>[\w/.]+\.md)(?P<anchor>#[^)]*)?\)")


def _translate_links(text: str, folder: str, pages: dict[str, str]) -> str:
    """Points links between files of the repository to the pages of the site.

    A link to a file of the repository's root that is no page becomes its text.
    """

    def replace(link: re.Match[str]) -> str:
        path = (ROOT / folder / link["file"]).resolve().relative_to(ROOT).as_posix()
        page = pages.get(path)
        if page:
            return f"[{link['text']}](/{page}.md{link['anchor'] or ''})"
        return link["text"] if "/" not in path else link[0]

    return _LINK.sub(replace, text)


def _write_help(block: re.Match[str]) -> str:
    """Writes the help of a command in the chosen language, in place of its English one."""
    context = HelpContext(main, info_name="legacy-nets")
    command = main.get_command(context, block["name"])
    if command is None:
        return block[0]
    own = HelpContext(
        command,
        info_name=block["name"],
        parent=context,
        terminal_width=_HELP_WIDTH,
        max_content_width=_HELP_WIDTH,
    )
    return f"## {block['name']}\n\n```\n{command.get_help(own)}\n```"


def read_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Gives a page of ``ROOT_PAGES`` the text of its file; points links to pages of the site.

    The page of the commands has their help in the chosen language. What is translated of the page
    that ``make bench`` writes does not depend on the rows that were measured.
    """
    pages = {file: name for name, file in ROOT_PAGES.items()}
    if page == "benchmarks/full" and app.builder.name == "gettext":
        source[0] = BENCHMARK_TEXTS.read_text("utf-8")
    if page == "commands" and get_language() != "en":
        source[0] = _COMMAND.sub(_write_help, source[0])
    if page in ROOT_PAGES:
        text = (ROOT / ROOT_PAGES[page]).read_text("utf-8")
        pages |= {f"docs/{name}.md": name for name in app.env.found_docs}
        source[0] = _translate_links(text, "", pages)
    else:
        folder = (Path("docs") / page).parent.as_posix()
        source[0] = _translate_links(source[0], folder, pages)


def note_root_pages(app: Sphinx, *_: object) -> list[str]:
    """Reads a page again where its file at the root has changed."""
    return [
        page
        for page, file in ROOT_PAGES.items()
        if app.env.all_docs.get(page, 0) < (ROOT / file).stat().st_mtime * 1_000_000
    ]


def keep_cells(app: Sphinx, page: nodes.document) -> None:
    """Leaves cells of ``TABLE_PAGES`` out of the texts to translate.

    Where the first column is translated, names in it are left out.
    """
    name = app.env.docname
    if name not in TABLE_PAGES:
        return
    for body in page.findall(nodes.tbody):
        for row in body.findall(nodes.row):
            first, *cells = row.children
            if name not in FIRST_COLUMN_PAGES or _NAME.fullmatch(first.astext()):
                cells.append(first)
            for text in (text for cell in cells for text in cell.findall(nodes.TextElement)):
                text["translatable"] = False


def choose_texts(_app: Sphinx, config: Config) -> None:
    """Chooses the language of the package; gives the theme and cells the words that they lack."""
    language, _, _ = config.language.partition("_")
    choose_language(language)
    if language == "zh":
        config.html_theme_options["search_bar_text"] = "搜索…"
        config.html_theme_options["toc_title"] = "目录"
        config.nb_code_prompt_show = "显示答案"
        config.nb_code_prompt_hide = "隐藏答案"


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers what the site adds to Sphinx."""
    app.connect("config-inited", choose_texts)
    app.connect("source-read", read_page)
    app.connect("doctree-read", keep_cells)
    app.connect("env-get-outdated", note_root_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
