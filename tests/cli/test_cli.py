"""The command line: answers without TensorFlow, results, exit codes, one-line errors."""

import json
import os
import pathlib
import subprocess
import sys

import h5py
import numpy as np
import pytest
import small_signs
import tiny
from commands import SHORT, call, refused
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from legacy_nets import registry
from legacy_nets.cli import ALIASES, COMMANDS, main
from legacy_nets.cli.inference.evaluate import _describe_result, _print_result
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.open import open_data
from legacy_nets.data.splits import Images
from legacy_nets.progress import print_line, show_progress, show_status, update_status
from legacy_nets.train.evaluate import Evaluation
from legacy_nets.train.settings import parse_net_options


@pytest.fixture(scope="module")
def signs_folder(tmp_path_factory):
    return small_signs.make(tmp_path_factory.mktemp("signs"))


@pytest.fixture(scope="module")
def trained(signs_folder, tmp_path_factory):
    """A folder with a short run of the tiny net, and what its training printed."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    done = call(
        "train", "tiny", "--data", signs_folder, "--model-dir", folder, *SHORT, "--ema", "0.5"
    )
    assert done.exit_code == 0, done.output
    return folder, done


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["nets"], 0),
        (["nets", "hand*", "--json"], 0),
        (["train", "--help"], 0),
        (["evaluate", "--help"], 0),
        (["predict", "--help"], 0),
        (["train", "hand_signs"], 2),
        (["train", "no_such_net", "--model-dir", "x"], 2),
        (["train", "hand_signs", "--model-dir", "x", "--data", "no_such_folder"], 2),
        (["train", "hand_signs", "--model-dir", "x", "--steps", "many"], 2),
        (["evaluate", "hand_signs", "--checkpoint", "no_such_checkpoint"], 2),
        (["predict", "hand_signs", "--checkpoint", "no_such_checkpoint", "a.png"], 2),
        (["no_such_command"], 2),
    ],
)
def test_answers_without_tensorflow(arguments, code):
    program = (
        "import sys\n"
        "from legacy_nets.cli import main\n"
        f"try: main({arguments!r}, prog_name='legacy-nets')\n"
        "except SystemExit as e: code = e.code\n"
        "print('tensorflow' in sys.modules, code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == f"False {code}", done.stderr


@pytest.mark.parametrize(
    ("arguments", "completing"), [(["--help"], ""), (["--version"], ""), ([], "legacy-nets ")]
)
def test_start_imports_no_command(arguments, completing):
    program = (
        "import sys\n"
        "from legacy_nets.cli import main\n"
        f"try: main({arguments!r}, prog_name='legacy-nets', complete_var='_COMPLETE')\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'rich', 'matplotlib'} & set(sys.modules)))\n"
        "print([name for name in sys.modules if name.startswith('legacy_nets.cli.')])\n"
    )
    asks = {"_COMPLETE": "bash_complete", "COMP_WORDS": completing, "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | (asks if completing else {}),
    )
    *printed, modules, commands = done.stdout.splitlines()
    assert (modules, commands) == ("[]", "[]"), done.stderr
    assert ("plain,doctor" in printed) == bool(completing)


def test_help_lists_every_command_with_its_summary():
    listed = call("--help").output.partition("Commands:\n")[2].splitlines()
    for name, entry in COMMANDS.items():
        assert f"  {name:9} {entry.summary}" in listed  # whole: no "..."


def test_nets():
    table = call("nets").output
    assert "hand_signs" in table and "trainable parameters" in table and "…" not in table
    [record] = json.loads(call("nets", "hand_signs", "--json").output)
    assert (record["parameters"], record["document"]) == (23_603_108, "001")
    assert record["tutorial"]["number"] == "001" and record["tutorial"]["title"] == ""
    assert "no net matches 'x*'" in refused("nets", "x*")


def test_documents_are_named_as_far_as_they_say_what_they_are():
    resnet = "TensorflowDay4.1:ResNetForward, w460461339, 2019-02-20, licence not stated"
    lines = call("nets", "*v*_50").output.splitlines()
    assert lines[-1] == f"003 (ResNet v2): {resnet}"
    line = call("errata", "003-E01").output.splitlines()[-1]
    assert line == f"l.1: line 1 of document 003, {resnet}"
    assert call("nets", "inception_v3").output.splitlines()[-1] == (
        "002 (Inception V3): tensorflow卷积神经Inception V3网络结构代码解析, author not stated, "
        "licence not stated, https://lsjlt.com/news/117732.html, based on 《Tensorflow实战》"
    )


def test_train_says_where_things_lie(trained):
    folder, done = trained
    out = done.stdout.splitlines()
    assert out[0].startswith("test accuracy 0.") or out[0].startswith("test accuracy 1.")
    assert f"checkpoint {folder / 'model.ckpt-4'}" in out
    for name in ("events", "log.csv", "curve.png"):
        assert any(str(folder / name) in line for line in out), name
        assert (folder / name).exists()
    assert "synthetic hand signs, drawn by legacy_nets" in done.stderr


@pytest.mark.slow
def test_evaluate(trained, signs_folder, tmp_path):
    folder, _ = trained
    given = ("evaluate", "tiny", "--checkpoint", folder, "--data", signs_folder, "--out", tmp_path)
    names = [f"{name}_synthetic_hand_signs_test" for name in ("confusion", "predictions")]
    report = json.loads(call(*given, "--json").stdout)
    confusion = np.array(report["confusion"])
    assert confusion.shape == (6, 6) and confusion.sum(1).tolist() == [2] * 6
    assert report["accuracy"] == confusion.trace() / 12
    assert report["averaged_weights"] is True and report["split"] == "test"
    assert report["data"] == "synthetic hand signs, drawn by legacy_nets"
    text = call(*given).stdout
    assert f"accuracy {report['accuracy']:.4f} ({confusion.trace()} of 12 images)" in text
    assert "(averaged weights)" in text and "(raw weights)" in call(*given, "--raw").stdout
    for name in names:
        assert Image.open(tmp_path / f"{name}.png").size[0] > 200
        assert str(tmp_path / f"{name}.png") in text
    file = tmp_path / "evaluation_synthetic_hand_signs_test.json"
    raw = json.loads(call(*given, "--raw", "--json").stdout)
    assert json.loads(file.read_text()) == raw
    for number, name in enumerate("012345"):
        scores = raw["classes"][name]
        assert scores["images"] == 2
        assert scores["recall"] == raw["confusion"][number][number] / 2
    train_split = json.loads(call(*given, "--split", "train", "--json").stdout)
    assert train_split["images"] == 24
    assert (tmp_path / "confusion_synthetic_hand_signs_train.png").exists()
    best = json.loads((folder / "best.json").read_text())["step"]
    assert json.loads(call(*given, "--best", "--json").stdout)["checkpoint"].endswith(f"-{best}")


@pytest.mark.slow
def test_evaluate_holds_out_what_training_held_out(signs_folder, tmp_path):
    data, folder = signs_folder / "train_signs.h5", tmp_path / "run"
    given = ("--data", data, "--holdout", "0.25")
    call("train", "tiny", *given, "--seed", "7", "--model-dir", folder, *SHORT)
    log = (folder / "log.csv").read_text().splitlines()
    trained = float(log[-1].split(",")[3])
    report = json.loads(call("evaluate", "tiny", "--checkpoint", folder, *given, "--json").stdout)
    assert report["images"] == 6 and report["accuracy"] == trained
    settings = json.loads((folder / "training.json").read_text())
    assert settings["seed"] == 7
    done = call("evaluate", "tiny", "--checkpoint", folder, "--data", data, "--json")
    assert json.loads(done.stdout) == report  # share and seed of the training
    assert "held out as in training: 0.25 of each class" in done.stderr.splitlines()
    complete = ("evaluate", "tiny", "--checkpoint", folder, "--data", signs_folder)
    done = call(*complete, "--json")  # which has its own splits
    assert json.loads(done.stdout)["images"] == 12 and "held out" not in done.stderr


@pytest.mark.slow
def test_evaluate_takes_the_data_of_the_training(tmp_path, monkeypatch):
    """It generated synthetic data, and compared the classes with theirs."""
    file = small_signs.make(tmp_path / "signs") / "train_signs.h5"
    monkeypatch.chdir(tmp_path)
    given = ("train", "tiny", "--data", "signs/train_signs.h5", "--holdout", "0.25")
    assert call(*given, "--model-dir", "run", *SHORT).exit_code == 0
    done = call("evaluate", "tiny", "--checkpoint", "run", "--json")
    assert json.loads(done.stdout)["images"] == 6
    assert f"data as in training: {file}" in done.stderr.splitlines()
    file.parent.rename("moved")
    gone = f"the data of the training are not in {file} any more: say where with --data"
    assert gone in refused("evaluate", "tiny", "--checkpoint", "run")
    assert gone in refused("train", "tiny", "--model-dir", "run", "--resume")
    assert not (tmp_path / "datasets").exists()
    done = call("evaluate", "tiny", "--checkpoint", "run", "--data", "moved/train_signs.h5")
    assert done.exit_code == 0 and "data as in training" not in done.stderr


def test_evaluate_needs_a_share_where_training_held_none_out(trained, signs_folder):
    data = signs_folder / "train_signs.h5"
    line = refused("evaluate", "tiny", "--checkpoint", trained[0], "--data", data)
    assert line == (
        f"legacy-nets: {data} has only train_signs.h5: say what share of it to hold out, for "
        "instance --holdout 0.25"
    )


@pytest.mark.slow
def test_a_net_with_more_classes_than_the_data(signs_folder, tmp_path):
    folder = tmp_path / "run"
    given = ("train", "tiny", "--data", signs_folder, "--model-dir", folder, *SHORT)
    assert "--num-classes 5: synthetic hand signs, drawn by legacy_nets has 6 classes; give" in (
        refused(*given, "--num-classes", "5")
    )
    assert not folder.exists()
    assert call(*given, "--num-classes", "8").exit_code == 0
    settings = json.loads((folder / "training.json").read_text())
    assert settings["num_classes"] == 8 and settings["class_names"] == list("01234567")
    done = call(*given, "--steps", "6", "--resume")
    assert done.exit_code == 0, done.output
    assert "num_classes = 8 (now 9)" in refused(*given, "--resume", "--num-classes", "9")
    given = ("evaluate", "tiny", "--checkpoint", folder, "--data", signs_folder, "--json")
    report = json.loads(call(*given).stdout)
    assert report["class_names"] == list("01234567") and report["classes"]["7"]["images"] == 0
    assert np.array(report["confusion"]).sum(1).tolist() == [2] * 6 + [0, 0]


@pytest.mark.slow
def test_data_with_more_classes_than_the_document(tmp_path):
    labels = np.arange(20) % 10
    pictures = np.zeros((20, 64, 64, 3), np.uint8) + labels[:, None, None, None].astype(np.uint8)
    for split in ("train", "test"):
        with h5py.File(tmp_path / f"{split}_signs.h5", "w") as file:
            file[f"{split}_set_x"], file[f"{split}_set_y"] = pictures, labels[:, None]
    folder = tmp_path / "run"
    given = ("train", "tiny", "--data", tmp_path, "--model-dir", folder, *SHORT)
    assert "label 6 of image 6 is outside 0 to 5: say how many classes there are" in refused(*given)
    assert call(*given, "--num-classes", "10").exit_code == 0
    done = call("evaluate", "tiny", "--checkpoint", folder, "--data", tmp_path, "--json")
    assert np.array(json.loads(done.stdout)["confusion"]).sum(1).tolist() == [2] * 10


def test_a_folder_that_cannot_be_written_is_one_line(trained, signs_folder, tmp_path):
    folder, _ = trained
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "x"
    given = ("--checkpoint", folder, "--data", signs_folder, "--output", out)
    line = refused("evaluate", "tiny", *given)
    assert f"the output folder {out} cannot be written ({out.parent} is a file)" in line


def test_a_folder_without_permission_is_refused_first(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    given = ("--checkpoint", trained[0], "--data", tmp_path / "none")
    line = refused("evaluate", "tiny", *given)
    assert f"{trained[0]} cannot be written (no permission for {trained[0]}): give" in line


def test_scores_of_classes():
    """A class that is never predicted has no precision; one without images has no recall."""
    confusion = np.array([[3, 1, 0, 0], [2, 4, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    labels, predicted = np.repeat(np.argwhere(confusion), confusion[confusion > 0], axis=0).T
    result = Evaluation(labels, np.eye(4)[predicted])
    assert (result.accuracy, result.hits) == (7 / 12, 7)
    assert result.count_confusions().tolist() == confusion.tolist()
    assert result.count_confusions(every=3).tolist() == [[12, 0], [0, 0]]
    assert result.list_confusions() == [
        *([0, 0, 3], [0, 1, 1], [1, 0, 2]),
        *([1, 1, 4], [2, 0, 1], [2, 1, 1]),
    ]
    first, second, missed, absent = result.score_classes()
    assert first == pytest.approx((4, 0.5, 0.75, 0.6))
    assert second == pytest.approx((6, 4 / 6, 4 / 6, 4 / 6))
    assert missed == (2, None, 0.0, 0.0)
    assert absent == (0, None, None, None)


def test_many_classes_are_written_without_zeros():
    """Of 10,000 classes the matrix took 8.9 GB of memory and 301 MB of JSON."""
    labels = np.array([0, 2400, 2400, 7])
    nothing = Images(np.zeros((0, 2, 2, 3)), np.zeros(0, int))
    names = tuple(map(str, range(2500)))
    images = ImageData("x", nothing, nothing, names, frozenset())
    predicted = np.array([0, 7, 7, 7])
    values = _describe_result(Evaluation(labels, np.eye(2500, dtype=np.float32)[predicted]), images)
    assert (values["accuracy"], values["confusion"]) == (0.5, None)
    assert values["confusion_pairs"] == [[0, 0, 1], [7, 7, 1], [2400, 7, 2]]
    assert values["classes"]["7"] == {"images": 1, "precision": 1 / 3, "recall": 1, "f1": 0.5}


def test_the_table_has_the_names_of_classes_as_they_are(capsys):
    """rich would leave out [red], and raise an error for [/b]."""
    nothing = Images(np.zeros((0, 2, 2, 3)), np.zeros(0, int))
    images = ImageData("x", nothing, nothing, ("[red]", "a[/b]"), frozenset())
    _print_result(Evaluation(np.arange(2), np.eye(2)), images)
    shown = capsys.readouterr().out
    assert shown.count("[red]") == shown.count("a[/b]") == 2


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ("abcdef", [r"true \ predicted", *"abcdef", "precision", "recall", "F1"]),
        (
            ["a", "evening star", "猫", "d [red]", "e", "f"],
            [r"true \ predicted", *(f"#{n}" for n in range(6)), "precision", "recall", "F1"],
        ),
        ([f"name {n}" for n in range(20)], ["class", "images", "precision", "recall", "F1"]),
    ],
)
def test_headings_of_the_table_are_not_folded(monkeypatch, capsys, names, shown):
    """At 80 columns: the names, their numbers where they are too wide, or no matrix."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    nothing = Images(np.zeros((0, 2, 2, 3)), np.zeros(0, int))
    images = ImageData("x", nothing, nothing, tuple(names), frozenset())
    count = len(names)
    _print_result(Evaluation(np.arange(count), np.eye(count)), images)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= 80
    heading = next(line for line in lines if "F1" in line)
    assert [cell.strip() for cell in heading.split("┃")[1:-1]] == shown
    rows = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    numbered = [f"#{n} {name}" for n, name in enumerate(names)]
    assert rows == (numbered if "#0" in shown else list(names))


