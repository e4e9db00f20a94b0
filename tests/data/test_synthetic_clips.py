"""Synthetic moving hands: deterministic, and told apart by motion, not by any one frame."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from legacy_nets.data import clips
from legacy_nets.data.synthetic import clips as synthetic_clips
from legacy_nets.errors import BadInputError

NAMES = tuple(synthetic_clips.MOTIONS)


def states(name, count=400, frames=12):
    """Across, down, size, turn of many clips of a class: [count, frames, 4]."""
    rng = np.random.default_rng(7)
    return np.stack([synthetic_clips.generate_motion(name, frames, rng) for _ in range(count)])


@pytest.mark.parametrize("name", NAMES)
def test_only_what_the_class_says_moves(name):
    swing = np.ptp(states(name), axis=1)  # of each clip, of each number
    moving = synthetic_clips.MOTIONS[name]
    for number in range(4):
        if number in moving:
            assert swing[:, number].min() > 1
        else:
            assert swing[:, number].max() == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_single_frame_is_as_likely_in_every_class(name):
    """Each number is the sine of an even phase: the arcsine distribution, moving or not."""
    quantiles = np.quantile(states(name)[:, 5], (0.1, 0.25, 0.5, 0.75, 0.9), axis=0)
    want = -np.cos(np.pi * np.array([0.1, 0.25, 0.5, 0.75, 0.9]))
    assert abs(quantiles - want[:, None]).max() < 0.25


def test_a_circle_goes_round():
    one = states("circle", 1, frames=12)[0]
    np.testing.assert_allclose(one[:, 0] ** 2 + one[:, 1] ** 2, 1)


def test_a_clip_is_deterministic_and_its_wall_stays():
    first, again = (
        synthetic_clips.draw_clip("up_down", np.random.default_rng(3)) for _ in range(2)
    )
    assert first.shape == (12, 32, 32, 3) and first.dtype == np.uint8
    assert (first == again).all()
    still = synthetic_clips.draw_clip("still", np.random.default_rng(3), frames=3, size=24)
    assert still.shape == (3, 24, 24, 3) and (still == still[0]).all()
    other = synthetic_clips.draw_clip("up_down", np.random.default_rng(4))
    assert (first != other).any()
    assert np.ptp(first, axis=0).max() > 50  # something moves


def test_the_hand_is_in_every_frame():
    """However it moves, its skin keeps it apart from the wall."""
    for number, name in enumerate(NAMES):
        for picture in synthetic_clips.draw_clip(name, np.random.default_rng(number)).astype(int):
            red_less_blue = picture[..., 0] - picture[..., 2]
            assert (red_less_blue > 35).sum() > 25


def test_bad_numbers():
    rng = np.random.default_rng(0)
    for name, frames, size in (("wink", 3, 32), ("still", 0, 32), ("still", 3, 8)):
        with pytest.raises(BadInputError, match="draw_clip: .*ask for one of circle, left_right"):
            synthetic_clips.draw_clip(name, rng, frames, size)


def test_the_set_is_written_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_clips, "CLIPS_PER_CLASS", {"train": 2, "test": 1})
    synthetic_clips.make_clips(tmp_path / "clips")
    data = clips.load_clips(tmp_path / "clips")
    assert data.name == "synthetic moving hands, drawn by legacy_nets"
    assert data.class_names == NAMES and data.mirror_classes == frozenset(range(6))
    assert len(data.train.labels) == 12 and len(data.test.labels) == 6
    assert [count for _, count in data.clip_lengths] == [12] * 18
    drawn = synthetic_clips.draw_clip("left_right", np.random.default_rng([0, 1, 1, 0]))
    path = tmp_path / "clips" / "test" / "left_right" / "000" / "07.png"
    assert (np.asarray(Image.open(path)) == drawn[7]).all()
    with pytest.raises(BadInputError, match="clips exists already"):
        synthetic_clips.make_clips(tmp_path / "clips")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="cannot be written"):
        synthetic_clips.make_clips(tmp_path / "file" / "clips")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "file"]


def test_the_script_keeps_what_is_there(tmp_path):
    script = pathlib.Path(__file__).parents[2] / "scripts" / "examples" / "sign_clips.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 2 and not list(tmp_path.iterdir())
    assert done.stderr.strip() == f"{tmp_path} exists already: remove it first"
