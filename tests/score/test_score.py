"""``score``: rows, formats, bad pictures, resuming, and a process that is killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tiny
from commands import call, refused, train_tiny
from PIL import Image

from legacy_nets.data.records.example import make_example
from legacy_nets.data.records.tfrecord import write_record
from legacy_nets.score import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
COUNTS = {"a-00000-of-00002": 5, "a-00001-of-00002": 3}  # pictures of each TFRecord file


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of the tiny net, and 8 pictures as files and in two TFRecord files."""
    folder = tmp_path_factory.mktemp("user")
    train_tiny(folder, test=1)
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir()
    (folder / "records").mkdir()
    number = 0
    for name, count in COUNTS.items():
        with open(folder / "records" / name, "wb") as file:
            for _ in range(count):
                path = folder / "photos" / f"{number}.png"
                pixels = rng.integers(0, 256, (1, 1, 3), np.uint8) // 2 + number * 15
                Image.fromarray(np.tile(pixels, (40, 30, 1)).astype(np.uint8)).save(path)
                write_record(file, make_example(path.read_bytes(), "png", 0, (40, 30)))
                number += 1
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def score(output, *more, given="records/*"):
    done = call("score", "tiny", "--checkpoint", "run", "--input", given, "--output", output, *more)
    assert done.exit_code == 0, done.output
    return done


def read_files(output, pattern="*.csv"):
    return {path.name: path.read_bytes() for path in sorted(output.glob(pattern))}


def read_rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_classes_are_those_of_predict(here, tmp_path):
    score(tmp_path / "out", "--top", "2", "--batch-size", "2")
    assert (
        call(
            *(
                "predict",
                "tiny",
                "--checkpoint",
                "run",
                "photos",
                "--csv",
                tmp_path / "predicted.csv",
            ),
            *("--top", "2"),
        ).exit_code
        == 0
    )
    predicted = read_rows(tmp_path / "predicted.csv")
    rows = [row for name in COUNTS for row in read_rows(tmp_path / "out" / f"{name}.csv")]
    assert [row["image"] for row in rows] == [
        f"records/{name}/{number}" for name, count in COUNTS.items() for number in range(count)
    ]
    for row, wanted in zip(rows, predicted, strict=True):
        assert (row["class_1"], row["class_2"]) == (wanted["class_1"], wanted["class_2"])
        assert float(row["probability_1"]) == pytest.approx(float(wanted["probability_1"]), 1e-5)
        assert row["problem"] == ""
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["images"], summary["bad"], summary["net"]) == (8, 0, "tiny")
    assert summary["shards"] == [
        {"shard": name, "images": count, "bad": 0} for name, count in COUNTS.items()
    ]
    assert summary["run"]["images"] == 8


def test_formats_hold_the_same(here, tmp_path):
    for name in ("csv", "jsonl"):
        score(tmp_path / name, "--top", "2", "--format", name)
    for name in COUNTS:
        rows = read_rows(tmp_path / "csv" / f"{name}.csv")
        lines = (tmp_path / "jsonl" / f"{name}.jsonl").read_text().splitlines()
        for row, line in zip(rows, map(json.loads, lines), strict=True):
            assert line["image"] == row["image"] and line["problem"] is None
            for number, ranked in enumerate(line["classes"], 1):
                assert ranked["class"] == row[f"class_{number}"]
                assert ranked["probability"] == float(row[f"probability_{number}"])


