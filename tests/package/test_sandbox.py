"""The child process that reads untrusted files does not outlive its parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a FIFO that nobody writes yet")
PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from legacy_nets.port.staging import open_staging
from legacy_nets.sandbox import run_sandboxed
from test_sandbox import write_pid_and_wait
with open_staging(Path(sys.argv[3], "x.pb")):
    run_sandboxed(write_pid_and_wait, sys.argv[2], label="x.pb")
"""
MAX_SECONDS = 60  # a fraction is needed; a failure must not hang


def write_pid_and_wait(fifo):
    """Runs in the child: writes its process id, and holds the FIFO open until it dies."""
    with open(fifo, "w") as file:
        print(os.getpid(), file=file, flush=True)
        signal.pause()


def read(end):
    """Reads the next bytes of a FIFO; b"" when it has no writer any more."""
    assert select.select([end], [], [], MAX_SECONDS)[0], "the child still runs"
    return os.read(end, 100)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_child_ends_with_its_parent(tmp_path, number):
    fifo, calls, out = tmp_path / "fifo", tmp_path / "calls", tmp_path / "out"
    calls.mkdir()
    out.mkdir()
    os.mkfifo(fifo)
    arguments = [str(Path(__file__).parent), str(fifo), str(out)]
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    child = 0
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments], env={**os.environ, "TMPDIR": str(calls)}
    )
    try:
        child = int(read(end))
        assert len(list(calls.iterdir())) == len(list(out.iterdir())) == 1
        parent.send_signal(number)
        code = parent.wait(MAX_SECONDS)
        assert read(end) == b""
        child = 0
    finally:
        os.close(end)
        parent.kill()
        parent.wait()
        if child:
            os.kill(child, signal.SIGKILL)
    assert list(calls.iterdir()) == []
    if number == signal.SIGTERM:
        assert code == 128 + signal.SIGTERM and list(out.iterdir()) == []
