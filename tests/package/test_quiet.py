"""How much of TensorFlow's log reaches the screen: ``legacy_nets/quiet.py``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from legacy_nets import quiet

IMPORT = "from legacy_nets.quiet import quiet_tensorflow; quiet_tensorflow()"


def import_with(level):
    """What the import writes to stderr under a TF_CPP_MIN_LOG_LEVEL."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": level}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], env=environment, check=True, capture_output=True, text=True
    )
    return done.stderr


@pytest.mark.parametrize(
    ("level", "hides"), [("3", True), (" 4", True), ("2", False), ("0", False), ("all", False)]
)
def test_levels_that_hide_all_logs(monkeypatch, level, hides):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    assert quiet._hides_all_logs() == hides


@pytest.mark.slow
def test_a_log_level_of_3_is_the_quietest():
    assert import_with("3") == ""
    assert import_with("0") != ""


def test_held_back_output_is_shown_after_an_error():
    code = (
        "import os\n"
        "from legacy_nets import quiet\n"
        "with quiet.hold_back_stderr():\n"
        "    os.write(2, b'from C++')\n"
        "    raise SystemExit(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "from C++")


def test_held_back_output_that_is_taken_is_not_shown():
    code = (
        "import os\n"
        "from legacy_nets import quiet\n"
        "with quiet.hold_back_stderr() as held_back:\n"
        "    os.write(2, b'reason')\n"
        "    assert held_back.take() == 'reason' and held_back.take() == ''\n"
        "    os.write(2, b'more')\n"
        "    raise SystemExit(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "more")
