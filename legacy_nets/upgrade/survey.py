"""What a module binds and uses: whose name is it, and which imports need the switch."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst
from libcst.metadata import BuiltinAssignment, QualifiedNameSource, Scope

from legacy_nets.upgrade.table import TF, TOPS, below

_WATCHED = TOPS | {"importlib"}
Statement = cst.SimpleStatementLine | cst.SimpleStatementSuite


def dotted(node: cst.CSTNode | None) -> str | None:
    """``a.b.c`` of names and attributes; None for any other expression."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        value = dotted(node.value)
        return value and f"{value}.{node.attr.value}"
    return None


def imported(node: cst.Import | cst.ImportFrom) -> list[tuple[str, str | None]]:
    """(path, name after "as") of each part of an absolute import; a star is path ``module.*``."""
    if isinstance(node, cst.Import):
        return [(dotted(alias.name) or "", as_name(alias)) for alias in node.names]
    module = dotted(node.module)
    if node.relative or module is None:
        return []
    if isinstance(node.names, cst.ImportStar):
        return [(f"{module}.*", None)]
    return [(f"{module}.{dotted(alias.name)}", as_name(alias)) for alias in node.names]


def as_name(alias: cst.ImportAlias) -> str | None:
    """The name after "as"."""
    return dotted(alias.asname.name) if alias.asname else None


class Survey(cst.CSTVisitor):
    """Read once before anything is written.

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
        self._bound = set(TOPS)  # names that paths of interest begin with
        self._aliases: dict[str, list[str]] = {}
        self._blocks: list[cst.CSTNode] = []
        self._in_blocks: dict[int, Statement] = {}
        self._statement: Statement | None = None
        self._at_top = False

    def paths(self, node: cst.CSTNode) -> list[str]:
        """Imported paths that an expression may be, sorted; of an alias, those it stands for."""
        text = dotted(node)
        scope = self.scopes.get(node)
        if text is None or scope is None or text.partition(".")[0] not in self._bound:
            return []
        found: set[str] = set()
        for qualified in scope.get_qualified_names_for(node):
            if qualified.source is QualifiedNameSource.IMPORT:
                found.add(qualified.name)
                continue
            for alias, paths in self._aliases.items():
                if below(qualified.name, alias):
                    found.update(path + qualified.name[len(alias) :] for path in paths)
        return sorted(found)

    def origins(self, node: cst.CSTNode) -> list[str]:
        """Paths of an expression that begins with an imported name; none for any other."""
        scope = self.scopes.get(node)
        names = scope.get_qualified_names_for(node) if scope and dotted(node) else ()
        return [name.name for name in names if name.source is QualifiedNameSource.IMPORT]

    def is_builtin(self, name: str, where: cst.CSTNode) -> bool:
        """Whether a name means Python's own there."""
        scope = self.scopes.get(where)
        return scope is not None and all(isinstance(a, BuiltinAssignment) for a in scope[name])

    # Blocks and statements

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        """Enters a block."""
        self._blocks.append(node)

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock) -> None:
        """Leaves it."""
        self._blocks.pop()

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:
        """Keeps the line that an import stands in."""
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
        paths = imported(node)
        for path, name in paths:
            if path.partition(".")[0] in _WATCHED:
                self._bound.add(name or path.rpartition(".")[2])
        if not any(below(path, TF) for path, _ in paths) or self._at_top:
            return
        assert self._statement is not None
        whole_line = isinstance(self._statement, cst.SimpleStatementLine)
        self._at_top = whole_line and not self._blocks
        block = id(self._blocks[-1] if whole_line and self._blocks else self._statement)
        if block not in self._in_blocks:
            self._in_blocks[block] = self._statement
            self.switches.add(self._statement)

    # Names

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        """Keeps its name."""
        self.functions.add(node.name.value)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        """``np.int = int`` is the script's own mending."""
        self.targets.add(node.target)

    def visit_Del(self, node: cst.Del) -> None:
        """Neither is a name that it deletes."""
        self.targets.add(node.target)

    def visit_Assign(self, node: cst.Assign) -> None:
        """``slim = tf.contrib.slim``: slim's names are TensorFlow's."""
        target = node.targets[0].target
        scope = self.scopes.get(target)
        if len(node.targets) > 1 or not isinstance(target, cst.Name) or scope is None:
            return
        paths = [path for path in self.paths(node.value) if below(path, TF)]
        if not paths or len(list(scope[target.value])) != 1:
            return
        for qualified in scope.get_qualified_names_for(target):
            if qualified.source is QualifiedNameSource.LOCAL:
                self._aliases[qualified.name] = paths
                self._bound.add(target.value)
