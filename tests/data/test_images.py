"""Folders of images: layouts, conversions, corrupt files, class_indices.json, every bad folder."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from legacy_nets.data import images, mnist
from legacy_nets.data.class_indices import read_class_indices, write_class_indices
from legacy_nets.data.dataset import resize_data
from legacy_nets.data.image_files import detect_colour_mode, list_images
from legacy_nets.data.preprocessing import crop_and_resize, read_picture
from legacy_nets.errors import BadInputError

NEEDS_AVIF = pytest.mark.skipif(
    ".avif" not in Image.registered_extensions(), reason="this Pillow reads no AVIF"
)
RED, BLUE = (200, 10, 20), (10, 20, 200)


def save(path, colour=RED, size=(12, 8), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path)
    return path


def classes(folder, count=4, **colours):
    for name, colour in (colours or {"daisy": RED, "roses": BLUE}).items():
        for number in range(count):
            save(folder / name / f"{number}.png", colour)
    return folder


def everything(split):
    """All of a split in one batch."""
    [batch] = split.read([np.arange(len(split.labels))])
    return batch


def refused(*arguments, **options):
    with pytest.raises(BadInputError) as caught:
        images.load_images(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_documents_layout(tmp_path):
    classes(tmp_path / "train", 3, roses=BLUE, daisy=RED)
    classes(tmp_path / "val", 2, roses=BLUE, daisy=RED)
    save(tmp_path / "train" / "roses" / "deeper" / "x.JPG", BLUE)
    save(tmp_path / "train" / "roses" / ".hidden.png")
    (tmp_path / "train" / "roses" / "notes.txt").write_text("no image")
    data = images.load_images(tmp_path)
    assert (data.class_names, data.notes, data.channels) == (("daisy", "roses"), (), 3)
    assert data.name == tmp_path.name
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    assert data.train.labels.dtype == np.int64
    data = resize_data(data, "unit", (4, 6))
    pictures, labels = everything(data.train)
    assert (pictures.shape, pictures.dtype) == ((7, 4, 6, 3), np.uint8)
    assert labels.tolist() == data.train.labels.tolist()
    assert (pictures[:3] == RED).all() and (pictures[3:6] == BLUE).all()
    assert everything(data.test).pictures.dtype == np.float32  # exact, to evaluate


def test_pictures_are_those_that_predict_sees(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(2):
            noise = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{number}.jpg")
    data = images.load_images(tmp_path, holdout=0.5)
    for kind in ("unit", "vgg", "inception"):
        split = resize_data(data, kind, (24, 24)).test
        for path, picture in zip(split.paths, everything(split).pictures, strict=True):
            assert (picture == crop_and_resize(read_picture(path), kind, 24, 24)).all()


def test_a_seeded_split(tmp_path):
    classes(tmp_path, 10)
    first, again, other = (
        images.load_images(tmp_path, holdout=0.3, seed=seed) for seed in (1, 1, 2)
    )
    assert np.bincount(first.test.labels).tolist() == [3, 3]
    assert np.bincount(first.train.labels).tolist() == [7, 7]
    assert not set(first.train.paths) & set(first.test.paths)
    assert first.test.paths == again.test.paths != other.test.paths


@pytest.mark.parametrize(
    ("name", "mode", "kind"),
    [
        ("x.png", "L", "grey"),
        ("x.jpg", "L", "grey"),
        ("x.png", "LA", "grey"),
        ("x.png", "RGBA", "RGBA"),
        ("x.png", "P", "palette"),
        ("x.gif", "P", "palette"),
        ("x.jpg", "CMYK", "CMYK"),
        ("x.png", "1", "black-and-white"),
    ],
)
def test_other_kinds_are_converted_and_said(tmp_path, name, mode, kind):
    classes(tmp_path)
    path = save(tmp_path / "daisy" / name, (230, 230, 230), mode=mode)
    data = images.load_images(tmp_path, holdout=0.2)
    assert data.notes == (f"1 {kind} image converted to 8-bit RGB, {path} first",)
    picture = read_picture(path)
    assert (picture.shape, picture.dtype) == ((8, 12, 3), np.uint8)
    assert abs(picture.mean() - 230) < 7  # a 1-bit image is dithered, a CMYK JPEG coarse


@pytest.mark.parametrize("size", [(300, 3), (3, 300), (1, 1)])
def test_narrow_photos(tmp_path, size):
    """Checked at an eighth of their size, those below 8 pixels ended in a ZeroDivisionError."""
    path = save(classes(tmp_path) / "daisy" / "x.jpg", size=size)
    data = images.load_images(tmp_path, holdout=0.2)
    assert data.notes == () and path in {*data.train.paths, *data.test.paths}


@NEEDS_AVIF
def test_a_damaged_avif_is_skipped(tmp_path):
    """Pillow raises a RuntimeError for it, which ended in a traceback."""
    path = save(classes(tmp_path) / "daisy" / "x.avif")
    content = path.read_bytes()
    path.write_bytes(content[:200])
    data = images.load_images(tmp_path, holdout=0.2)
    assert data.notes == (f"skipped 1 image that cannot be read: {path}",)
    with pytest.raises(BadInputError, match="x.avif is not a readable image"):
        read_picture(path)


def test_a_photo_is_turned_though_another_entry_of_its_exif_block_is_bad(tmp_path):
    """Pillow's own function writes the block again, which raised a struct.error."""
    path = tmp_path / "x.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    picture = np.zeros((8, 16, 3), np.uint8)
    picture[:, :8] = RED
    Image.fromarray(picture).save(path, exif=exif, quality=100)
    plain = read_picture(path)
    exif[0x011A] = 72.0  # a resolution
    Image.fromarray(picture).save(path, exif=exif, quality=100)
    content = path.read_bytes()
    kind = content.index(b"\x01\x1a\x00\x05")  # two numbers, to be a text in place of it
    path.write_bytes(content[: kind + 3] + b"\x02" + content[kind + 4 :])
    assert (read_picture(path) == plain).all()
    np.testing.assert_allclose(plain[:4], np.full((4, 8, 3), RED), atol=3)
    np.testing.assert_allclose(plain[12:], np.zeros((4, 8, 3)), atol=3)


