"""CSV lists of paths and labels."""

import shutil

import make_clips
import numpy as np
import pytest
import tiny
from PIL import Image

from legacy_nets.data.class_indices import write_class_indices
from legacy_nets.data.lists.csv_file import load_list
from legacy_nets.data.open import open_data
from legacy_nets.errors import BadInputError

HEAD = "path,label,split\n"


@pytest.fixture
def folder(tmp_path):
    """photos/0.png to photos/5.png; the number is the first pixel."""
    (tmp_path / "photos").mkdir()
    for number in range(6):
        image = Image.new("RGB", (12, 8), (number, 0, 0))
        image.save(tmp_path / "photos" / f"{number}.png")
    return tmp_path


def write(folder, text, name="list.csv", encoding="utf-8"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def make_rows(labels, splits=(), delimiter=","):
    rows = [(f"photos/{number}.png", label) for number, label in enumerate(labels)]
    if splits:
        rows = [(*row, split) for row, split in zip(rows, splits, strict=True)]
    return "".join(delimiter.join(row) + "\n" for row in rows)


def describe(split):
    """Name of each file of a split and its label, in order."""
    return [(path.stem, int(label)) for path, label in zip(split.paths, split.labels, strict=True)]


SPLITS = ["train", "train", "val", "train", "val", "train"]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + make_rows("ababab", SPLITS),
        HEAD.upper() + "\n" + make_rows("ababab", ["training", *SPLITS[1:]]) + "\n",
        "image;class;subset\n" + make_rows("ababab", [s.upper() for s in SPLITS], ";"),
        "filename\tcategory\tset\n" + make_rows("ababab", SPLITS, "\t"),
        HEAD + make_rows("ababab", [s.replace("val", "test") for s in SPLITS]),
        HEAD.replace(",", " , ") + make_rows([f'"{c}"' for c in "ababab"], SPLITS),
    ],
    ids=["plain", "capitals", "semicolons", "tabs", "test", "quotes"],
)
def test_columns_and_splits(folder, text):
    for encoding in ("utf-8", "utf-8-sig"):
        data = open_data(write(folder, text, encoding=encoding), tiny.RECORD)
        assert (data.name, data.class_names) == ("list", ("a", "b"))
        assert describe(data.train) == [("0", 0), ("1", 1), ("3", 1), ("5", 1)]
        assert describe(data.test) == [("2", 0), ("4", 0)]
        assert data.test.exact and not data.train.exact and data.notes == ()
    [batch] = data.test.resize("unit", (8, 12)).read([np.arange(2)])
    assert batch.pictures[:, 0, 0].tolist() == [[2, 0, 0], [4, 0, 0]]


def test_a_list_without_names_of_columns_is_split_by_class(folder):
    path = write(folder, make_rows("xyxyxy"))
    data = load_list(path, holdout=0.34, seed=1)
    assert (len(data.train.labels), sorted(data.test.labels)) == (4, [0, 1])
    with pytest.raises(BadInputError, match=r"has one split only: say what share of each class"):
        load_list(path)
    with pytest.raises(BadInputError, match="0.9 leaves nothing of 2 classes of .* to train on"):
        load_list(path, holdout=0.9)
    split = write(folder, HEAD + make_rows("xyxyxy", SPLITS), "split.csv")
    with pytest.raises(BadInputError, match="has train and val already: leave --holdout out"):
        load_list(split, holdout=0.5)


def test_a_folder_with_a_list_for_each_split(folder):
    write(folder, "path,label\n" + make_rows("abab"), "train.csv")
    write(folder, "path,label\nphotos/4.png,b\nphotos/5.png,c\n", "validation.csv")
    write(folder, "path,label\nphotos/5.png,c\n", "test.csv")
    data = open_data(folder, tiny.RECORD)
    assert (data.name, data.class_names) == (folder.name, tuple("abc"))
    assert describe(data.test) == [("4", 1), ("5", 2)]
    files = ", ".join(f"{folder}/{name}.csv" for name in ("test", "train", "validation"))
    assert data.notes == (
        f"files and classes are those of {files}",
        "the files of test are not used",
        "1 of 3 classes have nothing to train on: c",
    )


