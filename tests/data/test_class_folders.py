"""Which folders are splits and classes, and which files in them are pictures."""

import os
import shutil

import make_clips
import pytest
import tiny
from PIL import Image

from legacy_nets.cli.inference.predict import find_images
from legacy_nets.data.image_files import describe_unread, list_images
from legacy_nets.data.open import count_classes, open_data
from legacy_nets.errors import BadInputError


def classes(folder, names="xy", count=4):
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (12, 8), (number, 0, 0)).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        ("Train", "Val"),
        ("train", "valid"),
        ("training", "validation"),
        ("TRAIN", "TEST"),
        ("Training", "Testing"),
        ("train", "eval"),
    ],
)
def test_splits_by_their_usual_names(tmp_path, train, held_out):
    """In other cases they were two classes, or the held-out pictures were left out in silence."""
    classes(tmp_path / train, count=3)
    classes(tmp_path / held_out, count=2)
    data = open_data(tmp_path, tiny.RECORD)
    assert data.class_names == ("x", "y") and count_classes(tmp_path, tiny.RECORD) == 2
    assert {path.parts[-3] for path in data.train.paths} == {train}
    assert [path.parts[-3:] for path in data.test.paths] == [
        (held_out, name, f"{number}.png") for name in "xy" for number in range(2)
    ]
    with pytest.raises(BadInputError, match=f"has {train} and {held_out} already: leave --holdout"):
        open_data(tmp_path, tiny.RECORD, 0.5)


def test_the_very_name_of_a_split_comes_first(tmp_path):
    for number, name in enumerate(("Train", "train", "eval", "val", "test"), 2):
        classes(tmp_path / name, count=number)
    data = open_data(tmp_path, tiny.RECORD)
    assert {path.parts[-3] for path in data.train.paths} == {"train"}
    assert {path.parts[-3] for path in data.test.paths} == {"val"}


def test_splits_of_clips_by_their_usual_names(tmp_path):
    make_clips.write_clip_set(tmp_path / "Training", per_class=2)
    make_clips.write_clip_set(tmp_path / "validation", per_class=2)
    data = open_data(tmp_path, tiny.CLIPS)
    assert data.class_names == ("point", "wave")
    assert {path.parts[-3] for path in data.test.paths} == {"validation"}


def test_classes_that_are_called_as_splits(tmp_path):
    """A folder without sub-folders is a class."""
    assert open_data(classes(tmp_path, ("train", "valid")), tiny.RECORD, 0.5).class_names == (
        "train",
        "valid",
    )


def test_an_unpacked_archive(tmp_path):
    """A folder around the set is named; what macOS leaves beside it is passed over."""
    inner = classes(tmp_path / "flowers")
    hidden = tmp_path / "__MACOSX" / "flowers" / "x"
    hidden.mkdir(parents=True)
    (hidden / "._0.png").write_bytes(b"\0\5\x16\7")
    with pytest.raises(BadInputError) as caught:
        open_data(tmp_path, tiny.RECORD, 0.5)
    assert str(caught.value) == (
        f"{tmp_path} holds one folder only, and that holds others: give --data {inner}"
    )
    shutil.move(tmp_path / "__MACOSX", inner)
    assert open_data(inner, tiny.RECORD, 0.5).class_names == ("x", "y")


def test_links_to_folders_are_followed(tmp_path):
    """Their pictures were left out; a link to a folder around it leads nowhere."""
    folder, other = classes(tmp_path / "set"), classes(tmp_path / "other", "z")
    (folder / "x" / "more").symlink_to(other / "z", target_is_directory=True)
    (folder / "x" / "up").symlink_to(folder, target_is_directory=True)
    (other / "z" / "back").symlink_to(folder / "x", target_is_directory=True)
    (folder / "x" / "gone.png").symlink_to("nowhere.png")
    (folder / "w").symlink_to(folder / "y", target_is_directory=True)
    own = [f"{number}.png" for number in range(4)]
    found = [str(path.relative_to(folder / "x")) for path in list_images(folder / "x")]
    assert found == [*own, *(f"more/{name}" for name in own)]
    assert [path.name for path in list_images(folder / "w")] == own
    assert len(open_data(folder, tiny.RECORD, 0.5).train.labels) == 2 + 4 + 2


def test_folders_that_may_not_be_read(tmp_path, monkeypatch):
    """A class is named; a folder below one is passed over, as that of a file system's leftovers."""
    folder = classes(tmp_path)
    (folder / "x" / "inner").mkdir()
    shutil.copy(folder / "y" / "0.png", folder / "x" / "inner")
    scan, refused = os.scandir, [folder / "x" / "inner"]

    def scan_or_refuse(path):
        if path in refused:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_or_refuse)
    assert len(list_images(folder / "x")) == 4
    refused.append(folder / "x")
    with pytest.raises(BadInputError) as caught:
        open_data(folder, tiny.RECORD, 0.5)
    assert str(caught.value) == (
        f"{folder / 'x'} cannot be read (Permission denied): change its permissions"
    )


def test_photos_in_other_formats_are_told(tmp_path, capsys):
    classes(tmp_path)
    assert describe_unread(tmp_path) == ()
    for name in ("1.HEIC", "2.heic", ".3.heic", "x.txt"):
        (tmp_path / "y" / name).write_bytes(b"ftypheic")
    path = tmp_path / "y" / "1.HEIC"
    assert open_data(tmp_path, tiny.RECORD, 0.5).notes == (
        f"2 images not read, {path} first: save as JPEG or PNG",
    )
    assert len(find_images([str(tmp_path)], takes_clips=False)) == 8
    assert capsys.readouterr() == ("", f"2 images not read, {path} first: save as JPEG or PNG\n")
    os.remove(path)
    assert describe_unread(tmp_path)[0].startswith("1 image not read, ")
