"""--lang and LEGACY_NETS_LANG choose the language of what commands print."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from legacy_nets.cli import main
from legacy_nets.language import get_language, use_language
from legacy_nets.language.lines import translate_line
from legacy_nets.registry import get_net
from legacy_nets.score.shard import ShardResult
from legacy_nets.score.summary import Summary
from legacy_nets.train.recipes import describe_settings, make_settings

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


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--help", "--lang", "zh"],
        ["train", "-h", "--lang=zh"],
        ["train", "hand_signs", "--lang", "zh", "--help"],
        ["--lang", "zh", "train", "--help"],
    ],
)
def test_help_is_in_the_language_of_an_option_after_it(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments, prog_name="legacy-nets")
    assert done.exit_code == 0
    assert done.stdout.startswith("用法：legacy-nets train [OPTIONS] NET")
    assert get_language() == "en"


def test_help_of_all_commands_is_in_the_language_of_an_option_after_it() -> None:
    done = CliRunner().invoke(main, ["--help", "--lang", "zh"], prog_name="legacy-nets")
    assert (done.exit_code, done.stdout[:3]) == (0, "用法：")


def test_a_script_keeps_its_own_lang_option(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys; print(sys.argv[1:])")
    command = [sys.executable, "-m", "legacy_nets", "run", str(script), "--help", "--lang", "zh"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['--help', '--lang', 'zh']\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["explain", "resnt18"], "没有叫 'resnt18' 的网络；最接近的有：resnet18, "),
        (["errata", "999"], "没有文档、网络或编号叫 '999'"),
        (
            ["inspect", "no/such"],
            "no/such：没有这个检查点或权重文件；no 不是可读的文件夹：请检查路径",
        ),
        (["run", "no.py"], "no.py：无法读取"),
        (["upgrade", "no.py", "--check"], "no.py：没有这个文件或文件夹：请指明脚本或其文件夹"),
    ],
)
def test_errors_of_all_rooms_are_chinese(
    arguments: list[str], line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["--lang", "zh", *arguments])
    assert done.exit_code == 2
    assert line in done.stderr
    assert re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", done.stderr) is None


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


PARTS = {
    "step 70/70  loss 1.4  train 0.45  test 0.52  9 图像/s": (
        "第 70/70 步  损失 1.4  训练 0.45  测试 0.52  9 图像/s"
    ),
    "step 7/70  loss 1.4  train 0.45  9 图像/s": "第 7/70 步  损失 1.4  训练 0.45  9 图像/s",
    "accuracy 0.5 (20 of 40 图像)": "准确率 0.5（40 个图像中对了 20）",
    "  6 outputs equal, bit by bit": "  6 个输出逐位相等",
    "  1 tensors compared, largest difference 1e-06, 2e-7 of the largest value, in a/b": (
        "  比较了 1 个张量，最大差异 1e-06，是最大值的 2e-7，在 a/b"
    ),
    "a has no graph with the tag set x: it has graphs with the tag set serve; use --tags A,B": (
        "a 没有带 标签集 x 的计算图：有的是 标签集 serve；请用 --tags A,B"
    ),
    "1 shard: 0 finished, 1 to do": "1 个分片：0 个已完成，1 个要做",
}


@pytest.mark.parametrize("line", PARTS)
def test_short_words_in_a_line_are_chinese(line: str) -> None:
    with use_language("zh"):
        assert translate_line(line) == PARTS[line]


def test_a_line_of_several_parts_is_chinese() -> None:
    settings = make_settings(get_net("hand_signs"))
    done, failed = ShardResult("a", 5, 2), ShardResult("b", failure="damaged")
    summary = Summary({}, {"a": done, "b": failed}, 2, 10, 2.0)
    with use_language("zh"):
        assert describe_settings(settings) == (
            "500 步，每步 32，学习率 0.0002，预热 30 步，余弦退火，滑动平均（ema 0.98），数据增强，"
            "keep_prob=1.0，initial_std=null，momentum=0.9, unit preprocessing"
        )
        assert summary.describe() == (
            "5 张图片，属于 1 个分片；2 张无法读取；1 个分片失败；2 个分片是以前运行的；"
            "每秒 5.0 张图片"
        )
