"""MNIST and its kin: handwritten digits, from ``mnist.npz`` or the four idx files.

``mnist.npz`` (what ``tf.keras.datasets.mnist`` downloads) holds x_train uint8 [60000, 28, 28],
y_train [60000], x_test [10000, 28, 28] and y_test. The idx files, gzipped or not, are those of
the original release: big-endian int32 magic (2049 labels, 2051 images), sizes, then the bytes.
Any number of images of any size can be read. The sets of EMNIST are known by the names of their
files (``emnist-letters-train-images-idx3-ubyte.gz``), Fashion-MNIST by a folder of that name.
"""

from __future__ import annotations

import gzip
import pathlib
import re
import string
import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from legacy_nets.data.class_indices import name_labels
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Images
from legacy_nets.data.synthetic.folders import MARK, read_data_name
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.types import Array

NPZ = "mnist.npz"
KEYS = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")}
IDX = {  # split -> images, labels
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
LABELS_MAGIC, IMAGES_MAGIC = 2049, 2051
CLASSES = 10
SPLITS = ("train", "test")
SYMMETRIC = "08OX"  # characters that stay the same in a mirror, written upright or transposed
_DIGITS, _CAPITALS = string.digits, string.ascii_uppercase
_MERGED = f"{_DIGITS}{_CAPITALS}abdefghnqrt"  # other small letters look as their capitals


class LabelSet(NamedTuple):
    """How a set labels its classes: the label of the first one, and the names of all."""

    first: int
    class_names: Sequence[str]


EMNIST = {  # part of the file names -> labels (Cohen et al., 2017, https://arxiv.org/abs/1702.05373)
    "letters": LabelSet(1, _CAPITALS),
    "balanced": LabelSet(0, _MERGED),
    "bymerge": LabelSet(0, _MERGED),
    "byclass": LabelSet(0, f"{_DIGITS}{_CAPITALS}{string.ascii_lowercase}"),
    "digits": LabelSet(0, _DIGITS),
    "mnist": LabelSet(0, _DIGITS),
}
FASHION = LabelSet(
    0,
    (
        "T-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "boot",
    ),
)
_IDX_NAME = re.compile(r"(|.+-)(?:train|t10k|test)-(?:images|labels)[-.]idx[13]-ubyte(?:\.gz)?")
INSTRUCTION = (
    f"put {NPZ} there, or {', '.join(name + '.gz' for pair in IDX.values() for name in pair)}"
)


def is_mnist(path: pathlib.Path) -> bool:
    """Whether a path is mnist.npz, or a folder that holds it or any of the idx files.

    ``read_mnist`` tells what is missing.
    """
    if path.is_dir():
        return (path / NPZ).exists() or bool(_list_idx_sets(path))
    return path.suffix == ".npz"


def load_mnist(
    path: str | pathlib.Path,
    *,
    holdout: float | None = None,
    num_classes: int = 0,
) -> ImageData:
    """Loads the set for training: grey pictures uint8 [N, 28, 28, 1] in memory.

    MNIST has both splits, so ``holdout`` is refused. ``num_classes``: of a set of another name,
    with labels above 9. Raises BadInputError for everything that is wrong with the files.
    """
    if holdout is not None:
        raise BadInputError(f"{path} has both splits already: leave --holdout out")
    folder = pathlib.Path(path)
    arrays = _read_splits(folder)
    name, labels = _find_labels(folder, arrays, num_classes)
    if (folder / MARK).exists():
        name = read_data_name(folder)
    notes = []
    if name.startswith("EMNIST"):
        notes.append("the files of EMNIST hold transposed pictures: they are used as they are")
    if labels.first:
        last = labels.first + len(labels.class_names) - 1
        notes.append(f"labels {labels.first} to {last} are {', '.join(labels.class_names)}")
    train, test = _check_splits(arrays, labels, path)
    return ImageData(
        name=name,
        train=train,
        test=test,
        class_names=tuple(labels.class_names),
        mirror_classes=frozenset(
            index
            for index, text in enumerate(labels.class_names)
            if labels is FASHION or text in SYMMETRIC
        ),
        channels=1,
        notes=tuple(notes),
    )


def _find_labels(
    folder: pathlib.Path, arrays: dict[str, tuple[Array, Array]], num_classes: int
) -> tuple[str, LabelSet]:
    """Finds the name of a set, and how it labels its classes.

    Labels from 1 to more than 9 without a 0 are the letters of EMNIST, in files of any name.
    """
    sets = _list_idx_sets(folder)
    for part, labels in EMNIST.items():
        if f"emnist-{part}-" in sets:
            return f"EMNIST {part}", labels
    if "fashion" in folder.resolve().name.lower():
        return "Fashion-MNIST", FASHION
    both = np.concatenate([labels.reshape(-1) for _, labels in arrays.values()])
    first, last = (both.min(), both.max()) if both.size and both.dtype.kind in "iu" else (0, 0)
    letters = EMNIST["letters"]
    if 1 <= first and CLASSES <= last <= len(letters.class_names):
        return "EMNIST letters", letters
    return "MNIST", LabelSet(0, name_labels(_DIGITS, int(last), num_classes))


def read_mnist(path: str | pathlib.Path) -> tuple[Images, Images]:
    """Reads ``mnist.npz``, or the folder that holds it or the idx files: (train, test).

    Pictures are uint8 [N, 28, 28, 1]. Raises BadInputError that tells what is missing or wrong.
    """
    return _check_splits(_read_splits(pathlib.Path(path)), EMNIST["mnist"], path)


def _read_splits(path: pathlib.Path) -> dict[str, tuple[Array, Array]]:
    """Reads split -> (images, labels), which are not checked. Raises BadInputError."""
    if not path.exists():
        raise BadInputError(f"no MNIST at {path}: {INSTRUCTION}")
    npz = path / NPZ if path.is_dir() else path
    if npz.exists():
        return _read_npz(npz)
    return {split: _read_idx_pair(path, *names) for split, names in IDX.items()}


def _check_splits(
    arrays: dict[str, tuple[Array, Array]], labels: LabelSet, path: str | pathlib.Path
) -> tuple[Images, Images]:
    """Returns the two splits, with labels from 0. Raises BadInputError."""
    for split, pair in arrays.items():
        _check_digits(*pair, labels, f"{path} ({split})")
    train, test = (
        Images(images[..., None], numbers.astype(np.int64) - labels.first)
        for images, numbers in (arrays[split] for split in SPLITS)
    )
    return train, test


def _read_npz(path: pathlib.Path) -> dict[str, tuple[Array, Array]]:
    """Reads ``mnist.npz``: split -> (images [N, H, W], labels [N])."""
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for keys in KEYS.values() for key in keys if key not in file.files]
            if missing:
                raise BadInputError(
                    f"{path} lacks {', '.join(missing)}; it has {', '.join(file.files) or 'none'}: "
                    f"is it MNIST?"
                )
            return {split: (file[x], file[y]) for split, (x, y) in KEYS.items()}
    except BadInputError:
        raise
    except (
        OSError,
        ValueError,
        TypeError,
        EOFError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise BadInputError(
            f"{path} is not a readable .npz ({join_lines(error)[:200]}): download it again"
        ) from None


def _list_idx_sets(folder: pathlib.Path) -> list[str]:
    """Lists what stands before "train-images" and so on in the names of idx files, each once."""
    if not folder.is_dir():
        return []
    matches = (_IDX_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted({match[1] for match in matches if match})


def _find_idx_file(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """Finds an idx file, gzipped or not. Some releases write a dot for the second dash.

    EMNIST writes the set before the name, and "test" for "t10k". Raises BadInputError where the
    folder holds several sets.
    """
    sets = _list_idx_sets(folder)
    if len(sets) > 1:
        raise BadInputError(
            f"{folder} holds idx files of {len(sets)} sets ({', '.join(s or 'mnist' for s in sets)}"
            "): move one of them into a folder of its own"
        )
    for prefix in sets:
        for dashed in (name, name.replace("t10k", "test")):
            for spelling in (dashed, ".idx".join(dashed.rsplit("-idx", 1))):
                for ending in ("", ".gz"):
                    path = folder / f"{prefix}{spelling}{ending}"
                    if path.is_file():
                        return path
    return None


def _read_idx_pair(folder: pathlib.Path, *names: str) -> tuple[Array, Array]:
    """Reads the two files of a split: (images uint8 [N, H, W], labels uint8 [N])."""
    arrays = []
    for name, magic in zip(names, (IMAGES_MAGIC, LABELS_MAGIC), strict=True):
        path = _find_idx_file(folder, name)
        if path is None:
            raise BadInputError(f"{folder} lacks {name} (or {name}.gz): {INSTRUCTION}")
        arrays.append(read_idx(path, magic))
    return arrays[0], arrays[1]


def read_idx(path: pathlib.Path, magic: int) -> Array:
    """Reads one idx file, gzipped or not: uint8, of the sizes in its header.

    Raises BadInputError for another magic number, or a length that does not match the sizes.
    """
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(
            f"{path} cannot be unpacked ({join_lines(error)}): download it again"
        ) from None
    sides = magic % 256
    head = 4 * (1 + sides)
    actual_magic, *shape = struct.unpack(f">{1 + sides}I", data[:head].ljust(head, b"\0"))
    if actual_magic != magic:
        raise BadInputError(
            f"{path} is no idx file of {'images' if magic == IMAGES_MAGIC else 'labels'} (magic "
            f"{actual_magic}, not {magic}): download it again"
        )
    length = int(np.prod(shape, dtype=object))
    if len(data) != head + length:
        sizes = "x".join(str(size) for size in shape)
        raise BadInputError(
            f"{path} records {sizes} bytes but holds {max(0, len(data) - head)}: download it again"
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def write_idx(path: pathlib.Path, array: Array) -> None:
    """Writes uint8 images [N, H, W] or labels [N] as a gzipped idx file, always the same bytes."""
    head = struct.pack(f">{1 + array.ndim}I", 2048 + array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0))


def _check_digits(images: Array, labels: Array, known: LabelSet, source: str) -> None:
    """Raises BadInputError unless they are uint8 [N, H, W] and integers [N] of known classes."""

    def refuse(problem: str) -> None:
        raise BadInputError(f"{source}: {problem}")

    if images.ndim != 3 or images.dtype != np.uint8:
        refuse(f"the images are {images.dtype} {images.shape}: they must be uint8 (N, 28, 28)")
    if labels.shape != images.shape[:1]:
        refuse(f"{len(images)} images but labels of shape {labels.shape}: one label per image")
    if not images.size:
        refuse("no images")
    if not np.issubdtype(labels.dtype, np.integer):
        refuse(f"the labels are {labels.dtype}: they must be integers")
    last = known.first + len(known.class_names) - 1
    wrong = np.flatnonzero((labels < known.first) | (labels > last))
    if len(wrong):
        label = f"label {labels[wrong[0]]} of image {wrong[0]} is outside {known.first} to {last}"
        advice = "keep the names of its files, emnist-SET-train-images-idx3-ubyte.gz"
        refuse(f"{label}: if this is a set of EMNIST, {advice}; else give --num-classes")
