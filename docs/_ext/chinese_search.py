"""The search of the Chinese site: pairs of neighbouring characters are its words.

Sphinx finds words with a dictionary that no query in the browser has. Pairs need none: a query
of several characters matches the pages that have all of its pairs.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.search.zh import SearchChinese

_CHINESE = re.compile(r"[\u3400-\u9fff]+")


class SearchPairs(SearchChinese):
    """Splits texts and queries into pairs of Chinese characters and words of Latin letters."""

    language_name = "English"  # of the stemmer for Latin words: Sphinx 9 looks for ChineseStemmer
    js_splitter_code = r"""
var splitQuery = (query) => [
  ...(query.match(/[\u3400-\u9fff]+/g) || []).flatMap((run) =>
    run.length < 2 ? [run] : [...run].slice(1).map((_, i) => run.slice(i, i + 2))),
  ...(query.match(/[a-zA-Z0-9_]+/g) || []),
];
"""

    def split(self, input: str) -> list[str]:
        """Splits a text."""
        latin = self.latin1_letters.findall(input)
        self.latin_terms.update(latin)
        return [pair for run in _CHINESE.findall(input) for pair in split_pairs(run)] + latin


def split_pairs(run: str) -> list[str]:
    """Splits a run of Chinese characters: 卷积核 into 卷积 and 积核."""
    return [run[i : i + 2] for i in range(max(1, len(run) - 1))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Takes the place of Sphinx's own Chinese search."""
    app.add_search_language(SearchPairs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
