"""Batches, augmentation, prefetching, pixels, single pictures."""

import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from legacy_nets import tf1 as tf
from legacy_nets.data.dataset import Augment, ImageData, Images, framed, prefetch, training_batches
from legacy_nets.data.preprocessing import frame, read_picture, resize_bilinear, to_pixels
from legacy_nets.errors import BadInputError

STILL = Augment(shift=0, zoom=0, rotate=0, flip=False, brightness=0)


def numbered(count):
    pictures = np.zeros((count, 8, 6, 3), np.uint8)
    pictures[:] = np.random.RandomState(0).randint(0, 256, (count, 8, 6, 3))
    return Images(pictures, np.arange(count))


def take(batches, count):
    return [batch.labels.tolist() for batch in itertools.islice(batches, count)]


def test_an_epoch_holds_every_image_once_and_the_next_one_in_another_order():
    batches = take(training_batches(numbered(10), 4, 0), 6)
    assert [len(batch) for batch in batches] == [4, 4, 2, 4, 4, 2]
    first, second = sum(batches[:3], []), sum(batches[3:], [])
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_the_batch_of_a_step_depends_on_seed_and_step_alone():
    images = numbered(10)
    whole = list(itertools.islice(training_batches(images, 4, 3, Augment()), 9))
    for start in (1, 3, 4, 8):
        late = next(training_batches(images, 4, 3, Augment(), first_step=start))
        assert late.labels.tolist() == whole[start].labels.tolist()
        assert late.pictures.tobytes() == whole[start].pictures.tobytes()
    assert take(training_batches(images, 4, 4), 3) != take(training_batches(images, 4, 3), 3)


def test_augmentation():
    images = numbered(6)
    [batch] = itertools.islice(training_batches(images, 6, 0, STILL), 1)
    assert (batch.pictures == images.pictures[batch.labels]).all()  # zeros change nothing
    flipping = Augment(shift=0, zoom=0, rotate=0, flip=True, brightness=0)
    seen = set()
    for batch in itertools.islice(
        training_batches(images, 6, 0, flipping, mirror_classes=frozenset({1, 2})), 20
    ):
        for picture, label in zip(batch.pictures, batch.labels, strict=True):
            original = images.pictures[label]
            mirrored = (picture == original[:, ::-1]).all()
            assert mirrored or (picture == original).all()
            seen.add((int(label), bool(mirrored)))
    assert {label for label, mirrored in seen if mirrored} == {1, 2}
    assert {label for label, mirrored in seen if not mirrored} == set(range(6))


def test_every_frame_of_a_clip_is_augmented_alike():
    frame = np.random.RandomState(0).randint(0, 256, (8, 6, 3)).astype(np.uint8)
    clips = Images(np.stack([[frame] * 4] * 3), np.zeros(3, np.int64))
    augment = Augment(shift=0.2, zoom=0.1, rotate=20, brightness=0.2)
    [batch] = itertools.islice(
        training_batches(clips, 3, 0, augment, mirror_classes=frozenset({0})), 1
    )
    assert batch.pictures.shape == (3, 4, 8, 6, 3) and batch.pictures.dtype == np.uint8
    assert (batch.pictures == batch.pictures[:, :1]).all()
    assert (batch.pictures[0] != batch.pictures[1]).any()
    assert (batch.pictures[0] != clips.pictures[0]).any()


def test_shift_moves_and_brightness_lights():
    picture = np.zeros((1, 20, 20, 3), np.uint8)
    picture[0, 8:12, 8:12] = 200
    shifting = Augment(shift=0.2, zoom=0, rotate=0, flip=False, brightness=0)
    lighting = Augment(shift=0, zoom=0, rotate=0, flip=False, brightness=0.2)
    one = Images(picture, np.zeros(1, np.int64))
    centres, lights = [], []
    for batch in itertools.islice(training_batches(one, 1, 0, shifting), 40):
        weight = batch.pictures[0, :, :, 0].astype(float)
        centres.append(weight.sum(0) @ np.arange(20) / weight.sum())
    for batch in itertools.islice(training_batches(one, 1, 0, lighting), 40):
        lights.append(int(batch.pictures[0, 10, 10, 0]))
    assert max(centres) <= 9.5 + 4.01 and min(centres) >= 9.5 - 4.01
    assert max(centres) - min(centres) > 5
    assert 100 < min(lights) < 190 and 210 < max(lights) <= 255


