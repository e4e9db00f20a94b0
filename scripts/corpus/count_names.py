"""Counts the names of TensorFlow that public code uses, and those that do not resolve.

    python scripts/corpus/count_names.py --checkouts FOLDER --oracle PYTHON --ours LEGACY-NETS

FOLDER holds a checkout per repository. Its Python files are read, not run: each ``tf.x.y`` is a
name, through ``import … as`` and ``from … import``, where ``tensorflow`` is what was imported.
A name counts once per repository. 1.15.5 (PYTHON) says which names it has; of these,
``legacy-nets run`` says which it resolves. The share of the others, weighed by repositories, is
printed, and each of them with its message.
"""

from __future__ import annotations

import argparse
import ast
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

# Resolves each name of a JSON file as far as modules and classes go; also under Python 3.7.
RESOLVE = """
import importlib, inspect, json, sys, types
def resolve(name):
    parts = name.split(".")
    value = importlib.import_module("tensorflow")
    for place, part in enumerate(parts[1:], 2):
        try:
            value = getattr(value, part)
        except AttributeError as error:
            try:
                value = importlib.import_module(".".join(parts[:place]))
            except ImportError as other:
                return "%s: %s" % (type(error).__name__, error)
        if not isinstance(value, types.ModuleType) and not hasattr(value, "__path__"):
            if inspect.isclass(value) and place < len(parts):
                return "" if hasattr(value, parts[place]) else "class without " + parts[place]
            return ""
    return ""
names = json.load(open(sys.argv[1]))
answers = {}
for name in names:
    try:
        answers[name] = resolve(name)
    except Exception as error:
        answers[name] = "%s: %s" % (type(error).__name__, error)
json.dump(answers, open(sys.argv[2], "w"))
"""


class Names(ast.NodeVisitor):
    """The names of TensorFlow in one file, in full: ``tensorflow.nn.relu``."""

    def __init__(self) -> None:
        self.aliases: dict[str, str] = {}
        self.names: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:  # noqa: D102
        for alias in node.names:
            if alias.name.split(".")[0] == "tensorflow":
                self.names.add(alias.name)
                self.aliases[alias.asname or "tensorflow"] = (
                    alias.name if alias.asname else "tensorflow"
                )

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:  # noqa: D102
        if node.level == 0 and (node.module or "").split(".")[0] == "tensorflow":
            for alias in node.names:
                if alias.name != "*":
                    self.names.add(f"{node.module}.{alias.name}")
                    self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def visit_Assign(self, node: ast.Assign) -> None:  # noqa: D102
        name = self.read_chain(node.value)
        if name and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.aliases[node.targets[0].id] = name  # slim = tf.contrib.slim
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:  # noqa: D102
        name = self.read_chain(node)
        if name:
            self.names.add(name)
        else:
            self.generic_visit(node)

    def read_chain(self, node: ast.expr) -> str | None:
        """The full name of ``a.b.c`` where ``a`` stands for something of TensorFlow."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not parts or not isinstance(node, ast.Name) or node.id not in self.aliases:
            return None
        return ".".join([self.aliases[node.id], *reversed(parts)])


def collect_names(checkouts: pathlib.Path) -> dict[str, set[str]]:
    """Each name that a Python file below the folder uses, with its repositories."""
    repositories: dict[str, set[str]] = {}
    for checkout in sorted(path for path in checkouts.iterdir() if path.is_dir()):
        for path in sorted(checkout.rglob("*.py")):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    tree = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError, OSError):
                continue  # Python 2, or no file
            visitor = Names()
            visitor.visit(tree)
            for name in visitor.names:
                repositories.setdefault(name, set()).add(checkout.name)
    return repositories


def ask(command: list[str], names: list[str]) -> dict[str, str]:
    """What an interpreter says of each name: nothing where it resolves, else its message."""
    with tempfile.TemporaryDirectory() as folder:
        script, given, answers = (pathlib.Path(folder, name) for name in ("ask.py", "in", "out"))
        script.write_text(RESOLVE, encoding="utf-8")
        given.write_text(json.dumps(names), encoding="utf-8")
        subprocess.run([*command, str(script), str(given), str(answers)], check=True)
        return dict(json.loads(answers.read_text(encoding="utf-8")))


def main() -> None:
    """Prints the names that do not resolve, and their share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkouts", type=pathlib.Path, required=True)
    parser.add_argument("--oracle", required=True, help="Python with TensorFlow 1.15.5")
    parser.add_argument("--ours", required=True, help="the command legacy-nets")
    options = parser.parse_args()
    repositories = collect_names(options.checkouts)
    theirs = ask([options.oracle], sorted(repositories))
    names = sorted(name for name, message in theirs.items() if not message)
    ours = ask([*options.ours.split(), "run"], names)
    missing = [name for name in names if ours[name]]
    uses = sum(len(repositories[name]) for name in names)
    lost = sum(len(repositories[name]) for name in missing)
    for name in sorted(missing, key=lambda name: (-len(repositories[name]), name)):
        print(f"{len(repositories[name]):3d} {name}: {ours[name]}")
    print(
        f"{len(names)} names of 1.15.5, {uses} uses by repositories;"
        f" not resolved: {len(missing)} names, {lost} uses, {lost / uses:.3%}"
    )


if __name__ == "__main__":
    sys.exit(main())