@pytest.mark.parametrize("place", ["photos", "train", ""])
@pytest.mark.parametrize("name", ["list.csv", "labels.tsv", "test.csv"])
def test_a_folder_with_one_list_beside_its_pictures(folder, name, place):
    """Pictures in one sub-folder, in that of a split (with "val", two), or in the folder itself."""
    for picture in (folder / "photos").iterdir():
        (folder / place).mkdir(exist_ok=True)
        picture.rename(folder / place / picture.name)
    if place == "train":
        (folder / "photos").rmdir()
        (folder / "val").mkdir()
        (folder / place / "5.png").rename(folder / "val" / "5.png")
    text = HEAD + make_rows("ababab", SPLITS).replace("photos/", f"{place}/" if place else "")
    path = write(folder, text.replace("train/5.png", "val/5.png"), name)
    write(folder, "left by a program", ".hidden.csv")
    data, expected = open_data(folder, tiny.RECORD), open_data(path, tiny.RECORD)
    assert data.notes == (f"files and classes are those of {path}",)
    assert (data.name, data.class_names) == (folder.name, ("a", "b"))
    assert describe(data.train) == describe(expected.train)
    assert describe(data.test) == [("2", 0), ("4", 0)]


def test_which_of_several_lists(folder):
    text = HEAD + make_rows("ababab", SPLITS)
    first, second = write(folder, text, "a.csv"), write(folder, text, "b.csv")
    with pytest.raises(BadInputError) as caught:
        open_data(folder, tiny.RECORD)
    assert str(caught.value) == (
        f"{folder} has 2 lists, a.csv, b.csv, and none is train.csv: give one, for instance "
        f"--data {first}"
    )
    second.unlink()
    assert open_data(folder, tiny.RECORD).class_names == ("a", "b")


@pytest.mark.parametrize("place", ["", "train"])
def test_class_folders_are_taken_before_a_list(folder, place):
    """A note names the list, where it is one: a table of something else is no data set."""
    for number, name in enumerate("xyxy"):
        (folder / place / name).mkdir(parents=True, exist_ok=True)
        (folder / "photos" / f"{number}.png").rename(folder / place / name / f"{number}.png")
    shutil.rmtree(folder / "photos")
    write(folder, "image,class_1,probability_1\nx/0.png,x,0.9\n", "predicted.csv")
    assert open_data(folder, tiny.RECORD, 0.5).notes == ()
    path = write(folder, "path,label\nx/0.png,good\ny/1.png,bad\n")
    data = open_data(folder, tiny.RECORD, 0.5)
    assert data.class_names == ("x", "y")
    assert data.notes == (f"the folders give the classes: --data {path} takes them from that list",)


def test_a_grey_file_that_is_listed_twice_is_grey(folder):
    for path in (folder / "photos").iterdir():
        Image.new("L", (12, 8), 7).save(path)
    data = load_list(write(folder, HEAD + 2 * make_rows("ababab", SPLITS)))
    assert (len(data.train.labels), data.channels, data.notes) == (8, 1, ())


def test_labels_that_are_numbers(folder):
    path = write(folder, HEAD + make_rows("204204", SPLITS))
    data = load_list(path)
    assert data.class_names == tuple("01234") and data.train.labels.tolist() == [2, 0, 2, 4]
    write_class_indices(folder / "class_indices.json", tuple("vwxyz"))
    assert load_list(path).class_names == tuple("vwxyz")
    write_class_indices(folder / "class_indices.json", tuple("vwx"))
    with pytest.raises(BadInputError) as caught:
        load_list(path)
    assert str(caught.value) == (
        f"{path}, line 4: the label 4, which {folder / 'class_indices.json'} does not name: "
        "correct it"
    )
    write_class_indices(folder / "class_indices.json", ("2019", "2018"))
    years = write(folder, HEAD + make_rows(["2018", "2019"] * 3, SPLITS))
    assert load_list(years).train.labels.tolist() == [1, 0, 0, 0]


