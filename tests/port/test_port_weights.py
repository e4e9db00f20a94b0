"""Targets of weights alone: what is in the file, on the way there, and after a fault."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from port_cases import job, save

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import AVERAGE
from legacy_nets.cli import main
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.port.formats import npz
from legacy_nets.port.formats.torch import target
from legacy_nets.port.pipeline import port
from legacy_nets.registry import get_net

pytestmark = pytest.mark.usefixtures("tiny_nets")
TARGETS = {"npz": ".npz", "safetensors": ".safetensors", "h5": ".h5", "ckpt": "", "torch": ".pth"}
SIZE = (64, 64)


@pytest.fixture(scope="module")
def prefix(tiny_nets, tmp_path_factory):
    """A training checkpoint: slots, moving averages and a step beside the weights."""
    path = str(tmp_path_factory.mktemp("tiny") / "model.ckpt-7")
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *SIZE, 3])
        logits, _ = tiny.tiny(images, 5)
        step = tf.train.get_or_create_global_step()
        train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(logits), step)
        average = tf.train.ExponentialMovingAverage(0.5)
        with tf.control_dependencies([train]):
            train = average.apply(tf.trainable_variables())
        tf.set_random_seed(3)
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(train, {images: np.ones((2, *SIZE, 3))})
        tf.train.Saver().save(session, path, write_meta_graph=False, write_state=False)
    return path


def run(prefix, target, out, **more):
    return port(job(prefix, "tiny", target, out, SIZE, **more))


def weights(path):
    source = open_weights(path)
    return {name: np.array(source.read(name)) for name in source.tensors}


NAMES = {
    *("tiny/conv2d/kernel", "tiny/conv2d/bias", "tiny/dense/kernel", "tiny/dense/bias"),
    *("tiny/bn/gamma", "tiny/bn/beta", "tiny/bn/moving_mean", "tiny/bn/moving_variance"),
}
STATE_DICT = {
    **{"conv2d.weight": "tiny/conv2d/kernel", "conv2d.bias": "tiny/conv2d/bias"},
    **{"dense.weight": "tiny/dense/kernel", "dense.bias": "tiny/dense/bias"},
    **{"bn.weight": "tiny/bn/gamma", "bn.bias": "tiny/bn/beta"},
    **{"bn.running_mean": "tiny/bn/moving_mean", "bn.running_var": "tiny/bn/moving_variance"},
}


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize("target", TARGETS)
def test_a_training_checkpoint_becomes_its_weights(prefix, tmp_path, target, averaged):
    out = tmp_path / f"out{TARGETS[target]}"
    report = run(prefix, target, out, ema=averaged)
    assert report.passed and report.verdict == "8 tensors equal, bit by bit"
    assert report.metadata["weights"] == ("averaged" if averaged else "raw")
    stored = weights(prefix)
    got = weights(out)
    names = STATE_DICT if target == "torch" else dict(zip(NAMES, NAMES, strict=True))
    assert set(got) == set(names)
    for name, ours in names.items():
        trained = averaged and "moving" not in ours
        want = stored[f"{ours}/ExponentialMovingAverage" if trained else ours]
        if target == "torch" and want.ndim > 1:  # [out, in, window]
            want = np.moveaxis(want, (-1, -2), (0, 1))
        np.testing.assert_array_equal(got[name], want, err_msg=name)
    assert sorted(tmp_path.iterdir()) == sorted(tmp_path.glob("out*"))  # no staging directory left


def test_metadata_lie_in_the_files(prefix, tmp_path):
    from safetensors import safe_open

    names = ("a", "b", "c", "d", "é")
    more = {"label_offset": 1, "preprocessing": "inception", "class_names": names}
    run(prefix, "safetensors", tmp_path / "x.safetensors", **more)
    with safe_open(tmp_path / "x.safetensors", "np") as file:  # the library's own reader
        metadata = file.metadata()
        kernel = file.get_tensor("tiny/conv2d/kernel")
    assert metadata["net"] == "tiny" and metadata["label_offset"] == "1"
    assert metadata["preprocessing"] == "inception" and json.loads(metadata["class_names"]) == [
        *names
    ]
    assert metadata["weights"] == "averaged"
    stored = weights(prefix)["tiny/conv2d/kernel/ExponentialMovingAverage"]
    np.testing.assert_array_equal(kernel, stored)
    run(prefix, "npz", tmp_path / "x.npz", **more)
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        assert json.loads(archive.read(npz.METADATA))["label_offset"] == 1
    run(prefix, "ckpt", tmp_path / "x", **more)
    assert json.loads((tmp_path / "x.json").read_text())["image_size"] == [64, 64]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("--image-size", "1"), "at 1x1: Negative dimension size caused by subtracting 8 from 1"),
        (("--image-size", "64x7"), "tiny cannot be built at 64x7"),
        (("--option", "width=-1"), "at 64x64 with the options {'width': -1}: "),
        (("--option", "depth=3"), "tiny takes no option 'depth'"),
        (("--image-size", "80"), "tiny/dense/kernel"),  # the weights are those of 64x64
        (("--option", "width=4"), "tiny/conv2d/kernel"),
    ],
)
def test_settings_that_do_not_fit_the_net_or_its_weights_are_refused(
    prefix, tmp_path, settings, message
):
    out = tmp_path / "x.npz"
    arguments = ["port", prefix, "--net", "tiny", "--to", "npz", "--out", str(out)]
    arguments += ["--num-classes", "5"]
    done = CliRunner().invoke(main, [*arguments, *settings])
    assert done.exit_code == 2 and message in done.output, done.output
    assert list(tmp_path.iterdir()) == []
    done = CliRunner().invoke(main, [*arguments, "--image-size", "64x71"])
    assert done.exit_code == 0 and "without building" not in done.output, done.output
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read(npz.METADATA))["image_size"] == [64, 71]


def test_keras_reads_the_h5_by_the_names_of_its_layers(prefix, tmp_path):
    run(prefix, "h5", tmp_path / "x.h5")
    with tf.Graph().as_default(), tf.Session() as session:
        layer = tf.keras.layers.Dense(5, name="tiny/dense")
        model = tf.keras.Sequential([tf.keras.Input([288]), layer])
        tf.keras.backend.set_session(session)
        model.load_weights(str(tmp_path / "x.h5"), by_name=True)
        got = session.run(layer.kernel)
    want = weights(prefix)["tiny/dense/kernel/ExponentialMovingAverage"]
    np.testing.assert_array_equal(got, want)


def test_no_averages_to_take(tmp_path):
    prefix = save(tmp_path, "tiny")
    with pytest.raises(CheckpointError, match="has no moving averages: use --raw"):
        run(prefix, "npz", tmp_path / "x.npz", ema=True)


@pytest.mark.parametrize(
    ("out", "target", "message"),
    [
        ("nowhere/x.npz", "npz", "is no folder; make it first"),
        ("x.npz", "torch", r"end its name in \.pth"),
        ("folder", "npz", "is a folder, a file is written"),
    ],
)
def test_places_that_do_not_do(prefix, tmp_path, out, target, message):
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInputError, match=message):
        run(prefix, target, tmp_path / out)


def test_a_checkpoint_is_not_overwritten(prefix, tmp_path):
    run(prefix, "ckpt", tmp_path / "x")
    with pytest.raises(BadInputError, match="is a checkpoint already"):
        run(prefix, "ckpt", tmp_path / "x")


def test_a_tensor_that_reads_back_otherwise_is_found(prefix, tmp_path, monkeypatch):
    real = np.lib.format.write_array

    def wrong(file, array, **more):
        real(file, array + (array.shape == (5,)), **more)

    monkeypatch.setattr(np.lib.format, "write_array", wrong)
    (tmp_path / "x.npz").write_bytes(b"old")
    report = run(prefix, "npz", tmp_path / "x.npz")
    assert not report.passed and report.worst.name == "tiny/dense/bias"
    assert report.worst.absolute == pytest.approx(1)
    assert [file.name for file in tmp_path.iterdir()] == ["x.npz"]
    assert (tmp_path / "x.npz").read_bytes() == b"old"


def test_ctrl_c_leaves_the_old_file_alone(prefix, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(npz, "compare_file", stopped)
    (tmp_path / "x.npz").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        run(prefix, "npz", tmp_path / "x.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["x.npz"]
    assert (tmp_path / "x.npz").read_bytes() == b"old"


KILLED = """
import os, signal, sys
count, calls = int(sys.argv.pop(1)), []
real = os.{function}
def counted(*args, **options):
    calls.append(1)
    if len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **options)
