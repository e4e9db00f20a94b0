"""What an upgrade did, as JSON and as text that is Markdown, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from legacy_nets.upgrade.resolve import Resolved
from legacy_nets.upgrade.rewriter import Upgraded


def facts(
    path: str, sources: Mapping[str, Upgraded], resolved: Mapping[tuple[str, ...], Resolved]
) -> dict[str, Any]:
    """All that is known of an upgrade, ready for JSON."""
    missing = {found.name: found.reason for found in resolved.values() if found.reason}
    names = {found.name for found in resolved.values()}
    return {
        "path": path,
        "files": [_file(name, upgraded, resolved) for name, upgraded in sources.items()],
        "names": {
            "used": len(names),
            "resolved": len(names) - len(missing),
            "missing": dict(sorted(missing.items())),
        },
    }


def _file(
    name: str, upgraded: Upgraded, resolved: Mapping[tuple[str, ...], Resolved]
) -> dict[str, Any]:
    missing: dict[str, dict[str, Any]] = {}
    for paths, line in sorted(upgraded.names.items(), key=lambda item: item[1]):
        found = resolved[paths]
        if found.reason:
            row = {"line": line, "name": found.name, "reason": found.reason}
            missing.setdefault(found.name, row)
    broken = upgraded.broken
    return {
        "file": name,
        "changes": [change._asdict() for change in upgraded.changes],
        "approximate": [note._asdict() for note in upgraded.approximate],
        "not_offered": list(missing.values()),
        "not_python_3": {"line": broken[0], "message": broken[1]} if broken else None,
    }


def all_well(found: Mapping[str, Any]) -> bool:
    """Whether every file is Python 3, and every name resolves."""
    return not found["names"]["missing"] and not any(f["not_python_3"] for f in found["files"])


def as_text(found: Mapping[str, Any]) -> str:
    """The report that people read; it ends with what share of names resolves."""
    lines = [f"# Upgrade of {found['path']}", ""]
    for file in found["files"]:
        rows = _rows(file)
        if rows:
            lines += [f"## {file['file']}", "", *rows, ""]
    files, names = found["files"], found["names"]
    changed = sum(bool(file["changes"]) for file in files)
    broken = sum(bool(file["not_python_3"]) for file in files)
    lines.append(f"files: {len(files)} read, {changed} changed, {broken} not Python 3")
    share = 100 * names["resolved"] / names["used"] if names["used"] else 100
    lines.append(f"names: {names['resolved']} of {names['used']} resolve ({share:.1f} %)")
    return "\n".join(lines) + "\n"


def _rows(file: Mapping[str, Any]) -> list[str]:
    rows = [_change(**change) for change in file["changes"]]
    rows += [f"- line {note['line']}, approximate: {note['text']}" for note in file["approximate"]]
    rows += [
        f"- line {row['line']}, not offered: `{row['name']}`: {row['reason']}"
        for row in file["not_offered"]
    ]
    if file["not_python_3"]:
        rows.append(
            f"- line {file['not_python_3']['line']}, not Python 3 "
            f"({file['not_python_3']['message']}), copied as it is: carry it over with 2to3 "
            "(pip install 2to3), then upgrade again"
        )
    return rows


def _change(line: int, before: str, after: str) -> str:
    if not before:
        return f"- below line {line}: `{after}` added"
    return f"- line {line}: `{before}` -> `{after}`"
