"""What --input finds: TFRecords and pictures of files, folders, patterns and lists."""

import os

import pytest
from PIL import Image

from legacy_nets.data.records.tfrecord import write_record
from legacy_nets.errors import BadInputError
from legacy_nets.score.shards import find_shards


def make_picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


def make_records(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        write_record(file, b"a record")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Records of two splits, one without an ending; pictures of two classes; other files."""
    for name in ("train/part-00000-of-00002", "train/part-00001-of-00002", "test/plain"):
        make_records(tmp_path / "records" / name)
    (tmp_path / "records" / "train" / "labels.txt").write_text("0:cat\n")
    for name in ("cat/1.png", "cat/2.JPG", "dog/3.png"):
        make_picture(tmp_path / "photos" / name)
    (tmp_path / "photos" / "note.md").write_text("a note\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def list_found(*given, pictures=2, stdin=()):
    inputs = find_shards(given, pictures, stdin)
    found = [
        (shard.name, [str(file) for file in shard.files], shard.is_records)
        for shard in inputs.shards
    ]
    return found, [str(path) for path in inputs.others]


PARTS = ["part-00000-of-00002", "part-00001-of-00002"]
PHOTOS = [
    ("photos-00000", ["photos/cat/1.png", "photos/cat/2.JPG"], False),
    ("photos-00001", ["photos/dog/3.png"], False),
]
CASES = {
    "records/train": (
        [(part, [f"records/train/{part}"], True) for part in PARTS],
        ["records/train/labels.txt"],
    ),
    "records/*/p*": (
        [("test/plain", ["records/test/plain"], True)]
        + [(f"train/{part}", [f"records/train/{part}"], True) for part in PARTS],
        [],
    ),
    "records/test/plain": ([("plain", ["records/test/plain"], True)], []),
    "photos": (PHOTOS, []),
    "photos/*": (PHOTOS, ["photos/note.md"]),
    "photos/cat/2.JPG": ([("2-00000", ["photos/cat/2.JPG"], False)], []),
}


@pytest.mark.parametrize("given", CASES)
def test_inputs(folder, given):
    assert list_found(given) == CASES[given]


def test_lists_name_files_that_may_be_missing(folder):
    """A missing picture becomes a bad row when its shard is scored."""
    lines = ["photos/cat/1.png\n", "\n", "gone.png\n", f"records/train/{PARTS[0]}\n"]
    (folder / "all.txt").write_text("".join(lines))
    records = (PARTS[0], [f"records/train/{PARTS[0]}"], True)
    for given, name in (("all.txt", "all-00000"), ("-", "stdin-00000")):
        pictures = (name, ["photos/cat/1.png", "gone.png"], False)
        assert list_found(given, stdin=lines) == ([records, pictures], [])


def test_no_output_is_outside_of_the_destination(folder, monkeypatch):
    """ ".." in a list or pattern is not part of an output's name."""
    monkeypatch.chdir(folder / "photos")
    found, _ = list_found("c*/../../records/train/p*")
    assert [name for name, _, _ in found] == [f"records/train/{part}" for part in PARTS]
    lines = [f"cat/../../records/train/{PARTS[0]}\n", f"../records/train/{PARTS[1]}\n"]
    found, _ = list_found("-", stdin=lines)
    assert [name for name, _, _ in found] == PARTS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("nowhere",), "--input nowhere: no such file or folder"),
        (("none*",), "--input none*: neither TFRecords nor pictures: give files"),
        (("photos/note.md",), "photos/note.md: neither TFRecords nor pictures (1 other files)"),
        (("-",), "--input standard input: neither TFRecords nor pictures"),
        (
            ("records/train", "records/train/part-00001-of-00002"),
            "--input gives two shards the output part-00001-of-00002",
        ),
    ],
)
def test_refused(folder, given, message):
    with pytest.raises(BadInputError) as refused:
        find_shards(given, 2)
    assert message in str(refused.value)


def test_the_size_shows_a_change(folder):
    [shard] = find_shards(["records/test/plain"], 2).shards
    before = shard.measure()
    assert before.bytes == shard.files[0].stat().st_size
    os.utime(shard.files[0], ns=(1, 1))
    assert shard.measure().digest != before.digest
