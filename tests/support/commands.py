"""Runs commands of ``legacy-nets`` in this process, with the tiny nets in the registry."""

import pathlib

import small_signs
import tiny
from click.testing import CliRunner

from legacy_nets.cli import main

SHORT = ("--steps", "4", "--batch-size", "8", "--save-every", "2", "--evaluate-every", "2")


def call(*arguments, stdin=None):
    undo = tiny.register()
    try:
        return CliRunner().invoke(
            main,
            [str(argument) for argument in arguments],
            input=stdin,
            prog_name="legacy-nets",
        )
    finally:
        undo()


def train_tiny(folder, **counts):
    """Makes signs in folder/signs, and trains the tiny net on them into folder/run.

    ``counts``: pictures of a class, as ``small_signs.make`` takes them.
    """
    signs = small_signs.make(folder / "signs", **counts)
    done = call("train", "tiny", "--data", signs, "--model-dir", folder / "run", *SHORT)
    assert done.exit_code == 0, done.output


def refused(*arguments):
    """Runs a command that must fail; returns its one line of error."""
    done = call(*arguments)
    assert done.exit_code == 2, (done.exit_code, done.output)
    assert isinstance(done.exception, SystemExit), done.exception
    lines = [line for line in done.stderr.splitlines() if line.startswith("legacy-nets: ")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1] == lines[0]
    return lines[0]


def check_misuse(folder, monkeypatch, message, *arguments):
    """A command in a folder is refused in one line that holds the message, and changes nothing."""
    monkeypatch.chdir(folder)
    before = list_contents(pathlib.Path())
    line = refused(*arguments)
    assert message in line
    assert list_contents(pathlib.Path()) == before


def list_contents(folder):
    """Every path below a folder, with its size and the time when it was changed."""
    stats = {path: path.stat() for path in folder.rglob("*")}
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}
