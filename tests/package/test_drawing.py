"""Labels of figures: fonts of other scripts, numbers where there is none, no warnings."""

from __future__ import annotations

import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image
from rich.cells import cell_len

from legacy_nets import drawing
from legacy_nets.language import translate, use_language

ADVICE = (
    "no font was found that has these characters; install one, for instance fonts-noto-cjk, or "
    "fonts-symbola for emoji"
)


def build_font(path, family, characters, is_blank=False):
    """Writes a font in which each of the characters is a black square, or is empty."""
    names = {ord(character): f"glyph{ord(character):x}" for character in characters}
    glyphs = [".notdef", *names.values()]
    pen = TTGlyphPen(None)
    if not is_blank:
        pen.moveTo((0, 0))
        for corner in ((0, 900), (900, 900), (900, 0)):
            pen.lineTo(corner)
        pen.closePath()
    glyph = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(names)
    builder.setupGlyf(dict.fromkeys(glyphs, glyph))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Leaves matplotlib's own fonts alone; returns a function that installs more."""
    own = matplotlib.get_data_path()
    manager = font_manager.fontManager
    entries = [entry for entry in manager.ttflist if entry.fname.startswith(own)]
    installed: list[str] = []
    monkeypatch.setattr(manager, "ttflist", entries)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(installed))
    monkeypatch.setattr(drawing, "_SHAPES_TEXT", True)  # as matplotlib 3.11 does
    drawing._find_families.cache_clear()

    def add(family, characters, **options):
        path = build_font(tmp_path / f"{family}.ttf", family, characters, **options)
        installed.append(path)
        drawing._find_families.cache_clear()

    yield add
    drawing._find_families.cache_clear()


@pytest.mark.parametrize("name", ["猫", "고양이", "ねこ", "🦄 farm", "ไทย", "\udcff\udcfe", "नमस्ते"])
def test_without_a_font_the_number_is_shown_and_the_note_names_it(install, name):
    labels = drawing.label_classes(["cat", name])
    assert labels.texts == ("cat", "#1")
    shown = name.encode("utf-8", "backslashreplace").decode()
    assert labels.notes == (f"figures show #1 for {shown}: {ADVICE}",)


def test_fonts_of_the_system_are_added_as_they_are_needed(install):
    install("Han", "猫犬")
    install("Emoji", "🦄")
    names = ["cat", "猫", "犬 dog", "🦄", "가"]
    labels = drawing.label_classes(names)
    assert labels.texts == ("cat", "猫", "犬 dog", "🦄", "#4")
    assert labels.style["fontfamily"] == ["sans-serif", "Han", "Emoji"]
    assert len(labels.notes) == 1 and "#4 for 가:" in labels.notes[0]
    assert drawing.label_classes(names[:1]).style["fontfamily"] == ["sans-serif"]


def test_a_font_of_empty_glyphs_does_not_count(install):
    """Fonts of coloured emoji have no outlines: matplotlib would draw nothing."""
    install("A Blank", "猫犬鳥", is_blank=True)
    assert drawing.label_classes(["猫"]).texts == ("#0",)
    install("Z Han", "猫")
    labels = drawing.label_classes(["猫"])
    assert labels.texts == ("猫",) and labels.style["fontfamily"] == ["sans-serif", "Z Han"]


def test_the_region_decides_among_equal_fonts(install):
    for region in ("JP", "KR", "SC"):
        install(f"Sans {region}", "猫ね가")
    for name, region in (("猫", "SC"), ("猫ね", "JP"), ("猫가", "KR")):
        families = drawing.label_classes([name]).style["fontfamily"]
        assert families == ["sans-serif", f"Sans {region}"], name


def count_dark_pixels(path: Path) -> int:
    return int((np.asarray(Image.open(path).convert("L")) < 64).sum())


def test_what_is_drawn_is_the_glyph_without_a_warning(install, tmp_path):
    dark = []
    for has_font in (False, True):
        if has_font:
            install("Han", "猫" * 4)
        labels = drawing.label_title("猫" * 4)
        figure = Figure(figsize=(4, 1))
        figure.text(0.1, 0.5, labels.texts[0], fontsize=20, **labels.style)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            drawing.save_figure(figure, tmp_path / "figure.png", dpi=72)
        dark.append(count_dark_pixels(tmp_path / "figure.png"))
    assert labels.texts == ("猫猫猫猫",) and labels.notes == ()
    assert dark[1] > 4 * 15 * 15 > dark[0] > 50  # squares filled with black, and empty ones


def test_a_title_keeps_what_can_be_drawn(install):
    labels = drawing.label_title("tiny on 数据\t$5 to $9")
    assert labels.texts == ("tiny on □□ $5 to $9",)
    assert labels.notes[0].startswith("figures show tiny on □□ $5 to $9 for tiny on 数据 $5")
    assert labels.style["parse_math"] is False


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        (["a\tb\nc"], ["a b c"]),
        (["e\u0301", "\u1112\u1161\u11ab"], ["é", "#1"]),  # one letter each, composed
        (["x\ufe0f\u2060y"], ["xy"]),  # invisible
        (["", "  ", "a"], ["#0", "#1", "a"]),
        (
            ["baseball_diamond_9", "baseball_diamond_10"],
            ["baseball_diamond_9", "baseball_…amond_10"],
        ),
        (["p" * 12 + "A" + "s" * 12, "p" * 12 + "B" + "s" * 12], ["#0", "#1"]),
        (["#1", "猫"], ["#0", "#1"]),
        (["سلام"], ["\u200eسلام\u200e"]),
    ],
)
def test_names_are_cleaned_shortened_and_different(install, names, texts):
    labels = drawing.label_classes(names)
    assert list(labels.texts) == texts
    assert all(cell_len(text) <= drawing.MAX_WIDTH for text in texts)


def test_wide_letters_count_twice(install):
    install("Han", "猫")
    [text] = drawing.label_classes(["猫" * 12]).texts
    assert text == "猫猫猫猫…猫猫猫猫" and cell_len(text) == 17


@pytest.mark.parametrize("name", ["سلام", "שלום", "कि", "क्ष"])
def test_an_older_matplotlib_would_draw_it_wrong(install, monkeypatch, name):
    install("Every", name)
    assert drawing.label_classes([name]).notes == ()
    monkeypatch.setattr(drawing, "_SHAPES_TEXT", False)
    labels = drawing.label_classes([name, "猫"])
    assert labels.texts == ("#0", "#1")
    assert labels.notes == (
        f"figures show #0 for {name}: matplotlib cannot draw this script before 3.11",
        f"figures show #1 for 猫: {ADVICE}",
    )


def test_a_long_legend_is_cut(install):
    [note] = drawing.label_classes(["猫" * (n + 1) for n in range(9)] + ["犬"] * 60).notes
    assert note.count("#") == drawing.MAX_LISTED and " and 29 more: " in note


def test_texts_of_figures_are_chinese_where_a_font_has_the_characters(install):
    with use_language("zh"):
        with drawing.use_fonts() as note:
            assert (translate("input"), note) == (
                "input",
                f"the texts in figures are English: {ADVICE}",
            )
        install("Squares", drawing._LETTERS["zh"])
        with drawing.use_fonts() as note:
            assert (translate("input"), note) == ("输入", "")
            assert matplotlib.rcParams["font.family"][-1] == "Squares"
        assert "Squares" not in matplotlib.rcParams["font.family"]
    with drawing.use_fonts() as note:
        assert (translate("input"), note) == ("input", "")
