"""MNIST from mnist.npz and from idx files, the synthetic digits, and every bad file."""

import gzip
import re
import struct

import numpy as np
import pytest

from legacy_nets.data import mnist
from legacy_nets.data.synthetic import digits
from legacy_nets.errors import BadInputError

IMAGES = {
    split: np.arange(n * 28 * 28).astype(np.uint8).reshape(n, 28, 28)
    for split, n in (("train", 12), ("test", 5))
}
LABELS = {
    split: (np.arange(len(pictures)) % 10).astype(np.uint8) for split, pictures in IMAGES.items()
}
KEYS = {
    "x_train": IMAGES["train"],
    "y_train": LABELS["train"],
    "x_test": IMAGES["test"],
    "y_test": LABELS["test"],
}


@pytest.fixture
def idx(tmp_path):
    """The four idx files, gzipped."""
    for split, (images, labels) in mnist.IDX.items():
        mnist.write_idx(tmp_path / f"{images}.gz", IMAGES[split])
        mnist.write_idx(tmp_path / f"{labels}.gz", LABELS[split])
    return tmp_path


@pytest.fixture
def npz(tmp_path):
    np.savez(tmp_path / "mnist.npz", **KEYS)
    return tmp_path / "mnist.npz"


def assert_whole(data):
    for split, images in (("train", data.train), ("test", data.test)):
        assert (images.pictures[..., 0] == IMAGES[split]).all()
        assert images.pictures.shape == (*IMAGES[split].shape, 1)
        assert images.pictures.dtype == np.uint8
        assert images.labels.tolist() == LABELS[split].tolist()
        assert images.labels.dtype == np.int64
    assert (data.name, data.channels, data.mirror_classes) == ("MNIST", 1, {0, 8})
    assert data.class_names == tuple("0123456789")


def refused(path):
    with pytest.raises(BadInputError) as caught:
        mnist.read_mnist(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_npz(npz):
    assert mnist.is_mnist(npz) and mnist.is_mnist(npz.parent)
    assert_whole(mnist.load_mnist(npz))
    assert_whole(mnist.load_mnist(npz.parent))


def test_idx_gzipped(idx):
    assert mnist.is_mnist(idx)
    assert_whole(mnist.load_mnist(idx))


def test_idx_plain_with_the_other_names(idx):
    for path in list(idx.iterdir()):
        path.with_name(path.stem.replace("-idx", ".idx")).write_bytes(
            gzip.decompress(path.read_bytes())
        )
        path.unlink()
    assert sorted(path.name for path in idx.iterdir())[0] == "t10k-images.idx3-ubyte"
    assert_whole(mnist.load_mnist(idx))


def test_an_idx_file_is_the_original_format(idx):
    data = gzip.decompress((idx / "t10k-images-idx3-ubyte.gz").read_bytes())
    assert data[:16] == struct.pack(">4I", 2051, 5, 28, 28)
    assert data[16:] == IMAGES["test"].tobytes()
    data = gzip.decompress((idx / "t10k-labels-idx1-ubyte.gz").read_bytes())
    assert data == struct.pack(">2I", 2049, 5) + bytes(range(5))


def test_nothing_there(tmp_path):
    message = refused(tmp_path / "none")
    assert message.startswith(f"no MNIST at {tmp_path / 'none'}: put mnist.npz there, or train-im")
    assert f"{tmp_path} lacks train-images-idx3-ubyte (or " in refused(tmp_path)
    assert not mnist.is_mnist(tmp_path)


def test_a_missing_idx_file_is_named(idx):
    (idx / "t10k-labels-idx1-ubyte.gz").unlink()
    assert mnist.is_mnist(idx)
    assert f"{idx} lacks t10k-labels-idx1-ubyte (or" in refused(idx)


def test_sizes_are_compared_with_the_file(idx):
    path = idx / "train-images-idx3-ubyte.gz"
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(data[:-1])  # not gzipped: that is seen by the content
    assert refused(idx) == (
        f"{path} records 12x28x28 bytes but holds {12 * 784 - 1}: download it again"
    )
    path.write_bytes(data + b"\0")
    assert "12x28x28 bytes but holds 9409" in refused(idx)
    path.write_bytes(struct.pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 2**32 - 1) + data[16:])
    assert "but holds 9408" in refused(idx)
    path.write_bytes(data[:7])
    assert "but holds 0" in refused(idx)


