"""What ``train`` uses where nothing is given: nets learn with it, from their initial weights.

The nets are made small, and trained for few steps on synthetic data: ten digits, six clips whose
single frames do not tell them apart, or three of the flowers. They must beat chance by
the margin.
"""

import fnmatch

import numpy as np
import pytest
from commands import call, refused
from test_learns_000 import accuracy

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.synthetic import clips
from legacy_nets.data.synthetic import flowers as synthetic_flowers
from legacy_nets.data.synthetic.digits import make_digits
from legacy_nets.errors import BadInputError
from legacy_nets.train import graph
from legacy_nets.train.recipes import DEFAULTS, count_steps, make_settings
from legacy_nets.train.settings import Settings, load_settings

CHANCE = {"digits": 1 / 10, "clips": 1 / 6, "flowers": 1 / 3}
SMALL_CLIPS = "--frames 4 --image-size 16"
CLIPS = "--frames 4 --image-size 32"
HALF = "--image-size 48 --option width_multiplier=0.5"
TOKENS = "--option embed_dim=32 --option num_heads=2 --option depth=4 --option patch_size=4"
HYBRID = "--option embed_dim=32 --option num_heads=2 --option depth=2 --option width=32"
# net -> data, smaller sizes and fewer steps, margin over chance
RUNS = {
    "demo_cnn": ("digits", "--steps 60", 0.6),
    "resnet_3d": ("clips", f"--steps 80 {SMALL_CLIPS}", 0.1),
    "resnet_3d_2plus1d": ("clips", f"--steps 400 {SMALL_CLIPS}", 0.15),  # at chance up to step 150
    "alexnet_v2": ("flowers", "--steps 100 --image-size 64", 0.3),
    "resnet18": ("flowers", "--steps 60 --image-size 33", 0.4),
    "resnet34": ("flowers", "--steps 60 --image-size 33", 0.3),
    "resnet50": ("flowers", "--steps 60 --image-size 33", 0.15),
    "resnext50_32x4d": ("flowers", "--steps 60 --image-size 33", 0.1),
    "resnet_v2_50": ("flowers", "--steps 80 --image-size 64", 0.25),
    "inception_v3": (
        "flowers",
        "--steps 100 --image-size 107 --option depth_multiplier=0.25",
        0.25,
    ),
    "googlenet": ("flowers", "--steps 60 --image-size 193", 0.15),
    "r3d_18": ("clips", f"--steps 80 {CLIPS}", 0.3),
    "mc3_18": ("clips", f"--steps 80 {CLIPS}", 0.3),
    "r2plus1d_18": ("clips", f"--steps 80 {CLIPS}", 0.1),
    "alexnet_v1": ("flowers", "--steps 100 --image-size 64", 0.25),
    "vgg11": ("flowers", "--steps 80 --image-size 32 --option hidden=64", 0.12),
    "vgg16": ("flowers", "--steps 80 --image-size 32 --option hidden=64", 0.12),
    "vit_base_patch16_224_in21k": ("flowers", f"--steps 150 --image-size 32 {TOKENS}", 0.2),
    "mobilenet_v1": ("flowers", f"--steps 80 {HALF}", 0.12),
    "vit_hybrid_r50_base_224": ("flowers", f"--steps 120 --image-size 64 {HYBRID}", 0.25),
    "mobilenet_v2": ("flowers", f"--steps 80 {HALF}", 0.15),
    "mobilenet_v3_small": ("flowers", f"--steps 80 {HALF}", 0.2),
    "mobilenet_v3_large": ("flowers", f"--steps 80 {HALF}", 0.12),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A function that makes a set once, and returns its folder."""
    folder = tmp_path_factory.mktemp("data")

    def make(name):
        path = folder / name
        if path.exists():
            return path
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(synthetic_flowers, "NAMES", ("daisy", "sunflowers", "tulips"))
            patch.setattr(clips, "CLIPS_PER_CLASS", {"train": 50, "test": 8})
            if name == "digits":
                make_digits(path, (2000, 200))
            elif name == "clips":
                clips.make_clips(path)
            else:
                synthetic_flowers.make_flowers(path, (100, 25))
        return path

    return make


@pytest.mark.parametrize(
    "net",
    [
        pytest.param(net, marks=pytest.mark.slow if net == "demo_cnn" else pytest.mark.rare)
        for net in RUNS
    ],
)
def test_a_net_learns(net, data, tmp_path):
    name, given, margin = RUNS[net]
    done = call(
        *("train", net, "--data", data(name), "--model-dir", tmp_path / "run", *given.split()),
        *("--save-every", "1000", "--evaluate-every", "1000"),
    )
    assert accuracy(done) >= CHANCE[name] + margin


@pytest.mark.parametrize(
    ("net", "side", "options"),
    [
        pytest.param("resnet_v2_50", 33, {}, marks=pytest.mark.slow),
        pytest.param("inception_v3", 107, {"depth_multiplier": 0.1}, marks=pytest.mark.rare),
    ],
)
def test_the_decay_reaches_every_batch_norm(net, side, options):
    """From zero, one step moves a mean by 1 - decay of the batch's: 0.1 or 0.5 of it."""
    means = {}
    for decay in (0.9, 0.5):
        settings = Settings(net, 3, (side, side), options=options, batch_norm_decay=decay)
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(0)
            built = graph.build_net(settings)
            session.run(tf.global_variables_initializer())
            pictures = np.random.default_rng(0).integers(0, 256, (2, side, side, 3))
            feed = {**built.make_feed(pictures.astype(np.float32)), built.is_training: True}
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS), feed)
            moved = [v for v in tf.global_variables() if v.op.name.endswith("moving_mean")]
            means[decay] = session.run(moved)
    assert len(means[0.9]) > 40
    for slow, fast in zip(means[0.9], means[0.5], strict=True):
        assert np.abs(fast).max() > 0
        np.testing.assert_allclose(slow, fast / 5, rtol=1e-3, atol=1e-6)


