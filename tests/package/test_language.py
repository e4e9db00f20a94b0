"""The catalogs of the package's texts: complete, compiled, faithful to the English texts."""

from __future__ import annotations

import ast
import csv
import re
import string
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from shown_lines import FOREIGN, list_errors, list_lines, list_literals

from legacy_nets.cli import COMMANDS, main
from legacy_nets.documents.catalogue import DATA, errata, facts
from legacy_nets.documents.texts import COLUMNS, translate_place
from legacy_nets.errors import BadInputError
from legacy_nets.language import (
    DOMAINS,
    LOCALE,
    LOCALES,
    choose_language,
    list_texts,
    translate,
)
from legacy_nets.language.help import split_paragraphs
from legacy_nets.language.lines import translate_line

pofile = pytest.importorskip("babel.messages.pofile")
mofile = pytest.importorskip("babel.messages.mofile")

ROOT = Path(__file__).parents[2]
TRANSLATORS = ("translate", "_", "mark")  # names of calls whose texts a catalog has
CATALOGS = [(locale, domain) for locale in LOCALES.values() if locale != "en" for domain in DOMAINS]
NAME = re.compile(r"[A-Za-z0-9]+(?:[_./][A-Za-z0-9_]+)+|\d[\d,.x^]*\d|\d")

ENGLISH = re.compile(
    r"[A-Z][a-z]+ (?:[a-z]+ )+[a-z]+|[a-z]{2}\.$|\[default|\[required", re.MULTILINE
)


def read_catalog(locale, domain):
    """English texts with their translations; a fuzzy one counts as none."""
    path = LOCALE / locale / "LC_MESSAGES" / f"{domain}.po"
    with path.open("rb") as file:
        return {m.id: "" if m.fuzzy else m.string for m in pofile.read_po(file) if m.id}


def list_translated_literals():
    """The texts that the code gives to ``translate``."""
    texts = set()
    for path in [*(ROOT / "legacy_nets").rglob("*.py"), *(ROOT / "docs/_ext").glob("*.py")]:
        source = path.read_text("utf-8")
        for call in ast.walk(ast.parse(source)) if "legacy_nets.language" in source else ():
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in TRANSLATORS:
                texts.update(arg.value for arg in call.args if isinstance(arg, ast.Constant))
    return texts


@pytest.fixture
def chinese():
    choose_language("zh")
    yield
    choose_language("en")


@pytest.mark.parametrize("locale, domain", CATALOGS)
def test_the_compiled_catalog_is_that_of_its_source(locale, domain):
    texts = read_catalog(locale, domain)
    path = LOCALE / locale / "LC_MESSAGES" / f"{domain}.mo"
    with path.open("rb") as file:
        compiled = {m.id: m.string for m in mofile.read_mo(file) if m.id}
    assert compiled == texts, "make messages compiles them"


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_texts_of_a_catalog_are_listed(domain):
    assert sorted(list_texts(domain, "zh")) == sorted(read_catalog("zh_CN", domain))


@pytest.mark.parametrize("locale, domain", CATALOGS)
def test_every_text_is_translated(locale, domain):
    texts = read_catalog(locale, domain)
    assert [text for text, translated in texts.items() if not translated] == []


@pytest.mark.parametrize("locale, domain", CATALOGS)
def test_names_numbers_and_fields_stay(locale, domain):
    different = [
        (text, translated)
        for text, translated in read_catalog(locale, domain).items()
        if {name for name in NAME.findall(text) if name not in translated + "pictures/s"}
        or list_fields(text) != list_fields(translated)
    ]
    assert different == []


def list_fields(text):
    """The fields of a format string; none where the braces are the text's own."""
    try:
        return {field for _, field, _, _ in string.Formatter().parse(text) if field}
    except ValueError:
        return set()


def test_what_the_code_translates_has_a_translation():
    literals = list_translated_literals()
    assert {"not stated", "Layers of {section} in {net}"} - literals == {"not stated"}
    assert sorted(literals - set(read_catalog("zh_CN", "messages"))) == []


