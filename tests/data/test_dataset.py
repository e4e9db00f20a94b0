"""Data sets at a net's size, preprocessing, single pictures."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from legacy_nets import tf1 as tf
from legacy_nets.data import preprocessing
from legacy_nets.data.augmentation import Augmentation, augment_picture
from legacy_nets.data.dataset import ImageData, resize_data
from legacy_nets.data.preprocessing import (
    IMAGE_FORMATS,
    crop_and_resize,
    read_picture,
    resize_bilinear,
    scale_pixels,
)
from legacy_nets.data.splits import Images
from legacy_nets.errors import BadInputError


def numbered(count):
    pictures = np.zeros((count, 8, 6, 3), np.uint8)
    pictures[:] = np.random.RandomState(0).randint(0, 256, (count, 8, 6, 3))
    return Images(pictures, np.arange(count))


def test_pixels():
    bytes_ = np.array([[[0, 51, 255]]], np.uint8)
    np.testing.assert_allclose(scale_pixels(bytes_, "unit"), [[[0, 0.2, 1]]], atol=1e-7)
    np.testing.assert_allclose(scale_pixels(bytes_, "inception"), [[[-1, -0.6, 1]]], atol=1e-6)
    np.testing.assert_allclose(
        scale_pixels(bytes_, "vgg"), [[[-123.68, 51 - 116.779, 255 - 103.939]]], atol=1e-4
    )
    for kind, mean, deviation in (
        ("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("kinetics", (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
    ):
        want = (np.array([0, 0.2, 1]) - mean) / deviation
        np.testing.assert_allclose(scale_pixels(bytes_, kind)[0, 0], want, atol=1e-6)
    assert scale_pixels(bytes_, "unit").dtype == np.float32
    with pytest.raises(BadInputError, match="no such preprocessing: 'caffe'"):
        scale_pixels(bytes_, "caffe")


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("RGB", "png"), ("RGBA", "png"), ("L", "png"), ("P", "png"), ("RGB", "jpg"), ("L", "jpg")],
)
def test_read_any_png_or_jpeg(tmp_path, mode, ending):
    path = tmp_path / f"picture.{ending}"
    Image.new("RGB", (50, 30), (90, 90, 90)).convert(mode).save(path)
    got = read_picture(path)
    assert (got.shape, got.dtype) == ((30, 50, 3), np.uint8)
    assert abs(got.mean() - 90) <= 3  # a palette is dithered


def test_pictures_of_phones_and_scanners(tmp_path):
    """EXIF orientation is followed; 16 bits of grey are scaled, not cut."""
    wide = Image.new("RGB", (40, 20))
    exif = wide.getexif()
    exif[0x0112] = 6  # held upright
    wide.save(tmp_path / "phone.jpg", exif=exif)
    assert read_picture(tmp_path / "phone.jpg").shape == (40, 20, 3)
    grey = np.full((5, 7), 20000, np.uint16)
    Image.fromarray(grey).save(tmp_path / "scan.png")
    assert (read_picture(tmp_path / "scan.png") == 20000 // 256).all()


@pytest.mark.parametrize("block", [1, 2000, 1 << 18])
def test_resize_bilinear_is_tf1s(monkeypatch, block):
    """TF's own v1 op; test_preprocessing_oracle.py asks whether 1.15.5's is the same.

    Row by row, by blocks of some rows, and at once.
    """
    monkeypatch.setattr(preprocessing, "_BLOCK", block)
    pixels = np.random.RandomState(0).randint(0, 256, (60, 80, 3)).astype(np.uint8)
    small, crop = pixels[:13, :17].copy(), pixels[5:-5, 8:-8]
    cases = [(small, size) for size in ((9, 30), (40, 11), (13, 17))]
    cases += [(crop, (24, 24)), (crop, (7, 500)), (small[..., :1], (30, 9))]
    for picture, (height, width) in cases:
        with tf.Graph().as_default(), tf.Session() as session:
            want = session.run(tf.image.resize_bilinear(picture[None], [height, width]))[0]
        got = resize_bilinear(picture, height, width)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=2e-4)


def test_pixel_centres_on_pixel_centres_is_pytorchs():
    """torch.nn.functional.interpolate(mode="bilinear"), worked by hand."""
    narrow = np.array([0, 6], np.uint8).reshape(1, 2, 1)
    got = resize_bilinear(narrow, 1, 4, half_pixels=True)[0, :, 0]
    np.testing.assert_allclose(got, [0, 1.5, 4.5, 6])
    wide = np.array([0, 3, 6, 9], np.uint8).reshape(1, 4, 1)
    got = resize_bilinear(wide, 1, 2, half_pixels=True)[0, :, 0]
    np.testing.assert_allclose(got, [1.5, 7.5])  # between the pixels


def test_frames():
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 5:75] = 100  # what is left of the width after 0.875: 5 pixels off each side
    inside = crop_and_resize(picture, "inception", 20, 20)
    assert inside.shape == (20, 20, 3) and (inside == 100).all()
    assert crop_and_resize(picture, "unit", 10, 20)[0, 0, 0] < 50
    wide = np.zeros((224, 448, 3), np.uint8)
    wide[:, 112:336] = 7
    middle = crop_and_resize(wide, "vgg", 224, 224)  # 256 x 512, then its middle 224
    assert middle.shape == (224, 224, 3) and (middle[:, 2:-2] == 7).all()
    middle = crop_and_resize(wide, "imagenet", 224, 224)
    assert middle.shape == (224, 224, 3) and (middle[:, 2:-2] == 7).all()
    video = np.zeros((128, 171, 3), np.uint8)
    video[8:120, 30:142] = 9  # the size of torchvision's preset: cut only
    assert (crop_and_resize(video, "kinetics", 112, 112)[:, 1:-1] == 9).all()
    assert crop_and_resize(video, "kinetics", 30, 40).shape == (30, 40, 3)


def test_the_whole_picture_less_the_means():
    """vgg_whole: what document 004's ResNet scripts feed, where slim cuts out the middle."""
    picture = np.zeros((20, 60, 3), np.uint8)
    picture[:, :10] = 200  # at the left edge, which vgg cuts away
    whole = crop_and_resize(picture, "vgg_whole", 40, 40)
    np.testing.assert_array_equal(whole, crop_and_resize(picture, "unit", 40, 40))
    assert (whole[:, 0] == 200).all() and (crop_and_resize(picture, "vgg", 40, 40) == 0).all()
    np.testing.assert_array_equal(scale_pixels(whole, "vgg_whole"), scale_pixels(whole, "vgg"))