def test_sixteen_bits_keep_their_high_byte(tmp_path):
    classes(tmp_path)
    path = tmp_path / "daisy" / "deep.png"
    Image.fromarray(np.full((8, 12), 0xC801, np.uint16)).save(path)
    data = images.load_images(tmp_path, holdout=0.2)
    assert data.notes == (f"1 16-bit image converted to 8-bit RGB, {path} first",)
    assert (read_picture(path) == 0xC8).all()


@pytest.mark.parametrize(
    ("suffix", "image_format"),
    [
        (".jfif", "JPEG"),
        (".JFIF", "JPEG"),
        pytest.param(".avif", "AVIF", marks=NEEDS_AVIF),
    ],
)
def test_images_under_other_endings_are_found(tmp_path, suffix, image_format):
    path = classes(tmp_path) / "daisy" / f"x{suffix}"
    Image.new("RGB", (12, 8), RED).save(path, image_format, quality=100)
    assert path in list_images(tmp_path)
    assert images.load_images(tmp_path, holdout=0.2).notes == ()
    np.testing.assert_allclose(read_picture(path), np.full((8, 12, 3), RED), atol=3)


def test_sixteen_bits_of_colour(tmp_path):
    import struct
    import zlib

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = b"\0" + struct.pack(">3H", 0xC801, 0x0A02, 0x1403) * 2
    path = classes(tmp_path) / "daisy" / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">2I5B", 2, 2, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row * 2))
        + chunk(b"IEND", b"")
    )
    data = images.load_images(tmp_path, holdout=0.2)
    assert data.notes == (f"1 16-bit image converted to 8-bit RGB, {path} first",)
    assert (read_picture(path) == (0xC8, 0x0A, 0x14)).all()


