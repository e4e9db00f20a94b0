"""Runs scripts with ``legacy-nets run``, in processes of their own."""

import os
import pathlib
import subprocess
import sys
import textwrap

COMMAND = [sys.executable, "-m", "legacy_nets", "run"]
QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}


def write(folder: pathlib.Path, **sources: str) -> pathlib.Path:
    """Writes NAME.py files; returns the one called script."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        path = folder.joinpath(*name.split("__in__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    return folder / "script.py"


def run(*arguments, cwd=None, stdin=None, **environment):
    """Runs a script; a variable of the environment that is None is not set."""
    variables = {**QUIET, **environment}
    return subprocess.run(
        [*COMMAND, *(str(argument) for argument in arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        input=stdin,
        env={name: value for name, value in variables.items() if value is not None},
    )
