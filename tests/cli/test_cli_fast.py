"""``predict`` and ``evaluate`` with --fast, and by the frozen graph where there are many images."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import call, refused, train_tiny
from PIL import Image

from legacy_nets import processor
from legacy_nets.cli.inference import scoring
from legacy_nets.engines import fast_net as engine

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Choices of this test are kept in a folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    train_tiny(folder)
    return folder / "run"


@pytest.fixture
def signs(trained):
    return trained.parent / "signs"


def evaluate(signs, trained, tmp_path, *more):
    given = ("evaluate", "tiny", "--checkpoint", trained, "--data", signs, "--json")
    done = call(*given, "--output", tmp_path, *more)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), done.stderr.splitlines()


def test_evaluate_names_the_engine_and_gives_the_same(signs, trained, tmp_path):
    plain, _ = evaluate(signs, trained, tmp_path)
    fast, lines = evaluate(signs, trained, tmp_path, "--fast", "--engine", "tensorflow")
    assert lines[-1] == "fp32 by tensorflow"
    assert fast == plain


def test_the_frozen_graph_scores_many_images(signs, trained, tmp_path, monkeypatch):
    plain, _ = evaluate(signs, trained, tmp_path)
    used = []
    load = scoring.load_fast
    monkeypatch.setattr(scoring, "load_fast", lambda *given: used.append(given[-1]) or load(*given))
    monkeypatch.setattr(scoring, "MANY", 12)
    frozen, lines = evaluate(signs, trained, tmp_path)
    assert used == [scoring.PLAIN] and frozen == plain
    assert not any("fp32" in line for line in lines)


@pytest.mark.usefixtures("with_onednn")
def test_predict_takes_fast_before_an_image(signs, trained, tmp_path, monkeypatch):
    image = tmp_path / "sign.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(image)
    given = ("predict", "tiny", "--checkpoint", trained, "--json")
    plain = json.loads(call(*given, image).stdout)
    monkeypatch.setattr(processor, "_BFLOAT16", {"avx2"})
    for precision, atol in (("", 1e-5), ("bf16", 0.02)):
        done = call(*given, "--engine", "tensorflow", "--fast", *filter(None, [precision]), image)
        assert done.exit_code == 0, done.output
        [row], [wanted] = json.loads(done.stdout), plain
        for name, value in wanted["probabilities"].items():
            assert row["probabilities"][name] == pytest.approx(value, abs=atol)
    assert done.stderr.splitlines()[-1].startswith(
        "bf16 by tensorflow: 100.0% of 1 images have the class of fp32; the largest difference of"
    )


@pytest.mark.usefixtures("with_onednn")
def test_a_precision_that_is_not_near_is_not_to_be_trusted(signs, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "_BFLOAT16", {"avx2"})
    monkeypatch.setattr(engine, "ENOUGH", 1.01)
    given = ("--fast", "bf16", "--engine", "tensorflow")
    _, lines = evaluate(signs, trained, tmp_path, *given)
    assert lines[-1].endswith(": below 99%, so do not trust it for this net")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--engine", "openvino"), "--engine is for --fast: add --fast, or leave it out"),
        (("--calibrate", "."), "--calibrate is for --fast: add --fast, or leave it out"),
        (("--fast", "int8"), "int8 measures ranges on examples: add --calibrate FOLDER"),
        (
            ("--fast", "--features", "flat", "--out", "x.npz"),
            "--features is an end point of the plain graph: leave out --fast",
        ),
    ],
)
def test_options_that_do_not_go_together(trained, given, message):
    line = refused("predict", "tiny", "--checkpoint", trained, "x.png", *given)
    assert line.endswith(f": {message}")
