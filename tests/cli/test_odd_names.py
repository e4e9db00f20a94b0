"""Names of files and classes that are no usual text: on the screen, in files, as model folders."""

import os
import pathlib
import subprocess
import sys

import pytest
import tiny
from commands import SHORT, call, refused, train_tiny
from PIL import Image

from legacy_nets.files import is_special, replace_on_success

LATIN = os.fsdecode(b"caf\xe9")  # a file name in Latin-1, as old archives have them


def classes(folder, *names):
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for count in range(3):
            Image.new("RGB", (9, 9), (90 * number, 0, 0)).save(folder / name / f"{count}.png")
    return folder


@pytest.mark.parametrize("name", ["a\nb", "a\u2028b", LATIN, "end\r"])
def test_a_class_has_one_line_of_text(tmp_path, name):
    """labels.txt and the tables would be others than those of the data, or could not be written."""
    folder = classes(tmp_path / "photos", name, "tea")
    run = ("--data", folder, "--holdout", "0.34")
    for command in (
        ("train", "tiny", *run, "--model-dir", tmp_path / "run"),
        ("records", *run, "--out", tmp_path / "records"),
    ):
        assert refused(*command) == (
            f"legacy-nets: {folder} has the class {name!r}: a name must be one line of UTF-8; "
            "rename it"
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


@pytest.mark.slow
def test_pictures_whose_names_are_no_text(tmp_path):
    """They are read, and printed with their bytes as numbers; a run or its output is refused."""
    train_tiny(tmp_path)
    picture = tmp_path / f"{LATIN}.png"
    Image.new("RGB", (9, 9)).save(picture)
    given = ("tiny", "--checkpoint", tmp_path / "run")
    done = call("predict", *given, picture)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{tmp_path}/caf\\udce9.png: ")
    listed = subprocess.run(
        [sys.executable, tiny.__file__, "predict", *map(str, given), "-"],
        input=os.fsencode(picture),
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},  # as in most locales
        capture_output=True,
        check=False,
    )
    assert (listed.returncode, listed.stdout) == (0, done.stdout.encode()), listed.stderr
    table = tmp_path / f"{LATIN}.csv"
    done = call("predict", *given, picture, "--csv", table)
    assert done.exit_code == 0 and done.stdout == (
        f"classes of 1 images in {tmp_path}/caf\\udce9.csv\n"
    )
    assert table.read_text().splitlines()[1].startswith(f"{tmp_path}/caf?.png,")
    told = "has bytes that are no UTF-8: give another name"
    data = ("--data", tmp_path / "signs")
    assert told in refused("train", "tiny", *data, "--model-dir", tmp_path / LATIN)
    assert told in refused("evaluate", *given, *data, "--output", tmp_path / LATIN)
    assert not (tmp_path / LATIN).exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run [1]", "a\\b", "-r*n?", "a%20b \U0001f98a"])
def test_model_folders_of_any_name(tmp_path, monkeypatch, name):
    """Brackets were a pattern for TensorFlow: such a run could be neither resumed nor evaluated."""
    monkeypatch.chdir(tmp_path)
    train_tiny(pathlib.Path())
    (tmp_path / "run").rename(tmp_path / name)
    done = call("train", "tiny", f"--model-dir={name}", "--resume", "--steps", "5")
    assert done.exit_code == 0, done.output
    assert f"resumed from {name}/model.ckpt-4" in done.stderr
    done = call("evaluate", "tiny", f"--checkpoint={name}", "--data", "signs")
    assert done.exit_code == 0, done.output
    assert f"tiny from {name}/model.ckpt-5 " in done.stdout
    start = ("--data", "signs", "--model-dir", "next", *SHORT)
    done = call("train", "tiny", *start, f"--warm-start={name}")
    assert done.exit_code == 0, done.output


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device files")
def test_a_device_or_a_pipe_is_not_replaced_by_a_file(tmp_path):
    """``--csv /dev/null`` of root made a file of it; /dev/stdout and >(gzip) were refused."""
    pipe, plain, link = (tmp_path / name for name in ("pipe", "plain", "link"))
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with replace_on_success(pipe) as path:
        path.write_text("rows")
    assert os.read(reader, 9) == b"rows" and pipe.is_fifo()
    os.close(reader)
    plain.write_text("old")
    link.symlink_to(plain)
    for path in (plain, link, tmp_path, tmp_path / "new"):
        assert not is_special(path)
    for path in ("/dev/null", "/dev/full", f"/proc/self/fd/{os.open(plain, os.O_RDONLY)}", pipe):
        assert is_special(pathlib.Path(path))
    with (
        pytest.raises(OSError, match="No space left on device"),
        replace_on_success("/dev/full") as f,
    ):
        f.write_text("rows")


def test_a_folder_without_permission_is_told_before_the_net_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    (tmp_path / "0.png").touch()
    line = refused(
        *("predict", "tiny", "--checkpoint", "nowhere", tmp_path / "0.png"),
        *("--csv", tmp_path / "x.csv"),
    )
    assert line == (
        f"legacy-nets: --csv {tmp_path / 'x.csv'}: no permission to write in {tmp_path}; name "
        "another folder"
    )


@pytest.mark.slow
def test_predictions_into_the_output(tmp_path):
    """The table alone is there, not the line about it; a full disk is an error."""
    train_tiny(tmp_path)
    picture = tmp_path / "0.png"
    Image.new("RGB", (9, 9)).save(picture)
    given = ("predict", "tiny", "--checkpoint", tmp_path / "run", picture, "--top", "1", "--csv")
    program = [sys.executable, tiny.__file__, *map(str, given)]
    with open(tmp_path / "table.csv", "wb") as file:
        subprocess.run([*program, "/dev/stdout"], stdout=file, check=True)
    header, row = (tmp_path / "table.csv").read_text().splitlines()
    assert header == "image,class_1,probability_1" and row.startswith(f"{picture},")
    if os.path.exists("/dev/full"):
        assert "No space left on device" in refused(*given, "/dev/full")
