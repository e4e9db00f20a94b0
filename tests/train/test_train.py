"""The training loop, on a tiny net: log, checkpoints, averages, resume, faults."""

import csv
import dataclasses
import json
import os
import signal

import numpy as np
import pytest
import tiny
from rich.console import Console

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints, read_bundle
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.class_indices import read_class_indices
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Images
from legacy_nets.errors import BadInputError, CheckpointError, TrainingError
from legacy_nets.train import evaluate, graph, loop, report
from legacy_nets.train.settings import Settings, WarmStart, load_settings

QUIET = Console(quiet=True)


@pytest.fixture(autouse=True)
def tiny_net():
    undo = tiny.register()
    yield
    undo()


def coloured(count):
    """Six classes that differ in colour: learnt in a few steps."""
    labels = np.arange(count) % 6
    colours = np.random.RandomState(0).randint(0, 256, (6, 3))
    noise = np.random.RandomState(count).randint(-20, 20, (count, 64, 64, 3))
    pictures = np.clip(colours[labels][:, None, None] + noise, 0, 255).astype(np.uint8)
    return Images(pictures, labels.astype(np.int64))


DATA = ImageData(
    name="coloured squares",
    train=coloured(48),
    test=coloured(18),
    class_names=tuple("abcdef"),
    mirror_classes=frozenset(range(6)),
)


def settings(**changes):
    base = Settings(
        net="tiny",
        num_classes=6,
        image_size=(64, 64),
        class_names=DATA.class_names,
        steps=20,
        batch_size=16,
        learning_rate=0.02,
        save_every=8,
        evaluate_every=10,
    )
    return dataclasses.replace(base, **changes)


def train(folder, resume=False, **changes):
    return loop.train(settings(**changes), DATA, folder, resume=resume, console=QUIET)


def weights(prefix):
    bundle = read_bundle(prefix)
    return {name: bundle.read(name) for name in bundle.tensors}


def same(first, second):
    return first.keys() == second.keys() and all(
        first[name].tobytes() == second[name].tobytes() for name in first
    )


def test_a_run_leaves_what_it_promises(tmp_path):
    result = train(tmp_path, steps=30, ema_decay=0.9)
    assert result.step == 30 and result.stopped_by is None
    assert result.checkpoint == str(tmp_path / "model.ckpt-30")
    assert result.test_accuracy >= 0.9  # the squares can be told apart
    steps = [step for step, _ in list_complete_checkpoints(tmp_path)]
    assert steps[-2:] == [24, 30] and set(steps) <= {8, 10, 16, 20, 24, 30}
    assert tf.train.latest_checkpoint(str(tmp_path)) == result.checkpoint
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["10", "20", "30"]
    assert float(rows[-1]["test_accuracy"]) == result.test_accuracy
    assert float(rows[0]["loss"]) > float(rows[-1]["loss"]) > 0
    assert float(rows[0]["test_loss"]) > float(rows[-1]["test_loss"]) > 0
    assert read_class_indices(tmp_path / "class_indices.json") == tuple("abcdef")
    best = json.loads((tmp_path / "best.json").read_text())
    assert (best["step"], best["test_accuracy"]) == (result.best_step, result.best_accuracy)
    assert result.best_step in steps
    assert load_settings(tmp_path) == settings(steps=30, ema_decay=0.9)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
    stored = weights(result.checkpoint)
    assert "tiny/conv2d/kernel/Adam" in stored and "adam_optimizer/beta1_power" in stored
    assert stored["global_step"] == 30


def test_events_hold_scalars_graph_and_mistakes(tmp_path):
    train(tmp_path, steps=10, learning_rate=1e-6)  # so that mistakes are left to show
    [path] = (tmp_path / "events").iterdir()
    tags, graphs = {}, 0
    for event in tf.train.summary_iterator(str(path)):
        graphs += bool(event.graph_def)
        for value in event.summary.value:
            tags[value.tag] = value
    assert graphs == 1
    assert {*report.COLUMNS[1:], "mistakes"} == set(tags)
    assert tags["mistakes"].image.encoded_image_string.startswith(b"\x89PNG")
    assert tags["images_per_second"].simple_value > 0