def test_the_decay_is_for_slim_s_nets():
    settings = Settings("demo_cnn", 3, (28, 28), batch_norm_decay=0.9)
    with tf.Graph().as_default(), pytest.raises(BadInputError, match="--option momentum=0.9"):
        graph.build_net(settings)


def test_every_net_has_a_recipe():
    """The first pattern that matches; every pattern is of use."""
    used = [
        next(pattern for pattern in DEFAULTS if fnmatch.fnmatchcase(net, pattern))
        for net in registry.list_nets()
    ]
    assert set(used) == set(DEFAULTS)


def test_the_recipe_of_hand_signs():
    """With which ``make demo`` reaches 0.975; the document's in its place."""
    net = registry.get_net("hand_signs")
    common = {"net": "hand_signs", "num_classes": 0, "image_size": (64, 64)}
    common["preprocessing"] = "unit"
    assert make_settings(net) == Settings(
        **common,
        steps=500,
        learning_rate=2e-4,
        warmup=30,
        cosine=True,
        ema_decay=0.98,
        augment=Augmentation(),
        options={"keep_prob": 1.0, "initial_std": None, "momentum": 0.9},
    )
    assert make_settings(net, as_document=True) == Settings(**common)
    assert make_settings(net, is_warm=True).learning_rate == 1e-4


@pytest.mark.slow
def test_the_document_s_settings(data, tmp_path):
    """Document 004's script: constant rate, five epochs of steps; what to expect is said."""
    assert count_steps(registry.get_net("demo_cnn"), 2000) == 5 * 63
    assert count_steps(registry.get_net("hand_signs"), 2000) == 1000
    given = ("--data", data("digits"), "--model-dir")
    done = call("train", "demo_cnn", *given, tmp_path / "run", "--as-document", "--steps", "1")
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert "1 steps of 32, learning rate 0.001, unit preprocessing" in lines
    assert sum(line.startswith("the document's settings: made for") for line in lines) == 1
    saved = load_settings(tmp_path / "run")
    assert (saved.steps, saved.warmup, saved.cosine, saved.augment) == (1, 0, False, None)
    resumed = refused("train", "demo_cnn", *given, tmp_path / "run", "--as-document", "--resume")
    assert "--as-document is for a new run: a resumed one keeps its settings" in resumed
