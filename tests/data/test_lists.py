"""CSV lists of paths and labels; UCF-101 and HMDB-51 with their split files."""

import dataclasses
import pathlib
import shutil

import make_clips
import numpy as np
import pytest
import tiny
from PIL import Image

from legacy_nets.data.class_indices import write_class_indices
from legacy_nets.data.lists.csv_file import load_list
from legacy_nets.data.lists.video_splits import find_split_file
from legacy_nets.data.open import open_data
from legacy_nets.errors import BadInputError, MissingHoldoutError

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
    assert data.notes == ("the files of test are not used",)
    (folder / "train" / "a").mkdir(parents=True)
    with pytest.raises(BadInputError, match="holds one class only, a"):
        open_data(folder, tiny.RECORD)  # class folders, with a list beside them


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


def make_ucf(root, videos="UCF-101", lists="ucfTrainTestlist", classes=("Archery", "Bowling")):
    """The layout of UCF-101: three clips a class, the third tests; two splits."""
    (root / lists).mkdir(parents=True)
    lines = {"trainlist01": [], "testlist01": [], "trainlist02": [], "testlist02": []}
    for label, name in enumerate(classes, 1):
        for group in range(3):
            clip = f"v_{name}_g0{group}_c01"
            make_clips.write_frame_folder(
                root / videos / name / clip, make_clips.make_pictures((90, 90, 90), 3 + group)
            )
            line = f"{name}/{clip}.avi"
            for number, tested in (("01", 2), ("02", 0)):
                if group == tested:
                    lines[f"testlist{number}"].append(line)
                else:
                    lines[f"trainlist{number}"].append(f"{line} {label}")
    for name, text in lines.items():
        (root / lists / f"{name}.txt").write_text("\r\n".join(text) + "\r\n")
    names = "".join(f"{label} {name}\n" for label, name in enumerate(classes, 1))
    (root / lists / "classInd.txt").write_text(names)
    return root


@pytest.mark.parametrize(
    ("videos", "lists"),
    [("UCF-101", "ucfTrainTestlist"), (".", "ucfTrainTestlist"), ("UCF-101", "."), (".", ".")],
)
def test_ucf_101(tmp_path, videos, lists):
    root = tmp_path / "ucf"
    root.mkdir()
    if lists == ".":
        make_ucf(tmp_path / "made")
        (tmp_path / "made" / "UCF-101").rename(root / "UCF-101")
        for file in (tmp_path / "made" / "ucfTrainTestlist").iterdir():
            file.rename(root / file.name)
    else:
        make_ucf(root)
    if videos == ".":
        for item in (root / "UCF-101").iterdir():
            item.rename(root / item.name)
        (root / "UCF-101").rmdir()
    data = open_data(root, tiny.CLIPS)
    assert data.class_names == ("Archery", "Bowling")
    assert [path.name for path in data.test.paths] == ["v_Archery_g02_c01", "v_Bowling_g02_c01"]
    assert data.test.labels.tolist() == [0, 1] and data.train.labels.tolist() == [0, 0, 1, 1]
    assert [length for _, length in data.clip_lengths] == [3, 4, 3, 4, 5, 5]
    assert data.notes[0].startswith("split 1 of the published ones (")
    second = open_data(find_split_file(root).with_name("trainlist02.txt"), tiny.CLIPS)
    assert [path.name for path in second.test.paths] == ["v_Archery_g00_c01", "v_Bowling_g00_c01"]
    with pytest.raises(BadInputError, match="has train and test already: leave --holdout out"):
        open_data(root, tiny.CLIPS, 0.25)


@pytest.mark.parametrize("name", ["UCF-101", "hmdb51"])
def test_the_folder_of_the_classes_finds_the_splits_beside_it(tmp_path, monkeypatch, name):
    """Both archives are unpacked into one folder; a folder before it has the same classes."""
    root = make_ucf(tmp_path / "set") if name == "UCF-101" else make_hmdb(tmp_path / "set")
    expected = open_data(root, tiny.CLIPS)
    shutil.copytree(root / name, root / "A copy")
    monkeypatch.chdir(root)
    for path in (root / name, pathlib.Path(name)):
        data = open_data(path, tiny.CLIPS)
        assert (data.name, data.class_names) == (name, expected.class_names)
        for split in ("train", "test"):
            found, paths = getattr(data, split).paths, getattr(expected, split).paths
            assert [p.absolute() for p in found] == list(paths)
    own = open_data(root / name, tiny.CLIPS, holdout=0.34)  # a share that is given is taken
    assert own.test.labels.tolist() == [0, 1]
    make_clips.write_clip_set(root / "others")
    with pytest.raises(MissingHoldoutError, match="others has no train and test folders"):
        open_data(root / "others", tiny.CLIPS)


