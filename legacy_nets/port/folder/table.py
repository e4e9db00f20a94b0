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
from legacy_nets.language import translate as _
from legacy_nets.language.lines import translate_line
from legacy_nets.port.folder.journal import JOURNAL
from legacy_nets.port.folder.unit import Result
from legacy_nets.port.page import write_page
from legacy_nets.version import __version__

_JSON, _HTML = "ports.json", "ports.html"
TABLES = (JOURNAL, _JSON, _HTML)  # names that no output has


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
        """The numbers in the chosen language: "3 verified, 1 refused; 7 other files"."""
        counts = [
            _("{count} {status}").format(count=count, status=_(status))
            for status, count in self.counts.items()
        ]
        if self.waiting:
            counts.append(_("{count} waiting").format(count=self.waiting))
        models = _(", ").join(counts) or _("no models")
        return _("{models}; {count} other files").format(models=models, count=self.others)

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
        title = _("{folder} to {target}").format(folder=self.folder, target=self.target)
        names = (_("model"), _("result"), _("verdict or reason"), _("output"), _("seconds"))
        head = "".join(f"<th>{html.escape(name)}" for name in names)
        rows = "".join(map(self._render_row, self.results))
        return write_page(
            show(title),
            f'<p>{html.escape(self.summary)}</p><div class="wide" tabindex="0">'
            f"<table><tr>{head}</tr>{rows}</table></div>",
        )

    def _render_row(self, result: Result) -> str:
        out = self._get_output(result)
        target = urllib.parse.quote(out, errors="surrogateescape")
        link = f'<a href="{target}">{html.escape(show(out))}</a>' if out else ""
        lines = [translate_text(result), *map(translate_line, result.notes)]
        texts = "<br>".join(html.escape(show(line)) for line in lines)
        return (
            f'<tr class="{result.status.replace(" ", "-")}"><td>{html.escape(show(result.name))}'
            f"<td>{_(result.status)}<td>{texts}<td>{link}<td>{result.seconds:.1f}</tr>"
        )


def translate_text(result: Result) -> str:
    """Translates the text of a result; that of a refusal was an error after the model's name."""
    if result.status != "refused":
        return translate_line(result.text)
    error = translate_line(f"{result.name}: {result.text}")
    return error.removeprefix(result.name).removeprefix(_(": "))


def show(text: str) -> str:
    """Formats a text with names of files: one line, and valid UTF-8 whatever the names hold."""
    return join_lines(text.encode("utf-8", "replace").decode())
