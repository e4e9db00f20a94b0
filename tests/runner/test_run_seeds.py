"""One seed, the same first weights: little graphs under ``run`` against TensorFlow 1.15.5."""

import json
import subprocess

import pytest
from oracle_client import GOLDEN, ORACLE
from scripts_of_users import run

CASES = json.loads((GOLDEN / "seeds.json").read_text())


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """All graphs in one process, since a start of TensorFlow takes seconds."""
    out = tmp_path_factory.mktemp("seeds") / "ours.json"
    done = run(ORACLE / "seeds.py", out)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


@pytest.mark.slow
def test_the_golden_file_has_all_graphs(ours):
    assert list(ours) == list(CASES)
    assert len(CASES) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_first_weights_are_those_of_1_15(ours, name):
    # First value and CRC-32 of each variable: equal to the bit.
    assert ours[name] == CASES[name]


@pytest.mark.slow
def test_1_15_says_so_live(oracle, tmp_path):
    names = ["dense", "slim", "stacks_of_gru_and_dropout"]
    done = subprocess.run(
        [oracle, str(ORACLE / "seeds.py"), str(tmp_path / "out.json"), *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((tmp_path / "out.json").read_text()) == {n: CASES[n] for n in names}
