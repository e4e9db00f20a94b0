"""Folders of a data set: those of its classes, and those of its splits. Reads no picture."""

from __future__ import annotations

import pathlib

SPLITS = {  # what folders and lists call a split, in any case -> train, val or test
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "eval"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
LEFTOVER = "__MACOSX"  # archives that macOS makes have it beside the folders


def list_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Lists the folders in a folder, by name, without hidden ones; [] where it is none."""
    if not folder.is_dir():
        return []
    return sorted(
        item
        for item in folder.iterdir()
        if item.name[0] != "." and item.name != LEFTOVER and item.is_dir()
    )


def find_split_folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Finds the folders of splits: "train", "val" or "test" -> folder.

    A folder without sub-folders is none: it is a class, or holds pictures without classes. Of two
    folders of a split, that with its very name is taken, else the first.
    """
    folders: dict[str, pathlib.Path] = {}
    for folder in list_folders(root):
        split = SPLITS.get(folder.name.lower())
        if split and (split not in folders or folder.name == split) and list_folders(folder):
            folders[split] = folder
    return folders
