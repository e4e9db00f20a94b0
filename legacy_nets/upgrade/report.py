"""The report of an upgrade, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from legacy_nets.upgrade.resolve import Resolved
from legacy_nets.upgrade.rewriter import Upgraded


class ChangeRow(TypedDict):
    """A change of source; ``before`` is empty where a line was added."""

    line: int
    before: str
    after: str


class NoteRow(TypedDict):
    """A remark on code that behaves differently in places, or cannot be resolved."""

    line: int
    text: str


class NotOffered(TypedDict):
    """A name that TensorFlow 1 had and ``legacy_nets.tf1`` does not offer."""

    line: int  # of its first use
    name: str
    reason: str


class NotPython3(TypedDict):
    """Why a file is not Python 3."""

    line: int
    message: str


class FileReport(TypedDict):
    """What an upgrade did in one file."""

    file: str  # relative path
    changes: list[ChangeRow]
    approximate: list[NoteRow]
    not_offered: list[NotOffered]
    not_python_3: NotPython3 | None


class NamesReport(TypedDict):
    """The names of TensorFlow that the files use."""

    used: int
    resolved: int
    missing: dict[str, str]  # name -> why it does not resolve


class UpgradeReport(TypedDict):
    """The report of an upgrade, ready for JSON."""

    path: str  # as the user named it
    files: list[FileReport]
    names: NamesReport


def build_report(
    path: str, sources: Mapping[str, Upgraded], resolved: Mapping[tuple[str, ...], Resolved]
) -> UpgradeReport:
    """Builds the report of an upgrade.

    Args:
      path: what was upgraded, as the user named it.
      sources: the upgraded files, by relative path.
      resolved: each used name of TensorFlow, looked up in ``legacy_nets.tf1``.
    """
    missing = {name.name: name.reason for name in resolved.values() if name.reason}
    names = {name.name for name in resolved.values()}
    return {
        "path": path,
        "files": [_report_file(name, upgraded, resolved) for name, upgraded in sources.items()],
        "names": {
            "used": len(names),
            "resolved": len(names) - len(missing),
            "missing": dict(sorted(missing.items())),
        },
    }


def _report_file(
    name: str, upgraded: Upgraded, resolved: Mapping[tuple[str, ...], Resolved]
) -> FileReport:
    missing: dict[str, NotOffered] = {}
    for paths, line in sorted(upgraded.names.items(), key=lambda item: item[1]):
        name_of_tf1 = resolved[paths]
        if name_of_tf1.reason:
            row = NotOffered(line=line, name=name_of_tf1.name, reason=name_of_tf1.reason)
            missing.setdefault(name_of_tf1.name, row)
    broken = upgraded.broken
    return {
        "file": name,
        "changes": [
            {"line": change.line, "before": change.before, "after": change.after}
            for change in upgraded.changes
        ],
        "approximate": [{"line": note.line, "text": note.text} for note in upgraded.approximate],
        "not_offered": list(missing.values()),
        "not_python_3": {"line": broken[0], "message": broken[1]} if broken else None,
    }


def is_complete(report: UpgradeReport) -> bool:
    """Whether every file is Python 3, and every name resolves."""
    return not report["names"]["missing"] and not any(f["not_python_3"] for f in report["files"])


def format_report(report: UpgradeReport) -> str:
    """Formats a report as Markdown; it ends with the share of names that resolve."""
    lines = [f"# Upgrade of {report['path']}", ""]
    for file in report["files"]:
        rows = _format_file(file)
        if rows:
            lines += [f"## {file['file']}", "", *rows, ""]
    files, names = report["files"], report["names"]
    changed = sum(bool(file["changes"]) for file in files)
    broken = sum(bool(file["not_python_3"]) for file in files)
    lines.append(f"files: {len(files)} read, {changed} changed, {broken} not Python 3")
    share = 100 * names["resolved"] / names["used"] if names["used"] else 100
    lines.append(f"names: {names['resolved']} of {names['used']} resolve ({share:.1f} %)")
    return "\n".join(lines) + "\n"


def _format_file(file: FileReport) -> list[str]:
    rows = [_format_change(**change) for change in file["changes"]]
    rows += [f"- line {note['line']}, approximate: {note['text']}" for note in file["approximate"]]
    rows += [
        f"- line {row['line']}, not offered: `{row['name']}`: {row['reason']}"
        for row in file["not_offered"]
    ]
    if file["not_python_3"]:
        rows.append(
            f"- line {file['not_python_3']['line']}, not Python 3 "
            f"({file['not_python_3']['message']}), copied unchanged: convert it with "
            "2to3 (pip install 2to3), then upgrade again"
        )
    return rows


def _format_change(line: int, before: str, after: str) -> str:
    if not before:
        return f"- below line {line}: `{after}` added"
    return f"- line {line}: `{before}` -> `{after}`"
