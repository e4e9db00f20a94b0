"""Hand signs 0 to 5 in two h5 files, as document 001 describes them, and its helpers.

``train_signs.h5`` holds ``train_set_x`` uint8 [1080, 64, 64, 3] and ``train_set_y`` [1080];
``test_signs.h5`` holds ``test_set_x`` [120, 64, 64, 3] and ``test_set_y``; both hold
``list_classes``. Where a user has no such files, ``make_signs`` draws a synthetic set in
exactly that layout.
"""

from __future__ import annotations

import pathlib
from typing import Any

import h5py
import numpy as np

from legacy_nets.data.dataset import ImageData, Images, split
from legacy_nets.errors import BadInputError, MissingHoldoutError, join_lines
from legacy_nets.files import replace_on_success, suggest_paths

SIZE = 64
CLASSES = 6
HALVES = ("train", "test")
DRAWN = {"train": 180, "test": 20}  # synthetic images of each class
SYNTHETIC = "synthetic hand signs, drawn by legacy_nets"
H5_MAGIC = b"\x89HDF\r\n\x1a\n"


def signs_file(folder: pathlib.Path, half: str) -> pathlib.Path:
    """The path of one half ("train" or "test") of the set."""
    return folder / f"{half}_signs.h5"


def lacks_synthetic(folder: pathlib.Path) -> bool:
    """Whether ``make_signs`` may draw there: no file yet, or one synthetic half of two."""
    there = [half for half in HALVES if signs_file(folder, half).exists()]
    return not there or (
        len(there) == 1 and read_half(signs_file(folder, there[0]), there[0])[1] == SYNTHETIC
    )


