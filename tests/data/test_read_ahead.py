"""Splits in files, read ahead: their order, how many pictures are alive, what a reader raises."""

import dataclasses
import threading
import weakref

import make_clips
import numpy as np
import pytest
from PIL import Image

from legacy_nets.data import ahead as read_ahead
from legacy_nets.data import clips, images
from legacy_nets.data.ahead import READ_AHEAD, call_ahead
from legacy_nets.data.dataset import resize_data
from legacy_nets.data.splits import FileSplit
from legacy_nets.errors import BadInputError
from legacy_nets.processor import Processor, examine_processor
from legacy_nets.train.batches import iterate_in_order


def image_folder(folder, count):
    for name in ("daisy", "roses"):
        (folder / name).mkdir()
        for number in range(count):
            Image.new("RGB", (12, 8), (200, 10, 20)).save(folder / name / f"{number}.png")
    return folder


def test_streaming_keeps_the_order_asked_for(tmp_path):
    root = make_clips.write_clip_set(tmp_path / "set", per_class=5)
    data = resize_data(clips.load_clips(root, 0.2), "unit", (3, 10, 12))
    asked = [np.array([7, 0, 3]), np.array([1]), np.array([2, 2])]
    for split in (data.train, dataclasses.replace(data.train, exact=True)):
        for batch, chosen in zip(split.read(asked), asked, strict=True):
            assert batch.labels.tolist() == split.labels[chosen].tolist()
            want = [clips.read_clip(split.paths[i], "unit", (3, 10, 12)) for i in chosen]
            np.testing.assert_array_equal(batch.pictures, want)
            assert batch.pictures.dtype == (np.float32 if split.exact else np.uint8)


def test_only_so_many_pictures_are_read_ahead(tmp_path):
    data = resize_data(images.load_images(image_folder(tmp_path, 30), holdout=0.1), "unit", (4, 4))
    asked = []

    def batches():
        for start in range(0, 48, 4):
            asked.append(start)
            yield np.arange(start, start + 4)

    reader = data.train.read(batches())
    next(reader)
    assert len(asked) < 8  # of 12: one in use, the others in the reader's buffer
    assert sum(1 for _ in reader) == 11


def test_memory_does_not_grow_with_the_number_of_clips():
    """Of 300 clips only a batch and what is read ahead is alive at any time."""
    alive, most, begun = set(), [0], [0]

    def load(path, preprocessing, size, channels):
        clip = np.full((*size, channels), begun[0] % 200, np.float32)
        begun[0] += 1
        alive.add(number := begun[0])
        weakref.finalize(clip, alive.discard, number)
        most[0] = max(most[0], len(alive))
        return clip

    split = FileSplit((None,) * 300, np.arange(300), load, exact=True).resize("unit", (2, 4, 4))
    used, ahead = 0, []
    for batch in split.read(iterate_in_order(300, 10)):
        used += len(batch.labels)
        ahead.append(begun[0] - used)
    assert used == begun[0] == 300
    bound = max(READ_AHEAD, examine_processor().cores or 0) + 1
    assert max(ahead) <= bound
    assert most[0] <= 10 + bound


def test_what_a_reader_raises_is_raised_where_the_batch_is_wanted(capfd):
    def load(path, preprocessing, size, channels):
        if path == "bad":
            raise BadInputError("clip 3 is bad")
        return np.zeros((*size, channels))

    paths = ("a", "b", "c", "bad", "d")
    split = FileSplit(paths, np.arange(5), load).resize("unit", (2, 2))
    batches = split.read(iterate_in_order(5, 3))
    assert next(batches).labels.tolist() == [0, 1, 2]
    with pytest.raises(BadInputError, match="clip 3 is bad"):
        next(batches)

    def failing():
        yield np.array([0])
        raise BadInputError("no more")

    batches = dataclasses.replace(split, paths=("a",)).read(failing())
    assert len(next(batches).labels) == 1
    with pytest.raises(BadInputError, match="no more"):
        next(batches)
    assert "Traceback" not in capfd.readouterr().err


def test_every_core_has_a_picture_to_decode(monkeypatch):
    """Each call waits for as many others as there are cores."""
    cores = 2 * READ_AHEAD
    monkeypatch.setattr(read_ahead, "examine_processor", lambda: Processor(None, cores, None, None))
    barrier = threading.Barrier(cores, timeout=20)
    assert sorted(call_ahead([barrier.wait] * cores)) == list(range(cores))
