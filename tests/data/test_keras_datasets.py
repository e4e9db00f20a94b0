"""Files of keras.datasets: where they are looked for, which are accepted, and the kept data."""

import hashlib
import pickle
import re

import numpy as np
import pytest

from legacy_nets.data import keras_datasets
from legacy_nets.data.synthetic import cache, digits, keras_files
from legacy_nets.errors import BadInputError


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """The cache folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "legacy_nets" / f"synthetic-{cache.VERSION}"


@pytest.fixture
def keras(tmp_path):
    """The folder that replaces ~/.keras/datasets."""
    (tmp_path / "keras").mkdir()
    return tmp_path / "keras"


def test_data_are_generated_once_and_kept(kept, capsys):
    calls = []

    def write(path):
        calls.append(path)
        path.write_text("data")

    assert cache.keep_data("set.txt", write) == kept / "set.txt"
    assert cache.keep_data("set.txt", write).read_text() == "data"
    assert len(calls) == 1 and calls[0].name == "set.txt"
    assert capsys.readouterr().err == f"legacy-nets: generating set.txt, kept in {kept} ...\n"
    assert [path.name for path in kept.iterdir()] == ["set.txt"]


def test_a_relative_xdg_folder_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.find_folder().parent == tmp_path / ".cache" / "legacy_nets"


@pytest.mark.parametrize("is_folder", [False, True])
def test_two_processes_may_generate_at_once(kept, is_folder):
    """The second start finishes while the first writes; both get complete data."""

    def write(path):
        if is_folder:
            path.mkdir()
            path = path / "part"
        path.write_text("data")

    def write_late(path):
        assert cache.keep_data("set", write) == kept / "set"
        write(path)

    path = cache.keep_data("set", write_late)
    assert (path / "part" if is_folder else path).read_text() == "data"
    assert [path.name for path in kept.iterdir()] == ["set"]


def test_nothing_is_left_of_data_that_cannot_be_written(kept):
    def write(path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(BadInputError, match=r"cannot be kept in .*No space left.*XDG_CACHE_HOME"):
        cache.keep_data("set", write)
    assert list(kept.iterdir()) == []


def test_shifted_digits_are_distinct_and_complete():
    pictures, labels = digits.draw_shifted_digits(200, 0)
    assert (pictures.shape, pictures.dtype, labels.dtype) == ((200, 28, 28), np.uint8, np.int64)
    assert labels.tolist() == list(range(10)) * 20
    assert len({picture.tobytes() for picture in pictures}) == 200
    drawn, _ = digits.draw_digits(20, 0)
    assert (pictures[:20] == drawn).all()
    assert (pictures[20:40, :, 1:] == drawn[:, :, :-1]).all()  # one pixel to the right
    assert (pictures[180:, :, 2:] == drawn[:, :, :-2]).all()
    with pytest.raises(BadInputError, match="ask for a multiple of 100"):
        digits.draw_shifted_digits(110, 0)


def test_prices_and_words_have_the_real_form(tmp_path):
    keras_files.write_boston_housing(tmp_path / "boston_housing.npz")
    with np.load(tmp_path / "boston_housing.npz") as file:
        x, y = file["x"], file["y"]
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((506, 13), np.float64, (506,), np.float64)
    assert set(x[:, 3]) == {0, 1} and 5 <= y.min() and y.max() <= 50
    weights = np.linalg.lstsq(np.c_[x, np.ones(506)], y, rcond=None)[0]
    assert (np.c_[x, np.ones(506)] @ weights - y).std() < 0.5 * y.std()  # prices can be learned
    keras_files.WRITERS["reuters_word_index.json"](tmp_path / "index.json")
    assert '"word30979": 30979}' in (tmp_path / "index.json").read_text()


def test_a_missing_file_is_refused_with_all_places(keras, tmp_path):
    refuse = re.escape(
        f"no imdb.npz at {keras / 'imdb.npz'}: nothing is downloaded: put it there, or run it "
        "again with --data synthetic or --data FOLDER"
    )
    with pytest.raises(BadInputError, match=f"^{refuse}$"):
        keras_datasets.find_keras_file("imdb.npz", keras / "imdb.npz", None)
    with pytest.raises(BadInputError, match=re.escape(f"at {tmp_path / 'imdb.npz'} or {keras}")):
        keras_datasets.find_keras_file("imdb.npz", keras / "imdb.npz", str(tmp_path))


def test_the_folder_comes_before_keras_and_synthetic_data_last(keras, tmp_path, kept, capsys):
    name, path = "boston_housing.npz", keras / "boston_housing.npz"
    found = keras_datasets.find_keras_file(name, path, "synthetic")
    assert found == kept / name and found.is_file()
    assert "legacy-nets: no boston_housing.npz: synthetic data replace it\n" in (
        capsys.readouterr().err
    )
    np.savez(path, x=np.zeros([2, 13]), y=np.zeros(2))
    assert keras_datasets.find_keras_file(name, path, "synthetic") == path
    assert keras_datasets.find_keras_file(name, path, None) == path
    np.savez(tmp_path / name, x=np.zeros([2, 13]), y=np.zeros(2))
    assert keras_datasets.find_keras_file(name, path, str(tmp_path)) == tmp_path / name


def test_unknown_pickles_are_refused(keras):
    path = keras / "imdb.npz"
    texts = np.empty(2, object)
    texts[:] = [[1, 2], [3]]
    np.savez(path, x_train=texts)
    published = hashlib.sha256(path.read_bytes()).hexdigest()
    assert keras_datasets.find_keras_file("imdb.npz", path, None, published) == path
    with pytest.raises(BadInputError, match=r"imdb.npz is not the file that was published \(sha"):
        keras_datasets.find_keras_file("imdb.npz", path, None, "0" * 64)
    other = path.rename(keras / "copy")  # the script's own name for it
    with pytest.raises(BadInputError, match=r"copy is not the file that was published \(sha"):
        keras_datasets.find_keras_file("imdb.npz", other, None, "0" * 64)
    folder = keras / "cifar-100-python"
    folder.mkdir()
    with pytest.raises(BadInputError, match=r"train cannot be read \(No such file"):
        keras_datasets.find_keras_file(folder.name, folder, None)
    (folder / "train").write_bytes(pickle.dumps({}))
    with pytest.raises(BadInputError, match=r"train is not the file that was published \(md5"):
        keras_datasets.find_keras_file(folder.name, folder, None)
