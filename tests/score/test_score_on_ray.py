"""``score`` on Ray: workers and the command are killed, and the output is what it would be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from marked_processes import MARK, wait_for_end

AGENT_SECONDS = 60  # until the agents of Ray have seen that the command is gone, on a busy machine
SCRIPT = Path(__file__).parents[2] / "scripts" / "bench" / "score_kills.py"


@pytest.mark.rare
@pytest.mark.usefixtures("ray")
def test_kills_change_nothing(tmp_path):
    """The smaller run of scripts/bench/score_kills.py: a worker and the command are killed.

    Nothing runs afterwards, not even what the killed command has started.
    """
    done = subprocess.run(
        [sys.executable, SCRIPT, "--kills", "2", "--shards", "3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, MARK: str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[-3:]
    assert lines[0] == "killed: 1 workers, 1 commands"
    assert lines[1].startswith("6 shards after ") and lines[1].endswith("half files: []")
    assert lines[2] == "equal byte for byte"
    assert wait_for_end(tmp_path, AGENT_SECONDS) == {}
