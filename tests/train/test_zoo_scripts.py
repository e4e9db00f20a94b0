"""The scripts of document 004: what training leaves, what moves in transfer, what is predicted."""

import json

import numpy as np
import pytest
import zoo_predict
import zoo_train
from PIL import Image

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.data.class_indices import write_class_indices
from legacy_nets.data.synthetic import digits
from legacy_nets.data.synthetic import flowers as synthetic_flowers
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.train.graph import build_training
from legacy_nets.train.settings import Settings

pytestmark = pytest.mark.slow

TINY = ("--image-size", "32", "--epochs", "1")


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flowers") / "set"
    synthetic_flowers.make_flowers(folder, (4, 1))
    return folder


def tensors(prefix):
    bundle = read_bundle(str(prefix))
    return {name: bundle.read(name) for name in bundle.tensors}


def test_the_demo_learns_digits_and_predicts_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    digits.make_digits("digits", (640, 100))
    zoo_train.main(["demo_cnn", "--data", "digits", "--epochs", "3"])
    output = capsys.readouterr().out
    assert "demo_cnn on synthetic digits, drawn by legacy_nets\n20 steps an epoch\n" in output
    folder = tmp_path / "save_weights" / "demo_cnn"
    assert json.loads((folder / "best.json").read_text())["test_accuracy"] > 0.8
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    Image.fromarray(digits.draw_digit(7, np.random.default_rng(99))).save("seven.png")
    zoo_predict.main(["demo_cnn", "seven.png"])
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines[:-1]]
    assert [row[:3:2] for row in rows] == [["class:", "prob:"]] * 10
    assert [row[1] for row in rows] == [str(digit) for digit in range(10)]
    probabilities = [float(row[3]) for row in rows]
    assert abs(sum(probabilities) - 1) < 0.01 and np.argmax(probabilities) == 7
    with Image.open("prediction.png") as figure:
        assert figure.format == "PNG"
    Image.new("RGB", (28, 28), (200, 10, 20)).save("red.png")
    zoo_predict.main(["demo_cnn", "red.png"])
    assert capsys.readouterr().err == "colour picture made grey: demo_cnn takes 1 channel\n"


@pytest.mark.slow
def test_three_ways_of_transfer(flowers, tmp_path, capsys):
    """Which variables change, and that frozen features keep their moving averages (004-E25)."""
    weights = str(tmp_path / "model.ckpt-0")
    with tf.Graph().as_default(), tf.Session() as session:
        legacy_nets.build("resnet18", tf.zeros([1, 32, 32, 3]), num_classes=5)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, weights)
    before = tensors(weights)
    moved = {}
    for way in zoo_train.TRANSFER:
        folder = tmp_path / way
        given = ("--data", str(flowers), "--model-dir", str(folder), *TINY)
        zoo_train.main(["resnet18", *given, "--weights", weights, "--transfer", way])
        after = tensors(folder / "model.ckpt-2")
        moved[way] = {
            name.split("/")[0]
            for name, value in before.items()
            if not np.array_equal(value, after[name])
        }
        assert ("dense/kernel" in after) == (way == "new")
    features = {"conv1", *(f"block{number}" for number in range(1, 5))}
    assert moved["all"] == features | {"logits"}
    assert moved["last"] == {"block4", "logits"}
    assert moved["new"] == {"logits"}
    assert after["dense/kernel"].shape == (512, 1024)


@pytest.mark.slow
@pytest.mark.parametrize("way", zoo_train.TRANSFER)
def test_what_one_step_of_transfer_moves_in_resnet50(way):
    """Of the document's own net: each variable that moves, its moving averages among them."""
    options, trainable, fresh = zoo_train.TRANSFER[way]
    settings = Settings("resnet50", 5, (32, 32), options=options, trainable=trainable)
    rng = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        net = build_training(settings)
        weights = {variable.op.name: variable for variable in net.variables}
        session.run(tf.global_variables_initializer())
        before = session.run(weights)
        feed = net.make_feed(rng.integers(0, 256, (4, 32, 32, 3)))
        session.run(net.train_step, feed | {net.labels: [0, 1, 2, 3], net.is_training: True})
        after = session.run(weights)
    moved = {name for name in weights if not np.array_equal(before[name], after[name])}
    head = {name for name in weights if name.split("/")[0] in fresh}
    block4 = {name for name in weights if name.startswith("block4/")}
    assert (len(weights), len(block4)) == (267 + 2 * (way == "new"), 50)
    assert head == {
        *("logits/kernel", "logits/bias"),
        *(("dense/kernel", "dense/bias") if way == "new" else ()),
    }
    if way == "all":
        assert moved == set(weights)
    elif way == "last":  # frozen: what block4's batch norms normalise with stays, too
        assert moved == head | {name for name in block4 if "/moving_" not in name}
    else:
        assert moved == head


