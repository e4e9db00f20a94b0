"""The table of a folder's ports, as JSON and HTML: one row a model."""

from __future__ import annotations

import html
import json
import urllib.parse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from legacy_nets.errors import join_lines
from legacy_nets.files import replace_on_success
from legacy_nets.port.folder.journal import JOURNAL
from legacy_nets.port.folder.unit import Result
from legacy_nets.version import __version__

_JSON, _HTML = "ports.json", "ports.html"
TABLES = (JOURNAL, _JSON, _HTML)  # names that no output has
_STYLE = (
    "body{font:15px sans-serif;margin:2em}td,th{padding:.2em 1em .2em 0;text-align:left;"
    "vertical-align:top}.differs,.failed,.refused{color:#a00}"
)


class Table(NamedTuple):
    """What became of the models below a folder."""

    folder: str
    target: str
    results: Sequence[Result]  # without data sets
    outputs: Mapping[str, str]  # name of a model -> its output, below the destination
    others: int  # files that are no models
    waiting: int  # models that an interrupted run has not ported

    @property
    def counts(self) -> dict[str, int]:
        """Status -> number of models."""
        return dict(Counter(result.status for result in self.results))

    @property
    def summary(self) -> str:
        """The numbers in one line: "3 verified, 1 refused; 7 other files"."""
        counts = [f"{count} {status}" for status, count in self.counts.items()]
        if self.waiting:
            counts.append(f"{self.waiting} waiting")
        return f"{', '.join(counts) or 'no models'}; {self.others} other files"

    def save(self, out: Path) -> None:
        """Writes ``ports.json`` and ``ports.html`` into the destination."""
        for name, text in ((_JSON, self._render_json()), (_HTML, self._render_html())):
            with replace_on_success(out / name) as unfinished:
                unfinished.write_text(text + "\n", encoding="utf-8")

    def _get_output(self, result: Result) -> str:
        return self.outputs[result.name] if result.status == "verified" else ""

    def _render_json(self) -> str:
        fields = {
            "writer": f"legacy_nets {__version__}",
            "folder": self.folder,
            "target": self.target,
            "counts": self.counts,
            "waiting": self.waiting,
            "other_files": self.others,
            "models": [
                {**result._asdict(), "out": self._get_output(result)} for result in self.results
            ],
        }
        return json.dumps(fields, indent=1)

    def _render_html(self) -> str:
        title = html.escape(show(f"{self.folder} to {self.target}"))
        rows = "".join(map(self._render_row, self.results))
        summary = html.escape(self.summary)
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            f"<style>{_STYLE}</style><h1>{title}</h1><p>{summary}</p><table><tr><th>model<th>result"
            f"<th>verdict or reason<th>output<th>seconds</tr>{rows}</table></html>"
        )

    def _render_row(self, result: Result) -> str:
        out = self._get_output(result)
        target = urllib.parse.quote(out, errors="surrogateescape")
        link = f'<a href="{target}">{html.escape(show(out))}</a>' if out else ""
        texts = "<br>".join(html.escape(show(text)) for text in (result.text, *result.notes))
        return (
            f'<tr class="{result.status.replace(" ", "-")}"><td>{html.escape(show(result.name))}'
            f"<td>{result.status}<td>{texts}<td>{link}<td>{result.seconds:.1f}</tr>"
        )


def show(text: str) -> str:
    """Formats a text with names of files: one line, and valid UTF-8 whatever the names hold."""
    return join_lines(text.encode("utf-8", "replace").decode())
