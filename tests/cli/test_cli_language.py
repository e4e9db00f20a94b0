"""--lang and LEGACY_NETS_LANG choose the language of what commands print."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from legacy_nets.cli import main
from legacy_nets.language import get_language

ENGLISH, CHINESE = "The last layer is linear; predictions", "最后一层是线性的；predictions"


@pytest.mark.parametrize(
    ("arguments", "variable", "text"),
    [
        (["--lang", "zh", "errata", "001-E01"], None, CHINESE),
        (["errata", "001-E01", "--lang", "zh"], None, CHINESE),
        (["errata", "--lang=zh", "001-E01"], None, CHINESE),
        (["errata", "001-E01"], "zh", CHINESE),
        (["errata", "001-E01"], None, ENGLISH),
        (["--lang", "en", "errata", "001-E01"], "zh", ENGLISH),
        (["--lang", "zh", "errata", "001-E01", "--lang", "en"], None, ENGLISH),
    ],
)
def test_language_of_errata(arguments: list[str], variable: str | None, text: str) -> None:
    environment = {"LEGACY_NETS_LANG": variable, "LANG": "zh_CN.UTF-8", "COLUMNS": "400"}
    done = CliRunner(env=environment).invoke(main, arguments)
    assert done.exit_code == 0
    assert text in done.stdout
    assert get_language() == "en"  # of the next call in this process


def test_json_has_english_fields_and_values() -> None:
    done = CliRunner().invoke(main, ["--lang", "zh", "errata", "001-E01", "--json"])
    (row,) = json.loads(done.stdout)
    assert row["kind"] == "wrong result, no error"
    assert row["fix"].startswith("最后一层是线性的")


@pytest.mark.parametrize("arguments", [["--lang", "fr", "nets"], ["nets", "--lang", "fr"]])
def test_unknown_language_is_one_line(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("legacy-nets: Invalid value for '--lang': 'fr' is not one of 'en', 'zh'")


@pytest.mark.parametrize("command", [["errata", "001"], ["describe", "demo_cnn"]])
def test_tables_of_wide_characters_align(command: list[str]) -> None:
    done = CliRunner(env={"COLUMNS": "180"}).invoke(main, ["--lang", "zh", *command])
    assert done.exit_code == 0
    rows = [line for line in done.stdout.splitlines() if line[:1] in "┏┃┡│├└"]
    assert any("步长" in row or "原代码" in row for row in rows)
    assert len({cell_len(row) for row in rows}) == 1


def test_explain_and_nets_have_chinese_headings() -> None:
    done = CliRunner().invoke(main, ["--lang", "zh", "nets", "vgg16"])
    assert "可训练参数" in done.stdout
    done = CliRunner().invoke(main, ["explain", "demo_cnn", "--lang", "zh"])
    assert "图像 28x28x1（预处理 unit），10 个类别，2,770,634 个参数" in done.stdout
    assert "感受野 3x3" in done.stdout