def whole(split):
    """All of a split in one batch."""
    [batch] = split.read([np.arange(len(split.labels))])
    return batch.pictures


def test_resized_data():
    data = ImageData("x", numbered(3), numbered(2), ("a",) * 3, frozenset())
    same = resize_data(data, "unit", (8, 6))
    assert same.train is data.train and same.test is data.test
    other = resize_data(data, "inception", (5, 5))
    assert whole(other.train).dtype == np.uint8 and whole(other.test).dtype == np.float32
    assert whole(other.train).shape == (3, 5, 5, 3)
    want = [crop_and_resize(picture, "inception", 5, 5) for picture in data.test.pictures]
    np.testing.assert_array_equal(whole(other.test), want)
    want = np.rint([crop_and_resize(picture, "inception", 5, 5) for picture in data.train.pictures])
    np.testing.assert_array_equal(whole(other.train), want)
    assert other.notes == ()
    again = resize_data(other, "unit", (8, 6))
    assert again.train is data.train and again.test is data.test  # not enlarged from 5x5


def test_a_set_in_memory_is_resized_one_batch_at_a_time():
    """1000 digits of 28x28 are 0.8 MB; at 224x224 they would be 600 MB."""
    digits = np.random.default_rng(0).integers(0, 256, (1000, 28, 28, 1), dtype=np.uint8)
    images = Images(digits, np.arange(1000))
    data = ImageData("x", images, images, ("a",), frozenset(), channels=1)
    tracemalloc.start()
    try:
        data = resize_data(data, "unit", (224, 224), channels=3)
        train = data.train.read([np.array([3, 0, 500, 1])])
        taken = [next(train), next(data.test.read([np.array([7, 999])]))]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert data.train.originals.pictures is data.test.originals.pictures is digits
    assert [batch.pictures.shape for batch in taken] == [(4, 224, 224, 3), (2, 224, 224, 3)]
    for batch in taken:
        for picture, label in zip(batch.pictures, batch.labels, strict=True):
            want = crop_and_resize(np.repeat(digits[label], 3, axis=-1), "unit", 224, 224)
            np.testing.assert_array_equal(picture, want)
    assert peak < 20 * taken[0].pictures.nbytes  # 12 MB


def test_colours_are_made_grey_and_grey_coloured_and_said():
    data = ImageData("x", numbered(3), numbered(2), ("a",) * 3, frozenset())
    grey = resize_data(data, "unit", (8, 6), channels=1)
    pictures = whole(grey.train)
    assert pictures.shape == (3, 8, 6, 1) and pictures.dtype == np.uint8
    luma = data.train.pictures.astype(float) @ (0.299, 0.587, 0.114)
    assert abs(pictures[..., 0] - luma).max() < 0.51
    assert grey.notes == ("colour pictures are made grey: the net takes 1 channel",)
    back = resize_data(
        dataclasses.replace(grey, test=Images(pictures, np.arange(3))), "unit", (8, 6)
    )
    np.testing.assert_array_equal(whole(back.test), np.repeat(pictures, 3, axis=-1))
    assert back.notes[1:] == ("grey pictures are made RGB: the net takes 3 channels",)
    changed = Augmentation(shift=0.2, rotate=20)
    rng = np.random.default_rng(0)
    assert augment_picture(pictures[0], changed, False, rng).shape == (8, 6, 1)


def test_unreadable_pictures(tmp_path):
    with pytest.raises(BadInputError, match="no such image: "):
        read_picture(tmp_path / "none.png")
    with pytest.raises(BadInputError, match="is a folder: give the images in it"):
        read_picture(tmp_path)
    (tmp_path / "page.png").write_text("<html></html>")
    with pytest.raises(BadInputError, match=r"page\.png is not a readable image") as caught:
        read_picture(tmp_path / "page.png")
    assert ", ".join(IMAGE_FORMATS) in str(caught.value)
    with pytest.raises(BadInputError, match=rf"^records/1 .*\(not {', '.join(IMAGE_FORMATS)} "):
        read_picture("records/1", b"no picture")  # no place in memory is in the reason
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (40, 40, 3), np.uint8)).save(whole)
    (tmp_path / "half.png").write_bytes(whole.read_bytes()[:1500])
    with pytest.raises(BadInputError, match=r"half\.png is not a readable"):
        read_picture(tmp_path / "half.png")
