"""The structure that ARCHITECTURE.md states: floors, no import circles, sizes, types, words."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "legacy_nets"
MAX_LINES, MAX_FILES, MAX_FUNCTION_LINES, MAX_ANY = 400, 20, 60, 0.08
OLD_WORDS = re.compile(
    r"\b(mend(ed|s)?|anew|strangers?|said|stands in|stand-ins?|held against|ahead of)\b", re.I
)
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name of a file's module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules of the package that a file imports: at its head, in functions, for annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "") in MODULES:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else str(node.module)


def without_root(names: Iterator[str]) -> set[str]:
    """The imported modules, without the package's own front page."""
    return {name for name in names if name != "legacy_nets"}


TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}
IMPORTS = {name: without_root(imports(tree)) for name, tree in TREES.items()}


def rooms() -> dict[str, tuple[int, int]]:
    """Room -> (floor, row) of the table in ARCHITECTURE.md. Names on one row are one room."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (.+?) \|", text, re.MULTILINE)
    return {
        name: (int(floor), row)
        for row, (floor, cell) in enumerate(rows)
        for name in re.findall(r"`(\w+)`", cell)
    }


ROOMS = rooms()


def test_no_import_circle():
    """Lazy imports and those under TYPE_CHECKING count, too."""
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail[trail.index(module) :], module))
        if module not in finished:
            for imported in sorted(IMPORTS[module]):
                visit(imported, (*trail, module))
            finished.add(module)

    for module in MODULES:
        visit(module, ())
    assert finished == set(MODULES)


def test_no_import_goes_up():
    """A room imports rooms of lower floors only, and itself."""
    wrong = []
    for module, names in IMPORTS.items():
        if module in ("legacy_nets", "legacy_nets.__main__"):  # the front page and the command
            continue
        floor, row = ROOMS[module.split(".")[1]]
        for name in names:
            below, other = ROOMS[name.split(".")[1]]
            if other != row and below >= floor:
                wrong.append(f"{module} (floor {floor}) imports {name} (floor {below})")
    assert wrong == []


def test_the_table_names_every_room():
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert files | folders == set(ROOMS)


def test_files_are_short():
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in FILES}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_folders_are_small():
    for folder in (PACKAGE, ROOT / "tests", ROOT / "scripts"):
        counts = Counter(path.parent for path in folder.rglob("*.py"))
        large = {str(p.relative_to(ROOT)): n for p, n in counts.items() if n > MAX_FILES}
        text = f"{large}: at most {MAX_FILES} Python files a folder; make a sub-folder"
        assert large.keys() <= {"legacy_nets/tf1/contrib", "scripts/oracle"}, text


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of the package, with the file that it is in."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield str(MODULES[name].relative_to(ROOT)), node


def test_functions_are_short():
    long = {
        (path, node.name): node.end_lineno - node.lineno + 1
        for path, node in functions()
        if node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == {}


def is_any(annotation: ast.expr | None) -> bool:
    """Whether an annotation is Any, or has Any in it."""
    return annotation is not None and re.search(r"\bAny\b", ast.unparse(annotation)) is not None


def test_any_is_rare():
    """Among the arguments and among the returns of all functions."""
    arguments, returns = [], []
    for _, node in functions():
        a = node.args
        every = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        arguments += [is_any(arg.annotation) for arg in every if arg.arg not in ("self", "cls")]
        returns.append(is_any(node.returns))
    assert sum(arguments) / len(arguments) < MAX_ANY
    assert sum(returns) / len(returns) < MAX_ANY


@pytest.mark.parametrize("folder", ["legacy_nets", "docs", "scripts", "README.md"])
def test_words_of_the_glossary(folder):
    """Words that the project no longer uses. A real use has ``# word`` on its line."""
    top = ROOT / folder
    paths = (
        [top]
        if top.is_file()
        else [p for p in top.rglob("*") if p.suffix in (".py", ".md", ".csv")]
    )
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OLD_WORDS.search(line) and "legacy_scripts.md" not in path.name
    ]
    assert lines == []
