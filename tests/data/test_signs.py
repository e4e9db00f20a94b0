"""The hand-sign files: the document's helpers, the synthetic set, and every bad file."""

import hashlib

import h5py
import numpy as np
import pytest

from legacy_nets.data import signs
from legacy_nets.errors import BadInputError


def write(path, split="test", **replaced):
    content = {
        f"{split}_set_x": np.arange(12 * 64 * 64 * 3, dtype=np.uint32).astype(np.uint8),
        f"{split}_set_y": np.arange(12) % 6,
        "list_classes": np.arange(6),
    }
    content[f"{split}_set_x"] = content[f"{split}_set_x"].reshape(12, 64, 64, 3)
    with h5py.File(path, "w") as file:
        for name, value in (content | replaced).items():
            if value is not None:
                file[name] = value
    return path


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "train_signs.h5", "train")
    write(tmp_path / "test_signs.h5", "test")
    return tmp_path


def test_the_documents_loader(folder):
    x_train, y_train, x_test, y_test, classes = signs.load_dataset(folder)
    assert x_train.shape == x_test.shape == (12, 64, 64, 3)
    assert y_train.shape == y_test.shape == (1, 12)
    assert classes.tolist() == [0, 1, 2, 3, 4, 5]
    x, y, _, _ = signs.process_orig_datasets((x_train, y_train, x_test, y_test, classes))
    assert (x.max(), x.min(), y.shape, y.dtype) == (1.0, 0.0, (12, 6), np.float64)
    assert y.argmax(1).tolist() == y_train.ravel().tolist()


def test_convert_to_one_hot():
    got = signs.convert_to_one_hot(np.array([[2, 0]]), 3)
    assert got.tolist() == [[0, 1], [0, 0], [1, 0]]


def test_random_mini_batches():
    x, y = np.arange(70).reshape(70, 1), np.arange(70).reshape(70, 1) * 2
    batches = signs.random_mini_batches(x, y, 32, seed=0)
    assert [len(b[0]) for b in batches] == [32, 32, 6]
    assert np.concatenate([b[0] for b in batches]).ravel().tolist() == (
        np.random.RandomState(0).permutation(70).tolist()
    )
    assert all((b[1] == 2 * b[0]).all() for b in batches)
    again = signs.random_mini_batches(x, y, 32, seed=0)
    other = signs.random_mini_batches(x, y, 32, seed=1)
    assert (again[0][0] == batches[0][0]).all()
    assert (other[0][0] != batches[0][0]).any()
    assert len(signs.random_mini_batches(x[:64], y[:64], 32, seed=0)) == 2
    with pytest.raises(BadInputError, match="70 examples but 69 labels"):
        signs.random_mini_batches(x, y[:69])


def test_load_both_splits(folder):
    data = signs.load_signs(folder)
    assert (len(data.train.labels), len(data.test.labels)) == (12, 12)
    assert data.name == "train_signs.h5"
    with pytest.raises(BadInputError, match="both splits already"):
        signs.load_signs(folder, holdout=0.25)


def test_one_file_is_split_by_class(tmp_path):
    labels = np.repeat(np.arange(6), 20)
    pictures = np.zeros((120, 64, 64, 3), np.uint8)
    pictures[:, 0, 0, 0] = np.arange(120)
    write(tmp_path / "test_signs.h5", test_set_x=pictures, test_set_y=labels)
    data = signs.load_signs(tmp_path, holdout=0.25, seed=1)
    assert np.bincount(data.test.labels).tolist() == [5] * 6
    assert np.bincount(data.train.labels).tolist() == [15] * 6
    marks = [split.pictures[:, 0, 0, 0].tolist() for split in (data.train, data.test)]
    assert sorted(marks[0] + marks[1]) == list(range(120))
    assert (labels[marks[1]] == data.test.labels).all()
    assert signs.load_signs(tmp_path, 0.25, 1).test.pictures.tobytes() == (
        data.test.pictures.tobytes()
    )
    assert (signs.load_signs(tmp_path, 0.25, 2).test.pictures != data.test.pictures).any()
    with pytest.raises(BadInputError, match=r"has only test_signs\.h5: .*--holdout 0\.25"):
        signs.load_signs(tmp_path)
    assert len(signs.load_signs(tmp_path / "test_signs.h5", 0.25).test.labels) == 30
    with pytest.raises(BadInputError, match="between 0 and 1"):
        signs.load_signs(tmp_path, holdout=1.5)


