"""The commands on folders of images and MNIST: notes, exit codes, one-line errors."""

import csv
import json
import shutil
import warnings

import numpy as np
import pytest
from commands import SHORT, call, refused
from PIL import Image

from legacy_nets import drawing
from legacy_nets.cli import options
from legacy_nets.data import preprocessing
from legacy_nets.data.class_indices import write_class_indices
from legacy_nets.data.synthetic import digits
from legacy_nets.data.synthetic import flowers as synthetic_flowers
from legacy_nets.train import graph

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flowers") / "set"
    synthetic_flowers.make_flowers(folder, (3, 1))
    return folder


@pytest.fixture(scope="module")
def trained(flowers, tmp_path_factory):
    """A model folder of the tiny net on flowers."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    done = call("train", "tiny", "--data", flowers, "--model-dir", folder, *SHORT)
    assert done.exit_code == 0, done.output
    assert "tiny on synthetic flowers, drawn by legacy_nets: 15 images to train" in done.stderr
    return folder


def classes(folder, names=("daisy", "roses")):
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for index in range(3):
            picture = synthetic_flowers.draw_flower(
                "daisy", np.random.default_rng([number, index]), 32
            )
            Image.fromarray(picture).save(folder / name / f"{index}.jpg")
    return folder


def test_training_leaves_class_indices_and_prediction_reads_them(flowers, trained):
    names = json.loads((trained / "class_indices.json").read_text())
    assert names == {str(n): name for n, name in enumerate(synthetic_flowers.NAMES)}
    image = flowers / "val" / "roses" / "0000.jpg"
    done = call("predict", "tiny", "--checkpoint", trained, image, "--json")
    [row] = json.loads(done.stdout)
    assert list(row["probabilities"]) == list(synthetic_flowers.NAMES)
    done = call("evaluate", "tiny", "--checkpoint", trained, "--data", flowers, "--json")
    assert json.loads(done.stdout)["images"] == 5


def test_names_that_no_font_has_are_numbers_in_figures_and_a_line_of_text(tmp_path, monkeypatch):
    missing = frozenset("猫狗数据")
    monkeypatch.setattr(drawing, "_find_families", lambda characters: (("sans-serif",), missing))
    data = classes(tmp_path / "数据", ("cat 猫", "狗"))
    run = tmp_path / "run"
    given = ("--data", data, "--holdout", "0.4")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")
        done = call("train", "tiny", *given, "--model-dir", run, *SHORT)
        assert done.exit_code == 0, done.output
        title = "note: figures show tiny on □□ for tiny on 数据: no font was found"
        legend = "note: figures show #0 for cat 猫, #1 for 狗: no font was found that has these"
        assert title in done.stderr and legend in done.stderr
        done = call("evaluate", "tiny", *given, "--checkpoint", run)
    assert done.exit_code == 0, done.output
    assert done.stderr.count(legend) == 1
    assert "cat 猫" in done.stdout and "狗" in done.stdout


def test_class_indices_name_the_classes_of_bare_weights(flowers, trained, tmp_path):
    for path in trained.glob("model.ckpt-4.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    image = flowers / "val" / "roses" / "0000.jpg"
    given = ("predict", "tiny", "--checkpoint", tmp_path / "model.ckpt-4", image)
    assert "of another shape" in refused(*given)  # the record says six classes
    write_class_indices(tmp_path / "class_indices.json", tuple("vwxyz"))
    [row] = json.loads(call(*given, "--json").stdout)
    assert list(row["probabilities"]) == list("vwxyz")
    write_class_indices(tmp_path / "class_indices.json", ("daisy", "roses", "tulips"))
    message = refused(*given)
    assert "of another shape or dtype: tiny/dense/" in message
    assert "hint: class_indices.json names 3 classes, which does not match the check" in message
    message = refused(*given, "--num-classes", "5")
    assert "class_indices.json does not match" in message
    assert "it names 3 classes (daisy, roses, tulips), the checkpoint knows 5: give" in message


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("daisy", "roses"), "it names 2 classes (daisy, roses), the checkpoint knows 5 (daisy, "),
        (
            synthetic_flowers.NAMES[::-1],
            "it names 5 classes (tulips, sunflowers, roses, dandelion, da",
        ),
    ],
)
def test_class_indices_of_another_training(flowers, trained, tmp_path, names, message):
    indices = tmp_path / "mine.json"
    write_class_indices(indices, names)
    image = flowers / "val" / "roses" / "0000.jpg"
    line = refused("predict", "tiny", "--checkpoint", trained, "--class-indices", indices, image)
    assert line.startswith(f"legacy-nets: {indices} does not match {trained / 'model.ckpt-4'}: ")
    assert message in line
    line = refused("predict", "tiny", "--checkpoint", trained, "--class-indices", "none", image)
    assert line.startswith("legacy-nets: no such file: none")


def test_data_of_other_classes_are_not_evaluated(flowers, trained, tmp_path):
    given = ("evaluate", "tiny", "--checkpoint", trained, "--data")
    two = classes(tmp_path / "two")
    assert "knows 5 classes, but two has 2" in refused(*given, two, "--holdout", "0.3")
    five = classes(tmp_path / "five", "abcde")
    assert (
        "knows the classes daisy, dandelion, roses, sunflowers, tulips, but five has a, b, c, d, e"
    ) in refused(*given, five, "--holdout", "0.3")


def test_what_is_converted_and_skipped_is_said(tmp_path):
    folder = classes(tmp_path / "data")
    with Image.open(folder / "daisy" / "0.jpg") as image:
        image.convert("L").save(folder / "daisy" / "grey.jpg")
        image.convert("RGBA").save(folder / "daisy" / "a.png")
    half = folder / "roses" / "half.jpg"
    half.write_bytes((folder / "roses" / "0.jpg").read_bytes()[:500])
    given = ("train", "tiny", "--data", folder, "--holdout", "0.3", "--model-dir")
    done = call(*given, tmp_path / "run", *SHORT)
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert f"skipped 1 image that cannot be read: {half}" in lines
    grey, rgba = folder / "daisy" / "grey.jpg", folder / "daisy" / "a.png"
    assert f"1 grey image converted to 8-bit RGB, {grey} first" in lines
    assert f"1 RGBA image converted to 8-bit RGB, {rgba} first" in lines
    message = refused(*given, tmp_path / "strict", "--strict", *SHORT)
    assert message.startswith(f"legacy-nets: 1 image that cannot be read: {half} (save again")
    assert not (tmp_path / "strict").exists()


def test_predict_says_what_it_converts(trained, tmp_path):
    for mode in ("L", "RGBA", "RGB"):
        Image.new(mode, (40, 30)).save(tmp_path / f"{mode}.png")
    paths = [tmp_path / f"{mode}.png" for mode in ("L", "RGBA", "RGB")]
    done = call("predict", "tiny", "--checkpoint", trained, *paths)
    assert done.exit_code == 0 and len(done.stdout.splitlines()) == 3
    lines = done.stderr.splitlines()
    assert lines[:2] == [
        f"{paths[0]}: grey image, converted to 8-bit RGB",
        f"{paths[1]}: RGBA image, converted to 8-bit RGB",
    ]
    assert len(lines) == 3 and lines[2].startswith("device: ")


def test_predict_decodes_each_image_once_as_it_comes(trained, tmp_path, monkeypatch):
    """130 images are scored 64 at a time; the numbers are those of each alone."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(130)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (9, 7, 3), np.uint8).repeat(6, 0)).save(path)
    read, scored = [], []
    decode, scale = preprocessing.read_picture, graph.scale_pixels

    def counted(path):
        read.append(path)
        return decode(path)

    def noted(pictures, preprocessing):
        scored.append((len(pictures), len(read)))
        return scale(pictures, preprocessing)

    monkeypatch.setattr("legacy_nets.cli.inference.predict.read_picture", counted)
    monkeypatch.setattr(graph, "scale_pixels", noted)
    given = ("predict", "tiny", "--checkpoint", trained, "--json")
    rows = json.loads(call(*given, *paths).stdout)
    assert sorted(read) == sorted(paths)
    assert [batch for batch, _ in scored] == [64, 64, 2]
    assert scored[0][1] < 130 - 40  # those of a batch, and a few ahead
    assert [row["image"] for row in rows] == [str(path) for path in paths]
    for number in (0, 63, 64, 129):
        [row] = json.loads(call(*given, paths[number]).stdout)
        assert row["class"] == rows[number]["class"]
        for name, probability in row["probabilities"].items():
            assert rows[number]["probabilities"][name] == pytest.approx(probability, rel=1e-5)


