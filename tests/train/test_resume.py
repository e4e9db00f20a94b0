"""--resume inherits the options of the run; one table says which of them may change."""

import dataclasses
import io
import json
import re

import pytest
import small_signs
import tiny
from commands import SHORT, call, refused
from PIL import Image
from rich.console import Console

from legacy_nets.cli.train import train
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.errors import BadInputError
from legacy_nets.train.resume import MAY_CHANGE
from legacy_nets.train.run_folder import prepare_folder
from legacy_nets.train.settings import Settings, WarmStart

pytestmark = pytest.mark.slow

RUN = Settings(
    *("tiny", 6, (64, 64)),
    **{"class_names": tuple("abcdef"), "data": "signs", "preprocessing": "unit"},
    images=(24, 12),
)
OTHER = {  # field -> another value
    **{"net": "hand_signs", "num_classes": 5, "image_size": (32, 64), "class_names": ("a",)},
    **{"data": "flowers", "data_path": "/moved", "strict": True, "holdout": 0.5},
    **{"images": (30, 12)},
    **{"label_offset": 1, "preprocessing": "vgg", "options": {"width": 9}, "steps": 7},
    **{"batch_size": 4, "learning_rate": 0.5, "cosine": True, "warmup": 3, "ema_decay": 0.9},
    **{"weight_decay": False, "aux_weight": 0.1, "trainable": ("tiny/dense",), "seed": 3},
    **{"save_every": 1, "evaluate_every": 2, "augment": Augmentation(zoom=0.1)},
    **{"warm_start": WarmStart("other"), "batch_norm_decay": 0.9, "bf16": True},
}
ALL = [  # option, words after it, the field and what it records
    (("--steps", "2"), "steps", 2),
    (("--batch-size", "5"), "batch_size", 5),
    (("--learning-rate", "0.01"), "learning_rate", 0.01),
    (("--cosine",), "cosine", True),
    (("--warmup", "3"), "warmup", 3),
    (("--ema", "0.5"), "ema_decay", 0.5),
    (("--augment", "--zoom", "0.2", "--rotate", "4"), "augment", None),
    (("--save-every", "3"), "save_every", 3),
    (("--evaluate-every", "4"), "evaluate_every", 4),
    (("--image-size", "48x56"), "image_size", [48, 56]),
    (("--preprocessing", "inception"), "preprocessing", "inception"),
    (("--label-offset", "1"), "label_offset", 1),
    (("--trainable", "tiny/dense"), "trainable", ["tiny/dense"]),
    (("--aux-weight", "0.2"), "aux_weight", 0.2),
    (("--no-weight-decay",), "weight_decay", False),
    (("--force-bf16",), "bf16", True),
    (("--option", "width=9"), "options", {"width": 9}),
    (("--holdout", "0.5"), "holdout", 0.5),
    (("--seed", "7"), "seed", 7),
    (("--strict",), "strict", True),
    (("--warm-start", "start", "--warm-start-ema", "--exclude", "tiny/dense"), "warm_start", None),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small_signs.make(tmp_path_factory.mktemp("data") / "signs")


@pytest.fixture
def tiny_net():
    undo = tiny.register()
    yield
    undo()


def resume(folder, settings):
    console = Console(record=True, width=300, file=io.StringIO())
    prepare_folder(settings, folder, True, console)
    return console.export_text()


@pytest.mark.usefixtures("tiny_net")
@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_each_setting_may_change_or_not_as_the_table_says(name, tmp_path):
    RUN.save(tmp_path)
    changed = dataclasses.replace(RUN, **{name: OTHER[name]})
    if MAY_CHANGE[name]:
        lines = resume(tmp_path, changed).splitlines()
        line = f"changed from here on: {name} {getattr(RUN, name)!r} -> {OTHER[name]!r}"
        assert [text for text in lines if text.startswith("changed")] == [line]
    else:
        with pytest.raises(BadInputError) as caught:
            resume(tmp_path, changed)
        assert f"was trained with {name} = {getattr(RUN, name)!r} (now {OTHER[name]!r}): " in str(
            caught.value
        )


@pytest.mark.usefixtures("tiny_net")
def test_two_changes_are_one_line_and_no_change_is_none(tmp_path):
    RUN.save(tmp_path)
    changed = dataclasses.replace(RUN, steps=7, cosine=True)
    assert "changed from here on: steps 1000 -> 7, cosine False -> True\n" in resume(
        tmp_path, changed
    )
    assert "changed" not in resume(tmp_path, RUN)


@pytest.mark.usefixtures("with_onednn")
def test_every_option_is_inherited(data, tmp_path, monkeypatch):
    """A resumed run that is given the folder alone has the same settings, all fields of them."""
    monkeypatch.chdir(tmp_path)
    start = ("--model-dir", "start", "--ema", "0.5", "--image-size", "48x56", *SHORT)
    same = ("--option", "width=9", "--label-offset", "1")
    assert call("train", "tiny", "--data", data, *start, *same).exit_code == 0
    given = [word for words, _, _ in ALL for word in words]
    train_file = data / "train_signs.h5"
    done = call("train", "tiny", "--data", train_file, "--model-dir", "run", *given)
    assert done.exit_code == 0, done.output
    first = json.loads((tmp_path / "run" / "training.json").read_text())
    for _, field, value in ALL:
        if value is not None:
            assert first[field] == value, field
    assert (first["augment"]["zoom"], first["augment"]["rotate"]) == (0.2, 4.0)
    assert first["warm_start"] == {
        **{"checkpoint": str(tmp_path / "start"), "exclude": ["tiny/dense"]},
        **{"ema": True, "rename": []},
    }
    assert first["data_path"] == str(train_file)

    done = call("train", "tiny", "--model-dir", "run", "--resume")
    assert done.exit_code == 0 and "already at step 2 of 2" in done.stderr, done.output
    assert json.loads((tmp_path / "run" / "training.json").read_text()) == first
    assert "changed" not in done.stderr and "generating" not in done.stderr

    more = ("--steps", "3", "--no-cosine", "--zoom", "0.3")
    done = call("train", "tiny", "--model-dir", "run", "--resume", *more)
    assert done.exit_code == 0, done.output
    [line] = [text for text in done.stderr.splitlines() if text.startswith("changed")]
    assert line.startswith("changed from here on: steps 2 -> 3, cosine True -> False, augment ")
    second = json.loads((tmp_path / "run" / "training.json").read_text())
    changes = {name for name in first if first[name] != second[name]}
    assert changes == {"steps", "cosine", "augment"}
    assert second["augment"] == {**first["augment"], "zoom": 0.3}
    assert not (tmp_path / "datasets").exists()


@pytest.mark.parametrize(
    ("words", "field"),
    [(("--batch-size", "6"), "batch_size"), (("--option", "width=8"), "options")]
    + [(("--ema", "0.4"), "ema_decay"), (("--seed", "1"), "seed")],
)
def test_a_change_that_cannot_be_is_refused_before_the_data_are_opened(
    data, tmp_path, words, field
):
    folder = tmp_path / "run"
    given = ("--model-dir", folder, *SHORT)
    assert call("train", "tiny", "--data", data, *given).exit_code == 0
    moved = ("--data", tmp_path / "nowhere", "--model-dir", folder, "--resume", *words)
    assert f"was trained with {field} = " in refused("train", "tiny", *moved)


def test_a_run_of_an_older_version_asks_for_its_data(data, tmp_path):
    """It does not record where they are; only synthetic ones can be generated again."""
    folder = tmp_path / "run"
    assert call("train", "tiny", "--data", data, "--model-dir", folder, *SHORT).exit_code == 0
    values = json.loads((folder / "training.json").read_text())
    for name in ("data_path", "strict", "warm_start", "images"):
        del values[name]
    values["data"] = "photos"
    (folder / "training.json").write_text(json.dumps(values))
    line = refused("train", "tiny", "--model-dir", folder, "--resume")
    assert line.endswith(
        f"{folder} does not record where its data are (photos): give their folder with --data"
    )


def test_pictures_that_are_added_change_what_is_held_out(tmp_path, monkeypatch):
    """The choice of --holdout is another one: pictures that were trained on would be tested."""
    monkeypatch.chdir(tmp_path)

    def add(count):
        for name, colour in (("x", (200, 0, 0)), ("y", (0, 0, 200))):
            folder = tmp_path / "photos" / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                Image.new("RGB", (9, 9), colour).save(folder / f"{number}.png")

    def notes(*words):
        done = call(*words)
        assert done.exit_code == 0, done.output
        begins = ("changed", "the training held out", "note: the training held out")
        return [line for line in done.stderr.splitlines() if line.startswith(begins)]

    told = (
        "the training held out 0.25 of 8 pictures with --seed 0: some of those that are held out "
        "now were trained on, and accuracy is too high"
    )
    add(4)
    start = ("train", "tiny", "--data", "photos", "--holdout", "0.25", "--model-dir", "run", *SHORT)
    assert notes(*start) == []
    evaluate = ("evaluate", "tiny", "--checkpoint", "run")
    resume = ("train", "tiny", "--model-dir", "run", "--resume", "--steps")
    assert notes(*evaluate, "--data", "photos") == notes(*evaluate, "--split", "train") == []
    for other in (("--seed", "3"), ("--holdout", "0.5")):
        assert notes(*evaluate, *other) == [f"note: {told}"]
    assert notes(*resume, "5") == ["changed from here on: steps 4 -> 5"]
    add(8)
    assert notes(*evaluate) == [f"note: {told}"]
    assert notes(*resume, "6") == [
        "changed from here on: images (6, 2) -> (12, 4), steps 5 -> 6",
        told,
    ]


def test_the_help_names_what_may_change():
    """In the words of the command line; augmentation has three options, the pictures none."""
    options = {"data_path": "data", "augment": "augment zoom rotate", "images": ""}
    [text] = [p for p in train.help.split("\n\n") if "A resumed run may change" in p]
    fields = [field for field, may_change in MAY_CHANGE.items() if may_change]
    expected = " ".join(options.get(field, field.replace("_", "-")) for field in fields).split()
    assert sorted(re.findall(r"--[\w-]+", text)) == sorted(f"--{name}" for name in expected)