def test_a_bar_counts_the_images(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    with show_progress("images", 120) as report:
        report(64)
        report(56)
    assert "images" in (shown := capsys.readouterr().err) and "120/120" in shown
    monkeypatch.delenv("FORCE_COLOR")
    with show_progress("images", 120) as report:
        report(120)
    assert not capsys.readouterr().err


def test_a_spinner_says_what_is_being_done(monkeypatch, capsys):
    with show_status("drawing"):
        pass
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    with show_status("drawing"), show_status("restoring"):
        pass
    out, shown = capsys.readouterr()
    assert not out and shown.index("drawing") < shown.index("restoring")


def test_brackets_of_a_path_are_no_markup(monkeypatch, capsys):
    """rich would leave out [red], and raise an error for [/old]."""
    line = "skipped run[red]/old[/old]/model.ckpt-7"
    print_line(Console(stderr=True, soft_wrap=True), line)
    assert capsys.readouterr().err == f"{line}\n"
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    with show_status("drawing"), show_status(line):
        update_status(f"{line}0")
    assert line in capsys.readouterr().err


def test_after_an_error_the_spinner_says_what_goes_on(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    with show_status("drawing"):
        with pytest.raises(ZeroDivisionError), show_status("restoring"):
            raise ZeroDivisionError
    shown = capsys.readouterr().err
    assert shown.index("restoring") < shown.rindex("drawing")


def test_a_bar_replaces_the_spinner(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    with show_status("opening"):
        with show_progress("records", 3) as report:
            report(3)
        with show_status("resizing"):
            pass
    shown = capsys.readouterr().err
    assert shown.index("opening") < shown.index("3/3") < shown.index("resizing")


@pytest.mark.parametrize("layout", ["folder", "tfrecords", "clips"])
def test_opening_data_shows_a_bar(monkeypatch, capsys, tmp_path, layout):
    """Under the spinner of the command; the last state of the bar counts everything."""
    for split, count in (("train", 3), ("test", 2)):
        for name in "ab":
            for number in range(count):
                path = tmp_path / "data" / split / name / str(number)
                path.parent.mkdir(parents=True, exist_ok=True)
                if layout == "clips":
                    path.mkdir()
                    path = path / "0"
                Image.new("RGB", (9, 9), (number, 0, 0)).save(path.with_name(path.name + ".png"))
    data, net = tmp_path / "data", registry.get_net("hand_signs")
    if layout == "tfrecords":
        records = call("records", "--data", data, "--out", tmp_path / "records")
        assert records.exit_code == 0, records.output
        data = tmp_path / "records"
    if layout == "clips":
        net = registry.get_net("resnet_3d")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    capsys.readouterr()
    with show_status("opening the data"):
        open_data(data, net)
    shown = capsys.readouterr().err
    unit = {"folder": "images checked", "tfrecords": "MB of TFRecords read", "clips": "clips meas"}
    assert unit[layout] in shown
    assert layout == "tfrecords" or "10/10" in shown


def test_predict(trained, signs_folder, tmp_path):
    folder, _ = trained
    with h5py.File(signs_folder / "test_signs.h5") as file:
        picture = Image.fromarray(file["test_set_x"][0])
    picture.save(tmp_path / "hand.png")
    picture.resize((200, 100)).convert("L").save(tmp_path / "grey.jpg")
    images = [tmp_path / "hand.png", tmp_path / "grey.jpg"]
    given = ("predict", "tiny", "--checkpoint", folder)
    rows = json.loads(call(*given, "--json", *images).stdout)
    assert [row["image"] for row in rows] == [str(path) for path in images]
    for row in rows:
        assert list(row["probabilities"]) == list("012345")
        assert abs(sum(row["probabilities"].values()) - 1) < 1e-5
        assert row["class"] == max(row["probabilities"], key=row["probabilities"].get)
    line = call(*given, "--top", "1", images[0]).stdout.strip()
    top = rows[0]["probabilities"][rows[0]["class"]]
    assert line == f"{images[0]}: {rows[0]['class']} {top:.4f}"
    line = refused(*given, tmp_path / "x")
    assert line.endswith(f"no such image: {tmp_path / 'x'}: check the path")
    near = images[0].with_name(images[0].name + "x")
    assert f"no such image: {near}; nearest: {images[0].name}" in refused(*given, near)
    lost = tmp_path / "gone" / "a.png"
    assert f"{lost}; {lost.parent} is not a readable folder" in refused(*given, lost)


def test_bad_options(signs_folder, tmp_path):
    given = ("train", "tiny", "--data", signs_folder, "--model-dir", tmp_path / "x")
    assert "--zoom and --rotate belong to --augment" in refused(*given, "--zoom", "0.1")
    assert "--option 'explode': write NAME=VALUE" in refused(*given, "--option", "explode")
    line = refused(*given, "--option", "speed=3")
    assert "tiny takes no option 'speed'; it takes scope, explode" in line
    given = ("predict", "tiny", "--checkpoint", tmp_path, "a.png", "--features", "logits", "--out")
    missing = tmp_path / "no"
    assert f"{missing} is no folder; make it first" in refused(*given, missing / "features.npz")
    assert not (tmp_path / "x").exists() or not list((tmp_path / "x").iterdir())


def test_values_of_options_are_json_or_pythons_or_text():
    pairs = ("a=true", "b=False", "c=null", "d=None", "e=.5", "f=1e-3", "g=[3, 4]", "h=same", "i=")
    assert parse_net_options(pairs) == dict(
        zip("abcdefghi", (True, False, None, None, 0.5, 0.001, [3, 4], "same", ""), strict=True)
    )


@pytest.mark.parametrize("module", ["legacy_nets", "legacy_nets.cli"])
def test_python_m_is_the_command(module):
    command = [sys.executable, "-m", module, "nets", "hand*"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "hand_signs" in done.stdout


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias, name):
    assert main.get_command(None, alias) is main.get_command(None, name)
    assert alias not in COMMANDS and f"{alias} = {name}" in call("--help").output


def test_memory_and_files_are_one_line(monkeypatch):
    command = main.get_command(None, "nets")

    def fail(error):
        def callback(**_):
            raise error

        monkeypatch.setattr(command, "callback", callback)
        return refused("nets")

    line = fail(MemoryError("Unable to allocate 8 EiB"))
    assert line == (
        "legacy-nets: out of memory (Unable to allocate 8 EiB): use smaller images or batches"
    )
    assert fail(MemoryError()) == "legacy-nets: out of memory: use smaller images or batches"
    line = fail(OSError(28, "No space left on device", "x.npz"))
    assert line.endswith(
        "No space left on device: 'x.npz': check the path, its permissions and the free disk space"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_switch_says_what_it_does(name):
    command = main.get_command(None, name)
    assert [
        item.opts for item in command.params if getattr(item, "is_flag", 0) and not item.help
    ] == []


def test_bad_data_leave_the_model_folder_alone(signs_folder, tmp_path):
    """Every bad file is one line and exit 2; the messages themselves: test_signs_data.py."""
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "test_signs.h5").write_text("<html>Sign in</html>")
    given = ("--model-dir", tmp_path / "run")
    line = refused("train", "tiny", "--data", bad, "--holdout", "0.25", *given)
    assert "test_signs.h5 is an HTML page" in line
    assert "no such folder" in refused("train", "tiny", "--data", tmp_path / "none", *given)
    assert not (tmp_path / "run").exists()


def test_unwritable_model_folder(signs_folder, tmp_path):
    (tmp_path / "file").write_text("precious")
    line = refused("train", "tiny", "--data", tmp_path / "none", "--model-dir", tmp_path / "file")
    assert f"cannot be written ({tmp_path / 'file'} is a file): give a folder, or" in line
    assert (tmp_path / "file").read_text() == "precious"


def test_checkpoint_of_another_net(trained, signs_folder, tmp_path):
    folder, _ = trained
    line = refused("evaluate", "hand_signs", "--checkpoint", folder, "--data", signs_folder)
    assert line.endswith(
        "model.ckpt-4 is a checkpoint of tiny, not of hand_signs: name the net tiny"
    )
    for path in folder.glob("model.ckpt-4.*"):  # without its settings
        (tmp_path / path.name).write_bytes(path.read_bytes())
    given = ("--checkpoint", tmp_path / "model.ckpt-4", "--data", signs_folder)
    line = refused("evaluate", "hand_signs", *given)
    assert "does not match the graph (0 variables do)" in line
    assert "reference/" in line and "tiny/" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "tiny", "--bogus", "1"], "No such option '--bogus'"),
        (["train", "tiny"], "Missing option '--model-dir'"),
        (["train", "tiny", "--model-dir", "x", "--steps", "0"], "'--steps': 0 is not in the range"),
        (["train", "tiny", "--steps", "1.5"], "'--steps': '1.5' is not a whole number. (see "),
        (["train", "tiny", "--rotate", "x"], "'--rotate': 'x' is not a number. (see "),
        (["port", "x", "--tolerance", "high"], "'--tolerance': 'high' is not a number. (see "),
        (["no_such_command"], "No such command 'no_such_command'"),
        (["evalute", "tiny"], "No such command 'evalute'; nearest: evaluate"),
        (["--jsn"], "No such option '--jsn'"),
    ],
)
def test_usage_errors_are_one_line_too(arguments, message):
    line = refused(*arguments)
    assert message in line and line.endswith("--help)")


