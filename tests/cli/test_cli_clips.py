"""Training, evaluation and prediction of nets on clips and on grey images, by the command line."""

import json
import sys
from pathlib import Path

import make_clips
import numpy as np
import pytest
from commands import call, refused
from PIL import Image

from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.data import signs
from legacy_nets.data.synthetic import clips

pytestmark = pytest.mark.slow

SHORT = ("--batch-size", "4", "--save-every", "5", "--evaluate-every", "5")
LEARN = ("--learning-rate", "0.02", "--preprocessing", "inception", "--augment")


@pytest.fixture(scope="module")
def clips_folder(tmp_path_factory):
    return make_clips.write_clip_set(tmp_path_factory.mktemp("data") / "set", per_class=6)


@pytest.fixture(scope="module")
def trained(clips_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    given = ("--data", clips_folder, "--holdout", "0.34", "--frames", "3", "--image-size", "16x20")
    done = call(
        "train", "tiny_clips", *given, "--model-dir", folder, "--steps", "30", *SHORT, *LEARN
    )
    assert done.exit_code == 0, done.output
    return folder, done


def test_train_on_clips(trained):
    folder, done = trained
    assert "tiny_clips on set: 8 clips to train on, 4 held out" in done.stderr
    assert " clips/s\n" in done.stderr and "images/s" not in done.stderr
    assert "test accuracy 1.0000 at step 30" in done.stdout  # the colours tell them apart
    settings = json.loads((folder / "training.json").read_text())
    assert settings["image_size"] == [3, 16, 20] and settings["preprocessing"] == "inception"
    assert settings["class_names"] == ["point", "wave"]


def test_evaluate_on_clips(trained, clips_folder, tmp_path):
    folder, _ = trained
    given = ("evaluate", "tiny_clips", "--checkpoint", folder, "--data", clips_folder)
    given += ("--holdout", "0.34", "--out", tmp_path)
    found = json.loads(call(*given, "--json").stdout)
    assert (found["accuracy"], found["images"]) == (1.0, 4)
    assert found["confusion"] == [[2, 0], [0, 2]]
    done = call(*given, "--frames", "9")
    assert "accuracy 1.0000 (4 of 4 clips)" in done.stdout
    assert "12 of 12 clips have fewer than 9 frames" in done.stderr
    assert "with 5): their frames are repeated evenly" in done.stderr
    for name in ("confusion", "predictions"):
        assert Image.open(tmp_path / f"{name}_{clips_folder.name}_test.png").size[0] > 200
    train = json.loads(call(*given, "--split", "train", "--json").stdout)
    assert train["images"] == 8
    older = call(*given, "--half", "train", "--pixels", "inception", "--json")  # older names
    assert json.loads(older.stdout) == train


def test_predict_clips(trained, tmp_path):
    folder, _ = trained
    red, blue = (make_clips.make_pictures(make_clips.COLOURS[n], 2) for n in ("wave", "point"))
    paths = [make_clips.write_frame_folder(tmp_path / "red", red)]
    paths.append(make_clips.write_gif(tmp_path / "blue.gif", blue))
    given = ("predict", "tiny_clips", "--checkpoint", folder)
    done = call(*given, "--json", *paths)
    assert [row["class"] for row in json.loads(done.stdout)] == ["wave", "point"]
    assert f"{paths[0]} has fewer than 3 frames (2): they are repeated evenly" in done.stderr
    out = tmp_path / "features.npz"
    assert call(*given, "--features", "mean", "--out", out, paths[0]).exit_code == 0
    assert np.load(out)["mean"].shape == (1, 8)
    assert "no such clip" in refused(*given, tmp_path / "none.gif")
    Image.new("RGB", (5, 5)).save(tmp_path / "still.png")
    assert "still.png is no clip: give a folder of frames" in refused(
        *given, tmp_path / "still.png"
    )
    (tmp_path / "empty").mkdir()
    assert "empty is a clip with no frames" in refused(*given, tmp_path / "empty")
    done = call(*given, paths[0], tmp_path / "empty", paths[1], "--json")
    assert [Path(row["image"]).name for row in json.loads(done.stdout)] == ["red", "blue.gif"]
    assert f"passed over 1 of 3 clips; {tmp_path / 'empty'} is a clip with no frames" in done.stderr


def test_a_resumed_run_sees_the_clips_that_an_uninterrupted_one_sees(clips_folder, tmp_path):
    given = ("train", "tiny_clips", "--data", clips_folder, "--holdout", "0.34", *SHORT, *LEARN)
    call(*given, "--steps", "9", "--model-dir", tmp_path / "whole")
    call(*given, "--steps", "5", "--model-dir", tmp_path / "parts")
    call(*given, "--steps", "9", "--model-dir", tmp_path / "parts", "--resume")
    whole, parts = (
        read_bundle(str(tmp_path / name / "model.ckpt-9")) for name in "whole parts".split()
    )
    assert whole.tensors.keys() == parts.tensors.keys()
    for name in whole.tensors:
        assert whole.read(name).tobytes() == parts.read(name).tobytes(), name
    other = ("--steps", "12", "--model-dir", tmp_path / "parts", "--resume", "--frames", "2")
    assert "was trained with image_size = (4, 16, 16) (now (2, 16, 16))" in refused(*given, *other)
    other = (*other[:-2], "--preprocessing", "unit")
    assert "was trained with preprocessing = 'inception' (now 'unit')" in refused(*given, *other)


def test_a_grey_net_is_trained_on_colour_pictures_made_grey(tmp_path, monkeypatch):
    monkeypatch.setattr(signs, "SYNTHETIC_PER_CLASS", {"train": 2, "test": 1})
    signs.make_signs(tmp_path / "signs")
    folder = tmp_path / "run"
    given = ("--data", tmp_path / "signs")
    done = call("train", "tiny_grey", *given, "--model-dir", folder, "--steps", "5", *SHORT)
    assert done.exit_code == 0, done.output
    assert "colour pictures are made grey: the net takes 1 channel" in done.stderr
    found = call("evaluate", "tiny_grey", *given, "--checkpoint", folder, "--json")
    assert json.loads(found.stdout)["images"] == 6
    Image.new("RGB", (30, 40), (90, 10, 10)).save(tmp_path / "photo.png")
    done = call("predict", "tiny_grey", "--checkpoint", folder, tmp_path / "photo.png", "--json")
    assert len(json.loads(done.stdout)[0]["probabilities"]) == 6
    assert "colour pictures are made grey: tiny_grey takes 1 channel" in done.stderr


def test_without_data_clips_are_generated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clips, "CLIPS_PER_CLASS", {"train": 2, "test": 1})
    given = ("train", "tiny_clips", "--model-dir", "run", "--steps", "2", *SHORT)
    done = call(*given)
    assert "generating synthetic clips in datasets/clips/ (no --data given)" in done.stderr
    assert "synthetic moving hands, drawn by legacy_nets: 12 clips to train on" in done.stderr
    done = call(*given, "--resume")
    assert done.exit_code == 0 and "drawing" not in done.stderr