def test_damaged_idx_files(idx):
    path = idx / "train-labels-idx1-ubyte.gz"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert refused(idx).startswith(f"{path} cannot be unpacked (")
    path.write_bytes((idx / "train-images-idx3-ubyte.gz").read_bytes())
    assert "is no idx file of labels (magic 2051, not 2049)" in refused(idx)
    path.write_bytes(b"<html>")
    assert "is no idx file of labels" in refused(idx)


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"y_test": None}, "lacks y_test; it has x_train, y_train, x_test: is it MNIST?"),
        ({"x_train": IMAGES["train"] / 255}, "(train): the images are float64 (12, 28, 28)"),
        ({"y_train": LABELS["train"][:3]}, "(train): 12 images but labels of shape (3,)"),
        ({"y_test": LABELS["test"] + 8}, "(test): label 10 of image 2 is outside 0 to 9"),
        ({"y_test": LABELS["test"] / 2}, "(test): the labels are float64"),
        ({"y_train": np.array(12 * ["daisy"])}, "(train): the labels are <U5: they must be int"),
        ({"x_test": IMAGES["test"][:0], "y_test": LABELS["test"][:0]}, "(test): no images"),
        ({"x_test": np.array([{}])}, "is not a readable .npz (Object arrays cannot be loaded"),
    ],
)
def test_bad_npz(tmp_path, replaced, message):
    arrays = {key: value for key, value in (KEYS | replaced).items() if value is not None}
    np.savez(tmp_path / "mnist.npz", **arrays)
    assert message in refused(tmp_path / "mnist.npz")