def test_predict_passes_over_what_cannot_be_read(trained, tmp_path):
    good, half = tmp_path / "good.jpg", tmp_path / "half.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(good)
    half.write_bytes(good.read_bytes()[:1500])
    odd = tmp_path / "f.tif"
    Image.fromarray(np.ones((8, 8), np.float32)).save(odd)
    given = ("predict", "tiny", "--checkpoint", trained)
    alone = call(*given, good)
    done = call(*given, half, good, odd)
    assert (done.exit_code, done.stdout) == (0, alone.stdout)
    line = f"passed over 2 of 3 images; {half} is not a readable image ("
    device, *lines = done.stderr.splitlines()
    assert device.startswith("device: ") and len(lines) == 1 and lines[0].startswith(line)
    assert f"{half} is not a readable image (" in refused(*given, half)
    assert f"{odd} holds 32-bit numbers (mode F), and" in refused(*given, odd)
    missing = tmp_path / "none.png"
    assert f"no such image: {missing}" in refused(*given, good, missing)


def test_predict_takes_folders_patterns_and_lists(flowers, trained, tmp_path):
    given = ("predict", "tiny", "--checkpoint", trained, "--json")
    folder = flowers / "val"
    paths = sorted(str(path) for path in folder.rglob("*.jpg"))
    assert len(paths) > 3

    def images(*arguments, **options):
        return [row["image"] for row in json.loads(call(*given, *arguments, **options).stdout)]

    assert images(folder) == paths
    assert images(folder / "*" / "*.jpg") == paths
    assert images(paths[1], folder) == [paths[1], *paths]
    assert images("-", stdin="\n".join(paths[:3]) + "\n") == paths[:3]
    (tmp_path / "empty").mkdir()
    assert f"no image in {tmp_path / 'empty'}" in refused(*given, tmp_path / "empty")
    assert f"no image in {tmp_path / '*.gif'}" in refused(*given, tmp_path / "*.gif")


