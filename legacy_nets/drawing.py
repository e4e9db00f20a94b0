"""Text in figures, in any language: fonts that have its characters, or numbers in place of names.

matplotlib draws a box for a character that its font lacks, and warns. This module looks first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pathlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypedDict

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from rich.cells import cell_len

from legacy_nets.errors import list_first, make_printable
from legacy_nets.files import replace_on_success
from legacy_nets.language import get_language, use_language
from legacy_nets.language.lines import translate_line

MAX_WIDTH = 18  # of a label, in Latin letters; longer names are shortened
MAX_LISTED = 40  # names in a note
NO_GLYPH = "\N{WHITE SQUARE}"  # in titles, for a character that no font has
_SHAPES_TEXT = matplotlib.__version_info__ >= (3, 11)  # right to left, joined letters
_NO_FONT = (
    "no font was found that has these characters; install one, for instance fonts-noto-cjk, or "
    "fonts-symbola for emoji"
)
_NO_SHAPING = "matplotlib cannot draw this script before 3.11"
_UNCLEAR = "their short forms are not clear"
_LETTERS = {
    "zh": "网络的层卷积输入感受野训练步数损失测试准确率预真实类别量不是而每个名称显示一"
}  # language -> some of those that its texts need
_JOINERS = "\u200c\u200d"  # invisible, and the letters around them depend on them
_LTR = "\u200e"  # invisible; around a name from right to left, what follows stays right of it
_LAST_RESORT = "last resort"  # the font that has a box for every character
_REGIONS = {"HIRAGANA": "JP", "KATAKANA": "JP", "HANGUL": "KR"}  # script -> word in a font's name


class TextStyle(TypedDict):
    """Options of matplotlib's functions that take a text."""

    fontfamily: list[str]
    parse_math: bool


@dataclasses.dataclass(frozen=True)
class Labels:
    """What figures show for names, and how."""

    texts: tuple[str, ...]  # one per name, all different
    style: TextStyle
    notes: tuple[str, ...] = ()  # which texts are in place of which names, for the text output


def label_classes(names: Sequence[str]) -> Labels:
    """Chooses what figures show for the names of classes.

    A name is shown in the fonts of this system, shortened in its middle if it is long. "#3" is
    shown for the name of class 3 where no font has its characters, or where it is shortened to
    the same text as another. The note lists these.
    """
    cleaned = [_clean(name) for name in names]
    families, missing = _find_families(frozenset("".join(cleaned)))
    texts = [_shorten(name) for name in cleaned]
    counts = Counter([*texts, *(f"#{index}" for index in range(len(names)))])
    reasons = {}  # of those whose number is shown
    for index, (name, text) in enumerate(zip(cleaned, texts, strict=True)):
        reason = _find_obstacle(name, missing)
        if reason is None and (counts[text] > 1 or not text.strip()):
            reason = _UNCLEAR
        if reason is not None:
            reasons[index] = reason
            texts[index] = f"#{index}"
    notes = []
    for reason in dict.fromkeys(reasons.values()):
        legend = [
            translate_line(f"#{i} for {make_printable(cleaned[i])}")
            for i in reasons
            if reasons[i] == reason
        ]
        notes.append(f"figures show {list_first(legend, MAX_LISTED)}: {reason}")
    texts = [_LTR + text + _LTR if any(map(_is_rtl, text)) else text for text in texts]
    return Labels(tuple(texts), _make_style(families), tuple(notes))


def label_title(text: str) -> Labels:
    """Chooses how a figure shows a title: characters that no font has become empty squares."""
    cleaned = _clean(text)
    families, missing = _find_families(frozenset(cleaned))
    shown = "".join(NO_GLYPH if _find_obstacle(c, missing) else c for c in cleaned)
    obstacle = _find_obstacle(cleaned, missing)
    notes = (f"figures show {shown} for {make_printable(cleaned)}: {obstacle}",) if obstacle else ()
    return Labels((shown,), _make_style(families), notes)


@contextlib.contextmanager
def use_fonts() -> Iterator[str]:
    """Chooses fonts for the texts of figures in the chosen language until the context ends.

    Where no font has its characters, the texts are English. Yields a note on that, else "".
    """
    families, missing = _find_families(frozenset(_LETTERS.get(get_language(), "")))
    if missing:
        with use_language("en"):
            yield f"the texts in figures are English: {_NO_FONT}"
    else:
        with matplotlib.rc_context({"font.family": list(families)}):
            yield ""


def save_figure(figure: Figure, path: str | pathlib.Path, dpi: int, tight: bool = False) -> None:
    """Writes a figure as PNG, completely or not at all.

    Args:
      dpi: pixels per inch.
      tight: cut the margins off.
    """
    with replace_on_success(path) as unfinished:
        figure.savefig(unfinished, dpi=dpi, bbox_inches="tight" if tight else None, format="png")


def _make_style(families: Sequence[str]) -> TextStyle:
    """Makes the style of a text; its fonts have the words of the chosen language, too."""
    of_language, _ = _find_families(frozenset(_LETTERS.get(get_language(), "")))
    return TextStyle(fontfamily=list(dict.fromkeys([*families, *of_language])), parse_math=False)


