"""The synthetic flowers: layout, names, determinism; colour alone does not classify them."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from legacy_nets.data import images
from legacy_nets.data.synthetic.flowers import NAMES, draw_flower, make_flowers
from legacy_nets.errors import BadInputError


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flowers") / "set"
    make_flowers(folder, (12, 4), seed=1)
    return folder


def test_the_layout_is_the_documents(flowers):
    assert NAMES == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    for split, count in (("train", 12), ("val", 4)):
        assert sorted(path.name for path in (flowers / split).iterdir()) == list(NAMES)
        for name in NAMES:
            files = sorted((flowers / split / name).iterdir())
            assert [file.name for file in files] == [f"{n:04}.jpg" for n in range(count)]
            with Image.open(files[0]) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (96, 96))


def test_the_set_loads_and_says_that_it_is_synthetic(flowers):
    data = images.load_images(flowers)
    assert data.name == "synthetic flowers, drawn by legacy_nets"
    assert data.class_names == NAMES and data.notes == ()
    assert np.bincount(data.train.labels).tolist() == [12] * 5
    assert np.bincount(data.test.labels).tolist() == [4] * 5


def test_the_same_seed_draws_the_same_files(flowers, tmp_path):
    make_flowers(tmp_path / "again", (2, 1), seed=1)
    make_flowers(tmp_path / "other", (2, 1), seed=2)
    hashes = [
        [
            hashlib.sha256((folder / path).read_bytes()).hexdigest()
            for path in ("train/daisy/0001.jpg", "val/tulips/0000.jpg")
        ]
        for folder in (flowers, tmp_path / "again", tmp_path / "other")
    ]
    assert hashes[0] == hashes[1]
    assert hashes[0][0] != hashes[2][0] and hashes[0][1] != hashes[2][1]


def test_no_two_pictures_are_alike(flowers):
    contents = {path.read_bytes() for path in flowers.rglob("*.jpg")}
    assert len(contents) == 5 * 16


def test_sizes_and_unknown_names():
    picture = draw_flower("roses", np.random.default_rng(0), 40)
    assert (picture.shape, picture.dtype) == ((40, 40, 3), np.uint8)
    assert picture.std() > 10
    with pytest.raises(
        BadInputError, match="no such flower: 'rose'; choose one of daisy, dandelion"
    ):
        draw_flower("rose", np.random.default_rng(0))


def test_it_does_not_draw_over_a_folder(flowers):
    with pytest.raises(BadInputError, match="exists already: remove it first"):
        make_flowers(flowers)


def test_nothing_is_left_of_a_set_that_cannot_be_written(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(BadInputError, match="cannot be written: .*No space left"):
        make_flowers(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_mean_colour_does_not_tell_them_apart():
    """A nearest-mean classifier on mean colours stays far below what a net must reach (0.9)."""
    colours = np.array(
        [
            [
                draw_flower(name, np.random.default_rng([7, k, n]), 32).mean((0, 1))
                for n in range(40)
            ]
            for k, name in enumerate(NAMES)
        ]
    )
    means = colours[:, :20].mean(1)
    test = colours[:, 20:]
    nearest = ((test[:, :, None] - means) ** 2).sum(-1).argmin(-1)
    accuracy = (nearest == np.arange(5)[:, None]).mean()
    assert accuracy < 0.6
