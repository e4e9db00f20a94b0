"""SIGTERM ends a process within seconds, also in a native call, and leaves no half file."""

import os
import signal
import subprocess
import sys

import pytest
import tiny
from commands import train_tiny

from legacy_nets import sigterm

PROGRAM = """
import hashlib, signal, sys
from legacy_nets import sigterm
from legacy_nets.files import replace_on_success
sigterm.GRACE = float(sys.argv[2])
with sigterm.end_on_sigterm(), replace_on_success(sys.argv[1]) as unfinished:
    unfinished.write_text("half")
    {call}
"""
NATIVE = (  # an hour without a look at signals; one that comes just before it is ignored
    'signal.signal(signal.SIGTERM, lambda *_: None); print("started", flush=True);'
    'hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)'
)
PAUSE = 'print("started", flush=True); signal.pause()'
LOST = "legacy-nets: ended by SIGTERM in a long operation: what it had not saved is lost\n"
MAX_SECONDS = 60  # the test waits for what comes at once on a quiet machine


def end(command, started, **environment):
    """Starts a command, sends SIGTERM after a line; returns (exit code, output, errors)."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        assert any(line == f"{started}\n" for line in process.stdout), process.stderr.read()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=MAX_SECONDS)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("wait", "errors"), [(PAUSE, ""), (NATIVE, LOST)], ids=["python", "native"]
)
def test_an_unfinished_file_is_removed(tmp_path, wait, errors):
    """Python's handler ends the first; the thread ends the second, after a short grace."""
    grace = 0.1 if errors else 3600
    program = PROGRAM.format(call=wait)
    code, out, err = end(["-c", program, tmp_path / "file", grace], "started")
    assert (code, out, err) == (143, "", errors)
    assert list(tmp_path.iterdir()) == []


def test_the_grace_is_below_five_seconds():
    assert 3 <= sigterm.GRACE <= 4.5  # what a save needs; the rest is for the end itself


def test_nothing_is_left_after_the_block():
    def handle(number, frame):
        raise AssertionError

    with sigterm.end_on_sigterm():
        inside = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as stopped:
            inside(signal.SIGTERM, None)
        assert stopped.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1
    signal.signal(signal.SIGTERM, handle)
    try:
        with sigterm.end_on_sigterm():  # a caller's handler stays
            assert signal.getsignal(signal.SIGTERM) is handle
            assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with signs and a short run of the tiny net."""
    folder = tmp_path_factory.mktemp("user")
    train_tiny(folder, test=1)
    return folder


COMMANDS = {
    "train": "train tiny --data {0}/signs --model-dir {1}/new",
    "evaluate": "evaluate tiny --checkpoint {0}/run --data {0}/signs --output {1}/new",
    "predict": "predict tiny --checkpoint {0}/run {0}/run/curve.png --csv {1}/new.csv",
    "explain": "explain demo_cnn --figure {1}/new",
    "port": "port {0}/run --net tiny --to saved_model --out {1}/new",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "train" else pytest.mark.rare)
        for name in COMMANDS
    ],
)
def test_commands_end_in_a_native_call(folder, tmp_path, name):
    """In Session.run, which does not return; of ``train`` in the step after a checkpoint."""
    command = [tiny.__file__, *COMMANDS[name].format(folder, tmp_path).split()]
    if name == "train":
        command += ["--save-every", "1", "--batch-size", "4"]
    runs = 5 if name == "train" else 1
    code, _, err = end(command, "hangs", LEGACY_NETS_TEST_HANG=f"run:{runs}")
    assert (code, err.splitlines()[-1]) == (143, LOST.strip())
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    if name == "train":
        assert "model.ckpt-1.index" in left and "checkpoint" in left
        left = [file for file in left if file.startswith(".")]
    assert left == []