def test_the_averages_are_evaluated_and_the_raw_weights_kept(tmp_path):
    result = train(tmp_path, steps=6, ema_decay=0.6, learning_rate=0.05, evaluate_every=3)
    stored = weights(result.checkpoint)
    name = "tiny/dense/kernel"
    assert abs(stored[name] - stored[f"{name}/ExponentialMovingAverage"]).max() > 1e-3
    scores = {}
    for ema in (True, False, None):
        with evaluate.restore_net(settings(), result.checkpoint, ema) as (net, session, averaged):
            assert averaged is (ema is not False)
            scores[ema] = evaluate.Evaluation(DATA.test.labels, net.score(session, DATA.test))
            kernel = next(v for v in net.variables if v.op.name == name)
            want = stored[name if ema is False else f"{name}/ExponentialMovingAverage"]
            np.testing.assert_array_equal(session.run(kernel), want)
    assert scores[True].accuracy == result.test_accuracy
    assert (scores[True].probabilities == scores[None].probabilities).all()
    assert (scores[True].probabilities != scores[False].probabilities).any()
    assert scores[True].count_confusions().sum(1).tolist() == [3] * 6


def test_a_moving_average_is_what_the_formula_says(tmp_path):
    """average <- d * average + (1 - d) * weight, with d = min(decay, (1 + step) / (10 + step))."""
    snapshots = []
    with tf.Graph().as_default(), tf.Session() as session:
        net = graph.build_training(settings(ema_decay=0.3))
        weight, average = next(iter(net.averages.items()))
        weight = weight.deref()
        session.run(tf.global_variables_initializer())
        want = session.run(weight)
        for step in range(1, 4):
            feed = net.make_feed(DATA.train.pictures[:6])
            feed |= {net.labels: DATA.train.labels[:6], net.is_training: True}
            session.run(net.train_step, feed)
            decay = min(0.3, (1 + step) / (10 + step))
            want = decay * want + (1 - decay) * session.run(weight)
            snapshots.append((session.run(average), want))
    for got, want in snapshots:
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_same_seed_same_bits_other_seed_other_bits(tmp_path):
    options = {"steps": 7, "augment": Augmentation(zoom=0.1, rotate=10), "ema_decay": 0.9}
    runs = [
        weights(train(tmp_path / name, seed=seed, **options).checkpoint)
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    ]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


@pytest.mark.slow
def test_same_seed_same_bits_for_hand_signs(tmp_path):
    """Dropout, Adam, batch norm and 53 convolutions on two threads: still the same bits."""
    given = {"net": "hand_signs", "steps": 3, "batch_size": 4, "ema_decay": 0.9}
    runs = [weights(train(tmp_path / name, **given).checkpoint) for name in "ab"]
    assert len(runs[0]) == 565 + 155 + 1  # the document's, the averages, the step
    assert same(*runs)


