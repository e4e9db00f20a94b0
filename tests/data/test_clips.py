"""Folders of clips: what is found, which frames are read, in what order, how many at a time."""

import sys

import make_clips
import numpy as np
import pytest
from PIL import Image

from legacy_nets.data import clips
from legacy_nets.data.dataset import resize_data
from legacy_nets.errors import BadInputError

RED = make_clips.COLOURS["wave"]


@pytest.mark.parametrize(
    ("count", "frames", "want"),
    [
        (4, 4, [0, 1, 2, 3]),
        (12, 4, [1, 4, 7, 10]),
        (7, 3, [1, 3, 5]),
        (2, 4, [0, 0, 1, 1]),
        (3, 4, [0, 1, 1, 2]),
        (1, 3, [0, 0, 0]),
        (9, 1, [4]),
    ],
)
def test_a_clip_is_sampled_evenly(count, frames, want):
    assert clips.choose_frames(count, frames) == want


def test_frames_are_read_in_natural_order_resized_and_sampled(tmp_path):
    folder = make_clips.write_frame_folder(tmp_path / "clip", make_clips.make_pictures(RED, 12))
    (folder / "notes.txt").write_text("not a frame")
    (folder / "frame11.png").rename(folder / "frame11.jfif")  # the content decides
    assert clips.count_frames(folder) == 12
    got = clips.read_clip(folder, "unit", (4, 10, 12))
    assert got.shape == (4, 10, 12, 3) and got.dtype == np.float32
    assert got[:, 0, 0, 0].tolist() == [200 + 5 * n for n in (1, 4, 7, 10)]
    grey = clips.read_clip(folder, "unit", (2, 5, 6), 1)
    assert grey.shape == (2, 5, 6, 1)
    assert clips.read_clip(folder, "kinetics", (3, 8, 8)).shape == (3, 8, 8, 3)


def test_gif_needs_no_video_reader(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    path = make_clips.write_gif(tmp_path / "clip.gif", make_clips.make_pictures(RED, 6))
    got = clips.read_clip(path, "unit", (3, 20, 24))
    np.testing.assert_allclose(
        got[:, 3, 3], make_clips.make_pictures(RED, 6)[[1, 3, 5], 3, 3], atol=4
    )
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20 * 24 // 3)  # as for a GIF of 20000x20000
    with pytest.raises(BadInputError, match="clip.gif is not a readable video .* exceeds limit"):
        clips.read_clip(path, "unit", (3, 20, 24))
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(BadInputError, match=r"pip install 'legacy-nets\[clips\]'"):
        clips.count_frames(tmp_path / "clip.mp4")


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mp4", "mpeg4"), ("avi", "mpeg4"), ("mov", "mpeg4"), ("webm", "libvpx")],
)
def test_videos(tmp_path, ending, codec):
    """webm does not state how many frames it has."""
    pytest.importorskip("av")
    frames = make_clips.make_pictures((150, 100, 60), 9, height=32, width=48)
    path = make_clips.write_video(tmp_path / f"clip.{ending}", frames, codec)
    assert clips.count_frames(path) == 9
    got = clips.read_clip(path, "unit", (3, 32, 48))
    np.testing.assert_allclose(got[:, 9, 9], frames[[1, 4, 7], 9, 9], atol=6)  # lossy
    assert clips.read_clip(path, "unit", (12, 8, 8)).shape == (12, 8, 8, 3)


def test_video_errors(tmp_path):
    av = pytest.importorskip("av")
    whole = make_clips.write_video(tmp_path / "whole.avi", make_clips.make_pictures(RED, 5, 32, 48))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:300])
    (tmp_path / "page.mp4").write_text("<html>Sign in</html>")
    for path in (cut, tmp_path / "page.mp4"):
        with pytest.raises(BadInputError, match="is not a readable video") as caught:
            clips.count_frames(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    with av.open(str(tmp_path / "sound.avi"), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
        container.mux(sound.encode())
    with pytest.raises(BadInputError, match="no pictures in it"):
        clips.count_frames(tmp_path / "sound.avi")


def test_splits_by_folder_or_by_a_seeded_split(tmp_path):
    root = make_clips.write_clip_set(tmp_path / "set", per_class=4)
    data = clips.load_clips(root, holdout=0.25, seed=1)
    assert data.class_names == ("point", "wave") and data.name == "set"
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.test.labels.tolist() == [0, 1] and data.mirror_classes == frozenset()
    assert not set(data.train.paths) & set(data.test.paths)
    again, other = (clips.load_clips(root, 0.25, seed) for seed in (1, 2))
    assert again.test.paths == data.test.paths != other.test.paths
    splits = tmp_path / "splits"
    splits.mkdir()
    make_clips.write_clip_set(splits / "train", per_class=2)
    make_clips.write_clip_set(splits / "val", per_class=1)
    data = clips.load_clips(splits)
    assert (len(data.train.labels), len(data.test.labels)) == (4, 2)
    assert [path.parts[-3] for path in data.test.paths] == ["val", "val"]
    assert [count for _, count in data.clip_lengths] == [5] * 6
    with pytest.raises(BadInputError, match="has both splits already: leave --holdout out"):
        clips.load_clips(splits, 0.5)
    (splits / "val" / "point").rename(splits / "val" / "salute")
    with pytest.raises(BadInputError, match=r"classes of train and val differ \(point, salute\)"):
        clips.load_clips(splits)


def test_reading_keeps_the_order_asked_for(tmp_path):
    root = make_clips.write_clip_set(tmp_path / "set", per_class=5)
    data = resize_data(clips.load_clips(root, 0.2), "unit", (3, 10, 12))
    asked = [np.array([7, 0, 3]), np.array([1]), np.array([2, 2])]
    got = list(data.train.read(asked))
    for batch, chosen in zip(got, asked, strict=True):
        assert batch.labels.tolist() == data.train.labels[chosen].tolist()
        want = [clips.read_clip(data.train.paths[i], "unit", (3, 10, 12)) for i in chosen]
        np.testing.assert_array_equal(batch.pictures, want)
        assert batch.pictures.dtype == np.uint8
    [held] = data.test.read([np.arange(2)])
    assert held.pictures.dtype == np.float32 and held.pictures.shape == (2, 3, 10, 12, 3)
    assert data.notes == ()
    short = resize_data(clips.load_clips(root, 0.2), "unit", (8, 10, 12), channels=1)
    [grey] = short.train.read([np.arange(1)])
    assert grey.pictures.shape == (1, 8, 10, 12, 1)
    assert [note.split(":")[0] for note in short.notes] == [
        "colour pictures are made grey",
        f"10 of 10 clips have fewer than 8 frames (the first is {short.clip_lengths[0][0]} with 5)",
    ]


def test_frames_of_different_sizes(tmp_path):
    folder = make_clips.write_frame_folder(tmp_path / "clip", make_clips.make_pictures(RED, 3))
    Image.new("RGB", (9, 7)).save(folder / "frame1.png")
    with pytest.raises(
        BadInputError, match=r"clip: frame 2 is 9x7, those before it are 24x20 \(width x height\)"
    ):
        clips.read_clip(folder, "unit", (3, 8, 8))
