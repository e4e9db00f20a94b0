"""Clips as row strips of one image, for nets that take images."""

import make_clips
import numpy as np
import pytest
from PIL import Image

from legacy_nets.data.images import load_images
from legacy_nets.data.row_strips import arrange_row_strips, write_row_strips
from legacy_nets.errors import BadInputError


def test_frames_lie_below_one_another_as_differences_from_their_mean(tmp_path):
    levels = (100, 110, 120, 130)  # their mean is 115
    grey = [np.full((8, 8, 3), level, np.uint8) for level in levels]
    clip = make_clips.write_frame_folder(tmp_path / "clip", grey)
    still = arrange_row_strips(clip, 4, (28, 28))
    assert (still.shape, still.dtype) == ((28, 28), np.uint8)
    for row, level in enumerate(levels):
        assert set(still[7 * row : 7 * row + 7].flat) == {128 + 2 * (level - 115)}
    bright = [np.full((8, 8, 3), level, np.uint8) for level in (0, 0, 0, 255)]
    clip = make_clips.write_frame_folder(tmp_path / "bright", bright)
    assert set(arrange_row_strips(clip, 4, (28, 28))[21:].flat) == {255}  # 128 + 2 * 191.25 is cut
    with pytest.raises(BadInputError, match="3 frames do not fit in 28 rows"):
        arrange_row_strips(clip, 3, (28, 28))


def test_a_set_of_clips_becomes_a_set_of_images(tmp_path):
    make_clips.write_clip_set(tmp_path / "clips", per_class=4)
    write_row_strips(tmp_path / "clips", tmp_path / "strips", holdout=0.25)
    data = load_images(tmp_path / "strips")
    assert data.name == "clips, in 4 strips"
    names = sorted(path.name for path in (tmp_path / "clips").iterdir())
    assert list(data.class_names) == names
    assert (len(data.train.labels), len(data.test.labels)) == (3 * len(names), len(names))
    for path in (*data.train.paths, *data.test.paths):
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((28, 28), "L")
        assert (tmp_path / "clips" / path.parent.name / path.stem).is_dir()
    with pytest.raises(BadInputError, match="strips exists already"):
        write_row_strips(tmp_path / "clips", tmp_path / "strips", holdout=0.25)
