"""``legacy_nets.fast``: every engine computes what the net's own graph computes."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import legacy_nets
from legacy_nets import processor
from legacy_nets import tf1 as tf
from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.engines import choose, fast, table
from legacy_nets.engines.tensorflow import scale_and_shift
from legacy_nets.errors import BadInputError
from legacy_nets.nets.build import build_by_name
from legacy_nets.train.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
IMAGES = scale_pixels(np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8), "unit")


@pytest.fixture(scope="module")
def trained(tiny_nets, tmp_path_factory):
    """A checkpoint whose batch norm has moved, and its probabilities of IMAGES."""
    prefix = str(tmp_path_factory.mktemp("tiny") / "model.ckpt")
    rng = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 64, 64, 3])
        logits, _ = build_by_name("tiny", images)
        for variable in tf.global_variables():
            variable.load(rng.uniform(0.2, 1.2, variable.shape.as_list()), session)
        tf.train.Saver().save(session, prefix, write_meta_graph=False)
        return prefix, session.run(tf.nn.softmax(logits - 3), {images: IMAGES})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Choices of this test are kept in a folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "legacy_nets" / "engines.json"


def skip_without(engine, precision="fp32"):
    missing = table.ENGINES[engine].offers[precision].list_missing()
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


@pytest.mark.parametrize("engine", list(table.ENGINES))
def test_every_engine_computes_the_nets_probabilities(trained, engine):
    skip_without(engine)
    prefix, wanted = trained
    net = legacy_nets.fast("tiny", prefix, engine=engine)
    np.testing.assert_allclose(net(IMAGES), wanted, rtol=0, atol=1e-5)
    assert (net.engine, net.precision, net.preprocessing) == (engine, "fp32", "unit")
    assert net.compare(IMAGES).top1 == 1.0


@pytest.mark.parametrize("engine", ["tensorflow", "openvino"])
@pytest.mark.usefixtures("with_onednn")
def test_bfloat16_is_near(trained, engine, monkeypatch):
    skip_without(engine)
    monkeypatch.setattr(processor, "_BFLOAT16", {"avx2", "avx512f"})  # slow, but it computes
    prefix, wanted = trained
    net = legacy_nets.fast("tiny", prefix, "bf16", engine)
    np.testing.assert_allclose(net(IMAGES), wanted, rtol=0, atol=0.02)


IN_A_NEW_PROCESS = """
import sys
import numpy as np
import legacy_nets
from legacy_nets import processor
processor._BFLOAT16 = {"avx512f"}
net = legacy_nets.fast("demo_cnn", sys.argv[1], sys.argv[2], "tensorflow")
np.save(sys.argv[3], net(np.random.default_rng(0).random((4, 28, 28, 1), np.float32)))
"""


@pytest.mark.skipif(
    "avx512f" not in (processor.examine_processor().features or ()),
    reason="TensorFlow leaves float32 as it is on this processor",
)
def test_bfloat16_of_tensorflow_is_rounded(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        build_by_name("demo_cnn", tf.placeholder(tf.float32, [None, 28, 28, 1]))
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "model"), write_meta_graph=False)
    given = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    outputs = []
    for precision in ("fp32", "bf16"):
        path = str(tmp_path / f"{precision}.npy")
        command = [sys.executable, "-c", IN_A_NEW_PROCESS, prefix, precision, path]
        subprocess.run(command, check=True, env=given, capture_output=True)
        outputs.append(np.load(path))
    assert 1e-6 < np.abs(outputs[0] - outputs[1]).max() < 0.02


def test_bfloat16_of_tensorflow_needs_onednn(trained, monkeypatch):
    monkeypatch.setattr(processor, "_BFLOAT16", {"avx2", "avx512f"})
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    with pytest.raises(BadInputError) as raised:
        legacy_nets.fast("tiny", trained[0], "bf16", "tensorflow")
    assert str(raised.value) == (
        "bf16 with TensorFlow needs oneDNN, which importing legacy_nets.tf1 turns off: "
        "set TF_ENABLE_ONEDNN_OPTS=1 before, or choose another engine"
    )
    if not table.ENGINES["openvino"].offers["bf16"].list_missing():
        assert fast.Choice("bf16", "auto").list_engines() == ["openvino"]


def test_integers_are_near(trained, tmp_path):
    skip_without("openvino", "int8")
    prefix, wanted = trained
    for number, picture in enumerate(IMAGES):
        Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(tmp_path / f"{number}.png")
    net = legacy_nets.fast("tiny", prefix, "int8", calibrate=tmp_path)
    np.testing.assert_allclose(net(IMAGES), wanted, rtol=0, atol=0.05)


def test_the_fastest_engine_that_agrees_is_taken_and_kept(trained, cache, monkeypatch):
    added = {1: 0.0, 2: 0.0}  # threads -> what the engine adds to its outputs
    timed = []

    def load_shifted(net, precision, threads):
        run = table.ENGINES["tensorflow"].load(net, precision, threads)
        return lambda images: run(images) + added[threads]

    def time_by_turns(runs, images):
        assert images.shape == (3, 64, 64, 3)
        timed.append(len(runs))
        return [0.3, 0.1][: len(runs)]

    shifted = dataclasses.replace(table.ENGINES["tensorflow"], load=load_shifted)
    monkeypatch.setattr(choose, "ENGINES", {"tensorflow": shifted})
    monkeypatch.setattr(choose, "_time_by_turns", time_by_turns)
    monkeypatch.setattr(fast, "list_engines", lambda engine, precision: ["tensorflow"])
    prefix, wanted = trained
    net = legacy_nets.fast("tiny", prefix, batch=3)
    assert (net.threads, timed) == (2, [2])
    np.testing.assert_allclose(net(IMAGES), wanted, rtol=0, atol=1e-5)
    assert list(json.loads(cache.read_text()).values()) == [{"engine": "tensorflow", "threads": 2}]
    assert (legacy_nets.fast("tiny", prefix, batch=3).threads, timed) == (2, [2])
    cache.write_text("{")  # a damaged cache costs a measurement
    assert (legacy_nets.fast("tiny", prefix, batch=3).threads, timed) == (2, [2, 2])
    added[2] = 0.01  # so the other is taken: the only one that agrees, which needs no time
    assert (legacy_nets.fast("tiny", prefix, batch=3).threads, timed) == (1, [2, 2])
    monkeypatch.setitem(choose.MAX_DIFFERENCE, "fp32", -1.0)
    with pytest.raises(BadInputError, match="^tiny in fp32: no engine agrees with float32"):
        legacy_nets.fast("tiny", prefix, batch=3)


def test_engines_are_timed_by_turns(monkeypatch):
    """A machine that gets slower meanwhile does not change which engine is the fastest."""
    clock = [0.0]
    order = []

    def make_run(name, seconds):
        def run(images):
            order.append(name)
            clock[0] += seconds * (1 + 2 * clock[0])

        return run

    monkeypatch.setattr(choose.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(choose, "SECONDS", 0.4)
    slow, fastest = choose._time_by_turns([make_run("a", 0.03), make_run("b", 0.02)], IMAGES)
    assert fastest < slow
    turns = [name for name, _ in itertools.groupby(order)]
    assert turns == ["a", "b"] * 4


def test_engines_that_are_close_are_timed_again_without_the_others(monkeypatch):
    seconds = {3: [0.10, 0.11, 0.12], 2: [0.11, 0.10]}  # engines that are timed -> of each
    monkeypatch.setattr(choose, "_time_by_turns", lambda runs, images: seconds[len(runs)])
    rows = [choose.Loaded(choose.Candidate(name, 0), lambda images: images, 0.0) for name in "abc"]
    assert choose._find_fastest(rows, IMAGES).candidate.engine == "b"  # c is 1.2 times as slow
    seconds[3] = [0.10, 0.2, 0.3]  # none is close: a second time is not needed
    assert choose._find_fastest(rows, IMAGES).candidate.engine == "a"
    seconds[3] = [0.10, 0.2, 0.11]
    assert choose._find_fastest(rows, IMAGES).candidate.engine == "c"


def test_a_run_longer_than_the_second_is_timed_once(monkeypatch):
    """A batch of 32 clips takes 10 s: four turns of three engines would take minutes."""
    clock = [0.0]
    lengths = iter([2.0, 3.0])

    def run(images):
        clock[0] += next(lengths)

    monkeypatch.setattr(choose.time, "perf_counter", lambda: clock[0])
    assert choose._time_by_turns([run], IMAGES) == [2.0]
    assert next(lengths) == 3.0


@pytest.mark.parametrize("engine", ["tensorflow", "onnxruntime"])
def test_a_net_with_loops(tmp_path, engine):
    """Its LSTM is unrolled: ONNX has no lists of tensors in loops."""
    skip_without(engine)
    pictures = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 28, 28, 1])
        logits, _ = build_by_name("cnn_lstm", images, num_classes=3)
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "model"), write_meta_graph=False)
        wanted = session.run(tf.nn.softmax(logits), {images: pictures})
    settings = Settings("cnn_lstm", 3, (28, 28))
    net = fast.load_fast(settings, prefix, None, fast.Choice(engine=engine))
    np.testing.assert_allclose(net(pictures), wanted, rtol=0, atol=1e-5)


def test_an_engine_that_cannot_run_the_net_is_passed_over(trained, monkeypatch, capsys):
    def fail(net, precision, threads):
        raise RuntimeError(f"no kernel\nfor {net.name}")

    engines = {**table.ENGINES, "broken": table.Engine(fail, {"fp32": table.Offer()})}
    for module in (table, choose):
        monkeypatch.setattr(module, "ENGINES", engines)
    monkeypatch.setattr(choose, "SECONDS", 0.0)
    monkeypatch.setattr(fast, "list_engines", lambda engine, precision: ["broken", "tensorflow"])
    prefix, wanted = trained
    net = legacy_nets.fast("tiny", prefix)
    assert net.engine == "tensorflow"
    np.testing.assert_allclose(net(IMAGES), wanted, rtol=0, atol=1e-5)
    error = "broken cannot take tiny (RuntimeError: no kernel for tiny): choose another --engine"
    assert capsys.readouterr().err == f"note: broken is not measured: {error}\n"
    monkeypatch.setattr(fast, "list_engines", lambda engine, precision: ["broken"])
    with pytest.raises(BadInputError) as raised:
        legacy_nets.fast("tiny", prefix)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("shape", "layout", "product", "total"),
    [
        ((2, 3, 3, 4), "NHWC", "DepthwiseConv2dNative", "BiasAdd"),
        ((2, 1, 5, 4), "NHWC", "DepthwiseConv2dNative", "BiasAdd"),
        ((2, 2, 3, 3, 4), "NDHWC", "Mul", "AddV2"),
    ],
)
def test_batch_norms_become_what_onednn_fuses(shape, layout, product, total):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *shape[1:]], name="images")
        values = np.random.default_rng(0).uniform(0.5, 2, (4, 4)).astype(np.float32)
        values[0, 1:3] = -0.7, 0.0  # scales of any sign
        normed, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=values[0],
            offset=values[1],
            mean=values[2],
            variance=values[3],
            epsilon=0.1,
            data_format=layout,
            is_training=False,
        )
        tf.nn.relu(normed, name="out")
        inputs = np.random.default_rng(1).normal(size=shape)
        wanted = session.run("out:0", {images: inputs})
        changed = scale_and_shift(graph.as_graph_def())
    ops = {node.op for node in changed.node}
    assert ops == {"Const", "Placeholder", "Relu", product, total}
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(changed, name="")
        got = session.run("out:0", {"images:0": inputs})
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"precision": "fp64"}, "no precision 'fp64'; there are fp32, bf16, int8"),
        (
            {"engine": "torch"},
            "no engine 'torch'; there are auto, tensorflow, onnxruntime, openvino",
        ),
        (
            {"precision": "bf16", "engine": "onnxruntime"},
            "onnxruntime has no bf16: choose tensorflow or openvino",
        ),
        ({"precision": "int8"}, "int8 measures ranges on examples: add --calibrate FOLDER"),
        ({"calibrate": "."}, "--calibrate is for int8; fp32 needs no examples"),
        ({"precision": "int8", "calibrate": "nowhere"}, "--calibrate nowhere is no folder"),
    ],
)
def test_what_cannot_be_had_is_refused(trained, monkeypatch, given, message):
    monkeypatch.setattr(processor, "_BFLOAT16", {"avx2"})
    with pytest.raises(BadInputError) as caught:
        legacy_nets.fast("tiny", trained[0], **given)
    assert str(caught.value) == message


def test_bfloat16_needs_a_processor_that_has_it(trained, monkeypatch):
    monkeypatch.setattr(processor, "_BFLOAT16", set())
    with pytest.raises(BadInputError, match="^bf16: this processor has neither AVX512-BF16 nor"):
        legacy_nets.fast("tiny", trained[0], "bf16")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"engine": "openvino"},
            "fp32 by openvino needs openvino: pip install 'legacy-nets[openvino]'",
        ),
        (
            {"precision": "int8", "calibrate": "."},
            "int8 by openvino needs openvino, nncf: pip install 'legacy-nets[int8]'",
        ),
    ],
)
def test_a_missing_package_is_named(trained, monkeypatch, given, message):
    monkeypatch.setattr(table.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInputError) as caught:
        legacy_nets.fast("tiny", trained[0], **given)
    assert str(caught.value) == message


@pytest.mark.parametrize("batch", [1, 3])
def test_openvino_runs_the_parts_of_a_batch(trained, batch):
    """A batch of any size, whatever size the net was loaded for."""
    skip_without("openvino")
    prefix, wanted = trained
    net = legacy_nets.fast("tiny", prefix, engine="openvino", batch=batch)
    for count in (5, 2, 1):
        np.testing.assert_allclose(net(IMAGES[:count]), wanted[:count], rtol=0, atol=1e-5)