def test_names_in_the_order_of_class_indices(folder):
    write_class_indices(folder / "class_indices.json", tuple("cba"))
    data = load_list(write(folder, HEAD + make_rows("ababab", SPLITS)))
    assert data.class_names == tuple("cba") and data.train.labels.tolist() == [2, 1, 1, 1]
    with pytest.raises(BadInputError, match="line 3: the label x, which .* does not name"):
        load_list(write(folder, HEAD + make_rows("axabab", SPLITS)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "list.csv lists no files: give each a line, path,label"),
        (HEAD, "list.csv lists no files: give each a line, path,label"),
        ("id,breed\n0,poodle\n", "has the columns id, breed, and none for path and label: name"),
        ("path,breed\n0,poodle\n", "has the columns path, breed, and none for label: name"),
        (HEAD + "photos/0.png,,train\n", "line 2: no label: complete or remove the line"),
        (HEAD + ",\n\n,a,val\n", "line 4: no path: complete"),
        (HEAD + "photos/0.png\n", "line 2: no label and no split: complete"),
        (HEAD + "photos/0.png,a,third\n", "line 2: the split 'third' is none of train, val and"),
        (HEAD + make_rows("aaaaaa", SPLITS), "has one class only, a: there must be at least two"),
        (HEAD + make_rows(["0", "20260101"] * 3, SPLITS), "line 3: the label 20260101, which is"),
        (HEAD + make_rows("ababab", SPLITS) + 'photos/0.png,"a', "line 8: unexpected end of data"),
        (
            HEAD + make_rows("ababab", SPLITS) + "photos/8.png,a,val\nphotos/9.png,a,val\n",
            "2 of 8 files that {path} lists are not there; the first is {folder}/photos/8.png "
            "({path}, line 8): paths count from the folder of the list",
        ),
    ],
)
def test_bad_lists_are_one_line(folder, text, message):
    path = write(folder, text)
    with pytest.raises(BadInputError) as caught:
        load_list(path)
    assert message.format(path=path, folder=folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_in_both_splits_is_told(folder):
    """The accuracy would be that of pictures which the net was trained on."""
    rows = make_rows("ababab", SPLITS) + "photos/1.png,b,val\nphotos/0.png,a,val\n"
    data = load_list(write(folder, HEAD + rows))
    assert data.notes == (
        f"2 files are in both splits, {folder / 'photos' / '0.png'} first: accuracy on the "
        "held-out ones is too high",
    )
    twice = write(folder, "path,label\n" + 3 * make_rows("ababab"), "twice.csv")
    [note] = load_list(twice, holdout=0.34).notes
    assert "files are in both splits" in note


def test_classes_without_pictures_are_told(folder):
    """Labels that count from 1; a class of the held-out split alone."""
    data = open_data(write(folder, HEAD + make_rows("121212", SPLITS)), tiny.RECORD)
    assert data.notes == ("1 of 3 classes have nothing to train on: 0",)
    data = open_data(write(folder, HEAD + make_rows("abcabc", SPLITS)), tiny.RECORD)
    assert (data.class_names, data.notes) == (tuple("abc"), ())
    data = open_data(write(folder, HEAD + make_rows("abxaxb", SPLITS)), tiny.RECORD)
    assert data.notes == ("1 of 3 classes have nothing to train on: x",)


def test_a_list_made_on_windows(folder):
    text = HEAD + make_rows("ababab", SPLITS)
    path = folder / "list.csv"
    path.write_bytes(text.replace("/", "\\").replace("\n", "\r\n").encode("utf-8-sig"))
    assert describe(load_list(path).test) == [("2", 0), ("4", 0)]


def test_a_list_that_is_no_text(folder):
    (folder / "list.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(BadInputError, match="is not text in UTF-8: save it as UTF-8"):
        load_list(folder / "list.csv")


def test_unreadable_images_of_a_list(folder):
    (folder / "photos" / "1.png").write_bytes(b"no image")
    path = write(folder, HEAD + make_rows("ababab", SPLITS))
    data = load_list(path)
    assert data.notes == (f"skipped 1 image that cannot be read: {folder / 'photos' / '1.png'}",)
    assert describe(data.train) == [("0", 0), ("3", 1), ("5", 1)]
    with pytest.raises(BadInputError, match="1 image that cannot be read"):
        load_list(path, strict=True)


def test_clips_of_a_list(tmp_path):
    make_clips.write_clip_set(tmp_path, per_class=2)
    rows = "wave/clip0,w,train\nwave/clip1,w,val\npoint/clip0,p,train\npoint/clip1,p,val\n"
    data = open_data(write(tmp_path, HEAD + rows), tiny.CLIPS)
    assert data.class_names == ("p", "w") and data.unit == "clips"
    assert data.train.labels.tolist() == [1, 0]
    assert data.clip_lengths[0] == (str(tmp_path / "wave" / "clip0"), 5)
