"""Reports of ports and tables of folders as pages: English, and Chinese under --lang zh."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from legacy_nets.cli import main
from legacy_nets.language import use_language
from legacy_nets.port.report import Comparison, Report

ENGLISH = re.compile(r">[^<]*[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}")  # a sentence in a page


def make_report(**changes):
    values = {
        "net": "vgg16",
        "checkpoint": "run/<model>",
        "target": "onnx",
        "out": "vgg16.onnx",
        "tolerance": 1e-4,
        "averaged": True,
        "metadata": {"net": "vgg16", "num_classes": 5},
        "comparisons": (Comparison("logits", (2, 5), 0.5, 0.25, "optimised", 0.5),),
        "notes": ("4 images",),
        "was_run": True,
    }
    return Report(**(values | changes))


def save(report, path, language):
    with use_language(language):
        report.save(path)
    return path.read_text("utf-8")


def test_a_report_is_chinese(tmp_path):
    page = save(make_report(), tmp_path / "r.html", "zh")
    assert '<html lang="zh">' in page and "<title>vgg16 转换为 onnx</title>" in page
    assert "<dt>来自<dd>run/&lt;model&gt;（滑动平均）<dt>写到<dd>vgg16.onnx（onnx）" in page
    verdict = (
        "<dt>判定<dd>未通过：比较了 1 个输出，最大差异 0.5，是最大值的 0.25，"
        "在 logits (optimised)，top-1 相同的有 50%"
    )
    assert verdict in page
    assert "<dt>容差<dd>最大值的 0.0001<dt>net<dd>vgg16<dt>num_classes<dd>5" in page
    assert "<dt>注意<dd>4 个图像" in page
    head = "<th>输出<th>运行方式<th>形状<th>最大差异<th>占最大值<th>top-1<th>"
    row = "<tr><td>logits<td>optimised<td>2 x 5<td>0.5<td>0.25<td>50%<td>超出容差"
    assert f"<tr>{head}{row}" in page
    assert ENGLISH.findall(page) == []


def test_a_report_is_english_unless_chinese_is_chosen(tmp_path):
    page = save(make_report(averaged=False), tmp_path / "r.html", "en")
    assert '<html lang="en">' in page and "<title>vgg16 as onnx</title>" in page
    assert "<dt>from<dd>run/&lt;model&gt; (raw weights)<dt>to<dd>vgg16.onnx (onnx)" in page
    assert "<dt>verdict<dd>FAILED: 1 outputs compared, largest difference 0.5, 0.25 of" in page
    assert "<td>50%<td>above the tolerance" in page


def test_a_report_as_markdown_is_chinese_and_as_json_is_not(tmp_path):
    exact = make_report(comparisons=(Comparison("w", (2,), 0.0, 0.0),), was_run=False)
    lines = save(exact, tmp_path / "r.md", "zh").splitlines()
    assert lines[0] == "# vgg16 转换为 onnx"
    assert "- 判定：通过：1 个张量逐位相等" in lines
    assert "| w |  | 2 | 0 | 0 |  |  |" in lines
    fields = json.loads(save(exact, tmp_path / "r.json", "zh"))
    assert fields["verdict"] == "1 tensors equal, bit by bit" and fields["notes"] == ["4 images"]


@pytest.mark.slow
def test_the_table_and_the_lines_of_a_folder_are_chinese(tmp_path):
    folder, out = tmp_path / "museum", tmp_path / "out"
    folder.mkdir()
    np.savez(folder / "w.npz", w=np.float32([1, 2]))
    (folder / "damaged.npz").write_bytes(b"PK\3\4" + bytes(60))
    arguments = ["--lang", "zh", "port", str(folder), "--to", "npz", "--out", str(out)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert re.search(r"\] 已验证 w\.npz -> w\.npz\.npz：1 个张量逐位相等（\d\.\d 秒）", done.output)
    summary = "1 个被拒绝，1 个已验证；0 个其他文件"
    assert summary in done.output.splitlines()[-1]
    page = (out / "ports.html").read_text("utf-8")
    assert f"<h1>{folder} 转换为 npz</h1><p>{summary}</p>" in page
    assert "<tr><th>模型<th>结果<th>判定或原因<th>输出<th>秒</tr>" in page
    verified = "<td>w.npz<td>已验证<td>1 个张量逐位相等<br>只有权重，名称和轴照原样<td>"
    assert f'{verified}<a href="w.npz.npz">' in page
    refused = "<td>damaged.npz<td>被拒绝<td>已损坏（File is not a zip file）"
    assert f'<tr class="refused">{refused}' in page
    assert "请重新复制或下载<td>" in page and "copy or" not in page
    table = json.loads((out / "ports.json").read_text("utf-8"))
    assert table["counts"] == {"verified": 1, "refused": 1}
