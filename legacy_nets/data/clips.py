"""Folders of video clips, one sub-folder per class; a clip is read when it is used.

    clips/wave/video1/frame1.png ...     a frame folder: PNG or JPEG, in natural order (2 before 10)
    clips/wave/video2.mp4                a video file; reading it needs the extra [clips]
    clips/train/wave/..., clips/test/wave/...    or two splits ("val" is read as "test")

A net takes T frames of a clip: the middle frame of each of T equal parts. Where a clip has fewer
than T frames, they are repeated evenly.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from legacy_nets.data.class_folders import find_split_folders, list_folders
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.image_files import describe_skipped
from legacy_nets.data.preprocessing import IMAGE_FORMATS, read_picture, resize_picture
from legacy_nets.data.splits import FileSplit
from legacy_nets.data.synthetic.folders import read_data_name
from legacy_nets.errors import BadInputError, MissingHoldoutError, join_lines
from legacy_nets.files import suggest_paths
from legacy_nets.progress import show_progress
from legacy_nets.types import Array, Shape

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

IMAGES = (*IMAGE_FORMATS["PNG"], *IMAGE_FORMATS["JPEG"])  # of frames; a GIF is a clip
VIDEOS = (".mp4", ".avi", ".mov", ".gif", ".webm")
THREADS = 4  # that open videos
SYNTHETIC = "synthetic moving hands, drawn by legacy_nets"  # written into data sets: keep it


class MissingReaderError(BadInputError):
    """The library that reads videos is not installed."""


def make_sort_key(path: pathlib.Path) -> list[tuple[int, str]]:
    """Makes the key that sorts paths in natural order: frame2 before frame10."""
    return [(int(digits or 0), text) for text, digits in re.findall(r"(\D*)(\d*)", path.name)]


def choose_frames(count: int, frames: int) -> list[int]:
    """Chooses the frames of a clip that a net takes: the middle of each of ``frames`` parts."""
    return [(2 * part + 1) * count // (2 * frames) for part in range(frames)]


def count_frames(path: pathlib.Path) -> int:
    """Counts the frames of a clip, without decoding them. Raises BadInputError for none."""
    if not path.exists():
        raise BadInputError(f"no such clip: {path}{suggest_paths(path)}")
    if path.is_file() and path.suffix.lower() not in VIDEOS:
        raise BadInputError(
            f"{path} is no clip: give a folder of frames, or a video ({', '.join(VIDEOS)})"
        )
    if path.is_dir():
        count = len(_list_frame_files(path))
    elif path.suffix.lower() == ".gif":
        with _report_unreadable(path), Image.open(path) as image:
            count = getattr(image, "n_frames", 1)  # Pillow sets it for formats with frames
    else:
        with _open_video(path) as (container, stream):
            # The packets are counted where the file does not record its length.
            count = stream.frames or sum(1 for packet in container.demux(stream) if packet.size)
    if not count:
        raise BadInputError(f"{path} is a clip with no frames: remove it, or put its frames there")
    return count


def read_clip(path: pathlib.Path, preprocessing: str, size: Shape, channels: int = 3) -> Array:
    """Reads T frames of a clip at a net's size (T, H, W): float32 [T, H, W, C] from 0 to 255.

    The frames are cropped and resized as the preprocessing asks. Raises BadInputError for a clip
    that does not exist, has no frames, has frames of different sizes, or cannot be decoded.
    """
    chosen = choose_frames(count_frames(path), size[0])
    frames: dict[int, Array] = {}
    shape: Shape = ()
    for number, picture in _read_frames(path, set(chosen)):
        shape = shape or picture.shape
        if picture.shape != shape:
            raise BadInputError(
                f"{path}: frame {number + 1} is {_format_size(picture.shape)}, those before it "
                f"are {_format_size(shape)} (width x height): give all frames of a clip one size"
            )
        frames[number] = resize_picture(picture, preprocessing, size[1:], channels)
    if not frames:
        raise BadInputError(f"{path}: no frame of it can be decoded: save the video again")
    last = max(frames)  # some videos hold fewer frames than they record
    return np.stack([frames[min(number, last)] for number in chosen])


def _format_size(shape: Shape) -> str:
    return f"{shape[1]}x{shape[0]}"


def _list_frame_files(folder: pathlib.Path) -> list[pathlib.Path]:
    images = [path for path in folder.iterdir() if path.suffix.lower() in IMAGES]
    return sorted((path for path in images if not path.name.startswith(".")), key=make_sort_key)


def _read_frames(path: pathlib.Path, chosen: set[int]) -> Iterator[tuple[int, Array]]:
    """Reads the chosen frames in order: (number, uint8 [H, W, 3])."""
    if path.is_dir():
        for number, file in enumerate(_list_frame_files(path)):
            if number in chosen:
                yield number, read_picture(file)
    elif path.suffix.lower() == ".gif":
        with _report_unreadable(path), Image.open(path) as image:
            for number in sorted(chosen):
                image.seek(number)
                yield number, np.asarray(image.convert("RGB"))
    else:
        with _open_video(path) as (container, stream):
            for number, frame in enumerate(container.decode(stream)):
                if number in chosen:
                    yield number, frame.to_ndarray(format="rgb24")
                if number >= max(chosen):
                    return


@contextlib.contextmanager
def _report_unreadable(path: pathlib.Path) -> Iterator[None]:
    """Turns an error of decoding a video into a BadInputError."""
    try:
        yield
    except BadInputError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise BadInputError(
            f"{path} is not a readable video ({join_lines(error)[:200]}): play it, or save it again"
        ) from None


@contextlib.contextmanager
def _open_video(path: pathlib.Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens a video: its container and its first stream of pictures."""
    try:
        import av
    except ImportError:
        raise MissingReaderError(
            f"{path} needs a reader of videos: pip install 'legacy-nets[clips]', or give folders "
            "of frames"
        ) from None
    with _report_unreadable(path):
        try:
            with av.open(str(path)) as container:
                if not container.streams.video:
                    raise BadInputError(f"{path} has no pictures in it: is it a sound file?")
                yield container, container.streams.video[0]
        except av.error.FFmpegError as error:
            raise OSError(error.strerror or str(error)) from None