@pytest.mark.slow
def test_resume_goes_on_as_if_nothing_had_happened(tmp_path):
    whole = train(tmp_path / "whole", steps=13, save_every=5)
    train(tmp_path / "parts", steps=5, save_every=5)
    parts = train(tmp_path / "parts", steps=13, save_every=5, resume=True)
    assert same(weights(whole.checkpoint), weights(parts.checkpoint))
    index = tmp_path / "parts" / "model.ckpt-13.index"
    written = index.stat().st_mtime_ns
    again = train(tmp_path / "parts", steps=13, save_every=5, resume=True)
    assert index.stat().st_mtime_ns == written  # a whole checkpoint is not written again
    assert (again.step, again.checkpoint) == (13, parts.checkpoint)
    steps = [row["step"] for row in report.read_log(tmp_path / "parts" / "log.csv")]
    assert steps == [5, 10, 13]


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_resume_passes_over_a_broken_checkpoint(tmp_path, damage):
    train(tmp_path, steps=10, save_every=5)
    data = tmp_path / "model.ckpt-10.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    if damage == "cut":
        del content[100:]
    else:
        content[len(content) // 2] ^= 0xFF
    data.write_bytes(content)
    console = Console(record=True, width=200, file=open(os.devnull, "w"))
    result = loop.train(settings(steps=12), DATA, tmp_path, resume=True, console=console)
    printed = console.export_text()
    assert "skipped" in printed and "model.ckpt-10" in printed
    assert f"resumed from {tmp_path / 'model.ckpt-5'}" in printed
    assert result.step == 12


@pytest.mark.slow
def test_a_run_is_not_overwritten_nor_resumed_as_another(tmp_path):
    train(tmp_path, steps=2)
    before = weights(str(tmp_path / "model.ckpt-2"))
    with pytest.raises(
        BadInputError, match=r"holds a run already \(step 2\): continue it with --resume"
    ):
        train(tmp_path, steps=3)
    for name, value in (("ema_decay", 0.9), ("seed", 5), ("trainable", ("tiny/dense",))):
        with pytest.raises(BadInputError, match=f"was trained with {name} = "):
            train(tmp_path, steps=3, resume=True, **{name: value})
    assert same(before, weights(str(tmp_path / "model.ckpt-2")))
    (tmp_path / "training.json").unlink()
    with pytest.raises(CheckpointError, match=r"model\.ckpt-2 does not match the graph"):
        train(tmp_path, steps=3, resume=True, options={"width": 9})
    (tmp_path / "training.json").write_text('{"net": "tiny"}')
    with pytest.raises(BadInputError, match=r"training\.json is damaged"):
        train(tmp_path, steps=3, resume=True)


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="model folder .* cannot be written"):
        train(tmp_path / "file" / "run")


def test_a_loss_that_is_not_finite_stops_with_the_last_good_checkpoint(tmp_path):
    message = r"loss is (nan|inf) at step 6; the last good checkpoint is .*model\.ckpt-4: try"
    with pytest.raises(TrainingError, match=message):
        train(tmp_path, steps=9, save_every=4, options={"explode": 6})
    assert [step for step, _ in list_complete_checkpoints(tmp_path)] == [4]
    with pytest.raises(TrainingError, match="at step 1; none was saved"):
        train(tmp_path / "b", steps=9, save_every=4, options={"explode": 1})


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    """At a learning rate of 1e38 the first update already spoils the weights."""
    with pytest.raises(TrainingError, match="weights are not finite after step 1; none was saved"):
        train(tmp_path, steps=9, save_every=1, learning_rate=float("inf"))
    assert list_complete_checkpoints(tmp_path) == []


def test_the_checkpoint_before_weights_that_are_not_finite_is_good(tmp_path):
    """Its weights are finite, and so was the loss that they gave in the next step."""
    train(tmp_path, steps=2, save_every=1)
    message = r"weights are not finite after step 3; the last good checkpoint is .*ckpt-2: try a"
    with pytest.raises(TrainingError, match=message):
        train(tmp_path, steps=9, save_every=1, learning_rate=float("inf"), resume=True)
    assert [step for step, _ in list_complete_checkpoints(tmp_path)] == [1, 2]


def test_a_checkpoint_whose_next_loss_is_not_finite_is_not_called_good(tmp_path):
    message = r"at step 6; the last good checkpoint is .*model\.ckpt-4, .*model\.ckpt-5 leads here"
    with pytest.raises(TrainingError, match=message):
        train(tmp_path, steps=9, save_every=1, options={"explode": 6})


def test_a_stale_best_is_not_believed(tmp_path):
    (tmp_path / "best.json").write_text('{"step": 99, "test_accuracy": 2.0}')
    result = train(tmp_path, steps=10)
    assert result.best_step == 10 and result.best_accuracy <= 1
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 10