@pytest.mark.parametrize("table", COLUMNS)
def test_every_text_of_the_tables_has_a_translation(table):
    texts = set()
    for path in sorted(DATA.glob(f"{table}*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                texts.update(row[name] for name in (*COLUMNS[table], "kind") if name in row)
    texts = {text for text in texts if re.search("[A-Za-z]{2}", text)}
    assert texts
    have = set(read_catalog("zh_CN", "documents")) | set(read_catalog("zh_CN", "messages"))
    assert sorted(texts - have) == []


def test_a_text_without_a_translation_stays(chinese):
    assert translate("receptive field") == "感受野"
    assert translate("last time step") == "最后的时间步"
    assert translate("resnet18") == "resnet18"
    assert translate("") == ""


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("l.12, 30 comments", "l.12, 30 注释"),
        ("l.30 text 54+64+96+32", "l.30 文字 54+64+96+32"),
        ("whole document: slim, tf", "全文: slim, tf"),
        ("l.38 and on: depth", "l.38 起: depth"),
        ("whole document: no arg_scope", "全文: 没有 arg_scope"),
        ("section ResNet: no predict script", "章节 ResNet: 没有预测脚本"),
        ("l.77-79 conv1 to residual1", "l.77-79 conv1 到 residual1"),
        ("l.395 class_num=5 (commented out)", "l.395 class_num=5 （已注释掉）"),
        ("l.1185 os.getcwd; from model import", "l.1185 os.getcwd; from model import"),
        ("l.7 text=1", "l.7 text=1"),
        ("l.128 fc.text", "l.128 fc.text"),
    ],
)
def test_words_of_a_place_are_translated_and_code_stays(chinese, place, expected):
    assert translate_place(place) == expected


def test_no_place_has_english_sentences(chinese):
    """Code may have words with blanks between them; the words of the list have none left."""
    rows = [*facts(), *errata()]
    assert len(rows) > 600
    code = {"from model import", "feature.trainable = False", "C // num_heads"}
    left = [row.place for row in rows if re.search(r"[a-z]{2,} [a-z]{2,}", row.place)]
    assert [place for place in left if not any(one in place for one in code)] == []


def test_texts_are_english_unless_chinese_is_chosen():
    assert translate("receptive field") == "receptive field"
    with pytest.raises(BadInputError, match="no texts in the language fr: choose en or zh"):
        choose_language("fr")


def list_help_texts():
    """Help texts, remarks of examples, summaries and options' help of all commands."""
    context = click.Context(main, info_name="legacy-nets")
    texts = [entry.summary for entry in COMMANDS.values()]
    for command in [main, *(main.get_command(context, name) for name in COMMANDS)]:
        texts += split_paragraphs(command.help) + split_paragraphs(command.epilog or "")
        texts += [p.help for p in command.get_params(context) if getattr(p, "help", None)]
    return {" ".join(text.split()) for text in texts if not text.startswith("(tf.")}  # names


def test_every_help_text_has_a_translation():
    texts = list_help_texts()
    assert {"Train a net.", "a guided walk through a net", "Training steps."} <= texts
    assert sorted(texts - set(read_catalog("zh_CN", "messages"))) == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_help_in_chinese_has_no_english_sentence(command):
    call = CliRunner(env={"COLUMNS": "100"}).invoke
    english = call(main, [*command.split(), "--help"], prog_name="legacy-nets").output
    arguments = ["--lang", "zh", *command.split(), "--help"]
    printed = call(main, arguments, prog_name="legacy-nets").output
    assert english.startswith("Usage: legacy-nets") and "Show this message and exit." in english
    assert printed.startswith("用法：legacy-nets") and "显示本帮助并退出。" in printed
    assert ENGLISH.findall(printed) == []
    assert max(cell_len(line) for line in printed.splitlines()) <= 100


def test_the_environment_chooses_the_language_of_the_help():
    runner = CliRunner(env={"LEGACY_NETS_LANG": "zh"})
    assert runner.invoke(main, ["--help"]).output.startswith("用法：")
    assert runner.invoke(main, ["--lang", "en", "--help"]).output.startswith("Usage:")
    assert CliRunner().invoke(main, ["--help"]).output.startswith("Usage:")


