"""Finds in the package's source the lines that it shows: errors, notes, progress.

A line is a text with fields, ``"{0}: no such file"``: the literals of an f-string, and a number for
each value in it. What a value is made of is followed: variables, parameters, constants, and what
functions of the package return.
"""

from __future__ import annotations

import ast
import itertools
import re
import string
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "legacy_nets"
TENSORFLOW = "tf1/"  # its messages are those of TensorFlow
SHOWING = {"say", "translate_line", "show_status", "update_status", "show_progress", "print_line"}
GIVEN = {"announce", "report"}  # parameters that get lines to show
NOTES = re.compile(  # names of what holds lines
    r"(^|_)(agreement|fault|hint|note|problem|reason|verdict)s?($|_)|^uses?$", re.IGNORECASE
)
FOREIGN = (  # errors of click and of the system
    "Invalid value for {0}: {1}",
    "No such option {0}. Did you mean {1}?",
    "No such option {0}.",
    "Missing argument {0}.",
    "Missing option {0}.",
    "Got unexpected extra argument ({0})",
    "Got unexpected extra arguments ({0})",
    "Option {0} requires an argument.",
    "Option {0} does not take a value.",
    "{0} is not one of {1}.",
    "{0} is not a whole number.",
    "{0} is not a number.",
    "{0} is not in the range {1}.",
    "Path {0} does not exist.",
    "File {0} does not exist.",
    "Directory {0} does not exist.",
    "[Errno {0}] {1}",
    "No such file or directory",
    "Permission denied",
    "Is a directory",
    "Not a directory",
    "File exists",
    "No space left on device",
)
NO_LINES = ("<", "import ", "torch.load(", ".net-graph", " tabindex", "bold ")  # HTML, code, styles
MAX_ALTERNATIVES = 16  # of one message


def list_lines() -> dict[str, str]:
    """Lists the lines that the package shows, with the place of each."""
    return _Source().follow()


def list_literals() -> set[str]:
    """Lists every text that is in the source, as the line that it would be."""
    source = _Source()
    nodes = [n for n in source.owners if _is_text(n) or isinstance(n, ast.JoinedStr) or _is_sum(n)]
    return {line for n in nodes for text in source._list_shapes(n) for line in (text, text.strip())}


def list_errors() -> set[str]:
    """Lists the error classes of the package."""
    return _Source().errors


def _get_name(node: ast.AST) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


