"""Opens a data set by what lies at its path. Imports no TensorFlow."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from legacy_nets.data import clips, signs
from legacy_nets.data.dataset import ImageData
from legacy_nets.errors import BadInputError
from legacy_nets.files import suggest_paths
from legacy_nets.registry import Net


def open_data(
    path: pathlib.Path,
    net: Net,
    holdout: float | None = None,
    seed: int = 0,
    strict: bool = False,
) -> ImageData:
    """The labelled set at ``path``, for a net of the registry.

    Hand signs (h5 files or their folder), MNIST, or a folder with a folder a class: clips for a
    net that takes clips, else images. ``holdout``: share to hold out where one half is missing;
    ``strict``: refuse a folder of images with an unreadable one in it, rather than skip that.
    Raises BadInputError for anything else, and where the net takes no such pictures.
    """
    if path.suffix == ".h5" or any(signs.signs_file(path, half).exists() for half in signs.HALVES):
        return _stills(signs.load_signs(path, holdout, seed), path, net)
    if not path.exists():
        raise BadInputError(f"no such folder: {path}{suggest_paths(path)}")
    if path.is_dir() and len(net.image_size) == 3:
        return clips.load_clips(path, holdout, seed)
    from legacy_nets.data import images, mnist

    if mnist.is_mnist(path):
        return _stills(mnist.load_mnist(path, holdout=holdout, seed=seed), path, net)
    if not path.is_dir():
        raise BadInputError(
            f"{path} is no data set: give a folder with a folder a class, a .h5 file, or MNIST"
        )
    return images.load_images(path, holdout=holdout, seed=seed, strict=strict)


def _stills(data: ImageData, path: pathlib.Path, net: Net) -> ImageData:
    if len(net.image_size) == 3:
        raise BadInputError(
            f"{path} holds stills ({data.name}), but {net.name} takes clips: give a folder of "
            "classes with frame folders or videos in them"
        )
    return data


def stand_in(net: Net, folder: pathlib.Path, say: Callable[[str], None]) -> pathlib.Path:
    """Where the drawn set for a net lies below ``folder``; draws it there if it is not.

    Clips, digits for a net on grey images, flowers for document 004, else hand signs. ``say``
    takes a line that tells what is drawn. Raises BadInputError where it cannot be written.
    """
    make: Callable[[pathlib.Path], None]
    if len(net.image_size) == 3:
        from legacy_nets.data.synthetic.clips import make_clips as make

        what, place = "clips", folder / "clips"
    elif net.channels == 1:
        from legacy_nets.data.synthetic.digits import make_digits as make

        what, place = "digits", folder / "synthetic_digits"
    elif net.document == "004":
        from legacy_nets.data.synthetic.flowers import make_flowers as make

        what, place = "flowers", folder / "synthetic_flowers"
    else:
        what, place, make = "hand signs", folder, signs.make_signs
    if signs.lacks_synthetic(place) if place is folder else not place.exists():
        say(f"drawing synthetic {what} into {place}/ (no --data given) ...")
        make(place)
    return place