def spoil_frameless(clip):
    for file in clip.iterdir():
        file.unlink()


def spoil_empty(root):
    spoil_frameless(root / "wave" / "clip1")
    return "wave/clip1"


def spoil_sizes(root):
    for folder in (root / "wave").iterdir():
        Image.new("RGB", (9, 7)).save(folder / "frame1.png")
    return "frame 2 is 9x7, those before it are 24x20 (width x height)"


def spoil_frame(root):
    for folder in (root / "wave").iterdir():
        (folder / "frame1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return "frame1.png is not a readable image"


def spoil_gif(root):
    (root / "wave" / "other.gif").write_text("<html>Sign in</html>")
    return "wave/other.gif"


def spoil_video(root):
    pytest.importorskip("av")
    (root / "wave" / "other.mp4").write_text("<html>Sign in</html>")
    return "wave/other.mp4"


def spoil_class(root):
    (root / "salute").mkdir()
    return "salute has no clips: put frame folders or videos"


def spoil_other_class(root):
    for folder in (root / "wave").iterdir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    (root / "wave").rmdir()
    return "has only one class (point)"


def spoil_images(root):
    Image.new("RGB", (9, 7)).save(root / "point" / "photo.png")
    return "photo.png is an image in a class of clips"


@pytest.mark.parametrize(
    "spoil",
    [
        *(spoil_sizes, spoil_frame, spoil_class),
        *(spoil_other_class, spoil_images),
    ],
)
def test_bad_clips_are_one_line(tmp_path, spoil):
    root = make_clips.write_clip_set(tmp_path / "set", per_class=4)
    message = spoil(root)
    given = ("--data", root, "--holdout", "0.25", "--model-dir", tmp_path / "run", "--steps", "3")
    assert message in refused("train", "tiny_clips", *given, *SHORT)


@pytest.mark.parametrize("spoil", [spoil_empty, spoil_gif, spoil_video])
def test_a_clip_that_cannot_be_opened_is_skipped(tmp_path, spoil):
    """One of thousands of videos ended the training; --strict refuses it."""
    root = make_clips.write_clip_set(tmp_path / "set", per_class=4)
    path = root / spoil(root)
    given = ("--data", root, "--holdout", "0.25", "--model-dir", tmp_path / "run", "--steps", "3")
    line = refused("train", "tiny_clips", *given, *SHORT, "--strict")
    assert line == (
        f"legacy-nets: 1 clip that cannot be read: {path} (save again or remove; without --strict "
        "they are skipped)"
    )
    done = call("train", "tiny_clips", *given, *SHORT)
    assert done.exit_code == 0, done.output
    assert f"skipped 1 clip that cannot be read: {path}\n" in done.stderr
    count = 5 if spoil is spoil_empty else 6
    assert f"tiny_clips on set: {count} clips to train on, 2 held out" in done.stderr


def test_a_class_without_a_clip_that_can_be_read(tmp_path):
    root = make_clips.write_clip_set(tmp_path / "set", per_class=1)
    spoil_frameless(root / "wave" / "clip0")
    line = refused(
        *("train", "tiny_clips", "--data", root, "--holdout", "0.25", "--model-dir", "x"),
    )
    assert line == (
        f"legacy-nets: {root / 'wave'} holds no clip that can be read: add some, or remove it"
    )


def test_data_and_net_that_do_not_fit(tmp_path, trained, clips_folder, monkeypatch):
    monkeypatch.setattr(signs, "SYNTHETIC_PER_CLASS", {"train": 1, "test": 1})
    signs.make_signs(tmp_path / "signs")
    train = ("--model-dir", tmp_path / "run")
    line = refused("train", "tiny_clips", "--data", tmp_path / "signs", *train)
    assert "holds images (synthetic hand signs" in line and "tiny_clips takes video clips" in line
    line = refused("train", "tiny", "--data", tmp_path / "signs", *train, "--frames", "3")
    assert "--frames is for nets that take clips" in line
    line = refused("train", "tiny", "--data", tmp_path / "signs", *train, "--image-size", "99999")
    assert "--image-size 99999x99999: the pixels of one picture are 120.0 GB" in line
    line = refused("train", "tiny_clips", "--data", clips_folder, *train)
    assert "say what share of each class to hold out, for instance --holdout 0.25" in line
    line = refused("train", "tiny_clips", "--data", clips_folder, *train, "--holdout", "0.99")
    assert "leaves some class" in line
    (tmp_path / "nothing").mkdir()
    line = refused("train", "tiny_clips", "--data", tmp_path / "nothing", *train)
    assert "has no class folders" in line
    assert not (tmp_path / "run").exists()


def test_class_folders_of_videos_without_a_reader(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    root = make_clips.write_clip_set(tmp_path / "set")
    (root / "wave" / "other.mp4").write_bytes(b"\0" * 100)
    line = refused("train", "tiny_clips", "--data", root, "--holdout", "0.5", "--model-dir", "x")
    assert "other.mp4 needs a reader of videos: pip install 'legacy-nets[clips]'" in line