def test_averages_that_are_not_there_are_not_claimed(tmp_path):
    prefix = train(tmp_path / "a", steps=1).checkpoint
    with pytest.raises(CheckpointError, match="no moving averages: use --raw"):
        with evaluate.restore_net(settings(), prefix, ema=True):
            pass
    with pytest.raises(CheckpointError, match="no moving averages: leave --warm-start-ema out"):
        train(tmp_path / "b", warm_start=WarmStart(prefix, ema=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 5}, "--option num_classes: that is set by the command itself"),
        ({"width": "wide"}, r"tiny cannot be built at 64x64 with the options .*wide"),
        ({"speed": 1}, "tiny takes no option 'speed'"),
    ],
)
def test_options_that_cannot_be_are_one_line(tmp_path, options, message):
    with pytest.raises(BadInputError, match=message) as caught:
        train(tmp_path, options=options)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_warm_start_takes_weights_but_no_slots_and_leaves_the_excluded_fresh(tmp_path):
    first = weights(train(tmp_path / "a", steps=5).checkpoint)
    source = WarmStart(str(tmp_path / "a" / "model.ckpt-5"), exclude=("tiny/dense",))
    # a learning rate of nothing shows the start itself
    start = train(tmp_path / "b", steps=1, learning_rate=0.0, warm_start=source, seed=9)
    second = weights(start.checkpoint)
    fresh = weights(train(tmp_path / "c", steps=1, learning_rate=0.0, seed=9).checkpoint)
    assert (second["tiny/conv2d/kernel"] == first["tiny/conv2d/kernel"]).all()
    assert (second["tiny/dense/kernel"] == fresh["tiny/dense/kernel"]).all()
    assert second["global_step"] == 1
    beta1 = second["adam_optimizer/beta1_power"]
    np.testing.assert_allclose(beta1, 0.81, atol=1e-6)  # 0.9 ** 2: Adam started from scratch
    with pytest.raises(CheckpointError, match="no_such"):
        train(tmp_path / "d", warm_start=WarmStart(source.checkpoint, exclude=("no_such",)))


def test_trainable_scopes(tmp_path):
    first = weights(train(tmp_path / "a", steps=3).checkpoint)
    start = WarmStart(str(tmp_path / "a" / "model.ckpt-3"))
    second = weights(
        train(tmp_path / "b", steps=3, trainable=("tiny/dense",), warm_start=start).checkpoint
    )
    assert (first["tiny/conv2d/kernel"] == second["tiny/conv2d/kernel"]).all()
    assert (first["tiny/dense/kernel"] != second["tiny/dense/kernel"]).any()
    assert "tiny/conv2d/kernel/Adam" not in second
    with pytest.raises(BadInputError, match="--trainable 'tiny/fc' matches no variable"):
        train(tmp_path / "c", trainable=("tiny/fc",))


def test_cosine_falls_to_zero():
    with tf.Graph().as_default(), tf.Session() as session:
        net = graph.build_training(settings(cosine=True, steps=10, learning_rate=0.5))
        session.run(tf.global_variables_initializer())
        kernel = net.variables[0]
        feed = net.make_feed(DATA.train.pictures[:6])
        feed |= {net.labels: DATA.train.labels[:6], net.is_training: True}
        moves = []
        for _ in range(12):
            before = session.run(kernel)
            session.run(net.train_step, feed)
            moves.append(abs(session.run(kernel) - before).max())
    assert moves[0] > 0.4 and moves[10] == moves[11] == 0


def test_stop_requests_save_and_say_so(tmp_path, monkeypatch):
    """A SIGTERM in the middle of step 3: the step is finished, saved, and the run ends."""
    real = graph.NetGraph.make_feed
    calls = []

    def feed(self, pictures):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(self, pictures)

    monkeypatch.setattr(graph.NetGraph, "make_feed", feed)
    result = train(tmp_path)
    assert (result.step, result.stopped_by) == (3, "SIGTERM")
    assert result.checkpoint.endswith("model.ckpt-3")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_settings_of_older_versions_are_read(tmp_path):
    """They call the preprocessing "pixels", or do not record it."""
    settings(preprocessing="vgg").save(tmp_path)
    path = tmp_path / "training.json"
    values = json.loads(path.read_text())
    assert values["preprocessing"] == "vgg" and "pixels" not in values
    values["pixels"] = values.pop("preprocessing")
    path.write_text(json.dumps(values))
    assert load_settings(tmp_path) == settings(preprocessing="vgg")
    del values["pixels"]
    path.write_text(json.dumps(values))
    assert load_settings(tmp_path) == settings(preprocessing="unit")  # the registry's
