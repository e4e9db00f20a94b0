"""Fine-tuning as TF1 users do it, on a narrow Inception V3 (depth_multiplier 0.1)."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from rich.console import Console

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.cli import main
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Images
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.train import graph, loop, warm_start
from legacy_nets.train.report import read_log
from legacy_nets.train.settings import Settings, WarmStart

QUIET = Console(quiet=True)
SIDE = 75
NARROW = {"depth_multiplier": 0.1, "min_depth": 8, "create_aux_logits": False}
HEAD = "InceptionV3/Logits"


def coloured(count, classes, seed):
    """Squares whose colour tells the class, of as many colours as there are classes."""
    labels = np.arange(count) % classes
    colours = np.random.RandomState(seed).randint(0, 256, (classes, 3))
    noise = np.random.RandomState(count).randint(-15, 15, (count, SIDE, SIDE, 3))
    pictures = np.clip(colours[labels][:, None, None] + noise, 0, 255).astype(np.uint8)
    return Images(pictures, labels.astype(np.int64))


def task(classes, seed):
    names = tuple(f"colour{number}" for number in range(classes))
    splits = coloured(48, classes, seed), coloured(12, classes, seed)
    return ImageData(f"task {seed}", *splits, names, frozenset())


FIRST, SECOND = task(6, seed=0), task(3, seed=1)


def settings(data, **changes):
    base = Settings(
        "inception_v3",
        len(data.class_names),
        (SIDE, SIDE),
        class_names=data.class_names,
        options=NARROW,
        steps=2,
        batch_size=12,
        learning_rate=1e-3,
        save_every=1000,
        evaluate_every=1000,
    )
    return dataclasses.replace(base, **changes)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A checkpoint of the first task, with one class before the first (label_offset 1)."""
    folder = tmp_path_factory.mktemp("source")
    given = settings(FIRST, label_offset=1, steps=3, ema_decay=0.5)
    return loop.train(given, FIRST, folder, console=QUIET).checkpoint


def read(prefix):
    bundle = read_bundle(prefix)
    return {name: bundle.read(name) for name in bundle.tensors}


@pytest.mark.slow
def test_warm_start_from_one_task_to_another(source, tmp_path):
    """All but the head comes from the first task's averages; the new task is learnt."""
    with pytest.raises(CheckpointError) as caught:
        warm_start.check_warm_start(WarmStart(source), settings(SECOND))
    line = str(caught.value)
    assert "\n" not in line
    assert f"{HEAD}/Conv2d_1c_1x1/weights" in line and f"{HEAD}/Conv2d_1c_1x1/biases" in line
    assert "has 3 classes, in the checkpoint 7: build with num_classes=7" in line
    assert f"--exclude {HEAD}" in line

    start = WarmStart(source, exclude=(HEAD,), ema=True)
    given = settings(SECOND, steps=16, warmup=8, seed=4, warm_start=start)
    result = loop.train(given, SECOND, tmp_path / "run", console=QUIET)
    before, tuned = read(source), read(result.checkpoint)
    kernels = [n for n in before if n.startswith("InceptionV3/") and n.endswith("/weights")]
    trunk = [name for name in kernels if not name.startswith(HEAD)]
    assert len(trunk) == 94
    near = [
        np.abs(tuned[name] - before[f"{name}/ExponentialMovingAverage"]).max() for name in trunk
    ]
    assert 0 < max(near) < 16 * 1.1e-3  # Adam moves a weight by its rate a step at most, nearly
    assert tuned[f"{HEAD}/Conv2d_1c_1x1/weights"].shape[-1] == 3
    moving = "InceptionV3/Conv2d_1a_3x3/BatchNorm/moving_mean"
    assert (tuned[moving] != before[moving]).any()  # UPDATE_OPS run
    rows = read_log(tmp_path / "run" / "log.csv")
    assert rows[-1]["loss"] < rows[0]["loss"] - 0.1


@pytest.mark.slow
def test_loss_has_aux_head_weight_decay_and_offset():
    """loss = cross-entropy + 0.4 * that of AuxLogits + slim's regularization losses."""
    given = settings(
        FIRST, label_offset=1, image_size=(107, 107), options={**NARROW, "create_aux_logits": True}
    )
    labels = np.array([0, 5, 2])
    with tf.Graph().as_default(), tf.Session() as session:
        net = graph.build_training(given)
        decay = tf.add_n(tf.losses.get_regularization_losses())
        session.run(tf.global_variables_initializer())
        feed = {net.images: np.zeros((3, 107, 107, 3)), net.labels: labels}
        aux = net.end_points["AuxLogits"]
        loss, logits, aux, decay = session.run([net.loss, net.logits, aux, decay], feed)
        shown = net.score(session, np.zeros((3, 107, 107, 3), np.uint8))

    def cross_entropy(x):
        x = x.astype(np.float64)
        return (np.log(np.exp(x).sum(1)) - x[np.arange(3), labels + 1]).mean()

    assert logits.shape == (3, 7) and decay > 0
    want = cross_entropy(logits) + 0.4 * cross_entropy(aux) + decay
    np.testing.assert_allclose(loss, want, rtol=1e-5)
    assert shown.shape == (3, 6)
    np.testing.assert_allclose(shown.sum(1), 1, atol=1e-6)


@pytest.mark.slow
def test_features_and_classes_of_pictures_from_the_command_line(source, tmp_path):
    Image.fromarray(FIRST.test.pictures[0]).resize((200, 120)).save(tmp_path / "a.png")
    Image.fromarray(FIRST.test.pictures[1]).save(tmp_path / "b.jpg")
    images = [str(tmp_path / name) for name in ("a.png", "b.jpg")]
    given = ["predict", "inception_v3", "--checkpoint", source]
    out = tmp_path / "features.npz"
    done = CliRunner().invoke(main, [*given, "--features", "Mixed_6e", "--out", str(out), *images])
    assert done.exit_code == 0, done.output
    with np.load(out) as arrays:
        assert arrays["Mixed_6e"].shape == (2, 3, 3, 76)
        assert arrays["Mixed_6e"].dtype == np.float32 and (arrays["Mixed_6e"] >= 0).all()
        assert arrays["images"].tolist() == images
    done = CliRunner().invoke(main, [*given, "--json", *images])
    rows = json.loads(done.stdout)
    assert list(rows[0]["probabilities"]) == list(FIRST.class_names)
    done = CliRunner().invoke(main, [*given, "--features", "Mixed_6f", "--out", str(out), *images])
    assert done.exit_code == 2
    assert "no end point 'Mixed_6f'; nearest: Mixed_6" in done.stderr
    done = CliRunner().invoke(main, [*given, "--features", "Mixed_6e", *images])
    assert done.exit_code == 2 and "--features and --out go together" in done.stderr


@pytest.mark.slow
def test_trainable_scope_that_matches_nothing():
    with tf.Graph().as_default(), pytest.raises(BadInputError, match="'Logits' matches no var"):
        graph.build_training(settings(FIRST, trainable=("Logits",)))
