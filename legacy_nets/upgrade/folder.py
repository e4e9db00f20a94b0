"""Reads, upgrades and writes a script or a folder of scripts."""

from __future__ import annotations

import ast
import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

from legacy_nets.errors import BadInputError
from legacy_nets.upgrade.rewriter import Upgraded
from legacy_nets.upgrade.source import upgrade_source

_IGNORED = (".git", "__pycache__")


def read_sources(path: pathlib.Path) -> dict[str, Upgraded]:
    """Upgrades a script, or all ``*.py`` below a folder, in memory; keys are relative paths.

    Raises BadInputError where there is no such path, or no script in it.
    """
    if path.is_file():
        files = [path]
        root = path.parent
    elif path.is_dir():
        root = path
        files = sorted(
            file
            for file in path.rglob("*.py")
            if file.is_file() and not set(_IGNORED) & set(file.relative_to(path).parts)
        )
    else:
        raise BadInputError(f"{path}: no such file or folder: name a script or its folder")
    if not files:
        raise BadInputError(f"{path} holds no Python file: name a script or its folder")
    return {str(file.relative_to(root)): _read(file) for file in files}


def _read(file: pathlib.Path) -> Upgraded:
    try:
        return upgrade_source(file.read_bytes())
    except OSError as error:
        raise BadInputError(
            f"{file}: cannot be read ({error.strerror}): check its permissions"
        ) from None


def write_folder(
    path: pathlib.Path, out: pathlib.Path, sources: dict[str, Upgraded], report: str
) -> None:
    """Writes the sources, a folder's other files, and UPGRADE.md, to a new folder ``out``."""
    with _publish(out) as staging:
        if path.is_dir():
            ignored = shutil.ignore_patterns(*_IGNORED)
            shutil.copytree(path, staging, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(path, staging)
        for name, upgraded in sources.items():
            if upgraded.changes:
                target = staging / name
                mode = target.stat().st_mode
                target.unlink()  # it may be a link, or read-only
                target.write_bytes(upgraded.source)
                target.chmod(mode)
        (staging / "UPGRADE.md").write_text(report, encoding="utf-8")


def check_destination(path: pathlib.Path, out: pathlib.Path) -> None:
    """Raises BadInputError where ``out`` is not empty, or is inside the folder that is read."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise BadInputError(f"--out {out} exists and is not empty: name a new folder")
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise BadInputError(f"--out {out} is inside {path}: name a folder outside")


@contextlib.contextmanager
def _publish(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a staging folder next to ``out``, and renames it to ``out`` if the block succeeds."""
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = out.with_name(f".{os.getpid()}.{out.name}")
    staging.mkdir()
    try:
        yield staging
        os.replace(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def find_local_imports(path: pathlib.Path, sources: dict[str, Upgraded]) -> list[str]:
    """Finds the modules next to a single script that it imports: they are not upgraded with it."""
    if path.is_dir():
        return []
    [upgraded] = sources.values()
    imported: set[str] = set()
    for node in ast.walk(ast.parse("" if upgraded.broken else upgraded.source)):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(str(node.module).partition(".")[0])
    local = {file.stem for file in path.parent.glob("*.py")}
    local |= {file.parent.name for file in path.parent.glob("*/__init__.py")}
    return sorted(imported & local)
