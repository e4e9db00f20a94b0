"""A script or a folder of them: reads, upgrades, writes."""

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

_LEFT_OUT = (".git", "__pycache__")


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
            if file.is_file() and not set(_LEFT_OUT) & set(file.relative_to(path).parts)
        )
    else:
        raise BadInputError(f"{path}: no such file or folder: name a script or its folder")
    if not files:
        raise BadInputError(f"{path}: no Python file in it: name a script or its folder")
    return {str(file.relative_to(root)): _read(file) for file in files}


def _read(file: pathlib.Path) -> Upgraded:
    try:
        return upgrade_source(file.read_bytes())
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read ({error.strerror}): mend its rights") from None


def write_folder(
    path: pathlib.Path, out: pathlib.Path, sources: dict[str, Upgraded], report: str
) -> None:
    """Writes the sources, a folder's other files, and UPGRADE.md, to a new folder ``out``."""
    with _written_whole(out) as unfinished:
        if path.is_dir():
            ignored = shutil.ignore_patterns(*_LEFT_OUT)
            shutil.copytree(path, unfinished, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(path, unfinished)
        for name, upgraded in sources.items():
            if upgraded.changes:
                target = unfinished / name
                mode = target.stat().st_mode
                target.unlink()  # it may be a link, or read-only
                target.write_bytes(upgraded.source)
                target.chmod(mode)
        (unfinished / "UPGRADE.md").write_text(report, encoding="utf-8")


def refuse_full(path: pathlib.Path, out: pathlib.Path) -> None:
    """Raises BadInputError where ``out`` holds something, or lies in the folder that is read."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise BadInputError(f"--out {out} is there and not empty: name a new folder")
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise BadInputError(f"--out {out} lies in {path}: name a folder outside")


@contextlib.contextmanager
def _written_whole(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """A temporary folder beside ``out``, which takes its place if the block succeeds."""
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{os.getpid()}.{out.name}")
    unfinished.mkdir()
    try:
        yield unfinished
        os.replace(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def left_behind(path: pathlib.Path, sources: dict[str, Upgraded]) -> list[str]:
    """Modules beside a single script that it imports, and that are not upgraded with it."""
    if path.is_dir():
        return []
    [upgraded] = sources.values()
    imported: set[str] = set()
    for node in ast.walk(ast.parse("" if upgraded.broken else upgraded.source)):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(str(node.module).partition(".")[0])
    beside = {file.stem for file in path.parent.glob("*.py")}
    beside |= {file.parent.name for file in path.parent.glob("*/__init__.py")}
    return sorted(imported & beside)