def test_predict_writes_a_csv(flowers, trained, tmp_path):
    given = ("predict", "tiny", "--checkpoint", trained, flowers / "val")
    rows = json.loads(call(*given, "--json").stdout)
    file = tmp_path / "classes.csv"
    done = call(*given, "--csv", file, "--top", "2")
    assert done.stdout == f"classes of {len(rows)} images in {file}\n"
    head, *lines = list(csv.reader(file.open(encoding="utf-8", newline="")))
    assert head == ["image", "class_1", "probability_1", "class_2", "probability_2"]
    for line, row in zip(lines, rows, strict=True):
        best = sorted(row["probabilities"].items(), key=lambda item: -item[1])[:2]
        assert line[:2] == [row["image"], row["class"]] and line[3] == best[1][0]
        assert float(line[2]) == pytest.approx(best[0][1], rel=1e-5)
    assert "exclude each other" in refused(*given, "--csv", file, "--json")
    away = tmp_path / "none" / "x.csv"
    assert f"--csv {away}: {away.parent} is no folder" in refused(*given, "--csv", away)


@pytest.mark.rare
def test_predict_writes_the_classes_of_10_000_images(trained, tmp_path, monkeypatch):
    """Ten pictures, a thousand times each: one row each, in order, and a bar that counts them."""
    rng = np.random.default_rng(0)
    originals = [tmp_path / f"{number}.png" for number in range(10)]
    for path in originals:
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(path)
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"{number:05}.png").hardlink_to(originals[number % 10])
    given = ("predict", "tiny", "--checkpoint", trained)
    rows = json.loads(call(*given, "--json", *originals).stdout)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    done = call(*given, folder, "--csv", tmp_path / "classes.csv", "--top", "1")
    assert done.exit_code == 0 and "10000/10000" in done.stderr
    with open(tmp_path / "classes.csv", newline="") as file:
        _, *lines = csv.reader(file)
    assert len(lines) == 10_000
    for number, (image, name, probability) in enumerate(lines):
        assert image == str(folder / f"{number:05}.png") and name == rows[number % 10]["class"]
        expected = rows[number % 10]["probabilities"][name]
        assert float(probability) == pytest.approx(expected, rel=1e-4)


def test_bad_folders_of_images(tmp_path):
    given = ("train", "tiny", "--model-dir", tmp_path / "run", "--holdout", "0.3", "--data")
    (tmp_path / "empty").mkdir()
    assert "holds no sub-folders" in refused(*given, tmp_path / "empty")
    folder = classes(tmp_path / "data")
    for path in (folder / "roses").iterdir():
        path.unlink()
    assert f"{folder / 'roses'} holds no image" in refused(*given, folder)
    (folder / "roses").rmdir()
    assert "holds one class only, daisy" in refused(*given, folder)


def test_a_bad_mnist(tmp_path):
    digits.make_digits(tmp_path / "digits", (20, 10))
    given = ("train", "tiny_grey", "--model-dir", tmp_path / "run", "--data")
    assert call(*given, tmp_path / "digits", *SHORT).exit_code == 0
    shutil.rmtree(tmp_path / "run")
    path = tmp_path / "digits" / "train-labels-idx1-ubyte.gz"
    path.unlink()
    message = refused(*given, tmp_path / "digits")
    assert f"lacks {path.stem} (or {path.name}): put mnist.npz there, or" in message
    (tmp_path / "mnist.npz").write_bytes(b"<html>")
    assert "mnist.npz is not a readable .npz (" in refused(*given, tmp_path / "mnist.npz")


def test_a_synthetic_set_is_generated_once(tmp_path, monkeypatch):
    monkeypatch.setattr(options, "SYNTHETIC_FOLDER", tmp_path / "datasets")
    monkeypatch.setattr(digits.make_digits, "__defaults__", ((20, 10), 0))
    given = ("train", "tiny_grey", "--model-dir")
    place = tmp_path / "datasets" / "synthetic_digits"
    line = f"generating synthetic digits in {place}/ (no --data given) ..."
    assert line in call(*given, tmp_path / "a", *SHORT).stderr.splitlines()
    done = call(*given, tmp_path / "b", *SHORT)
    assert done.exit_code == 0 and line not in done.stderr
    assert "tiny_grey on synthetic digits, drawn by legacy_nets: 20 images" in done.stderr