@pytest.mark.parametrize(("dtype", "mode"), [(np.int32, "I"), (np.float32, "F")])
def test_thirty_two_bits_are_refused(tmp_path, dtype, mode):
    """Their high byte, or their whole part, would be nearly black without a word."""
    path = classes(tmp_path) / "daisy" / "deep.tif"
    Image.fromarray(np.full((8, 12), 200, dtype)).save(path)
    message = f"{path} holds 32-bit numbers (mode {mode}), and does not say which is white: save"
    with pytest.raises(BadInputError, match=re.escape(message)):
        read_picture(path)
    data = images.load_images(tmp_path, holdout=0.2)
    assert data.notes == (f"skipped 1 image that cannot be read: {path}",)


@pytest.mark.parametrize("exif", [b"garbage!", b"Exif\0\0II*\0"])
def test_a_damaged_note_of_how_the_camera_was_held_is_passed_over(tmp_path, exif):
    path = tmp_path / "x.webp"
    Image.new("RGB", (12, 8), RED).save(path, exif=exif, lossless=True)
    assert detect_colour_mode(path) == ""
    assert (read_picture(path) == RED).all() and read_picture(path).shape == (8, 12, 3)


def test_an_image_that_was_held_sideways_is_turned(tmp_path):
    note = Image.Exif()
    note[0x0112] = 6  # orientation: a quarter turn
    Image.new("RGB", (12, 8), RED).save(tmp_path / "x.webp", exif=note)
    assert read_picture(tmp_path / "x.webp").shape == (12, 8, 3)


def test_kinds_are_counted_over_both_splits(tmp_path):
    for split in ("train", "val"):
        classes(tmp_path / split)
        save(tmp_path / split / "daisy" / "grey.png", mode="L")
    first = tmp_path / "train" / "daisy" / "grey.png"
    assert images.load_images(tmp_path).notes == (
        f"2 grey images converted to 8-bit RGB, {first} first",
    )


def test_a_folder_of_grey_pictures_is_grey(tmp_path):
    """A grey net takes them as they are; for a colour net they are made RGB, with a note."""
    for name, mode in (("daisy", "L"), ("roses", "1")):
        for number in range(3):
            save(tmp_path / name / f"{number}.png", mode=mode)
    data = images.load_images(tmp_path, holdout=0.34)
    assert (data.channels, data.notes) == (1, ())
    grey = resize_data(data, "unit", (6, 6), channels=1)
    [batch] = grey.train.read([np.arange(2)])
    assert grey.notes == () and batch.pictures.shape == (2, 6, 6, 1)
    coloured = resize_data(data, "unit", (6, 6))
    assert coloured.notes == ("grey pictures are made RGB: the net takes 3 channels",)
    save(tmp_path / "roses" / "red.png")
    data = images.load_images(tmp_path, holdout=0.34)
    assert data.channels == 3 and len(data.notes) == 2


