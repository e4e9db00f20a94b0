"""Every model below a folder is ported: names, resumption, crashes, the table."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from imported_models import build_classifier, save_model
from killed_unit import kill_on_b

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.cli import main
from legacy_nets.port.folder import run
from legacy_nets.port.folder.journal import JOURNAL, open_journal
from legacy_nets.port.folder.models import Contents, Model
from legacy_nets.port.folder.run import plan_ports, port_folder
from legacy_nets.port.folder.unit import PortSettings

pytestmark = pytest.mark.slow

WEIGHTS = np.float32([[1, 2], [3, 4]])
DIFFERENT_WEIGHTS = np.float32([[1, 2], [3, 5]])


def save_museum(folder, names=("a/w.npz", "a/w.npy", "b/w.npz")):
    """Weights of 2x2 under these names, a data set, and a damaged file."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            np.save(path, {"w": WEIGHTS})
        else:
            np.savez(path, w=WEIGHTS)
    np.savez(folder / "set.npz", x_train=np.zeros((9, 2)), y_train=np.zeros(9, int))
    (folder / "damaged.npz").write_bytes(b"PK\3\4" + bytes(60))
    return folder


def port(folder, out, *options, code=1, target="safetensors"):
    """Runs the command; returns its lines."""
    arguments = [str(folder), "--to", target, "--out", str(out), *map(str, options)]
    done = CliRunner().invoke(main, ["port", *arguments])
    assert done.exit_code == code, done.output
    return done.output.splitlines()


def read(path):
    source = open_weights(path)
    return {name: source.read(name).tolist() for name in source.tensors}


def list_files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


TABLES = ["ports.html", "ports.json", "ports.jsonl"]


def test_a_folder_is_ported_and_resumed(tmp_path):
    folder, out = save_museum(tmp_path / "museum"), tmp_path / "out"
    names = ["a/w.npy", "a/w.npz", "b/w.npz"]
    lines = port(folder, out, "--jobs", "2")
    assert lines[1] == "5 models, 0 other files; 0 are done and unchanged, 5 to do in 2 processes"
    for name in names:
        [line] = [line for line in lines if f" {name} " in line]
        assert f"verified {name} -> {name}.safetensors: 1 tensors equal, bit by bit (" in line
        assert read(out / f"{name}.safetensors") == {"w": WEIGHTS.tolist()}
    assert sum("refused damaged.npz: damaged" in line for line in lines) == 1
    assert lines[-1].startswith("3 verified, 1 refused; 1 other files; table: ")
    assert list_files(out) == [f"{name}.safetensors" for name in names] + TABLES

    done = "5 models, 0 other files; {} are done and unchanged, {} to do in 1 process"
    assert port(folder, out)[1] == done.format(5, 0)
    np.savez(folder / "a" / "w.npz", w=DIFFERENT_WEIGHTS)  # changed
    (out / "b" / "w.npz.safetensors").unlink()  # lost
    lines = port(folder, out)
    assert lines[1] == done.format(3, 2) and len(lines) == 5
    assert read(out / "a" / "w.npz.safetensors") == {"w": DIFFERENT_WEIGHTS.tolist()}
    assert port(folder, out, "--retry")[1] == done.format(3, 2)  # refused, and the data set
    assert port(folder, out, "--tolerance", "0.5")[1] == done.format(0, 5)
    (folder / "damaged.npz").unlink()
    assert port(folder, out, "--tolerance", "0.5", code=0)[-1].startswith("3 verified; 1 other")
    (folder / "a" / "w.npz").write_bytes(b"PK\3\4" + bytes(60))
    [line] = [line for line in port(folder, out) if "refused" in line and "a/w.npz" in line]
    assert "w.npz.safetensors is of an earlier run" in line


