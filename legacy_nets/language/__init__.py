"""The language of the texts: English, or another by the catalogs in ``locale``.

The texts in the code and the tables are English. ``translate`` looks them up when they are shown:
in ``messages`` (headings and messages), then in ``documents`` (the sentences of the tables) and
``lines`` (errors, notes and progress, see ``lines.py``).
"""

from __future__ import annotations

import contextlib
import functools
import gettext
import struct
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

from legacy_nets.errors import BadInputError

LOCALE = Path(__file__).parent / "locale"
DOMAINS = ("messages", "documents", "lines")
LOCALES = {"en": "en", "zh": "zh_CN"}  # language -> folder of its catalogs; English has none
VARIABLE = "LEGACY_NETS_LANG"  # the language of commands that have no --lang
Text = TypeVar("Text", bound=str)
_chosen: ContextVar[str] = ContextVar("language", default="en")


def get_language() -> str:
    """Returns the chosen language."""
    return _chosen.get()


def choose_language(language: str) -> None:
    """Chooses the language of the texts that follow, "en" or "zh".

    Raises BadInputError for another.
    """
    if language not in LOCALES:
        raise BadInputError(f"no texts in the language {language}: choose {' or '.join(LOCALES)}")
    _chosen.set(language)


@contextlib.contextmanager
def use_language(language: str) -> Iterator[None]:
    """Chooses the language of the texts until the context ends.

    Raises BadInputError for another than "en" or "zh".
    """
    before = get_language()
    choose_language(language)
    try:
        yield
    finally:
        choose_language(before)


def translate(text: str) -> str:
    """Translates a text into the chosen language; one that no catalog has stays as it is."""
    if not text or _chosen.get() == "en":
        return text
    return _load_catalogs(_chosen.get()).gettext(text)


def mark(text: Text) -> Text:
    """Returns the text as it is: the catalog has it, and it is translated where it is shown."""
    return text


def list_texts(domain: str, language: str) -> list[str]:
    """Lists the English texts that a catalog of a language has."""
    path = LOCALE / LOCALES[language] / "LC_MESSAGES" / f"{domain}.mo"
    content = path.read_bytes()  # gettext looks texts up and lists none
    _, _, count, start, _ = struct.unpack_from("<5I", content)
    places = [struct.unpack_from("<2I", content, start + 8 * index) for index in range(count)]
    texts = [content[offset : offset + length].decode() for length, offset in places]
    return [text for text in texts if text]


@functools.cache
def _load_catalogs(language: str) -> gettext.NullTranslations:
    first, *others = (gettext.translation(d, LOCALE, [LOCALES[language]]) for d in DOMAINS)
    for catalog in others:
        first.add_fallback(catalog)
    return first
