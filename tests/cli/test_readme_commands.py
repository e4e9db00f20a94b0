"""Every command and every Python example of README.md is run, with files of the names it shows."""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import imported_models as models
import numpy as np
import pytest
from PIL import Image

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(legacy-nets .+?)(?: +#.*)?$", README, re.MULTILINE)
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SCRIPT = """
import argparse
import tensorflow as tf
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
x = tf.placeholder(tf.float32, [None, 4])
y = tf.contrib.layers.fully_connected(x, 3)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for epoch in range(parser.parse_args().epochs):
        print("epoch", epoch, session.run(y, {x: [[0, 0, 0, 0]]}).tolist())
"""
SAYS = {  # word of a command -> what it prints
    "run": "epoch 2 [[0.0, 0.0, 0.0]]",
    "upgrade": "train.py",
    "describe": "27,143,152",
    "facts": "002-F",
    "errata": "001-E01",
    "inspect": "reference/",
    "port": "verified",
    "--help": "Commands:",
}


def call(words, folder):
    """Runs a command line in a folder, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "legacy_nets", *words[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that README names: a script, a model folder, a graph, a picture."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "train.py").write_text(SCRIPT)
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(folder / "photo.jpg")
    for number in range(6):
        for split in ("train", "val"):
            path = folder / "signs" / split / str(number)
            path.mkdir(parents=True)
            Image.fromarray(np.full((64, 64, 3), 40 * number, np.uint8)).save(path / "0.png")
    given = "train hand_signs --model-dir run --data signs --steps 1 --batch-size 4"
    done = call(["legacy-nets", *given.split()], folder)
    assert done.returncode == 0, done.stderr
    models.save_model(folder / "run", models.build_classifier, "model.ckpt-300")
    for part in ("index", "data-00000-of-00001", "meta"):
        (folder / f"model.ckpt.{part}").write_bytes(
            (folder / f"run/model.ckpt-1.{part}").read_bytes()
        )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_command(command, folder):
    words = shlex.split(command)
    done = call(words, folder)
    assert done.returncode == 0, done.stderr
    assert SAYS[words[1]] in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("source", EXAMPLES)
def test_python_example(source):
    """Each print is followed by what it prints, as a comment."""
    expected = re.findall(r"print\(.+\)  # (.+)$", source, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert expected and done.stdout.splitlines() == expected
