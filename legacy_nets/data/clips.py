"""Clips: one folder a class, in it frame folders or video files; read only when they are used.

    clips/wave/video1/frame1.png ...     a frame folder: PNG or JPEG, in natural order (2 before 10)
    clips/wave/video2.mp4                a video file; the reader comes with the extra [clips]
    clips/train/wave/..., clips/test/wave/...    or halves ("val" is read as "test")

Of a clip of n frames a net sees T: the middle frame of each of T equal parts. Where n is smaller
than T, frames are repeated evenly.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from legacy_nets.data.dataset import ImageData
from legacy_nets.data.preprocessing import frame_all, read_picture
from legacy_nets.data.synthetic.folders import name_of
from legacy_nets.errors import BadInputError, MissingHoldoutError, join_lines
from legacy_nets.files import suggest_paths
from legacy_nets.train.stream import Files

IMAGES = (".png", ".jpg", ".jpeg")
VIDEOS = (".mp4", ".avi", ".mov", ".gif", ".webm")
TEST_FOLDERS = ("test", "val")
SYNTHETIC = "synthetic moving hands, drawn by legacy_nets"


def natural(path: pathlib.Path) -> list[tuple[int, str]]:
    """Sorting key: frame2 before frame10."""
    return [(int(part or 0), text) for text, part in re.findall(r"(\D*)(\d*)", path.name)]


def sample(count: int, frames: int) -> list[int]:
    """Which of ``count`` frames stand for the clip: the middle of each of ``frames`` parts."""
    return [(2 * part + 1) * count // (2 * frames) for part in range(frames)]


def count_frames(path: pathlib.Path) -> int:
    """Frames of a clip, at least one; does not decode them. Raises BadInputError."""
    if not path.exists():
        raise BadInputError(f"no such clip: {path}{suggest_paths(path)}")
    if path.is_file() and path.suffix.lower() not in VIDEOS:
        raise BadInputError(
            f"{path} is no clip: give a folder of frames, or a video ({', '.join(VIDEOS)})"
        )
    if path.is_dir():
        count = len(_frame_files(path))
    elif path.suffix.lower() == ".gif":
        with _readable(path), Image.open(path) as image:
            count = getattr(image, "n_frames", 1)
    else:
        with _opened(path) as (container, stream):
            # A file that does not state its length is counted by its packets.
            count = stream.frames or sum(1 for part in container.demux(stream) if part.size)
    if not count:
        raise BadInputError(f"{path} is a clip with no frames: remove it, or put its frames there")
    return count


def read_clip(
    path: pathlib.Path, kind: str, size: tuple[int, ...], channels: int = 3
) -> np.ndarray:
    """T frames of a clip at a net's ``size`` (T, H, W): float32 [T, H, W, C] from 0 to 255.

    ``kind``: how a frame is cut and resized (``pixels.frame``). Raises BadInputError for a clip
    that is not there, has no frames, frames of different sizes, or cannot be decoded.
    """
    wanted = sample(count_frames(path), size[0])
    stills: dict[int, np.ndarray] = {}
    shape: tuple[int, ...] = ()
    for number, picture in _frames(path, set(wanted)):
        shape = shape or picture.shape
        if picture.shape != shape:
            raise BadInputError(
                f"{path}: frame {number + 1} is {_size(picture.shape)}, those before it are "
                f"{_size(shape)} (width x height): give all frames of a clip one size"
            )
        stills[number] = frame_all(picture, kind, size[1:], channels)
    if not stills:
        raise BadInputError(f"{path}: no frame of it can be decoded: save the video anew")
    last = max(stills)  # some videos hold fewer frames than they state
    return np.stack([stills[min(number, last)] for number in wanted])


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _frame_files(folder: pathlib.Path) -> list[pathlib.Path]:
    names = [path for path in folder.iterdir() if path.suffix.lower() in IMAGES]
    return sorted((path for path in names if not path.name.startswith(".")), key=natural)


def _frames(path: pathlib.Path, wanted: set[int]) -> Iterator[tuple[int, np.ndarray]]:
    """(number, uint8 [H, W, 3]) of the wanted frames, in order."""
    if path.is_dir():
        for number, file in enumerate(_frame_files(path)):
            if number in wanted:
                yield number, read_picture(file)
    elif path.suffix.lower() == ".gif":
        with _readable(path), Image.open(path) as image:
            for number in sorted(wanted):
                image.seek(number)
                yield number, np.asarray(image.convert("RGB"))
    else:
        with _opened(path) as (container, stream):
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted:
                    yield number, frame.to_ndarray(format="rgb24")
                if number >= max(wanted):
                    return


@contextlib.contextmanager
def _readable(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except BadInputError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise BadInputError(
            f"{path} is not a readable video ({join_lines(error)[:200]}): play it, or save it anew"
        ) from None


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[tuple[Any, Any]]:
    """A video's container and its first picture stream. FFmpegError is an OSError or ValueError."""
    try:
        import av
    except ImportError:
        raise BadInputError(
            f"{path} needs a reader of videos: pip install 'legacy-nets[clips]', or give folders "
            "of frames"
        ) from None
    with _readable(path):
        try:
            with av.open(str(path)) as container:
                if not container.streams.video:
                    raise BadInputError(f"{path} has no pictures in it: is it a sound file?")
                yield container, container.streams.video[0]
        except av.error.FFmpegError as error:
            raise OSError(error.strerror or str(error)) from None


