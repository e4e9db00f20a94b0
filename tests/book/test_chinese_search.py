"""The search of the Chinese site: the browser splits a query as Sphinx splits the pages."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra [docs]: make test-docs")

TEXTS = {
    "卷积神经网络": ["卷积", "积神", "神经", "经网", "网络"],
    "核": ["核"],
    "3x3卷积核, batch_norm": ["卷积", "积核", "3x3", "batch_norm"],
    "占位符 placeholder": ["占位", "位符", "placeholder"],
    "": [],
}


@pytest.fixture
def search(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs" / "_ext"))
    import chinese_search

    return chinese_search.SearchPairs({})


@pytest.mark.parametrize("text", list(TEXTS))
def test_pages_are_split_into_pairs(search, text):
    assert search.split(text) == TEXTS[text]


def test_queries_are_split_as_pages_are(search):
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    program = f"{search.js_splitter_code}\nconsole.log(JSON.stringify(TEXTS.map(splitQuery)))"
    program = program.replace("TEXTS", json.dumps(list(TEXTS)))
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == list(TEXTS.values())
