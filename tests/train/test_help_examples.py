"""Every example in the help of train, evaluate and predict runs, made smaller.

Those of ``train`` must beat chance by the margin.
"""

import re
import shlex
import shutil

import numpy as np
import pytest
import small_signs
from commands import call
from PIL import Image
from test_learns_000 import accuracy

from legacy_nets import tf1 as tf
from legacy_nets.data.synthetic import flowers as synthetic_flowers
from legacy_nets.nets.build import build_by_name

TINY = "--image-size 107 --option depth_multiplier=0.1"
SMALLER = {  # net -> what is added to its training; the last of two equal options counts
    "hand_signs": "--steps 60 --image-size 32",
    "resnet18": "--steps 40 --image-size 33",
}
CHANCE = {"hand_signs": 1 / 6, "resnet18": 1 / 3}
MARGIN = 0.1
EXAMPLES = [  # in their order: command and net
    ("train", "hand_signs"),
    ("train", "resnet18"),
    ("train", "hand_signs"),
    ("evaluate", "hand_signs"),
    ("evaluate", "hand_signs"),
    ("predict", "hand_signs"),
    ("predict", "hand_signs"),
    ("predict", "inception_v3"),
]


def find_examples():
    """The commands in the help, with the lines that continue them, without those of --fast."""
    text = "".join(call(name, "--help").stdout for name in ("train", "evaluate", "predict"))
    pattern = r"^ *legacy-nets ((?:train|evaluate|predict) (?:.+\\\n)*.+)"
    found = re.findall(pattern, text, re.MULTILINE)
    commands = [shlex.split(command.replace("\\\n", " ")) for command in found]
    return [command for command in commands if "--fast" not in command]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the examples name; inception_v3.ckpt has initial weights."""
    monkeypatch.setattr(synthetic_flowers, "NAMES", ("daisy", "sunflowers", "tulips"))
    monkeypatch.chdir(tmp_path)
    for name in ("datasets", "signs"):
        small_signs.make(tmp_path / name, train=60, test=20)
    shutil.copy("signs/test_signs.h5", ".")
    synthetic_flowers.make_flowers(tmp_path / "flowers", (100, 25))
    (tmp_path / "photos").mkdir()
    for path in ("photo.jpg", "photos/first.jpg", "photos/second.jpg"):
        Image.fromarray(np.full((120, 120, 3), 90, np.uint8)).save(path)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        images = tf.placeholder(tf.float32, [None, 107, 107, 3])
        build_by_name("inception_v3", images, num_classes=1001, depth_multiplier=0.1)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, "./inception_v3.ckpt", write_state=False)
    return tmp_path


def test_the_examples_are_these():
    assert [tuple(command[:2]) for command in find_examples()] == EXAMPLES


@pytest.mark.rare
def test_the_examples_run(folder):
    for command in find_examples():
        name, net = command[:2]
        if name == "train":
            smaller = [*SMALLER[net].split(), "--save-every", "1000", "--evaluate-every", "1000"]
            done = call(*command, *smaller)
            assert accuracy(done) >= CHANCE[net] + MARGIN, command
        else:
            done = call(*command, *(TINY.split() if net == "inception_v3" else []))
            assert done.exit_code == 0, (command, done.output)
    assert (folder / "classes.csv").read_text().count("photos/") == 2
    with np.load("features.npz") as features:
        assert features["Mixed_6e"].shape == (1, 5, 5, 76)
