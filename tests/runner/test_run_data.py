"""Data sets under run: synthetic with --data synthetic, the user's with --data FOLDER."""

import numpy as np
import pytest
from scripts_of_users import run, write

from legacy_nets.data import mnist
from legacy_nets.data.synthetic.digits import draw_digits

DATASETS = """
import tensorflow as tf
for name in NAMES:
    module = getattr(tf.keras.datasets, name)
    (x, y), (x_test, y_test) = module.load_data()
    print(name, x.shape, x.dtype, y.shape, y.dtype, x_test.shape, len(set(y.ravel().tolist())))
    if hasattr(module, "get_word_index"):
        print(max(module.get_word_index().values()), x[0][0], min(min(text) for text in x))"""
FORMS = {
    "mnist": ["mnist (60000, 28, 28) uint8 (60000,) uint8 (10000, 28, 28) 10"],
    "fashion_mnist": ["fashion_mnist (60000, 28, 28) uint8 (60000,) uint8 (10000, 28, 28) 10"],
    "cifar10": ["cifar10 (50000, 32, 32, 3) uint8 (50000, 1) uint8 (10000, 32, 32, 3) 10"],
    "cifar100": ["cifar100 (50000, 32, 32, 3) uint8 (50000, 1) int64 (10000, 32, 32, 3) 100"],
    "imdb": ["imdb (25000,) object (25000,) int64 (25000,) 2", "88584 1 1"],
    "reuters": ["reuters (8982,) object (8982,) int64 (2246,) 46", "30979 1 1"],
    "boston_housing": ["boston_housing (404, 13) float64 (404,) float64 (102, 13) "],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Environment of a user without data; the tests of this file share the kept data."""
    folder = tmp_path_factory.mktemp("home")
    return {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}


@pytest.mark.slow
@pytest.mark.parametrize(("tf2", "names"), [(True, list(FORMS)), (False, ["boston_housing"])])
def test_keras_datasets_are_synthetic_where_asked(tmp_path, home, tf2, names):
    script = write(tmp_path, script=DATASETS.replace("NAMES", repr(names)))
    done = run(*(["--tf2"] if tf2 else []), "--data", "synthetic", script, **home)
    assert done.returncode == 0, done.stderr
    wanted = [line for name in names for line in FORMS[name]]
    for line, start in zip(done.stdout.splitlines(), wanted, strict=True):
        assert line.startswith(start)
    notices = [line for line in done.stderr.splitlines() if "synthetic data replace it" in line]
    assert notices[-1] == "legacy-nets: no boston_housing.npz: synthetic data replace it"
    assert len(notices) == len(set(notices)) == sum(len(FORMS[name]) for name in names)


@pytest.mark.slow
def test_read_data_sets_has_the_sizes_of_mnist(tmp_path, home):
    source = """
    from tensorflow.examples.tutorials.mnist import input_data
    mnist = input_data.read_data_sets('MNIST_data', one_hot=True)
    images, labels = mnist.train.next_batch(50)
    print(images.shape, labels.shape, images.dtype, images.min(), images.max())
    print(mnist.train.num_examples, mnist.validation.num_examples, mnist.test.num_examples)
    """
    script = write(tmp_path, script=source)
    done = run("--data", "synthetic", script, cwd=tmp_path, **home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["(50, 784) (50, 10) float32 0.0 1.0", "55000 5000 10000"]
    assert "legacy-nets: no MNIST at MNIST_data: synthetic digits replace it" in done.stderr
    again = run("--data", "synthetic", script, cwd=tmp_path, **home)
    assert again.stdout == done.stdout and "generating" not in again.stderr


@pytest.fixture
def own_files(tmp_path):
    """A folder with MNIST's files of a user: 30 and 20 digits."""
    folder = tmp_path / "own"
    folder.mkdir()
    arrays = {}
    for split, count in (("train", 30), ("test", 20)):
        arrays[f"x_{split}"], arrays[f"y_{split}"] = draw_digits(count, 0)
    np.savez(folder / mnist.NPZ, **arrays)
    return folder


@pytest.mark.slow
def test_a_folder_of_the_user_answers_both(tmp_path, home, own_files):
    source = """
    import tensorflow as tf
    from tensorflow.examples.tutorials.mnist import input_data
    print(input_data.read_data_sets('MNIST_data', validation_size=5).train.num_examples)
    print(tf.keras.datasets.mnist.load_data(path='other.npz')[1][0].shape)
    """
    script = write(tmp_path, script=source)
    done = run("--data", own_files, script, cwd=tmp_path, **home)
    assert (done.returncode, done.stdout) == (0, "25\n(20, 28, 28)\n"), done.stderr


@pytest.mark.parametrize("tf2", [False, True])
@pytest.mark.slow
def test_without_data_nothing_is_downloaded(tmp_path, home, tf2):
    source = """
    import tensorflow.keras.datasets.cifar10 as cifar10
    cifar10.load_data()
    """
    done = run(*(["--tf2"] if tf2 else []), write(tmp_path, script=source), **home)
    assert done.returncode == 1
    place = f"{home['HOME']}/.keras/datasets/cifar-10-batches-py"
    assert done.stderr.splitlines()[-1] == (
        f"legacy_nets.errors.BadInputError: no cifar-10-batches-py at {place}: nothing is "
        "downloaded: put it there, or run it again with --data synthetic or --data FOLDER"
    )


def test_a_missing_folder_is_refused(tmp_path):
    done = run("--data", tmp_path / "none", write(tmp_path, script="print('ran')"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"legacy-nets: --data {tmp_path / 'none'}: no such folder: check the path, or say --data "
        "synthetic\n"
    )