@pytest.mark.parametrize("shape", [(12,), (12, 1), (1, 12)], ids=str)
def test_shapes_of_labels(tmp_path, shape):
    labels = np.arange(12) % 6
    write(tmp_path / "train_signs.h5", "train", train_set_y=labels.reshape(shape))
    write(tmp_path / "test_signs.h5", "test", test_set_y=labels[::-1].reshape(shape))
    data = signs.load_signs(tmp_path)
    assert data.train.labels.tolist() == labels.tolist()
    assert data.test.labels.tolist() == labels[::-1].tolist()
    assert signs.load_dataset(tmp_path)[1].tolist() == [labels.tolist()]


def test_one_label_has_the_shapes_of_one_image(tmp_path):
    one = {"test_set_x": np.zeros((1, 64, 64, 3), np.uint8), "test_set_y": np.array([[4]])}
    write(tmp_path / "test_signs.h5", **one)
    assert signs.read_signs(tmp_path / "test_signs.h5", "test").images.labels.tolist() == [4]


def test_classes_are_those_of_the_file_or_as_many_as_told(tmp_path):
    path = tmp_path / "test_signs.h5"
    cats = {"test_set_y": np.arange(12) % 2, "list_classes": np.array([b"non-cat", b"cat"])}
    write(path, **cats)
    assert signs.load_signs(path, 0.5).class_names == ("non-cat", "cat")
    write(path, test_set_y=np.arange(12) % 10, list_classes=np.arange(10))
    assert signs.load_signs(path, 0.5).class_names == tuple("0123456789")
    write(path, test_set_y=np.arange(12) % 10, list_classes=None)
    assert signs.load_signs(path, 0.5, num_classes=10).class_names == tuple("0123456789")
    with pytest.raises(BadInputError, match=r"label 9 of image 9 is outside 0 to 8: say how many"):
        signs.load_signs(path, 0.5, num_classes=9)
    write(tmp_path / "train_signs.h5", "train", list_classes=np.arange(1, 7))
    write(path)
    with pytest.raises(BadInputError, match=r"has the classes .*, the other file .*: both must"):
        signs.load_signs(tmp_path)


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"test_set_x": None}, "lacks the key test_set_x; it has list_classes, test_set_y"),
        ({"test_set_x": None, "test_set_y": None}, "test_set_x and test_set_y; it has list_cl"),
        ({"test_set_y": np.arange(13) % 6}, r"12 images but labels of shape \(13,\): they must be"),
        ({"test_set_y": np.zeros((2, 6), int)}, r"\(2, 6\): they must be \(12,\), \(12, 1\) or"),
        ({"test_set_y": np.arange(12)}, "label 6 of image 6 is outside 0 to 5"),
        ({"test_set_y": -np.arange(12) % 6 - 1}, "label -1 of image 0 is outside 0 to 5"),
        ({"test_set_y": np.arange(12.0) % 6}, "labels are float64: they must be integers"),
        ({"test_set_x": np.zeros((12, 32, 32, 3), np.uint8)}, r"\(32, 32, 3\): they must be \(64"),
        ({"test_set_x": np.zeros((12, 64, 64), np.uint8)}, r"images are \(12, 64, 64\)"),
        ({"test_set_x": np.uint8(3)}, r"images are \(\): they must be \(M, 64, 64, 3\)"),
        ({"test_set_x": np.zeros((12, 64, 64, 3))}, "images are float64: they must be uint8"),
        (
            {"test_set_x": np.where(np.arange(12)[:, None, None, None] == 7, np.nan, 0.5)
             * np.ones((12, 64, 64, 3))},
            "image 7 has pixels that are NaN",
        ),
        (
            {"test_set_x": np.zeros((0, 64, 64, 3), np.uint8), "test_set_y": np.zeros(0, int)},
            "the set is empty",
        ),
    ],
)  # fmt: skip
def test_bad_content(tmp_path, replaced, message):
    write(tmp_path / "test_signs.h5", **replaced)
    with pytest.raises(BadInputError, match=message) as caught:
        signs.load_signs(tmp_path, holdout=0.25)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "test_signs.h5") in str(caught.value)


