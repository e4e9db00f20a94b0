"""The catalogs of the package's texts: complete, compiled, faithful to the English texts."""

from __future__ import annotations

import ast
import csv
import gettext
import re
import string
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from legacy_nets.cli import COMMANDS, main
from legacy_nets.documents.catalogue import DATA
from legacy_nets.documents.texts import COLUMNS
from legacy_nets.errors import BadInputError
from legacy_nets.language import DOMAINS, LOCALE, LOCALES, choose_language, translate
from legacy_nets.language.help import split_paragraphs
from legacy_nets.language.usage import translate_usage_error

pofile = pytest.importorskip("babel.messages.pofile")

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
        compiled = dict(gettext.GNUTranslations(file)._catalog)
    compiled.pop("")
    assert compiled == texts, "make messages compiles them"


@pytest.mark.parametrize("locale, domain", CATALOGS)
def test_every_text_is_translated(locale, domain):
    texts = read_catalog(locale, domain)
    assert [text for text, translated in texts.items() if not translated] == []


@pytest.mark.parametrize("locale, domain", CATALOGS)
def test_names_numbers_and_fields_stay(locale, domain):
    different = [
        (text, translated)
        for text, translated in read_catalog(locale, domain).items()
        if {name for name in NAME.findall(text) if name not in translated}
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
    "train hand_signs --steps 0": "'--steps' 的值无效：0 不在范围 x>=1 之内。",
    "nets a b c": "多余的参数（b c）",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_usage_errors_are_in_the_chosen_language(arguments):
    result = CliRunner().invoke(main, ["--lang", "zh", *arguments.split()], prog_name="legacy-nets")
    command = arguments.split()[0] + " " if arguments != "trian" else ""
    see = f"（见 legacy-nets {command}--help）"
    assert (result.exit_code, result.stderr) == (2, f"legacy-nets: {USAGE[arguments]}{see}\n")


def test_a_usage_error_of_another_shape_stays(chinese):
    assert (
        translate_usage_error("'1x' is not one of 'a', 'b'.") == "'1x' 不在可选值之中：'a', 'b'。"
    )
    assert translate_usage_error("give --net or --meta") == "give --net or --meta"


@pytest.mark.parametrize("name", ["nets", "describe"])
def test_every_error_of_these_commands_is_translated(name):
    tree = ast.parse((ROOT / f"legacy_nets/cli/{name}.py").read_text("utf-8"))
    calls = [n.exc for n in ast.walk(tree) if isinstance(n, ast.Raise)]
    raised = [call for call in calls if isinstance(call, ast.Call)]
    assert raised
    literals = [e for e in raised if isinstance(e.args[0], ast.Constant | ast.JoinedStr)]
    assert [ast.unparse(e) for e in literals] == []
