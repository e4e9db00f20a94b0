"""Surveys a module: which names come from which import, and which imports need the switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import libcst as cst
from libcst.metadata import BuiltinAssignment, QualifiedNameSource, Scope

from legacy_nets.upgrade.table import TF, TOP_MODULES, is_below

_WATCHED = TOP_MODULES | {"importlib"}
Statement: TypeAlias = "cst.SimpleStatementLine | cst.SimpleStatementSuite"


def format_dotted(node: cst.CSTNode | None) -> str | None:
    """Formats names and attributes as ``a.b.c``; returns None for any other expression."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        value = format_dotted(node.value)
        return value and f"{value}.{node.attr.value}"
    return None


def list_imports(node: cst.Import | cst.ImportFrom) -> list[tuple[str, str | None]]:
    """Lists (path, name after "as") of each part of an absolute import; a star is ``module.*``."""
    if isinstance(node, cst.Import):
        return [(format_dotted(alias.name) or "", get_alias(alias)) for alias in node.names]
    module = format_dotted(node.module)
    if node.relative or module is None:
        return []
    if isinstance(node.names, cst.ImportStar):
        return [(f"{module}.*", None)]
    return [(f"{module}.{format_dotted(alias.name)}", get_alias(alias)) for alias in node.names]


def get_alias(alias: cst.ImportAlias) -> str | None:
    """Returns the name after "as", or None."""
    return format_dotted(alias.asname.name) if alias.asname else None


class Survey(cst.CSTVisitor):
    """What a first pass over the module collects, before anything is rewritten.

    Attributes:
      switches: statements before whose import of TensorFlow the behaviour of 1.15 is set.
      functions: names of the functions and methods that the module defines.
      targets: attributes that are assigned to or deleted, which are never rewritten.
    """

    def __init__(self, scopes: Mapping[cst.CSTNode, Scope | None]) -> None:
        self.scopes = scopes
        self.switches: set[Statement] = set()
        self.functions: set[str] = set()
        self.targets: set[cst.CSTNode] = set()
        self.names = {a.name for s in set(scopes.values()) if s for a in s.assignments}
        self._bound = set(TOP_MODULES)  # names that paths of interest begin with
        self._aliases: dict[str, list[str]] = {}
        self._blocks: list[cst.CSTNode] = []
        self._in_blocks: dict[int, Statement] = {}
        self._statement: Statement | None = None
        self._at_top = False

    def find_paths(self, node: cst.CSTNode) -> list[str]:
        """Finds the imported paths that an expression may mean, sorted; aliases are followed."""
        text = format_dotted(node)
        scope = self.scopes.get(node)
        if text is None or scope is None or text.partition(".")[0] not in self._bound:
            return []
        paths: set[str] = set()
        for qualified in scope.get_qualified_names_for(node):
            if qualified.source is QualifiedNameSource.IMPORT:
                paths.add(qualified.name)
                continue
            for alias, targets in self._aliases.items():
                if is_below(qualified.name, alias):
                    paths.update(path + qualified.name[len(alias) :] for path in targets)
        return sorted(paths)

    def find_origins(self, node: cst.CSTNode) -> list[str]:
        """Finds the paths of an expression that begins with an imported name, else none."""
        scope = self.scopes.get(node)
        names = scope.get_qualified_names_for(node) if scope and format_dotted(node) else ()
        return [name.name for name in names if name.source is QualifiedNameSource.IMPORT]

    def is_builtin(self, name: str, node: cst.CSTNode) -> bool:
        """Whether a name means Python's builtin at a node."""
        scope = self.scopes.get(node)
        return scope is not None and all(isinstance(a, BuiltinAssignment) for a in scope[name])

    # Blocks and statements

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        """Enters a block."""
        self._blocks.append(node)

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock) -> None:
        """Leaves it."""
        self._blocks.pop()

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:
        """Keeps the line that holds an import."""
        self._statement = node

    def visit_SimpleStatementSuite(self, node: cst.SimpleStatementSuite) -> None:
        """Keeps what follows a colon on its line."""
        self._statement = node

    def visit_Import(self, node: cst.Import) -> None:
        """Finds where the switch belongs."""
        self._note_import(node)

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        """Finds where the switch belongs."""
        self._note_import(node)

    def _note_import(self, node: cst.Import | cst.ImportFrom) -> None:
        paths = list_imports(node)
        for path, name in paths:
            if path.partition(".")[0] in _WATCHED:
                self._bound.add(name or path.rpartition(".")[2])
        if not any(is_below(path, TF) for path, _ in paths) or self._at_top:
            return
        assert self._statement is not None
        is_line = isinstance(self._statement, cst.SimpleStatementLine)
        self._at_top = is_line and not self._blocks
        block = id(self._blocks[-1] if is_line and self._blocks else self._statement)
        if block not in self._in_blocks:
            self._in_blocks[block] = self._statement
            self.switches.add(self._statement)

    # Names

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        """Keeps its name."""
        self.functions.add(node.name.value)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        """Keeps targets: ``np.int = int`` is the script's own fix."""
        self.targets.add(node.target)

    def visit_Del(self, node: cst.Del) -> None:
        """Keeps names that are deleted."""
        self.targets.add(node.target)

    def visit_Assign(self, node: cst.Assign) -> None:
        """Keeps aliases: after ``slim = tf.contrib.slim``, slim's names are TensorFlow's."""
        target = node.targets[0].target
        scope = self.scopes.get(target)
        if len(node.targets) > 1 or not isinstance(target, cst.Name) or scope is None:
            return
        paths = [path for path in self.find_paths(node.value) if is_below(path, TF)]
        if not paths or len(list(scope[target.value])) != 1:
            return
        for qualified in scope.get_qualified_names_for(target):
            if qualified.source is QualifiedNameSource.LOCAL:
                self._aliases[qualified.name] = paths
                self._bound.add(target.value)
