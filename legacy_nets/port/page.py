"""The page of a port's report or of a folder's table: HTML in the chosen language."""

from __future__ import annotations

import html

from legacy_nets.language import get_language

_STYLE = (
    "@media screen{:root{color-scheme:light dark}}"
    'body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:2em;overflow-wrap:anywhere}'
    ".wide{overflow-x:auto}table{overflow-wrap:normal}"
    "td,th{padding:.2em 1em .2em 0;text-align:left;vertical-align:top}dt{font-weight:bold}"
    ".differs,.failed,.refused{color:light-dark(#a00,#ff9b9b)}"
    "@media(max-width:40em){body{margin:1em}dd{margin-left:1em}}"
)


def write_page(title: str, content: str) -> str:
    """Writes a page that needs no other file.

    Args:
      title: as text.
      content: as HTML, below the title.
    """
    escaped = html.escape(title)
    return (
        f'<!doctype html><html lang="{get_language()}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escaped}</title><style>{_STYLE}</style><h1>{escaped}</h1>{content}</html>"
    )
