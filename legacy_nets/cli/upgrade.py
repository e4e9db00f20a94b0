"""``legacy-nets upgrade``: TensorFlow 1 scripts as source that plain ``python`` runs."""

from __future__ import annotations

import json
import pathlib

import click

from legacy_nets.errors import BadInputError, SetupError
from legacy_nets.quiet import quiet_tensorflow


@click.command()
@click.argument("path", type=click.Path(path_type=pathlib.Path))
@click.option("--out", type=click.Path(path_type=pathlib.Path), help="New folder to write.")
@click.option("--check", is_flag=True, help="Only report; exit code 1 where a name is missing.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.pass_context
def upgrade(
    context: click.Context, path: pathlib.Path, out: pathlib.Path | None, check: bool, as_json: bool
) -> None:
    """Write PATH (a script, or a folder of them) as source that plain python runs.

    What was changed, what is only approximate and what is not offered is printed, and written to
    UPGRADE.md in the new folder. legacy-nets must be installed where the new source runs.

    \b
    legacy-nets upgrade project --check                what share of its names there is
    legacy-nets upgrade project --out project_today    then: python project_today/train.py
    """
    try:
        from legacy_nets.upgrade import folder
    except ModuleNotFoundError as error:
        if error.name != "libcst":
            raise
        raise SetupError(
            "upgrade needs the package libcst: pip install 'legacy-nets[upgrade]'"
        ) from None

    if (out is None) != check:
        raise BadInputError("upgrade needs either --out DIR, or --check, which writes nothing")
    if out is not None:
        folder.refuse_full(path, out)
    sources = folder.read_sources(path)
    names = {paths for upgraded in sources.values() for paths in upgraded.names}
    quiet_tensorflow()
    from legacy_nets.upgrade import (
        report,  # now TensorFlow is imported
        resolve,
    )

    found = report.facts(str(path), sources, resolve.resolve(sorted(names)))
    text = report.as_text(found)
    if out is not None:
        folder.write_folder(path, out, sources, text)
    click.echo(json.dumps(found, indent=1) if as_json else text, nl=as_json)
    for module in folder.left_behind(path, sources):
        click.echo(f"legacy-nets: {module}, which {path} imports, is not upgraded", err=True)
    if check and not report.all_well(found):
        context.exit(1)
