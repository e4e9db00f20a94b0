"""Two trainings in one folder: the second is refused, and names the process of the first."""

import platform
import subprocess
import sys

import pytest
from commands import SHORT, call, refused
from rich.console import Console

from legacy_nets.errors import BadInputError
from legacy_nets.train.run_folder import lock_folder

HOLD = """
import pathlib, sys
from rich.console import Console
from legacy_nets.train.run_folder import lock_folder
with lock_folder(pathlib.Path(sys.argv[1]), Console()):
    print("locked", flush=True)
    sys.stdin.read()
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def holder(tmp_path):
    """A process that holds the folder ``run``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_training_is_refused_until_the_first_is_dead(holder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = ("--model-dir", "run", *SHORT)
    line = refused("train", "tiny", "--data", "nowhere", *first)  # before the data are opened
    assert line == (
        f"legacy-nets: process {holder.pid} on {platform.node()} is training in run: wait for its "
        "end, or choose another --model-dir"
    )
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".training"]
    holder.kill()
    holder.wait()
    assert (tmp_path / "run" / ".training").is_file()  # it had no time to remove it
    assert call("train", "tiny", *first).exit_code == 0
    assert not (tmp_path / "run" / ".training").exists()


def test_an_error_ends_the_lock(tmp_path):
    console = Console(quiet=True)
    with pytest.raises(ZeroDivisionError), lock_folder(tmp_path, console):
        with pytest.raises(BadInputError, match="^process [0-9]+ on .* is training in "):
            with lock_folder(tmp_path, console):
                raise AssertionError("locked twice")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with lock_folder(tmp_path, console):
        assert (tmp_path / ".training").read_text().startswith("process ")