def test_the_table_says_what_was_refused_and_why(tmp_path):
    folder, out = save_museum(tmp_path / "<b>museum", ["a/<i>.npz"]), tmp_path / "out"
    port(folder, out)
    table = json.loads((out / "ports.json").read_text())
    assert (table["folder"], table["target"], table["waiting"]) == (str(folder), "safetensors", 0)
    assert (table["counts"], table["other_files"]) == ({"verified": 1, "refused": 1}, 1)
    ported, refused = table["models"]
    assert (ported["name"], ported["status"], ported["out"], ported["difference"]) == (
        *("a/<i>.npz", "verified", "a/<i>.npz.safetensors"),
        0.0,
    )
    assert (refused["name"], refused["status"], refused["out"]) == ("damaged.npz", "refused", "")
    assert refused["text"].startswith("damaged ")
    page = (out / "ports.html").read_text()
    assert '<a href="a/%3Ci%3E.npz.safetensors">a/&lt;i&gt;.npz.safetensors</a>' in page
    assert html.escape(refused["text"]) in page and "<i>" not in page and "<b>" not in page


SLOW = [pytest.param(target, marks=pytest.mark.slow) for target in ("ckpt", "torch")]


@pytest.mark.parametrize("target", ["npz", "h5", *SLOW])
def test_a_folder_goes_to_other_targets(tmp_path, target):
    folder, out = tmp_path / "museum", tmp_path / "out"
    folder.mkdir()
    np.savez(folder / "w.npz", w=WEIGHTS)
    port(folder, out, target=target, code=0)
    ending = {"ckpt": "", "torch": ".pth"}.get(target, f".{target}")
    assert read(f"{out}/w.npz{ending}") == {"w": WEIGHTS.tolist()}
    assert "1 are done and unchanged" in port(folder, out, target=target, code=0)[1]


@pytest.mark.slow
def test_graphs_go_to_formats_of_graphs(tmp_path):
    folder, out = tmp_path / "museum", tmp_path / "out"
    (folder / "run").mkdir(parents=True)
    save_model(folder / "run", build_classifier, "model.ckpt-7")
    np.savez(folder / "w.npz", w=WEIGHTS)
    lines = port(folder, out, target="saved_model")
    assert "run/model.ckpt-7.meta -> run/model.ckpt-7: 2 outputs" in lines[2]
    assert (out / "run" / "model.ckpt-7" / "saved_model.pb").is_file()
    assert "refused w.npz: --to saved_model needs the net" in lines[3]
    assert "2 are done and unchanged" in port(folder, out, target="saved_model")[1]


NAMES = {  # of models -> their outputs to npz
    "twins": (["m.index", "m", "M.meta"], ["m.npz", "m~2.npz", "M~3.npz"]),
    "file and folder": (
        ["m", "m.npz/w.h5", "m.npz/v.h5"],
        ["m.npz", "m.npz~2/w.h5.npz", "m.npz~2/v.h5.npz"],
    ),
    "folder and file": (["m.npz/w.h5", "m"], ["m.npz/w.h5.npz", "m~2.npz"]),
    "no name": ([".meta", "a/.index", "a/model"], ["model.npz", "a/model.npz", "a/model~2.npz"]),
    "case of folders": (["A/m.h5", "a/m.h5"], ["A/m.h5.npz", "a/m.h5~2.npz"]),
    "unicode": (["\u00e9.h5", "e\u0301.h5"], ["\u00e9.h5.npz", "e\u0301.h5~2.npz"]),
}


def plan(out, names, target="npz"):
    contents = Contents(tuple(Model(name, f"/x/{name}", ()) for name in names), (), 0)
    with open_journal(out, Path("/x"), target) as journal:
        units = plan_ports(contents, out, PortSettings(target), journal, False).units
    return [unit.out.relative_to(out).as_posix() for unit in units]


@pytest.mark.parametrize(("names", "outputs"), NAMES.values(), ids=NAMES)
def test_outputs_do_not_clash(tmp_path, names, outputs):
    assert plan(tmp_path, names) == outputs
    assert plan(tmp_path, ["0.h5", *names])[1:] == outputs  # the journal keeps them


def test_outputs_do_not_clash_with_the_tables(tmp_path):
    names = ["ports.json", "ports.HTML", "ports.jsonl", "sub/ports.json"]
    assert plan(tmp_path, names, "ckpt") == [
        *("ports.json~2", "ports.HTML~2", "ports.jsonl~2", "sub/ports.json"),
    ]


