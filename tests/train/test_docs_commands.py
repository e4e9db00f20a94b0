"""Every command in docs/train.md runs, in the order of the page, made smaller.

Those that train with a margin must beat chance by it. inception_v3.ckpt is a net that was trained
before: a warm start from initial weights learns nothing in so few steps.
"""

import importlib.util
import re
import shlex
from pathlib import Path

import make_clips
import numpy as np
import pytest
import small_signs
from commands import call
from PIL import Image
from test_learns_000 import accuracy

from legacy_nets.data.synthetic import clips
from legacy_nets.data.synthetic import flowers as synthetic_flowers
from legacy_nets.processor import examine_processor

PAGE = Path(__file__).parents[2] / "docs" / "train.md"
ONCE = "--save-every 1000 --evaluate-every 1000"
TINY = "--image-size 107 --option depth_multiplier=0.25"
CLIPS = "--frames 4 --image-size 16"
RUNS = [  # the commands in their order; what makes one smaller; the least accuracy, or what it says
    ("train hand_signs", f"--steps 60 --image-size 32 {ONCE}", 1 / 6 + 0.1),
    ("train hand_signs", f"--steps 62 {ONCE}", "steps 60 -> 62"),
    ("evaluate hand_signs", "", "accuracy"),
    ("predict hand_signs", "", "photo.jpg: "),
    ("train inception_v3", f"--steps 60 {TINY} {ONCE}", 1 / 3 + 0.2),
    ("predict inception_v3", TINY, "Mixed_6e (1, 5, 5, 192) float32 of 1 images in features.npz"),
    ("train resnet_2plus1d", f"--steps 2 {CLIPS}", "checkpoint clips/model.ckpt-2"),
    ("predict resnet_2plus1d", "", "film.mp4: "),
    ("records", "", "in 10 files in records"),
    ("predict inception_v3", TINY, "classes of 2 images in classes.csv"),
    ("evaluate hand_signs", "", "int8 by openvino"),
]


def find_commands():
    """The commands of the page: lines of blocks, and 'records' in a sentence."""
    pattern = r"^`?legacy-nets ((?:train|evaluate|predict|records) (?:.+\\\n)*[^`\n]+)"
    found = re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(command.replace("\\\n", " ")) for command in found]


def test_the_commands_are_these():
    assert len(find_commands()) == len(RUNS)
    for command, (start, _, _) in zip(find_commands(), RUNS, strict=True):
        assert command[: len(start.split())] == start.split()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the page names."""
    pytest.importorskip("av", reason="the page has a film")
    monkeypatch.setattr(synthetic_flowers, "NAMES", ("daisy", "sunflowers", "tulips"))
    monkeypatch.setattr(clips, "CLIPS_PER_CLASS", {"train": 4, "test": 1})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    small_signs.make(tmp_path / "signs", train=60, test=20)
    synthetic_flowers.make_flowers(tmp_path / "flowers", (100, 25))
    (tmp_path / "photos").mkdir()
    for path in ("photo.jpg", "photos/first.jpg", "photos/second.jpg"):
        Image.fromarray(np.full((120, 120, 3), 90, np.uint8)).save(path)
    make_clips.write_video("film.mp4", make_clips.make_pictures((40, 90, 210), 8, 32, 32))
    given = "train inception_v3 --data flowers --model-dir published --steps 80"
    slim = "--num-classes 1000 --label-offset 1"
    accuracy(call(*given.split(), *slim.split(), *TINY.split(), *ONCE.split()))
    for file in (tmp_path / "published").glob("model.ckpt-80.*"):
        file.rename(tmp_path / f"inception_v3.ckpt{file.suffix}")
    return tmp_path


@pytest.mark.rare
@pytest.mark.usefixtures("with_onednn")
def test_the_commands_run(folder):
    can_run = {
        "bf16": examine_processor().has_bfloat16,
        "int8": importlib.util.find_spec("nncf") is not None,
    }
    for command, (_, smaller, expected) in zip(find_commands(), RUNS, strict=True):
        if not all(can_run.get(word, True) for word in command):
            continue
        done = call(*command, *smaller.split())
        assert done.exit_code == 0, (command, done.output)
        if isinstance(expected, float):
            assert accuracy(done) >= expected, command
        else:
            assert expected in done.output, command
