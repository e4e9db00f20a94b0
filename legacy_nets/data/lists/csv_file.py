"""CSV lists of paths and labels.

    path,label,split                 columns in any order; the split is optional
    photos/0001.jpg,daisy,train      paths count from the folder of the list
    photos/0002.jpg,roses,val

The delimiter is a comma, a semicolon or a tab; the names of columns are those of ``COLUMNS``. A
list of two columns needs no names. A folder with train.csv and val.csv (or test.csv) has both
splits; a list of any other name may lie beside its pictures, too. A folder with two class folders
is no list: these give the classes.
"""

from __future__ import annotations

import collections
import csv
import io
import pathlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from legacy_nets.data.class_folders import SPLITS, find_split_folders, list_folders
from legacy_nets.data.class_indices import FILE as CLASS_INDICES
from legacy_nets.data.class_indices import MAX_CLASSES, number_classes, read_class_indices
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.lists.load import ListedFile, load_listed
from legacy_nets.data.synthetic.folders import read_data_name
from legacy_nets.errors import BadInputError, list_first

SUFFIXES = (".csv", ".tsv")
DELIMITERS = ",;\t"
COLUMNS = {  # what a column holds -> its names
    "path": ("path", "image", "video", "file", "filename", "filepath", "image_path", "file_name"),
    "label": ("label", "class", "class_name", "category", "target"),
    "split": ("split", "subset", "set"),
}


def is_list(path: pathlib.Path) -> bool:
    """Whether a path is a CSV list, or a folder that holds lists and fewer than two class folders.

    The folder of a split with pictures in it (``train/1.jpg``) is no class folder.
    """
    if path.is_dir():
        return bool(list_csv_files(path)) and not _has_class_folders(path)
    return path.suffix.lower() in SUFFIXES


def list_csv_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Lists the CSV files of a folder, by name, without hidden ones."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.is_file()
    )


def describe_unread_lists(folder: pathlib.Path) -> tuple[str, ...]:
    """Describes the lists beside class folders, which are not read; () where there are none."""
    unread = [file for file in list_csv_files(folder) if _has_columns(file)]
    if not unread:
        return ()
    return (f"the folders give the classes: --data {unread[0]} takes them from that list",)


def load_list(
    path: pathlib.Path,
    *,
    takes_clips: bool = False,
    holdout: float | None = None,
    seed: int = 0,
    strict: bool = False,
) -> ImageData:
    """Loads a CSV list, or a folder with train.csv and val.csv.

    Labels that are all numbers count from 0; a class_indices.json beside the list names them.
    Other labels are the names of the classes, sorted, or in the order of a class_indices.json.

    Args:
      path: the list or folder.
      takes_clips: the paths are video clips, else images.
      holdout, seed, strict: see ``open_data``.

    Raises BadInputError, in one line, for everything that is wrong.
    """
    lists = _choose_lists(path) if path.is_dir() else {"": path}
    rows = [row for split, file in lists.items() for row in _read_rows(file, split)]
    if not rows:
        raise BadInputError(f"{path} lists no files: give each a line, path,label")
    folder = path if path.is_dir() else path.parent
    names = _name_classes(path, folder / CLASS_INDICES, rows)
    splits: dict[str, list[ListedFile]] = collections.defaultdict(list)
    indices = {name: index for index, name in enumerate(names)}
    for row in rows:
        label = indices[row.label] if row.label in indices else int(row.label)
        splits[row.split].append(ListedFile(row.path, label, row.source))
    return load_listed(
        path,
        read_data_name(path) if path.is_dir() else path.stem,
        splits,
        names,
        takes_clips=takes_clips,
        holdout=holdout,
        seed=seed,
        strict=strict,
        notes=[f"files and classes are those of {', '.join(map(str, lists.values()))}"]
        if path.is_dir()
        else [],
    )


class _Row(NamedTuple):
    """One file of a list."""

    path: pathlib.Path
    label: str  # a name, or a number
    split: str  # "" where the list has none
    source: str  # the list, and the line


def _has_class_folders(folder: pathlib.Path) -> bool:
    """Whether there are two folders of classes, here or in that of the training split."""
    classes = [item for item in list_folders(folder) if item.name.lower() not in SPLITS]
    train_folder = find_split_folders(folder).get("train")
    return len(classes) > 1 or (train_folder is not None and len(list_folders(train_folder)) > 1)