def _clean(text: str) -> str:
    """Composes letters and marks, drops what is never visible, makes control characters spaces."""
    composed = unicodedata.normalize("NFC", text)
    visible = [c for c in composed if c in _JOINERS or not _is_invisible(c)]
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in visible)


def _is_invisible(character: str) -> bool:
    name = unicodedata.name(character, "")
    return unicodedata.category(character) == "Cf" or name.startswith("VARIATION SELECTOR")


def _find_obstacle(text: str, missing: frozenset[str]) -> str | None:
    """Finds why a text cannot be drawn; None where it can."""
    if not missing.isdisjoint(text):
        return _NO_FONT
    return _NO_SHAPING if any(map(_needs_shaping, text)) else None


def _needs_shaping(character: str) -> bool:
    """Whether letters are written right to left, or change with their neighbours.

    Always False where matplotlib draws such text.
    """
    return not _SHAPES_TEXT and (
        _is_rtl(character)
        or unicodedata.category(character) == "Mc"  # a vowel sign that takes space
        or unicodedata.combining(character) == 9  # virama: joins consonants
    )


def _is_rtl(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL")


def _shorten(text: str) -> str:
    """Cuts out the middle of a text that is wider than MAX_WIDTH."""
    if cell_len(text) <= MAX_WIDTH:
        return text
    start, end = text, text
    while cell_len(start) > MAX_WIDTH // 2:
        start = start[:-1]
    while cell_len(end) > (MAX_WIDTH - 1) // 2:
        end = end[1:]
    return f"{start.rstrip()}\N{HORIZONTAL ELLIPSIS}{end.lstrip()}"


@functools.lru_cache(maxsize=64)
def _find_families(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Finds font families that together have all characters; returns what they lack, too.

    The first is matplotlib's own. Others are added while they have more of what is missing.
    """
    families = list(matplotlib.rcParams["font.family"])
    missing = characters - _get_drawn(_open_family(families), characters) - {" "}
    candidates = _list_candidates(missing) if missing else {}
    region = next((word for word in map(_get_region, sorted(missing)) if word), "SC")
    while missing and candidates:
        name = max(candidates, key=lambda name: _rate(name, candidates[name] & missing, region))
        drawn = _get_drawn(_open_family([name]), candidates.pop(name) & missing)
        if drawn:
            families.append(name)
            missing -= drawn
    return tuple(families), missing


def _get_region(character: str) -> str | None:
    return _REGIONS.get(unicodedata.name(character, "").partition(" ")[0])


def _rate(name: str, drawn: frozenset[str], region: str) -> tuple[int, bool, bool, bool, str]:
    """Rates a family: how much it has, then plain before serif and fixed width, then region."""
    words = name.split()
    return len(drawn), "Sans" in words, "Mono" not in words, region in words, name


def _list_candidates(missing: frozenset[str]) -> dict[str, frozenset[str]]:
    """Lists the families of this system with those of the missing characters that they have."""
    manager = font_manager.fontManager
    _add_new_fonts(manager)
    candidates = {}
    opened: dict[str, frozenset[str]] = {}
    for entry in manager.ttflist:
        if entry.style != "normal" or entry.name.lower().lstrip(".").startswith(_LAST_RESORT):
            continue
        if entry.fname not in opened:
            opened[entry.fname] = _get_mapped(_open_file(entry.fname), missing)
        if opened[entry.fname]:
            candidates[entry.name] = opened[entry.fname]
    return candidates


def _add_new_fonts(manager: font_manager.FontManager) -> None:
    """Adds fonts that were installed since matplotlib wrote its list of them."""
    known = {entry.fname for entry in manager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        with contextlib.suppress(Exception):  # a font of another kind, or damaged: no use here
            manager.addfont(path)


def _open_family(families: Iterable[str]) -> FT2Font | None:
    """Opens the font that matplotlib takes of the first family that there is."""
    properties = font_manager.FontProperties(family=list(families))
    try:
        return font_manager.get_font(font_manager.findfont(properties, fallback_to_default=False))
    except (ValueError, OSError, RuntimeError):
        return None


def _open_file(path: str) -> FT2Font | None:
    try:
        return FT2Font(path)
    except (OSError, RuntimeError):
        return None


def _get_mapped(font: FT2Font | None, characters: frozenset[str]) -> frozenset[str]:
    """Returns those of the characters that the font says it has."""
    return frozenset(c for c in characters if font is not None and font.get_char_index(ord(c)))


def _get_drawn(font: FT2Font | None, characters: frozenset[str]) -> frozenset[str]:
    """Returns those of the characters that the font has outlines for.

    Fonts of coloured pictures have empty ones. Invisible characters need none.
    """
    drawn = set()
    for character in _get_mapped(font, characters):
        assert font is not None
        font.load_char(ord(character))
        is_invisible = unicodedata.category(character) in ("Cf", "Mn", "Zs")
        if is_invisible or len(font.get_path()[0]):
            drawn.add(character)
    return frozenset(drawn)