def make_signs(folder: str | pathlib.Path, seed: int = 0) -> None:
    """Draws the synthetic set (1080 + 120 images, deterministic) into ``folder``.

    Of a set that was left half drawn, it draws the other half. Raises BadInputError where other
    files of that name are there, or they cannot be written.
    """
    from legacy_nets.data.synthetic.hands import draw_signs

    folder = pathlib.Path(folder)
    there = [signs_file(folder, half) for half in HALVES if signs_file(folder, half).exists()]
    if there and not lacks_synthetic(folder):
        raise BadInputError(f"{there[0]} is there already: remove it first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, half in enumerate(HALVES):
            path = signs_file(folder, half)
            if path in there:
                continue
            pictures, labels = draw_signs(DRAWN[half], seed=2 * seed + number)
            with replace_on_success(path) as unfinished, h5py.File(unfinished, "w") as file:
                file.attrs["description"] = SYNTHETIC
                file[f"{half}_set_x"] = pictures
                file[f"{half}_set_y"] = labels
                file["list_classes"] = np.arange(CLASSES)
    except OSError as error:
        raise BadInputError(
            f"the synthetic signs cannot be written to {folder}: {join_lines(error)}"
        ) from error


def read_half(path: pathlib.Path, half: str) -> tuple[Images, str]:
    """Reads and checks one h5 file: its images, and what the file calls itself.

    Raises BadInputError, in one line, for whatever is wrong with it.
    """
    if not path.exists():
        raise BadInputError(f"no such file: {path}{suggest_paths(path)}")
    try:
        with open(path, "rb") as start:
            head = start.read(512)
        if not head.startswith(H5_MAGIC):
            page = b"<html" in head.lower() or b"<!doctype" in head.lower()
            what = "an HTML page, as a failed download leaves it" if page else "not an HDF5 file"
            raise BadInputError(f"{path} is {what}: download it again")
        with h5py.File(path, "r") as file:
            absent = [key for key in (f"{half}_set_x", f"{half}_set_y") if key not in file]
            if absent:
                raise BadInputError(
                    f"{path} lacks the key {' and '.join(absent)}; it has "
                    f"{', '.join(sorted(file)) or 'none'}: is it the {half} half of the hand signs?"
                )
            pictures = np.array(file[f"{half}_set_x"])
            labels = np.array(file[f"{half}_set_y"])
            description = str(file.attrs.get("description", path.name))
    except (IsADirectoryError, PermissionError) as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from None
    except BadInputError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:  # h5py has many
        raise BadInputError(
            f"{path} is truncated or damaged ({join_lines(error)[:200]}): download it again"
        ) from None
    _check(pictures, labels, path)
    return Images(pictures, labels.astype(np.int64)), description


def _check(pictures: np.ndarray, labels: np.ndarray, path: pathlib.Path) -> None:
    def refuse(problem: str) -> None:
        raise BadInputError(f"{path}: {problem}")

    if pictures.ndim != 4:
        refuse(f"the images are {pictures.shape}: they must be (M, {SIZE}, {SIZE}, 3)")
    if labels.ndim != 1 or len(labels) != len(pictures):
        refuse(f"{len(pictures)} images but labels of shape {labels.shape}: one label per image")
    if len(pictures) == 0:
        refuse("the set is empty: no images")
    if np.issubdtype(pictures.dtype, np.floating) and not np.isfinite(pictures).all():
        bad = int(np.flatnonzero(~np.isfinite(pictures.reshape(len(pictures), -1)).all(1))[0])
        refuse(f"image {bad} has pixels that are NaN or infinite: save the images as uint8")
    if pictures.dtype != np.uint8:
        refuse(f"the images are {pictures.dtype}: they must be uint8 from 0 to 255")
    if pictures.shape[1:] != (SIZE, SIZE, 3):
        refuse(f"the images are {pictures.shape[1:]}: they must be ({SIZE}, {SIZE}, 3)")
    if not np.issubdtype(labels.dtype, np.integer):
        refuse(f"the labels are {labels.dtype}: they must be integers")
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(wrong):
        refuse(f"label {labels[wrong[0]]} of image {wrong[0]} is outside 0 to {CLASSES - 1}")


def load_dataset(path: str | pathlib.Path) -> tuple[np.ndarray, ...]:
    """The document's loader: (train x, train y [1, M], test x, test y [1, M], classes).

    ``path`` is the folder of the two files; images are uint8 [M, 64, 64, 3].
    """
    folder = _folder(path)
    train, test = (read_half(signs_file(folder, half), half)[0] for half in HALVES)
    return (
        train.pictures,
        train.labels.reshape(1, -1),
        test.pictures,
        test.labels.reshape(1, -1),
        np.arange(CLASSES),
    )


def process_orig_datasets(datasets: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Scales to [0, 1] and makes one-hot labels: (X_train, Y_train, X_test, Y_test).

    X is float64 [M, 64, 64, 3], Y is float64 [M, 6].
    """
    x_train, y_train, x_test, y_test, classes = datasets
    one_hot = [convert_to_one_hot(y, len(classes)).T for y in (y_train, y_test)]
    return x_train / 255.0, one_hot[0], x_test / 255.0, one_hot[1]


def convert_to_one_hot(Y: np.ndarray, C: int) -> np.ndarray:
    """One-hot float64 [C, M] of integer labels of any shape with M entries."""
    return np.eye(C)[np.reshape(Y, -1)].T


def random_mini_batches(
    X: np.ndarray, Y: np.ndarray, mini_batch_size: int = 64, seed: int | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Shuffles once and cuts into (X, Y) pairs; the last one holds what is left.

    Call it once per epoch (001-E03). With a seed, the order is that of
    ``np.random.RandomState(seed).permutation``, as in the document's source.
    """
    if len(X) != len(Y):
        raise BadInputError(f"{len(X)} examples but {len(Y)} labels: one label per example")
    order = np.random.RandomState(seed).permutation(len(X))
    return [
        (X[chosen], Y[chosen])
        for chosen in np.split(order, range(mini_batch_size, len(X), mini_batch_size))
    ]


def load_signs(path: str | pathlib.Path, holdout: float | None = None, seed: int = 0) -> ImageData:
    """The set for training: a folder with one or both files, or one of the files.

    Where only one file is there, ``holdout`` (a share between 0 and 1) splits it, stratified.
    """
    path = pathlib.Path(path)
    files: dict[str, pathlib.Path] = {}
    if path.is_file():
        half = next((half for half in HALVES if path.name.startswith(half)), "")
        if not half:
            raise BadInputError(f"{path}: the name must begin with train or test, as its keys do")
        files[half] = path
    else:
        folder = _folder(path)
        files = {
            half: signs_file(folder, half) for half in HALVES if signs_file(folder, half).exists()
        }
    if not files:
        raise BadInputError(
            f"{path} holds neither train_signs.h5 nor test_signs.h5: give the folder that does, "
            "or leave --data out to draw a synthetic set"
        )
    if len(files) == 2 and holdout is not None:
        raise BadInputError(f"{path} has both halves already: leave --holdout out")
    if len(files) == 1 and holdout is None:
        raise MissingHoldoutError(
            f"{path} has only {next(iter(files.values())).name}: say what share of it to hold out, "
            "for instance --holdout 0.25"
        )
    halves = {half: read_half(file, half) for half, file in files.items()}
    if holdout is None:
        (train, name), (test, other) = halves["train"], halves["test"]
        if (name == SYNTHETIC) != (other == SYNTHETIC):
            raise BadInputError(
                f"{path} mixes drawn and real images (train: {name}; test: {other}): keep them "
                "in folders of their own"
            )
    else:
        if not 0 < holdout < 1:
            raise BadInputError(f"--holdout {holdout}: it must lie between 0 and 1")
        images, name = next(iter(halves.values()))
        train, test = split(images, holdout, seed)
        if not len(train.labels):
            raise BadInputError(f"--holdout {holdout} leaves no image of {path} to train on")
    return ImageData(
        name=name,
        train=train,
        test=test,
        class_names=tuple(str(number) for number in range(CLASSES)),
        mirror_classes=frozenset(range(CLASSES)),  # a left hand shows the same number
    )


def _folder(path: Any) -> pathlib.Path:
    folder = pathlib.Path(path)
    if not folder.is_dir():
        raise BadInputError(f"no such folder: {folder}{suggest_paths(folder)}")
    return folder