@pytest.mark.slow
def test_googlenet_trains_three_heads(flowers, tmp_path, capsys):
    given = ("--data", str(flowers), "--model-dir", str(tmp_path), "--epochs", "1")
    zoo_train.main(["googlenet", *given, "--image-size", "193"])
    line = "googlenet is trained with its auxiliary heads, aux_logits=true (without them: "
    assert capsys.readouterr().err.count(f"{line}--option aux_logits=false)\n") == 1
    assert json.loads((tmp_path / "training.json").read_text())["options"] == {"aux_logits": True}
    stored = tensors(tmp_path / "model.ckpt-1")
    heads = [name for name in stored if name.startswith("aux_") and name.endswith("kernel/Adam_1")]
    assert len(heads) == 6
    assert all((stored[name] != 0).any() for name in heads)  # a gradient has reached them


@pytest.mark.parametrize("net", ["alexnet_v1", "vgg16", "googlenet"])
@pytest.mark.parametrize("way", ["last", "new"])
def test_transfer_of_some_layers_is_refused_where_it_would_train_all(net, way):
    with pytest.raises(BadInputError, match=f"--transfer {way} is for the ResNets .* not {net}: "):
        zoo_train.main([net, "--weights", "w.h5", "--transfer", way])


def test_transfer_without_weights_is_refused():
    with pytest.raises(BadInputError, match="--transfer last needs --weights: "):
        zoo_train.main(["resnet50", "--transfer", "last"])


def test_predict_names_the_option_that_a_dense_layer_needs(tmp_path):
    """class_indices.json is right: the number of classes is the checkpoint's."""
    weights = str(tmp_path / "model.ckpt")
    with tf.Graph().as_default(), tf.Session() as session:
        legacy_nets.build("resnet18", tf.zeros([1, 32, 32, 3]), num_classes=5, dense=12)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, weights)
    write_class_indices(tmp_path / "class_indices.json", synthetic_flowers.NAMES)
    image = tmp_path / "image.png"
    Image.new("RGB", (32, 32)).save(image)
    given = [str(image), "--weights", weights, "--out", str(tmp_path / "out.png")]
    with pytest.raises(CheckpointError) as caught:
        zoo_predict.main(["resnet18", *given])
    assert str(caught.value).endswith(
        "hint: the checkpoint has a dense layer of 12 units before the logits: build with dense=12 "
        "(--option dense=12)"
    )
    assert str(caught.value).count("hint:") == 1
    zoo_predict.main(["resnet18", *given, "--option", "dense=12"])
    assert (tmp_path / "out.png").exists()
    write_class_indices(tmp_path / "class_indices.json", ("a", "b"))
    with pytest.raises(CheckpointError, match=r"dense=12.*hint: class_indices.json names 2 cl"):
        zoo_predict.main(["resnet18", *given])


def test_predict_gives_options_to_the_net(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(zoo_predict, "find_checkpoint_file", lambda path, best: path)
    monkeypatch.setattr(
        zoo_predict, "predict", lambda *args: given.append(args[3]) or (["a", "b"], np.eye(2)[0])
    )
    image = tmp_path / "image.png"
    Image.new("RGB", (8, 8)).save(image)
    out = ["--weights", "w.h5", "--out", str(tmp_path / "out.png")]
    zoo_predict.main(["resnet50", str(image), *out, "--option", "dense=1024"])
    assert given[0].options == {"dense": 1024}
