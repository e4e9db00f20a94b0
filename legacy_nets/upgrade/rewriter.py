"""Writes imports, names and calls of that time as those of today, in a LibCST tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

import libcst as cst
from libcst.metadata import PositionProvider

from legacy_nets.runner.rewrite import METHODS
from legacy_nets.upgrade.survey import Statement, Survey, as_name, dotted, imported
from legacy_nets.upgrade.table import (
    APPROXIMATE,
    STAND_INS,
    TF,
    below,
    bind,
    gone_part,
    import_statements,
    today,
)

_NONE = cst.MaybeSentinel.DEFAULT
SWITCH = ("from legacy_nets.runner.behaviour import as_tf1", "as_tf1()")
RENAMED = {"tostring": "tobytes"}
_SMALL = "legacy_nets.runner.shims.functions"
_Statement = TypeVar("_Statement", bound=Statement)


class Change(NamedTuple):
    """A change of source; ``before`` is empty where a line was added."""

    line: int
    before: str
    after: str


class Note(NamedTuple):
    """A remark on a line."""

    line: int
    text: str


@dataclasses.dataclass
class Upgraded:
    """A source file as it is today.

    Attributes:
      source: the file.
      changes: what was changed, by line of the old file.
      approximate: what behaves somewhat otherwise, or could not be seen.
      names: names of TensorFlow that are used -> line of the first use. A key has several paths
        where the imports leave open which one it is.
      broken: line and message where this is no Python 3; then ``source`` is unchanged.
    """

    source: bytes
    changes: list[Change] = dataclasses.field(default_factory=list)
    approximate: list[Note] = dataclasses.field(default_factory=list)
    names: dict[tuple[str, ...], int] = dataclasses.field(default_factory=dict)
    broken: tuple[int, str] | None = None


def _small(text: str) -> cst.BaseSmallStatement:
    line = cst.parse_statement(text)
    assert isinstance(line, cst.SimpleStatementLine)
    return line.body[0]


def _code(node: cst.CSTNode) -> str:
    return " ".join(cst.Module([]).code_for_node(node).split()).rstrip(" ;")


class Rewriter(cst.CSTTransformer):
    """What was done is in ``done``, without its source."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self.survey = survey
        self.done = Upgraded(b"")
        self._added: list[str] = []
        self._ragged = False
        self._inner: set[cst.CSTNode] = set()  # a.b of a.b.c

    def _line(self, node: cst.CSTNode) -> int:
        return self.get_metadata(PositionProvider, node).start.line

    def _changed(self, node: cst.CSTNode, after: str, before: str | None = None) -> None:
        before = _code(node) if before is None else before
        self.done.changes.append(Change(self._line(node), before, after))

    def _note(self, node: cst.CSTNode, text: str) -> None:
        self.done.approximate.append(Note(self._line(node), text))

    def _note_approximate(self, node: cst.CSTNode, path: str) -> None:
        gone = gone_part(path)
        if gone in APPROXIMATE:
            self._note(node, f"{gone} {APPROXIMATE[gone]}")

    # Imports

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """Each statement that takes the place of a lone import has its own line."""
        node = self._with_imports(original_node, updated_node)
        if node is updated_node or len(original_node.body) > 1:
            return node
        lines = [
            cst.SimpleStatementLine([part.with_changes(semicolon=_NONE)]) for part in node.body
        ]
        lines[0] = lines[0].with_changes(leading_lines=node.leading_lines)
        place = len(SWITCH) if original_node in self.survey.switches else 0  # of the comment
        lines[place] = lines[place].with_changes(trailing_whitespace=node.trailing_whitespace)
        return cst.FlattenSentinel(lines)

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        """``if x: import tensorflow as tf`` stays one line."""
        return self._with_imports(original_node, updated_node)

    def _with_imports(self, original: Statement, updated: _Statement) -> _Statement:
        switch = original in self.survey.switches
        changed = False
        body: list[cst.BaseSmallStatement] = []
        for before, small in zip(original.body, updated.body, strict=True):
            stands_in: Sequence[cst.BaseSmallStatement] | None = None
            tensorflow = False
            if isinstance(before, (cst.Import, cst.ImportFrom)):
                stands_in = self._import(before)
                tensorflow = any(below(path, TF) for path, _ in imported(before))
            if stands_in is None:
                body.append(small)
                continue
            changed = True
            first = [_small(text) for text in SWITCH] if switch and tensorflow else []
            switch = switch and not first
            self._changed(before, "; ".join(_code(part) for part in [*first, *stands_in]))
            *others, last = [*first, *stands_in]
            body += [other.with_changes(semicolon=_NONE) for other in others]
            body.append(last.with_changes(semicolon=small.semicolon))
        return cast(_Statement, updated.with_changes(body=body)) if changed else updated

    def _import(self, node: cst.Import | cst.ImportFrom) -> Sequence[cst.BaseSmallStatement] | None:
        """What stands for an import; None where it may stay."""
        for path, _ in imported(node):
            if below(path, TF) and path != TF:
                self._use((path.removesuffix(".*"),), node)
            if path.endswith(".*") and below(path, TF):
                self._note(node, f"{_code(node)}: names that it brings are not counted")
            self._note_approximate(node, path)
        if isinstance(node, cst.Import):
            return self._plain_import(node)
        return self._from_import(node)

    def _plain_import(self, node: cst.Import) -> Sequence[cst.BaseSmallStatement] | None:
        statements: list[str] = []
        for path, name in imported(node):
            kept = f"import {path}" + (f" as {name}" if name else "")
            statements += import_statements(path, name) or [kept]
        same = all(gone_part(path) is None for path, _ in imported(node))
        return None if same else [_small(text) for text in dict.fromkeys(statements)]

    def _from_import(self, node: cst.ImportFrom) -> Sequence[cst.BaseSmallStatement] | None:
        module = dotted(node.module)
        paths = imported(node)
        if module is None or all(gone_part(path) is None for path, _ in paths):
            return None
        if gone_part(module) is not None:
            here = cst.parse_expression(".".join(filter(None, today(module))))
            return [node.with_changes(module=here)]
        assert not isinstance(node.names, cst.ImportStar)
        kept: list[cst.ImportAlias] = []
        moved: list[cst.BaseSmallStatement] = []
        for alias, (path, _) in zip(node.names, paths, strict=True):
            if gone_part(path) is None:
                kept.append(alias)
                continue
            name = as_name(alias) or dotted(alias.name) or ""
            moved += [_small(text) for text in bind(*today(path), name)]
        if not kept:
            return moved
        kept[-1] = kept[-1].with_changes(comma=node.names[-1].comma)
        return [node.with_changes(names=kept), *moved]

    # Names

    def visit_Attribute(self, node: cst.Attribute) -> None:
        """Notes the whole of a dotted name of TensorFlow."""
        self._inner.add(node.value)
        if node in self._inner or node in self.survey.targets:
            return
        paths = [path for path in self.survey.paths(node) if below(path, TF)]
        if paths:
            self._use(tuple(paths), node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        """``np.int`` and its like."""
        paths = [path for path in self.survey.paths(original_node) if path in STAND_INS]
        if not paths or original_node in self.survey.targets:
            return updated_node
        if self.survey.paths(original_node) != paths or len(paths) > 1:
            self._note(original_node, f"{_code(original_node)} may be another name: left as it is")
            return updated_node
        top: cst.BaseExpression = original_node
        while isinstance(top, cst.Attribute):
            top = top.value
        if gone_part(paths[0]) != paths[0] or any(gone_part(p) for p in self.survey.paths(top)):
            return updated_node  # what stands before it, or its import, is written anew
        self._note_approximate(original_node, paths[0])
        text = self._name_today(paths[0], original_node)
        self._changed(original_node, text)
        return cst.parse_expression(text).with_changes(
            lpar=updated_node.lpar, rpar=updated_node.rpar
        )

    def _name_today(self, path: str, node: cst.Attribute) -> str:
        """The expression that stands for a gone name; notes the import that it needs."""
        module, attributes = today(path)
        above = path.rpartition(".")[0]
        if below(module, above):
            if module != above:
                self._add(f"import {module}")
            return ".".join(filter(None, [_code(node.value) + module[len(above) :], attributes]))
        if module == "builtins":
            if self.survey.is_builtin(attributes, node):
                return attributes
            self._add("import builtins")
            return f"builtins.{attributes}"
        return self._imported_name(module, attributes)

    def _imported_name(self, module: str, attributes: str) -> str:
        """Imports a name at the top of the module; under another one where it is taken."""
        first, dot, rest = (attributes or module.rpartition(".")[2]).partition(".")
        name = f"legacy_{first}" if first in self.survey.names else first
        self._add(*bind(module, first if attributes else "", name))
        return name + dot + rest

    def _add(self, *statements: str) -> None:
        self._added += [text for text in statements if text not in self._added]

    def _use(self, paths: tuple[str, ...], node: cst.CSTNode) -> None:
        self.done.names.setdefault(paths, self._line(node))

    # Calls

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        """``array.tostring()`` and ``importlib.import_module("tensorflow.x")``."""
        called = original_node.func
        if isinstance(called, cst.Attribute) and called.attr.value in METHODS:
            return self._method(called, updated_node)
        paths = self.survey.paths(called)
        if paths == ["importlib.import_module"]:
            return self._import_module(original_node, updated_node)
        if paths in (["numpy.array"], ["numpy.asarray"]):
            self._note_ragged(original_node)
        return updated_node

    def _method(self, called: cst.Attribute, call: cst.Call) -> cst.Call:
        name = called.attr.value
        new = RENAMED.get(name)
        origins = self.survey.origins(called)
        if any(path.startswith(("xml.", "lxml.")) for path in origins):
            return call  # a function of that name
        if new is not None and not origins and name not in self.survey.functions:
            self._changed(called, f".{new}()", f".{name}()")
            return call.with_deep_changes(cst.ensure_type(call.func, cst.Attribute).attr, value=new)
        function = self._imported_name(_SMALL, name)
        self._changed(called, f"{function}(...)", f".{name}(...)")
        value = cst.ensure_type(call.func, cst.Attribute).value
        return call.with_changes(func=cst.Name(function), args=[cst.Arg(value), *call.args])

    def _note_ragged(self, call: cst.Call) -> None:
        """Says once in a file what NumPy asks of rows of different lengths."""
        computed = not isinstance(call.args[0].value, (cst.List, cst.Tuple)) if call.args else False
        if len(call.args) == 1 and computed and not self._ragged:
            self._ragged = True
            self._note(call, f"{_code(call.func)} of rows of different lengths needs dtype=object")

    def _import_module(self, original: cst.Call, call: cst.Call) -> cst.Call:
        literal = call.args[0].value if call.args else None
        if not isinstance(literal, cst.SimpleString):
            return call
        path = literal.evaluated_value
        if not isinstance(path, str) or gone_part(path) is None:
            return call
        new = repr(today(path)[0])
        self._changed(original, f"{_code(original.func)}({new})")
        return call.with_deep_changes(literal, value=new)

    # The module

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        """Adds the imports that names need, below the first one that is there."""
        if not self._added:
            return updated_node
        body = list(updated_node.body)
        place = _place_for_imports(body)
        body[place:place] = [cst.SimpleStatementLine([_small(text)]) for text in self._added]
        above = original_node.body[max(_place_for_imports(original_node.body) - 1, 0)]
        self.done.changes += [Change(self._line(above), "", text) for text in self._added]
        return updated_node.with_changes(body=body)


def _place_for_imports(body: Sequence[cst.CSTNode]) -> int:
    """Below the first import; else below those of ``__future__``, else below the docstring."""
    imports = [i for i, line in enumerate(body) if _imports(line)]
    for place in imports:
        if not _imports(body[place], "__future__"):
            return place + 1
    docstring = cst.Module(body[:1]).get_docstring()  # type: ignore[arg-type]
    return imports[-1] + 1 if imports else int(docstring is not None)


def _imports(line: cst.CSTNode, module: str | None = None) -> bool:
    """Whether a line is an import (SWITCH is none); of a certain module where one is given."""
    if not isinstance(line, cst.SimpleStatementLine):
        return False
    first = line.body[0]
    if isinstance(first, cst.ImportFrom) and (module or _code(first) == SWITCH[0]):
        return dotted(first.module) == module
    return isinstance(first, (cst.Import, cst.ImportFrom)) and module is None