def test_checkpoint_that_is_none(tmp_path, signs_folder):
    (tmp_path / "model.ckpt-1.index").write_text("<html></html>")
    line = refused(
        "evaluate", "tiny", "--checkpoint", tmp_path / "model.ckpt-1", "--data", signs_folder
    )
    assert "model.ckpt-1.index" in line and "HTML" in line
    assert "best.json" in refused("predict", "tiny", "--checkpoint", tmp_path, "--best", "a.png")


def test_data_of_another_class_count(trained, signs_folder, tmp_path):
    folder, _ = trained
    other = tmp_path / "run"
    other.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (other / path.name).write_bytes(path.read_bytes())
    settings = json.loads((other / "training.json").read_text())
    settings |= {"num_classes": 5, "class_names": list("abcde")}
    (other / "training.json").write_text(json.dumps(settings))
    line = refused("evaluate", "tiny", "--checkpoint", other, "--data", signs_folder)
    assert "class_indices.json does not match" in line and "knows 5 (a, b, c, d, e)" in line


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1_000_000, 20_000], ids=["checkpoint", "log"])  # bytes a file
def test_disk_that_fills_up_keeps_the_older_checkpoint(signs_folder, tmp_path, limit):
    """A limit on file sizes makes writes fail half-way, as a full disk does."""
    folder = tmp_path / "run"
    given = [tiny.__file__, "train", "tiny", "--data", str(signs_folder), "--batch-size", "8"]
    given += ["--model-dir", str(folder), "--option", "width=512"]
    command = [sys.executable, *given, "--steps", "2"]
    subprocess.run(command, check=True, capture_output=True)
    assert (folder / "model.ckpt-2.data-00000-of-00001").stat().st_size > 1_200_000
    program = (
        "import resource, runpy, sys, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "import legacy_nets.tf1\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        f"sys.argv = {[*given, '--steps', '4', '--resume']!r}\n"
        "sys.path.insert(0, sys.argv[0].rpartition('/')[0])\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("legacy-nets: ") and "older checkpoints are unchanged" in last
    assert ("not saved" in last or "stopped: " in last) and "File too large" in last
    assert len(last) < 400
    evaluated = subprocess.run(
        [sys.executable, tiny.__file__, "evaluate", "tiny", "--checkpoint", str(folder),
         "--data", str(signs_folder), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(evaluated.stdout)["checkpoint"] == str(folder / "model.ckpt-2")


def test_scripts_say_what_is_wrong(tmp_path):
    script = pathlib.Path(__file__).parents[2] / "scripts" / "examples" / "make_signs.py"
    (tmp_path / "train_signs.h5").write_text("mine")
    (tmp_path / "test_signs.h5").write_text("mine too")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 2
    assert done.stderr.strip().endswith("train_signs.h5 exists already: remove it first")
    assert (tmp_path / "train_signs.h5").read_text() == "mine"