def test_damaged_npz(npz):
    data = npz.read_bytes()
    npz.write_bytes(data[: len(data) // 2])
    assert "is not a readable .npz (" in refused(npz)
    npz.write_bytes(b"")
    assert "is not a readable .npz (" in refused(npz)


def test_both_splits_are_there(npz):
    with pytest.raises(BadInputError, match="both splits already: leave --holdout out"):
        mnist.load_mnist(npz, holdout=0.2)


def test_the_stand_in_is_read_by_the_same_reader(tmp_path):
    folder = tmp_path / "new" / "digits"
    digits.make_digits(folder, (20, 10), seed=3)
    assert mnist.is_mnist(folder)
    data = mnist.load_mnist(folder)
    assert data.name == "synthetic digits, drawn by legacy_nets"
    assert data.train.labels.tolist() == [*range(10), *range(10)]
    assert data.test.pictures.shape == (10, 28, 28, 1)
    drawn, labels = digits.draw_digits(20, 6)
    assert (data.train.pictures[..., 0] == drawn).all()
    with pytest.raises(BadInputError, match=re.escape(f"{folder} exists already")):
        digits.make_digits(folder)


def test_the_stand_in_is_the_same_every_time(tmp_path):
    for name in ("a", "b"):
        digits.make_digits(tmp_path / name, (10, 10))
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 5
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    longer, _ = digits.draw_digits(12, 0)
    shorter, _ = digits.draw_digits(10, 0)
    assert (longer[:10] == shorter).all()


def test_synthetic_digits_look_as_mnist_does():
    pictures, labels = digits.draw_digits(100, 0)
    ink = pictures.reshape(100, -1).mean(1)
    assert 10 < ink.min() and ink.max() < 90  # MNIST: 33 on average
    assert pictures[:, [0, -1]].mean() < 1 and pictures[:, :, [0, -1]].mean() < 1  # a black rim
    y, x = np.mgrid[:28, :28]
    for axis in (x, y):  # centred
        middle = (pictures * axis).sum((1, 2)) / pictures.sum((1, 2))
        assert abs(middle - 13.5).max() < 5
    assert len({picture.tobytes() for picture in pictures}) == 100


@pytest.mark.parametrize(
    "call",
    [
        lambda: digits.draw_digits(0, 0),
        lambda: digits.draw_digit(10, np.random.default_rng(0)),
    ],
)
def test_digits_that_cannot_be_drawn(call):
    with pytest.raises(BadInputError):
        call()


def write_set(folder, prefix, first, count, test="t10k"):
    """Writes the idx files of a set with two pictures of each class, each filled with its label."""
    labels = np.repeat(np.arange(first, first + count), 2)
    images = np.tile(labels[:, None, None], (1, 4, 4))
    folder.mkdir(exist_ok=True)
    for split in ("train", test):
        mnist.write_idx(folder / f"{prefix}{split}-images-idx3-ubyte.gz", images)
        mnist.write_idx(folder / f"{prefix}{split}-labels-idx1-ubyte.gz", labels)
    return folder


@pytest.mark.parametrize(
    ("part", "first", "count", "names"),
    [
        ("letters", 1, 26, "ABZ"),
        ("balanced", 0, 47, "01t"),
        ("bymerge", 0, 47, "01t"),
        ("byclass", 0, 62, "01z"),
        ("digits", 0, 10, "019"),
    ],
)
def test_sets_of_emnist(tmp_path, part, first, count, names):
    data = mnist.load_mnist(write_set(tmp_path / "e", f"emnist-{part}-", first, count, "test"))
    assert data.name == f"EMNIST {part}" and len(data.class_names) == count
    assert (*data.class_names[:2], data.class_names[-1]) == tuple(names)
    assert data.train.labels.tolist() == [*np.repeat(range(count), 2)]
    assert (data.train.pictures[:, 0, 0, 0] == data.train.labels + first).all()
    assert data.notes[0] == (
        "the files of EMNIST hold transposed pictures: they are used as they are"
    )
    assert {data.class_names[index] for index in data.mirror_classes} <= set("08OX")


def test_letters_under_the_names_of_mnist(tmp_path):
    data = mnist.load_mnist(write_set(tmp_path / "e", "", 1, 26))
    assert (data.name, len(data.class_names)) == ("EMNIST letters", 26)
    assert data.notes[1].startswith("labels 1 to 26 are A, B, C")


def test_fashion_is_known_by_its_folder(tmp_path):
    data = mnist.load_mnist(write_set(tmp_path / "Fashion-MNIST", "", 0, 10))
    assert (data.name, data.class_names[9]) == ("Fashion-MNIST", "boot")
    assert data.mirror_classes == set(range(10)) and data.notes == ()


def test_labels_that_no_known_set_has(tmp_path):
    with pytest.raises(BadInputError) as caught:
        mnist.load_mnist(write_set(tmp_path / "e", "", 0, 12))
    assert str(caught.value) == (
        f"{tmp_path / 'e'} (train): label 10 of image 20 is outside 0 to 9: if this is a set of "
        "EMNIST, keep the names of its files, emnist-SET-train-images-idx3-ubyte.gz; else give "
        "--num-classes"
    )
    data = mnist.load_mnist(tmp_path / "e", num_classes=14)
    assert data.class_names == tuple(str(number) for number in range(14))
    assert data.train.labels.max() == 11 and data.name == "MNIST"


def test_two_sets_in_one_folder(tmp_path):
    folder = write_set(tmp_path / "e", "emnist-letters-", 1, 26, "test")
    write_set(folder, "", 0, 10)
    with pytest.raises(BadInputError) as caught:
        mnist.load_mnist(folder)
    assert str(caught.value) == (
        f"{folder} holds idx files of 2 sets (mnist, emnist-letters-): move one of them into a "
        "folder of its own"
    )
