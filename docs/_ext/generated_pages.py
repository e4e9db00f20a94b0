"""Writes the pages that code determines: one for each net, one for each package of the API.

They are sources like any other page (``docs/nets/NET.md``, ``docs/api/PACKAGE.md``), are written
before Sphinx looks for pages, and are not kept in the repository.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

from legacy_nets import registry

DOCS = Path(__file__).resolve().parents[1]
PACKAGE = DOCS.parent / "legacy_nets"
# Packages that are described elsewhere: the page of the commands, TensorFlow 1's own names, and
# files that are copied beside the PyTorch weights that port writes.
NOT_IN_API = ("legacy_nets.cli", "legacy_nets.tf1", "legacy_nets.port.formats.torch.modules")
_MARKUP, _ESCAPED = re.compile(r"[*\[\]<|]"), r"\\\g<0>"
NAMESPACE_PAGE = """\
# legacy_nets.tf1

The names of TensorFlow 1.15: `from legacy_nets import tf1 as tf`. Functions have the arguments that
TensorFlow 1.15 documents. This page lists what is written here, because today's TensorFlow lacks
it; all else is `tensorflow.compat.v1`."""
NET_PAGE = """\
---
html_theme.sidebar_secondary.remove: true  # the table of the layers is wide
---

# {name}

```{{net}} {name}
```

The net is one of [document {number} ({title})](../documents/{number}.md).

## Graph

```{{graph}} {name}
```

## Layers

```{{layers}} {name}
:source:
```

## What the document states

```{{facts}} {name}
```

## Errors of the document that concern the net

```{{errata}} {name}
```
"""


def write_net(net: registry.Net) -> str:
    """Writes the page of a net."""
    title = registry.get_document(net.document).short_title
    return NET_PAGE.format(name=net.name, number=net.document, title=title)


def list_packages() -> Iterator[tuple[str, list[str]]]:
    """Lists the packages of the API and the modules of each."""
    for folder in sorted({path.parent for path in PACKAGE.rglob("*.py")}):
        package = ".".join(folder.relative_to(PACKAGE.parent).parts)
        if package.startswith(NOT_IN_API):
            continue
        modules = [f"{package}.{path.stem}" for path in sorted(folder.glob("*.py"))]
        yield (
            package,
            [name.removesuffix(".__init__") for name in modules if "__main__" not in name],
        )


def write_package(package: str, modules: list[str]) -> str:
    """Writes the page of a package: the docstrings of its modules, functions and classes."""
    parts = [f"# {package}\n"]
    for module in modules:
        title = "" if module == package else f"## {module.removeprefix(package + '.')}\n\n"
        options = "   :members:\n   :ignore-module-all:\n"
        parts.append(f"{title}```{{eval-rst}}\n.. automodule:: {module}\n{options}```\n")
    return "\n".join(parts)


def write_namespace() -> str:
    """Writes the page of ``legacy_nets.tf1``: what its modules define themselves."""
    parts = [NAMESPACE_PAGE]
    folder = PACKAGE / "tf1"
    for path in sorted(folder.rglob("*.py")):
        lines = [
            f"- `{node.name}`: {_summarize(node)}"
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
        ]
        if lines:
            name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            parts += [f"## {name.removesuffix('.__init__')}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _summarize(node: ast.FunctionDef | ast.ClassDef) -> str:
    """Gives the first line of a docstring as Markdown."""
    docstring = ast.get_docstring(node) or ""
    return _MARKUP.sub(_ESCAPED, docstring.partition("\n")[0])


def write_if_new(path: Path, text: str) -> None:
    """Writes a page unless it is the same: Sphinx reads what has changed."""
    if not path.is_file() or path.read_text("utf-8") != text:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_pages(app: Sphinx) -> None:
    """Writes every generated page, and removes those of nets and packages that are gone."""
    pages = {
        DOCS / "nets" / f"{name}.md": write_net(registry.get_net(name))
        for name in registry.list_nets()
    }
    pages |= {
        DOCS / "api" / f"{package}.md": write_package(package, modules)
        for package, modules in list_packages()
    }
    pages[DOCS / "api" / "legacy_nets.tf1.md"] = write_namespace()
    for path, text in pages.items():
        write_if_new(path, text)
    for folder in ("nets", "api"):
        for path in (DOCS / folder).glob("*.md"):
            if path not in pages and path.stem != "index":
                path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Writes the pages before Sphinx looks for sources."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
