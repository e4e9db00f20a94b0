"""Synthetic data that two processes ask for at the same time: one makes them, both read them."""

import subprocess
import sys

import pytest

ASK = """
import pathlib, sys
from legacy_nets.data import open as data
from legacy_nets.registry import get_net
net = get_net(sys.argv[1])
path = data.make_synthetic_data(net, pathlib.Path(sys.argv[2]), lambda line: None)
print(len(data.open_data(path, net).train.labels))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("net", "pictures"), [("demo_cnn", "6000"), ("hand_signs", "1080")])
def test_two_processes_at_once(tmp_path, net, pictures):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, net, str(tmp_path / "datasets")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [child.communicate()[0].strip() for child in children] == [pictures] * 2
    assert [child.returncode for child in children] == [0, 0]
