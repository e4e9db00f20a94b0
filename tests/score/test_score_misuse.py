"""Misuses of ``score``: one line each that says what to do, exit code 2, and nothing is created."""

import shlex

import pytest
from commands import check_misuse, train_tiny
from PIL import Image

GIVEN = "--checkpoint run --input photos --output new"
MISUSES = {  # arguments -> part of the line
    "score": "Missing argument 'NET'",
    "score tiny": "Missing option '--checkpoint'",
    "score tiny --checkpoint run": "Missing option '--input'",
    "score tiny --checkpoint run --input photos": "Missing option '--output'",
    f"score tinny {GIVEN}": "no net is called 'tinny'; nearest: tiny, ",
    f"score tiny_clips {GIVEN}": "tiny_clips takes video clips, and score reads pictures: use pred",
    f"score tiny {GIVEN} --checkpoint nowhere": "nowhere: no such checkpoint or weight file",
    f"score tiny_grey {GIVEN}": "is a checkpoint of tiny, not of tiny_grey",
    f"score tiny {GIVEN} --label-offset 3": "tiny/dense/",
    f"score tiny {GIVEN} --ema": "has no moving averages: use --raw",
    f"score tiny {GIVEN} --top 0": "Invalid value for '--top'",
    f"score tiny {GIVEN} --batch-size 0": "Invalid value for '--batch-size'",
    f"score tiny {GIVEN} --shard-size none": "Invalid value for '--shard-size'",
    f"score tiny {GIVEN} --format xml": "'xml' is not one of 'csv', 'jsonl', 'parquet'",
    f"score tiny {GIVEN} --engine openvino": "--engine is for --fast: add --fast, or leave it out",
    f"score tiny {GIVEN} --fast int8": "int8 measures ranges on examples: add --calibrate FOLDER",
    f"score tiny {GIVEN} --workers 0": "Invalid value for '--workers'",
    f"score tiny {GIVEN} photos": "Got unexpected extra argument (photos)",
    f"score tiny {GIVEN} --input nowhere": "--input nowhere: no such file or folder",
    f"score tiny {GIVEN} --input empty": "--input empty: neither TFRecords nor pictures",
    f"score tiny {GIVEN} --input 'none*'": "--input none*: neither TFRecords nor pictures",
    f"score tiny {GIVEN} --input photos": "--input gives two shards the output photos-00000",
    f"score tiny {GIVEN} --output note.txt": "output folder note.txt cannot be written",
    f"score tiny {GIVEN} --output run": "--output run holds other things than scores (no scores.js",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, a folder of pictures, an empty folder and a text."""
    folder = tmp_path_factory.mktemp("user")
    train_tiny(folder, test=1)
    (folder / "photos").mkdir()
    Image.new("RGB", (9, 9)).save(folder / "photos" / "0.png")
    (folder / "empty").mkdir()
    (folder / "note.txt").write_text("a note\n")
    return folder


@pytest.mark.parametrize("arguments", MISUSES)
def test_misuse(folder, monkeypatch, arguments):
    check_misuse(folder, monkeypatch, MISUSES[arguments], *shlex.split(arguments))