@dataclasses.dataclass(frozen=True)
class _ClassFolders:
    """The clips in a folder of class folders."""

    paths: tuple[pathlib.Path, ...]
    labels: tuple[int, ...]
    class_names: tuple[str, ...]

    def keep_readable(self, check: ClipCheck, folder: pathlib.Path) -> FileSplit:
        """Makes the split of the clips that can be read.

        Raises BadInputError where a class has none; ``folder`` has those of the classes.
        """
        split = FileSplit(self.paths, np.array(self.labels, np.int64), read_clip)
        split = split.keep_paths(check.readable)
        for label, name in enumerate(self.class_names):
            if label not in split.labels:
                raise BadInputError(
                    f"{folder / name} holds no clip that can be read: add some, or remove it"
                )
        return split


def _list_clips(folder: pathlib.Path) -> _ClassFolders:
    """Lists every clip of a folder of class folders. Raises BadInputError where one is unusable."""
    classes = sorted(list_folders(folder), key=make_sort_key)
    if len(classes) < 2:
        problem = f"only one class ({classes[0].name})" if classes else "no class folders"
        raise BadInputError(
            f"{folder} has {problem}: put each class of clips in a folder of its own"
        )
    paths: list[pathlib.Path] = []
    labels: list[int] = []
    for label, class_folder in enumerate(classes):
        clips = _list_clips_of_class(class_folder)
        paths += clips
        labels += [label] * len(clips)
    return _ClassFolders(tuple(paths), tuple(labels), tuple(path.name for path in classes))


def _list_clips_of_class(folder: pathlib.Path) -> list[pathlib.Path]:
    """Lists the frame folders and videos of one class, in natural order."""
    entries = sorted(
        (path for path in folder.iterdir() if not path.name.startswith(".")), key=make_sort_key
    )
    images = [path for path in entries if path.suffix.lower() in IMAGES]
    if images:
        raise BadInputError(
            f"{images[0]} is an image in a class of clips: put the frames of each clip in a folder "
            "of its own"
        )
    clips = [path for path in entries if path.is_dir() or path.suffix.lower() in VIDEOS]
    if not clips:
        raise BadInputError(
            f"the class folder {folder} has no clips: put frame folders or videos "
            f"({', '.join(VIDEOS)}) there, or remove it"
        )
    return clips