def test_videos_of_ucf_101(tmp_path):
    pytest.importorskip("av")
    root = make_ucf(tmp_path / "ucf")
    for folder in (root / "UCF-101").glob("*/*"):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        make_clips.write_video(folder.with_suffix(".avi"), make_clips.make_pictures((9, 9, 90)))
    data = open_data(root, tiny.CLIPS)
    assert {path.suffix for path in data.train.paths} == {".avi"}
    assert {length for _, length in data.clip_lengths} == {5}


def test_the_order_of_classes_is_that_of_class_ind(tmp_path):
    root = make_ucf(tmp_path, classes=("YoYo", "Archery", "Bowling"))
    assert open_data(root, tiny.CLIPS).class_names == ("YoYo", "Archery", "Bowling")
    for clip in (root / "UCF-101" / "Archery").iterdir():
        for file in clip.iterdir():
            file.unlink()
        clip.rmdir()
    (root / "UCF-101" / "Archery").rmdir()
    data = open_data(root, tiny.CLIPS)
    assert data.class_names == ("YoYo", "Bowling") and data.test.labels.tolist() == [0, 1]
    assert data.notes[1] == f"{root / 'UCF-101'} has 2 of 3 classes: the others are left out"


def make_hmdb(root):
    """The layout of HMDB-51: three clips a class; 1 is train, 2 test, 0 neither."""
    (root / "testTrainMulti_7030_splits").mkdir(parents=True)
    for name, numbers in (("brush_hair", "120"), ("wave", "211")):
        for split, shift in ((1, 0), (2, 1)):
            lines = []
            for index in range(3):
                clip = root / "hmdb51" / name / f"{name}_{index}"
                if split == 1:
                    make_clips.write_frame_folder(clip, make_clips.make_pictures((9, 9, 9)))
                lines.append(f"{clip.name}.avi {numbers[(index + shift) % 3]} \n")
            file = root / "testTrainMulti_7030_splits" / f"{name}_test_split{split}.txt"
            file.write_text("".join(lines))
    return root


def test_hmdb_51(tmp_path):
    root = make_hmdb(tmp_path / "hmdb")
    data = open_data(root, tiny.CLIPS)
    assert (data.name, data.class_names) == ("hmdb51", ("brush_hair", "wave"))
    assert [path.name for path in data.train.paths] == ["brush_hair_0", "wave_1", "wave_2"]
    assert [path.name for path in data.test.paths] == ["brush_hair_1", "wave_0"]
    file = root / "testTrainMulti_7030_splits" / "wave_test_split2.txt"
    data = open_data(file, tiny.CLIPS)
    assert [path.name for path in data.train.paths] == ["brush_hair_2", "wave_0", "wave_1"]


def spoil_half(root):
    (root / "ucfTrainTestlist" / "testlist01.txt").unlink()
    return "ucfTrainTestlist lacks testlist01.txt, the other half of split 01: put it there"


def spoil_line(root):
    (root / "ucfTrainTestlist" / "testlist01.txt").write_text("\nv_Archery_g01_c01.avi\n")
    return 'testlist01.txt, line 2 is no line "Archery/v_Archery_g01_c01.avi 3": correct it'


def spoil_class(root):
    (root / "ucfTrainTestlist" / "classInd.txt").write_text("1 Archery\n")
    return "trainlist01.txt, line 3 is of a class that classInd.txt does not name: correct one"


def spoil_videos(root):
    (root / "UCF-101").rename(root.parent / "elsewhere")
    return "no folder of a class (Archery, Bowling) in "


def spoil_clip(root):
    clip = root / "UCF-101" / "Bowling" / "v_Bowling_g01_c01"
    clip.rename(clip.with_name("x"))
    return f"1 of 6 files that {root / 'ucfTrainTestlist'} lists are not there; the first is {clip}"


def spoil_only_class(root):
    (root / "UCF-101" / "Bowling").rename(root.parent / "away")
    return "has the folder of one class only: put those of others there"


@pytest.mark.parametrize(
    "spoil", [spoil_half, spoil_line, spoil_class, spoil_videos, spoil_clip, spoil_only_class]
)
def test_bad_splits_of_ucf_101(tmp_path, spoil):
    root = make_ucf(tmp_path / "ucf")
    message = spoil(root)
    with pytest.raises(BadInputError) as caught:
        open_data(root, tiny.CLIPS)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_bad_line_of_hmdb_51(tmp_path):
    root = make_hmdb(tmp_path / "hmdb")
    (root / "testTrainMulti_7030_splits" / "wave_test_split1.txt").write_text("a.avi 3\n")
    with pytest.raises(BadInputError, match=r'wave_test_split1.txt, line 1 is no line "x.avi 1"'):
        open_data(root, tiny.CLIPS)


def test_split_files_are_for_nets_that_take_clips(tmp_path):
    root = make_ucf(tmp_path / "ucf")
    with pytest.raises(BadInputError, match=r"say what share|holds no image"):
        open_data(root, dataclasses.replace(tiny.RECORD))