def test_a_crash_costs_one_model_and_is_tried_again(tmp_path, monkeypatch):
    folder, out = save_museum(tmp_path / "museum"), tmp_path / "out"
    monkeypatch.setattr("legacy_nets.port.folder.unit.port_model", kill_on_b)
    table = port_folder(folder, out, PortSettings("npz"), jobs=2, announce=lambda line: None)
    assert table.counts == {"refused": 4, "failed": 1}
    [failed] = [result for result in table.results if result.status == "failed"]
    assert failed.name == "b/w.npz" and "crashed on it (SIGKILL)" in failed.text
    monkeypatch.undo()
    lines = port(folder, out, target="npz")  # what was refused is kept
    assert lines[1].endswith("4 are done and unchanged, 1 to do in 1 process")
    assert lines[2].startswith("[1/1] verified b/w.npz -> b/w.npz.npz: ")


def test_a_killed_run_is_continued(tmp_path):
    folder, out = tmp_path / "museum", tmp_path / "out"
    save_museum(folder, [f"{number:02d}.npz" for number in range(12)])
    arguments = ["port", str(folder), "--to", "npz", "--out", str(out)]
    command = [sys.executable, "-u", "-m", "legacy_nets", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        done = 0
        while done < 3:
            done += process.stdout.readline().startswith("[")
        process.kill()
    with open(out / JOURNAL, "a") as journal:
        journal.write('{"name": "03.n')  # as if it was killed while it wrote
    lines = port(folder, out, target="npz")
    kept = int(lines[1].split("; ")[1].split()[0])
    assert 3 <= kept < 14 and len(lines) >= 14 - kept
    assert lines[-1].startswith("12 verified, 1 refused; 1 other files; ")
    assert list_files(out) == [f"{number:02d}.npz.npz" for number in range(12)] + TABLES
    assert port(folder, out, target="npz")[1].startswith("14 models, 0 other files; 14 are done")


def test_a_file_that_changes_while_it_is_ported_is_ported_again(tmp_path, monkeypatch):
    folder, out = save_museum(tmp_path / "museum", ["a.npz", "b.npz"]), tmp_path / "out"
    (folder / "b.npz").write_bytes(b"PK\3\4" + bytes(60))  # not yet complete
    run_inside = run._run_inside

    def complete(unit, out):
        result = run_inside(unit, out)
        if unit.model.name == "b.npz":
            np.savez(folder / "b.npz", w=WEIGHTS)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(run, "_run_inside", complete)
        table = port_folder(folder, out, PortSettings("npz"), announce=lambda line: None)
    assert table.counts == {"verified": 1, "refused": 2}
    lines = port(folder, out, target="npz")
    assert lines[1].endswith("3 are done and unchanged, 1 to do in 1 process")
    assert lines[2].startswith("[1/1] verified b.npz -> b.npz.npz: ")


def test_an_interrupted_run_leaves_its_table(tmp_path, monkeypatch):
    folder, out = save_museum(tmp_path / "museum"), tmp_path / "out"

    def interrupt(line):
        if line.startswith("[2/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        port_folder(folder, out, PortSettings("npz"), announce=interrupt)
    table = json.loads((out / "ports.json").read_text())
    assert (len(table["models"]), table["waiting"]) == (2, 3)


def test_nothing_is_written_outside_the_destination(tmp_path):
    folder, out, elsewhere = tmp_path / "museum", tmp_path / "out", tmp_path / "elsewhere"
    save_museum(folder)
    elsewhere.mkdir()
    port(folder, out)
    (out / "b" / "w.npz.safetensors").unlink()
    (out / "b").rmdir()
    (out / "b").symlink_to(elsewhere)
    [line] = [line for line in port(folder, out) if "b/w.npz" in line]
    assert f"refused b/w.npz: {out / 'b'} leads to a folder outside of {out}" in line
    journal = (out / JOURNAL).read_text()
    (out / JOURNAL).write_text(journal.replace('"a/w.npz.safetensors"', '"../elsewhere/w.npz"'))
    [line] = [line for line in port(folder, out, "--retry") if "a/w.npz" in line]
    assert "leads to a folder outside" in line
    assert list_files(elsewhere) == []


def test_the_source_is_left_alone_and_the_destination_is_no_source(tmp_path):
    folder = save_museum(tmp_path / "museum")
    before = list_files(folder)
    out = folder / "a" / "ported"
    port(folder, out, target="npz")
    assert port(folder, out, target="npz")[1].startswith("5 models, 0 other files; 5 are done")
    assert [name for name in list_files(folder) if not name.startswith("a/ported/")] == before
    leftovers = [name for name in list_files(out) if "/." in f"/{name}"]
    assert leftovers == [] and not (out / "b" / "none").exists()


def test_names_that_are_no_text_are_shown_and_ported(tmp_path):
    folder, out = tmp_path / "museum", tmp_path / "out"
    folder.mkdir()
    for name in (b"a\xff.npz", b"two\nlines.npz", b"two lines.npz"):
        np.savez(tmp_path / "x", w=WEIGHTS)
        os.rename(tmp_path / "x.npz", os.fsencode(folder) + b"/" + name)
    lines = port(folder, out, target="npz", code=0)
    assert len(lines) == 6 and lines[-1].startswith("3 verified; 0 other files")
    assert sorted(os.listdir(os.fsencode(out)))[:1] == [b"a\xff.npz.npz"]
    assert "3 are done" in port(folder, out, target="npz", code=0)[1]
    assert "a?.npz" in (out / "ports.html").read_text(encoding="utf-8")


def test_a_destination_of_other_things_is_refused(tmp_path):
    folder, out = save_museum(tmp_path / "museum"), tmp_path / "out"

    def refuse(*arguments, code=2, **options):
        [*_, line] = port(*arguments, code=code, **options)
        return line

    assert "is the folder that is ported" in refuse(folder, folder)
    assert f"--out {tmp_path} holds other things than ports" in refuse(folder, tmp_path)
    port(folder, out)
    assert f"holds the ports of {folder} to safetensors: name" in refuse(folder, out, target="npz")
    assert f"holds the ports of {folder} to" in refuse(folder / "a", out)
    with open_journal(out, folder, "safetensors"):
        assert "another process writes there" in refuse(folder, out)
    (out / JOURNAL).write_text((out / JOURNAL).read_text().replace('"digest"', '"sum"'))
    assert "no journal of this version" in refuse(folder, out)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "labels.txt").write_text("cat")
    new = tmp_path / "new"
    assert "empty: no model below it (1 other files)" in refuse(tmp_path / "empty", new)
    assert "--to keras needs --net" in refuse(folder, new, target="keras")
    for option in ("--inputs=x", "--report=x.json", "--num-classes=3"):
        name = option.partition("=")[0]
        assert f"{name} is for one model, and {folder} is" in refuse(folder, new, option)
    line = refuse(folder, new, "--precision=int8", target="tflite")
    assert "--precision int8 is for one model" in line and "use float16" in line
    assert not new.exists()


def test_a_folder_of_one_checkpoint_is_one_model_where_out_is_a_file(tmp_path):
    np.savez(tmp_path / "w.npz", w=WEIGHTS)
    (tmp_path / "run").mkdir()
    os.rename(tmp_path / "w.npz", tmp_path / "run" / "w.npz")
    out = tmp_path / "x.safetensors"
    port(tmp_path / "run", out, code=0)
    assert read(out) == {"w": WEIGHTS.tolist()}
    [line] = port(tmp_path / "run", tmp_path / "y.safetensors", "--jobs", "2", code=2)
    assert "--jobs is for a folder of models: leave it out" in line


def test_options_hold_for_every_model(tmp_path):
    folder, out = save_museum(tmp_path / "museum", ["w.npz"]), tmp_path / "out"
    port(folder, out, "--rename", "^w$=conv/w")
    assert read(out / "w.npz.safetensors") == {"conv/w": WEIGHTS.tolist()}
    [line] = [line for line in port(folder, out, "--ema") if "] refused w.npz" in line]
    assert "has no moving averages: use --raw" in line
