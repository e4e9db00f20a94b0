"""Runs docs/notebooks when the English site is built: readers get none that fails.

They are files to download, not pages: their text is that of the chapters. Where neither a notebook
nor the package has changed since it ran, it does not run again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

DOCS = Path(__file__).resolve().parents[1]
PACKAGE = DOCS.parent / "legacy_nets"
TIMEOUT = 120  # seconds for a cell


def run_notebook(path: Path) -> None:
    """Runs a notebook in a kernel of its own. Raises ExtensionError where a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=TIMEOUT, resources={"metadata": {"path": str(DOCS)}})
    try:
        client.execute()
    except CellExecutionError as error:
        raise ExtensionError(f"{path.name} fails: {error}") from error


def run_all(app: Sphinx) -> None:
    """Runs the notebooks that have changed, or all where the package has."""
    if app.builder.format != "html" or app.config.language != "en":
        return
    package = b"".join(path.read_bytes() for path in sorted(PACKAGE.rglob("*.[cp][sy]*")))
    done = DOCS / "_build" / "notebooks"
    done.mkdir(parents=True, exist_ok=True)
    for path in sorted((DOCS / "notebooks").glob("*.ipynb")):
        digest = hashlib.sha256(package + path.read_bytes()).hexdigest()
        mark = done / path.stem
        if not mark.is_file() or mark.read_text() != digest:
            run_notebook(path)
            mark.write_text(digest)


def setup(app: Sphinx) -> dict[str, bool]:
    """Runs the notebooks before pages are read."""
    app.connect("builder-inited", run_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
