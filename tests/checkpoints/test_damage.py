"""Thousands of damaged files: never a crash, a traceback, or silently another tensor."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import damage
import damage_attacks as attacks
import damage_graphs
import damage_originals
import numpy as np
import pytest
from click.testing import CliRunner
from damage_formats import build_table, encode_field, parse_fields

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.checkpoints.formats.sstable import read_table
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.cli import main
from legacy_nets.errors import CheckpointError

ALL = pytest.param(1, marks=pytest.mark.rare, id="all")
# Before the forks: on a machine of many cores, the threads alone would fill the allowed 2 GiB.
# Keras imports pandas, and that pyarrow, where they are: its allocator would keep a thread, too.
ONE_THREAD = {
    **os.environ,
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory")
@pytest.mark.parametrize("every", [23, ALL])  # 140 of 3,200
def test_damaged_files(tmp_path, every):
    originals, answers = tmp_path / "originals", tmp_path / "answers.json"
    originals.mkdir()
    damage_originals.make(originals)
    command = [sys.executable, damage.__file__, str(originals), str(answers), str(every)]
    subprocess.run(command, check=True, env=ONE_THREAD, cwd=tmp_path)
    rows = json.loads(answers.read_text())
    intact = {row["folder"]: row for row in rows[: len(damage.PATHS)]}
    assert {row["exit"] for row in intact.values()} == {0}
    damaged = rows[len(damage.PATHS) :]
    assert len(damaged) == len(range(0, damage.COUNT * len(damage.PATHS), every))
    assert not (tmp_path / "EXECUTED").exists()
    for row in damaged:
        _check(row, intact[row["folder"]])
    refused = [row for row in damaged if row["exit"] == 2]
    unseen = [row for row in damaged if row["out"] == intact[row["folder"]]["out"]]
    assert len(refused) > 0.7 * len(damaged)
    assert len(unseen) > 0.05 * len(damaged)  # padding, an optimizer's numbers, ...


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory")
def test_damaged_graphs(tmp_path):
    models = [model.folder for model in damage_graphs.MODELS]
    damaged = _damage_graphs(tmp_path, 37, models)  # 49 of 1,800
    refused = [row for row in damaged if row["exit"] == 2]
    assert 0.4 * len(damaged) < len(refused) < 0.95 * len(damaged)


@pytest.mark.rare
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory")
@pytest.mark.parametrize("model", [model.folder for model in damage_graphs.MODELS])
def test_all_damaged_graphs(tmp_path, model):
    """200 variants of a model, in one to three minutes."""
    damaged = _damage_graphs(tmp_path, 1, [model])
    refused = [row for row in damaged if row["exit"] == 2]
    assert 0.4 * len(damaged) < len(refused) < 0.95 * len(damaged)


@pytest.mark.parametrize(
    ("name", "attack", "reason"),
    [
        ("pickle/model.npy", attacks.call_in_pickle, "names os.system, which is not executed"),
        ("keras/model.h5", attacks.lambda_in_keras, "Lambda"),
        ("served/saved_model.pb", attacks.write_file_in_graph, None),
    ],
    ids=["pickle", "keras", "saved_model"],
)
def test_what_a_file_would_execute_is_refused_or_left_out(
    name, attack, reason, tmp_path, monkeypatch, in_one_process
):
    """At four places of each file. Control edges order updates: the port follows none of them."""
    monkeypatch.setattr(attacks, "MARKER", tmp_path / "EXECUTED")
    file = tmp_path / name
    _SAVERS[file.parent.name](tmp_path)
    data = file.read_bytes()
    for seed in range(4):
        file.write_bytes(attack(data, random.Random(seed)))
        target = "npz" if file.suffix == ".npy" else "frozen"
        out = tmp_path / f"{seed}.{target}"
        done = CliRunner().invoke(main, ["port", str(file), "--to", target, "--out", str(out)])
        assert not attacks.MARKER.exists()
        if reason:
            assert done.exit_code == 2 and done.output.count("\n") == 1 and not out.exists()
            assert reason in done.output
        else:
            assert done.exit_code == 0 and b"WriteFile" not in out.read_bytes(), done.output


def test_memory_is_taken_for_what_the_file_can_hold(tmp_path):
    """An index whose checksums match, and whose first slice claims to have 48 TiB."""
    damage_originals.save(tmp_path / "sliced", partitioner=tf.fixed_size_partitioner(3))
    index = tmp_path / "sliced" / "model.index"
    tensor, huge = b"net/float16", 1 << 40
    slices = [key for key, _ in read_table(index) if key.startswith(b"\0" + tensor)]
    pairs = []
    for key, value in read_table(index):
        fields = parse_fields(value)
        if key in (tensor, slices[0]):
            side = encode_field((2, 2, encode_field((1, 0, huge))))
            new = {2: side + encode_field((2, 2, encode_field((1, 0, 12)))), 5: huge * 48}
            fields = [(field[0], field[1], new.get(field[0], field[2])) for field in fields]
        if key == tensor:  # of one slice, [0:2**40, 0:12]
            fields = [field for field in fields if field[0] != 7]
            extents = encode_field((1, 2, b"")) * 2
            fields.append((7, 2, extents))
        if key not in slices[1:]:
            pairs.append((key, b"".join(map(encode_field, fields))))
    index.write_bytes(build_table(pairs))
    bundle = read_bundle(tmp_path / "sliced" / "model")
    assert bundle.tensors["net/float16"].shape == (huge, 12)
    with pytest.raises(CheckpointError, match="too short") as caught:
        bundle.read("net/float16")
    assert "model.data-00000-of-00001" in str(caught.value)


def test_a_file_that_needs_more_memory_than_there_is(tmp_path):
    def load(name):
        return np.empty(1 << 60, np.uint8)

    source = WeightFile("large.h5", {"w": TensorSpec((1 << 60,), "uint8")}, load)
    with pytest.raises(CheckpointError, match="large.h5: needs more memory than there is"):
        source.read("w")


_SAVERS = {
    "pickle": damage_originals.save_pickles,
    "keras": lambda folder: damage_originals.save_keras_model(folder / "keras" / "model.h5"),
    "served": lambda folder: damage_graphs.save_saved_model(folder / "served"),
}


def _damage_graphs(folder: Path, every: int, models: list[str]) -> list[dict]:
    """Damages models, checks each answer, and returns the answers for the damaged ones."""
    originals, answers = folder / "originals", folder / "answers.json"
    originals.mkdir()
    damage_graphs.create_graphs(originals)
    script = [damage_graphs.__file__, str(originals), str(answers), str(every), *models]
    subprocess.run([sys.executable, *script], check=True, env=ONE_THREAD, cwd=folder)
    rows = json.loads(answers.read_text())
    intact = [row for row in rows if ":" not in row["name"]]
    damaged = [row for row in rows if ":" in row["name"]]
    assert {row["name"] for row in intact} == set(models)
    assert {row["exit"] for row in intact} == {0}, intact
    variants = damage_graphs.COUNT * len(models)
    assert len({row["name"] for row in damaged}) == len(range(0, variants, every))
    assert not (folder / "EXECUTED").exists()
    for row in rows:
        _check_graph(row)
    return damaged


def _check_graph(row: dict) -> None:
    answer = f"{row['name']}, {row['kind']}: exit {row['exit']}, {row['err'][-2000:]}"
    unlike = row["exit"] == 1 and "NOT verified" in row["err"]  # a weight that is no number now
    assert row["exit"] in (0, 2) or unlike, answer
    assert row["MB"] < 1024, answer
    assert row["err"].count("\n") == (row["exit"] > 0), answer
    if row["exit"] == 2:
        assert row["err"].startswith("legacy-nets: ") and row["file"] in row["err"], answer
    ported = row["kind"] != "describe" and row["exit"] == 0
    assert row["made"] == ([f"out.{row['kind']}"] if ported else []), answer


def _check(row: dict, intact: dict) -> None:
    answer = f"{row['name']}: exit {row['exit']}, {row['err'][-2000:]}"
    assert row["exit"] in (0, 2), answer
    assert row["MB"] < 512, answer
    if row["exit"] == 2:
        assert row["err"].startswith("legacy-nets: ") and row["err"].count("\n") == 1, answer
        assert f"/{row['folder']}/{damage.PATHS[row['folder']]}" in row["err"], answer
    else:
        assert row["err"] == "", answer
        if row["folder"] in damage.CHECKED and not row["forged"]:
            assert row["out"] == intact["out"], answer