os.{function} = counted
sys.path.insert(0, sys.argv.pop(1))
import tiny
tiny.register()
from legacy_nets.cli import main
main(prog_name="legacy-nets")
"""


@pytest.mark.parametrize("function", ["mkdir", "replace", "copy_file_range"])
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's copies, and locks on folders")
def test_sigkill_leaves_the_old_file(prefix, tmp_path, function):
    out = tmp_path / "x.safetensors"
    out.write_bytes(b"old")
    code = KILLED.format(function=function)
    arguments = ["port", prefix, "--net", "tiny", "--to", "safetensors", "--out", str(out)]
    folder = str(Path(tiny.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code, "1", folder, *arguments], capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert out.read_bytes() == b"old"
    left = [path.name for path in tmp_path.iterdir() if path != out]
    assert len(left) == (function != "mkdir")
    port(job(prefix, "tiny", "safetensors", out, SIZE))  # what was left does not disturb
    assert set(weights(out)) == NAMES
    assert list(tmp_path.iterdir()) == [out]  # and goes


@pytest.mark.parametrize("kernel", ["copies", "cannot", "fails", "lies", "stops"])
def test_safetensors_with_and_without_copies_by_the_kernel(prefix, tmp_path, monkeypatch, kernel):
    if kernel == "copies" and not hasattr(os, "copy_file_range"):
        pytest.skip("Linux alone has copy_file_range")
    calls = []

    def copy(source, target, count, start, offset):
        calls.append(count)
        if kernel == "fails":
            raise OSError(errno.EXDEV, "another file system")
        return {"lies": count, "stops": 0}.get(kernel) or 0

    if kernel == "cannot":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    elif kernel != "copies":
        monkeypatch.setattr(os, "copy_file_range", copy, raising=False)
    out = tmp_path / "x.safetensors"
    assert run(prefix, "safetensors", out).passed
    assert len(calls) == (0 if kernel in ("copies", "cannot") else len(NAMES))
    source, ported = open_weights(prefix), weights(out)
    for name in NAMES:
        stored = name + AVERAGE if name + AVERAGE in source.tensors else name
        assert ported[name].tobytes() == source.read(stored).tobytes(), name


def test_a_damaged_checkpoint_is_not_copied(prefix, tmp_path):
    for file in Path(prefix).parent.glob(f"{Path(prefix).name}.*"):
        shutil.copy(file, tmp_path)
    damaged = tmp_path / Path(prefix).name
    data = Path(f"{damaged}.data-00000-of-00001")
    data.write_bytes(bytes(byte ^ 1 for byte in data.read_bytes()))
    with pytest.raises(CheckpointError, match="bad checksum of tiny/"):
        run(str(damaged), "safetensors", tmp_path / "x.safetensors")
    assert not list(tmp_path.glob("*x.safetensors*"))


def test_a_format_that_compares_less_than_it_wrote_is_refused(prefix, tmp_path, monkeypatch):
    real = npz.write

    def write_and_compare_one(path, weights, metadata):
        first, *_ = real(path, weights, metadata)
        yield first

    monkeypatch.setattr(npz, "write", write_and_compare_one)
    with pytest.raises(CheckpointError, match="1 of 8 tensors were compared; the format npz has"):
        run(prefix, "npz", tmp_path / "x.npz")
    assert not (tmp_path / "x.npz").exists()


def test_the_command_imports_no_tensorflow_and_says_what_it_did(prefix, tmp_path):
    out = tmp_path / "x.safetensors"
    code = (
        f"import sys; sys.path.insert(0, {str(Path(tiny.__file__).parent)!r})\n"
        "import tiny, atexit; tiny.register()\n"
        "atexit.register(lambda: print('tensorflow' in sys.modules))\n"
        "from legacy_nets.cli import main; main()"
    )
    report = tmp_path / "r.md"
    done = subprocess.run(
        [
            *(sys.executable, "-c", code, "port", prefix, "--net", "tiny", "--to", "safetensors"),
            *("--out", str(out), "--report", str(report), "--num-classes", "5"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"tiny from {prefix} (averaged weights) to safetensors",
        "  copied without building tiny: check that the weights match it with legacy-nets diff",
        "  8 tensors equal, bit by bit",
        f"verified, tensor by tensor: {out}",
        "False",
    ]
    page = report.read_text()
    assert page.startswith("# tiny as safetensors\n") and "| tiny/dense/bias |  | 5 | 0 |" in page


def test_weights_of_another_net_are_not_ported_under_this_ones_name(prefix, tmp_path):
    out = tmp_path / "x.npz"
    with pytest.raises(
        CheckpointError, match=r"has nothing in demo_cnn's scope my_model/: .*--find-net"
    ):
        port(job(prefix, "demo_cnn", "npz", out, (28, 28)))
    assert not out.exists()
    note = "no weight has 7 classes, as the metadata now state: give --num-classes"
    assert note in run(prefix, "npz", out, num_classes=7).notes
    assert note not in run(prefix, "npz", out, num_classes=5).notes


def test_a_state_dict_says_where_the_nets_differ():
    """PyTorch pads both sides alike, TensorFlow's "SAME" the far side more."""
    (names, padding) = target.describe_target(get_net("resnet18"), {})
    assert "strict=True" in names and "with padding=torch, and" in padding
    assert target.describe_target(get_net("resnet18"), {"padding": "torch"}) == (names,)
    assert "padding=torch, epsilon=1e-05" in target.describe_target(get_net("mobilenet_v2"), {})[1]
    assert target.describe_target(get_net("vgg11"), {}) == (
        names,
    )  # its windows of 3 by 3 are padded alike


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    return save(
        tmp_path_factory.mktemp("net"), "mobilenet_v2", (32, 32), {"width_multiplier": 0.25}
    )


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_torch_names_and_axes_lead_back(mobilenet, tmp_path, ending):
    out = tmp_path / f"x{ending}"
    report = port(job(mobilenet, "mobilenet_v2", "torch", out, (32, 32)))
    assert report.passed and "load it with strict=True" in report.notes[0]
    ported = open_weights(out)
    assert ported.tensors["features.0.0.weight"].shape == (8, 3, 3, 3)
    translated, want = translate_for_net(ported, get_net("mobilenet_v2")), open_weights(mobilenet)
    assert set(translated.tensors) == set(want.tensors)
    for name in want.tensors:
        np.testing.assert_array_equal(translated.read(name), want.read(name), err_msg=name)


@pytest.mark.slow
def test_torch_loads_the_file_and_its_net_takes_it_strictly(mobilenet, tmp_path, torch_python):
    out = tmp_path / "x.pth"
    port(job(mobilenet, "mobilenet_v2", "torch", out, (32, 32)))
    code = (
        "import sys, torch, torchvision\n"
        "state = torch.load(sys.argv[1], weights_only=True)\n"
        "net = torchvision.models.mobilenet_v2(num_classes=5, width_mult=0.25)\n"
        "net.classifier[1] = torch.nn.Linear(state['classifier.1.weight'].shape[1], 5)\n"
        "net.features[18] = torchvision.ops.Conv2dNormActivation(\n"
        "    net.features[18][0].in_channels, state['features.18.0.weight'].shape[0], 1)\n"
        "print(net.load_state_dict(state, strict=True), type(state).__name__)"
    )
    done = subprocess.run(
        [torch_python, "-c", code, str(out)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "<All keys matched successfully> OrderedDict"
