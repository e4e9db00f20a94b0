"""Every net of the registry to every target: small in each run, at full size where it is asked."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

import numpy as np
import pytest
from port_cases import ALL_SIZES, SMALL, job, save

import legacy_nets
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.errors import BadInputError
from legacy_nets.port.formats import frozen
from legacy_nets.port.formats.keras import target as keras_target
from legacy_nets.port.pipeline import port
from legacy_nets.port.restored_net import restore_net
from legacy_nets.port.targets import TARGETS, GraphTarget

pytestmark = pytest.mark.slow
# More of the units of resnet50, resnet_v2_101 and resnext50: in make test-slow.
DEEPEST = ("resnet_v2_152", "resnet_v2_200", "resnet101", "resnet152", "resnext101_32x4d")
SIZES = ("small", "full") if ALL_SIZES else ("small",)
LACKING = {
    name: [package for package in target.packages if importlib.util.find_spec(package) is None]
    for name, target in TARGETS.items()
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((net, size), marks=[pytest.mark.rare] * (net in DEEPEST), id=f"{net}-{size}")
        for net in legacy_nets.list_nets()
        for size in SIZES
    ],
)
def net(request, tmp_path_factory):
    """(name, prefix of a checkpoint, image size, options, classes): written once for all."""
    name, size = request.param
    sides, options = SMALL[name] if size == "small" else (None, {})
    classes = 5 if size == "small" else legacy_nets.get_net(name).num_classes
    folder = tmp_path_factory.mktemp(name)
    yield name, save(folder, name, sides, options, classes), sides, options, classes
    shutil.rmtree(folder)  # up to 2.6 GB


KERAS = """
import sys, keras, numpy as np
print(*[name for name in sys.modules if name.startswith(("legacy_nets", "tf_keras"))], flush=True)
for line in sys.stdin:
    given = np.load(line.strip() + ".npz")
    model = keras.models.load_model(line.strip())
    logits = model.predict(given["inputs"], verbose=0)
    print(np.abs(logits - given["logits"]).max() / np.abs(given["logits"]).max(), flush=True)
    keras.backend.clear_session()
"""


@pytest.fixture(scope="module")
def plain_keras(tmp_path_factory):
    """A process with Keras 3 and without this package: gets a path, says how far it is off."""
    folder = tmp_path_factory.mktemp("keras")
    with subprocess.Popen(
        [sys.executable, "-c", KERAS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,  # not where this package lies
    ) as process:
        assert process.stdout.readline() == "\n"

        def ask(path):
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        yield ask
        process.stdin.close()


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "keras"])
def test_every_net_to_every_target(net, target, tmp_path):
    if LACKING[target]:
        pytest.skip(f"{', '.join(LACKING[target])} is not installed")
    name, prefix, sides, options, classes = net
    out = tmp_path / f"x{TARGETS[target].ending}"
    given = job(prefix, name, target, out, sides, options, classes)
    record = legacy_nets.get_net(name)
    try:
        if (
            sides is None
            and target in ("frozen", "tflite", "openvino")
            and 4 * record.parameters > frozen.MAX_BYTES  # ViT-H
        ):
            with pytest.raises(BadInputError, match="do not fit in a graph"):
                port(given)
            return
        report = port(given)
    finally:
        shutil.rmtree(tmp_path)
    assert report.passed, report.verdict
    names = {item.name for item in report.comparisons}
    if isinstance(TARGETS[target], GraphTarget):
        assert {"logits", "probabilities"} <= names
        assert target in ("onnx", "tflite", "openvino") or len(names) > 3  # end points too


def test_every_keras_model_loads_where_this_package_is_not(net, plain_keras, tmp_path, monkeypatch):
    name, prefix, sides, options, classes = net
    out = tmp_path / "x.keras"
    real = keras_target.run

    def noted(path, restored):
        np.savez(f"{out}.npz", inputs=restored.inputs, logits=restored.reference["logits"])
        yield from real(path, restored)

    monkeypatch.setattr(keras_target, "run", noted)
    report = port(job(prefix, name, "keras", out, sides, options, classes))
    assert report.passed, report.verdict
    assert len(report.comparisons) > 3  # end points too
    assert plain_keras(out) <= 1e-4
    shutil.rmtree(tmp_path)


HAS_LOOP = {"demo_cnn": False, "cnn_lstm": True}


@pytest.mark.parametrize("net", HAS_LOOP)
def test_outputs_without_a_session_are_those_of_a_session(net, tmp_path):
    """Only in a loop variables cannot be fed where they are read: there they are restored."""
    size, options = SMALL[net]
    prefix = save(tmp_path, net, size, options)
    given = job(prefix, net, "keras", tmp_path / "x.keras", size, options)
    with restore_net(given, open_weights(prefix), False) as restored:
        assert (restored.session is not None) == HAS_LOOP[net]
        fetches = {**restored.tensors.end_points, **restored.tensors.outputs}
        feed = {restored.tensors.images: restored.inputs}
        want = restored.get_session().run(fetches, feed)
        assert set(restored.reference) == set(want) > {"logits", "probabilities"}
        for name, value in want.items():
            atol = 1e-6 * np.abs(value).max()
            np.testing.assert_allclose(restored.reference[name], value, rtol=0, atol=atol)
        assert np.ptp(want["logits"]) > 1e-3
