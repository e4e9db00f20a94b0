"""``legacy-nets book``: the part of the book on one net or document, as one file."""

from __future__ import annotations

import pathlib

import click

from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.options import FilePath, find_weights
from legacy_nets.errors import BadInputError
from legacy_nets.files import replace_on_success
from legacy_nets.language.lines import say
from legacy_nets.progress import show_status
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.sigterm import end_on_sigterm


@click.command()
@click.argument("selector", metavar="NET|DOC", shell_complete=complete_net)
@click.option(
    "--out", required=True, type=FilePath(path_type=pathlib.Path), help="Folder for the file."
)
@click.option("--checkpoint", help="Weights for feature maps and kernels.")
@click.option("--image", help="Image for feature maps and receptive fields.")
@end_on_sigterm()
def book(selector: str, out: pathlib.Path, checkpoint: str | None, image: str | None) -> None:
    """Write the part of the book on a net or document as one HTML file.

    \b
    legacy-nets book 001 --out pages
    legacy-nets book hand_signs --out pages --checkpoint run --image photo.jpg

    The file needs no other file and no network: it can be mailed, and opens in any browser.
    It has what each block is for, the graph, the layers linked to the lines that build them,
    the claims of the document and its errors.
    """
    if out.exists() and not out.is_dir():
        raise BadInputError(f"--out {out}: that is a file: name a folder")
    write_html(selector, out / f"{selector}.html", checkpoint, image)


def write_html(
    selector: str, path: pathlib.Path, checkpoint: str | None, image: str | None
) -> None:
    """Writes the page on a net or document to a file, and prints the file's name.

    Raises: BadInputError where the file is a folder, and as ``write_page``.
    """
    if path.is_dir():
        raise BadInputError(f"{path} is a folder: name a file")
    weights = find_weights(checkpoint)
    with show_status(f"building {selector}"):
        quiet_tensorflow()
        from legacy_nets.book.page import Own, write_page

    text = write_page(selector, Own(image, weights))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_on_success(path) as unfinished:
        unfinished.write_text(text, "utf-8")
    say(f"wrote {path}")