def broken(path):
    """A JPEG that lacks its second half, as a download that stopped."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def test_a_corrupt_image_is_named_and_skipped(tmp_path):
    path = broken(classes(tmp_path) / "daisy" / "half.jpg")
    data = images.load_images(tmp_path, holdout=0.25)
    assert data.notes == (f"skipped 1 image that cannot be read: {path}",)
    assert path not in (*data.train.paths, *data.test.paths)
    assert len(data.train.labels) + len(data.test.labels) == 8


def test_many_corrupt_images_are_counted(tmp_path):
    classes(tmp_path)
    for number in range(7):
        (tmp_path / "daisy" / f"bad{number}.png").write_bytes(b"not a PNG")
    [note] = images.load_images(tmp_path, holdout=0.25).notes
    assert note.startswith("skipped 7 images that cannot be read: ") and note.endswith("and 2 more")


def test_strict_refuses_a_corrupt_image(tmp_path):
    path = broken(classes(tmp_path) / "daisy" / "half.jpg")
    assert refused(tmp_path, holdout=0.25, strict=True) == (
        f"1 image that cannot be read: {path} (save again or remove; without --strict they are "
        "skipped)"
    )


def test_a_file_that_breaks_later_stops_the_reading(tmp_path):
    data = resize_data(images.load_images(classes(tmp_path), holdout=0.25), "unit", (4, 4))
    data.train.paths[0].unlink()
    with pytest.raises(BadInputError, match=re.escape(f"no such image: {data.train.paths[0]}")):
        everything(data.train)


def test_bad_folders(tmp_path):
    assert refused(tmp_path / "none") == f"no such folder: {tmp_path / 'none'}: check the path"
    assert "holds no sub-folders" in refused(tmp_path, holdout=0.2)
    save(tmp_path / "daisy" / "0.png")
    assert "holds one class only, daisy" in refused(tmp_path, holdout=0.2)
    (tmp_path / "roses").mkdir()
    message = refused(tmp_path, holdout=0.2)
    assert message.startswith(f"{tmp_path / 'roses'} holds no image (looked for .jpg")
    broken(tmp_path / "roses" / "0.jpg")
    assert "roses holds no image (none that can be read)" in refused(tmp_path, holdout=0.2)
    save(tmp_path / "roses" / "1.png")
    assert "say what share of each class" in refused(tmp_path)
    assert "must lie between 0 and 1" in refused(tmp_path, holdout=1.5)
    message = refused(tmp_path, holdout=0.2)
    assert message.startswith("--holdout 0.2 leaves no image of daisy, roses to train on")


def test_bad_splits(tmp_path):
    classes(tmp_path / "val")
    assert "has val, but no train" in refused(tmp_path)
    classes(tmp_path / "train", daisy=RED, tulips=BLUE)
    assert "the classes of train and val differ (roses, tulips)" in refused(tmp_path)
    classes(tmp_path / "train", tulips=BLUE, roses=BLUE)
    classes(tmp_path / "val", tulips=BLUE)
    assert images.load_images(tmp_path).class_names == ("daisy", "roses", "tulips")
    assert "already: leave --holdout out" in refused(tmp_path, holdout=0.2)


def test_class_indices_as_the_document_writes_them(tmp_path):
    path = tmp_path / "class_indices.json"
    write_class_indices(path, ("daisy", "roses"))
    assert path.read_text() == '{\n    "0": "daisy",\n    "1": "roses"\n}'
    assert read_class_indices(path) == ("daisy", "roses")
    path.write_text(json.dumps({str(n): f"c{n}" for n in reversed(range(12))}))
    assert read_class_indices(path) == tuple(f"c{n}" for n in range(12))


def test_class_indices_give_the_order(tmp_path):
    classes(tmp_path)
    write_class_indices(tmp_path / "class_indices.json", ("roses", "daisy"))
    data = resize_data(images.load_images(tmp_path, holdout=0.25), "unit", (4, 4))
    assert data.class_names == ("roses", "daisy")
    pictures, labels = everything(data.train)
    assert (pictures[labels == 0] == BLUE).all() and (pictures[labels == 1] == RED).all()
    write_class_indices(tmp_path / "class_indices.json", ("roses", "tulips"))
    assert "do not name the same classes (only one has daisy, tulips)" in refused(
        tmp_path, holdout=0.25
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('["daisy"]', 'must map "0"'),
        ('{"daisy": 0}', 'must map "0"'),
        ('{"0": "a", "2": "b"}', 'must map "0"'),
        ('{"0": "a", "1": "a"}', 'must map "0"'),
    ],
)
def test_bad_class_indices(tmp_path, text, message):
    path = tmp_path / "class_indices.json"
    path.write_text(text)
    with pytest.raises(BadInputError, match=re.escape(f"{path} {message}")):
        read_class_indices(path)


def test_a_folder_of_images_is_no_mnist(tmp_path):
    assert not mnist.is_mnist(classes(tmp_path))
