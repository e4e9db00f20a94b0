"""MNIST: handwritten digits 0 to 9, from ``mnist.npz`` or the four idx files.

``mnist.npz`` (what ``tf.keras.datasets.mnist`` downloads) holds x_train uint8 [60000, 28, 28],
y_train [60000], x_test [10000, 28, 28] and y_test. The idx files, gzipped or not, are those of
the original release: big-endian int32 magic (2049 labels, 2051 images), sizes, then the bytes.
Any number of images of any size can be read.
"""

from __future__ import annotations

import gzip
import pathlib
import struct
import zipfile
import zlib

import numpy as np

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
SYMMETRIC = frozenset({0, 8})  # digits that stay the same digit in a mirror
INSTRUCTION = (
    f"put {NPZ} there, or {', '.join(name + '.gz' for pair in IDX.values() for name in pair)}"
)


def is_mnist(path: pathlib.Path) -> bool:
    """Whether a path is mnist.npz, or a folder that holds it or any of the idx files.

    ``read_mnist`` tells what is missing.
    """
    if path.is_dir():
        return (path / NPZ).exists() or any(
            _find_idx_file(path, name) is not None for pair in IDX.values() for name in pair
        )
    return path.suffix == ".npz"


def load_mnist(
    path: str | pathlib.Path, *, holdout: float | None = None, seed: int = 0
) -> ImageData:
    """Loads the set for training: grey pictures uint8 [N, 28, 28, 1] in memory.

    MNIST has both splits, so ``holdout`` is refused; ``seed`` is not used. Raises BadInputError
    for everything that is wrong with the files.
    """
    if holdout is not None:
        raise BadInputError(f"{path} has both splits already: leave --holdout out")
    train, test = read_mnist(path)
    folder = pathlib.Path(path)
    return ImageData(
        name=read_data_name(folder) if (folder / MARK).exists() else "MNIST",
        train=train,
        test=test,
        class_names=tuple(str(digit) for digit in range(CLASSES)),
        mirror_classes=SYMMETRIC,
        channels=1,
    )


def read_mnist(path: str | pathlib.Path) -> tuple[Images, Images]:
    """Reads ``mnist.npz``, or the folder that holds it or the idx files: (train, test).

    Pictures are uint8 [N, 28, 28, 1]. Raises BadInputError that tells what is missing or wrong.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise BadInputError(f"no MNIST at {path}: {INSTRUCTION}")
    npz = path / NPZ if path.is_dir() else path
    if npz.exists():
        arrays = _read_npz(npz)
    else:
        arrays = {split: _read_idx_pair(path, *names) for split, names in IDX.items()}
    for split, (images, labels) in arrays.items():
        _check_digits(images, labels, f"{path} ({split})")
    train, test = (
        Images(images[..., None], labels.astype(np.int64))
        for images, labels in (arrays[split] for split in SPLITS)
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


def _find_idx_file(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """Finds an idx file, gzipped or not. Some releases write a dot for the second dash."""
    dotted = ".idx".join(name.rsplit("-idx", 1))
    names = (name, f"{name}.gz", dotted, f"{dotted}.gz")
    return next((folder / name for name in names if (folder / name).is_file()), None)


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


def _check_digits(images: Array, labels: Array, source: str) -> None:
    """Raises BadInputError unless they are uint8 [N, H, W] and integers [N] from 0 to 9."""

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
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(wrong):
        refuse(f"label {labels[wrong[0]]} of image {wrong[0]} is outside 0 to {CLASSES - 1}")
