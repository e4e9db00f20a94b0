"""Hand signs 0 to 5 in two h5 files, as document 001 describes them, and the document's helpers.

``train_signs.h5`` holds ``train_set_x`` uint8 [1080, 64, 64, 3] and ``train_set_y`` [1080];
``test_signs.h5`` holds ``test_set_x`` [120, 64, 64, 3] and ``test_set_y``; both hold
``list_classes``. For users without these files, ``make_signs`` writes a synthetic set in exactly
that layout.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import h5py
import numpy as np

from legacy_nets.data.class_indices import distinguish_names, name_labels, number_classes
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Images
from legacy_nets.data.synthetic.hands import draw_signs
from legacy_nets.errors import BadInputError, MissingHoldoutError, join_lines
from legacy_nets.files import replace_on_success, suggest_paths
from legacy_nets.types import Array

SIZE = 64
CLASSES = 6
SPLITS = ("train", "test")
SYNTHETIC_PER_CLASS = {"train": 180, "test": 20}
SYNTHETIC = "synthetic hand signs, drawn by legacy_nets"  # written into data sets: keep it
H5_MAGIC = b"\x89HDF\r\n\x1a\n"


def make_signs_path(folder: pathlib.Path, split: str) -> pathlib.Path:
    """Makes the path of one split ("train" or "test")."""
    return folder / f"{split}_signs.h5"


def list_signs_files(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Lists the files of a folder that exist: split -> path."""
    paths = {split: make_signs_path(folder, split) for split in SPLITS}
    return {split: path for split, path in paths.items() if path.exists()}


def needs_synthetic_signs(folder: pathlib.Path) -> bool:
    """Whether ``make_signs`` may write there: no file yet, or one synthetic split of two."""
    files = list_signs_files(folder)
    return not files or (
        len(files) == 1
        and all(read_signs(path, split).description == SYNTHETIC for split, path in files.items())
    )