USAGE = {
    "nets --jsn": "没有选项 '--jsn'。您是否要用 '--json'？",
    "nets --xyzzy": "没有选项 '--xyzzy'。",
    "trian": "没有命令 'trian'；最接近的有：train, run",
    "describe": "缺少参数 'NET|FILE'。",
    "train hand_signs": "缺少选项 '--model-dir'。",
    "train hand_signs --steps a": "'--steps' 的值无效：'a' 不是整数。",
    "train hand_signs --steps 0": "'--steps' 的值无效：0 不在范围 1<=x<=1000000000 之内。",
    "nets a b c": "多余的参数（b c）",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_usage_errors_are_in_the_chosen_language(arguments):
    result = CliRunner().invoke(main, ["--lang", "zh", *arguments.split()], prog_name="legacy-nets")
    command = arguments.split()[0] + " " if arguments != "trian" else ""
    see = f"（见 legacy-nets {command}--help）"
    assert (result.exit_code, result.stderr) == (2, f"legacy-nets: {USAGE[arguments]}{see}\n")


def test_a_usage_error_of_another_shape_stays(chinese):
    assert translate_line("'1x' is not one of 'a', 'b'.") == "'1x' 不在可选值之中：'a', 'b'。"
    assert translate_line("give --net or --meta") == "give --net or --meta"


@pytest.fixture(scope="module")
def lines():
    """The lines that the package shows, with their places."""
    return list_lines()


def test_every_error_note_and_progress_line_has_a_translation(lines):
    assert lines["{0}: no such checkpoint or weight file{1}"].startswith("checkpoints/formats/")
    assert {"; nearest: {0}", "loading TensorFlow", "wrote {0}"} <= set(lines)
    have = set(read_catalog("zh_CN", "lines")) | set(read_catalog("zh_CN", "messages"))
    assert [f"{place}: {line}" for line, place in lines.items() if line not in have] == []


def test_every_translated_line_is_in_the_source():
    assert sorted(set(read_catalog("zh_CN", "lines")) - list_literals() - set(FOREIGN)) == []


def test_every_error_class_of_the_package_is_looked_at():
    assert {"BadInputError", "CheckpointError", "TrainingError", "FormatError"} <= list_errors()


LINES = {
    "no net is called 'resnt'; nearest: resnet, vgg (all: legacy-nets nets)": (
        "没有叫 'resnt' 的网络；最接近的有：resnet, vgg（全部：legacy-nets nets）"
    ),
    "no net is called 'x' (all: legacy-nets nets)": "没有叫 'x' 的网络（全部：legacy-nets nets）",
    "a.ckpt: damaged (too short, has 3 bytes and needs 5); copy or download the checkpoint again": (
        "a.ckpt：已损坏（太短，有 3 字节，需要 5 字节）；请重新复制或下载检查点"
    ),
    "no such file: images; nearest: a, b, c and 7 more": (
        "没有文件 images；最接近的有：a, b, c 等，另有 7 个"
    ),
    "device: CPU (no GPU: CUDA_VISIBLE_DEVICES=-1 hides the GPUs: unset it)": (
        "设备：CPU（没有 GPU：CUDA_VISIBLE_DEVICES=-1 隐藏了 GPU：请取消它）"
    ),
    "  note: 4 images\nnote: a word": "  注意：4 个图像\n注意：a word",
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_and_what_is_in_it_are_translated(line, chinese):
    assert translate_line(line) == LINES[line]


@pytest.mark.parametrize("name", ["images", "old images", "a to b", "a b.txt", "x; y", "a: b"])
def test_names_in_a_line_stay(name, chinese):
    assert translate_line(f"{name} is a folder: name a file") == f"{name} 是文件夹：请指明文件"


@pytest.mark.parametrize("line", ["", "a text of another library: {0} fails", "日本語", "a.b: 3"])
def test_a_line_of_no_known_shape_stays(line, chinese):
    assert translate_line(line) == line


def test_a_line_is_english_unless_chinese_is_chosen():
    assert translate_line("no such file: a") == "no such file: a"


def test_no_line_of_the_help_ends_with_an_opening_bracket():
    arguments = ["--lang", "zh", "describe", "--help"]
    printed = CliRunner(env={"COLUMNS": "100"}).invoke(main, arguments).output
    assert "（从不运行它）" in printed
    assert [
        line for line in printed.splitlines() if re.search(r"[（《“]$|^\s*[，。；）]", line)
    ] == []
