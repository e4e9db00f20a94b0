"""MNIST: handwritten digits 0 to 9, from ``mnist.npz`` or the four idx files.

``mnist.npz`` (what ``tf.keras.datasets.mnist`` downloads) holds x_train uint8 [60000, 28, 28],
y_train [60000], x_test [10000, 28, 28] and y_test. The idx files, gzipped or not, are those of
the original release: big-endian int32 magic (2049 labels, 2051 images), sizes, then the bytes.
Any number of images and any size of them is taken.
"""

from __future__ import annotations

import gzip
import pathlib
import struct
import zipfile
import zlib

import numpy as np

from legacy_nets.data.dataset import ImageData, Images
from legacy_nets.data.synthetic.folders import MARK, name_of
from legacy_nets.errors import BadInputError, join_lines

NPZ = "mnist.npz"
KEYS = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")}
IDX = {  # half -> images, labels
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
LABELS_MAGIC, IMAGES_MAGIC = 2049, 2051
CLASSES = 10
SYMMETRIC = frozenset({0, 8})  # digits that stay what they are in a mirror
NEEDED = f"put {NPZ} there, or {', '.join(name + '.gz' for pair in IDX.values() for name in pair)}"


def is_mnist(path: pathlib.Path) -> bool:
    """Whether MNIST, or a part of it, lies at a path: mnist.npz, or a folder of that or idx files.

    ``read_mnist`` says what is missing.
    """
    if path.is_dir():
        return (path / NPZ).exists() or any(
            _idx_file(path, name) is not None for pair in IDX.values() for name in pair
        )
    return path.suffix == ".npz"


def load_mnist(
    path: str | pathlib.Path, *, holdout: float | None = None, seed: int = 0
) -> ImageData:
    """The set for training: grey pictures uint8 [N, 28, 28, 1] in memory.

    It has both halves, so ``holdout`` is refused; ``seed`` is not used. Raises BadInputError for
    whatever is wrong with the files.
    """
    if holdout is not None:
        raise BadInputError(f"{path} has both halves already: leave --holdout out")
    train, test = read_mnist(path)
    folder = pathlib.Path(path)
    return ImageData(
        name=name_of(folder) if (folder / MARK).exists() else "MNIST",
        train=train,
        test=test,
        class_names=tuple(str(digit) for digit in range(CLASSES)),
        mirror_classes=SYMMETRIC,
        channels=1,
    )


def read_mnist(path: str | pathlib.Path) -> tuple[Images, Images]:
    """(training half, test half) of ``mnist.npz``, or of the folder that holds it or idx files.

    Pictures are uint8 [N, 28, 28, 1]. Raises BadInputError that says what is missing or wrong.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise BadInputError(f"no MNIST at {path}: {NEEDED}")
    npz = path / NPZ if path.is_dir() else path
    if npz.exists():
        halves = _read_npz(npz)
    else:
        halves = {half: _read_idx(path, *names) for half, names in IDX.items()}
    for half, (images, labels) in halves.items():
        _check(images, labels, f"{path} ({half})")
    train, test = (
        Images(halves[half][0][..., None], halves[half][1].astype(np.int64)) for half in KEYS
    )
    return train, test


def _read_npz(path: pathlib.Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            absent = [key for keys in KEYS.values() for key in keys if key not in file.files]
            if absent:
                raise BadInputError(
                    f"{path} lacks {', '.join(absent)}; it has {', '.join(file.files) or 'none'}: "
                    f"is it MNIST?"
                )
            return {half: (file[x], file[y]) for half, (x, y) in KEYS.items()}
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


def _idx_file(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """The file of that name, gzipped or not; some releases write a dot for the second dash."""
    dotted = ".idx".join(name.rsplit("-idx", 1))
    for each in (name, dotted):
        for ending in ("", ".gz"):
            if (folder / f"{each}{ending}").is_file():
                return folder / f"{each}{ending}"
    return None


def _read_idx(folder: pathlib.Path, *names: str) -> tuple[np.ndarray, np.ndarray]:
    """(images uint8 [N, H, W], labels uint8 [N])."""
    arrays = []
    for name, magic in zip(names, (IMAGES_MAGIC, LABELS_MAGIC), strict=True):
        path = _idx_file(folder, name)
        if path is None:
            raise BadInputError(f"{folder} lacks {name} (or {name}.gz): {NEEDED}")
        arrays.append(read_idx(path, magic))
    return arrays[0], arrays[1]


def read_idx(path: pathlib.Path, magic: int) -> np.ndarray:
    """One idx file of bytes, gzipped or not: uint8, of the sizes that it states.

    Raises BadInputError where its magic is another, or its bytes do not make up those sizes.
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
    found, *shape = struct.unpack(f">{1 + sides}I", data[:head].ljust(head, b"\0"))
    if found != magic:
        raise BadInputError(
            f"{path} is no idx file of {'images' if magic == IMAGES_MAGIC else 'labels'} (magic "
            f"{found}, not {magic}): download it again"
        )
    stated = int(np.prod(shape, dtype=object))
    if len(data) != head + stated:
        sizes = "x".join(str(size) for size in shape)
        raise BadInputError(
            f"{path} states {sizes} bytes but holds {max(0, len(data) - head)}: download it again"
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def write_idx(path: pathlib.Path, array: np.ndarray) -> None:
    """Writes uint8 images [N, H, W] or labels [N] as a gzipped idx file, always the same bytes."""
    head = struct.pack(f">{1 + array.ndim}I", 2048 + array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0))


def _check(images: np.ndarray, labels: np.ndarray, where: str) -> None:
    def refuse(problem: str) -> None:
        raise BadInputError(f"{where}: {problem}")

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