def make_signs(
    folder: str | pathlib.Path,
    seed: int = 0,
    per_class: Mapping[str, int] | None = None,
) -> None:
    """Writes the synthetic set (1080 + 120 images, deterministic) into ``folder``.

    Where one synthetic split is missing, writes that one only. ``per_class``: images of each class
    by split. Raises BadInputError where other files of that name exist, or the files cannot be
    written.
    """
    folder = pathlib.Path(folder)
    counts = per_class or SYNTHETIC_PER_CLASS
    existing = list_signs_files(folder)
    if existing and not needs_synthetic_signs(folder):
        raise BadInputError(f"{next(iter(existing.values()))} exists already: remove it first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, split in enumerate(SPLITS):
            if split in existing:
                continue
            pictures, labels = draw_signs(counts[split], seed=2 * seed + number)
            path = make_signs_path(folder, split)
            with replace_on_success(path) as unfinished, h5py.File(unfinished, "w") as file:
                file.attrs["description"] = SYNTHETIC
                file[f"{split}_set_x"] = pictures
                file[f"{split}_set_y"] = labels
                file["list_classes"] = np.arange(CLASSES)
    except OSError as error:
        raise BadInputError(
            f"the synthetic signs cannot be written to {folder}: {join_lines(error)}"
        ) from error


class SignsFile(NamedTuple):
    """The contents of one h5 file."""

    images: Images
    description: str  # else the name of the file
    class_names: tuple[str, ...]


def read_signs(path: pathlib.Path, split: str, num_classes: int = 0) -> SignsFile:
    """Reads and checks one h5 file.

    Labels are [M], [M, 1] or [1, M]. The classes are those of ``list_classes``, else 0 to 5; where
    a label lies beyond them, ``num_classes`` says how many there are.

    Raises BadInputError, in one line, for everything that is wrong.
    """
    if not path.exists():
        raise BadInputError(f"no such file: {path}{suggest_paths(path)}")
    try:
        _check_is_h5(path)
        with h5py.File(path, "r") as file:
            missing = [key for key in (f"{split}_set_x", f"{split}_set_y") if key not in file]
            if missing:
                raise BadInputError(
                    f"{path} lacks the key {' and '.join(missing)}; it has "
                    f"{', '.join(sorted(file)) or 'none'}: is it the {split} split of the hand "
                    "signs?"
                )
            pictures = np.array(file[f"{split}_set_x"])
            labels = np.array(file[f"{split}_set_y"])
            description = str(file.attrs.get("description", path.name))
            class_names = _read_class_names(file)
    except (IsADirectoryError, PermissionError) as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from None
    except BadInputError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:  # all from h5py
        raise BadInputError(
            f"{path} is truncated or damaged ({join_lines(error)[:200]}): download it again"
        ) from None
    if labels.ndim == 2 and 1 in labels.shape and pictures.shape[:1] == (labels.size,):
        labels = labels.reshape(-1)
    if labels.size and labels.dtype.kind in "iu":
        class_names = name_labels(class_names, int(labels.max()), num_classes)
    _check_signs(pictures, labels, len(class_names), path)
    return SignsFile(Images(pictures, labels.astype(np.int64)), description, class_names)


def _read_class_names(file: h5py.File) -> tuple[str, ...]:
    """Reads ``list_classes``, which holds numbers or names; 0 to 5 where it is missing."""
    if "list_classes" not in file:
        return number_classes(CLASSES)
    names = np.array(file["list_classes"]).reshape(-1).tolist()
    return distinguish_names(
        [name.decode() if isinstance(name, bytes) else str(name) for name in names]
    )


def _check_is_h5(path: pathlib.Path) -> None:
    """Raises BadInputError for a file that does not begin as an HDF5 file."""
    with open(path, "rb") as file:
        head = file.read(512)
    if not head.startswith(H5_MAGIC):
        is_page = b"<html" in head.lower() or b"<!doctype" in head.lower()
        problem = "an HTML page, as a failed download leaves it" if is_page else "not an HDF5 file"
        raise BadInputError(f"{path} is {problem}: download it again")


def _check_signs(pictures: Array, labels: Array, num_classes: int, path: pathlib.Path) -> None:
    """Raises BadInputError unless they are uint8 [M, 64, 64, 3] and labels [M] of known classes."""

    def refuse(problem: str) -> None:
        raise BadInputError(f"{path}: {problem}")

    if pictures.ndim != 4:
        refuse(f"the images are {pictures.shape}: they must be (M, {SIZE}, {SIZE}, 3)")
    if labels.ndim != 1 or len(labels) != len(pictures):
        count = len(pictures)
        refuse(
            f"{count} images but labels of shape {labels.shape}: they must be ({count},), "
            f"({count}, 1) or (1, {count})"
        )
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
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        refuse(
            f"label {labels[wrong[0]]} of image {wrong[0]} is outside 0 to {num_classes - 1}: say "
            "how many classes there are with --num-classes"
        )


def load_dataset(path: str | pathlib.Path) -> tuple[Array, ...]:
    """Loads the document's tuple: (train x, train y [1, M], test x, test y [1, M], classes).

    ``path`` is the folder of the two files; images are uint8 [M, 64, 64, 3].
    """
    folder = pathlib.Path(path)
    _check_is_folder(folder)
    train, test = (read_signs(make_signs_path(folder, split), split) for split in SPLITS)
    return (
        train.images.pictures,
        train.images.labels.reshape(1, -1),
        test.images.pictures,
        test.images.labels.reshape(1, -1),
        np.arange(len(train.class_names)),
    )


def process_orig_datasets(datasets: tuple[Array, ...]) -> tuple[Array, ...]:
    """Scales to [0, 1] and makes one-hot labels: (X_train, Y_train, X_test, Y_test).

    X is float64 [M, 64, 64, 3], Y is float64 [M, 6].
    """
    x_train, y_train, x_test, y_test, classes = datasets
    one_hot = [convert_to_one_hot(y, len(classes)).T for y in (y_train, y_test)]
    return x_train / 255.0, one_hot[0], x_test / 255.0, one_hot[1]


def convert_to_one_hot(Y: Array, C: int) -> Array:
    """Makes one-hot float64 [C, M] of integer labels of any shape with M entries."""
    return np.eye(C)[np.reshape(Y, -1)].T


def random_mini_batches(
    X: Array, Y: Array, mini_batch_size: int = 64, seed: int | None = None
) -> list[tuple[Array, Array]]:
    """Shuffles once and cuts into (X, Y) pairs; the last pair holds the rest.

    Call it once per epoch (001-E03). With a seed, the order is that of
    ``np.random.RandomState(seed).permutation``, as in the document's source.
    """
    if len(X) != len(Y):
        raise BadInputError(f"{len(X)} examples but {len(Y)} labels: one label per example")
    order = np.random.RandomState(seed).permutation(len(X))
    return [
        (X[indices], Y[indices])
        for indices in np.split(order, range(mini_batch_size, len(X), mini_batch_size))
    ]


def load_signs(
    path: str | pathlib.Path, holdout: float | None = None, seed: int = 0, num_classes: int = 0
) -> ImageData:
    """Loads the set for training: a folder with one or both files, or one of the files.

    Where only one file exists, ``holdout`` (a share between 0 and 1) splits it by class.
    ``num_classes``: see ``read_signs``. Raises BadInputError, in one line, for everything that is
    wrong.
    """
    path = pathlib.Path(path)
    files = _choose_signs_files(path)
    if len(files) == 2 and holdout is not None:
        raise BadInputError(f"{path} has both splits already: leave --holdout out")
    if len(files) == 1 and holdout is None:
        raise MissingHoldoutError(
            f"{path} has only {next(iter(files.values())).name}: say what share of it to hold out, "
            "for instance --holdout 0.25"
        )
    splits = {split: read_signs(file, split, num_classes) for split, file in files.items()}
    class_names = max((content.class_names for content in splits.values()), key=len)
    for split, content in splits.items():
        if content.class_names != class_names[: len(content.class_names)]:
            raise BadInputError(
                f"{files[split]} has the classes {', '.join(content.class_names)}, the other file "
                f"{', '.join(class_names)}: both must have the same"
            )
    if holdout is None:
        (train, name, _), (test, test_name, _) = splits["train"], splits["test"]
        if (name == SYNTHETIC) != (test_name == SYNTHETIC):
            raise BadInputError(
                f"{path} mixes synthetic and real images (train: {name}; test: {test_name}): keep "
                "them in folders of their own"
            )
    else:
        images, name, _ = next(iter(splits.values()))
        train, test = images.hold_out(holdout, seed)
        if not len(train.labels):
            raise BadInputError(f"--holdout {holdout} leaves no image of {path} to train on")
    return ImageData(
        name=name,
        train=train,
        test=test,
        class_names=class_names,
        mirror_classes=frozenset(range(len(class_names))),  # a left hand shows the same number
    )


def _choose_signs_files(path: pathlib.Path) -> dict[str, pathlib.Path]:
    """Chooses the files that a path means: split -> path. Raises BadInputError for none."""
    if path.is_file():
        split = next((split for split in SPLITS if path.name.startswith(split)), None)
        if split is None:
            raise BadInputError(f"{path}: the name must begin with train or test, as its keys do")
        return {split: path}
    _check_is_folder(path)
    files = list_signs_files(path)
    if not files:
        raise BadInputError(
            f"{path} holds neither train_signs.h5 nor test_signs.h5: give the folder that does, "
            "or leave --data out to generate a synthetic set"
        )
    return files


def _check_is_folder(folder: pathlib.Path) -> None:
    if not folder.is_dir():
        raise BadInputError(f"no such folder: {folder}{suggest_paths(folder)}")
