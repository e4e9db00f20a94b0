"""Errata of document 004's training loops: small reproductions of the lines, and the fixes.

The images are coloured squares; the nets are those of tiny.py.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
import tiny
from PIL import Image
from rich.console import Console

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.open import open_data
from legacy_nets.data.splits import Images
from legacy_nets.documents.checks import document_004_errata as harm
from legacy_nets.nets.build import load_function
from legacy_nets.registry import get_net
from legacy_nets.train import graph, loop
from legacy_nets.train.evaluate import Evaluation
from legacy_nets.train.settings import Settings, read_best


@pytest.fixture(autouse=True)
def tiny_net():
    undo = tiny.register()
    yield
    undo()


SETTINGS = Settings(net="tiny", num_classes=6, image_size=(64, 64), class_names=tuple("abcdef"))


def squares(count):
    values = np.random.default_rng(0).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    return Images(values.repeat(64, 1).repeat(64, 2), np.arange(count, dtype=np.int64) % 6)


def test_e14_the_rest_of_the_images_is_never_scored():
    """Only full batches are scored, and the generator continues where it stopped."""
    assert harm.list_scored_batches("45", "16", "4") == ["16+16", "13+16", "16+13", "16+16"]
    assert harm.list_scored_batches("10", "16", "1") == [""]  # a set smaller than a batch


@pytest.mark.parametrize("count", [45, 10])
def test_e14_fixed_every_image_is_scored_once_each_time(monkeypatch, count):
    monkeypatch.setattr(graph, "SCORED_PIXELS", 16 * 64 * 64)  # batches of 16
    images = squares(count)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        net = graph.build_net(SETTINGS)
        session.run(tf.global_variables_initializer())
        first, second = (Evaluation(images.labels, net.score(session, images)) for _ in range(2))
        alone = [net.score(session, images.pictures[i : i + 1])[0] for i in range(count)]
    counts = np.bincount(images.labels, minlength=6)
    assert first.count_confusions().sum(1).tolist() == counts.tolist()
    np.testing.assert_allclose(first.probabilities, alone, rtol=1e-5)
    assert np.array_equal(first.probabilities, second.probabilities)


def test_e15_a_best_that_is_never_updated_saves_every_epoch(tmp_path):
    """Runs the commented lines with a net whose only weight is the loss of its epoch."""
    losses = (0.9, 0.8, 1.0, 1.1, 1.2)
    path = str(tmp_path / "myAlex.ckpt")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.keras.backend.set_session(session)
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False, input_shape=(1,))])
        loss_of_epoch = tf.placeholder(tf.float32, [])
        kept = []
        best_test_loss = float("inf")
        for loss in losses:
            model.set_weights([np.array([[loss]])])
            if session.run(loss_of_epoch, {loss_of_epoch: loss}) < best_test_loss:
                model.save_weights(path, save_format="tf")
            source = open_weights(path)
            [name] = [key for key in source.tensors if key.endswith("kernel")]
            kept.append(round(float(source.read(name)[0, 0]), 6))
    assert kept == list(losses)  # the best of them, 0.8, is overwritten by each worse one
    assert harm.count_saved_epochs(*map(str, losses)) == "5, not 2"


def test_e15_fixed_the_best_stays(tmp_path, monkeypatch):
    """The accuracies of five evaluations are fixed; the weights are arbitrary."""
    right = iter([2, 5, 3, 1, 1])

    def score(self, session, images, fetch=None, report=None):
        predicted = images.labels + (np.arange(6) >= next(right))  # this many of six are right
        return np.eye(6, dtype=np.float32)[predicted % 6]

    monkeypatch.setattr(graph.NetGraph, "score", score)
    monkeypatch.setattr(loop.report, "draw_grid", lambda *_: b"")  # slow, and not needed
    monkeypatch.setattr(loop.report, "draw_curve", lambda *_: None)
    data = ImageData("squares", squares(12), squares(6), tuple("abcdef"), frozenset())
    settings = {"steps": 5, "batch_size": 4, "evaluate_every": 1, "save_every": 1}
    full_settings = Settings(**{**vars(SETTINGS), **settings})
    result = loop.train(full_settings, data, tmp_path, console=Console(quiet=True))
    assert (result.best_step, result.best_accuracy) == (2, 5 / 6)
    assert read_best(tmp_path) == (2, 5 / 6)
    assert 2 in [step for step, _ in list_complete_checkpoints(tmp_path)]
    assert result.test_accuracy == 1 / 6


def test_e16_the_data_and_the_model_lie_where_the_script_is_started(tmp_path, monkeypatch):
    """The original lines find the data from one folder only, and the module of one net only."""
    lines = (
        'data_root = os.path.abspath(os.path.join(os.getcwd(), "../.."))\n'
        'train_dir = os.path.join(data_root, "data_set", "flower_data", "train")\n'
        'assert os.path.exists(train_dir), "cannot find {}".format(train_dir)\n'
    )
    (tmp_path / "data_set/flower_data/train").mkdir(parents=True)
    for folder, net in (("nets/alexnet", "AlexNet_v1"), ("nets/vgg", "vgg")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "model.py").write_text(f"def {net}():\n    pass\n")
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    monkeypatch.chdir(tmp_path / "nets/alexnet")
    exec(lines, {"os": os})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError, match="cannot find"):
        exec(lines, {"os": os})
    monkeypatch.delitem(sys.modules, "model", raising=False)
    exec("from model import vgg", {})
    with pytest.raises(ImportError, match="AlexNet_v1"):
        exec("from model import AlexNet_v1", {})
    sys.modules.pop("model")


def test_e16_fixed_the_path_is_an_argument_and_the_nets_have_modules(tmp_path, monkeypatch):
    for name in ("daisy", "roses"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (90, 70)).save(tmp_path / "set" / name / f"{number}.png")
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path, tmp_path / "elsewhere"):
        monkeypatch.chdir(folder)
        data = open_data(tmp_path / "set", registry.get_net("alexnet_v1"), holdout=0.5)
        assert data.class_names == ("daisy", "roses")
    modules = {load_function(get_net(name)).__module__ for name in ("alexnet_v1", "vgg16")}
    assert modules == {"legacy_nets.nets.alexnet", "legacy_nets.nets.vgg"}