def test_prefetch_keeps_order_raises_and_stops():
    assert list(itertools.islice(prefetch(iter([1, 2, 3])), 3)) == [1, 2, 3]

    def failing():
        yield 1
        raise BadInputError("broken picture")

    batches = prefetch(failing())
    assert next(batches) == 1
    with pytest.raises(BadInputError, match="broken picture"):
        next(batches)
    endless = prefetch(itertools.count())
    assert next(endless) == 0
    endless.close()  # joins its thread, or this test would hang


def test_pixels():
    bytes_ = np.array([[[0, 51, 255]]], np.uint8)
    np.testing.assert_allclose(to_pixels(bytes_, "unit"), [[[0, 0.2, 1]]], atol=1e-7)
    np.testing.assert_allclose(to_pixels(bytes_, "inception"), [[[-1, -0.6, 1]]], atol=1e-6)
    np.testing.assert_allclose(
        to_pixels(bytes_, "vgg"), [[[-123.68, 51 - 116.779, 255 - 103.939]]], atol=1e-4
    )
    for kind, mean, deviation in (
        ("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("kinetics", (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
    ):
        want = (np.array([0, 0.2, 1]) - mean) / deviation
        np.testing.assert_allclose(to_pixels(bytes_, kind)[0, 0], want, atol=1e-6)
    assert to_pixels(bytes_, "unit").dtype == np.float32
    with pytest.raises(BadInputError, match="no such pixels: 'caffe'"):
        to_pixels(bytes_, "caffe")


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


def test_resize_bilinear_is_tf1s():
    """TF's own v1 op; that it equals TensorFlow 1.15.5's is asked in test_pixels_oracle.py."""
    picture = np.random.RandomState(0).randint(0, 256, (13, 17, 3)).astype(np.uint8)
    for height, width in ((9, 30), (40, 11), (13, 17)):
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
    inside = frame(picture, "inception", 20, 20)
    assert inside.shape == (20, 20, 3) and (inside == 100).all()
    assert frame(picture, "unit", 10, 20)[0, 0, 0] < 50
    wide = np.zeros((224, 448, 3), np.uint8)
    wide[:, 112:336] = 7
    middle = frame(wide, "vgg", 224, 224)  # 256 x 512, then its middle 224
    assert middle.shape == (224, 224, 3) and (middle[:, 2:-2] == 7).all()
    middle = frame(wide, "imagenet", 224, 224)
    assert middle.shape == (224, 224, 3) and (middle[:, 2:-2] == 7).all()
    video = np.zeros((128, 171, 3), np.uint8)
    video[8:120, 30:142] = 9  # the size of torchvision's preset: cut only
    assert (frame(video, "kinetics", 112, 112)[:, 1:-1] == 9).all()
    assert frame(video, "kinetics", 30, 40).shape == (30, 40, 3)


def test_the_whole_picture_less_the_means():
    """vgg_whole: what document 004's ResNet scripts feed, where slim cuts out the middle."""
    picture = np.zeros((20, 60, 3), np.uint8)
    picture[:, :10] = 200  # at the left edge, which vgg cuts away
    whole = frame(picture, "vgg_whole", 40, 40)
    np.testing.assert_array_equal(whole, frame(picture, "unit", 40, 40))
    assert (whole[:, 0] == 200).all() and (frame(picture, "vgg", 40, 40) == 0).all()
    np.testing.assert_array_equal(to_pixels(whole, "vgg_whole"), to_pixels(whole, "vgg"))


def whole(half):
    """All of a half in one batch."""
    [batch] = half.read([np.arange(len(half.labels))])
    return batch.pictures


def test_framed_data():
    data = ImageData("x", numbered(3), numbered(2), ("a",) * 3, frozenset())
    same = framed(data, "unit", (8, 6))
    assert same.train is data.train and same.test is data.test
    other = framed(data, "inception", (5, 5))
    assert whole(other.train).dtype == np.uint8 and whole(other.test).dtype == np.float32
    assert whole(other.train).shape == (3, 5, 5, 3)
    want = [frame(picture, "inception", 5, 5) for picture in data.test.pictures]
    np.testing.assert_array_equal(whole(other.test), want)
    want = np.rint([frame(picture, "inception", 5, 5) for picture in data.train.pictures])
    np.testing.assert_array_equal(whole(other.train), want)
    assert other.notes == ()
    again = framed(other, "unit", (8, 6))
    assert again.train is data.train and again.test is data.test  # not enlarged from 5x5


def test_a_set_in_memory_is_framed_one_batch_at_a_time():
    """1000 digits of 28x28 are 0.8 MB; at 224x224 they would be 600 MB."""
    digits = np.random.default_rng(0).integers(0, 256, (1000, 28, 28, 1), dtype=np.uint8)
    images = Images(digits, np.arange(1000))
    data = ImageData("x", images, images, ("a",), frozenset(), channels=1)
    tracemalloc.start()
    try:
        data = framed(data, "unit", (224, 224), channels=3)
        batches = training_batches(data.train, 4, 0)
        taken = [next(batches), next(data.test.read([np.array([7, 999])]))]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert data.train.raw.pictures is data.test.raw.pictures is digits
    assert [batch.pictures.shape for batch in taken] == [(4, 224, 224, 3), (2, 224, 224, 3)]
    for batch in taken:
        for picture, label in zip(batch.pictures, batch.labels, strict=True):
            want = frame(np.repeat(digits[label], 3, axis=-1), "unit", 224, 224)
            np.testing.assert_array_equal(picture, want)
    assert peak < 20 * taken[0].pictures.nbytes  # 12 MB


def test_colours_are_made_grey_and_grey_coloured_and_said():
    data = ImageData("x", numbered(3), numbered(2), ("a",) * 3, frozenset())
    grey = framed(data, "unit", (8, 6), channels=1)
    pictures = whole(grey.train)
    assert pictures.shape == (3, 8, 6, 1) and pictures.dtype == np.uint8
    luma = data.train.pictures.astype(float) @ (0.299, 0.587, 0.114)
    assert abs(pictures[..., 0] - luma).max() < 0.51
    assert grey.notes == ("colour pictures are made grey: the net takes 1 channel",)
    back = framed(dataclasses.replace(grey, test=Images(pictures, np.arange(3))), "unit", (8, 6))
    np.testing.assert_array_equal(whole(back.test), np.repeat(pictures, 3, axis=-1))
    assert back.notes[1:] == ("grey pictures are made RGB: the net takes 3 channels",)
    changed = Augment(shift=0.2, rotate=20)
    [batch] = itertools.islice(training_batches(grey.train, 3, 0, changed), 1)
    assert batch.pictures.shape == (3, 8, 6, 1)


def test_unreadable_pictures(tmp_path):
    with pytest.raises(BadInputError, match="no such image: "):
        read_picture(tmp_path / "none.png")
    with pytest.raises(BadInputError, match="is a folder: give the images in it"):
        read_picture(tmp_path)
    (tmp_path / "page.png").write_text("<html></html>")
    with pytest.raises(BadInputError, match=r"page\.png is not a readable PNG or JPEG"):
        read_picture(tmp_path / "page.png")
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (40, 40, 3), np.uint8)).save(whole)
    (tmp_path / "half.png").write_bytes(whole.read_bytes()[:1500])
    with pytest.raises(BadInputError, match=r"half\.png is not a readable"):
        read_picture(tmp_path / "half.png")