def test_bad_files(tmp_path):
    path = tmp_path / "test_signs.h5"
    with pytest.raises(BadInputError, match="no such folder"):
        signs.load_signs(tmp_path / "none")
    with pytest.raises(BadInputError, match="holds neither"):
        signs.load_signs(tmp_path)
    path.write_text("<!DOCTYPE html><html><body>Sign in to download</body></html>")
    with pytest.raises(BadInputError, match="is an HTML page, as a failed download"):
        signs.load_signs(tmp_path, 0.25)
    path.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(BadInputError, match="is not an HDF5 file"):
        signs.load_signs(tmp_path, 0.25)
    whole = write(tmp_path / "whole.h5").read_bytes()
    for keep in (100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        with pytest.raises(BadInputError, match="is truncated or damaged") as caught:
            signs.load_signs(tmp_path, 0.25)
        assert "\n" not in str(caught.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(BadInputError, match="cannot be read: Is a directory"):
        signs.read_signs(path, "test")


def test_a_damaged_byte_anywhere_is_one_line_or_harmless(tmp_path):
    """Every 53rd byte of the file's own structures inverted, in turn."""
    path = tmp_path / "test_signs.h5"
    whole = write(path).read_bytes()
    refused = 0
    for place in [*range(0, 2500, 53), *range(len(whole) - 2500, len(whole), 53)]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            signs.load_signs(tmp_path, 0.25)
        except BadInputError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 5


def test_synthetic_and_real_splits_are_not_mixed(tmp_path, monkeypatch):
    monkeypatch.setattr(signs, "SYNTHETIC_PER_CLASS", {"train": 1, "test": 1})
    signs.make_signs(tmp_path)
    whole = signs.read_signs(tmp_path / "train_signs.h5", "train").images.pictures
    (tmp_path / "train_signs.h5").unlink()
    assert signs.needs_synthetic_signs(tmp_path)
    signs.make_signs(tmp_path)  # a set with one split missing is completed, with the same images
    again = signs.read_signs(tmp_path / "train_signs.h5", "train").images.pictures
    np.testing.assert_array_equal(again, whole)
    (tmp_path / "test_signs.h5").unlink()
    write(tmp_path / "test_signs.h5")
    with pytest.raises(BadInputError, match="mixes synthetic and real images"):
        signs.load_signs(tmp_path)
    (tmp_path / "train_signs.h5").unlink()
    assert not signs.needs_synthetic_signs(tmp_path)


def test_the_synthetic_set_has_the_documents_layout_and_says_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(signs, "SYNTHETIC_PER_CLASS", {"train": 3, "test": 1})
    signs.make_signs(tmp_path / "a")
    signs.make_signs(tmp_path / "b")
    data = signs.load_signs(tmp_path / "a")
    assert data.name == "synthetic hand signs, drawn by legacy_nets"
    assert np.bincount(data.train.labels).tolist() == [3] * 6
    assert np.bincount(data.test.labels).tolist() == [1] * 6
    again = signs.load_signs(tmp_path / "b")
    assert again.train.pictures.tobytes() == data.train.pictures.tobytes()
    assert len(signs.load_dataset(tmp_path / "a")) == 5
    before = hashlib.sha256((tmp_path / "a" / "train_signs.h5").read_bytes()).hexdigest()
    with pytest.raises(BadInputError, match="exists already"):
        signs.make_signs(tmp_path / "a")
    after = hashlib.sha256((tmp_path / "a" / "train_signs.h5").read_bytes()).hexdigest()
    assert after == before
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["test_signs.h5", "train_signs.h5"]
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="cannot be written"):
        signs.make_signs(tmp_path / "file" / "inside")
