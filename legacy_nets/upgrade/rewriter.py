"""Rewrites imports, names and calls for today's libraries, in a LibCST tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

import libcst as cst
from libcst.metadata import PositionProvider

from legacy_nets.runner.rewrite import METHODS
from legacy_nets.upgrade.arguments import rewrite_arguments
from legacy_nets.upgrade.survey import Statement, Survey, format_dotted, get_alias, list_imports
from legacy_nets.upgrade.table import (
    APPROXIMATE,
    RENAMED_METHODS,
    REPLACEMENTS,
    TF,
    find_removed,
    is_below,
    translate,
    translate_import,
    write_import,
)

_NONE = cst.MaybeSentinel.DEFAULT
SWITCH = ("from legacy_nets.runner.behaviour import enable_tf1_behavior", "enable_tf1_behavior()")
PROTOBUF = (
    "from legacy_nets.runner.protobuf import install as install_protobuf",
    "install_protobuf()",
)
RENAMED = {"tostring": "tobytes"}
_SHIM_FUNCTIONS = "legacy_nets.runner.shims.functions"
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
    """An upgraded source file.

    Attributes:
      source: the file.
      changes: the changes, by line of the old file.
      approximate: notes on code that behaves differently in places, or cannot be resolved.
      names: names of TensorFlow that are used -> line of the first use. A key has several paths
        where the imports leave open which one it is.
      broken: line and message if this is not Python 3; then ``source`` is unchanged.
    """

    source: bytes
    changes: list[Change] = dataclasses.field(default_factory=list)
    approximate: list[Note] = dataclasses.field(default_factory=list)
    names: dict[tuple[str, ...], int] = dataclasses.field(default_factory=dict)
    broken: tuple[int, str] | None = None


def _parse_statement(text: str) -> cst.BaseSmallStatement:
    line = cst.parse_statement(text)
    assert isinstance(line, cst.SimpleStatementLine)
    return line.body[0]


def _format_code(node: cst.CSTNode) -> str:
    return " ".join(cst.Module([]).code_for_node(node).split()).rstrip(" ;")


class Rewriter(cst.CSTTransformer):
    """Rewrites a module; ``done`` holds the record of changes, without the source."""

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

    def _record_change(self, node: cst.CSTNode, after: str, before: str | None = None) -> None:
        before = _format_code(node) if before is None else before
        self.done.changes.append(Change(self._line(node), before, after))

    def _add_note(self, node: cst.CSTNode, text: str) -> None:
        self.done.approximate.append(Note(self._line(node), text))

    def _note_approximate(self, node: cst.CSTNode, path: str) -> None:
        removed = find_removed(path)
        if removed in APPROXIMATE:
            self._add_note(node, f"{removed} {APPROXIMATE[removed]}")

    # Imports

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """Writes each statement that replaces a lone import on its own line."""
        node = self._rewrite_imports(original_node, updated_node)
        if node is updated_node or len(original_node.body) > 1:
            return node
        lines = [
            cst.SimpleStatementLine([part.with_changes(semicolon=_NONE)]) for part in node.body
        ]
        lines[0] = lines[0].with_changes(leading_lines=node.leading_lines)
        index = len(SWITCH) if original_node in self.survey.switches else 0  # of the comment
        lines[index] = lines[index].with_changes(trailing_whitespace=node.trailing_whitespace)
        return cst.FlattenSentinel(lines)

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        """``if x: import tensorflow as tf`` stays one line."""
        return self._rewrite_imports(original_node, updated_node)

    def _rewrite_imports(self, original: Statement, updated: _Statement) -> _Statement:
        switch = original in self.survey.switches
        changed = False
        body: list[cst.BaseSmallStatement] = []
        for before, small in zip(original.body, updated.body, strict=True):
            replacement: Sequence[cst.BaseSmallStatement] | None = None
            tensorflow = False
            if isinstance(before, (cst.Import, cst.ImportFrom)):
                replacement = self._rewrite_import(before)
                tensorflow = any(is_below(path, TF) for path, _ in list_imports(before))
            if replacement is None:
                body.append(small)
                continue
            changed = True
            first = [_parse_statement(text) for text in SWITCH] if switch and tensorflow else []
            switch = switch and not first
            self._record_change(
                before, "; ".join(_format_code(part) for part in [*first, *replacement])
            )
            *others, last = [*first, *replacement]
            body += [other.with_changes(semicolon=_NONE) for other in others]
            body.append(last.with_changes(semicolon=small.semicolon))
        return cast(_Statement, updated.with_changes(body=body)) if changed else updated

    def _rewrite_import(
        self, node: cst.Import | cst.ImportFrom
    ) -> Sequence[cst.BaseSmallStatement] | None:
        """Returns the replacement of an import; None where it may stay."""
        for path, _ in list_imports(node):
            if is_below(path, TF) and path != TF:
                self._record_use((path.removesuffix(".*"),), node)
            if path.endswith(".*") and is_below(path, TF):
                self._add_note(
                    node, f"{_format_code(node)}: the names that it imports are not counted"
                )
            self._note_approximate(node, path)
        if isinstance(node, cst.Import):
            return self._rewrite_plain_import(node)
        return self._rewrite_from_import(node)

    def _rewrite_plain_import(self, node: cst.Import) -> Sequence[cst.BaseSmallStatement] | None:
        statements: list[str] = []
        for path, name in list_imports(node):
            kept = f"import {path}" + (f" as {name}" if name else "")
            statements += translate_import(path, name) or [kept]
        same = all(find_removed(path) is None for path, _ in list_imports(node))
        return None if same else [_parse_statement(text) for text in dict.fromkeys(statements)]

    def _rewrite_from_import(self, node: cst.ImportFrom) -> Sequence[cst.BaseSmallStatement] | None:
        module = format_dotted(node.module)
        paths = list_imports(node)
        if module is None or all(find_removed(path) is None for path, _ in paths):
            return None
        if find_removed(module) is not None:
            new_module = cst.parse_expression(".".join(filter(None, translate(module))))
            return [node.with_changes(module=new_module)]
        assert not isinstance(node.names, cst.ImportStar)
        kept: list[cst.ImportAlias] = []
        moved: list[cst.BaseSmallStatement] = []
        for alias, (path, _) in zip(node.names, paths, strict=True):
            if find_removed(path) is None:
                kept.append(alias)
                continue
            name = get_alias(alias) or format_dotted(alias.name) or ""
            moved += [_parse_statement(text) for text in write_import(*translate(path), name)]
        if not kept:
            return moved
        kept[-1] = kept[-1].with_changes(comma=node.names[-1].comma)
        return [node.with_changes(names=kept), *moved]

    # Names

    def visit_Attribute(self, node: cst.Attribute) -> None:
        """Records a complete dotted name of TensorFlow."""
        self._inner.add(node.value)
        if node in self._inner or node in self.survey.targets:
            return
        paths = [path for path in self.survey.find_paths(node) if is_below(path, TF)]
        if paths:
            self._record_use(tuple(paths), node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        """Rewrites removed names such as ``np.int``."""
        paths = [path for path in self.survey.find_paths(original_node) if path in REPLACEMENTS]
        if not paths or original_node in self.survey.targets:
            return updated_node
        if self.survey.find_paths(original_node) != paths or len(paths) > 1:
            self._add_note(
                original_node, f"{_format_code(original_node)} may be another name: left unchanged"
            )
            return updated_node
        top: cst.BaseExpression = original_node
        while isinstance(top, cst.Attribute):
            top = top.value
        if find_removed(paths[0]) != paths[0] or any(
            find_removed(p) for p in self.survey.find_paths(top)
        ):
            return updated_node  # its prefix or its import is rewritten instead
        self._note_approximate(original_node, paths[0])
        text = self._translate_name(paths[0], original_node)
        self._record_change(original_node, text)
        return cst.parse_expression(text).with_changes(
            lpar=updated_node.lpar, rpar=updated_node.rpar
        )

    def _translate_name(self, path: str, node: cst.Attribute) -> str:
        """Returns the expression that replaces a removed name; adds the import that it needs."""
        module, attributes = translate(path)
        above = path.rpartition(".")[0]
        if is_below(module, above):
            if module != above:
                self._add(f"import {module}")
            return ".".join(
                filter(None, [_format_code(node.value) + module[len(above) :], attributes])
            )
        if module == "builtins":
            if self.survey.is_builtin(attributes, node):
                return attributes
            self._add("import builtins")
            return f"builtins.{attributes}"
        return self._import_name(module, attributes)

    def _import_name(self, module: str, attributes: str) -> str:
        """Imports a name at the top of the module; under another name where it is taken."""
        first, dot, rest = (attributes or module.rpartition(".")[2]).partition(".")
        name = f"legacy_{first}" if first in self.survey.names else first
        self._add(*write_import(module, first if attributes else "", name))
        return name + dot + rest

    def _add(self, *statements: str) -> None:
        self._added += [text for text in statements if text not in self._added]

    def _record_use(self, paths: tuple[str, ...], node: cst.CSTNode) -> None:
        self.done.names.setdefault(paths, self._line(node))

    # Calls

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        """Rewrites ``array.tostring()`` and ``importlib.import_module("tensorflow.x")``."""
        called = original_node.func
        if isinstance(called, cst.Attribute) and called.attr.value in METHODS:
            return self._rewrite_method(called, updated_node)
        if isinstance(called, cst.Attribute) and called.attr.value in RENAMED_METHODS:
            return self._rename_method(called, updated_node)
        if _is_generated_file(original_node) and "install_protobuf" not in self.survey.names:
            self._add(*PROTOBUF)
        paths = self.survey.find_paths(called)
        if paths == ["importlib.import_module"]:
            return self._rewrite_import_module(original_node, updated_node)
        if paths in (["numpy.array"], ["numpy.asarray"]):
            self._note_ragged(original_node)
        path = paths[0] if len(paths) == 1 else _format_code(called)
        call = rewrite_arguments(updated_node, path)
        if call is not updated_node:
            self._record_change(original_node, _format_code(call))
        return call

    def _rename_method(self, called: cst.Attribute, call: cst.Call) -> cst.Call:
        """Renames a method; a function of that name in an imported or in this module stays."""
        name = called.attr.value
        if self.survey.find_origins(called) or name in self.survey.functions:
            return call
        new = RENAMED_METHODS[name]
        self._record_change(called, f".{new}()", f".{name}()")
        return call.with_deep_changes(cst.ensure_type(call.func, cst.Attribute).attr, value=new)

    def _rewrite_method(self, called: cst.Attribute, call: cst.Call) -> cst.Call:
        name = called.attr.value
        new = RENAMED.get(name)
        origins = self.survey.find_origins(called)
        if any(path.startswith(("xml.", "lxml.")) for path in origins):
            return call  # a function of that name
        if new is not None and not origins and name not in self.survey.functions:
            self._record_change(called, f".{new}()", f".{name}()")
            return call.with_deep_changes(cst.ensure_type(call.func, cst.Attribute).attr, value=new)
        function = self._import_name(_SHIM_FUNCTIONS, name)
        self._record_change(called, f"{function}(...)", f".{name}(...)")
        value = cst.ensure_type(call.func, cst.Attribute).value
        return call.with_changes(func=cst.Name(function), args=[cst.Arg(value), *call.args])

    def _note_ragged(self, call: cst.Call) -> None:
        """Notes once in a file what NumPy demands of rows of different lengths."""
        computed = not isinstance(call.args[0].value, (cst.List, cst.Tuple)) if call.args else False
        if len(call.args) == 1 and computed and not self._ragged:
            self._ragged = True
            self._add_note(
                call, f"{_format_code(call.func)} of rows of different lengths needs dtype=object"
            )

    def _rewrite_import_module(self, original: cst.Call, call: cst.Call) -> cst.Call:
        literal = call.args[0].value if call.args else None
        if not isinstance(literal, cst.SimpleString):
            return call
        path = literal.evaluated_value
        if not isinstance(path, str) or find_removed(path) is None:
            return call
        new = repr(translate(path)[0])
        self._record_change(original, f"{_format_code(original.func)}({new})")
        return call.with_deep_changes(literal, value=new)

    # The module

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        """Adds the imports that names need, below the first existing one."""
        if not self._added:
            return updated_node
        body = list(updated_node.body)
        index = _find_import_position(body)
        body[index:index] = [
            cst.SimpleStatementLine([_parse_statement(text)]) for text in self._added
        ]
        above = original_node.body[max(_find_import_position(original_node.body) - 1, 0)]
        self.done.changes += [Change(self._line(above), "", text) for text in self._added]
        return updated_node.with_changes(body=body)


def _is_generated_file(call: cst.Call) -> bool:
    """Whether a call makes the FileDescriptor of a module that protoc 2 or 3 wrote."""
    keywords = {arg.keyword.value for arg in call.args if arg.keyword}
    return "serialized_pb" in keywords and _format_code(call.func).endswith("FileDescriptor")


def _find_import_position(body: Sequence[cst.CSTNode]) -> int:
    """Finds the index below the first import, else below ``__future__``, else the docstring."""
    imports = [i for i, line in enumerate(body) if _is_import(line)]
    for index in imports:
        if not _is_import(body[index], "__future__"):
            return index + 1
    docstring = cst.Module(body[:1]).get_docstring()  # type: ignore[arg-type]
    return imports[-1] + 1 if imports else int(docstring is not None)


def _is_import(line: cst.CSTNode, module: str | None = None) -> bool:
    """Whether a line is an import other than SWITCH; of ``module`` if it is given."""
    if not isinstance(line, cst.SimpleStatementLine):
        return False
    first = line.body[0]
    if isinstance(first, cst.ImportFrom) and (module or _format_code(first) == SWITCH[0]):
        return format_dotted(first.module) == module
    return isinstance(first, (cst.Import, cst.ImportFrom)) and module is None
