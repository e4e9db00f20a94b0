"""UCF-101 and HMDB-51 as they are published: folders of classes, and files that split them.

    UCF-101/Archery/v_Archery_g01_c01.avi           ucfTrainTestlist/classInd.txt
                                                    ucfTrainTestlist/trainlist01.txt, testlist01.txt
    hmdb51/wave/x.avi                               testTrainMulti_7030_splits/
                                                        wave_test_split1.txt

Source: crcv.ucf.edu/data/UCF101.php ("Archery/v_Archery_g08_c01.avi 3" in a train list, without
the number in a test list); serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database
("x.avi 1": 1 is train, 2 is test, 0 is not used).
"""

from __future__ import annotations

import collections
import os
import pathlib
import re
from collections.abc import Iterator, Sequence

from legacy_nets.data.dataset import ImageData
from legacy_nets.data.lists.load import ListedFile, load_listed
from legacy_nets.errors import BadInputError, list_first

_UCF = re.compile(r"(?:train|test)list(?P<number>\d+)\.txt")
_HMDB = re.compile(r"(?P<name>.+)_test_split(?P<number>\d+)\.txt")
_CLASSES = "classInd.txt"
_HMDB_SPLITS = {"1": "train", "2": "test"}


def find_split_file(path: pathlib.Path, beside: bool = True) -> pathlib.Path | None:
    """Finds a file of the first published split in a folder, in a folder of it, or beside it.

    ``beside``: folders next to this one count, where their files split the classes of this one. A
    path of such a file is itself: it chooses its split. None for anything else.
    """
    if path.is_file():
        return path if _UCF.fullmatch(path.name) or _HMDB.fullmatch(path.name) else None
    for folder in _list_folders(path):
        if file := _find_first_split(folder):
            return file
    parent = path.absolute().parent
    for folder in _list_folders(parent) if beside and os.access(parent, os.R_OK) else ():
        if (file := _find_first_split(folder)) and _splits_classes_of(path, file):
            return file
    return None


def _find_first_split(folder: pathlib.Path) -> pathlib.Path | None:
    """Finds the first file of the lowest split in a folder."""
    numbered = [
        (int(match["number"]), file)
        for file in sorted(folder.glob("*.txt"))
        for match in [_UCF.fullmatch(file.name) or _HMDB.fullmatch(file.name)]
        if match
    ]
    return min(numbered)[1] if numbered else None


def _splits_classes_of(folder: pathlib.Path, split_file: pathlib.Path) -> bool:
    """Whether every folder in this one is of a class that the splits of a file name."""
    match = _HMDB.fullmatch(split_file.name)
    if match:
        ending = f"_test_split{match['number']}.txt"
        names = {f.name.removesuffix(ending) for f in split_file.parent.glob(f"*{ending}")}
    else:
        names = {words[0].partition("/")[0] for _, words in _read_lines(split_file)}
    inner = {path.name for path in _list_folders(folder)[1:]}
    return bool(inner) and inner <= names


def load_video_splits(
    split_file: pathlib.Path,
    holdout: float | None = None,
    folder: pathlib.Path | None = None,
    strict: bool = False,
) -> ImageData:
    """Loads the split that a file of UCF-101 or HMDB-51 belongs to.

    ``folder`` has the folders of the classes, or a folder near the file has them. Clips may be
    folders of frames with the names of the videos. Classes whose folders are missing are left out,
    which a note says; so are clips that cannot be opened, which ``strict`` refuses. The splits are
    fixed, so ``holdout`` is refused. Raises BadInputError, in one line, for what is wrong.
    """
    match = _UCF.fullmatch(split_file.name)
    if match:
        listed, names = _read_ucf(split_file.parent, match["number"])
    else:
        match = _HMDB.fullmatch(split_file.name)
        assert match is not None  # find_split_file gave it
        listed, names = _read_hmdb(split_file.parent, match["number"])
    root = _find_videos(split_file.parent, names, folder)
    present = [name for name in names if (root / name).is_dir()]
    splits: dict[str, list[ListedFile]] = collections.defaultdict(list)
    for split, name, clip, source in listed:
        if name in present:
            path = root / name / clip
            frames = path.with_suffix("")
            path = frames if frames.is_dir() and not path.exists() else path
            splits[split].append(ListedFile(path, present.index(name), source))
    notes = [f"split {int(match['number'])} of the published ones ({split_file})"]
    if len(present) < len(names):
        notes.append(f"{root} has {len(present)} of {len(names)} classes: the others are left out")
    if len(present) < 2:
        raise BadInputError(f"{root} has the folder of one class only: put those of others there")
    return load_listed(
        split_file.parent,
        root.resolve().name,
        splits,
        tuple(present),
        takes_clips=True,
        holdout=holdout,
        strict=strict,
        notes=notes,
    )


_Clip = tuple[str, str, str, str]  # split, class, file, where it is listed


def _read_ucf(folder: pathlib.Path, number: str) -> tuple[list[_Clip], list[str]]:
    """Reads the lists of a split of UCF-101: its clips, and the names of all classes."""
    clips: list[_Clip] = []
    for split in ("train", "test"):
        file = folder / f"{split}list{number}.txt"
        if not file.exists():
            raise BadInputError(
                f"{folder} lacks {file.name}, the other half of split {number}: put it there"
            )
        for source, words in _read_lines(file):
            name, slash, clip = words[0].partition("/")
            if not slash or len(words) > 2:
                raise BadInputError(
                    f'{source} is no line "Archery/v_Archery_g01_c01.avi 3": correct it'
                )
            clips.append((split, name, clip, source))
    names = sorted({name for _, name, _, _ in clips})
    if (folder / _CLASSES).exists():
        names = [words[-1] for _, words in _read_lines(folder / _CLASSES)]
    unknown = [source for _, name, _, source in clips if name not in names]
    if unknown:
        raise BadInputError(
            f"{unknown[0]} is of a class that {_CLASSES} does not name: correct one"
        )
    return clips, names


def _read_hmdb(folder: pathlib.Path, number: str) -> tuple[list[_Clip], list[str]]:
    """Reads the files of a split of HMDB-51: its clips, and the names of all classes."""
    clips: list[_Clip] = []
    names: list[str] = []
    for file in sorted(folder.glob(f"*_test_split{number}.txt")):
        name = file.name.removesuffix(f"_test_split{number}.txt")
        names.append(name)
        for source, words in _read_lines(file):
            if len(words) != 2 or words[1] not in ("0", *_HMDB_SPLITS):
                raise BadInputError(
                    f'{source} is no line "x.avi 1" (1 train, 2 test, 0 neither): correct it'
                )
            if words[1] in _HMDB_SPLITS:
                clips.append((_HMDB_SPLITS[words[1]], name, words[0], source))
    return clips, names


def _read_lines(file: pathlib.Path) -> Iterator[tuple[str, list[str]]]:
    """Reads the lines that are not empty: where each is, and its words."""
    text = file.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{file}, line {number}", line.split()


def _find_videos(
    lists: pathlib.Path, names: Sequence[str], given: pathlib.Path | None
) -> pathlib.Path:
    """Finds the folder of the class folders: the given one, that of the lists, or one near it."""
    folders = [*_list_folders(lists), *_list_folders(lists.parent)]
    for folder in folders if given is None else [given, *folders]:
        if any((folder / name).is_dir() for name in names):
            return folder
    raise BadInputError(
        f"no folder of a class ({list_first(names)}) in {lists} or {lists.parent}: put the class "
        "folders with their videos there"
    )


def _list_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Lists a folder, then those in it."""
    inner = (path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    return [folder, *sorted(inner)]
