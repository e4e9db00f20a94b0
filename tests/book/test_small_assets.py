"""What pages load is reduced to what the site uses; what is used stays."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("lightningcss")
pytest.importorskip("brotli")
sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))
import small_assets

STYLES = """
.used > .part:hover { color: red; }
.used.unused { color: green; }
.unused, p { color: blue; }
@media print { .unused { display: none; } .part { display: none; } }
.bs-tooltip-auto[data-popper-placement^="top"] { margin: 1px; }
.fa-sun { --fa: "\\f185"; }
.fa-moon { --fa: "\\f186"; }
.fa-list, .fa-plus { --fa: "+"; }
html { --icon-of-links: "\\f09b"; quotes: "\\201c" "+"; }
"""


@pytest.fixture
def site(tmp_path):
    scripts = tmp_path / "_static" / "scripts"
    scripts.mkdir(parents=True)
    (tmp_path / "index.html").write_text('<p class="used fa-sun" id="place">text of unused</p>')
    (scripts / "theme.js").write_text('element.classList.add("part","fa-plus")')
    return tmp_path


def test_names_come_from_attributes_of_pages_and_words_of_scripts(site):
    names = small_assets.find_names(site)
    assert {"used", "fa-sun", "place", "part", "fa-plus"} <= names
    assert not {"unused", "text", "fa-moon"} & names  # words of a text are no classes


def test_rules_of_unused_classes_go_and_others_stay(site):
    styles = small_assets.reduce_styles(STYLES, small_assets.find_names(site))
    assert ".used>.part:hover{color:red}" in styles
    assert ".unused,p{color:#00f}" in styles  # p is used
    assert "@media print{.part{display:none}}" in styles
    assert ".bs-tooltip-auto" in styles and ".fa-sun" in styles
    assert styles.count("unused") == 1 and "fa-moon" not in styles


def test_the_icons_that_are_named(site):
    assert small_assets.list_icons(STYLES) == {0xF185, 0xF186, 0xF09B, ord("+")}
    styles = small_assets.reduce_styles(STYLES, small_assets.find_names(site))
    assert small_assets.list_icons(styles) == {0xF185, 0xF09B, ord("+")}


def test_a_font_keeps_its_named_characters(tmp_path):
    from fontTools.ttLib import TTFont
    from matplotlib import get_data_path

    path = tmp_path / "font.woff2"
    font = TTFont(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    font.save(path)
    before = path.stat().st_size
    small_assets.reduce_font(path, {ord("+"), ord("a")})
    assert set(TTFont(path).getBestCmap()) == {ord("+"), ord("a")}
    assert path.stat().st_size < before / 20
