"""Reduces what each page loads, the theme's styles, icons and scripts, to what the site uses.

The theme offers 380 kB of styles, 240 kB of icon fonts and 1.5 MB of icon scripts; the pages use a
twentieth of it. Sphinx copies these files again at each build, so they are reduced at each build.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import lightningcss
from docutils import nodes
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

logging.getLogger("fontTools").setLevel(logging.WARNING)  # a style of Pygments shows all else

# The scripts of some pages: they are loaded where a page has an element of the class
PLAYGROUND_SCRIPTS = ("playgrounds/values.js", "playgrounds/widgets.js")
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_NAMES = re.compile(r'\b(?:class|id)="([^"]+)"')
_WORD = re.compile(r"[\w-]+")
# The characters of icons: in rules of Font Awesome any, elsewhere those of the private area
_ICON = re.compile(r'--fa:\s*"([^"\\])"|\\([ef][0-9a-f]{3})\b|([\ue000-\uf8ff])')
# Bootstrap makes these class names of parts: bs-tooltip-auto
_MADE_BY_SCRIPTS = ("bs-tooltip", "bs-popover")


def find_names(site: Path) -> set[str]:
    """Finds the classes and ids of all pages, and the words of all scripts."""
    names: set[str] = set()
    for page in site.rglob("*.html"):
        for text in _NAMES.findall(page.read_text("utf-8")):
            names.update(text.split())
    for script in site.glob("_static/**/*.js"):
        names.update(_WORD.findall(script.read_text("utf-8")))
    return names


def reduce_styles(css: str, names: set[str]) -> str:
    """Drops the rules of classes that are not among the names, and minifies the rest."""
    classes = {name for name in _CLASS.findall(css) if not name.startswith(_MADE_BY_SCRIPTS)}
    return lightningcss.process_stylesheet(css, unused_symbols=classes - names)


def list_icons(css: str) -> set[int]:
    """Lists the characters of the icon font that the rules name, as "\\f185" or themselves."""
    found = _ICON.findall(css)
    return {int(code, 16) if code else ord(named or other) for named, code, other in found}


def reduce_font(path: Path, characters: set[int]) -> None:
    """Keeps these characters of a font; the others are not loaded."""
    font = TTFont(path)
    choose = subset.Subsetter(subset.Options(layout_features=[]))
    choose.populate(unicodes=characters)
    choose.subset(font)
    font.flavor = "woff2"
    font.save(path)


def reduce_assets(app: Sphinx, error: Exception | None) -> None:
    """Reduces the styles, icon fonts and scripts of a site that has been built."""
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    # Empty, as the icons come from a font. A source map is for who changes the theme.
    (static / "scripts" / "fontawesome.js").write_text("// the icons come from a font\n")
    for path in static.rglob("*.map"):
        path.unlink()
    names = find_names(site)
    characters: set[int] = set()
    for path in sorted(static.rglob("*.css")):
        css = reduce_styles(path.read_text("utf-8"), names)
        characters |= list_icons(css)
        path.write_text(css, encoding="utf-8")
    for path in static.glob("vendor/fontawesome/webfonts/*.woff2"):
        reduce_font(path, characters)


def drop_reduced_styles(app: Sphinx) -> None:
    """Drops the styles of the last build: some extensions copy theirs over no file that differs."""
    if app.builder.format == "html":
        for path in Path(app.outdir, "_static").rglob("*.css"):
            path.unlink()


def add_scripts(
    app: Sphinx,
    _page: str,
    _template: str,
    _context: dict[str, object],
    tree: nodes.document | None,
) -> None:
    """Loads the scripts of playgrounds on the pages that have one."""
    if tree and any('class="playground"' in raw.astext() for raw in tree.findall(nodes.raw)):
        for script in PLAYGROUND_SCRIPTS:
            app.add_js_file(script)


def setup(app: Sphinx) -> dict[str, bool]:
    """Reduces what pages load when the site has been built."""
    app.connect("builder-inited", drop_reduced_styles, priority=100)  # before they are copied
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", reduce_assets, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