def load_clips(
    path: str | pathlib.Path, holdout: float | None = None, seed: int = 0, strict: bool = False
) -> ImageData:
    """Loads a folder of video clips for training. Counts every clip's frames; decodes none.

    ``holdout`` (a share between 0 and 1) splits each class where there is no test folder. A clip
    that cannot be opened is skipped; ``strict`` refuses it. Raises BadInputError, in one line, for
    everything that is wrong.
    """
    root = pathlib.Path(path)
    folders = find_split_folders(root)
    train_folder = folders.get("train")
    test_folder = folders.get("test") or folders.get("val")
    if train_folder and test_folder:
        if holdout is not None:
            raise BadInputError(f"{root} has both splits already: leave --holdout out")
        train, test, class_names, check = _load_both_splits(train_folder, test_folder, strict)
    else:
        train, test, class_names, check = _split_clips(
            root, train_folder or root, holdout, seed, strict
        )
    name = read_data_name(root)
    return ImageData(
        name=name,
        train=train,
        test=test,
        class_names=class_names,
        mirror_classes=frozenset(range(len(class_names)) if name == SYNTHETIC else ()),
        clip_lengths=check.measure([*train.paths, *test.paths]),
        notes=check.notes,
    )


def _load_both_splits(
    train_folder: pathlib.Path, test_folder: pathlib.Path, strict: bool
) -> tuple[FileSplit, FileSplit, tuple[str, ...], ClipCheck]:
    """Loads the splits of two folders: (train, test, class names, which can be read)."""
    train, test = _list_clips(train_folder), _list_clips(test_folder)
    if train.class_names != test.class_names:
        odd = sorted(set(train.class_names) ^ set(test.class_names))
        raise BadInputError(
            f"{train_folder.parent}: the classes of train and {test_folder.name} differ "
            f"({', '.join(odd)}): give both the same folders"
        )
    check = check_clips([*train.paths, *test.paths], strict)
    exact_test = dataclasses.replace(test.keep_readable(check, test_folder), exact=True)
    return train.keep_readable(check, train_folder), exact_test, train.class_names, check


def _split_clips(
    root: pathlib.Path, folder: pathlib.Path, holdout: float | None, seed: int, strict: bool
) -> tuple[FileSplit, FileSplit, tuple[str, ...], ClipCheck]:
    """Splits the folder of the classes of ``root``: as ``_load_both_splits``."""
    clips = _list_clips(folder)
    if holdout is None:
        raise MissingHoldoutError(
            f"{root} has no train and test folders: say what share of each class to hold out, "
            "for instance --holdout 0.25"
        )
    check = check_clips(clips.paths, strict)
    train, test = clips.keep_readable(check, folder).hold_out(holdout, seed)
    if len(np.unique(train.labels)) < len(clips.class_names):
        raise BadInputError(
            f"--holdout {holdout} leaves some class of {root} without a clip to train on: give "
            "more clips, or a smaller share"
        )
    return train, test, clips.class_names, check


@dataclasses.dataclass(frozen=True)
class ClipCheck:
    """The result of ``check_clips``."""

    lengths: Mapping[pathlib.Path, int]  # frames of each clip that can be read
    notes: tuple[str, ...]  # which are skipped

    @property
    def readable(self) -> Collection[pathlib.Path]:
        """The clips that can be read."""
        return self.lengths.keys()

    def measure(self, paths: Sequence[pathlib.Path]) -> tuple[tuple[str, int], ...]:
        """Lists path and frames of some of them."""
        return tuple((str(path), self.lengths[path]) for path in paths)


def check_clips(paths: Sequence[pathlib.Path], strict: bool) -> ClipCheck:
    """Counts the frames of clips; decodes none.

    Raises BadInputError that names those that cannot be read where ``strict``, and where the reader
    of videos is missing.
    """

    def measure(path: pathlib.Path) -> int | None:
        try:
            return count_frames(path)
        except MissingReaderError:
            raise
        except BadInputError:
            return None

    counts: dict[pathlib.Path, int | None] = {}
    with (
        concurrent.futures.ThreadPoolExecutor(THREADS) as pool,
        show_progress("clips measured", len(paths)) as report,
    ):
        for path, frames in zip(paths, pool.map(measure, paths), strict=True):
            counts[path] = frames
            report(1)
    unreadable = [path for path, frames in counts.items() if frames is None]
    notes = []
    if unreadable:
        count = len(unreadable)
        number = f"{count} clip" if count == 1 else f"{count} clips"
        notes.append(describe_skipped(unreadable, number, strict))
    lengths = {path: frames for path, frames in counts.items() if frames is not None}
    return ClipCheck(lengths, tuple(notes))


def list_clips(folder: pathlib.Path) -> list[pathlib.Path]:
    """Lists the videos and frame folders in a folder and its sub-folders, in natural order."""
    clips = {
        path.parent if path.suffix.lower() in IMAGES else path
        for path in folder.rglob("*")
        if path.suffix.lower() in (*IMAGES, *VIDEOS)
    }
    return sorted(clips, key=lambda path: (str(path.parent), make_sort_key(path)))
