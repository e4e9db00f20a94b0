"""UCF-101 and HMDB-51 with their split files."""

import dataclasses
import pathlib
import shutil

import make_clips
import pytest
import tiny

from legacy_nets.data.lists.video_splits import find_split_file
from legacy_nets.data.open import open_data
from legacy_nets.errors import BadInputError, MissingHoldoutError


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
