"""``legacy-nets upgrade``: rewrites TensorFlow 1 scripts as source that plain ``python`` runs."""

from __future__ import annotations

import json
import pathlib

import click

from legacy_nets.errors import BadInputError, SetupError
from legacy_nets.language.lines import say
from legacy_nets.quiet import quiet_tensorflow


@click.command()
@click.argument("path", type=click.Path(path_type=pathlib.Path))
@click.option("--out", type=click.Path(path_type=pathlib.Path), help="New folder to write to.")
@click.option("--check", is_flag=True, help="Only report; exit code 1 if a name is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def upgrade(
    context: click.Context, path: pathlib.Path, out: pathlib.Path | None, check: bool, as_json: bool
) -> None:
    """Rewrite PATH (a script, or a folder of scripts) as source that plain python runs.

    The report lists changes, approximate replacements and names that are not offered. It is
    printed, and written to UPGRADE.md in the new folder. The new source needs legacy-nets.

    \b
    legacy-nets upgrade project --check                how many of its names are offered
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
        folder.check_destination(path, out)
    sources = folder.read_sources(path)
    names = {paths for upgraded in sources.values() for paths in upgraded.names}
    quiet_tensorflow()
    from legacy_nets.upgrade import report, resolve  # they need TensorFlow

    built = report.build_report(str(path), sources, resolve.resolve(sorted(names)))
    text = report.format_report(built)
    if out is not None:
        folder.write_folder(path, out, sources, text)
    click.echo(json.dumps(built, indent=1) if as_json else text, nl=as_json)
    for module in folder.find_local_imports(path, sources):
        say(
            f"legacy-nets: {module}, which {path} imports, is not upgraded; upgrade its folder",
            err=True,
        )
    if check and not report.is_complete(built):
        context.exit(1)