class _Source:
    def __init__(self) -> None:
        self.functions: dict[str, list[ast.FunctionDef]] = defaultdict(list)
        self.owners: dict[ast.AST, ast.AST] = {}  # node -> the function or module around it
        self.paths: dict[ast.AST, str] = {}  # module -> file
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)
        self.constants: dict[str, list[ast.expr]] = defaultdict(list)
        self.notes: dict[str, list[ast.expr]] = defaultdict(list)
        self.errors: set[str] = set()
        self.lines: dict[str, str] = {}
        self.done: set[tuple[int, bool]] = set()
        for path in sorted(PACKAGE.rglob("*.py")):
            name = path.relative_to(PACKAGE).as_posix()
            if not name.startswith(TENSORFLOW):
                module = ast.parse(path.read_text("utf-8"))
                self.paths[module] = name
                self._read(module, module)

    def _read(self, node: ast.AST, owner: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            self.owners[child] = owner
            if isinstance(child, ast.FunctionDef):
                self.functions[child.name].append(child)
            if isinstance(child, ast.ClassDef) and child.name.endswith("Error"):
                self.errors.add(child.name)
            if isinstance(child, ast.Call):
                self.calls[_get_name(child.func)].append(child)
                self._read_call(child)
            if isinstance(node, ast.Module) and isinstance(child, ast.Assign | ast.AnnAssign):
                targets = child.targets if isinstance(child, ast.Assign) else [child.target]
                for target in targets:
                    if child.value is not None:
                        self.constants[_get_name(target)].append(child.value)
            if isinstance(child, ast.Assign | ast.AugAssign | ast.AnnAssign) and child.value:
                for target in getattr(child, "targets", None) or [child.target]:
                    self.notes[_get_name(target)].append(child.value)
            if isinstance(child, ast.Return | ast.Yield | ast.YieldFrom) and child.value:
                self.notes[getattr(owner, "name", "")].append(child.value)
            self._read(child, child if isinstance(child, ast.FunctionDef) else owner)

    def _read_call(self, call: ast.Call) -> None:
        """Keeps what is given to a keyword or added to a list, by the name of that."""
        for keyword in call.keywords:
            self.notes[keyword.arg or ""].append(keyword.value)
        if _get_name(call.func) in ("append", "extend") and isinstance(call.func, ast.Attribute):
            self.notes[_get_name(call.func.value)].extend(call.args)

    def follow(self) -> dict[str, str]:
        for name in sorted(self.errors | SHOWING | GIVEN | {"UsageError"}):
            for call in self.calls[name]:
                line = call.args[1:2] if name == "print_line" else call.args[:1]  # after a console
                if line:
                    self._add(line[0], is_part=False)
        for name, values in self.notes.items():
            for value in values if NOTES.search(name) else ():
                self._add(value)
        return self.lines | dict.fromkeys(FOREIGN, "foreign")

    def _add(self, node: ast.AST, is_part: bool = True) -> None:
        """Adds the lines of an expression that is shown, or is part of what is shown."""
        if (id(node), is_part) in self.done:
            return
        self.done.add((id(node), is_part))
        if _is_text(node) or isinstance(node, ast.JoinedStr) or _is_sum(node):
            for line in self._list_shapes(node):
                letters = re.sub(r"\{\w*\}", "", line)
                if not re.search("[A-Za-z]{2}", letters) or line.startswith(NO_LINES):
                    continue
                line = line if is_part else line.strip()
                if not is_part or " " in line.strip():
                    self.lines.setdefault(line, self._get_place(node))
            for term in _list_terms(node):
                for value in _list_parts(term) if isinstance(term, ast.IfExp) else [term]:
                    if not _is_text(value):
                        self._add(value)
        elif isinstance(node, ast.Name):
            self._add_variable(node, is_part)
        elif isinstance(node, ast.Call):
            self._add_call(node, is_part)
        elif isinstance(node, ast.Attribute) and NOTES.search(node.attr):
            for value in self.notes[node.attr]:
                self._add(value, is_part)
        else:
            for child in _list_parts(node):
                self._add(child, is_part)

    def _get_place(self, node: ast.AST) -> str:
        owner = self.owners[node]
        while owner not in self.paths:
            owner = self.owners[owner]
        return f"{self.paths[owner]}:{node.lineno}"

    def _add_variable(self, name: ast.Name, is_part: bool) -> None:
        owner = self.owners[name]
        if isinstance(owner, ast.FunctionDef):
            for node in ast.walk(owner):
                is_set = isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
                targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
                named = isinstance(node, ast.NamedExpr) or is_set
                if named and node.value and name.id in map(_get_name, targets):
                    self._add(node.value, is_part)
                if isinstance(node, ast.For | ast.comprehension):
                    if name.id in map(_get_name, ast.walk(node.target)):
                        self._add(node.iter, is_part)
                if isinstance(node, ast.Call) and _get_name(node.func) in ("append", "extend"):
                    if _get_name(node.func.value) == name.id:
                        self._add(node.args[0], is_part)
            self._add_arguments(owner, name.id, is_part)
        for value in self.constants[name.id]:
            self._add(value, is_part)

    def _add_arguments(self, function: ast.FunctionDef, name: str, is_part: bool) -> None:
        """Adds what calls give to a parameter that is part of a message."""
        names = [arg.arg for arg in function.args.posonlyargs + function.args.args]
        if names[:1] == ["self"]:
            names = names[1:]
        keywords = [arg.arg for arg in function.args.kwonlyargs]
        if name not in names + keywords:
            return
        for call in self.calls[function.name]:
            for given in call.args[names.index(name) :][:1] if name in names else ():
                self._add(given, is_part)
            for keyword in call.keywords:
                if keyword.arg == name:
                    self._add(keyword.value, is_part)

    def _add_call(self, call: ast.Call, is_part: bool) -> None:
        name = _get_name(call.func)
        if isinstance(call.func, ast.Attribute) and name in ("format", "lstrip", "strip"):
            self._add(call.func.value, is_part)
        elif name == "join" and call.args:
            self._add(call.args[0], is_part)
        elif name in ("sorted", "tuple", "list") and call.args:
            self._add(call.args[0], is_part)
        elif name not in ("say", "translate_line"):
            for function in self.functions[name]:
                for node in ast.walk(function):
                    if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value:
                        self._add(node.value, is_part)

    def _list_shapes(self, node: ast.expr) -> list[str]:
        """Lists the shapes of a text: one for each choice of the alternatives in it."""
        if isinstance(node, ast.Constant):  # its braces are doubled, or fields of ``format``
            choices = [[None if f else t] for t, f in _split_format(str(node.value))]
        else:
            choices = [_list_choices(term) for term in _list_terms(node)]
        lines = []
        for parts in itertools.islice(itertools.product(*choices), MAX_ALTERNATIVES):
            numbers = itertools.count()
            texts = (_double(p) if p is not None else f"{{{next(numbers)}}}" for p in parts)
            lines.append("".join(texts))
        return lines


def _list_parts(node: ast.AST) -> list[ast.AST]:
    """Lists the expressions one of which, or all, are in the value of another."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.List | ast.Tuple | ast.Starred):
        return list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Dict):
        return list(node.values)
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return [node.elt]
    return [node.value] if isinstance(node, ast.Subscript) else []


def _double(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _split_format(text: str) -> list[tuple[str, bool]]:
    """Splits a text for ``format`` into literals and fields."""
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError:
        return [(text, False)]
    if all(field is None for _, field, _, _ in parsed):
        return [(text, False)]
    return [
        part
        for literal, field, _, _ in parsed
        for part in [(literal, False), ("", True)][: 1 if field is None else 2]
    ]


def _is_sum(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add)
        and any(_is_text(n) or isinstance(n, ast.JoinedStr) for n in (node.left, node.right))
    )


def _list_terms(node: ast.AST) -> list[ast.AST]:
    """Lists the literals and values of which a text is made."""
    if _is_sum(node):
        return _list_terms(node.left) + _list_terms(node.right)
    if isinstance(node, ast.JoinedStr):
        return [v.value if isinstance(v, ast.FormattedValue) else v for v in node.values]
    return [node]


def _list_choices(node: ast.AST) -> list[str | None]:
    """Lists the texts between which a value chooses; None is a field."""
    if isinstance(node, ast.IfExp):
        return _list_choices(node.body) + _list_choices(node.orelse)
    return [str(node.value)] if _is_text(node) else [None]
