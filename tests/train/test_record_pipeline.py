"""Records are read for training by tf.data: the same pictures, in the same order, as by Pillow."""

import dataclasses
import itertools

import numpy as np
import pytest
from PIL import Image

from legacy_nets.data.images import load_images
from legacy_nets.data.preprocessing import read_picture, resize_picture
from legacy_nets.data.records.load import load_records
from legacy_nets.data.records.write import write_records
from legacy_nets.data.splits import FileSplit
from legacy_nets.errors import BadInputError
from legacy_nets.train import record_pipeline
from legacy_nets.train.batches import Share, read_training_batches
from legacy_nets.train.record_pipeline import read_records

SIZES = [(90, 70), (33, 121), (64, 64), (31, 35)]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """The training split of 24 pictures of every kind, in two files."""
    root = tmp_path_factory.mktemp("records")
    rng = np.random.default_rng(0)
    for split, name in (("train", "a"), ("train", "b"), ("val", "a"), ("val", "b")):
        folder = root / "pictures" / split / name
        folder.mkdir(parents=True)
        for number, size in enumerate(SIZES):
            small = Image.fromarray(rng.integers(0, 256, (5, 4, 3), np.uint8))
            image = small.resize(size, Image.Resampling.BICUBIC)
            image.save(folder / f"{number}.jpg", quality=90)
            image.save(folder / f"{number}.png")
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        image.save(folder / "turned.jpg", exif=exif)
        image.convert("CMYK").save(folder / "cmyk.jpg")
        image.convert("L").save(folder / "grey.jpg")
        image.convert("P").save(folder / "palette.png")
    write_records(load_images(root / "pictures"), root / "records", 2)
    return load_records(root / "records").train


def list_batches(split):
    """The indices of a split in batches of several sizes, not in order."""
    order = np.random.default_rng(1).permutation(len(split.labels))
    return [order[:5], order[5:6], order[6:], order[:2]]


@pytest.mark.parametrize(
    ("preprocessing", "channels", "equal"),
    [
        ("unit", 3, 0.8),  # Pillow rounds between the axes
        ("unit", 1, 0.8),
        ("vgg_whole", 3, 0.8),
        ("imagenet", 3, 0.8),
        ("inception", 3, 0.999),  # else a number between two levels
        ("inception", 1, 0.999),
        ("vgg", 3, 0.999),
        ("kinetics", 3, 0.999),
    ],
)
def test_the_pictures_are_those_of_pillow(records, preprocessing, channels, equal):
    split = records.resize(preprocessing, (48, 56), channels)
    batches = list_batches(split)
    got, want = list(read_records(split, batches)), list(split.read(batches))
    assert len(split.labels) == 24 and len(got) == len(want) == 4
    for one, other in zip(got, want, strict=True):
        assert one.labels.tolist() == other.labels.tolist()
        assert one.pictures.dtype == np.uint8
        assert one.pictures.shape == other.pictures.shape == (len(one.labels), 48, 56, channels)
    pairs = [(x.pictures.astype(int), y.pictures) for x, y in zip(got, want, strict=True)]
    differences = np.concatenate([np.abs(x - y).ravel() for x, y in pairs])
    assert differences.max() <= 1 and (differences == 0).mean() >= equal


def test_pictures_of_the_nets_size_are_unchanged(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for folder in ("train/a", "train/b", "val/a", "val/b"):
        (tmp_path / "pictures" / folder).mkdir(parents=True)
        Image.fromarray(noise).save(tmp_path / "pictures" / folder / "noise.png")
    write_records(load_images(tmp_path / "pictures"), tmp_path / "records", 1)
    split = load_records(tmp_path / "records").train.resize("unit", (20, 30))
    [got] = read_records(split, [np.array([0, 1])])
    assert np.array_equal(got.pictures, [noise, noise])


def test_training_reads_records_as_it_reads_files(records):
    """The order is the same, and a run that is continued goes on with the next batch."""
    split = records.resize("inception", (16, 16))
    fields = {field.name: getattr(split, field.name) for field in dataclasses.fields(FileSplit)}
    files = FileSplit(**fields)
    for share in (Share(0, 1), Share(1, 2)):
        runs = [
            list(itertools.islice(read_training_batches(each, 5, 3, share=share), 8))
            for each in (split, files)
        ]
        for got, want in zip(*runs, strict=True):
            assert got.labels.tolist() == want.labels.tolist()
            np.testing.assert_allclose(got.pictures, want.pictures.astype(int), atol=1)
        later = read_training_batches(split, 5, 3, first_step=6, share=share)
        assert np.array_equal(next(later).pictures, runs[0][6].pictures)
        later.close()


def test_what_the_batches_raise_comes_after_the_pictures_before(records):
    def list_indices():
        yield np.array([1, 2])
        raise BadInputError("3 pictures are too few")

    images = read_records(records.resize("unit", (8, 8)), list_indices())
    assert next(images).pictures.shape == (2, 8, 8, 3)
    with pytest.raises(BadInputError, match=r"^3 pictures are too few$"):
        next(images)


@pytest.mark.parametrize("damage", ["cut off", "another file"])
def test_a_picture_that_was_damaged_since_is_named(records, damage):
    """Its record was sound when the list was made."""
    good = records.resize("unit", (8, 8))
    bad = good.paths[3]

    def read_file(path):
        content = good.read_file(path)
        return content if path != bad else content[:-40] if damage == "cut off" else b"no image"

    def load(path, *size):
        return resize_picture(read_picture(path, read_file(path)), *size)

    split = dataclasses.replace(good, read_file=read_file, load=load)
    images = read_records(split, [np.array([1]), np.array([2, 3]), np.array([4])])
    assert next(images).pictures.shape == (1, 8, 8, 3)
    with pytest.raises(BadInputError, match=f"^{bad} is not a readable image"):
        next(images)


def test_a_picture_that_only_pillow_reads_is_read_by_it(records, monkeypatch):
    split = records.resize("unit", (8, 8))
    broken = b"\xff\xd8\xff no JPEG"
    monkeypatch.setattr(record_pipeline, "encode_file", lambda *_: (broken, "jpg", (1, 1)))
    batches = [np.array([1, 0]), np.array([2])]
    for got, want in zip(read_records(split, batches), split.read(batches), strict=True):
        assert np.array_equal(got.pictures, want.pictures)