def _choose_lists(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Chooses the lists of a folder: split -> file; "" is the split of the only list.

    Raises BadInputError where there are several, none of which is named train.
    """
    files = list_csv_files(folder)
    splits = {SPLITS[file.stem.lower()]: file for file in files if file.stem.lower() in SPLITS}
    if "train" in splits:
        return splits
    if len(files) > 1:
        raise BadInputError(
            f"{folder} has {len(files)} lists, {list_first([file.name for file in files], 4)}, and "
            f"none is train.csv: give one, for instance --data {files[0]}"
        )
    return {"": files[0]}


def _has_columns(file: pathlib.Path) -> bool:
    """Whether a CSV file has columns of paths and labels."""
    try:
        return next(_read_rows(file, ""), None) is not None
    except (BadInputError, OSError):
        return False


def _read_rows(file: pathlib.Path, split: str) -> Iterator[_Row]:
    """Reads the rows of a list, one by one. Raises BadInputError that names the line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{file} is not text in UTF-8: save it as UTF-8") from None
    first_line = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns = None
    try:
        for cells in lines:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if columns is None:
                columns, has_names = _find_columns(cells, file)
                if has_names:
                    continue
            source = f"{file}, line {lines.line_num}"
            yield _make_row(cells, columns, split, source, file.parent)
    except csv.Error as error:
        raise BadInputError(
            f"{file}, line {lines.line_num}: {error}: save the list as CSV again"
        ) from None


def _find_columns(cells: list[str], file: pathlib.Path) -> tuple[dict[str, int], bool]:
    """Finds path, label and split in the first row; tells whether that holds their names."""
    lowered = [cell.lower() for cell in cells]
    columns = {
        meaning: lowered.index(name)
        for meaning, names in COLUMNS.items()
        for name in reversed(names)
        if name in lowered
    }
    if {"path", "label"} <= columns.keys():
        return columns, True
    if len(cells) == 2 and (file.parent / cells[0]).exists():
        return {"path": 0, "label": 1}, False
    missing = " and ".join(name for name in ("path", "label") if name not in columns)
    raise BadInputError(
        f"{file} has the columns {list_first(cells, 6)}, and none for {missing}: name them path, "
        "label and, if there is one, split"
    )


def _make_row(
    cells: list[str], columns: Mapping[str, int], split: str, source: str, folder: pathlib.Path
) -> _Row:
    """Makes a row of its cells. Raises BadInputError where one is empty or unknown."""
    values = {
        meaning: cells[index] if index < len(cells) else "" for meaning, index in columns.items()
    }
    empty = [meaning for meaning, value in values.items() if not value]
    if empty:
        raise BadInputError(f"{source}: no {' and no '.join(empty)}: complete or remove the line")
    if "split" in values and not split:
        split = SPLITS.get(values["split"].lower(), "")
        if not split:
            raise BadInputError(
                f"{source}: the split {values['split']!r} is none of train, val and test"
            )
    path = folder / values["path"]
    if not path.exists():
        path = folder / values["path"].replace("\\", "/")  # a list made on Windows
    return _Row(path, values["label"], split, source)


def _name_classes(path: pathlib.Path, indices: pathlib.Path, rows: list[_Row]) -> tuple[str, ...]:
    """Names the classes of the labels, in order. Raises BadInputError."""
    labels = {row.label: row for row in reversed(rows)}
    names = read_class_indices(indices) if indices.exists() else ()
    unknown = [label for label in labels if label not in names]
    if all(label.isdecimal() for label in unknown):
        known = len(names) or MAX_CLASSES
        unknown = [label for label in unknown if int(label) >= known]
        if not names and not unknown:
            names = number_classes(max(map(int, labels)) + 1)
    elif not names:
        names, unknown = tuple(sorted(labels)), []
    if unknown:
        reason = f"{indices} does not name" if names else f"is no class below {MAX_CLASSES}"
        raise BadInputError(
            f"{labels[unknown[0]].source}: the label {unknown[0]}, which {reason}: correct it"
        )
    if len(names) < 2:
        raise BadInputError(f"{path} has one class only, {names[0]}: there must be at least two")
    return names
