"""Training that is killed or interrupted, in processes of its own, on a tiny net."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest
import small_signs
import tiny

from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints
from legacy_nets.train import report


def start(folder, *arguments, kill=None, steps=None):
    command = [sys.executable, str(pathlib.Path(tiny.__file__)), "train", "tiny"]
    environment = dict(os.environ)
    if kill:
        environment["LEGACY_NETS_TEST_KILL"] = kill
        environment["LEGACY_NETS_TEST_STEPS"] = str(steps)
    return subprocess.run(
        [*command, "--model-dir", str(folder), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


# Between and inside steps (Session.run), and before each rename, flush and deletion of a save.
SIX_MOMENTS = ["run:3", "replace:2", "fsync:3", "replace:5", "unlink:2", "run:9"]
TWENTY_MOMENTS = [
    *(f"run:{n}" for n in (1, 3, 9, 11, 14, 17)),
    *(f"replace:{n}" for n in range(2, 9)),
    *(f"fsync:{n}" for n in (1, 3, 5, 7)),
    *("unlink:2", "unlink:4", "fsync:12"),
]


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(SIX_MOMENTS, marks=pytest.mark.slow, id="six"),
        pytest.param(TWENTY_MOMENTS, marks=pytest.mark.rare, id="twenty"),
    ],
)
def test_kills(tmp_path, moments):
    """SIGKILL at moments of a run that saves every 5 steps, resumed after each.

    Files of half a checkpoint are left behind by some.
    """
    signs_folder = small_signs.make(tmp_path / "signs", test=1)
    folder = tmp_path / "run"
    last = 10 * len(moments)  # no moment comes so late
    arguments = ["--data", str(signs_folder), "--steps", str(last), "--save-every", "5"]
    arguments += ["--evaluate-every", "1000", "--batch-size", "4", "--resume"]
    for number, moment in enumerate(moments):
        before = list_complete_checkpoints(folder)
        steps = tmp_path / f"steps{number}"
        done = start(folder, *arguments, kill=moment, steps=steps)
        assert done.returncode == -signal.SIGKILL, (moment, done.stderr)
        resumed = before[-1][0] if before else 0
        if before:
            assert f"resumed from {before[-1][1]}" in done.stderr
        after = list_complete_checkpoints(folder)
        newest = after[-1][0] if after else 0
        reached = resumed + steps.stat().st_size
        assert newest >= resumed  # nothing that was saved is lost
        assert reached - newest <= 5, moment
    done = start(folder, *arguments)
    assert done.returncode == 0, done.stderr
    assert list_complete_checkpoints(folder)[-1][0] == last
    rows = [row["step"] for row in report.read_log(folder / "log.csv")]
    assert rows == sorted(set(rows)) and rows[-1] == last


@pytest.mark.slow
def test_ctrl_c_saves_and_exits_130(tmp_path):
    """The log shows that steps are being made; then comes the signal."""
    folder = tmp_path / "run"
    arguments = ["--steps", "1000000", "--save-every", "1000000", "--evaluate-every", "20"]
    with subprocess.Popen(
        [sys.executable, tiny.__file__, "train", "tiny", "--model-dir", str(folder), *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr:
            if line.startswith("step 20/"):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert "stopped by SIGINT: continue with --resume" in out
    step, prefix = list_complete_checkpoints(folder)[-1]
    assert step >= 20 and f"checkpoint {prefix}" in out