def test_parquet(here, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("csv", "parquet"):
        score(tmp_path / name, "--top", "2", "--format", name)
    for name in COUNTS:
        table = parquet.read_table(tmp_path / "parquet" / f"{name}.parquet").to_pylist()
        rows = read_rows(tmp_path / "csv" / f"{name}.csv")
        for row, wanted in zip(table, rows, strict=True):
            assert (row["image"], row["class_1"]) == (wanted["image"], wanted["class_1"])
            assert row["probability_2"] == pytest.approx(float(wanted["probability_2"]), 1e-5)
            assert row["problem"] is None


def test_bad_pictures_are_rows(here, tmp_path):
    """A damaged picture, a missing one, a damaged record, a truncated file."""
    good = (here / "photos" / "0.png").read_bytes()
    (tmp_path / "half.png").write_bytes(good[: len(good) // 2])
    records = tmp_path / "damaged.tfrecord"
    with open(records, "wb") as file:
        for content in (good, b"no picture", good, good):
            write_record(file, make_example(content, "png", 0, (40, 30)))
    content = bytearray(records.read_bytes())
    length = int.from_bytes(content[:8], "little")
    content[12 + length // 2] ^= 255  # of the first record
    records.write_bytes(content[:-30])
    (tmp_path / "list.txt").write_text(
        f"photos/0.png\n{tmp_path}/half.png\ngone.png\nphotos/1.png\n{records}\n"
    )
    done = score(tmp_path / "out", "--batch-size", "2", given=tmp_path / "list.txt")
    rows = read_rows(tmp_path / "out" / "list-00000.csv")
    problems = [row["problem"] for row in rows]
    assert problems[0] == problems[3] == "" and rows[3]["class_1"] != ""
    assert f"{tmp_path}/half.png is not a readable image" in problems[1]
    assert "gone.png" in problems[2] and rows[2]["class_1"] == ""
    problems = [row["problem"] for row in read_rows(tmp_path / "out" / "damaged.tfrecord.csv")]
    assert problems[0] == f"{records}: record 0 has a wrong checksum: download it again"
    assert problems[1].startswith(f"{records}/1 is not a readable image")
    assert problems[2] == ""
    assert problems[3] == (
        f"nothing from here on can be read: {records} ends in record 3: it is truncated, download "
        "it again"
    )
    assert done.stdout.startswith("8 pictures in 2 shards; 5 could not be read; ")


def test_a_second_run_repeats_nothing(here, tmp_path):
    out = tmp_path / "out"
    score(out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.csv")}
    done = score(out)
    assert "2 shards: 2 finished, 0 to do" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.csv")} == before
    assert (
        done.stdout == f"8 pictures in 2 shards; 2 shards of an earlier run; {out}/summary.json\n"
    )


def test_what_has_changed_is_scored_again(here, tmp_path):
    """An input that has changed, and an output that was removed; one without an input stays."""
    for name in COUNTS:
        (tmp_path / name).write_bytes((here / "records" / name).read_bytes())
    first, second = COUNTS
    out = tmp_path / "out"
    score(out, given=f"{tmp_path}/a-*")
    os.utime(tmp_path / first, ns=(1, 1))
    done = score(out, given=f"{tmp_path}/a-*")
    assert f"scored again, the input has changed: {first}\n" in done.stderr
    assert "2 shards: 1 finished, 1 to do" in done.stderr
    (out / f"{second}.csv").unlink()
    assert "2 shards: 1 finished, 1 to do" in score(out, given=f"{tmp_path}/a-*").stderr
    (tmp_path / first).unlink()
    done = score(out, given=f"{tmp_path}/a-*")
    assert f"outputs without an input now, left as they are: {first}\n" in done.stderr
    assert set(read_files(out)) == {f"{name}.csv" for name in COUNTS}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--top", "2"), "another --top (5, now 2): name a new folder"),
        (("--format", "jsonl"), "another --format (csv, now jsonl): name a new folder"),
        (("--batch-size", "3"), "another --batch-size (None, now 3): name a new folder"),
        (("--fast",), "another --fast (, now fp32): name a new folder"),
        (("--checkpoint", "run/model.ckpt-2"), "another checkpoint ("),
        (("--image-size", "72"), "another settings of the net (it has changed): name a new"),
    ],
)
def test_other_options_are_refused(here, tmp_path, more, message):
    score(tmp_path / "out")
    before = read_files(tmp_path / "out", "*")
    line = refused(
        *("score", "tiny", "--checkpoint", "run", "--input", "records/*"),
        *("--output", tmp_path / "out", *more),
    )
    assert f"--output {tmp_path}/out holds scores of {message}" in line
    assert read_files(tmp_path / "out", "*") == before


def test_the_engine_of_fast_is_kept(here, tmp_path, monkeypatch):
    """``auto`` measures once a folder: another engine later would give other last digits."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first, second = COUNTS
    score(tmp_path / "out", "--fast", "--engine", "tensorflow", given=f"records/{first}")
    done = score(tmp_path / "out", "--fast", given="records/*")
    assert "2 shards: 1 finished, 1 to do" in done.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["engine"] == "tensorflow"


def test_a_shard_that_cannot_be_written_fails_alone(here, tmp_path):
    out = tmp_path / "out"
    first, second = COUNTS
    score(out, given=f"records/{first}")
    (out / f"{second}.csv").mkdir()
    done = call(*("score", "tiny", "--checkpoint", "run", "--input", "records/*", "--output", out))
    assert done.exit_code == 1
    assert f"failed: {second}: " in done.stderr
    assert done.stdout.startswith("5 pictures in 1 shard; 1 shard failed; 1 shard of an earlier")
    (out / f"{second}.csv").rmdir()
    assert "2 shards: 1 finished, 1 to do" in score(out).stderr


def test_a_killed_process_goes_on(here, tmp_path):
    """Killed when it publishes its second shard: the first is whole, nothing is done twice."""
    score(tmp_path / "undisturbed")
    out = tmp_path / "out"
    command = [sys.executable, tiny.__file__, "score", "tiny", "--checkpoint", "run"]
    killed = subprocess.run(
        [*command, "--input", "records/*", "--output", str(out)],
        env={**os.environ, "LEGACY_NETS_TEST_KILL": "replace:2"},
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    first, second = (f"{name}.csv" for name in COUNTS)
    assert [name for name in read_files(out) if not name.startswith(".")] == [first]
    assert any(name.endswith(second) for name in os.listdir(out))  # the half file
    with open(out / "scores.jsonl", "a") as journal:
        journal.write('{"shard": "a-0000')  # a killed process may leave half a line
    done = score(out)
    assert "2 shards: 1 finished, 1 to do" in done.stderr
    assert read_files(out) == read_files(tmp_path / "undisturbed")
    assert sorted(os.listdir(out)) == sorted([first, second, "scores.jsonl", "summary.json"])
    events = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    assert [event.get("shard") for event in events] == [None, *COUNTS]


def test_two_processes_do_not_write_one_folder(here, tmp_path):
    from legacy_nets.files import lock

    out = tmp_path / "out"
    score(out)
    with lock(out / "scores.jsonl") as state:
        assert state == "taken"
        line = refused(
            *("score", "tiny", "--checkpoint", "run", "--input", "records/*", "--output", out)
        )
    assert line.endswith(f"--output {out}: another process writes there; wait for its end")


def test_a_run_that_ends_while_another_loads_is_not_mixed_with_it(here, tmp_path, monkeypatch):
    """The folder is new to both; what the first has written counts for the second."""
    out, open_network = tmp_path / "out", run.open_network

    def open_after_another(job):
        monkeypatch.setattr(run, "open_network", open_network)
        score(out, "--top", "1")
        return open_network(job)

    monkeypatch.setattr(run, "open_network", open_after_another)
    line = refused(
        *("score", "tiny", "--checkpoint", "run", "--input", "records/*", "--output", out)
    )
    assert f"--output {out} holds scores of another --top (1, now 5): name a new folder" in line
    journal = (out / "scores.jsonl").read_text().splitlines()
    assert [json.loads(event).get("shard") for event in journal] == [None, *COUNTS]


@pytest.mark.usefixtures("with_onednn")
def test_precisions_below_float32_say_how_near_they_are(here, tmp_path, monkeypatch):
    from legacy_nets import processor

    monkeypatch.setattr(processor, "_BFLOAT16", {"avx2"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = score(tmp_path / "out", "--fast", "bf16", "--engine", "tensorflow")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("bf16 by tensorflow: ") and " of 8 images have the class" in lines[0]
    assert lines[1].startswith("8 pictures in 2 shards")
    again = score(tmp_path / "out", "--fast", "bf16", "--engine", "tensorflow")
    assert again.stdout.splitlines()[0] == lines[0]  # from the journal


def test_weights_beyond_a_frozen_graph(here, tmp_path, monkeypatch):
    """A graph holds 2 GB; a larger net runs as it was restored."""
    from legacy_nets.port.formats import frozen

    score(tmp_path / "frozen")
    monkeypatch.setattr(frozen, "MAX_BYTES", -1)
    score(tmp_path / "plain")
    for name in COUNTS:
        plain, wanted = (read_rows(tmp_path / kind / f"{name}.csv") for kind in ("plain", "frozen"))
        for row, other in zip(plain, wanted, strict=True):
            assert row["class_1"] == other["class_1"]
            assert float(row["probability_1"]) == pytest.approx(float(other["probability_1"]), 1e-4)
