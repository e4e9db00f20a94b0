"""``train --bf16``: computes in bfloat16; weights, checkpoints and settings are as in float32."""

import json
import os
import subprocess
import sys

import pytest
import small_signs
import tiny
from commands import SHORT, call, refused

from legacy_nets import processor
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.train.settings import FILE


@pytest.fixture(scope="module")
def signs(tmp_path_factory):
    return small_signs.make(tmp_path_factory.mktemp("signs"))


def set_features(monkeypatch, *features):
    """Makes the processor one with these features."""
    found = processor.Processor("a processor", 2, 8.0, list(features))
    monkeypatch.setattr(processor, "examine_processor", lambda: found)


def read_setting(folder, name):
    return json.loads((folder / FILE).read_text())[name]


def train(signs, folder, *options):
    """Trains the tiny net; returns what it printed."""
    done = call("train", "tiny", "--data", signs, "--model-dir", folder, *SHORT, *options)
    assert done.exit_code == 0, done.output
    return done


def run_apart(*arguments):
    """Runs a command in a process of its own.

    In this one oneDNN, which computes in bfloat16, is off where another test imported TensorFlow.
    """
    environment = {name: v for name, v in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    command = [sys.executable, tiny.__file__, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def train_apart(signs, folder, *options):
    """Trains the tiny net apart, and returns what it printed and the weights."""
    given = ("train", "tiny", "--data", signs, "--model-dir", folder, *SHORT, *options)
    done = run_apart(*given)
    weights = open_weights(str(folder))
    return done.stderr, {name: weights.read(name) for name in weights.tensors}


@pytest.mark.parametrize("features", [(), ("avx2", "avx512f", "avx512_vnni", "amx_int8")])
def test_a_processor_without_it_is_refused_first(features, tmp_path, monkeypatch):
    set_features(monkeypatch, *features)
    line = refused("train", "tiny", "--data", "none", "--model-dir", tmp_path / "run", "--bf16")
    assert line == (
        "legacy-nets: --bf16: this processor has neither AVX512-BF16 nor AMX, so it would be "
        "slower: give --no-bf16, or --force-bf16"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("features", [(), ("avx2",), ("avx2", "avx512_vnni")])
def test_one_that_would_compute_in_float32_is_refused(features, tmp_path, monkeypatch):
    set_features(monkeypatch, *features)
    given = ("train", "tiny", "--data", "none", "--model-dir", tmp_path / "run", "--force-bf16")
    assert refused(*given) == (
        "legacy-nets: --force-bf16: this processor has no AVX512F, so TensorFlow would compute in "
        "float32: leave it out, or give --no-bf16"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("with_onednn")
def test_one_that_is_slower_with_it_may_be_forced(tmp_path, monkeypatch):
    """What is refused is the data, which come later."""
    set_features(monkeypatch, "avx2", "avx512f")
    given = ("train", "tiny", "--data", "none", "--model-dir", tmp_path / "run", "--force-bf16")
    assert "no such folder: none" in refused(*given)


@pytest.mark.parametrize("option", ["--bf16", "--force-bf16"])
@pytest.mark.parametrize("job", ["chief", "worker", "evaluator"])
def test_a_cluster_refuses_it(job, option, tmp_path, monkeypatch):
    set_features(monkeypatch, "amx_bf16")
    jobs = {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]}
    config = {"cluster": jobs, "task": {"type": job, "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    line = refused("train", "tiny", "--data", "none", "--model-dir", tmp_path / "run", option)
    assert line == ("legacy-nets: a cluster trains in float32: leave --bf16 out, or give --no-bf16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--bf16", "--force-bf16"])
@pytest.mark.parametrize("value", ["0", "false", "False"])  # as TensorFlow reads it
def test_without_onednn_it_is_refused(option, value, tmp_path, monkeypatch):
    """TensorFlow would compute in float32 and say nothing."""
    set_features(monkeypatch, "avx512f", "amx_bf16")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", value)
    line = refused("train", "tiny", "--data", "none", "--model-dir", tmp_path / "run", option)
    assert line == (
        "legacy-nets: --bf16 needs oneDNN: unset TF_ENABLE_ONEDNN_OPTS, or give --no-bf16"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    not processor.examine_processor().emulates_bfloat16,
    reason="TensorFlow leaves float32 as it is on this processor",
)
@pytest.mark.slow
def test_weights_stay_in_float32(signs, tmp_path):
    """bfloat16 has 8 bits: after four steps of Adam, weights differ by less than four rates."""
    _, exact = train_apart(signs, tmp_path / "exact")
    printed, rounded = train_apart(signs, tmp_path / "rounded", "--force-bf16")
    assert "bfloat16 with weights in float32" in printed
    assert rounded.keys() == exact.keys()
    assert {values.dtype for values in rounded.values()} == {v.dtype for v in exact.values()}
    kernels = [name for name in exact if name.endswith("kernel")]
    assert kernels
    for name in kernels:
        difference = abs(rounded[name] - exact[name]).max()
        assert 0 < difference < 4 * 2 * read_setting(tmp_path / "exact", "learning_rate")


@pytest.mark.slow
@pytest.mark.usefixtures("with_onednn")
def test_a_resumed_run_keeps_it(signs, tmp_path, monkeypatch):
    set_features(monkeypatch, "amx_bf16")
    folder = tmp_path / "run"
    train(signs, folder, "--bf16")
    given = ("train", "tiny", "--model-dir", folder, "--data", signs, "--resume", "--steps", "6")
    assert "bfloat16" in call(*given).stderr and read_setting(folder, "bf16")
    set_features(monkeypatch)
    assert "--bf16: this processor has neither" in refused(*given)
    done = call(*given, "--no-bf16", "--steps", "7")
    assert done.exit_code == 0 and "bf16 True -> False" in done.stderr
    assert not read_setting(folder, "bf16")