@dataclasses.dataclass(frozen=True)
class _Found:
    """The clips under one folder of classes."""

    paths: list[pathlib.Path]
    labels: list[int]
    names: tuple[str, ...]


def _classes(folder: pathlib.Path) -> _Found:
    """Every clip of a folder of class folders. Raises BadInputError for what cannot be used."""
    classes = sorted(
        (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")),
        key=natural,
    )
    if len(classes) < 2:
        what = f"only one class ({classes[0].name})" if classes else "no class folders"
        raise BadInputError(f"{folder} has {what}: put each class of clips in a folder of its own")
    paths: list[pathlib.Path] = []
    labels: list[int] = []
    for label, each in enumerate(classes):
        entries = sorted((e for e in each.iterdir() if not e.name.startswith(".")), key=natural)
        stills = [entry for entry in entries if entry.suffix.lower() in IMAGES]
        if stills:
            raise BadInputError(
                f"{stills[0]} is a still in a class of clips: put the frames of each clip in a "
                "folder of its own"
            )
        clips = [e for e in entries if e.is_dir() or e.suffix.lower() in VIDEOS]
        if not clips:
            raise BadInputError(
                f"the class folder {each} has no clips: put frame folders or videos "
                f"({', '.join(VIDEOS)}) there, or remove it"
            )
        paths += clips
        labels += [label] * len(clips)
    return _Found(paths, labels, tuple(path.name for path in classes))


def load_clips(path: str | pathlib.Path, holdout: float | None = None, seed: int = 0) -> ImageData:
    """The clips of a folder, for training; decodes nothing yet, but counts every clip's frames.

    ``holdout`` (a share between 0 and 1) splits each class where there is no test folder.
    Raises BadInputError, in one line, for whatever is wrong.
    """
    root = pathlib.Path(path)
    tests = [root / name for name in TEST_FOLDERS if (root / name).is_dir()]
    if (root / "train").is_dir() and tests:
        if holdout is not None:
            raise BadInputError(f"{root} has both halves already: leave --holdout out")
        found, other = _classes(root / "train"), _classes(tests[0])
        if found.names != other.names:
            odd = sorted(set(found.names) ^ set(other.names))
            raise BadInputError(
                f"{root}: the classes of train and {tests[0].name} differ ({', '.join(odd)}): give "
                "both the same folders"
            )
        train, test = _half(found), dataclasses.replace(_half(other), exact=True)
    else:
        alone = root / "train"
        split = alone.is_dir() and any(path.is_dir() for path in alone.iterdir())
        found = _classes(alone if split else root)
        if holdout is None:
            raise MissingHoldoutError(
                f"{root} has no train and test folders: say what share of each class to hold out, "
                "for instance --holdout 0.25"
            )
        if not 0 < holdout < 1:
            raise BadInputError(f"--holdout {holdout}: it must lie between 0 and 1")
        train, test = _half(found).split(holdout, seed)
        if len(np.unique(train.labels)) < len(found.names):
            raise BadInputError(
                f"--holdout {holdout} leaves some class of {root} without a clip to train on"
            )
    clips = (*train.paths, *test.paths)
    name = name_of(root)
    return ImageData(
        name=name,
        train=train,
        test=test,
        class_names=found.names,
        mirror_classes=frozenset(range(len(found.names)) if name == SYNTHETIC else ()),
        frames=tuple((str(clip), count_frames(clip)) for clip in clips),
    )


def _half(found: _Found) -> Files:
    return Files(tuple(found.paths), np.array(found.labels, np.int64), read_clip)
